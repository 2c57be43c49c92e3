"""What a run of continual learning knows after a task, as named arrays and back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

from .accuracy_matrix import AccuracyMatrix
from .evaluation import Evaluation
from .kept import copied, fitting
from .model import ContinualModel, LearningCost
from .report import ContinualResult, TaskReport
from .split import ClassSplit
from .weight_change import CHANGE_EDGES, WeightChange

Array = np.ndarray[Any, Any]

_COSTS = {"samples_seen": np.int64, "synaptic_events": np.int64, "weight_updates": np.int64, "seconds": float}
_WHERE = "ContinualState"


@dataclass(frozen=True, eq=False)
class ContinualState:
    """A run between two tasks; with the state of its model, all that the rest of the run depends on.

    Attributes
    ----------
    evaluation, split, forward : as :func:`.run_continual` was told
    tasks : tuple of TaskReport
        of the tasks done
    matrix, mixed : AccuracyMatrix
        as in :class:`.ContinualResult`, NaN for what is to come
    seconds : float
        wall time so far
    checksum : int
        of the model's weights, see :func:`checksum_of`
    scores : mapping of name to float
        validation accuracies that the model was chosen by, if it was
    """

    evaluation: Evaluation
    split: ClassSplit
    forward: bool
    tasks: tuple[TaskReport, ...]
    matrix: AccuracyMatrix
    mixed: AccuracyMatrix | None
    seconds: float
    checksum: int
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_done(self) -> int:
        """Number of tasks done."""
        return len(self.tasks)

    def result(self) -> ContinualResult:
        """Return what is known, as the result of a run."""
        return ContinualResult(
            self.evaluation, self.split.order, self.tasks, self.matrix, self.mixed, self.seconds
        )

    def require(
        self, model: ContinualModel, split: ClassSplit, evaluation: Evaluation, forward: bool, n_test: Array
    ) -> None:
        """Refuse to go on with another model, split, protocol or test set than this state's."""
        pairs: list[tuple[str, Any, Any]] = [
            (f"{name} {part.name}", getattr(mine, part.name), getattr(given, part.name))
            for name, mine, given in (("split", self.split, split), ("protocol", self.evaluation, evaluation))
            for part in fields(mine)
        ]
        pairs += [("forward", self.forward, forward)]
        pairs += [("test samples of each task", self.matrix.n_test.tolist(), n_test.tolist())]
        for name, mine, given in pairs:
            if mine != given:
                raise DescriptionError(
                    f"run_continual: start is of a run with {name} {mine!r}, got {given!r}"
                )
        if checksum_of(model.weights()) != self.checksum:
            raise DescriptionError(
                f"run_continual: the model's weights are not those after {self.n_done} tasks of start; "
                "load the model's state of the same moment first"
            )

    def arrays(self) -> dict[str, Array]:
        """Return plain arrays by name, from which :meth:`of` makes the same state."""
        split, how = self.split, self.evaluation
        found: dict[str, Any] = {
            "protocol/name": how.name,
            "protocol/mixed": np.bool_(how.mixed),
            "protocol/batch": np.int64(how.batch),
            "split/order": np.array(split.order, np.int64),
            "split/classes_per_task": np.int64(split.classes_per_task),
            "split/validation_fraction": np.float64(split.validation_fraction),
            "split/limit_train": np.int64(split.limit_train or 0),  # 0: none
            "split/seed": np.uint64(split.seed),
            "forward": np.bool_(self.forward),
            "seconds": np.float64(self.seconds),
            "checksum": np.int64(self.checksum),
            "accuracy/r": self.matrix.r,
            "accuracy/n_test": self.matrix.n_test,
            "accuracy/untrained": self.matrix.untrained,
            "tasks/validation": np.array([task.validation for task in self.tasks], np.float64),
        }
        if self.mixed is not None:
            found["mixed/r"] = self.mixed.r
        for name, dtype in _COSTS.items():
            found[f"tasks/{name}"] = np.array([getattr(task.cost, name) for task in self.tasks], dtype)
        for task in self.tasks:
            for name, change in task.changes.items():
                found.update(_change_arrays(task.number, name, change))
        return copied(found | {f"scores/{name}": np.float64(score) for name, score in self.scores.items()})

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> ContinualState:
        """State that :meth:`arrays` described.

        Raises
        ------
        DescriptionError
            naming the array that is missing, unknown or does not fit
        """
        saved = fitting(_WHERE, arrays, _like(arrays))
        limit = int(saved["split/limit_train"])
        split = ClassSplit(
            tuple(saved["split/order"].tolist()),
            int(saved["split/classes_per_task"]),
            float(saved["split/validation_fraction"]),
            limit or None,
            int(saved["split/seed"]),
        )
        groups, n_done = split.groups, len(saved["tasks/validation"])
        if len(groups) != len(saved["accuracy/r"]) or n_done > len(groups):
            raise DescriptionError(
                f"{_WHERE}: accuracy/r must have {len(groups)} rows, one a task, and at most as many tasks be done, "
                f"got {len(saved['accuracy/r'])} rows and {n_done} tasks"
            )
        how = Evaluation(
            str(saved["protocol/name"]), bool(saved["protocol/mixed"]), int(saved["protocol/batch"])
        )
        matrix = AccuracyMatrix(saved["accuracy/r"], saved["accuracy/n_test"], saved["accuracy/untrained"])
        mixed = None
        if how.leak:
            mixed = replace(AccuracyMatrix.empty(matrix.n_test), r=saved["mixed/r"])
        tasks = tuple(
            TaskReport(
                number=i,
                classes=groups[i],
                accuracies=matrix.r[i],
                mixed=None if mixed is None else mixed.r[i],
                validation=float(saved["tasks/validation"][i]),
                cost=LearningCost(*(saved[f"tasks/{name}"][i].item() for name in _COSTS)),
                changes={name: _change(saved, i, name) for name in _changed(saved, i)},
            )
            for i in range(n_done)
        )
        scores = {
            key.removeprefix("scores/"): float(score)
            for key, score in saved.items()
            if key.startswith("scores/")
        }
        return cls(
            how, split, bool(saved["forward"]), tasks, matrix, mixed, float(saved["seconds"]),
            int(saved["checksum"]), scores,
        )  # fmt: skip


