"""Levels of neuromodulators over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tegmentum.simcore.errors import StoreError

from .canvas import SERIES, figure_of
from .source import edges_of, recorded, scaled

_MOST_SAMPLES = 20_000
_MOST_LINES = 8


def levels(store: Path, modulators: Sequence[str]) -> Figure:
    """Draw the levels of each neuromodulator: a line for each subpopulation, or an image where there are many."""
    groups = recorded(store, "modulators", modulators)
    rows = [(name, group, c) for name, group in groups.items() for c in range(group["channel"].shape[0])]
    figure = figure_of(8, 0.5 + 2.6 * len(rows))
    for axes, (name, group, channel) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows,
                                            strict=True):  # fmt: skip
        array = group["level"]
        dim = array.metadata.dimension_names[0]
        if array.shape[0] == 0:
            raise StoreError(f"{store}: no level of {name!r} was recorded yet")
        step = -(-array.shape[0] // _MOST_SAMPLES)
        found = array[::step, channel]
        at, label = scaled(group[dim][::step]) if dim == "time" else (group[dim][::step],
                                                                       str(group[dim].attrs["long_name"]))  # fmt: skip
        title = str(group["channel"][channel])
        axes.set_title(title if title == name else f"{name}, {title}", loc="left")
        axes.set_xlabel(label)
        if found.shape[1] <= _MOST_LINES:
            for k, line in enumerate(found.T):
                axes.plot(at, line, color=SERIES[k % len(SERIES)], linewidth=0.9,
                          linestyle="-" if k < len(SERIES) else "--", label=str(k))  # fmt: skip
            axes.set_ylabel("level")
            axes.margins(x=0.01)
            if found.shape[1] > 1:
                axes.legend(title="subpopulation", loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        else:
            edges = [k - 0.5 for k in range(found.shape[1] + 1)]
            image = axes.pcolormesh(edges_of(at), edges, found.T, cmap="viridis", rasterized=True)
            figure.colorbar(image, ax=axes, label="level", pad=0.01, aspect=15)
            axes.set_ylabel("subpopulation")
    return figure
