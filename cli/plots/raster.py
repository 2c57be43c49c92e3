"""Spikes: a dot each, or a rate in bins of time and neurons where they are too many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import SERIES, figure_of
from .trains import Bins, Train, begins_of, bins_of, counts_of, trains_of

_MOST_DOTS = 100_000


def raster(store: Path | str, populations: Sequence[str], trials: Sequence[int]) -> Figure:
    """Draw spikes: a row of axes for each population, a column for each trial; times in ms.

    Beyond 100,000 spikes the dots of the most active populations become a histogram of the firing rate. They are read
    in blocks, so that memory does not grow with their number.
    """
    trains = trains_of(store, populations)
    numbers = [[train.number(k) for k in trials] for train in trains]
    n_spikes = [sum(train.n_spikes(k) for k in row) for train, row in zip(trains, numbers, strict=True)]
    too_many = sum(n_spikes) > _MOST_DOTS
    heights = [max(1, math.log10(train.n_neurons + 1)) for train in trains]
    width = max(min(16.0, 3 + 5 * len(trials)), 2.4 * len(trials))
    figure = figure_of(width, max(3.2, min(14.0, 1.6 + 1.9 * len(trains)), 1.2 * len(trains)))
    axes = figure.subplots(
        len(trains), len(trials), sharex="col", sharey="row", squeeze=False, height_ratios=heights
    )
    begins, n_ticks, _ = begins_of(trains)
    for i, (train, row) in enumerate(zip(trains, numbers, strict=True)):
        if too_many and n_spikes[i] > _MOST_DOTS / len(trains):
            _draw_rates(figure, axes[i], train, row)
        else:
            _draw_dots(axes[i], train, row, SERIES[i % len(SERIES)])
        axes[i, 0].set_ylabel(f"{train.name}\nneuron")
        axes[i, 0].locator_params(axis="y", integer=True)
    for axis, last, k in zip(axes[0], axes[-1], numbers[0], strict=True):
        axis.set_title(trains[0].title(k), color="#444444")
        last.set_xlabel("time (ms)")
        last.set_xlim(begins[k] * trains[0].tick_ms, (begins[k] + n_ticks) * trains[0].tick_ms)
    return figure


def _draw_dots(axes: Sequence[Axes], train: Train, trials: Sequence[int], colour: str) -> None:
    most = max(train.n_spikes(k) for k in trials)
    area = min(8.0, max(0.9, 4000 / (most + 1)))
    pad = max(0.5, 0.025 * train.n_neurons)  # so that the dots of the first and last neuron are whole
    for axis, k in zip(axes, trials, strict=True):
        spikes = [(tick * train.tick_ms, neuron) for tick, neuron, _ in train.blocks(k, k)]
        ms = np.concatenate([column for column, _ in spikes] or [np.zeros(0)])
        neurons = np.concatenate([column for _, column in spikes] or [np.zeros(0, np.uint32)])
        axis.scatter(ms, neurons, s=area, color=colour, linewidths=0, rasterized=True)
        axis.set_ylim(-pad, train.n_neurons - 1 + pad)


def _draw_rates(figure: Figure, axes: Sequence[Axes], train: Train, trials: Sequence[int]) -> None:
    """Draw the rate in bins of time and neurons that hold some five spikes on average, trials on one colour scale."""
    most = max(train.n_spikes(k) for k in trials)
    rows = max(1, min(train.n_neurons, 150, most // (5 * 200)))
    per_row = -(-train.n_neurons // rows)
    rows = -(-train.n_neurons // per_row)
    found = bins_of([train], None)
    n_bins = min(1000, max(200, most // (5 * rows)))
    bins = Bins(found.begins, found.shift, found.n_ticks, -(-found.n_ticks // n_bins), train.tick_ms)
    in_row = np.minimum(per_row, train.n_neurons - per_row * np.arange(rows))
    rates = [counts_of(train, bins, k, rows, per_row) / train.seconds(bins) / in_row[:, None] for k in trials]
    highest = max(float(np.nanpercentile(rate, 99.8)) for rate in rates) or 1.0
    neurons = np.minimum(np.arange(rows + 1) * per_row, train.n_neurons) - 0.5
    for axis, k, rate in zip(axes, trials, rates, strict=True):
        image = axis.pcolormesh(
            bins.edges(k), neurons, rate, cmap="magma", vmin=0, vmax=highest, rasterized=True
        )
        axis.set_ylim(neurons[0], neurons[-1])
    figure.colorbar(image, ax=axes, label="rate (Hz)", extend="max", pad=0.01, aspect=15)
