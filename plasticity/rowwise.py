"""Matrix product whose rows do not depend on each other, bit for bit.

BLAS chooses its kernel by the shape of the matrices, so the last bits of a row depend on how many other rows there
are, and a prediction could depend on its batch. Here each element is a sum in the order of its terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

from .jit import kernel

Array = np.ndarray[Any, Any]


@kernel
def _multiply(a, b, out):
    """Eight rows at a time share what they read of b; zeros are skipped, which changes no sum."""
    n, depth = a.shape
    width = b.shape[1]
    for first in range(0, n, 8):
        last = min(first + 8, n)
        for k0 in range(0, width, 512):
            k1 = min(k0 + 512, width)
            for i in range(depth):
                row = b[i, k0:k1]
                for r in range(first, last):
                    x = a[r, i]
                    if x != 0.0:
                        sums = out[r, k0:k1]
                        for j in range(k1 - k0):
                            sums[j] += x * row[j]


def rowwise_product(a: Array, b: Array) -> Array:
    """Compute ``a @ b`` for float64 a (n, k), b (k, m): row i is a function of row i of a and of b alone."""
    if a.shape[1] != b.shape[0]:
        raise DescriptionError(f"rowwise_product: shapes {a.shape} and {b.shape} do not fit")
    out = np.zeros((a.shape[0], b.shape[1]))
    _multiply(np.ascontiguousarray(a, np.float64), np.ascontiguousarray(b, np.float64), out)
    return out
