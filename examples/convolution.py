r"""A convolutional layer of spiking neurons learns features of handwritten digits by STDP, its weights shared.

Each pixel spikes twice in a trial, the earlier the brighter in one channel and the darker in the other. Neurons of
different maps at one place inhibit each other, so that mostly the first to spike learns there: arrivals before its
spike gain, later ones lose. At the end of a trial the changes of all places are summed in the kernel. Thresholds keep
all maps at work. No label is seen. A linear read-out (ridge regression) then learns classes from spikes that are summed
over quarters of the image. The control is the same read-out of the same layer, thresholds included, whose kernel stays
as it was drawn.

python examples/convolution.py --seeds 5
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from tegmentum.datasets import load
from tegmentum.plasticity import DopamineSTDP
from tegmentum.simcore import (
    Conv2D,
    Expected,
    FromCOO,
    HomeostaticLIF,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
)
from tegmentum.simcore.encode import latency

SIDE, SIZE, N_TICKS, SPAN = 8, 5, 100, 80  # pixels, ticks of 1 ms
PLACES = SIDE - SIZE + 1
Array = np.ndarray[Any, Any]


def layer(n_maps: int, rate: float, seed: int) -> Network:
    """Describe pixels and maps, whose kernel learns at ``rate``.

    STDP waits in eligibilities for the end of the trial, when the modulator, whatever was seen, is released.
    """
    rng = np.random.default_rng(seed)
    pixels = SpikeTrain("pixels", SIDE * SIDE * 2, [], [])
    share = 2.0 / n_maps  # of trials in which a neuron is to spike: two neurons at each place
    neuron = HomeostaticLIF(
        tau_m=40.0, tau_s=10.0, v_thresh=8.0, rate=0.1, target=share, least=0.5, floor=-1e3
    )
    maps = Population("maps", PLACES * PLACES * n_maps, neuron, update="stepped")
    always = Modulator("always", source=Expected("kind", [[1.0]], tonic=0.0, scale=1.0))
    rule = DopamineSTDP(
        always, tau_plus=30.0, tau_minus=30.0, a_plus=rate, a_minus=rate, w_max=1.0, soft=True
    )
    place, number = np.divmod(np.arange(maps.size), n_maps)
    pre, post = np.nonzero((place[:, None] == place) & (number[:, None] != number))
    conv = Conv2D(rng.uniform(0.3, 0.7, (SIZE, SIZE, 2, n_maps)), (SIDE, SIDE, 2))
    return Network(
        pixels,
        maps,
        Projection(pixels, maps, conv, receptor="exc", plasticity=rule, name="conv"),
        Projection(maps, maps, FromCOO(pre, post), -100.0, receptor="inh", name="lateral"),
    )


def features(simulation: Simulation, x: Array, x_max: int, learning: float = 0.0) -> Array:
    """Show images and return the spikes of each, pooled over quarters of the image, [image, feature]."""
    both = np.stack([x, x_max - x], axis=-1).reshape(len(x), -1)
    start, n = simulation.tick, simulation.network["maps"].size
    presented = simulation.present(
        latency(both, x_max, N_TICKS, span=SPAN),
        kinds=np.zeros(len(x), int),
        learning=learning,
        record=Record(spikes=["maps"]),
    )
    spikes, half = presented.record.spikes["maps"], PLACES // 2
    counts = np.zeros((len(x), n))
    np.add.at(counts, ((spikes.tick - start - 1) // N_TICKS, spikes.neuron), 1.0)
    return counts.reshape(len(x), 2, half, 2, half, -1).sum(axis=(2, 4)).reshape(len(x), -1)


def accuracy(train: Array, labels: Array, test: Array, answers: Array) -> float:
    """Return the share of test samples that a ridge regression classifies rightly."""
    mean, std = train.mean(axis=0), train.std(axis=0) + 1e-6
    a, b = (np.column_stack([(x - mean) / std, np.ones(len(x))]) for x in (train, test))
    w = np.linalg.solve(a.T @ a + 10.0 * np.eye(a.shape[1]), a.T @ np.eye(10)[labels])
    return float(np.mean(np.argmax(b @ w, axis=1) == answers))


def main() -> None:
    """Learn, and print the accuracy on held-out digits beside that of the kernel as drawn and of the pixels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=64, help="features")
    parser.add_argument("--rate", type=float, default=0.01, help="rate of learning")
    parser.add_argument("--epochs", type=int, default=1, help="passes over the data")
    parser.add_argument("--seeds", type=int, default=3, help="runs, of seeds 1, 2, ...")
    parser.add_argument("--limit", type=int, help="images to learn from")
    options = parser.parse_args()

    digits = load("digits")
    x, y = digits.x_train[: options.limit], digits.y_train[: options.limit]
    test, answers = digits.x_test, digits.y_test
    print(f"{len(x)} digits, {len(test)} to test, {options.maps} maps; accuracy (spikes an image)")
    found: dict[str, list[float]] = {"learned": [], "frozen": []}
    for seed in range(1, options.seeds + 1):
        line = f"seed {seed}:"
        for name, rate in (("learned", options.rate), ("frozen", 0.0)):
            simulation = Simulation(layer(options.maps, rate, seed), dt=1.0, seed=seed, max_rate=1e6)
            order = np.random.default_rng(seed)
            for _ in range(options.epochs):
                features(simulation, x[order.permutation(len(x))], digits.x_max, learning=1.0)
            seen, held_out = features(simulation, x, digits.x_max), features(simulation, test, digits.x_max)
            found[name].append(accuracy(seen, y, held_out, answers))
            line += f" {name} {found[name][-1]:.4f} ({held_out.sum(axis=1).mean():.1f})"
        print(line, flush=True)
    for name, values in found.items():
        print(f"{name}: {np.mean(values):.4f} +- {np.std(values, ddof=min(1, len(values) - 1)):.4f}")
    print(f"pixels themselves: {accuracy(x.astype(float), y, test.astype(float), answers):.4f}")


if __name__ == "__main__":
    main()
