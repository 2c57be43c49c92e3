"""Matrix product whose rows do not depend on each other, bit for bit.

BLAS chooses its kernel by the shape of the matrices, so the last bits of a row depend on how many other rows there
are, and a prediction could depend on its batch. Here each element is a sum in the order of its terms.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tegmentum.simcore.compile import templates
from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]


@cache
def _kernels() -> ModuleType:
    return templates.bind("rowwise", ("tegmentum.plasticity.reference.rowwise_kernel",), {})


def rowwise_product(a: Array, b: Array) -> Array:
    """Compute ``a @ b`` for float64 a (n, k), b (k, m): row i is a function of row i of a and of b alone."""
    if a.shape[1] != b.shape[0]:
        raise DescriptionError(f"rowwise_product: shapes {a.shape} and {b.shape} do not fit")
    out = np.zeros((a.shape[0], b.shape[1]))
    _kernels().multiply(np.ascontiguousarray(a, np.float64), np.ascontiguousarray(b, np.float64), out)
    return out
