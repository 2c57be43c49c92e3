"""Rules that know no ticks, on data that have them: they see how often each channel spiked in a few windows of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .model import ContinualModel, LearningCost, OnProgress

Array = np.ndarray[Any, Any]


class SummedTicks:
    """A :class:`~tegmentum.plasticity.continual.model.ContinualModel` that gets spike counts instead of spikes.

    Parameters
    ----------
    model : what learns; its inputs are channels
    ticks : samples are uint8 (n, ticks * channels), 0 or 1
    windows : of time, in each of which spikes are counted on their own
    """

    def __init__(self, model: ContinualModel, ticks: int, windows: int = 1):
        self.model, self.ticks, self.windows = model, ticks, windows

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn the counts."""
        counts, most = summed(x, self.ticks, self.windows), x_max * longest(self.ticks, self.windows)
        return self.model.learn_task(counts, y, most, classes, on_progress)

    def predict(self, x: Array, x_max: int) -> Array:
        """Predict from the counts."""
        counts = summed(x, self.ticks, self.windows)
        return self.model.predict(counts, x_max * longest(self.ticks, self.windows))

    def weights(self) -> dict[str, Array]:
        """Weights of the model."""
        return self.model.weights()

    def state(self) -> dict[str, Array]:
        """State of the model."""
        return self.model.state()

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Load the model's state."""
        self.model.load_state(state)


def longest(ticks: int, windows: int) -> int:
    """Ticks of the longest window."""
    return -(-ticks // windows)


def summed(x: Array, ticks: int, windows: int = 1) -> Array:
    """Sum over the ticks of each window: uint8 (n, channels * windows), the windows of a channel side by side.

    Tick t is in window ``t * windows // ticks``.
    """
    spikes = x.reshape(len(x), ticks, -1)
    found = np.zeros((len(x), spikes.shape[2], windows), np.uint8)
    for tick in range(ticks):
        found[:, :, tick * windows // ticks] += spikes[:, tick]
    return found.reshape(len(x), -1)
