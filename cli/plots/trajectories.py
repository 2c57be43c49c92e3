"""Weights or eligibilities of some synapses over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tegmentum.simcore.record.replay import frames

from .canvas import figure_of
from .source import moments, quantity, recorded, synapses_of


def trajectories(store: Path | str, kind: str, projections: Sequence[str], n_synapses: int) -> Figure:
    """Draw some synapses, evenly spaced among those recorded, each a line coloured by where it ends; and the mean."""
    groups = recorded(store, kind, projections)
    figure = figure_of(8, 0.5 + 3.0 * len(groups))
    for axes, (name, group) in zip(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups.items(),
                                   strict=True):  # fmt: skip
        chosen, at, label = moments(store, kind, name, group)
        n = int(group.attrs["n_synapses"])
        count = min(n, n_synapses)
        places = np.arange(count) * n // count
        lines, mean = np.empty((len(chosen), count)), np.empty(len(chosen))
        for k, now in enumerate(frames(group, chosen)):
            lines[k], mean[k] = now[places], now.mean()
        rank = np.argsort(np.argsort(lines[-1], kind="stable")) / max(1, count - 1)
        dot = {"marker": "o", "markersize": 3} if len(at) == 1 else {}  # a line needs two
        for line, colour in zip(lines.T, mpl.colormaps["viridis"](0.92 * rank), strict=True):
            axes.plot(at, line, color=colour, linewidth=0.7, alpha=0.8, **dot)
        axes.plot(at, mean, color="#111111", linewidth=1.8, label=f"mean of all {n:,} recorded", **dot)
        axes.set(xlabel=label, ylabel=quantity(kind, group))
        axes.set_title(f"{name}, {count} of {synapses_of(n)}", loc="left")
        axes.margins(x=0.01)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, fontsize=8)
    return figure
