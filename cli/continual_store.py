"""What a run of continual learning writes to its store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tegmentum.plasticity.continual.run import Task, TaskReport
    from tegmentum.simcore.record.store import RunStore


class ContinualRecorder:
    """Accuracies, costs and weight changes, a row for each task.

    ======================== =========================================================================================
    ``learning``             ``accuracy(after, task)``: R[i, j]; ``mixed_accuracy`` too if the protocol leaks; costs
    ``tasks``                ``class(position)`` in the order of learning, and the ``task`` it belongs to
    ``changes/<projection>`` ``histogram(after, bin)``, ``unchanged(after)``, ``largest(after)``
    ``change_edges``         ``change(edge)``: edges of the bins, the same for every rule
    ``validation``           ``accuracy(candidate)``, where hyperparameters were chosen; names in the manifest
    ======================== =========================================================================================
    """

    def __init__(self, store: RunStore, tasks: Sequence[Task], leak: bool, scores: dict[str, float]):
        from tegmentum.plasticity.continual.weight_change import CHANGE_EDGES

        self.store, self.leak = store, leak
        n = len(tasks)
        columns: dict[str, Any] = {"accuracy": ("float64", "fraction", ("task",), (n,))}
        if leak:
            columns["mixed_accuracy"] = ("float64", "fraction", ("task",), (n,))
        columns |= {
            "validation_accuracy": ("float64", "fraction"),
            "samples_seen": ("int64", ""),
            "synaptic_events": ("int64", ""),
            "weight_updates": ("int64", ""),
            "learning_time": ("float64", "s"),
        }
        self.learning = store.table("learning", dim="after", columns=columns)
        order = store.table("tasks", dim="position", columns={"class": ("int64", ""), "task": ("int64", "")})
        numbered = [(k, number) for number, task in enumerate(tasks) for k in task.classes]
        _fill(order, "position", [{"class": k, "task": number} for k, number in numbered])
        edges = store.table("change_edges", dim="edge", columns={"change": ("float64", "")})
        _fill(edges, "edge", [{"change": edge} for edge in CHANGE_EDGES])
        if scores:
            table = store.table("validation", dim="candidate", columns={"accuracy": ("float64", "fraction")})
            _fill(table, "candidate", [{"accuracy": score} for score in scores.values()])
        self.changes: dict[str, Any] = {}

    def task(self, task: TaskReport) -> None:
        """Write what is known after a task, in one commit."""
        with self.store.together():
            row: dict[str, Any] = {"accuracy": task.accuracies}
            if self.leak:
                row["mixed_accuracy"] = task.mixed
            self.learning.append(
                after=task.number,
                validation_accuracy=task.validation,
                samples_seen=task.cost.samples_seen,
                synaptic_events=task.cost.synaptic_events,
                weight_updates=task.cost.weight_updates,
                learning_time=task.cost.seconds,
                **row,
            )
            for name, change in task.changes.items():
                if name not in self.changes:
                    self.changes[name] = self.store.table(
                        f"changes/{name.replace(' ', '-')}",
                        dim="after",
                        columns={
                            "histogram": ("int64", "synapses", ("bin",), (len(change.histogram),)),
                            "unchanged": ("float64", "fraction"),
                            "largest": ("float64", ""),
                            "n_synapses": ("int64", ""),
                        },
                    )
                self.changes[name].append(
                    after=task.number,
                    histogram=np.asarray(change.histogram),
                    unchanged=change.unchanged,
                    largest=change.largest,
                    n_synapses=change.n_synapses,
                )


def _fill(table: Any, number: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write numbered rows, but for those that are there."""
    for k in range(len(table), len(rows)):
        table.append(**{number: k}, **rows[k])
