"""What ``continual --json`` prints: of a run, and of several."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tegmentum.plasticity.continual.run import ContinualResult

    from .continual_run import Config


def document(
    config: Config, result: ContinualResult, wall_s: float, store: str, scores: dict[str, float]
) -> dict[str, Any]:
    """Gather what ``--json`` prints of one run."""
    matrix, mixed, cost = result.matrix, result.mixed, result.cost
    found: dict[str, Any] = {
        "dataset": config.dataset,
        "rule": config.rule,
        "protocol": config.protocol,
        "seed": config.seed,
        "order_seed": config.order_seed,
        "class_order": list(config.class_order),
        "classes_per_task": config.classes_per_task,
        "accuracy_matrix": _rows(matrix.r),
        "final_accuracy": matrix.overall_accuracy(),
        "average_accuracy": matrix.average_accuracy(),
        "average_forgetting": matrix.forgetting(),
        "backward_transfer": matrix.backward_transfer(),
        "forward_transfer": _number(matrix.forward_transfer()),
        "validation_accuracy": _number(result.tasks[-1].validation),
        "samples_seen": cost.samples_seen,
        "synaptic_events": cost.synaptic_events,
        "weight_updates": cost.weight_updates,
        "learn_s": cost.seconds,
        "wall_s": wall_s,
        "leak": config.leak,
        "store": store,
    }
    if scores:
        found["validation_scores"] = scores
    if mixed is not None:
        found |= {
            "note": config.note,
            "mixed_accuracy_matrix": _rows(mixed.r),
            "mixed_final_accuracy": mixed.overall_accuracy(),
            "mixed_average_forgetting": mixed.forgetting(),
        }
    return found


_SUMMARISED = (
    *(
        "final_accuracy",
        "average_accuracy",
        "mixed_final_accuracy",
        "average_forgetting",
        "backward_transfer",
    ),
    *("samples_seen", "synaptic_events", "weight_updates", "wall_s"),
)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """All runs, with mean and (sample) standard deviation of what can be averaged."""
    import statistics

    same = ("dataset", "rule", "protocol", "leak", "note")
    found: dict[str, Any] = {key: runs[0][key] for key in same if key in runs[0]}
    names = [name for name in _SUMMARISED if name in runs[0]]
    found["mean"] = {name: statistics.fmean(r[name] for r in runs) for name in names}
    found["sd"] = {name: statistics.stdev(r[name] for r in runs) if len(runs) > 1 else 0.0 for name in names}
    found["runs"] = runs
    return found


def _rows(r: Any) -> list[list[float | None]]:
    return [[_number(a) for a in row] for row in r]


def _number(a: float) -> float | None:
    return None if math.isnan(a) else float(a)
