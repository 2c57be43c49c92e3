"""How a protocol tests; two protocols differ in the batches they test with.

``honest``
    test samples of all classes seen so far, shuffled together. A model's predictions must be *batch-invariant*: the
    same alone, in any batch and in any order.
``published``
    each class on its own, in sequential batches that hold nothing else, the last short batch included, as in the code
    of NACA. For a model that reads anything from a batch as a whole this is a hint: **task identity leaks at test**.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .model import ContinualModel
from .split import ContinualData, Task

Array = np.ndarray[Any, Any]

#: What every output of a protocol that leaks must say.
LEAK_WORDS = "task identity leaks at test"


@dataclass(frozen=True)
class Evaluation:
    """How a protocol tests: ``mixed`` batches of all classes seen so far, or single-class ones.

    ``batch`` is the most samples that :meth:`ContinualModel.predict` gets at once.
    """

    name: str
    mixed: bool
    batch: int = 256

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise DescriptionError(f"Evaluation {self.name!r}: batch must be >= 1, got {self.batch}")

    @property
    def leak(self) -> bool:
        """Whether a batch tells which class its samples are of."""
        return not self.mixed

    @property
    def note(self) -> str:
        """The words that go with every result, or nothing."""
        return LEAK_WORDS if self.leak else ""

    def predict(
        self, model: ContinualModel, x: Array, y: Array, x_max: int, index: Array, seed: int
    ) -> Array:
        """Predictions for samples ``index`` of x, int64 in the order of ``index``."""
        if self.mixed:
            order = rng.permutation(len(index), seed, rng.STREAM_TEST_ORDER, len(index))
            groups = [order]
        else:
            groups = [np.flatnonzero(y[index] == k) for k in np.unique(y[index])]
        found = np.full(len(index), -1, np.int64)
        for group in groups:
            for first in range(0, len(group), self.batch):
                own = group[first : first + self.batch]
                found[own] = model.predict(np.ascontiguousarray(x[index[own]]), x_max)
        return found


HONEST = Evaluation("honest", mixed=True)
PUBLISHED = Evaluation("published", mixed=False)
EVALUATIONS = {e.name: e for e in (HONEST, PUBLISHED)}


def evaluation(name: str) -> Evaluation:
    """Protocol of that name."""
    if name not in EVALUATIONS:
        raise DescriptionError(f"protocol: must be one of {', '.join(EVALUATIONS)}, got {name!r}")
    return EVALUATIONS[name]


def validate(model: ContinualModel, tasks: Sequence[Task], data: ContinualData, seed: int) -> float:
    """Accuracy on the held-out training samples of all classes seen so far, shuffled."""
    index = np.concatenate([task.validation for task in tasks])
    if not len(index):
        return float("nan")
    predicted = HONEST.predict(model, data.x_train, data.y_train, data.x_max, index, seed)
    return float((predicted == data.y_train[index]).mean())
