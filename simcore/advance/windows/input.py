"""What the samples of a data set are to a learner's first layer."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.random import philox as rng

Array = np.ndarray[Any, Any]


class Input:
    """Encodes samples: Bernoulli spikes for spiking networks, the intensity itself for graded ones.

    Parameters
    ----------
    x : uint8 (n, n_channels), intensities 0 to ``x_max``
    n_ticks : ticks of a window
    rate_scale : probability of a spike, or value, of a channel of full intensity
    stream, epoch, seed : what the draws are a function of, besides the sample's content
    """

    def __init__(self, x: Array, x_max: int, n_ticks: int, graded: bool, rate_scale: float, stream: Any, epoch: int,
                 seed: int):  # fmt: skip
        self.x, self.n_ticks, self.graded, self.stream, self.epoch = (
            x,
            n_ticks,
            graded,
            stream,
            np.uint64(epoch),
        )
        self.capacity = window_arrays.capacity(x, n_ticks)
        self.threshold = rng.thresholds(np.arange(256, dtype=np.uint8), x_max, rate_scale)
        self.scale = np.float32(rate_scale / x_max)
        self.k0, self.k1 = rng.seed_key(seed)

    def encoder(self, kernels: ModuleType, index: Array, events: Any) -> Callable[[int, int], None]:
        """Return a function that encodes samples ``index[first:last]`` as trials first to last."""
        x, n = self.x[index], self.n_ticks
        offset = np.concatenate([[0], np.cumsum(self.capacity[index])])
        if self.graded:
            return lambda first, last: kernels.encode_graded(x, self.scale, offset, n, first, last, events)
        return lambda first, last: kernels.encode_bernoulli(
            x, self.threshold, offset, n, self.epoch, self.stream, self.k0, self.k1, first, last, events
        )
