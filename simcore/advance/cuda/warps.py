"""Where a thread stands in its block.

A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda


def in_warps(width: int) -> tuple[Any, Any, Any]:
    """Return the number of a thread's warp, its own there, and how many warps of ``width`` threads there are."""
    n, own = np.uint32(width), np.uint32(cuda.threadIdx.x)  # a device divides numbers of 64 bits slowly
    return np.int64(own // n), np.int64(own % n), np.int64(np.uint32(cuda.blockDim.x) // n)
