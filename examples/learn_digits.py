"""A spiking network learns handwritten digits by dopamine-modulated plasticity.

python examples/learn_digits.py --epochs 20
"""

from __future__ import annotations

import argparse

from tegmentum.datasets import load
from tegmentum.plasticity import Adam, Learner, naca


def main() -> None:
    """Learn, and print the accuracy on held-out digits after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=1000, help="hidden neurons")
    parser.add_argument("--epochs", type=int, default=20, help="passes over the data")
    parser.add_argument("--seed", type=int, default=0, help="of weights, dopamine, order and input spikes")
    parser.add_argument("--threads", type=int, default=2, help="no result depends on it")
    options = parser.parse_args()

    digits = load("digits")
    network = naca(digits.n_features, [options.hidden], digits.n_classes, optimiser=Adam(lr=1e-3))
    learner = Learner(network, n_ticks=20, batch=32, seed=options.seed, threads=options.threads)
    for epoch in range(1, options.epochs + 1):
        work = learner.learn(digits.x_train, digits.y_train, digits.x_max, epoch)
        accuracy = (learner.predict(digits.x_test, digits.x_max) == digits.y_test).mean()
        print(f"epoch {epoch}: test accuracy {accuracy:.4f}, {work.synaptic_events:.2e} synaptic events")


if __name__ == "__main__":
    main()
