"""Rare Poisson input: the next spike of each neuron waits in a ring of linked lists, so that cost follows spikes.

The time between two spikes is exponential; the draw is a function of (seed, source, neuron, tick of the
last spike, trial). Used where a source has few spikes in a tick; :mod:`.poisson` is for the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .binding import real
from .events import reach
from .rng import philox

STREAM_DROPS = 11  # keeps these draws apart from those of .rng's streams


def interval(source: int, neuron: int, tick: int, trial: int, number: int, key: Any) -> float:
    """Draw an exponential interval of mean 1, the ``number``-th in its tick."""
    c2 = np.uint64(tick & 0xFFFFFFFF)
    c3 = np.uint64(STREAM_DROPS | trial << 8)
    c1 = np.uint64(source | (number & 0xFF) << 16 | (tick >> 32) << 24)
    w = philox(np.uint64(neuron), c1, c2, c3, key[0], key[1])
    return -math.log((np.float64(w[0] << np.uint64(21) | w[1] >> np.uint64(11)) + 0.5) * 2.0**-53)


def start(drops: Any) -> None:
    """Draw the first spike of each neuron."""
    for trial in range(drops.next.shape[0]):
        for r in range(drops.source.shape[0]):
            for i in range(drops.first[r + 1] - drops.first[r]):
                x = interval(drops.source[r, 0], drops.source[r, 3] + i, 0, trial, 0, drops.key)
                drops.next[trial, drops.first[r] + i] = x / drops.rate[r]


def thread(drops: Any, tick: int) -> None:
    """Put every neuron into the list of the tick of its next spike, all later than ``tick``."""
    mask = drops.head.shape[2] - 1
    drops.head[:] = -1
    for trial in range(drops.next.shape[0]):
        for r in range(drops.source.shape[0]):
            for i in range(drops.first[r + 1] - drops.first[r]):
                j = drops.first[r] + i
                bucket = np.int64(math.ceil(drops.next[trial, j])) & mask
                drops.link[trial, j] = drops.head[trial, r, bucket]
                drops.head[trial, r, bucket] = i


def drip(drops: Any, touch: Any, inputs: Any, tick: int, trial: int) -> None:
    """Add the spikes of one tick to the accumulators and draw when the next ones come."""
    mask = drops.head.shape[2] - 1
    for r in range(drops.source.shape[0]):
        source, base, slot, neuron, _, lazy = drops.source[r]
        bucket = tick & mask
        i = drops.head[trial, r, bucket]
        drops.head[trial, r, bucket] = -1
        while i >= 0:
            j = drops.first[r] + i
            following = drops.link[trial, j]
            x, number = drops.next[trial, j], 0
            while x <= tick:
                x += interval(source, neuron + i, tick, trial, number + 1, drops.key) / drops.rate[r]
                number += 1
            if number:
                inputs[base + i] += drops.weight[r] * real(number)
                drops.next[trial, j] = x
                if lazy:
                    reach(touch, trial, slot + i)
            bucket = np.int64(math.ceil(x)) & mask
            drops.link[trial, j] = drops.head[trial, r, bucket]
            drops.head[trial, r, bucket] = i
            i = following
