"""Rates of populations over time, and how they are spread over the neurons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .canvas import SERIES, figure_of
from .trains import Train, bins_of, counts_of, trains_of


def rates(
    store: Path | str, populations: Sequence[str], trials: Sequence[int], bin_ms: float | None
) -> Figure:
    """Draw a row for each population: its mean rate over time, a line for each trial, and the neurons' mean rates."""
    trains = trains_of(store, populations)
    bins = bins_of(trains, bin_ms)
    figure = figure_of(9.5, max(3.0, 0.8 + 1.9 * len(trains)))
    axes = figure.subplots(len(trains), 2, squeeze=False, width_ratios=[2.6, 1])
    for i, (train, (course, spread)) in enumerate(zip(trains, axes, strict=True)):
        numbers, seconds = [train.number(k) for k in trials], train.seconds(bins)
        for q, k in enumerate(numbers):
            rate = counts_of(train, bins, k)[0] / seconds / train.n_heard
            colour = SERIES[(i if len(numbers) == 1 else q) % len(SERIES)]
            course.stairs(
                rate, bins.edges(k), fill=len(numbers) == 1, color=colour, linewidth=1.0, label=train.title(k)
            )
        course.set_ylim(bottom=0)
        course.set_xlim(min(bins.edges(k)[0] for k in numbers), max(bins.edges(k)[-1] for k in numbers))
        course.tick_params(labelbottom=i == len(trains) - 1)
        course.set(ylabel=f"{train.name}\nrate (Hz)")
        counts, scale = _neurons(train, numbers), len(numbers) * np.nansum(seconds)
        width = max(1, -(-int(counts.max() - counts.min() + 1) // 40))  # spikes
        borders = np.arange(counts.min(), counts.max() + width + 1, width)
        found, _ = np.histogram(counts, borders)
        spread.stairs(found, borders / scale, fill=True, color=SERIES[i % len(SERIES)])
        each = counts / scale
        spread.axvline(each.mean(), color="#111111", linewidth=1.0, linestyle="--")
        spread.set_title(f"mean {each.mean():.3g} Hz, {np.mean(each == 0):.0%} silent", loc="left")
        spread.set_ylabel("neurons")
        spread.locator_params(axis="y", integer=True, nbins=5)
    if len(trials) > 1:
        axes[0, 0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, fontsize=8)
    else:
        axes[0, 0].set_title(
            f"{trains[0].title(numbers[0])}, bins of {bins.width * bins.tick_ms:g} ms", loc="left"
        )
    axes[-1, 0].set_xlabel("time (ms)")
    axes[-1, 1].set_xlabel("mean rate of a neuron (Hz)")
    return figure


def _neurons(train: Train, trials: Sequence[int]) -> NDArray[np.float64]:
    """Count each neuron's spikes in some trials."""
    counts = np.zeros(max(1, train.n_neurons))
    for k in trials:
        for _, neuron, _ in train.blocks(k, k):
            counts += np.bincount(neuron, minlength=len(counts))
    return counts if train.recorded is None else counts[train.recorded]
