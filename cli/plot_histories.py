"""Histories as pictures: trajectories of weights, their distribution over time, levels of neuromodulators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tegmentum.simcore.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_MOST_FRAMES = 500
_MOST_SAMPLES = 20_000
_MOST_LINES = 8
_BINS = 80
_QUANTILES = 0.05, 0.25, 0.5, 0.75, 0.95


def trajectories(store: Path, kind: str, projections: Sequence[str], n_synapses: int) -> Figure:
    """Draw some synapses, evenly spaced among those recorded, each a line coloured by where it ends; and the mean."""
    import matplotlib as mpl
    import numpy as np

    from tegmentum.simcore.record.replay import frames

    from .plot import _figure, _groups

    groups = _groups(store, kind, projections)
    figure = _figure(8, 0.5 + 3.0 * len(groups))
    for axes, (name, group) in zip(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups.items(),
                                   strict=True):  # fmt: skip
        chosen, at, label = _moments(store, kind, name, group)
        n = int(group.attrs["n_synapses"])
        count = min(n, n_synapses)
        places = np.arange(count) * n // count
        lines, mean = np.empty((len(chosen), count)), np.empty(len(chosen))
        for k, now in enumerate(frames(group, chosen)):
            lines[k], mean[k] = now[places], now.mean()
        rank = np.argsort(np.argsort(lines[-1], kind="stable")) / max(1, count - 1)
        for line, colour in zip(lines.T, mpl.colormaps["viridis"](0.92 * rank), strict=True):
            axes.plot(at, line, color=colour, linewidth=0.7, alpha=0.8)
        axes.plot(at, mean, color="#111111", linewidth=1.8, label=f"mean of all {n:,} recorded")
        axes.set(xlabel=label, ylabel=_quantity(kind, group))
        axes.set_title(f"{name}, {count} of {n:,} synapses", loc="left")
        axes.margins(x=0.01)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, fontsize=8)
    return figure


def distribution(store: Path, kind: str, projections: Sequence[str]) -> Figure:
    """Draw how many synapses have which value at each time, with the median and two bands of quantiles."""
    import numpy as np
    from matplotlib.colors import LogNorm

    from tegmentum.simcore.record.replay import frames

    from .plot import _figure, _groups

    groups = _groups(store, kind, projections)
    figure = _figure(8, 0.5 + 3.4 * len(groups))
    for axes, (name, group) in zip(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups.items(),
                                   strict=True):  # fmt: skip
        chosen, at, label = _moments(store, kind, name, group)
        low, high = np.inf, -np.inf
        quantiles = np.empty((len(chosen), len(_QUANTILES)))
        for k, now in enumerate(frames(group, chosen)):
            low, high = min(low, float(now.min())), max(high, float(now.max()))
            quantiles[k] = np.quantile(now, _QUANTILES)
        bins = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
        counts = np.array([np.histogram(now, bins)[0] for now in frames(group, chosen)])
        image = axes.pcolormesh(
            _edges(at), bins, np.ma.masked_equal(counts.T, 0), cmap="Blues", rasterized=True,
            norm=LogNorm(1, max(2, counts.max())),
        )  # fmt: skip
        figure.colorbar(image, ax=axes, label="synapses", pad=0.01, aspect=18)
        styles = {0.5: ("-", 1.6), 0.25: ("--", 1.1), 0.75: ("--", 1.1)}
        words = {0.5: "median", 0.75: "25 and 75 %", 0.95: "5 and 95 %"}
        for q, line in zip(_QUANTILES, quantiles.T, strict=True):
            style, width = styles.get(q, (":", 1.1))
            axes.plot(at, line, color="#d1495b", linestyle=style, linewidth=width, label=words.get(q))
        axes.set(xlabel=label, ylabel=_quantity(kind, group), xlim=(_edges(at)[0], _edges(at)[-1]))
        axes.set_title(f"{name}, {int(group.attrs['n_synapses']):,} synapses", loc="left")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0, fontsize=8)
    return figure


def levels(store: Path, modulators: Sequence[str]) -> Figure:
    """Draw the levels of each neuromodulator: a line for each subpopulation, or an image where there are many."""
    from .plot import _SERIES, _figure, _groups

    groups = _groups(store, "modulators", modulators)
    rows = [(name, group, c) for name, group in groups.items() for c in range(group["channel"].shape[0])]
    figure = _figure(8, 0.5 + 2.6 * len(rows))
    for axes, (name, group, channel) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows,
                                            strict=True):  # fmt: skip
        array = group["level"]
        dim = array.metadata.dimension_names[0]
        if array.shape[0] == 0:
            raise StoreError(f"{store}: no level of {name!r} was recorded yet")
        step = -(-array.shape[0] // _MOST_SAMPLES)
        found = array[::step, channel]
        at, label = _scaled(group[dim][::step]) if dim == "time" else (group[dim][::step],
                                                                       str(group[dim].attrs["long_name"]))  # fmt: skip
        title = str(group["channel"][channel])
        axes.set_title(title if title == name else f"{name}, {title}", loc="left")
        axes.set_xlabel(label)
        if found.shape[1] <= _MOST_LINES:
            for k, line in enumerate(found.T):
                axes.plot(at, line, color=_SERIES[k % len(_SERIES)], linewidth=0.9,
                          linestyle="-" if k < len(_SERIES) else "--", label=str(k))  # fmt: skip
            axes.set_ylabel("level")
            axes.margins(x=0.01)
            if found.shape[1] > 1:
                axes.legend(title="subpopulation", loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        else:
            edges = [k - 0.5 for k in range(found.shape[1] + 1)]
            image = axes.pcolormesh(_edges(at), edges, found.T, cmap="viridis", rasterized=True)
            figure.colorbar(image, ax=axes, label="level", pad=0.01, aspect=15)
            axes.set_ylabel("subpopulation")
    return figure


def _moments(store: Path, kind: str, name: str, group: Any) -> tuple[list[int], NDArray[np.float64], str]:
    """Return which snapshots to draw, at most 500, and their times with the label of the axis."""
    import numpy as np

    from tegmentum.simcore.record.replay import moments_of

    at, unit = moments_of(group)
    if len(at) == 0 or group.attrs["n_synapses"] == 0:
        raise StoreError(f"{store}: {kind} of {name!r}: there are no synapses or no snapshot yet")
    chosen = np.unique(np.linspace(0, len(at) - 1, min(len(at), _MOST_FRAMES)).round().astype(int))
    shown, label = _scaled(at[chosen]) if unit == "ms" else (at[chosen].astype(float), unit)
    return chosen.tolist(), shown, label


def _scaled(ms: Any) -> tuple[NDArray[np.float64], str]:
    """Return times in ms, or in s where they are long."""
    return (ms / 1000.0, "time (s)") if ms[-1] >= 10_000.0 else (ms, "time (ms)")


def _edges(at: Any) -> NDArray[np.float64]:
    """Return borders halfway between moments, and as far beyond the first and the last."""
    import numpy as np

    at = np.asarray(at, float)
    middle = (at[1:] + at[:-1]) / 2
    if not len(middle):
        return np.array([at[0] - 0.5, at[0] + 0.5])
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def _quantity(kind: str, group: Any) -> str:
    """Return the label of the values' axis."""
    from tegmentum.simcore.record.replay import variable_of

    from .plot import _unit

    word = "eligibility" if kind == "eligibility" else "weight"
    unit = _unit(group[variable_of(group)])
    return f"{word} ({unit})" if unit else word
