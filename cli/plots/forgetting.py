"""What continual learning kept and forgot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tegmentum.plasticity.continual.accuracy_matrix import AccuracyMatrix

from .canvas import SERIES, figure_of
from .tasks import tasks_of


def forgetting(store: Path | str) -> Figure:
    """Draw the accuracy on all tasks so far, on each task since it was learned, and the average forgetting."""
    root, names, leak = tasks_of(store)
    figure = figure_of(6.8, 5.2)
    axes = figure.subplots()
    r = root["learning/accuracy"][:]
    after = np.arange(len(r))
    for j in range(len(r)):
        label = "each task since it was learned" if j == 0 else None
        axes.plot(after[j:], 100 * r[j:, j], color="#c5ccd4", linewidth=0.9, zorder=1, label=label)
    curves = [("accuracy" if not leak else f"single-class batches: {leak}", r)]
    if "mixed_accuracy" in root["learning"]:
        curves.append(("mixed batches, same nets", root["learning/mixed_accuracy"][:]))
    for (label, values), colour in zip(curves, SERIES, strict=False):
        full = np.full((r.shape[1], r.shape[1]), np.nan)
        full[: len(values)] = values
        known = AccuracyMatrix.of(full)
        seen = [known.average_accuracy(i) for i in range(len(r))]
        lost = [known.forgetting(i) for i in range(len(r))]
        axes.plot(after, 100 * np.array(seen), color=colour, marker="o", markersize=4, linewidth=1.6,
                  label=f"{label}, all so far: {100 * seen[-1]:.1f} %")  # fmt: skip
        axes.plot(after, 100 * np.array(lost), color=colour, linestyle=":", linewidth=1.4,
                  label=f"forgetting: {100 * lost[-1]:.1f} points")  # fmt: skip
    every = -(-len(r) // 24)
    axes.set_xticks(after[::every], names[: len(r) : every])
    axes.set(xlabel="after learning class", ylabel="accuracy, forgetting (%)")
    axes.set_ylim(min(-3, axes.get_ylim()[0]), 103)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", fontsize=8)
    return figure
