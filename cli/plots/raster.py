"""Spikes: a dot each, or a rate in bins of time and neurons where they are too many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError

from .canvas import SERIES, figure_of
from .source import recorded

_MOST_DOTS = 100_000


class Train(NamedTuple):
    """Spikes of one population in one trial."""

    trial: int
    ms: NDArray[np.float64]
    neuron: NDArray[np.uint32]
    length: float  # ms, 0 where not known
    name: str  # with the label and the prediction, where they are known


def raster(store: Path, populations: Sequence[str], trials: Sequence[int]) -> Figure:
    """Draw spikes: a row of axes for each population, a column for each trial; times in ms.

    Beyond 100,000 spikes the dots of the most active populations become a histogram of the firing rate.
    """
    groups = recorded(store, "spikes", populations)
    trains = {name: [_train(store, name, group, k) for k in trials] for name, group in groups.items()}
    n_spikes = {name: sum(len(train.ms) for train in row) for name, row in trains.items()}
    too_many = sum(n_spikes.values()) > _MOST_DOTS
    figure = figure_of(min(16, 3 + 5 * len(trials)), min(14, 1.6 + 1.9 * len(groups)))
    heights = [max(1, math.log10(int(group.attrs["n_neurons"]) + 1)) for group in groups.values()]
    axes = figure.subplots(
        len(groups), len(trials), sharex="col", sharey="row", squeeze=False, height_ratios=heights
    )
    for i, (name, group) in enumerate(groups.items()):
        n_neurons = int(group.attrs["n_neurons"])
        if too_many and n_spikes[name] > _MOST_DOTS / len(groups):
            _draw_rates(figure, axes[i], trains[name], n_neurons)
        else:
            _draw_dots(axes[i], trains[name], n_neurons, SERIES[i % len(SERIES)])
        axes[i, 0].set_ylabel(f"{name}\nneuron")
        axes[i, 0].locator_params(axis="y", integer=True)
    for axis, train in zip(axes[0], next(iter(trains.values())), strict=True):
        axis.set_title(train.name, color="#444444")
    for axis, row in zip(axes[-1], zip(*trains.values(), strict=True), strict=True):
        axis.set_xlabel("time (ms)")
        axis.set_xlim(*_span(row))
    return figure


def _train(store: Path, name: str, group: Any, trial: int) -> Train:
    """Read one trial; spikes after the last complete trial count as one more."""
    edges = [int(edge) for edge in group["trial_offset"][:]]
    n_spikes = group["t"].shape[0]
    if n_spikes > edges[-1]:
        edges.append(n_spikes)
    n_trials = len(edges) - 1
    if not -n_trials <= trial < n_trials:
        raise StoreError(f"{store}: population {name!r} has {n_trials} trials, there is no trial {trial}")
    k = trial % n_trials
    spikes = slice(edges[k], edges[k + 1])
    tick_ms = float(group.attrs["tick_ms"])
    ticks = group["trial_ticks"][:]
    named = [
        f"{key} {int(group[key][k])}" for key in ("label", "prediction") if key in group and k < len(ticks)
    ]
    return Train(
        k,
        group["t"][spikes] * tick_ms,
        group["neuron"][spikes],
        float(ticks[k]) * tick_ms if k < len(ticks) else 0.0,
        ", ".join([f"trial {k}", *named]),
    )


def _draw_dots(axes: Sequence[Axes], trains: Sequence[Train], n_neurons: int, colour: str) -> None:
    most = max(len(train.ms) for train in trains)
    area = min(8.0, max(0.4, 4000 / (most + 1)))
    pad = max(0.5, 0.025 * n_neurons)  # so that the dots of the first and last neuron are whole
    for axis, train in zip(axes, trains, strict=True):
        axis.scatter(train.ms, train.neuron, s=area, color=colour, linewidths=0, rasterized=True)
        axis.set_ylim(-pad, n_neurons - 1 + pad)


def _span(trains: Sequence[Train]) -> tuple[float, float]:
    """Time axis of a trial: from 0 on, or from the second of the first spike in a run that begins later."""
    last = max([1.0, *(float(train.ms.max()) for train in trains if len(train.ms))])
    first = min([last, *(float(train.ms.min()) for train in trains if len(train.ms))])
    length = max(train.length for train in trains)
    begin = 0.0 if last <= 1.001 * length or not length else max(0.0, min(first, last - length))
    return begin, max(last, begin + length)


def _draw_rates(figure: Figure, axes: Sequence[Axes], trains: Sequence[Train], n_neurons: int) -> None:
    """Draw the rate in bins of time and neurons, all trials on one colour scale."""
    images = [_rate_image(axis, train, n_neurons) for axis, train in zip(axes, trains, strict=True)]
    highest = max(float(np.percentile(rate, 99.8)) for _, rate in images)
    for image, _ in images:
        image.set_clim(0, highest or 1.0)
    figure.colorbar(images[0][0], ax=axes, label="rate (Hz)", extend="max", pad=0.01, aspect=15)


def _rate_image(
    axis: Axes, train: Train, n_neurons: int, n_bins: int = 200
) -> tuple[Any, NDArray[np.float64]]:
    """Draw one train, in bins of neurons that hold some five spikes on average."""
    rows = max(1, min(n_neurons, 150, len(train.ms) // (5 * n_bins)))
    span = (float(train.ms.min()), float(train.ms.max()) + 1e-3) if len(train.ms) else (0.0, 1.0)
    limits = -0.5, n_neurons - 0.5
    counts, *_ = np.histogram2d(train.ms, train.neuron, bins=(n_bins, rows), range=(span, limits))
    rate = counts.T / ((span[1] - span[0]) / n_bins / 1000 * n_neurons / rows)
    extent = (*span, *limits)
    image = axis.imshow(
        rate, aspect="auto", origin="lower", extent=extent, cmap="magma", interpolation="nearest"
    )
    return image, rate
