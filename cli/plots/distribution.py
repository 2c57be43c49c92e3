"""How many synapses have which value at each time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from tegmentum.simcore.record.replay import frames

from .canvas import figure_of
from .source import edges_of, moments, quantity, recorded, synapses_of

_BINS = 80
_QUANTILES = 0.05, 0.25, 0.5, 0.75, 0.95


def distribution(store: Path | str, kind: str, projections: Sequence[str]) -> Figure:
    """Draw how many synapses have which value at each time, with the median and two bands of quantiles."""
    groups = recorded(store, kind, projections)
    figure = figure_of(8, 0.5 + 3.4 * len(groups))
    for axes, (name, group) in zip(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups.items(),
                                   strict=True):  # fmt: skip
        chosen, at, label = moments(store, kind, name, group)
        low, high = np.inf, -np.inf
        quantiles = np.empty((len(chosen), len(_QUANTILES)))
        for k, now in enumerate(frames(group, chosen)):
            low, high = min(low, float(now.min())), max(high, float(now.max()))
            quantiles[k] = np.quantile(now, _QUANTILES)
        bins = np.linspace(low, high, _BINS + 1) if high > low else low + np.linspace(-0.5, 0.5, _BINS + 2)
        counts = np.array([np.histogram(now, bins)[0] for now in frames(group, chosen)])
        image = axes.pcolormesh(
            edges_of(at), bins, np.ma.masked_equal(counts.T, 0), cmap="Blues", rasterized=True,
            norm=LogNorm(0.5, max(2, counts.max())),  # a single one must be seen
        )  # fmt: skip
        figure.colorbar(image, ax=axes, label="synapses", pad=0.01, aspect=18)
        styles = {0.5: ("-", 1.6), 0.25: ("--", 1.1), 0.75: ("--", 1.1)}
        words = {0.5: "median", 0.75: "25 and 75 %", 0.95: "5 and 95 %"}
        for q, line in zip(_QUANTILES, quantiles.T, strict=True):
            style, width = styles.get(q, (":", 1.1))
            axes.plot(
                at, line, color="#d1495b", linestyle=style, linewidth=width, label=words.get(q),
                marker="o" if len(at) == 1 else "",
            )  # fmt: skip
        axes.set(xlabel=label, ylabel=quantity(kind, group), xlim=(edges_of(at)[0], edges_of(at)[-1]))
        axes.set_title(f"{name}, {synapses_of(int(group.attrs['n_synapses']))}", loc="left")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0, fontsize=8)
    return figure
