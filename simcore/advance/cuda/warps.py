"""Where a thread stands in its block.

A kernel template.
"""

from __future__ import annotations

from typing import Any

from numba import cuda


def in_warps(width: int) -> tuple[Any, Any, Any]:
    """Return the number of a thread's warp, its own there, and how many warps of ``width`` threads, 2^n, there are."""
    bits = cuda.popc(width - 1)  # a device divides slowly
    return cuda.threadIdx.x >> bits, cuda.threadIdx.x & (width - 1), cuda.blockDim.x >> bits
