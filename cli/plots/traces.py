"""State variables of some neurons over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError

from .canvas import SERIES, figure_of
from .envelope import envelope
from .source import edges_of, recorded, scaled, unit_of

_MOST_LINES = 8
_MOST_ROWS = 400


def traces(store: Path | str, names: Sequence[str], neurons: Sequence[int], trials: Sequence[int]) -> Figure:
    """Draw each recorded variable: an axis for each neuron, or an image of all where they are many.

    Samples that are too many to be seen become an envelope from the least to the greatest in each bin.
    """
    rows = []
    for name, group in recorded(store, "traces", names).items():
        chosen = _chosen(store, name, group, neurons)
        if group["time"].shape[0] == 0 or group.attrs["n_neurons"] == 0:
            raise StoreError(f"{store}: traces {name!r}: there are no neurons or no sample yet")
        rows += [(name, group, key, chosen) for key in _variables(group)]
    heights = [0.8 + 0.85 * len(chosen) if chosen is not None else 2.6 for *_, chosen in rows]
    figure = figure_of(8.5, 0.6 + sum(heights))
    for part, (name, group, key, chosen) in zip(
        figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0], rows, strict=True
    ):
        array = group[key]
        where: list[int] = []
        title = name if key in name.split("_") else f"{name}, {key}"
        if array.ndim == 3:
            k = trials[0]
            if not -array.shape[1] <= k < array.shape[1]:
                raise StoreError(
                    f"{store}: traces {name!r} have {array.shape[1]} trials, there is no trial {k}"
                )
            where, title = [k % array.shape[1]], f"{title}, trial {k % array.shape[1]}"
        unit = unit_of(array)
        label = f"{key} ({unit})" if unit else key
        if chosen is None:
            _draw_image(part.subplots(), part, group, array, where, title, label)
        else:
            _draw_lines(part, group, array, where, chosen, title, label)
    return figure


def _draw_lines(
    figure: SubFigure, group: Any, array: Any, where: list[int], chosen: list[int], title: str, label: str
) -> None:
    found = envelope(array, where, chosen)
    at, time = scaled(_times(group, found.per))
    axes = figure.subplots(len(chosen), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    ids = group["neuron"][:]
    for q, (axis, column) in enumerate(zip(axes, chosen, strict=True)):
        found.draw(axis, at, q, color=SERIES[q % len(SERIES)], linewidth=0.8)
        axis.margins(x=0.01)
        axis.set_ylabel(str(ids[column]), rotation=0, ha="right", va="center")
        axis.locator_params(axis="y", nbins=4)
    n = len(ids)
    some = f"{len(chosen)} of {n:,} neurons" if len(chosen) < n else f"{n} neuron{'s' if n > 1 else ''}"
    less = f"; from the least to the greatest of each {found.per:,} samples" if found.per > 1 else ""
    axes[0].set_title(f"{title}: {some}{less}", loc="left")
    axes[-1].set_xlabel(time)
    figure.supylabel(f"{label}, by neuron", fontsize=9)


def _draw_image(
    axis: Axes, figure: SubFigure, group: Any, array: Any, where: list[int], title: str, label: str
) -> None:
    n = int(array.shape[-1])
    per_row = -(-n // _MOST_ROWS)
    found = envelope(array, where, None, per_row)
    at, time = scaled(_times(group, found.per))
    rows = np.minimum(np.arange(found.mean.shape[1] + 1) * per_row, n) - 0.5
    image = axis.pcolormesh(edges_of(at), rows, found.mean.T, cmap="viridis", rasterized=True)
    figure.colorbar(image, ax=axis, label=label, pad=0.01, aspect=18)
    cells = [f"{found.per:,} samples"] if found.per > 1 else []
    cells += [f"{per_row} neurons"] if per_row > 1 else []
    axis.set_title(
        f"{title}: {n:,} neurons{'; means of ' + ' and '.join(cells) if cells else ''}", loc="left"
    )
    axis.set(xlabel=time, ylabel="recorded neuron")


def _chosen(store: Path | str, name: str, group: Any, neurons: Sequence[int]) -> list[int] | None:
    """Return the columns to draw as lines; None for an image of all."""
    ids = group["neuron"][:].tolist()
    if not neurons:
        return list(range(len(ids))) if len(ids) <= _MOST_LINES else None
    for k in neurons:
        if k not in ids:
            some = ", ".join(str(i) for i in ids[:12])
            raise StoreError(
                f"{store}: traces {name!r} hold no neuron {k}; they hold {some}{', ...' if len(ids) > 12 else ''}"
            )
    return [ids.index(k) for k in neurons]


def _times(group: Any, step: int) -> NDArray[np.float64]:
    """Return the times of every ``step``-th sample [ms]; stores of schema 1 hold ticks."""
    time = group["time"]
    factor = float(group.attrs["tick_ms"]) if time.attrs.get("units") == "tick" else 1.0
    at: NDArray[np.float64] = time[::step] * factor
    return at


def _variables(group: Any) -> list[str]:
    return sorted(key for key, _ in group.arrays() if key not in ("time", "tick", "neuron"))
