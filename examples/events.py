"""Digits before an event camera: N-MNIST's subset of 1,100 recordings, by cross-validation and on its test part.

EGDC's columns see patches of 8 x 8 pixels, in which the events of each polarity are counted in three windows of time;
all classes are learned together, one pass. The control is the same read-out on the counts of all pixels.

    python examples/events.py                  # 5 folds of all 1,100, then 1,000 against 100; seeds 0, 1, 2
"""

from __future__ import annotations

import argparse

import numpy as np

from tegmentum.datasets import load_events
from tegmentum.plasticity import EGDC, DecorrelatingReadOut
from tegmentum.plasticity.continual.summed_ticks import longest, summed
from tegmentum.plasticity.registry import of_events
from tegmentum.simcore.random import philox

TICKS, WINDOWS, FOLDS = 20, 3, 5


def counts(part):
    """Ticks in which each pixel and polarity had an event, in each window: uint8 (n, pixels * polarities * windows)."""
    seen = np.minimum(part.counts(TICKS), 1).astype(np.uint8)
    return summed(seen.reshape(len(part), -1), TICKS, WINDOWS)


def columns(x, y, train, test, shape, seed, threads):
    """Which of the samples ``test`` EGDC gets right."""
    order = train[philox.permutation(len(train), seed, philox.STREAM_SHUFFLE)]
    model = EGDC(shape, 10, of_events(), seed=seed, threads=threads)
    most = longest(TICKS, WINDOWS)
    model.learn_task(x[order], y[order], most, tuple(range(10)))
    return model.predict(x[test], most) == y[test]


def linear(x, y, train, test):
    """Which of them the read-out alone gets right, on the counts of all pixels."""
    read_out = DecorrelatingReadOut(x.shape[1], 10, prior=1_000.0)
    read_out.learn(x[train].astype(np.float32), np.eye(10)[y[train]])
    read_out.settle()
    return read_out.potentials(x[test].astype(np.float32)).argmax(axis=1) == y[test]


def main() -> None:
    """Print both protocols."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder that holds the recordings (default: TEGMENTUM_DATA)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="the read-out alone, too (minutes)")
    arguments = parser.parse_args()

    found = load_events("nmnist", arguments.data)
    x = np.concatenate([counts(found.train), counts(found.test)])
    y = np.concatenate([found.train.label, found.test.label])
    shape, every, n_train = (*found.shape[:2], found.shape[2] * WINDOWS), np.arange(len(y)), len(found.train)
    for seed in arguments.seeds:
        fold = np.empty(len(y), np.int64)
        fold[philox.permutation(len(y), seed, philox.STREAM_SHUFFLE, entity=1)] = every % FOLDS
        tried = {"test part": [(every[:n_train], every[n_train:])]}
        tried[f"{FOLDS} folds"] = [(every[fold != k], every[fold == k]) for k in range(FOLDS)]
        for name, pairs in tried.items():
            right = [columns(x, y, *pair, shape, seed, arguments.threads) for pair in pairs]
            text = f"seed {seed}  {name:9}  columns {100 * np.concatenate(right).mean():.2f}"
            if arguments.control:
                right = [linear(x, y, *pair) for pair in pairs]
                text += f"  linear {100 * np.concatenate(right).mean():.2f}"
            print(text, flush=True)


if __name__ == "__main__":
    main()
