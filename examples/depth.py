"""Several spiking hidden layers without weight transport: NACA, its closed loop, short cuts, controls of equal width.

python examples/depth.py --seeds 0 1 2

One line for each run, and a table of means over seeds with the least and the largest. The full table takes about
half an hour of one core; --only takes some of its rows.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from tegmentum.datasets import Dataset, load
from tegmentum.plasticity import Adam, Anticipation, Learner, naca


class Setting(NamedTuple):
    """A row of the table; the width of a layer is a multiple of ``--width``."""

    rule: str
    layers: tuple[int, ...]
    shortcuts: bool
    lr: float
    gain: float = 1.0
    kappa: float | None = None
    ahead: str | None = None  # source of what is expected before the input


NACA, ERROR = (
    1e-3,
    3e-4,
)  # chosen on images 20,000 to 22,999 of MNIST's training set: better than 1e-4, and than 1e-3
SETTINGS = {
    "naca-1": Setting("naca", (1,), False, NACA),
    "naca-3": Setting("naca", (1,) * 3, False, NACA),
    "naca-5": Setting("naca", (1,) * 5, False, NACA),
    "naca-short-3": Setting("naca", (1,) * 3, True, NACA),
    "naca-short-5": Setting("naca", (1,) * 5, True, NACA),
    "error-1": Setting("naca-error", (1,), False, ERROR),
    "error-3": Setting("naca-error", (1,) * 3, False, ERROR),
    "error-5": Setting("naca-error", (1,) * 5, False, ERROR),
    "error-short-3": Setting("naca-error", (1,) * 3, True, ERROR),
    "error-short-5": Setting("naca-error", (1,) * 5, True, ERROR),
    "error-wide-3": Setting("naca-error", (3,), False, ERROR),
    "error-wide-5": Setting("naca-error", (5,), False, ERROR),
    "frozen-short-5": Setting("frozen", (1,) * 5, True, NACA, 5.0),
    **{f"mix-{k:g}": Setting("naca-mix", (1, 1), False, ERROR, kappa=k) for k in (0.0, 0.1, 0.5, 1.0)},
    "error-2": Setting("naca-error", (1, 1), False, ERROR),
    **{f"{k}-2": Setting("naca-error", (1, 1), False, ERROR, ahead=k) for k in ("own", "label")},
}


class Outcome(NamedTuple):
    """What a run came to: accuracies in percent, and the events of the last epoch."""

    first: float  # on the test images after the first epoch
    last: float  # and after the last
    noisy: float  # in the end, with a tenth of the pixels replaced by random ones
    events: float  # synaptic events of a training image


def run(setting: Setting, data: Dataset, options: argparse.Namespace, seed: int) -> Outcome:
    """Learn, and test."""
    hidden = [n * options.width for n in setting.layers]
    ahead = None if setting.ahead is None else Anticipation(source=setting.ahead)
    network = naca(data.n_features, hidden, data.n_classes, rule=setting.rule, shortcuts=setting.shortcuts,
                   hidden_gain=setting.gain, optimiser=Adam(options.lr or setting.lr),
                   kappa=setting.kappa, anticipation=ahead)  # fmt: skip
    learner = Learner(network, n_ticks=options.ticks, seed=seed, threads=options.threads)
    found = []
    for epoch in range(1, options.epochs + 1):
        work = learner.learn(data.x_train, data.y_train, data.x_max, epoch)
        if epoch in (1, options.epochs):
            found.append(accuracy(learner, data, data.x_test))
    random = np.random.default_rng(seed)
    replaced = random.random(data.x_test.shape) < 0.1
    other = random.integers(0, data.x_max + 1, data.x_test.shape, dtype=np.uint8)
    noisy = accuracy(learner, data, np.where(replaced, other, data.x_test))
    return Outcome(found[0], found[-1], noisy, work.synaptic_events / work.n_samples)


def accuracy(learner: Learner, data: Dataset, x: np.ndarray) -> float:
    """Return the share of right predictions, in percent."""
    return 100 * float((learner.predict(x, data.x_max) == data.y_test).mean())


def main() -> None:
    """Run all settings with all seeds, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="mnist", help="mnist, or digits, which come with the package")
    parser.add_argument("--images", type=int, default=10_000, help="the first so many training images")
    parser.add_argument("--epochs", type=int, default=3, help="passes over them")
    parser.add_argument("--width", type=int, default=500, help="neurons of a hidden layer")
    parser.add_argument("--ticks", type=int, default=20, help="for which an image is shown")
    parser.add_argument(
        "--lr", type=float, help="Adam's learning rate for all rows, instead of each row's own"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="of weights, levels, order, spikes"
    )
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="rows to run")
    parser.add_argument("--threads", type=int, default=1, help="no result depends on it")
    options = parser.parse_args()

    data = load(options.dataset)
    data = data.limited(min(options.images, len(data.x_train)), None)
    table = []
    for name in options.only:
        runs = []
        for seed in options.seeds:
            runs.append(run(SETTINGS[name], data, options, seed))
            done = runs[-1]
            text = f"{done.first:.2f} after epoch 1, {done.last:.2f} in the end, {done.noisy:.2f} noisy"
            print(f"{name}, seed {seed}: {text}, {done.events:.3g} events", flush=True)
        table.append((name, runs))
    print(f"\n{'row':<15} {'epoch 1':>8} {'last':>8} {'least to largest':>18} {'noisy':>8} {'events':>9}")
    for name, runs in table:
        first, last, noisy, events = np.mean(runs, axis=0)
        ends = [run.last for run in runs]
        spread = f"{min(ends):.2f} to {max(ends):.2f}"
        print(f"{name:<15} {first:8.2f} {last:8.2f} {spread:>18} {noisy:8.2f} {events:9.3g}")


if __name__ == "__main__":
    main()
