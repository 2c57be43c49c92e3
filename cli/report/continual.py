"""What continual learning kept: the accuracy matrix, accuracy and forgetting task by task, weights left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tegmentum.plasticity.continual.accuracy_matrix import AccuracyMatrix

from ..plots.tasks import tasks_of
from .figure import SERIES, Figure, axis, image, label, legend_above, line

_WRITTEN = 12


def continual(store: Path | str, root: Any) -> Iterator[Figure]:
    """Draw what a run of continual learning came to, if the store is one."""
    if "learning/accuracy" not in root or not root["learning/accuracy"].shape[0]:
        return
    _, names, leak = tasks_of(store)
    note = f" {leak[:1].upper()}{leak[1:]}." if leak else ""
    kinds = {"accuracy": "Accuracy matrix", "mixed_accuracy": "Accuracy matrix, mixed batches"}
    found = {key: root[f"learning/{key}"][:] for key in kinds if f"learning/{key}" in root}
    yield _curve(found, names, note)
    for key, r in found.items():
        yield _matrix(kinds[key], r, names, note if key == "accuracy" else "")
    if "changes" in root:
        yield _unchanged(root["changes"], names)


def measures(r: Any) -> tuple[list[float], list[float]]:
    """Return the average accuracy on all tasks so far, and the average forgetting, after each task."""
    full = np.full((r.shape[1], r.shape[1]), np.nan)
    full[: len(r)] = r
    known = AccuracyMatrix.of(full)
    return [known.average_accuracy(i) for i in range(len(r))], [known.forgetting(i) for i in range(len(r))]


def _curve(found: dict[str, Any], names: list[str], note: str) -> Figure:
    data, words = [], []
    for (key, r), colour in zip(found.items(), SERIES, strict=False):
        seen, lost = measures(r)
        mixed = ", mixed batches" if key == "mixed_accuracy" else ""
        x = np.arange(1, len(r) + 1)
        data.append(line(x, 100 * np.array(seen), f"accuracy so far{mixed}", colour))
        dotted = {"color": colour, "width": 1.4, "dash": "dot"}
        data.append(line(x, 100 * np.array(lost), f"forgetting{mixed}", colour, line=dotted))
        words.append(f"accuracy {100 * seen[-1]:.2f} %, forgetting {100 * lost[-1]:.2f} points{mixed}")
    caption = (
        f"Mean accuracy on all tasks so far and mean loss since each was known best, after each of {len(names)} tasks; "
        f"at the end {'; '.join(words)}.{note}"
    )
    layout = {
        "xaxis": axis("tasks learned", tickformat="d"),
        "yaxis": axis("accuracy, forgetting (%)"),
        **legend_above(data),
    }
    return Figure("Accuracy task by task", caption, data, layout)


def _matrix(title: str, r: Any, names: list[str], note: str) -> Figure:
    written = {"texttemplate": "%{z:.0f}"} if r.shape[1] <= _WRITTEN else {}
    data = [image(100 * r, "accuracy (%)", zmin=0, zmax=100, xgap=1, ygap=1, **written,
                  hovertemplate="task %{x} after task %{y}: %{z:.2f} %<extra></extra>")]  # fmt: skip
    at = {
        "tickmode": "array",
        "tickvals": list(range(r.shape[1])),
        "ticktext": [label(name) for name in names],
    }
    layout = {
        "xaxis": axis("tested on the task of class", **at),
        "yaxis": axis("after learning class", autorange="reversed", **at),
    }
    caption = f"Accuracy in % on each column's task after each row's task, named by their classes.{note}"
    return Figure(title, caption, data, layout, 460)


def _unchanged(changes: Any, names: list[str]) -> Figure:
    groups = sorted(changes.groups())
    data = []
    for k, (name, group) in enumerate(groups):
        share = group["unchanged"][:]
        data.append(line(np.arange(1, len(share) + 1), 100 * share, name, SERIES[k % len(SERIES)]))
    largest = ", ".join(f"{name} {np.nanmax(group['largest'][:]):.3g}" for name, group in groups)
    caption = (
        f"Share of weights that a task left as they were. Largest change of a weight by a task: {largest}."
    )
    layout = {
        "xaxis": axis("task", tickformat="d"),
        "yaxis": axis("unchanged (%)", rangemode="tozero"),
        **legend_above(data),
    }
    return Figure("Weights left alone", caption, data, layout)
