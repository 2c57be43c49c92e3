"""Trials on a CUDA device; the counterpart of :mod:`..ticks.trials`, with its functions of what is judged and expected.

Every block counts the spikes of its own neurons and those of the readout, and judges for itself: all have the same
spikes and potentials in the same order, so that all hold the same bits; the first writes down what comes out. Blocks
meet once more at a trial's end, before the next one's first tick changes what others may still read.

A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.lower.arrays import Protocol

from ..ticks.trials import above_tonic, choose, encode, ends, sample_of

__all__ = ["began", "ends", "expect", "forget", "judge", "of_block", "relapse", "sample_of", "tally"]


def of_block(protocol: Any, block: int) -> Protocol:
    """Return the protocol with what a block of the grid keeps to itself."""
    return Protocol(
        protocol.length,
        protocol.origin,
        protocol.first,
        protocol.last,
        protocol.readout,
        protocol.label,
        protocol.kind,
        protocol.permutation,
        protocol.count,
        protocol.potential,
        protocol.membrane,
        protocol.sums[block],
        protocol.code[block],
        protocol.signal,
        protocol.shuffled,
        protocol.table,
        protocol.tonic,
        protocol.scale,
        protocol.odds,
        protocol.usual[block],
        protocol.learning,
        protocol.width,
        protocol.chosen,
        protocol.votes,
        protocol.spikes,
        protocol.level,
    )


def began(protocol: Any, tick: int) -> Any:
    """Return the last tick before the trial to which ``tick`` belongs."""
    return tick - 1 - (tick - 1 - protocol.origin[0]) % protocol.length[0]


def tally(trials: Any, tape: Any, block: int, lo: int, hi: int, base: int, n: int, trial: int) -> None:
    """Count the spikes of a tick, ``n`` on the tape from ``base`` on: of a block's neurons, and of each class."""
    first, size, n_classes = (
        trials.protocol.readout[1],
        trials.protocol.readout[2],
        trials.protocol.readout[3],
    )
    k = base + cuda.threadIdx.x
    while k < base + n:
        source = np.int64(tape.source[trial, k])
        at, i = trials.slot[source], source - first
        if lo <= at and at < hi:
            trials.protocol.count[trial, at] += 1
        if n_classes > 0 and i >= 0 and i < size:
            cuda.atomic.add(trials.votes, (trial, block, i // (size // n_classes)), 1)
        k += cuda.blockDim.x


def judge(protocol: Any, trials: Any, block: int, trial: int, sample: int) -> Any:
    """Sum spikes and potentials of the readout by class, a thread for each; returns the class that is chosen."""
    size, n_classes = protocol.readout[2], protocol.readout[3]
    if n_classes == 0:
        return 0
    each_has, c = size // n_classes, np.int64(cuda.threadIdx.x)
    while c < n_classes:
        total = 0.0
        for i in range(c * each_has, (c + 1) * each_has):
            total += protocol.potential[trial, i]
        protocol.sums[0, c] = trials.votes[trial, block, c]
        protocol.sums[1, c] = total
        c += cuda.blockDim.x
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        trials.best[cuda.blockIdx.x] = choose(protocol, block, sample)
    cuda.syncthreads()
    return trials.best[cuda.blockIdx.x]


def expect(protocol: Any, levels: Any, block: int, sample: int, best: int) -> None:
    """Raise a block's levels to what the expectation says, a thread for each, where it is to be learned from."""
    if protocol.learning[0] <= 0.0:
        return
    column = 0
    for m in range(len(levels.channels)):
        level = levels.channels[m].all.level
        if protocol.signal[m] >= 0:
            if cuda.threadIdx.x == 0:
                encode(protocol, m, sample, best)
            cuda.syncthreads()
            s = np.int64(cuda.threadIdx.x)
            while s < level.shape[1]:
                level[block, s] = above_tonic(protocol, m, protocol.table[m].shape[0], s)
                if block == 0 and sample < protocol.level.shape[0]:
                    protocol.level[sample, column + s] = protocol.tonic[m] + level[block, s]
                s += cuda.blockDim.x
            cuda.syncthreads()
        column += level.shape[1]


def relapse(protocol: Any, levels: Any, block: int) -> None:
    """Let a block's levels fall back after the pulse."""
    for m in range(len(levels.channels)):
        level = levels.channels[m].all.level
        s = np.int64(cuda.threadIdx.x)
        while s < level.shape[1] and protocol.signal[m] >= 0:
            level[block, s] = 0.0
            s += cuda.blockDim.x
    cuda.syncthreads()


def forget(trials: Any, ring: Any, n_slots: int, block: int, lo: int, hi: int, trial: int) -> None:
    """Forget the spikes of a trial, those under way as well."""
    at = lo + cuda.threadIdx.x
    while at < hi:
        trials.protocol.count[trial, at] = 0
        for bucket in range(ring.shape[1]):
            for row in range(ring.shape[2] // n_slots):
                ring[trial, bucket, row * n_slots + at] = 0
        at += cuda.blockDim.x
    c = np.int64(cuda.threadIdx.x)
    while c < trials.votes.shape[2]:
        trials.votes[trial, block, c] = 0
        c += cuda.blockDim.x
    cuda.syncthreads()
