"""Vectors of the processor: how rows of bits lie for them, and whether this one is quick with masks."""

from __future__ import annotations

import os
from functools import cache

LINE = 512  #: bits of a line of the cache, and of a vector
GROUP = 128  #: float32 accumulators that fill a quarter of the registers, float64 ones half
WORDS = LINE // 64
LANES = LINE // 32


@cache
def has_masks() -> bool:
    """Tell whether the processor, or the one that Numba is told to compile for, takes 64 bits as a mask of a vector."""
    asked = os.environ.get("NUMBA_CPU_FEATURES")
    if asked is None and os.environ.get("NUMBA_CPU_NAME", "").lower() == "generic":
        return False
    if asked is not None:
        return "+avx512bw" in asked.split(",")
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get("avx512bw", False))
