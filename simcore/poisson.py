"""Poisson input, drawn inside the update loop: one 32-bit word and two look-ups for each neuron and tick.

The number of spikes in a tick is drawn by the alias method: A. J. Walker (1977), ACM Trans. Math. Softw.
3:253-256, doi:10.1145/355744.355749. The word of neuron ``i`` is a function of (seed, source, i, tick,
trial): blocks of 256 neurons take the four words of 64 Philox counters, and both loops are vectorised.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .binding import real
from .words import BLOCK, draw

STREAM_POISSON = 6  # as in .rng


def add_counts(u: Any, inputs: Any, weight: Any, limit: Any, other: Any, shift: Any, mask: Any) -> None:
    """Turn words into numbers of spikes and add them, weighted, to the accumulators."""
    for i in range(len(inputs)):
        column = u[i] >> shift
        alias, bound = other[column], limit[column]  # both, so that no branch is left to be mispredicted
        n = column if (u[i] & mask) < bound else alias
        inputs[i] += weight * real(n)


def add_varied(u: Any, inputs: Any, weight: Any, mean: Any, scale: float, n_terms: Any) -> None:
    """Add Poisson numbers of mean ``scale * mean[i]``, by inversion: count the partial sums that a word exceeds."""
    for i in range(len(inputs)):
        x = (np.float64(u[i]) + 0.5) * 2.0**-32
        rate = mean[i] * scale
        term = math.exp(-rate)
        total: Any = term
        n: Any = 0
        for k in range(1, n_terms):
            n += x > total
            term *= rate / k
            total += term
        inputs[i] += weight * real(n)


def pour_varied(varied: Any, inputs: Any, u: Any, counters: Any, tick: int, trial: int) -> None:
    """Draw the Poisson input of one tick for sources whose rate differs between neurons or moments.

    The arguments are those of :func:`pour`.
    """
    for r in range(varied.source.shape[0]):
        source, base, neuron, count, first = varied.source[r]
        scale = varied.scale[r, tick - varied.tick[0]]
        most = varied.most[r] * scale
        if most == 0.0:
            continue
        n_terms = np.int64(most + 8.0 * math.sqrt(most) + 12.0)
        for block in range(neuron // BLOCK, (neuron + count - 1) // BLOCK + 1):
            draw(u, counters, STREAM_POISSON, source, block, tick, trial, varied.key)
            lo = block * BLOCK - neuron  # where the block's first neuron is in the shard
            skip, n = max(-lo, 0), min(count - lo, BLOCK)
            at, here = base + lo, first + lo
            mean = varied.mean[here + skip : here + n]
            add_varied(u[skip:n], inputs[at + skip : at + n], varied.weight[r], mean, scale, n_terms)


def pour(rain: Any, inputs: Any, u: Any, counters: Any, tick: int, trial: int) -> None:
    """Draw the Poisson input of one tick for all sources onto a shard.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    u : uint32[BLOCK]
        scratch
    counters : uint32[GROUP]
        scratch
    """
    for r in range(rain.source.shape[0]):
        source, base, neuron, count, offset, bits = rain.source[r]
        limit, other = rain.limit[offset : offset + (1 << bits)], rain.other[offset : offset + (1 << bits)]
        shift, mask = np.uint32(32 - bits), np.uint32((1 << (32 - bits)) - 1)
        weight = rain.weight[r]
        for block in range(neuron // BLOCK, (neuron + count - 1) // BLOCK + 1):
            draw(u, counters, STREAM_POISSON, source, block, tick, trial, rain.key)
            lo = block * BLOCK - neuron  # where the block's first neuron is in the shard
            skip, n = max(-lo, 0), min(count - lo, BLOCK)
            at = base + lo
            add_counts(u[skip:n], inputs[at + skip : at + n], weight, limit, other, shift, mask)
