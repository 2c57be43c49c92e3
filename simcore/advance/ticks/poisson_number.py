"""Poisson numbers by inversion, in float64; a kernel template."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tegmentum.simcore.random.philox import STREAM_POISSON_INHOMOGENEOUS
from tegmentum.simcore.random.quad_kernel import quad

MANY = 512.0  # spikes of a block in a tick from which on neurons draw for themselves
CHUNKS = 4  # of 256 words for the spikes of a block
MOST = 1024  # such words


def poisson_number(sources: Any, source: int, mean: float, block: int, tick: int, trial: int) -> Any:
    """Draw a Poisson number of a mean below ``MANY``: count the partial sums that 53 bits exceed."""
    w = quad(STREAM_POISSON_INHOMOGENEOUS, source, block, tick, trial, sources.key)
    x = (np.float64(w[0] << np.uint64(21) | w[1] >> np.uint64(11)) + 0.5) * 2.0**-53
    term: Any = math.exp(-mean)
    total: Any = term
    n = 0
    while x > total and n < MOST:
        n += 1
        term *= mean / n
        total += term
    return n


def inverted(word: Any, mean: float, most: float) -> Any:
    """Turn a word into a Poisson number of a mean up to ``most``: count the partial sums that it exceeds."""
    x = (np.float64(word) + 0.5) * 2.0**-32
    term: Any = math.exp(-mean)
    total: Any = term
    n: Any = 0
    for k in range(1, np.int64(most + 8.0 * math.sqrt(most) + 12.0)):
        n += x > total
        term *= mean / k
        total += term
    return n
