"""Levels of neuromodulators on a CUDA device; the counterpart of :mod:`..ticks.modulate`.

Every block keeps the levels itself and sees all spikes, so all hold the same bits. Of each release the spikes are
counted; as many equal amounts added one after another are what the CPU adds.

A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.lower.arrays import Channel

from ..ticks.modulate import relax_one


def of_block(channel: Any, block: int) -> Channel:
    """Return a modulator's levels as a block keeps them."""
    every, n_given = channel.all, channel.n_given
    return Channel(
        every.level[block],
        every.fast[block][: channel.n_fast],
        every.rest[block],
        every.decay,
        every.coming[block],
        every.release,
        every.amount,
        every.onto,
        every.given_tick[:n_given],
        every.given_onto,
        every.given_amount,
        every.course_tick,
        every.course_rest,
        every.next[block],
    )


def relax_block(levels: Any, block: int, tick: int) -> None:
    """Let all levels decay to ``tick`` and take what is released in time."""
    if cuda.threadIdx.x == 0:
        for m in range(len(levels.channels)):
            relax_one(of_block(levels.channels[m], block), tick)
    cuda.syncthreads()


def release_block(levels: Any, tape: Any, block: int, base: int, n: int, tick: int) -> None:
    """Let the spikes of ``tick`` release, which are ``n`` on the tape from ``base`` on."""
    for m in range(len(levels.channels)):
        channel = levels.channels[m]
        every = channel.all
        for r in range(channel.n_releases):
            first, onto = every.release[r, 1], every.release[r, 3]
            size, place = channel.extent[r, 0], channel.extent[r, 1]
            k = base + cuda.threadIdx.x
            while k < base + n:
                i = np.int64(tape.source[0, k]) - first
                if i >= 0 and i < size:
                    level = every.onto[onto + i] if onto >= 0 else 0
                    cuda.atomic.add(levels.count, (block, place + level), 1)
                k += cuda.blockDim.x
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        for m in range(len(levels.channels)):
            channel = levels.channels[m]
            every = channel.all
            mask, n_levels = every.coming.shape[1] - 1, every.coming.shape[2]
            for r in range(channel.n_releases):
                bucket, amount = (tick + every.release[r, 2]) & mask, every.amount[r]
                single, place = every.release[r, 3] >= 0, channel.extent[r, 1]
                for k in range(n_levels):
                    at = place + k if single else place
                    for _ in range(levels.count[block, at]):
                        every.coming[block, bucket, k] += amount
                for k in range(n_levels if single else 1):
                    levels.count[block, place + k] = 0
    cuda.syncthreads()
