"""Hyperparameters are chosen on held-out training samples; test samples are not looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.machine import one_blas_thread

from .evaluation import validate
from .model import ContinualModel
from .split import ClassSplit, ContinualData


@one_blas_thread
def choose_on_validation(
    candidates: Mapping[str, Callable[[], ContinualModel]], split: ClassSplit, data: ContinualData
) -> tuple[str, dict[str, float]]:
    """Name of the candidate that does best on validation samples of all classes, and all their accuracies.

    Each candidate learns all tasks without the validation part of ``split`` and is tested on that part alone, by
    the honest protocol; the test samples are not looked at. Of equals the first wins.
    """
    if split.validation_fraction == 0:
        raise DescriptionError(
            "choose_on_validation: the split has no validation samples; give it a fraction > 0"
        )
    scores: dict[str, float] = {}
    tasks = split.tasks(data.y_train, data.y_test)
    for name, make in candidates.items():
        model = make()
        for task in tasks:
            x, y = np.ascontiguousarray(data.x_train[task.train]), data.y_train[task.train]
            model.learn_task(x, y, data.x_max, task.classes)
        scores[name] = validate(model, tasks, data, split.seed)
    return best_of(scores), scores


def best_of(scores: Mapping[str, float]) -> str:
    """Name of the highest accuracy; of equals the first."""
    return max(scores, key=lambda name: scores[name])
