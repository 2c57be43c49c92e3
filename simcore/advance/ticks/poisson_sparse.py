"""Rare Poisson input: how many spikes a block of neurons gets in a window of ticks, and who gets them when.

The sum of Poisson processes is one, whose spikes fall to each with equal chance (Kingman (1993), Poisson Processes,
Oxford, section 5.1). So cost follows spikes. The draw is a function of (seed, source, block, window, trial); what is
kept within a window is drawn again by a simulation that resumes there. Used where a neuron has few spikes in a tick;
:mod:`.poisson_dense` is for the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import prefetch
from tegmentum.simcore.random.philox import STREAM_POISSON_PLACES, STREAM_POISSON_SPARSE
from tegmentum.simcore.random.quad_kernel import alias, quad
from tegmentum.simcore.random.words_kernel import GROUP, draw

from .reach import reach


def draw_window(
    sources: Any, r: int, block: int, begin: Any, place: Any, scratch: Any, window: int, trial: int
) -> None:
    """Draw the spikes of a block in a window; those of its tick ``j`` are ``begin[j]`` to ``begin[j + 1]``."""
    source, shift, span = sources.source[r, 0], sources.source[r, 6], sources.source[r, 7]
    word = quad(STREAM_POISSON_SPARSE, source, block, window, trial, sources.key)[0]
    n = alias(word, sources.limit, sources.other, sources.source[r, 8], sources.source[r, 9])
    u, counters = scratch.words, scratch.counters[: (n + 31) // 32 * 8]
    draw(u, counters, STREAM_POISSON_PLACES, source, block * GROUP, window, trial, sources.key)
    mask, rest = (1 << span) - 1, 32 - shift - span
    for j in range(mask + 2):
        begin[j] = 0
    for k in range(n):
        begin[(np.int64(u[k]) >> rest) & mask] += 1
    for j in range(mask + 1):
        begin[j + 1] += begin[j]
    for k in range(n):
        x = np.int64(u[k]) >> rest
        begin[x & mask] -= 1
        place[begin[x & mask]] = x >> span


def add_poisson_sparse(sources: Any, active: Any, inputs: Any, scratch: Any, tick: int, trial: int) -> None:
    """Add the spikes of one tick to the accumulators.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    scratch : Scratch
    """
    for r in range(sources.source.shape[0]):
        _, base, slot, neuron, count, lazy, shift, span, _, _, number = sources.source[r]
        window, at = tick >> span, tick & ((1 << span) - 1)
        for block in range(neuron >> shift, ((neuron + count - 1) >> shift) + 1):
            begin, place = sources.begin[trial, number], sources.place[trial, number]
            if sources.window[trial, number] != window:
                draw_window(sources, r, block, begin, place, scratch, window, trial)
                sources.window[trial, number] = window
            number += 1
            first = (block << shift) - neuron  # where the block's first neuron is in the shard
            if lazy:
                for k in range(begin[at], begin[at + 1]):
                    i = first + place[k]
                    if 0 <= i < count:
                        prefetch(inputs, base + i)
                        prefetch(active.mark[trial], slot + i)
            for k in range(begin[at], begin[at + 1]):
                i = first + place[k]
                if 0 <= i < count:
                    inputs[base + i] += sources.weight[r]
                    if lazy:
                        reach(active, trial, slot + i)
