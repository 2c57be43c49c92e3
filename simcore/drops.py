"""Rare Poisson input: how many spikes a block of neurons gets in a tick, and which neurons get them.

The sum of Poisson processes is one, whose spikes fall to each with equal chance (Kingman (1993), Poisson Processes,
Oxford, section 5.1). So cost follows spikes, and nothing is kept between ticks. The draw is a function of (seed,
source, block, tick, trial). Used where a neuron has few spikes in a tick; :mod:`.poisson` is for the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .events import reach
from .intrinsics import prefetch
from .rng import philox
from .words import GROUP, alias, draw

STREAM_DROPS, STREAM_PLACES = 17, 18  # as in .rng


def drip(drops: Any, touch: Any, inputs: Any, u: Any, counters: Any, tick: int, trial: int) -> None:
    """Add the spikes of one tick to the accumulators.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    u : uint32[256]
        scratch
    counters : uint32[GROUP]
        scratch
    """
    key = drops.key
    c1 = np.uint64(tick & 0xFFFFFFFF)
    c3 = np.uint64(STREAM_DROPS | trial << 8)
    for r in range(drops.source.shape[0]):
        source, base, slot, neuron, count, lazy, shift, offset, bits = drops.source[r]
        c2 = np.uint64(source | (tick >> 32) << 16)
        for block in range(neuron >> shift, ((neuron + count - 1) >> shift) + 1):
            word = philox(np.uint64(block), c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))[0]
            n = alias(word, drops.limit, drops.other, offset, bits)
            n_counters = (n + 31) // 32 * 8
            draw(u, counters[:n_counters], STREAM_PLACES, source, block * GROUP, tick, trial, key)
            first = (block << shift) - neuron  # where the block's first neuron is in the shard
            if lazy:
                for k in range(n):
                    i = first + (np.int64(u[k]) >> (32 - shift))
                    if 0 <= i < count:
                        prefetch(inputs, base + i)
                        prefetch(touch.mark[trial], slot + i)
            for k in range(n):
                i = first + (np.int64(u[k]) >> (32 - shift))
                if 0 <= i < count:
                    inputs[base + i] += drops.weight[r]
                    if lazy:
                        reach(touch, trial, slot + i)