def checksum_of(weights: Mapping[str, Array]) -> int:
    """Return the CRC-32 of all weights and their names, in the order of the names."""
    found = 0
    for name in sorted(weights):
        found = zlib.crc32(np.ascontiguousarray(weights[name]).tobytes(), zlib.crc32(name.encode(), found))
    return found


_CHANGE: dict[str, Any] = {"n_synapses": np.int64(0), "unchanged": np.float64(0), "largest": np.float64(0),
           "histogram": np.zeros(len(CHANGE_EDGES) - 1, np.int64)}  # fmt: skip


def _change_arrays(number: int, name: str, change: WeightChange) -> dict[str, Array]:
    return {
        f"changes/{number}/{name}/{part}": np.asarray(getattr(change, part), like.dtype)
        for part, like in _CHANGE.items()
    }


def _changed(arrays: Mapping[str, Any], number: int) -> list[str]:
    """Names of the arrays whose changes over a task are known."""
    start = f"changes/{number}/"
    return list(
        dict.fromkeys(key.removeprefix(start).rpartition("/")[0] for key in arrays if key.startswith(start))
    )


def _change(saved: Mapping[str, Array], number: int, name: str) -> WeightChange:
    part = {part: saved[f"changes/{number}/{name}/{part}"] for part in _CHANGE}
    return WeightChange(
        int(part["n_synapses"]), float(part["unchanged"]), float(part["largest"]), part["histogram"]
    )


def _like(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays there must be; their lengths are those of the order, of r and of the tasks done."""
    for key in ("split/order", "accuracy/r", "tasks/validation", "protocol/mixed"):
        if key not in arrays:
            raise DescriptionError(f"{_WHERE}: {key} is missing in the state")
    n_classes, n_tasks, n_done = (
        np.size(arrays["split/order"]),
        len(np.atleast_1d(arrays["accuracy/r"])),
        np.size(arrays["tasks/validation"]),
    )
    found: dict[str, Any] = {
        "protocol/name": "",
        "protocol/mixed": np.bool_(True),
        "protocol/batch": np.int64(0),
        "split/order": np.zeros(n_classes, np.int64),
        "split/classes_per_task": np.int64(0),
        "split/validation_fraction": np.float64(0),
        "split/limit_train": np.int64(0),
        "split/seed": np.uint64(0),
        "forward": np.bool_(False),
        "seconds": np.float64(0),
        "checksum": np.int64(0),
        "accuracy/r": np.zeros((n_tasks, n_tasks)),
        "accuracy/n_test": np.zeros(n_tasks, np.int64),
        "accuracy/untrained": np.zeros(n_tasks),
        "tasks/validation": np.zeros(n_done),
        **{f"tasks/{name}": np.zeros(n_done, dtype) for name, dtype in _COSTS.items()},
        **{key: np.float64(0) for key in arrays if key.startswith("scores/")},
    }
    if not np.all(arrays["protocol/mixed"]):
        found["mixed/r"] = np.zeros((n_tasks, n_tasks))
    for i in range(n_done):
        for name in _changed(arrays, i):
            found |= {f"changes/{i}/{name}/{part}": like for part, like in _CHANGE.items()}
    return found
