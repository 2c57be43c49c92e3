"""Tables from which the sources of input draw their numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

CELL_BITS, OCTAVES = 5, 32  # of the normal distribution's table: bits of a cell's number within its octave


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


def normal_table() -> np.ndarray[Any, Any]:
    """Coefficients of the parabolas: float64[3, OCTAVES * 2**CELL_BITS], by Chebyshev nodes of each cell."""
    from scipy.special import ndtri

    cells = 1 << CELL_BITS
    t = 0.5 - 0.5 * np.cos(np.pi * np.array([1.0, 3.0, 5.0]) / 6)
    low = np.exp2(np.arange(OCTAVES) - 1)[:, None] * (1 + np.arange(cells) / cells)
    width = np.repeat(np.exp2(np.arange(OCTAVES) - 1)[:, None] / cells, cells, axis=1)
    p = (low[..., None] + width[..., None] * t) * 2.0**-32
    values = -ndtri(np.minimum(p, 0.5)).reshape(-1, 3)
    return np.ascontiguousarray(np.linalg.solve(np.vander(t, increasing=True), values.T))
