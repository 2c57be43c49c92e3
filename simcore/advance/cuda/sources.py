"""Input drawn on a CUDA device: the same functions of (seed, source, neuron, tick, trial) as on the CPU.

The counterparts of :mod:`..ticks.poisson_dense`, :mod:`..ticks.poisson_sparse`, :mod:`..ticks.poisson_inhomogeneous`
and :mod:`..ticks.gaussian`, which say what is drawn. There one thread fills the words of a block of 256 neurons; here
every thread computes the words that it needs. Weights are whole numbers of their receptor's quantum.

A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.random.philox import (
    STREAM_NOISE,
    STREAM_POISSON,
    STREAM_POISSON_PLACES,
    STREAM_POISSON_REST,
    STREAM_POISSON_SPARSE,
    STREAM_POISSON_THINNING,
)
from tegmentum.simcore.random.quad_kernel import alias, quad
from tegmentum.simcore.random.tables import CELL_BITS

from ..ticks.poisson_number import CHUNKS, MANY, inverted, poisson_number
from .binding import real, whole
from .warps import in_warps

BLOCK = 256  # neurons that share the words of one group of counters
_SHIFT = 52 - CELL_BITS
_REST = np.int64((1 << _SHIFT) - 1)
_SCALE = 2.0**-_SHIFT


def word_of(stream: Any, source: int, first: int, i: int, n: int, tick: int, trial: int, key: Any) -> Any:
    """Return the word ``i`` of those that ``n`` counters from ``first`` on make: all first words first."""
    words, w = quad(stream, source, first + i % n, tick, trial, key), i // n
    if w < 2:
        return words[0] if w == 0 else words[1]
    return words[2] if w == 2 else words[3]


def add_poisson_dense(sources: Any, ring: Any, current: Any, lo: int, hi: int, trial: int, tick: int) -> None:
    """Draw the Poisson input of a tick for the slots ``lo`` to ``hi - 1``, a thread for each neuron."""
    n_slots, bucket = current.shape[1], tick & (ring.shape[1] - 1)
    for r in range(sources.source.shape[0]):
        source, base, count = sources.source[r, 0], sources.source[r, 1], sources.source[r, 3]
        first, n_bounds, lowest = sources.source[r, 4], sources.source[r, 5], sources.source[r, 6]
        slot = base % n_slots
        at, end = max(lo, slot) + cuda.threadIdx.x, min(hi, slot + count)
        while at < end:
            i = at - slot
            half = i % BLOCK
            word = word_of(STREAM_POISSON, source, i // BLOCK * 32, half >> 1, 32, tick, trial, sources.key)
            x = np.int64((word >> np.uint64(16 * (half & 1))) & np.uint64(0xFFFF))
            n = lowest
            for k in range(first, first + (n_bounds + 3) // 4 * 4):
                n += 1 if x >= sources.bounds[k] else 0
            if n >= lowest + n_bounds:
                rest = quad(STREAM_POISSON_REST, source, i, tick, trial, sources.key)[0]
                n = alias(rest, sources.limit, sources.other, sources.rest[r, 0], sources.rest[r, 1])
            if n > 0:
                cuda.atomic.add(ring, (trial, bucket, base + i), whole(n * sources.weight[r]))
            at += cuda.blockDim.x


def draw_window(sources: Any, r: int, block: int, begin: Any, place: Any, window: int, trial: int) -> None:
    """Draw the spikes of a block of neurons in a window, as the function of that name on the CPU does."""
    source, shift, span = sources.source[r, 0], sources.source[r, 6], sources.source[r, 7]
    word = quad(STREAM_POISSON_SPARSE, source, block, window, trial, sources.key)[0]
    n = alias(word, sources.limit, sources.other, sources.source[r, 8], sources.source[r, 9])
    n_counters, mask, rest = (n + 31) // 32 * 8, (1 << span) - 1, 32 - shift - span
    for j in range(mask + 2):
        begin[j] = 0
    for k in range(n):
        u = word_of(STREAM_POISSON_PLACES, source, block * 64, k, n_counters, window, trial, sources.key)
        begin[(np.int64(u) >> rest) & mask] += 1
    for j in range(mask + 1):
        begin[j + 1] += begin[j]
    for k in range(n):
        u = word_of(STREAM_POISSON_PLACES, source, block * 64, k, n_counters, window, trial, sources.key)
        x = np.int64(u) >> rest
        begin[x & mask] -= 1
        place[begin[x & mask]] = x >> span


def add_poisson_sparse(
    sources: Any, ring: Any, current: Any, own: int, lo: int, hi: int, trial: int, tick: int
) -> None:
    """Add the spikes of rare sources, a thread for each block of neurons of which the block ``own`` has some."""
    bucket = tick & (ring.shape[1] - 1)
    piece = sources.ptr[own] + cuda.threadIdx.x
    while piece < sources.ptr[own + 1]:
        r, block = sources.piece[piece, 0], sources.piece[piece, 1]
        base, slot, count = sources.source[r, 1], sources.source[r, 2], sources.source[r, 4]
        shift, span = sources.source[r, 6], sources.source[r, 7]
        window, now = tick >> span, tick & ((1 << span) - 1)
        begin, place = sources.begin[trial, piece], sources.place[trial, piece]
        if sources.window[trial, piece] != window:
            draw_window(sources, r, block, begin, place, window, trial)
            sources.window[trial, piece] = window
        for k in range(begin[now], begin[now + 1]):
            i = (block << shift) + np.int64(place[k])
            if i < count and lo <= slot + i and slot + i < hi:
                cuda.atomic.add(ring, (trial, bucket, base + i), sources.weight[r])
        piece += cuda.blockDim.x


def add_poisson_inhomogeneous(
    sources: Any, ring: Any, current: Any, width: int, lo: int, hi: int, trial: int, tick: int
) -> None:
    """Draw the Poisson input of rates that vary, a warp for each block of 256 neurons."""
    n_slots, bucket = current.shape[1], tick & (ring.shape[1] - 1)
    warp, own, n_warps = in_warps(width)
    for r in range(sources.source.shape[0]):
        source, base, count = sources.source[r, 0], sources.source[r, 1], sources.source[r, 3]
        column = tick - sources.tick[0]
        scale, step = sources.scale[r, column], sources.step[r, column]
        first = sources.source[r, 4] + step * count
        first_peak = sources.source[r, 5] + step * sources.source[r, 6]
        slot, weight = base % n_slots, sources.weight[r]
        begin, end = (
            max(lo - slot, 0),
            min(hi - slot, count),
        )  # neurons of this source that are the block's own
        block = begin // BLOCK + warp
        while block * BLOCK < end:
            peak = sources.peak[first_peak + block]
            if peak * scale * BLOCK < MANY:
                number = poisson_number(sources, source, peak * scale * BLOCK, block, tick, trial)
                k = own
                while k < number:
                    counter = (block * CHUNKS + k // BLOCK) * 64
                    word = word_of(
                        STREAM_POISSON_THINNING, source, counter, k % BLOCK, 64, tick, trial, sources.key
                    )
                    i = block * BLOCK + np.int64(word & np.uint64(BLOCK - 1))
                    if begin <= i and i < end:
                        kept = (np.float64(word >> np.uint64(8)) + 0.5) * 2.0**-24 * peak < sources.mean[
                            first + i
                        ]
                        if kept:
                            cuda.atomic.add(ring, (trial, bucket, base + i), weight)
                    k += width
            else:
                i = max(begin, block * BLOCK) + own
                while i < min(end, block * BLOCK + BLOCK):
                    word = word_of(
                        STREAM_POISSON, source, block * 64, i % BLOCK, 64, tick, trial, sources.key
                    )
                    n = inverted(word, sources.mean[first + i] * scale, peak * scale)
                    if n > 0:
                        cuda.atomic.add(ring, (trial, bucket, base + i), whole(n * weight))
                    i += width
            block += n_warps


def normal(word: Any, table: Any) -> Any:
    """Turn a word into a standard normal number by the parabola of its cell."""
    m = np.int64(word & np.uint64(0x7FFFFFFF))
    odd = 2 * m + 1  # twice the tail
    exponent = 0
    while odd >> (exponent + 1) > 0:
        exponent += 1
    mantissa = (odd << (52 - exponent)) & ((np.int64(1) << 52) - 1)
    cell = (exponent << CELL_BITS) + (mantissa >> _SHIFT)
    t = np.float64(mantissa & _REST) * _SCALE
    x = table[0, cell] + t * (table[1, cell] + t * table[2, cell])
    return x if word < np.uint64(0x80000000) else -x


def add_gaussian(sources: Any, current: Any, lo: int, hi: int, trial: int, tick: int) -> None:
    """Draw the currents of a tick for the slots ``lo`` to ``hi - 1``, a thread for each neuron."""
    for r in range(sources.source.shape[0]):
        source, slot, count = sources.source[r, 0], sources.source[r, 2], sources.source[r, 4]
        again, std = sources.source[r, 5], sources.std[r]
        at, end = max(lo, slot) + cuda.threadIdx.x, min(hi, slot + count)
        while at < end:
            i = at - slot
            word = word_of(STREAM_NOISE, source, i // BLOCK * 64, i % BLOCK, 64, tick, trial, sources.key)
            before = current[trial, at] if again else sources.steady[at]
            current[trial, at] = before + std * real(normal(word, sources.table))
            at += cuda.blockDim.x
        cuda.syncthreads()
