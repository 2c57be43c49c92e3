"""Pictures of continual learning: the accuracy matrix, the forgetting curve, and how far weights moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tegmentum.simcore.errors import StoreError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TASKS_SHOWN = 12  # beyond this, a matrix without numbers and every n-th label


def matrix(store: Path) -> Figure:
    """Draw R[i, j], the accuracy on task j after task i, as a heat map.

    Beside it, if the protocol leaks, stands the matrix of the same nets on mixed batches. All heat maps of all runs
    share one scale, 0 to 100 %.
    """
    root, names, leak = _open(store)
    import numpy as np

    fields = [("accuracy", root["learning/accuracy"][:])]
    if "mixed_accuracy" in root["learning"]:
        fields = [(leak, fields[0][1]), ("mixed batches, same nets", root["learning/mixed_accuracy"][:])]
    n = fields[0][1].shape[1]
    from .plot import _figure

    figure = _figure(1.2 + 4.8 * len(fields), 4.8)
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


def forgetting(store: Path) -> Figure:
    """Draw the accuracy on all tasks so far, on each task since it was learned, and the average forgetting."""
    root, names, leak = _open(store)
    import numpy as np

    from tegmentum.plasticity.continual.accuracy_matrix import AccuracyMatrix

    from .plot import _SERIES, _figure

    figure = _figure(6.8, 5.2)
    axes = figure.subplots()
    r = root["learning/accuracy"][:]
    after = np.arange(len(r))
    for j in range(len(r)):
        label = "each task since it was learned" if j == 0 else None
        axes.plot(after[j:], 100 * r[j:, j], color="#c5ccd4", linewidth=0.9, zorder=1, label=label)
    curves = [("accuracy" if not leak else f"single-class batches: {leak}", r)]
    if "mixed_accuracy" in root["learning"]:
        curves.append(("mixed batches, same nets", root["learning/mixed_accuracy"][:]))
    for (label, values), colour in zip(curves, _SERIES, strict=False):
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


def changes(store: Path) -> Figure:
    """Draw the distribution of weight changes over each task, on the same axes for every projection, rule and run."""
    root, names, _ = _open(store)
    import matplotlib as mpl
    import numpy as np

    from .plot import _figure

    if "changes" not in root:
        raise StoreError(f"{store}: no weight changes were recorded")
    groups = sorted(root["changes"].groups())
    edges = root["change_edges/change"][:]
    least = float(edges[edges > 0].min())
    figure = _figure(7.2, 0.6 + 2.7 * len(groups))
    for axes, (name, group) in zip(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups, strict=True):
        share = group["histogram"][:] / group["n_synapses"][:][:, None]
        colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(share)))
        for label, row, colour in zip(names, share, colours, strict=False):
            axes.stairs(row, edges, color=colour, linewidth=1.0, label=label if len(share) <= 26 else None)
        axes.set_xscale("symlog", linthresh=least, linscale=0.5)
        axes.set_yscale("log")
        axes.set(xlim=(edges[0], edges[-1]), ylim=(1e-7, 2), ylabel="share of synapses")
        axes.set_xticks(
            [-1, -1e-3, -1e-6, 0, 1e-6, 1e-3, 1], ["-1", "-.001", "-1e-6", "0", "1e-6", ".001", "1"]
        )
        axes.minorticks_off()
        axes.set_title(f"{name}: {100 * group['unchanged'][:].mean():.1f} % unchanged by a task, "
                       f"largest change {group['largest'][:].max():.2g}")  # fmt: skip
    axes.set_xlabel("change of a weight over one task")
    if len(share) <= 26:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", title="class", fontsize=7)
    return figure


def _open(store: Path) -> tuple[Any, list[str], str]:
    """Root of the store, the classes of each task as text, and the words of a protocol that leaks."""
    from tegmentum.simcore.record.layout import open_committed
    from tegmentum.simcore.record.manifest import read_manifest

    root: Any = open_committed(store)
    if (
        "learning" not in root
        or "accuracy" not in root["learning"]
        or root["learning/accuracy"].shape[0] == 0
    ):
        raise StoreError(
            f"{store}: no accuracy of any task recorded; this is for runs of `tegmentum continual`"
        )
    order, task = root["tasks/class"][:], root["tasks/task"][:]
    names = [",".join(str(k) for k in order[task == t]) for t in range(int(task.max()) + 1)]
    return root, names, str(read_manifest(store)["config"].get("note", ""))
