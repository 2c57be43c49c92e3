r"""Fixed features of samples: the pixels themselves, or random rectified projections of them.

.. math:: \phi_j(x) = \max\bigl(0, a_j \cdot (x - c) / \sqrt d + b_j\bigr), \qquad
    a_{ij} \sim \mathcal N(0, 1),\; b_j \sim U(-b, b)

for intensities x in [0, 1], drawn once from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .rowwise import rowwise_product

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Pixels:
    """Intensities 0 to 1."""

    n_inputs: int

    @property
    def n_features(self) -> int:
        """As many as there are inputs."""
        return self.n_inputs

    def __call__(self, x: Array, x_max: int, exact: bool = True) -> Array:
        """Features, float64 (n, n_features)."""
        return x / x_max

    def events(self, x: Array) -> int:
        """Multiplications by a non-zero input: none."""
        return 0


@dataclass(frozen=True, eq=False)
class RandomReLU:
    """Random rectified features.

    Parameters
    ----------
    n_inputs, n_features, seed : int
    centre : float, 0
        c, the mean intensity of a pixel
    offset : float, 0.1
        largest b
    """

    n_inputs: int
    n_features: int
    seed: int = 0
    centre: float = 0.0
    offset: float = 0.1
    a: Array = field(init=False, repr=False)
    b: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.n_features < 1:
            raise DescriptionError(f"RandomReLU: n_features must be >= 1, got {self.n_features}")
        u = rng.uniform(self.n_inputs * self.n_features, self.seed, rng.STREAM_FEATURES, 0)
        a = (
            special.ndtri(np.maximum(u, 2.0**-54)).reshape(self.n_inputs, self.n_features)
            / self.n_inputs**0.5
        )
        b = (2 * rng.uniform(self.n_features, self.seed, rng.STREAM_FEATURES, 1) - 1) * self.offset
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b - self.centre * a.sum(axis=0))

    def __call__(self, x: Array, x_max: int, exact: bool = True) -> Array:
        """Features, float64 (n, n_features); ``exact``: a sample's do not depend on the batch, bit for bit."""
        z = x / x_max
        return np.maximum(0.0, (rowwise_product(z, self.a) if exact else z @ self.a) + self.b)

    def events(self, x: Array) -> int:
        """Multiplications by a non-zero input."""
        return int(np.count_nonzero(x)) * self.n_features
