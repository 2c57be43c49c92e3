"""Tables from which the sources of input draw their numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CELL_BITS, OCTAVES = 5, 32  # of the normal distribution's table: bits of a cell's number within its octave


def poisson_numbers(mean: float) -> Array:
    """Probabilities of 0, 1, ... of a Poisson distribution, down to 2**-33 of its tail, with sum 1."""
    n_values, term, tail = 1, math.exp(-mean), 1.0
    p = []
    while tail > 2.0**-33 or n_values <= mean:
        p.append(term)
        tail -= term
        term *= mean / n_values
        n_values += 1
        if tail < 1e-12 and n_values > mean:
            break
    return np.array(p) / sum(p)


def split(p: Array) -> tuple[Array, int, Array]:
    """Divide a distribution into what 16 random bits can tell and the rest.

    Returns
    -------
    bounds : uint16[n]
        ``lowest`` plus the number of bounds that a word reaches is the value it stands for; a word that reaches all
        stands for the rest
    lowest : int
    rest : float64 array as long as ``p``
        what is left of the probabilities, with sum 1
    """
    share = p * 2.0**16
    own = np.minimum(np.floor(share), 2.0**16 - 1)
    told = np.flatnonzero(own)
    lowest = int(told[0])
    bounds = np.cumsum(own[lowest : told[-1] + 1]).astype(np.uint16)
    rest = share - own
    return bounds, lowest, rest / rest.sum()


def alias_table(p: Array) -> tuple[Array, Array, int]:
    """Tables of the alias method for probabilities of 0, 1, ...

    Returns
    -------
    limit, other : uint32 arrays of length 2**bits
    bits : int
    """
    bits = max(1, (len(p) - 1).bit_length())
    n = 1 << bits
    share = np.zeros(n)
    share[: len(p)] = p * n
    limit, other = np.full(n, 1 << (32 - bits), dtype=np.int64), np.arange(n)
    small, large = [i for i in range(n) if share[i] < 1], [i for i in range(n) if share[i] >= 1]
    while small and large:
        i, j = small.pop(), large.pop()
        limit[i], other[i] = round(share[i] * (1 << (32 - bits))), j
        share[j] -= 1 - share[i]
        (small if share[j] < 1 else large).append(j)
    return limit.astype(np.uint32), other.astype(np.uint32), bits


def normal_table() -> Array:
    """Coefficients of the parabolas: float64[3, OCTAVES * 2**CELL_BITS], by Chebyshev nodes of each cell."""
    from scipy.special import ndtri

    cells = 1 << CELL_BITS
    t = 0.5 - 0.5 * np.cos(np.pi * np.array([1.0, 3.0, 5.0]) / 6)
    low = np.exp2(np.arange(OCTAVES) - 1)[:, None] * (1 + np.arange(cells) / cells)
    width = np.repeat(np.exp2(np.arange(OCTAVES) - 1)[:, None] / cells, cells, axis=1)
    p = (low[..., None] + width[..., None] * t) * 2.0**-32
    values = -ndtri(np.minimum(p, 0.5)).reshape(-1, 3)
    return np.ascontiguousarray(np.linalg.solve(np.vander(t, increasing=True), values.T))
