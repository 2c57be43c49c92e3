"""Levels of neuromodulators over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tegmentum.simcore.errors import StoreError

from .canvas import SERIES, figure_of
from .envelope import envelope
from .source import edges_of, recorded, scaled

_MOST_LINES = 8


def levels(store: Path | str, modulators: Sequence[str]) -> Figure:
    """Draw the levels of each neuromodulator: a line for each subpopulation, or an image where there are many.

    Samples that are too many to be seen become lines from the least to the greatest in each bin, or means.
    """
    groups = recorded(store, "modulators", modulators)
    rows = [(name, group, c) for name, group in groups.items() for c in range(group["channel"].shape[0])]
    figure = figure_of(8, 0.5 + 2.6 * len(rows))
    for axes, (name, group, channel) in zip(
        figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows, strict=True
    ):
        array = group["level"]
        dim = array.metadata.dimension_names[0]
        if array.shape[0] == 0:
            raise StoreError(f"{store}: no level of {name!r} was recorded yet")
        found = envelope(array, [channel], None)
        at = group[dim][:: found.per]
        at, time = scaled(at) if dim == "time" else (at, str(group[dim].attrs["long_name"]))
        title = str(group["channel"][channel])
        axes.set_title(title if title == name else f"{name}, {title}", loc="left")
        axes.set_xlabel(time)
        n = array.shape[-1]
        if n <= _MOST_LINES:
            for k in range(n):
                style = "-" if k < len(SERIES) else "--"
                label = str(k) if k else "subpopulation 0"
                found.draw(
                    axes, at, k, color=SERIES[k % len(SERIES)], linewidth=0.9, linestyle=style, label=label
                )
            axes.set_ylabel("level")
            axes.margins(x=0.01)
            if n > 1:
                axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=n, borderaxespad=0, fontsize=8,
                            handlelength=1.2, columnspacing=1.0)  # fmt: skip
        else:
            edges = [k - 0.5 for k in range(n + 1)]
            image = axes.pcolormesh(edges_of(at), edges, found.mean.T, cmap="viridis", rasterized=True)
            figure.colorbar(image, ax=axes, label="level", pad=0.01, aspect=15)
            axes.set_ylabel("subpopulation")
        if dim != "time":
            axes.locator_params(axis="x", integer=True)
    return figure
