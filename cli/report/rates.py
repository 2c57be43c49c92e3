"""Rates of populations over time and of their neurons, and how regular these fire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.record.measures import MOST_SPIKES, isi_cv

from ..plots.source import scaled
from ..plots.trains import Bins, Train, bins_of
from .figure import SERIES, Figure, axis, count, legend_above, line, steps

_LINES = 6  # populations on one pair of axes
_BINS = 40


def rates(trains: Sequence[Train]) -> Iterator[Figure]:
    """Draw mean rates over time, averaged over trials, and how mean rates and CVs are spread over neurons."""
    bins = bins_of(trains, None)
    counted = [_counts(train, bins) for train in trains]
    regular = [isi_cv(train.group) for train in trains]
    for first in range(0, len(trains), _LINES):
        part = slice(first, first + _LINES)
        shown = trains[part]
        which = f", {shown[0].name} to {shown[-1].name}" if len(trains) > _LINES else ""
        yield _course(shown, bins, [course for course, _ in counted[part]], which)
        yield _spread(shown, bins, [neurons for _, neurons in counted[part]], which)
        yield from _intervals(shown, regular[part], which)


def _counts(train: Train, bins: Bins) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count spikes in bins since the trial began, and of each neuron."""
    course, neurons = np.zeros(len(bins), np.int64), np.zeros(max(1, train.n_neurons), np.int64)
    for tick, neuron, trial in train.blocks(0, train.n_trials - 1):
        course += np.bincount(bins.of(tick, trial), minlength=len(course))
        neurons += np.bincount(neuron, minlength=len(neurons))
    return course, neurons if train.recorded is None else neurons[train.recorded]


def _course(trains: Sequence[Train], bins: Bins, counts: Sequence[NDArray[np.int64]], which: str) -> Figure:
    data, means = [], []
    edges, x = scaled(bins.edges(0))
    middle = (edges[1:] + edges[:-1]) / 2
    for k, (train, course) in enumerate(zip(trains, counts, strict=True)):
        seconds = train.seconds(bins)
        rate = course / seconds / train.n_heard / train.n_trials
        data.append(line(middle, rate, train.name, SERIES[k % len(SERIES)], mode="lines"))
        means.append(
            f"{train.name} {course.sum() / np.nansum(seconds) / train.n_heard / train.n_trials:.3g} Hz"
        )
    n = trains[0].n_trials
    since = f"since the trial began, averaged over {n:,} trials" if n > 1 else "over time"
    x = x.replace("time", "time since the trial began") if n > 1 else x
    width = f"{bins.width * bins.tick_ms:g} ms"
    caption = f"Spikes of a neuron in a second, {since}, in bins of {width}. Means: {', '.join(means)}."
    layout = {"xaxis": axis(x), "yaxis": axis("rate (Hz)", rangemode="tozero"), **legend_above(data)}
    return Figure(f"Rates of populations{which}", caption, data, layout)


def _spread(trains: Sequence[Train], bins: Bins, counts: Sequence[NDArray[np.int64]], which: str) -> Figure:
    seconds = min(float(np.nansum(train.seconds(bins))) * train.n_trials for train in trains)
    highest = max(1, max(int(each.max()) for each in counts))
    width = -(-(highest + 1) // _BINS)
    borders = np.arange(0, highest + width + 1, width)
    data, silent = [], []
    for k, (train, each) in enumerate(zip(trains, counts, strict=True)):
        found, _ = np.histogram(each, borders)
        data.append(steps(borders / seconds, found / len(each) * 100, train.name, SERIES[k % len(SERIES)]))
        silent.append(f"{train.name} {np.mean(each == 0):.1%}")
    of = f"in bins of {width / seconds:.3g} Hz"
    caption = f"Share of neurons by their mean rate, {of}. Without a spike: {', '.join(silent)}."
    layout = {"xaxis": axis("mean rate of a neuron (Hz)"), "yaxis": axis("neurons (%)"), **legend_above(data)}
    return Figure(f"Rates of neurons{which}", caption, data, layout, 300)


def _intervals(trains: Sequence[Train], cvs: Sequence[NDArray[np.float64]], which: str) -> Iterator[Figure]:
    """Draw the CVs of those neurons that fired often enough, if there are any."""
    known = [(train, cv[~np.isnan(cv)]) for train, cv in zip(trains, cvs, strict=True)]
    if not any(len(cv) for _, cv in known):
        return
    highest = max(float(cv.max()) for _, cv in known if len(cv))
    edges = np.linspace(0, max(1.5, highest), _BINS + 1)
    data, words = [], []
    for k, (train, cv) in enumerate(known):
        if not len(cv):
            continue
        found, _ = np.histogram(cv, edges)
        data.append(steps(edges, found, train.name, SERIES[k % len(SERIES)]))
        of = f" of the first {MOST_SPIKES:,} spikes" if train.edges[-1] > MOST_SPIKES else ""
        words.append(f"{train.name} {cv.mean():.3g} ({count(len(cv), 'neuron')}{of})")
    caption = (
        "Standard deviation over mean of the intervals between a neuron's spikes, dimensionless: 1 for a Poisson "
        f"process, 0 for a clock; neurons with two intervals at least. Means: {', '.join(words)}."
    )
    layout = {"xaxis": axis("CV of intervals"), "yaxis": axis("neurons"), **legend_above(data)}
    yield Figure(f"Regularity of spikes{which}", caption, data, layout, 300)
