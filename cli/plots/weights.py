"""Weights before and after, and what units see where the inputs are an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.replay import frames, moments_of

from .canvas import figure_of
from .source import recorded, unit_of

_BEFORE, _AFTER = "#a9b4c0", "#1b6ca8"


def weights(store: Path | str, projections: Sequence[str]) -> Figure:
    """Draw each projection's weights before and after; where the inputs are an image, what units see."""
    groups = recorded(store, "weights", projections)
    figure = figure_of(
        10 if any(_is_image(group) for group in groups.values()) else 6, 3.6 * len(groups) + 0.4
    )
    rows = figure.subfigures(len(groups), 1, squeeze=False)[:, 0]
    for row, (name, group) in zip(rows, groups.items(), strict=True):
        at, unit = moments_of(group)
        if len(at) == 0 or group.attrs["n_synapses"] == 0:
            raise StoreError(f"{store}: projection {name!r} has no synapses or no snapshot yet")
        first, last = (w.copy() for w in frames(group, [0, len(at) - 1]))
        halves = row.subfigures(1, 2, width_ratios=[1.25, 1]) if _is_image(group) else [row]
        word = "{:g} ms" if unit == "ms" else "snapshot at {:g}"
        snapshots = [(word.format(at[0]), first), (word.format(at[-1]), last)]
        _draw_histogram(halves[0].subplots(), name, group, snapshots)
        if _is_image(group):
            _draw_receptive_fields(halves[1], group, first, last)
    return figure


def _draw_histogram(
    axes: Axes, name: str, group: Any, snapshots: Sequence[tuple[str, NDArray[np.float32]]]
) -> None:
    """Draw the distributions of the first and the last snapshot over the same bins."""
    both = dict(snapshots)  # one entry if there is a single snapshot
    low = min(float(np.nanmin(w)) for w in both.values())
    high = max(float(np.nanmax(w)) for w in both.values())
    bins = np.linspace(low, high if high > low else low + 1, 61).tolist()
    for (at, w), colour in zip(both.items(), (_BEFORE, _AFTER), strict=False):
        axes.hist(w, bins=bins, color=colour, alpha=0.75, label=at)
    unit = unit_of(group["w"])
    axes.set_title(name, pad=22)
    axes.set(xlabel=f"weight ({unit})" if unit else "weight", ylabel="synapses")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)


def _draw_receptive_fields(
    figure: SubFigure, group: Any, first: NDArray[np.float32], last: NDArray[np.float32]
) -> None:
    """Draw the weights onto the 16 post neurons whose weights changed most, as images."""
    pre, post = group["pre"][:], group["post"][:]
    side = math.isqrt(int(group.attrs["n_pre"]))
    change = np.bincount(post, np.abs(last - first))
    units = np.sort(np.argsort(-change, kind="stable")[:16])
    fields = np.full((len(change), side * side), np.nan, np.float32)
    fields[post, pre] = last
    shown = fields[units]
    limit = float(np.nanpercentile(np.abs(shown), 99.8)) or 1.0
    signed = float(np.nanmin(shown)) < 0
    axes = figure.subplots(4, 4)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, unit, field in zip(axes.flat, units, shown, strict=False):
        image = axis.imshow(
            field.reshape(side, side),
            cmap="RdBu_r" if signed else "magma",
            vmin=-limit if signed else 0,
            vmax=limit,
        )
        axis.set_title(str(unit), fontsize=7, pad=2, color="#444444")
    figure.suptitle(f"onto the units that changed most, {side} x {side} inputs", fontsize=9)
    unit = unit_of(group["w"])
    figure.colorbar(
        image, ax=axes, label=f"weight ({unit})" if unit else "weight", fraction=0.05, extend="both"
    )


def _is_image(group: Any) -> bool:
    """Whether the pre neurons could be the pixels of a square image, worth looking at."""
    n_pre = int(group.attrs["n_pre"])
    return n_pre >= 16 and math.isqrt(n_pre) ** 2 == n_pre
