"""Poisson input, drawn inside the update loop: 16 random bits for each neuron and tick, and a few comparisons.

A number of spikes ``n`` has ``floor(p(n) * 2**16)`` of the values of those bits for itself. What is left over, a few
values in all, stands for the rest of the distribution: a neuron that draws one of them draws again, 32 bits by the
alias method (A. J. Walker (1977), ACM Trans. Math. Softw. 3:253-256, doi:10.1145/355744.355749). Both draws of neuron
``i`` are functions of (seed, source, ``i``, tick, trial): blocks of 256 neurons take the words of 32 Philox counters,
and the loops over them are vectorised.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.bounds import count_reached
from tegmentum.simcore.random.philox import STREAM_POISSON, STREAM_POISSON_REST
from tegmentum.simcore.random.quad_kernel import alias, quad
from tegmentum.simcore.random.words_kernel import BLOCK, draw_blocks

from .binding import real

COUNTERS = 32  # of a block of 16-bit words
#: Blocks whose words are drawn before the first is looked at: a store takes its time to reach the cache.
AHEAD = 4


def draw_again(sources: Any, r: int, open_: Any, counts: Any, neuron: int, tick: int, trial: int) -> None:
    """Draw the numbers that the first draw left open, those that reach ``open_``."""
    source, offset, bits = sources.source[r, 0], sources.rest[r, 0], sources.rest[r, 1]
    for i in range(len(counts)):
        if counts[i] >= open_:
            w = quad(STREAM_POISSON_REST, source, neuron + i, tick, trial, sources.key)
            counts[i] = alias(w[0], sources.limit, sources.other, offset, bits)


def add_counts(inputs: Any, weight: Any, counts: Any) -> None:
    """Add numbers of spikes, weighted, to the accumulators."""
    for i in range(len(inputs)):
        inputs[i] += weight * real(counts[i])


def add_poisson_dense(sources: Any, inputs: Any, scratch: Any, tick: int, trial: int) -> None:
    """Draw the Poisson input of one tick for all sources onto a shard.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    scratch : Scratch
    """
    for r in range(sources.source.shape[0]):
        source, base, neuron, size, first, n_bounds, lowest = sources.source[r]
        bounds = sources.bounds[first : first + n_bounds]
        open_, last = lowest + n_bounds, (neuron + size - 1) // BLOCK
        for some in range(neuron // BLOCK, last + 1, AHEAD):
            n_blocks = min(AHEAD, last + 1 - some)
            draw_blocks(
                scratch.drawn, n_blocks, STREAM_POISSON, source, some * COUNTERS, tick, trial, sources.key
            )
            for k in range(n_blocks):
                lo = (some + k) * BLOCK - neuron  # where the block's first neuron is in the shard
                skip, n = max(-lo, 0), min(size - lo, BLOCK)
                numbers = scratch.counts[skip:n]
                if count_reached(scratch.halves[k], bounds, n_bounds, lowest, scratch.counts):
                    draw_again(sources, r, open_, numbers, (some + k) * BLOCK + skip, tick, trial)
                at = base + lo
                add_counts(inputs[at + skip : at + n], sources.weight[r], numbers)
