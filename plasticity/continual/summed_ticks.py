"""Rules that know no time, on data that have it: they see how often each channel spiked."""

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
    """

    def __init__(self, model: ContinualModel, ticks: int):
        self.model, self.ticks = model, ticks

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn the counts."""
        return self.model.learn_task(summed(x, self.ticks), y, x_max * self.ticks, classes, on_progress)

    def predict(self, x: Array, x_max: int) -> Array:
        """Predict from the counts."""
        return self.model.predict(summed(x, self.ticks), x_max * self.ticks)

    def weights(self) -> dict[str, Array]:
        """Weights of the model."""
        return self.model.weights()

    def state(self) -> dict[str, Array]:
        """State of the model."""
        return self.model.state()

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Load the model's state."""
        self.model.load_state(state)


def summed(x: Array, ticks: int) -> Array:
    """Sum over ticks: uint8 (n, channels)."""
    return np.asarray(x.reshape(len(x), ticks, -1).sum(axis=1, dtype=np.uint8))
