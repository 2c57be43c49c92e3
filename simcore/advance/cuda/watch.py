"""Levels that follow membrane potentials on a CUDA device; the counterpart of :mod:`..ticks.watch`.

Each block watches its own neurons, once all blocks have met: who fired stands on the tape then. Levels lie in one
place, where each block writes, and reads, those of its neurons alone.

A kernel template, copied once for each source that watches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from ..ticks.watch_binding import level_of_neuron, load_watched, potential_of, store_watched, watch_neuron
from .warps import divided


def watch(watched: Any, bounds: Any, tape: Any, block: int, base: int, n: int, tick: int) -> None:
    """Bring the levels of a block to the end of ``tick``, whose spikes are ``n`` on the tape from ``base`` on."""
    first_source, slot, count = watched.ends
    lo, hi = max(bounds[block], slot) - slot, min(bounds[block + 1], slot + count) - slot
    seen, peak, c = watched.seen, watched.peak, watched.constants
    i = lo + cuda.threadIdx.x
    while i < hi:
        seen[i] = potential_of(watched, i)
        i += cuda.blockDim.x
    cuda.syncthreads()
    if peak == peak:  # else neurons are seen as they were reset
        k = base + cuda.threadIdx.x
        while k < base + n:
            i = np.int64(tape.source[0, k]) - first_source
            if lo <= i and i < hi:
                seen[i] = peak
            k += cuda.blockDim.x
    cuda.syncthreads()
    n_past = watched.n_past
    place = divided(tick - 1, n_past)[1] if n_past > 0 else 0  # ticks of what learns have 31 bits
    i = lo + cuda.threadIdx.x
    while i < hi:
        before = watched.past[place, i] if n_past > 0 else seen[i]
        s = watch_neuron(load_watched(watched.fields, i), before, c)
        store_watched(watched.fields, i, s)
        watched.level[0, i] = level_of_neuron(s, seen[i], c)
        if n_past > 0:
            watched.past[place, i] = seen[i]
        i += cuda.blockDim.x
    cuda.syncthreads()
