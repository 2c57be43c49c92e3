"""Which classes come when, and which samples are held out: labels become a sequence of tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ContinualData:
    """Arrays of a data set: samples uint8 (n, features) with intensities 0 to ``x_max``, classes int64 (n,)."""

    x_train: Array = field(repr=False)
    y_train: Array = field(repr=False)
    x_test: Array = field(repr=False)
    y_test: Array = field(repr=False)
    x_max: int = 255


@dataclass(frozen=True)
class Task:
    """One step of continual learning: its classes, and indices into the arrays of the data set."""

    classes: tuple[int, ...]
    train: Array = field(repr=False)
    validation: Array = field(repr=False)
    test: Array = field(repr=False)


def class_order(n_classes: int, seed: int) -> tuple[int, ...]:
    """Return a random order of the classes, a function of the seed alone, whatever else the seed is used for."""
    return tuple(int(k) for k in rng.permutation(n_classes, seed, rng.STREAM_CLASS_ORDER))


@dataclass(frozen=True)
class ClassSplit:
    """Which classes are learned when, and which samples are held out.

    Parameters
    ----------
    order : tuple of int
        every class once, in the order of learning; see :func:`class_order`
    classes_per_task : int, 1
        classes learned together; the last task has what is left over
    validation_fraction : float, 0
        share of the *training* samples of each class (rounded to the nearest sample) that is held out to choose
        hyperparameters with. Test samples are never used for that.
    limit_train : int, optional
        at most this many training samples of each class, validation included: the first ones
    seed : int, 0
        of the choice of validation samples

    Raises
    ------
    DescriptionError
        if a number is out of range or the order is no permutation
    """

    order: tuple[int, ...]
    classes_per_task: int = 1
    validation_fraction: float = 0.0
    limit_train: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        n = len(self.order)
        if n < 2 or sorted(self.order) != list(range(n)):
            raise DescriptionError(f"ClassSplit: order must hold each of 0 ... C - 1 once, got {self.order}")
        if not 1 <= self.classes_per_task <= n:
            raise DescriptionError(
                f"ClassSplit: classes_per_task must be from 1 to {n}, the number of classes, "
                f"got {self.classes_per_task}"
            )
        if not 0 <= self.validation_fraction < 1:
            raise DescriptionError(
                f"ClassSplit: validation_fraction must be in [0, 1), got {self.validation_fraction}"
            )
        if self.limit_train is not None and self.limit_train < 1:
            raise DescriptionError(f"ClassSplit: limit_train must be >= 1, got {self.limit_train}")

    @property
    def n_classes(self) -> int:
        """Number of classes C."""
        return len(self.order)

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """Classes of each task."""
        k = self.classes_per_task
        return [self.order[i : i + k] for i in range(0, len(self.order), k)]

    def tasks(self, y_train: Array, y_test: Array) -> list[Task]:
        """Tasks for labels ``y_train`` (n,) and ``y_test`` (m,), in the order of learning.

        Indices ascend within a task. Validation samples are drawn class by class (stratified), each class from a
        stream of random numbers of its own, so that they do not depend on the order of the classes.
        """
        for name, y in (("y_train", y_train), ("y_test", y_test)):
            if len(y) and not (y.min() >= 0 and y.max() < self.n_classes):
                raise DescriptionError(f"ClassSplit: {name} must hold classes in [0, {self.n_classes})")
        tasks = []
        for classes in self.groups:
            parts = [self._divide(y_train, k) for k in classes]
            tasks.append(
                Task(
                    classes,
                    np.sort(np.concatenate([train for train, _ in parts])),
                    np.sort(np.concatenate([validation for _, validation in parts])),
                    np.flatnonzero(np.isin(y_test, classes)),
                )
            )
        for task in tasks:
            if not len(task.train) or not len(task.test):
                raise DescriptionError(
                    f"ClassSplit: no training or no test samples of classes {task.classes}"
                )
        return tasks

    def _divide(self, y: Array, k: int) -> tuple[Array, Array]:
        """Training and validation samples of class k."""
        own = np.flatnonzero(y == k)[: self.limit_train]
        n = round(self.validation_fraction * len(own))
        mixed = own[rng.permutation(len(own), self.seed, rng.STREAM_VALIDATION, k)]
        return mixed[n:], mixed[:n]
