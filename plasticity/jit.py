"""The decorator of kernels that are compiled without reference counts."""

from __future__ import annotations

from typing import Any

from numba import njit

#: Numba counts references to every slice of an array by atomic increments, 20 cycles each: up to two thirds of the
#: time of a loop that takes slices of few elements. Such a kernel makes no arrays but is given scratch, and copies
#: none (``a[:] = b``). The kernels of a learner's layers take slices too rarely to gain.
kernel: Any = njit(nogil=True, cache=True, error_model="numpy", _nrt=False)
