"""Peri-stimulus time histograms: rates over the time since a trial began, averaged over trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError

from .canvas import figure_of
from .trains import Bins, Train, bins_of, trains_of

_MOST_LABELS = 12
_BATCH = 1 << 20  # numbers that are kept at once


def psth(store: Path | str, populations: Sequence[str], bin_ms: float | None) -> Figure:
    """Draw each population's mean rate over all trials with its standard error, and of each of a few labels."""
    trains = trains_of(store, populations)
    fewest, most = (f(train.n_whole for train in trains) for f in (min, max))
    if fewest < 2:
        raise StoreError(f"{store}: psth is an average over trials, there is one only; `rates` draws it")
    averaged = f"{most}" if fewest == most else f"{fewest} to {most}"
    bins = bins_of(trains, bin_ms, at_least=80)
    figure = figure_of(7.6, max(3.4, 0.8 + 2.2 * len(trains)))
    axes = figure.subplots(len(trains), 1, squeeze=False, sharex=True)[:, 0]
    labels = trains[0].labels("label")
    for axis, train in zip(axes, trains, strict=True):
        _draw(axis, train, bins)
        axis.set(ylabel=f"{train.name}\nrate (Hz)")
        axis.set_ylim(bottom=0)
    axes[0].set_title(
        f"mean of {averaged} trials with its standard error, bins of {bins.width * bins.tick_ms:g} ms",
        loc="left",
    )
    axes[-1].set_xlabel("time since the trial began (ms)")
    axes[-1].set_xlim(0, bins.n_ticks * bins.tick_ms)
    handles, names = axes[0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(
            handles,
            names,
            loc="outside right upper",
            title="label" if labels is not None else None,
            fontsize=8,
        )
    return figure


def _draw(axis: Axes, train: Train, bins: Bins) -> None:
    """Draw one population; a trial counts in the bins that it lasts through, so trials may differ in length."""
    total, squares, n = np.zeros(len(bins)), np.zeros(len(bins)), np.zeros(len(bins))
    labels = train.labels("label")
    known = np.unique(labels) if labels is not None else np.zeros(0, np.int64)
    of_label, times = np.zeros((2, len(known), len(bins)))
    for first, counts in _counted(train, bins):
        lasts = _lasts(train, bins, first, len(counts))
        counts *= lasts
        n += lasts.sum(axis=0)
        total += counts.sum(axis=0)
        squares += (counts**2).sum(axis=0)
        if labels is not None:
            mine = labels[first : first + len(counts)]
            np.add.at(of_label, np.searchsorted(known, mine), counts[: len(mine)])
            np.add.at(times, np.searchsorted(known, mine), lasts[: len(mine)])
    scale = 1 / (train.seconds(bins) * train.n_heard)
    mean = _over(total, n)
    error = np.sqrt(_over(np.maximum(_over(squares, n) - mean**2, 0), n - 1))
    edges = (np.minimum(np.arange(len(bins) + 1) * bins.width, bins.n_ticks)) * bins.tick_ms
    if 1 < len(known) <= _MOST_LABELS and labels is not None:
        colours = mpl.colormaps["tab10" if len(known) <= 10 else "tab20"](np.arange(len(known)))
        for label, row, of, colour in zip(known, of_label, times, colours, strict=True):
            axis.stairs(_over(row, of) * scale, edges, color=colour, linewidth=0.9, label=str(label))
    low, high = (mean - error) * scale, (mean + error) * scale
    axis.stairs(high, edges, baseline=np.maximum(low, 0), fill=True, color="#9aa5b1", alpha=0.6)
    axis.stairs(mean * scale, edges, color="#111111", linewidth=1.6, label="all")


def _over(values: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; NaN where there is nothing to divide by."""
    found: NDArray[np.float64] = np.where(n > 0, values / np.maximum(n, 1), np.nan)
    return found


def _lasts(train: Train, bins: Bins, first: int, n: int) -> NDArray[np.float64]:
    """Return 1 where a trial lasts to the end of a bin, else 0; shape (n, n_bins). Lengths not known count as whole."""
    ends = np.minimum((np.arange(len(bins)) + 1) * bins.width, bins.n_ticks)
    lengths = train.lengths[first : first + n, None]
    found: NDArray[np.float64] = ((lengths >= ends) | (lengths == 0)).astype(np.float64)
    return found


def _counted(train: Train, bins: Bins) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Give the counts of some trials, (n, n_bins), with the number of the first; never many at once."""
    at_once = max(1, _BATCH // len(bins))
    for first in range(0, train.n_whole, at_once):
        last = min(first + at_once, train.n_whole) - 1
        counts = np.zeros((last - first + 1) * len(bins))
        for tick, _, trial in train.blocks(first, last):
            cell = (trial - first) * len(bins) + bins.of(tick, trial)
            counts += np.bincount(cell, minlength=len(counts))
        yield first, counts.reshape(-1, len(bins))
