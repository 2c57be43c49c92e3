r"""Class-continual learning as data: which classes come when, how they are tested, and what is measured.

A :class:`.ClassSplit` turns labels into a sequence of :class:`.Task`; :func:`run_continual` lets a
:class:`.ContinualModel` learn them one after the other and tests it after each. There is one head: a prediction is the
argmax over the outputs of *all* C classes of the data set, whether or not they have been seen, and no protocol tells
the model at test which task a sample belongs to; see :mod:`.evaluation`.

Only arrays enter here; nothing of this package knows a data set.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tegmentum.simcore.machine import one_blas_thread

from .accuracy_matrix import AccuracyMatrix
from .choice import choose_on_validation
from .evaluation import EVALUATIONS, HONEST, LEAK_WORDS, PUBLISHED, Evaluation, evaluation, validate
from .model import ContinualModel, LearningCost, OnProgress
from .report import ContinualResult, TaskReport
from .split import ClassSplit, ContinualData, Task, class_order
from .state import ContinualState, checksum_of
from .weight_change import changes_between

Array = np.ndarray[Any, Any]

__all__ = [
    "EVALUATIONS",
    "HONEST",
    "LEAK_WORDS",
    "PUBLISHED",
    "ClassSplit",
    "ContinualData",
    "ContinualModel",
    "ContinualResult",
    "ContinualState",
    "Evaluation",
    "LearningCost",
    "OnProgress",
    "Task",
    "TaskReport",
    "choose_on_validation",
    "class_order",
    "evaluation",
    "run_continual",
]


@one_blas_thread
def run_continual(
    model: ContinualModel,
    split: ClassSplit,
    data: ContinualData,
    protocol: Evaluation = HONEST,
    *,
    forward: bool = False,
    start: ContinualState | None = None,
    scores: Mapping[str, float] | None = None,
    on_task: Callable[[TaskReport], None] | None = None,
    on_state: Callable[[ContinualState, ContinualModel], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ContinualResult:
    """Let a model learn task after task, and test it after each.

    Parameters
    ----------
    model : ContinualModel
        fresh, or with the state that it had when ``start`` was told; it is changed
    split : ClassSplit
    data : ContinualData
    protocol : Evaluation
        :data:`HONEST` or :data:`PUBLISHED`. A protocol that leaks is followed, on the very same nets, by the honest
        test, whose matrix is ``result.mixed``.
    forward : bool
        also test classes that have not been learned yet, before the first task and after each, which forward
        transfer needs; it does not change what the model learns
    start : ContinualState, optional
        where an earlier run with the same arguments stood. The result is that of the whole run, wall times aside.
    scores : mapping of name to float, optional
        validation accuracies that the model was chosen by: noted in states, for a later :func:`.make_model`
    on_task : called after each task
    on_state : called with the run's state and the model before the first task (once what ``forward`` asks for is
        tested), and after each task, after ``on_task``; not with ``start`` itself
    on_progress : called with the number of the task and of the presentations in it

    Raises
    ------
    DescriptionError
        if ``start`` is of a run with other arguments, or of other weights than the model's

    Notes
    -----
    R[i, j] is the share of the test samples of task j that are predicted right after learning task i, by argmax over
    all C outputs. Samples of tasks that are not learned yet are not among the test samples after task i, unless
    ``forward``.
    """
    began = time.perf_counter()
    tasks = split.tasks(data.y_train, data.y_test)
    sizes = np.array([len(task.test) for task in tasks])

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

    if start is not None:
        start.require(model, split, protocol, forward, sizes)
        state, earlier = start, start.seconds
    else:
        state, earlier = _untouched(model, split, protocol, forward, sizes, scores or {}), 0.0
        if forward:
            state = replace(state, matrix=state.matrix.with_untrained(test(protocol, -1)))
        if on_state is not None:
            on_state(replace(state, seconds=time.perf_counter() - began), model)
    before = model.weights()
    for i, task in list(enumerate(tasks))[state.n_done :]:
        progress = None if on_progress is None else _numbered(on_progress, i)
        x, y = np.ascontiguousarray(data.x_train[task.train]), data.y_train[task.train]
        cost = model.learn_task(x, y, data.x_max, task.classes, progress)
        matrix = state.matrix.with_row(i, test(protocol, i))
        mixed = None if state.mixed is None else state.mixed.with_row(i, test(HONEST, i))
        after = model.weights()
        report = TaskReport(
            number=i,
            classes=task.classes,
            accuracies=matrix.r[i],
            mixed=None if mixed is None else mixed.r[i],
            validation=validate(model, tasks[: i + 1], data, split.seed),
            cost=cost,
            changes=changes_between(before, after),
        )
        before = after
        state = replace(
            state,
            tasks=(*state.tasks, report),
            matrix=matrix,
            mixed=mixed,
            seconds=earlier + time.perf_counter() - began,
            checksum=checksum_of(after),
        )
        if on_task is not None:
            on_task(report)
        if on_state is not None:
            on_state(state, model)
    return replace(state, seconds=earlier + time.perf_counter() - began).result()


def _untouched(
    model: ContinualModel,
    split: ClassSplit,
    protocol: Evaluation,
    forward: bool,
    n_test: Array,
    scores: Mapping[str, float],
) -> ContinualState:
    """State before the first task."""
    empty = AccuracyMatrix.empty(n_test)
    mixed = empty if protocol.leak else None
    return ContinualState(
        protocol, split, forward, (), empty, mixed, 0.0, checksum_of(model.weights()), scores
    )


def _numbered(on_progress: Callable[[int, int], None], number: int) -> OnProgress:
    return lambda done: on_progress(number, done)
