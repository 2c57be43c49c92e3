"""Weights and eligibilities: before and after, and over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.record.replay import frames, moments_of

from ..plots.cells import cells_of
from ..plots.source import is_sample, quantity, scaled
from .budget import MOST, left_out
from .figure import SERIES, Figure, axis, count, image, legend_above, line, steps

_BINS = 80
_MOST_CELLS = 170  # along an axis of a matrix
_MOST_VALUES = 1 << 28  # read for a course, at most
_QUANTILES = 0.05, 0.25, 0.5, 0.75, 0.95


def synapses(kind: str, groups: Mapping[str, Any]) -> Iterator[Figure]:
    """Draw weights or eligibilities of each projection."""
    more = left_out(len(groups), "projections", "weights")
    for name, group in islice(groups.items(), MOST):
        at, unit = moments_of(group)
        if len(at) and int(group.attrs["n_synapses"]):
            yield _before_and_after(kind, name, group, at, unit, more)
            if len(at) > 2:
                yield _course(kind, name, group, at, unit)
            if kind == "weights":
                yield _matrix(name, group, at, unit)


def _before_and_after(kind: str, name: str, group: Any, at: Any, unit: str, more: str) -> Figure:
    chosen = sorted({0, len(at) - 1})
    shown = [found.copy() for found in frames(group, chosen)]
    edges = _edges([w[np.isfinite(w)] for w in shown])
    data, words = [], []
    for k, w, colour in zip(chosen, shown, (SERIES[5], SERIES[0])[-len(shown) :], strict=True):
        moment = f"at {at[k]:,g} ms" if unit == "ms" else f"at snapshot {at[k]}"
        known = w[np.isfinite(w)]
        data.append(steps(edges, np.histogram(known, edges)[0], moment, colour))
        found = f"mean {known.mean():.4g}, standard deviation {known.std():.4g} " if len(known) else ""
        lost = f", {len(w) - len(known):,} not finite" if len(known) < len(w) else ""
        words.append(f"{found}{moment}{lost}")
    moved = f" {np.mean(shown[0] != shown[-1]):.1%} differ." if len(shown) > 1 else ""
    some = "recorded " if is_sample(group) else ""
    label = quantity(kind, group)
    of = f"{count(len(shown[0]), f'{some}synapse')}, {_unit(label)}"
    caption = f"Distribution of {of}: {'; '.join(words)}.{moved}{more}"
    layout = {"xaxis": axis(label), "yaxis": axis("synapses"), **legend_above(data)}
    return Figure(f"{_plural(kind)} of {name}", caption, data, layout)


def _edges(found: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return the borders of bins that hold all values, also where these are all the same or there are none."""
    ends = [float(end) for w in found if len(w) for end in (w.min(), w.max())] or [0.0]
    low, high = min(ends), max(ends)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _course(kind: str, name: str, group: Any, at: Any, unit: str) -> Figure:
    n = int(group.attrs["n_synapses"])
    most = max(3, min(300, _MOST_VALUES // n))
    chosen = np.unique(np.linspace(0, len(at) - 1, min(len(at), most)).round().astype(int))
    quantiles, mean = np.full((len(chosen), len(_QUANTILES)), np.nan), np.full(len(chosen), np.nan)
    for k, now in enumerate(frames(group, chosen.tolist())):
        known = now[np.isfinite(now)]
        if len(known):
            quantiles[k], mean[k] = np.quantile(known, _QUANTILES), known.mean()
    x, title = scaled(at[chosen]) if unit == "ms" else (at[chosen].astype(float), "snapshot (epoch)")
    hidden = {"showlegend": False, "mode": "lines", "hoverinfo": "skip"}
    bands = []
    for low, high, opacity, words in ((0, 4, 0.16, "5 to 95 %"), (1, 3, 0.3, "25 to 75 %")):
        clear = {"color": "rgba(0,0,0,0)", "width": 0}
        bands.append(line(x, quantiles[:, low], words, SERIES[0]) | hidden | {"line": clear})
        fill = {
            "fill": "tonexty",
            "fillcolor": f"rgba(43,123,186,{opacity})",
            "showlegend": True,
            "line": clear,
        }
        bands.append(line(x, quantiles[:, high], words, SERIES[0]) | hidden | fill)
    data = [
        *bands,
        line(x, quantiles[:, 2], "median", SERIES[0]),
        line(x, mean, "mean", SERIES[1], line={"color": SERIES[1], "width": 1.6, "dash": "dash"}),
    ]
    label = quantity(kind, group)
    some = (
        f"{len(chosen):,} of {len(at):,} snapshots" if len(chosen) < len(at) else count(len(at), "snapshot")
    )
    caption = f"Mean, median and bands of quantiles over {count(n, 'synapse')}, {_unit(label)}, at {some}."
    layout = {"xaxis": axis(title), "yaxis": axis(label), **legend_above(data)}
    return Figure(f"{_plural(kind)} of {name} over time", caption, data, layout)


def _matrix(name: str, group: Any, at: Any, unit: str) -> Figure:
    """Draw the last weights as pre x post, empty where there is no synapse: who projects to whom, and how strongly."""
    found, per_pre, per_post = cells_of(group, len(at) - 1, _MOST_CELLS)
    n_pre, n_post = (int(group.attrs[f"n_{end}"]) for end in ("pre", "post"))
    word = quantity("weights", group)
    known = found[np.isfinite(found)]
    low, high = (float(v) for v in np.quantile(known, (0.002, 0.998))) if len(known) else (0.0, 1.0)
    colours: dict[str, Any] = {"zmin": low, "zmax": high if high > low else low + 1}
    if len(known) and known.min() < 0 < known.max():
        most = max(-low, high)
        colours = {"zmin": -most, "zmax": most, "colorscale": "RdBu"}
    moment = f"at {at[-1]:,g} ms" if unit == "ms" else f"at snapshot {at[-1]}"
    binned = (
        f" Each cell is the mean between {per_pre} x {per_post} neurons." if per_pre * per_post > 1 else ""
    )
    some = "recorded " if is_sample(group) else ""
    n = int(group.attrs["n_synapses"])
    caption = (
        f"{count(n, f'{some}synapse')}, {n / (n_pre * n_post):.3g} for each pair of neurons, {moment}; empty where "
        f"there is none.{binned}"
    )
    data = image(
        found,
        word,
        x0=(per_post - 1) / 2,
        dx=per_post,
        y0=(per_pre - 1) / 2,
        dy=per_pre,
        hoverongaps=False,
        **colours,
    )
    layout = {"xaxis": axis("post neuron"), "yaxis": axis("pre neuron", autorange="reversed")}
    return Figure(f"Matrix of the weights of {name}", caption, [data], layout, 380)


def _plural(kind: str) -> str:
    return "Eligibilities" if kind == "eligibility" else "Weights"


def _unit(label: str) -> str:
    return f"in {label.partition('(')[2].rstrip(')')}" if "(" in label else "dimensionless"
