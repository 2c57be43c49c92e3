"""Where a thread stands in its block, and a block in the grid.

A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda


def divided(a: Any, b: Any) -> tuple[Any, Any]:
    """Return quotient and remainder of numbers from 0 to 2^32 - 1.

    Longer ones a device divides by a call, for which all that is in registers has to go into those that calls leave.
    """
    x, y = np.uint32(a), np.uint32(b)
    return np.int64(x // y), np.int64(x % y)


def in_warps(width: int) -> tuple[Any, Any, Any]:
    """Return the number of a thread's warp, its own there, and how many warps of ``width`` threads there are."""
    warp, own = divided(cuda.threadIdx.x, width)
    return warp, own, divided(cuda.blockDim.x, width)[0]


def in_lanes(n_blocks: int) -> tuple[Any, Any, Any]:
    """Return the number of a block in its lane, its lane's, and how many lanes of ``n_blocks`` blocks there are."""
    lane, block = divided(cuda.blockIdx.x, n_blocks)
    return block, lane, divided(cuda.gridDim.x, n_blocks)[0]
