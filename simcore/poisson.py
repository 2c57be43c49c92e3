"""Poisson input, drawn inside the update loop: one 32-bit word and two look-ups for each neuron and tick.

The number of spikes in a tick is drawn by the alias method: A. J. Walker (1977), ACM Trans. Math. Softw.
3:253-256, doi:10.1145/355744.355749. The word of neuron ``i`` is a function of (seed, source, i, tick,
trial): blocks of 256 neurons take the four words of 64 Philox counters, so that both loops are vectorised.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .binding import real
from .rng import STREAM_POISSON, philox

GROUP, BLOCK = 64, 256
_LOW = np.uint64(0xFFFFFFFF)


def alias_table(mean: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
    """Tables of the alias method for a Poisson distribution.

    Returns
    -------
    limit, other : uint32 arrays of length 2**bits
    bits : int
    """
    n_values, term, tail = 1, math.exp(-mean), 1.0
    p = []
    while tail > 2.0**-33 or n_values <= mean:
        p.append(term)
        tail -= term
        term *= mean / n_values
        n_values += 1
        if tail < 1e-12 and n_values > mean:
            break
    bits = max(1, (len(p) - 1).bit_length())
    n = 1 << bits
    share = np.zeros(n)
    share[: len(p)] = np.array(p) / sum(p) * n
    limit, other = np.full(n, 1 << (32 - bits), dtype=np.int64), np.arange(n)
    small, large = [i for i in range(n) if share[i] < 1], [i for i in range(n) if share[i] >= 1]
    while small and large:
        i, j = small.pop(), large.pop()
        limit[i], other[i] = round(share[i] * (1 << (32 - bits))), j
        share[j] -= 1 - share[i]
        (small if share[j] < 1 else large).append(j)
    return limit.astype(np.uint32), other.astype(np.uint32), bits


def words(out: Any, block: int, source: int, tick: int, trial: int, k0: Any, k1: Any) -> None:
    """Fill ``out`` with the 32-bit words of a block's 256 neurons."""
    c1 = np.uint64(tick) & _LOW
    c2 = np.uint64(source) | (np.uint64(tick) >> np.uint64(32)) << np.uint64(16)
    c3 = STREAM_POISSON | np.uint64(trial) << np.uint64(8)
    first = np.uint64(block * GROUP)
    for g in range(GROUP):
        w0, w1, w2, w3 = philox(first + np.uint64(g), c1, c2, c3, k0, k1)
        out[g] = w0
        out[g + GROUP] = w1
        out[g + 2 * GROUP] = w2
        out[g + 3 * GROUP] = w3


def add_counts(u: Any, inputs: Any, weight: Any, limit: Any, other: Any, bits: int) -> None:
    """Turn words into numbers of spikes and add them, weighted, to the accumulators."""
    shift = np.uint32(32 - bits)
    mask = np.uint32((1 << (32 - bits)) - 1)
    for i in range(len(inputs)):
        column = u[i] >> shift
        n = column if (u[i] & mask) < limit[column] else other[column]
        inputs[i] += weight * real(n)


def pour(rain: Any, inputs: Any, u: Any, tick: int, trial: int, k0: Any, k1: Any) -> None:
    """Draw the Poisson input of one tick for all sources onto a shard.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    u : uint32[BLOCK]
        scratch
    """
    for r in range(rain.source.shape[0]):
        source, base, neuron, count, offset, bits = rain.source[r]
        limit, other = rain.limit[offset : offset + (1 << bits)], rain.other[offset : offset + (1 << bits)]
        lo = 0
        while lo < count:
            block, skip = (neuron + lo) // BLOCK, (neuron + lo) % BLOCK
            n = min(count - lo, BLOCK - skip)
            words(u, block, source, tick, trial, k0, k1)
            add_counts(
                u[skip : skip + n], inputs[base + lo : base + lo + n], rain.weight[r], limit, other, bits
            )
            lo += n
