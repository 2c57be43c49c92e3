"""Levels of neuromodulators and traces of state variables: lines of a few, an image of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..plots.envelope import envelope
from ..plots.source import scaled, unit_of
from .budget import MOST, cells, left_out
from .figure import SERIES, Figure, axis, coarse, count, image, label, legend_above, line

_LINES = 8
_ROWS = 150


def levels(groups: Mapping[str, Any]) -> Iterator[Figure]:
    """Draw the levels of each channel of each neuromodulator."""
    rows = [(name, group, c) for name, group in groups.items() for c in range(group["channel"].shape[0])]
    more, room = left_out(len(rows), "channels", "levels"), cells(len(rows))
    for name, group, channel in islice(rows, MOST):
        array = group["level"]
        if 0 in array.shape:
            continue
        dim = array.metadata.dimension_names[0]
        at = group[dim][:]
        x, title = scaled(at) if dim == "time" and group[dim].attrs.get("units") == "ms" else (
            at.astype(float), str(group[dim].attrs["long_name"]))  # fmt: skip
        heading = str(group["channel"][channel])
        heading = f"{name}: {heading}" if heading != name else name
        ids = list(range(array.shape[-1]))
        yield _figure(
            f"Level of {heading}", array, [channel], x, title, "level", "subpopulation", ids, room, more
        )


def traces(groups: Mapping[str, Any]) -> Iterator[Figure]:
    """Draw each recorded variable, of several trials that of the first."""
    rows = [(name, group, key) for name, group in groups.items() for key in _variables(group)]
    more, room = left_out(len(rows), "traces", "traces"), cells(len(rows))
    for name, group, key in islice(rows, MOST):
        array = group[key]
        if 0 in array.shape:
            continue
        factor = float(group.attrs["tick_ms"]) if group["time"].attrs.get("units") == "tick" else 1.0
        x, title = scaled(group["time"][:] * factor)
        unit = unit_of(array)
        trial = f" The first of {array.shape[1]:,} trials." if array.ndim == 3 else ""
        yield _figure(f"{key} of {name}", array, [0] * (array.ndim - 2), x, title, f"{key} ({unit or 'dimensionless'})",
                      "neuron", group["neuron"][:].tolist(), room, trial + more)  # fmt: skip


def _variables(group: Any) -> list[str]:
    return sorted(key for key, _ in group.arrays() if key not in ("time", "tick", "neuron"))


def _figure(
    heading: str, array: Any, where: list[int], x: Any, title: str, value: str, of: str, ids: Sequence[int],
    room: int, more: str,
) -> Figure:  # fmt: skip
    draw = _lines if len(ids) <= _LINES else _image
    return draw(heading, array, where, x, title, value, of, ids, room, more)


def _capital(value: str) -> str:
    return "Level, in the unit of its model," if value == "level" else value


def _lines(
    heading: str, array: Any, where: list[int], x: Any, title: str, value: str, of: str, ids: Sequence[int],
    room: int, more: str,
) -> Figure:  # fmt: skip
    found = envelope(array, where, None)
    if found.per > 1:
        ends = np.stack([found.low, found.high], axis=1)
        ends[1::2] = ends[1::2, ::-1]  # up and down in turns, so that the line does not cross the bins
        values, at = ends.reshape(-1, len(ids)), np.repeat(x[:: found.per], 2).astype(float)
        at[1::2] += (x[1] - x[0]) * found.per / 2  # the second half of the bin
    else:
        values, at = found.mean, x
    data = [line(at, column, f"{of} {k}", SERIES[q % len(SERIES)]) for q, (k, column) in
            enumerate(zip(ids, values.T, strict=True))]  # fmt: skip
    for drawn in data:
        drawn["line"] |= {"width": 1.2}
        if len(at) > 1 and np.allclose(np.diff(at), at[1] - at[0], rtol=1e-6, atol=0):
            del drawn["x"]  # the same for each line, and longer than its values
            drawn |= {"x0": float(at[0]), "dx": float(at[1] - at[0])}
    less = f", from the least to the greatest of each {found.per:,}" if found.per > 1 else ""
    caption = f"{_capital(value)} of {count(len(ids), of)}, {count(array.shape[0], 'sample')}{less}.{more}"
    layout = {"xaxis": axis(title), "yaxis": axis(value), **legend_above(data)}
    return Figure(heading, caption, data, layout)


def _image(
    heading: str, array: Any, where: list[int], x: Any, title: str, value: str, of: str, ids: Sequence[int],
    room: int, more: str,
) -> Figure:  # fmt: skip
    per_row = -(-len(ids) // _ROWS)
    found = envelope(array, where, None, per_row)
    values, per = coarse(found.mean, max(1, room // found.mean.shape[1]))
    per *= found.per
    at = x[::per]
    step = float(at[1] - at[0]) if len(at) > 1 else 1.0
    cells_of = [f"{per:,} samples"] * (per > 1) + [f"{per_row} {of}s"] * (per_row > 1)
    means = f"; means of {' and '.join(cells_of)}" if cells_of else ""
    caption = f"{_capital(value)} of {count(len(ids), of)}, {count(array.shape[0], 'sample')}{means}.{more}"
    centre = (per - 1) / 2 * step / per
    data = [image(values.T, value, x0=float(at[0]) + centre, dx=step, y0=(per_row - 1) / 2, dy=per_row,
                  hovertemplate=f"%{{x:.5~g}}, {label(of)} %{{y:.5~g}}: %{{z:.4~g}}<extra></extra>")]  # fmt: skip
    return Figure(heading, caption, data, {"xaxis": axis(title), "yaxis": axis(f"{of}, as recorded")})
