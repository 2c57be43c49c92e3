"""How far the weights of each projection have moved since the first snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.replay import frames

from .canvas import SERIES, figure_of
from .source import moments, quantity, recorded


def weight_change(store: Path | str, projections: Sequence[str]) -> Figure:
    """Draw, of each projection, the mean change over time, and the distribution of the changes until the end."""
    groups = recorded(store, "weights", projections)
    figure = figure_of(9.5, max(3.2, 0.6 + 2.7 * len(groups)))
    rows = figure.subplots(len(groups), 2, squeeze=False)
    for (course, spread), (name, group) in zip(rows, groups.items(), strict=True):
        chosen, at, label = moments(store, "weights", name, group)
        if len(chosen) < 2:
            raise StoreError(f"{store}: projection {name!r} has one snapshot only; a change needs two")
        size, mean = np.zeros(len(chosen)), np.zeros(len(chosen))
        first = change = np.zeros(0)
        for k, now in enumerate(frames(group, chosen)):
            if k == 0:
                first = now.copy()
            change = now - first
            size[k], mean[k] = np.abs(change).mean(), change.mean()
        word = quantity("weights", group).replace("weight", "change", 1)
        marker = "o" if len(at) <= 30 else ""
        style = {"marker": marker, "markersize": 3.5, "linewidth": 1.5}
        course.plot(at, size, color=SERIES[0], label="mean of |change|", **style)
        course.plot(at, mean, color=SERIES[1], label="mean change", **style)
        course.axhline(0, color="#999999", linewidth=0.6)
        course.set(xlabel=label, ylabel=word)
        if label == "epoch":
            course.locator_params(axis="x", integer=True)
        course.set_title(name, loc="left")
        course.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, fontsize=8)
        _draw_spread(spread, change, f"{word} until the end")
    return figure


def _draw_spread(axes: Axes, change: NDArray[np.float64], label: str) -> None:
    """Draw a histogram that is symmetric about 0, of what changed at all."""
    still = np.count_nonzero(change == 0) / len(change)
    moved = change[change != 0]
    limit = float(np.abs(change).max()) or 1.0
    bins = np.linspace(-limit, limit, 82).tolist()  # an odd number of bins: one is centred on 0
    axes.hist(moved, bins=bins, color=SERIES[0])
    if len(moved):
        axes.set_yscale("log")
    axes.axvline(0, color="#999999", linewidth=0.6)
    axes.set_title(f"{still:.1%} of {len(change):,} unchanged", loc="left")
    axes.set(xlabel=label, ylabel="synapses")
