"""The loop of :mod:`.rowwise`; a kernel template, see :mod:`tegmentum.simcore.compile.templates`."""

from __future__ import annotations

from numba import njit


@njit(nogil=True, error_model="numpy", _nrt=False)  # see .published_kernel
def multiply(a, b, out):
    """Add ``a @ b`` to ``out``.

    Eight rows at a time share what they read of b; zeros are skipped, which changes no sum.
    """
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
