"""Spikes: a dot each, or the rate in bins of time and neurons where they are too many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..plots.trains import Train
from .budget import DOTS, cells
from .figure import SERIES, Figure, axis, count, image, label, packed, short
from .timeline import Timeline

_ROWS, _COLUMNS = 150, 400
_MOST_LABELS = 24
_ABOVE = {"yref": "paper", "yanchor": "bottom", "showarrow": False}
_STACKED = 6  # populations on one axis of time
_EXACT = 1 << 22  # ticks that float32 holds with room for a fraction


def rasters(trains: Sequence[Train]) -> Iterator[Figure]:
    """Draw the spikes of populations above each other, on one axis of time."""
    line = Timeline.of(trains)
    dotted, total = set(), 0
    for train in sorted(trains, key=lambda train: int(train.edges[-1])):
        total += int(train.edges[-1])
        if total <= DOTS:
            dotted.add(train.name)
    room = cells(len(trains) - len(dotted))
    for first in range(0, len(trains), _STACKED):
        yield _stack(trains[first : first + _STACKED], line, dotted, room)


def _stack(trains: Sequence[Train], line: Timeline, dotted: set[str], room: int) -> Figure:
    weights = [max(1.0, math.log10(train.n_neurons + 1)) for train in trains]
    gap = 26 / (75 * sum(weights) + 70)  # of the height, for a line of text
    scale = (1 - gap * (len(trains) - 1)) / sum(weights)
    top, words = 1.0, []
    data: list[dict[str, Any]] = []
    told = _labels(trains[0], line)
    layout: dict[str, Any] = {"shapes": line.lines(), "showlegend": False, "annotations": [*told]}
    for k, (train, weight) in enumerate(zip(trains, weights, strict=True)):
        y = f"y{k + 1}" if k else "y"
        bottom = max(0.0, top - weight * scale)
        layout[f"yaxis{y[1:]}"] = axis(
            "neuron", domain=[bottom, top], range=[-0.5, max(1, train.n_neurons) - 0.5]
        )
        heading = {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": top,
            "text": f"<i>{label(short(train.name))}</i>",
        }
        layout["annotations"].append(_ABOVE | heading | {"yshift": 0 if k or not told else 12})
        some = f"{train.n_heard:,} of " if train.recorded is not None else ""
        of = f"{count(int(train.edges[-1]), 'spike')} of {some}{count(train.n_neurons, 'neuron')}"
        if train.name in dotted:
            data.append(_dots(train, line, SERIES[k % len(SERIES)]) | {"yaxis": y})
            words.append(f"{train.name}: all {of}, a dot each")
        else:
            made, per_row, width = _density(train, line, room)
            made["colorbar"] |= {"len": top - bottom, "y": (top + bottom) / 2, "lenmode": "fraction"}
            data.append(made | {"yaxis": y})
            cell = f"{width:g} ms and {count(per_row, 'neuron')}"
            words.append(f"{train.name}: rate of {of}, in bins of {cell}")
        top = bottom - gap
    layout["xaxis"] = axis(line.title, range=line.limits, anchor=y)
    trials = f" {line.n_trials:,} trials, one after another." if line.n_trials > 1 else ""
    if told:
        trials += " Above each: its label and, where it is another, what it was taken for."
    names = ", ".join(train.name for train in trains)
    return Figure(f"Spikes of {names}", f"{'; '.join(words)}.{trials}", data, layout,
                  int(150 + 75 * sum(weights)))  # fmt: skip


def _labels(train: Train, line: Timeline) -> list[dict[str, Any]]:
    """Return the label of each trial above it, and the prediction where that is another."""
    labels, predictions = train.labels("label"), train.labels("prediction")
    if labels is None or not len(labels) or len(labels) > _MOST_LABELS:
        return []
    middle = (line.starts[1:] + line.starts[:-1]) / 2 * line.per_tick
    words = [
        f"{said}" if predictions is None or predictions[k] == said else f"<b>{said}→{predictions[k]}</b>"
        for k, said in enumerate(labels.tolist())
    ]
    return [
        _ABOVE | {"x": x, "y": 1, "text": text, "font": {"size": 10}}
        for x, text in zip(middle.tolist(), words, strict=False)
    ]


def _dots(train: Train, line: Timeline, colour: str) -> dict[str, Any]:
    """Return all spikes."""
    blocks = [
        (line.ticks(tick, trial), neuron) for tick, neuron, trial in train.blocks(0, train.n_trials - 1)
    ]
    ticks = np.concatenate([found for found, _ in blocks] or [np.zeros(0, np.int64)])
    neurons = np.concatenate([found for _, found in blocks] or [np.zeros(0, np.uint32)])
    dtype = "f4" if line.starts[-1] < _EXACT else "f8"
    size = float(np.clip(6 - np.log10(len(ticks) + 1), 2, 5))
    return {
        "type": "scatter", "mode": "markers", "name": label(train.name),
        "x": packed(ticks * line.per_tick, dtype), "y": packed(neurons, "u4"),
        "marker": {"size": size, "color": colour}, "hovertemplate": f"%{{x}} {line.unit}, neuron %{{y}}<extra></extra>",
    }  # fmt: skip


def _density(train: Train, line: Timeline, room: int) -> tuple[dict[str, Any], int, float]:
    """Return an image of the rate [Hz], the neurons of a row and the ms of a column."""
    columns = min(_COLUMNS, max(1, room // min(_ROWS, train.n_neurons)))
    width, per_row = line.bins(columns), -(-train.n_neurons // _ROWS)
    n_ticks = int(line.starts[-1] - line.starts[0])
    rows, columns = -(-train.n_neurons // per_row), -(-n_ticks // width)
    counts = np.zeros(rows * columns, np.int64)
    for tick, neuron, trial in train.blocks(0, train.n_trials - 1):
        at = np.clip((line.ticks(tick, trial) - line.starts[0] - line.shift) // width, 0, columns - 1)
        counts += np.bincount(neuron.astype(np.int64) // per_row * columns + at, minlength=len(counts))
    in_row = np.minimum(per_row, train.n_neurons - per_row * np.arange(rows))
    ticks = np.minimum(width, n_ticks - width * np.arange(columns))
    rate = counts.reshape(rows, columns) / (ticks * line.tick_ms * 1e-3) / in_row[:, None]
    made = image(
        rate, "Hz", name=label(train.name), zmin=0, zmax=float(np.percentile(rate, 99.8)) or float(rate.max()) or 1.0,
        x0=float(line.starts[0] + width / 2) * line.per_tick, dx=width * line.per_tick,
        y0=(per_row - 1) / 2, dy=per_row,
        hovertemplate=f"%{{x:.5~g}} {line.unit}, neuron %{{y:.5~g}}: %{{z:.3~g}} Hz<extra></extra>",
        meta={"spikes": int(counts.sum())},
    )  # fmt: skip
    return made, per_row, width * line.tick_ms
