"""Poisson input whose rate differs between neurons or changes with time.

A block of 256 neurons draws the number of spikes that it would have if all its neurons had the rate of the busiest, and
for each of them a neuron, which keeps it with the probability of its own rate (thinning: P. A. W. Lewis, G. S. Shedler
(1979), Nav. Res. Logist. Q. 26:403-413, doi:10.1002/nav.3800260304). Where that is many spikes, each neuron draws its
number by inversion. All draws are functions of (seed, source, block or neuron, tick, trial).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.random.philox import (
    STREAM_POISSON,
    STREAM_POISSON_THINNING,
)
from tegmentum.simcore.random.words_kernel import BLOCK, GROUP, draw

from .binding import real
from .poisson_number import CHUNKS, MANY, inverted, poisson_number


def add_poisson_inhomogeneous(sources: Any, inputs: Any, scratch: Any, tick: int, trial: int) -> None:
    """Draw the Poisson input of one tick for all such sources onto a shard.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators, added to
    scratch : Scratch
    """
    words, counters = scratch.words, scratch.counters
    for r in range(sources.source.shape[0]):
        source, base, neuron, count, first, first_peak, n_blocks = sources.source[r]
        now = tick - sources.tick[0]
        scale, step = sources.scale[r, now], sources.step[r, now]
        first += step * count
        first_peak += step * n_blocks
        for block in range(neuron // BLOCK, (neuron + count - 1) // BLOCK + 1):
            peak = sources.peak[first_peak + block]
            lo = block * BLOCK - neuron  # where the block's first neuron is in the shard
            skip, n = max(-lo, 0), min(count - lo, BLOCK)
            here = inputs[base + lo + skip : base + lo + n]
            mean = sources.mean[first + lo + skip : first + lo + n]
            if peak * scale * BLOCK < MANY:
                thin(sources, r, here, mean, peak, scale, block, skip, scratch, tick, trial)
            else:
                draw(words, counters, STREAM_POISSON, source, block * GROUP, tick, trial, sources.key)
                invert(words[skip:n], here, sources.weight[r], mean, scale, peak * scale)


def thin(
    sources: Any,
    r: int,
    here: Any,
    mean: Any,
    peak: float,
    scale: float,
    block: int,
    skip: int,
    scratch: Any,
    tick: int,
    trial: int,
) -> None:
    """Draw the spikes of a block at the rate of its busiest neuron, and keep each by its neuron's rate.

    Parameters
    ----------
    here, mean : real[n], float64[n]
        accumulators and rates of the block's neurons from its ``skip``-th on, those in this shard
    """
    source, words, counters = sources.source[r, 0], scratch.words, scratch.counters
    number = poisson_number(sources, source, peak * scale * BLOCK, block, tick, trial)
    for chunk in range((number + BLOCK - 1) // BLOCK):
        counter = (block * CHUNKS + chunk) * GROUP
        draw(words, counters, STREAM_POISSON_THINNING, source, counter, tick, trial, sources.key)
        for k in range(min(BLOCK, number - chunk * BLOCK)):
            i = np.int64(words[k] & np.uint32(BLOCK - 1)) - skip
            if (
                0 <= i < len(here)
                and (np.float64(words[k] >> np.uint32(8)) + 0.5) * 2.0**-24 * peak < mean[i]
            ):
                here[i] += sources.weight[r]


def invert(words: Any, here: Any, weight: Any, mean: Any, scale: float, most: float) -> None:
    """Draw the number of each neuron, of mean ``scale * mean[i]``: count the partial sums that a word exceeds."""
    for i in range(len(here)):
        here[i] += weight * real(inverted(words[i], mean[i] * scale, most))
