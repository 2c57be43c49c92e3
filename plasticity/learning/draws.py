"""First weights and biases of dense projections: the same, whichever engine learns them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.describe.connectivity import Distribution
from tegmentum.simcore.describe.network import Projection
from tegmentum.simcore.random import philox as rng

Array = np.ndarray[Any, Any]


def dense_weights(projection: Projection, index: int, seed: int) -> Array:
    """Weights of all pairs (n_pre, n_post), drawn or given; ``index`` keeps a projection's draws apart."""
    drawn, shape = projection.weight, (projection.pre.size, projection.post.size)
    if isinstance(drawn, Distribution):
        drawn = drawn.quantile(rng.uniform(shape[0] * shape[1], seed, rng.STREAM_WEIGHTS, 2 * index))
    return np.reshape(drawn, shape)


def biases(n_post: int, indegree: float, index: int, seed: int) -> Array:
    """Biases (n_post,), uniform in +-1/sqrt(indegree)."""
    u = rng.uniform(n_post, seed, rng.STREAM_WEIGHTS, 2 * index + 1)
    return np.asarray((2.0 * u - 1.0) * indegree**-0.5)
