"""How far weights moved over each task of continual learning."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tegmentum.simcore.errors import StoreError

from .canvas import figure_of
from .tasks import tasks_of


def changes(store: Path | str) -> Figure:
    """Draw the distribution of weight changes over each task, on the same axes for every projection, rule and run."""
    root, names, _ = tasks_of(store)
    if "changes" not in root:
        raise StoreError(f"{store}: no weight changes were recorded")
    groups = sorted(root["changes"].groups())
    edges = root["change_edges/change"][:]
    least = float(edges[edges > 0].min())
    figure = figure_of(7.2, 0.6 + 2.7 * len(groups))
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
