"""What is known after a task, and after a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .accuracy_matrix import AccuracyMatrix
from .evaluation import Evaluation
from .model import LearningCost
from .weight_change import WeightChange

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TaskReport:
    """What is known after a task: its number, the accuracies of all tasks so far, its cost and its changes.

    ``mixed`` holds the accuracies of the same model on shuffled mixed batches, if the protocol itself does not use
    them. ``validation`` is the accuracy on the held-out training samples of all classes seen so far, NaN if none are.
    """

    number: int
    classes: tuple[int, ...]
    accuracies: Array
    mixed: Array | None
    validation: float
    cost: LearningCost
    changes: Mapping[str, WeightChange]


@dataclass(frozen=True)
class ContinualResult:
    """A run: accuracy matrix, the matrix on mixed batches if the protocol leaks, costs and changes of each task."""

    evaluation: Evaluation
    order: tuple[int, ...]
    tasks: tuple[TaskReport, ...]
    matrix: AccuracyMatrix
    mixed: AccuracyMatrix | None
    seconds: float

    @property
    def leak(self) -> bool:
        """Whether the protocol tells at test which class a batch is of."""
        return self.evaluation.leak

    @property
    def cost(self) -> LearningCost:
        """Cost of learning all tasks."""
        return sum((task.cost for task in self.tasks), LearningCost())
