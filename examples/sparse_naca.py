"""NACA where windows cannot go: a sparse hidden layer with delays and recurrence learns digits, tick by tick.

python examples/sparse_naca.py --epochs 15
"""

from __future__ import annotations

import argparse

from tegmentum.datasets import load
from tegmentum.plasticity import (
    Adam,
    Dopamine,
    ErrorDriven,
    Expectation,
    Frozen,
    Learner,
    Modulated,
    NacaReceptor,
    StateDifference,
)
from tegmentum.simcore import (
    DiscreteLIF,
    FixedIndegree,
    FixedProbability,
    Network,
    Normal,
    Population,
    Projection,
    SpikeTrain,
    Uniform,
)


def network(n_inputs: int, n_hidden: int, n_classes: int, optimiser: Adam) -> Network:
    """Describe pixels, hidden neurons with fixed recurrent synapses, and one output neuron for each class."""
    local = StateDifference()
    dopamine = Modulated(Dopamine(Expectation(n_classes)), NacaReceptor(), local, optimiser)
    error = ErrorDriven(local, optimiser)
    pixels = SpikeTrain("pixels", n_inputs, [], [])
    hidden = Population("hidden", n_hidden, DiscreteLIF())
    output = Population("output", n_classes, DiscreteLIF())
    sparse, reach = FixedProbability(0.3), (0.3 * n_inputs) ** -0.5
    return Network(
        pixels,
        hidden,
        output,
        Projection(
            pixels, hidden, sparse, Uniform(-reach, reach), delay=Uniform(1.0, 4.0), plasticity=dopamine
        ),
        Projection(
            hidden, hidden, FixedIndegree(10), Normal(0.0, 0.1), delay=Uniform(1.0, 4.0), plasticity=Frozen()
        ),
        Projection(
            hidden,
            output,
            FixedProbability(0.5),
            Uniform(-0.1, 0.1),
            delay=Uniform(1.0, 3.0),
            plasticity=error,
        ),
    )


def main() -> None:
    """Learn, and print the accuracy on held-out digits after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=300, help="hidden neurons")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the data")
    parser.add_argument("--seed", type=int, default=0, help="of synapses, dopamine, order and input spikes")
    parser.add_argument("--threads", type=int, default=2, help="no result depends on it")
    options = parser.parse_args()

    digits = load("digits")
    described = network(digits.n_features, options.hidden, digits.n_classes, Adam(lr=1e-3))
    learner = Learner(described, n_ticks=20, batch=32, seed=options.seed, threads=options.threads)
    for epoch in range(1, options.epochs + 1):
        work = learner.learn(digits.x_train, digits.y_train, digits.x_max, epoch)
        accuracy = (learner.predict(digits.x_test, digits.x_max) == digits.y_test).mean()
        print(f"epoch {epoch}: test accuracy {accuracy:.4f}, {work.synaptic_events:.2e} synaptic events")


if __name__ == "__main__":
    main()
