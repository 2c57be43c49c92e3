"""Spoken digits of a speaker who was never heard before, from the spikes of a cochlea.

Each of the six speakers of the Free Spoken Digit Dataset is held out in turn: EGDC's columns on whitened patches of the
cochlea's spike counts learn the other five, one pass, all digits mixed. The control is the same
read-out on the counts themselves. ``--split`` is the publishers' split, whose speakers are in both parts.

    python examples/speech.py                  # a table: speakers, and seeds 0, 1, 2
    python examples/speech.py --split
    python examples/speech.py --choose         # where words begin is chosen on another speaker, for each held out
"""

from __future__ import annotations

import argparse

import numpy as np

from tegmentum.datasets import Cochlea, load_fsdd
from tegmentum.datasets.fsdd import N_TEST_TAKES, SPEAKERS
from tegmentum.plasticity import EGDC, DecorrelatingReadOut
from tegmentum.plasticity.registry import of_sound
from tegmentum.simcore.random import philox

ONSETS = (0.002, 0.005, 0.02)


def columns(x, y, train, test, shape, seed, threads):
    """Share of right answers of EGDC on the samples ``test``."""
    order = np.flatnonzero(train)[philox.permutation(int(train.sum()), seed, philox.STREAM_SHUFFLE)]
    model = EGDC(shape, 10, of_sound(), seed=seed, threads=threads)
    model.learn_task(x[order], y[order], 255, tuple(range(10)))
    return float(np.mean(model.predict(x[test], 255) == y[test]))


def linear(x, y, train, test):
    """Return the same for the read-out alone, on the counts of spikes."""
    read_out = DecorrelatingReadOut(x.shape[1], 10, prior=250.0)
    read_out.learn(x[train].astype(np.float32), np.eye(10)[y[train]])
    read_out.settle()
    return float(np.mean(read_out.potentials(x[test].astype(np.float32)).argmax(axis=1) == y[test]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder that holds the recordings (default: TEGMENTUM_DATA)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--split", action="store_true", help="the publishers' split")
    parser.add_argument("--choose", action="store_true", help="choose the onset on another speaker")
    arguments = parser.parse_args()

    spoken = load_fsdd(arguments.data)
    y, speaker = spoken.digit, np.array(spoken.speaker)
    pictures = {
        onset: spoken.cochleagrams(Cochlea(onset=onset))
        for onset in (ONSETS if arguments.choose else [Cochlea().onset])
    }
    shape = (Cochlea().n_bands, Cochlea().n_bins)
    parts = (
        {"takes 0 to 4": spoken.take < N_TEST_TAKES}
        if arguments.split
        else {name: speaker == name for name in SPEAKERS}
    )
    table = []
    for k, (name, test) in enumerate(parts.items()):
        onset = Cochlea().onset
        if arguments.choose:
            other = speaker == SPEAKERS[(k + 1) % len(SPEAKERS)]
            found = {
                at: columns(x, y, ~(test | other), other, shape, arguments.seeds[0], arguments.threads)
                for at, x in pictures.items()
            }
            onset = max(found, key=found.__getitem__)
        x = pictures[onset]
        row = [columns(x, y, ~test, test, shape, seed, arguments.threads) for seed in arguments.seeds]
        control = linear(x, y, ~test, test)
        table.append([*row, control])
        print(
            f"{name:12} columns {' '.join(f'{100 * a:5.1f}' for a in row)}   linear {100 * control:5.1f}"
            f"   onset {onset:g}",
            flush=True,
        )
    mean = 100 * np.mean(table, axis=0)
    of_seeds = mean[:-1]
    spread = f" +- {of_seeds.std(ddof=1):.2f}" if len(of_seeds) > 1 else ""
    print(f"mean         columns {of_seeds.mean():.2f}{spread} over seeds   linear {mean[-1]:.2f}")


if __name__ == "__main__":
    main()
