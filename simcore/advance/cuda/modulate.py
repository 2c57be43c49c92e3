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

from ..ticks.modulate import give, relax_level


def of_block(channel: Any, block: int) -> Channel:
    """Return a modulator's levels as a block keeps them."""
    every = channel.all
    return Channel(
        every.level[block],
        every.fast[block],
        every.rest[block],
        every.decay,
        every.coming[block],
        every.release,
        every.amount,
        every.onto,
        every.given_tick,
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
            channel = of_block(levels.channels[m], block)
            give(channel, channel.coming[tick & (channel.coming.shape[0] - 1)], tick)
    cuda.syncthreads()
    for m in range(len(levels.channels)):
        channel = of_block(levels.channels[m], block)
        coming, k = channel.coming[tick & (channel.coming.shape[0] - 1)], np.int64(cuda.threadIdx.x)
        while k < channel.level.shape[0]:
            relax_level(channel, coming, k)
            k += cuda.blockDim.x
    cuda.syncthreads()


def release_block(levels: Any, tape: Any, block: int, base: int, n: int, tick: int) -> None:
    """Let the spikes of ``tick`` release, which are ``n`` on the tape from ``base`` on."""
    for m in range(len(levels.channels)):
        channel = levels.channels[m]
        every = channel.all
        r = 0
        while r < channel.n_releases:
            first, onto = every.release[r, 1], every.release[r, 3]
            size, place = channel.extent[r, 0], channel.extent[r, 1]
            k = base + cuda.threadIdx.x
            while k < base + n:
                i = np.int64(tape.source[0, k]) - first
                if i >= 0 and i < size:
                    level = every.onto[onto + i] if onto >= 0 else 0
                    cuda.atomic.add(levels.count, (block, place + level), 1)
                k += cuda.blockDim.x
            r += 1
    cuda.syncthreads()
    for m in range(len(levels.channels)):
        channel = levels.channels[m]
        every = channel.all
        mask, n_levels = every.coming.shape[1] - 1, every.coming.shape[2]
        r = 0
        while r < channel.n_releases:
            bucket, amount = (tick + every.release[r, 2]) & mask, every.amount[r]
            single, place = every.release[r, 3] >= 0, channel.extent[r, 1]
            k = np.int64(cuda.threadIdx.x)
            while k < n_levels:
                n = levels.count[block, place + k if single else place]
                while n > 0:
                    every.coming[block, bucket, k] += amount
                    n -= 1
                k += cuda.blockDim.x
            r += 1
    cuda.syncthreads()
    k = np.int64(cuda.threadIdx.x)
    while k < levels.count.shape[1]:
        levels.count[block, k] = 0
        k += cuda.blockDim.x
    cuda.syncthreads()
