"""What a rule must offer to learn task after task, and what its learning took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LearningCost:
    """What learning took; costs add up.

    Attributes
    ----------
    samples_seen : int
        presentations of a training sample that changed, or could have changed, weights; a replayed sample counts again
    synaptic_events : int
        spikes (or, in a graded network, non-zero values) times the synapses each reached, while learning
    weight_updates : int
        single weights (or entries of a statistic) that were written, over all steps
    seconds : float
        wall time
    """

    samples_seen: int = 0
    synaptic_events: int = 0
    weight_updates: int = 0
    seconds: float = 0.0

    def __add__(self, other: LearningCost) -> LearningCost:
        return LearningCost(
            self.samples_seen + other.samples_seen,
            self.synaptic_events + other.synaptic_events,
            self.weight_updates + other.weight_updates,
            self.seconds + other.seconds,
        )


OnProgress = Callable[[int], None]


class ContinualModel(Protocol):
    """What a rule must offer to be run by :func:`run_continual`."""

    def learn_task(
        self,
        x: Array,
        y: Array,
        x_max: int,
        classes: tuple[int, ...],
        on_progress: OnProgress | None = None,
    ) -> LearningCost:
        """Learn samples x, uint8 (n, features), of the given classes; called once for each task, in order.

        ``on_progress`` is called with the number of presentations so far.
        """

    def predict(self, x: Array, x_max: int) -> Array:
        """Classes, int64 (n,). ``x`` is one batch: all that the model may look at while it predicts."""

    def weights(self) -> dict[str, Array]:
        """Copy the weights, by name, whose changes are measured."""

    def state(self) -> dict[str, Array]:
        """Copy everything that learning changes, and what it was set up with, as plain arrays by ``part/name``."""

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on, in a fresh model of the same setting, from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            naming the key that does not fit, before anything is changed
        """
