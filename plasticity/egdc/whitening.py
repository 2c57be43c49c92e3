r"""Patches of an image with their contrast normalised, and what whitens them (ZCA).

.. math:: \hat p = \frac{p - \bar p}{\sqrt{\operatorname{var} p + c}}, \qquad
    Z = (\Sigma + \epsilon I)^{-1/2}

with :math:`\Sigma` the covariance of normalised patches. Patches are rounded to multiples of 1/64, so their sums are
exact, and the matrix is diagonalised by Jacobi's rotations in an order of ours: nothing depends on a library.

ZCA: A. J. Bell, T. J. Sejnowski (1997), Vision Res. 37:3327-3338, doi:10.1016/S0042-6989(97)00121-1.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore.compile import templates

from ..reference.rowwise import rowwise_product

Array = np.ndarray[Any, Any]
UNIT = 64.0  #: whole numbers of a normalised patch that make 1


class PatchGeometry(NamedTuple):
    """Where patches lie: integers that kernels read."""

    width: int  # pixels in a row of the image
    channels: int
    size: int  # side of a patch
    stride: int  # pixels from one position to the next
    rows: int  # positions
    columns: int

    @classmethod
    def of(cls, shape: tuple[int, ...], size: int, stride: int = 1) -> PatchGeometry:
        """Patches of an image (height, width) or (height, width, channels)."""
        rows, columns = ((side - size) // stride + 1 for side in shape[:2])
        return cls(shape[1], shape[2] if len(shape) > 2 else 1, size, stride, rows, columns)

    @property
    def n_inputs(self) -> int:
        """Numbers of a patch."""
        return self.size * self.size * self.channels

    def mirror(self) -> Array:
        """Index of each input's mirror image, left for right."""
        index = np.arange(self.n_inputs).reshape(self.size, self.size, self.channels)
        return np.asarray(index[:, ::-1].ravel())


@cache
def kernels() -> ModuleType:
    """Compile what :mod:`.whitened_kernel` holds."""
    return templates.bind("whitened", ("tegmentum.plasticity.egdc.whitened_kernel",), {})


def drawn_patches(x: Array, x_max: int, geometry: PatchGeometry, contrast: float, draws: Array) -> Array:
    """Normalised patches of samples x at positions ``draws`` (n, patches of a sample), in [0, 1).

    float64 (m, inputs) of whole numbers; patches whose variance is below the constant c are left out.
    """
    patches, variance = np.zeros((draws.size, geometry.n_inputs)), np.zeros(draws.size)
    kernels().draw_patches(x, 255.0 / x_max, geometry, UNIT, contrast, draws, patches, variance)
    return np.asarray(patches[variance > contrast])


def zca(patches: Array, geometry: PatchGeometry, epsilon: float, mirrored: bool) -> tuple[Array, Array]:
    """Mean and whitening matrix of normalised patches of whole numbers, of their mirror images too if asked."""
    n = len(patches)
    total, products = patches.sum(axis=0), patches.T @ patches
    if mirrored:
        twin = geometry.mirror()
        total, products, n = total + total[twin], products + products[np.ix_(twin, twin)], 2 * n
    mean = total / n
    covariance = (products / n - np.outer(mean, mean)) / UNIT**2
    vectors = np.zeros_like(covariance)
    kernels().eigen(covariance, vectors)
    scaled = vectors / np.sqrt(np.maximum(np.diag(covariance), 0.0) + epsilon)
    return mean / UNIT, rowwise_product(scaled, np.ascontiguousarray(vectors.T))
