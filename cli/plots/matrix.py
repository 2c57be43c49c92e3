"""The accuracy on each task after each task of continual learning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tegmentum.simcore.record.layout import open_committed

from .canvas import figure_of
from .held import not_recorded
from .tasks import tasks_of
from .weight_matrix import weight_matrix

_TASKS_SHOWN = 12  # beyond this, a matrix without numbers and every n-th label


def matrix(store: Path | str, projections: Sequence[str], snapshot: int) -> Figure:
    """Draw the accuracy matrix of a run of continual learning, the weights of any other as matrices."""
    root: Any = open_committed(store)
    if projections or "weights" in root:
        return weight_matrix(store, projections, snapshot)
    if "learning/accuracy" not in root or not root["learning/accuracy"].shape[0]:
        what = "neither weights were recorded, nor the accuracy matrix of `tegmentum continual`"
        raise not_recorded(store, root, what)
    return accuracy_matrix(store)


def accuracy_matrix(store: Path | str) -> Figure:
    """Draw R[i, j], the accuracy on task j after task i, as a heat map.

    Beside it, if the protocol leaks, stands the matrix of the same nets on mixed batches. All heat maps of all runs
    share one scale, 0 to 100 %.
    """
    root, names, leak = tasks_of(store)
    fields = [("accuracy", root["learning/accuracy"][:])]
    if "mixed_accuracy" in root["learning"]:
        fields = [(leak, fields[0][1]), ("mixed batches, same nets", root["learning/mixed_accuracy"][:])]
    n = fields[0][1].shape[1]
    figure = figure_of(1.2 + 4.8 * len(fields), 4.8)
    axes = figure.subplots(1, len(fields), squeeze=False)[0]
    for axis, (title, r) in zip(axes, fields, strict=True):
        image = axis.imshow(100 * np.ma.masked_invalid(r), vmin=0, vmax=100, cmap="viridis")
        if n <= _TASKS_SHOWN:
            for (i, j), a in np.ndenumerate(r):
                if a == a:
                    axis.text(j, i, f"{100 * a:.0f}", ha="center", va="center", fontsize=7,
                              color="white" if a < 0.6 else "black")  # fmt: skip
        every = -(-n // _TASKS_SHOWN)
        axis.set_xticks(range(0, n, every), names[::every])
        axis.set_yticks(range(0, len(r), every), names[: len(r) : every])
        axis.set(xlabel="tested on class", ylabel="after learning class")
        if title != "accuracy":
            axis.set_title(title)
    figure.colorbar(image, ax=axes, label="accuracy (%)", fraction=0.05)
    return figure
