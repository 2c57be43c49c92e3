r"""Class-continual learning as data: which classes come when, how they are tested, and what is measured.

A :class:`ClassSplit` turns labels into a sequence of :class:`Task`; :func:`run_continual` lets a
:class:`ContinualModel` learn them one after the other and tests it after each. There is one head: a prediction is the
argmax over the outputs of *all* C classes of the data set, whether or not they have been seen, and no protocol tells
the model at test which task a sample belongs to. Two protocols differ in the batches they test with:

``honest``
    test samples of all classes seen so far, shuffled together. A model's predictions must be *batch-invariant*: the
    same alone, in any batch and in any order.
``published``
    each class on its own, in sequential batches that hold nothing else, the last short batch included, as in the code
    of NACA. For a model that reads anything from a batch as a whole this is a hint: **task identity leaks at test**.

Only arrays enter here; nothing of this module knows a data set.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .accuracy_matrix import AccuracyMatrix
from .weight_change import WeightChange, changes_between

Array = np.ndarray[Any, Any]

#: What every output of a protocol that leaks must say.
LEAK_WORDS = "task identity leaks at test"


# ------------------------------------------------------------------------------------------------------------ splits


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


# ------------------------------------------------------------------------------------------------------------ models


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
        """Copy what learning changes, by name."""


# -------------------------------------------------------------------------------------------------------- evaluation


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


# --------------------------------------------------------------------------------------------------------------- runs


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


@dataclass(frozen=True)
class ContinualData:
    """Arrays of a data set: samples uint8 (n, features) with intensities 0 to ``x_max``, classes int64 (n,)."""

    x_train: Array = field(repr=False)
    y_train: Array = field(repr=False)
    x_test: Array = field(repr=False)
    y_test: Array = field(repr=False)
    x_max: int = 255


def run_continual(
    model: ContinualModel,
    split: ClassSplit,
    data: ContinualData,
    protocol: Evaluation = HONEST,
    *,
    forward: bool = False,
    on_task: Callable[[TaskReport], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ContinualResult:
    """Let a model learn task after task, and test it after each.

    Parameters
    ----------
    model : ContinualModel
        fresh; it is changed
    split : ClassSplit
    data : ContinualData
    protocol : Evaluation
        :data:`HONEST` or :data:`PUBLISHED`. A protocol that leaks is followed, on the very same nets, by the honest
        test, whose matrix is ``result.mixed``.
    forward : bool
        also test classes that have not been learned yet, before the first task and after each, which forward
        transfer needs; it does not change what the model learns
    on_task : called after each task
    on_progress : called with the number of the task and of the presentations in it

    Notes
    -----
    R[i, j] is the share of the test samples of task j that are predicted right after learning task i, by argmax over
    all C outputs. Samples of tasks that are not learned yet are not among the test samples after task i, unless
    ``forward``.
    """
    start = time.perf_counter()
    tasks = split.tasks(data.y_train, data.y_test)
    sizes = np.array([len(task.test) for task in tasks])
    matrix, mixed = AccuracyMatrix.empty(sizes), AccuracyMatrix.empty(sizes) if protocol.leak else None

    def test(how: Evaluation, last: int) -> Array:
        n = len(tasks) if forward else last + 1
        index = np.concatenate([task.test for task in tasks[:n]])
        right = (
            how.predict(model, data.x_test, data.y_test, data.x_max, index, split.seed) == data.y_test[index]
        )
        edges = np.concatenate([[0], np.cumsum(sizes[:n])])
        row = np.full(len(tasks), np.nan)
        row[:n] = [right[a:b].mean() for a, b in itertools.pairwise(edges)]
        return row

    if forward:
        matrix = matrix.with_untrained(test(protocol, -1))
    reports: list[TaskReport] = []
    before = model.weights()
    for i, task in enumerate(tasks):
        progress = None if on_progress is None else _numbered(on_progress, i)
        x, y = np.ascontiguousarray(data.x_train[task.train]), data.y_train[task.train]
        cost = model.learn_task(x, y, data.x_max, task.classes, progress)
        matrix = matrix.with_row(i, test(protocol, i))
        if mixed is not None:
            mixed = mixed.with_row(i, test(HONEST, i))
        after = model.weights()
        reports.append(
            TaskReport(
                number=i,
                classes=task.classes,
                accuracies=matrix.r[i],
                mixed=None if mixed is None else mixed.r[i],
                validation=_validate(model, tasks[: i + 1], data, split.seed),
                cost=cost,
                changes=changes_between(before, after),
            )
        )
        before = after
        if on_task is not None:
            on_task(reports[-1])
    return ContinualResult(protocol, split.order, tuple(reports), matrix, mixed, time.perf_counter() - start)


def _numbered(on_progress: Callable[[int, int], None], number: int) -> OnProgress:
    return lambda done: on_progress(number, done)


def _validate(model: ContinualModel, tasks: Sequence[Task], data: ContinualData, seed: int) -> float:
    """Accuracy on the held-out training samples of all classes seen so far, shuffled."""
    index = np.concatenate([task.validation for task in tasks])
    if not len(index):
        return float("nan")
    predicted = HONEST.predict(model, data.x_train, data.y_train, data.x_max, index, seed)
    return float((predicted == data.y_train[index]).mean())


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
        scores[name] = _validate(model, tasks, data, split.seed)
    return max(scores, key=lambda name: scores[name]), scores
