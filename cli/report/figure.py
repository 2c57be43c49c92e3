"""A figure as Plotly draws it: traces and layout as plain values, arrays as base64 of their bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

SERIES = "#2b7bba", "#d1495b", "#2a9d6f", "#9a6fc4", "#c9822b", "#7a8494", "#0f8b8d", "#b56576"


@dataclass(frozen=True)
class Figure:
    """Traces and layout for ``Plotly.newPlot``, with a heading and a caption.

    Attributes
    ----------
    height
        Pixels.
    """

    title: str
    caption: str
    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = 340


def packed(values: Any, dtype: str = "f4") -> dict[str, str]:
    """Return an array as Plotly reads it: type, base64 of its little-endian bytes, and the shape of more dimensions."""
    array = np.ascontiguousarray(values, f"<{dtype}")
    made = {"dtype": dtype, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    return made if array.ndim == 1 else made | {"shape": ", ".join(str(n) for n in array.shape)}


def label(text: str) -> str:
    """Return text that Plotly, which reads a little HTML, shows as it is."""
    return escape(text, quote=False)


def short(name: str) -> str:
    """Return a name that fits a line on a phone."""
    return name if len(name) <= 40 else f"{name[:39]}…"


def count(n: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with its title."""
    return {"title": {"text": label(title)}, **more}


def line(x: Any, y: Any, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """Return a line; with markers where its points are few."""
    mode = "lines+markers" if len(y) <= 40 else "lines"
    return {"type": "scatter", "mode": mode, "x": packed(x, "f8"), "y": packed(y), "name": label(short(name)),
            "line": {"color": colour, "width": 1.6}, "marker": {"size": 5, "color": colour}, **more}  # fmt: skip


def steps(edges: Any, values: Any, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """Return a histogram drawn as an outline that is filled: a point for each edge, the last one at 0."""
    heights = np.append(values, 0)
    return {"type": "scatter", "mode": "lines", "x": packed(edges, "f8"), "y": packed(heights, "f8"),
            "name": label(short(name)), "fill": "tozeroy", "line": {"color": colour, "width": 1.4, "shape": "hv"},
            **more}  # fmt: skip


def image(z: Any, unit: str, **more: Any) -> dict[str, Any]:
    """Return an image of ``z[row, column]`` with a bar of its colours."""
    bar = {"title": {"text": label(unit), "side": "right"}, "thickness": 12, "outlinewidth": 0}
    return {"type": "heatmap", "z": packed(z), "colorscale": "Viridis", "colorbar": bar, **more}


def legend_above(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the layout of a legend above the axes, none for a single trace."""
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    return {"showlegend": len(data) > 1, "legend": place}


def coarse(values: Any, most: int) -> tuple[Any, int]:
    """Return means of every so many rows, at most ``most`` of them, and how many rows each is."""
    per = max(1, -(-len(values) // most))
    if per == 1:
        return values, 1
    starts = np.arange(0, len(values), per)
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    count = np.add.reduceat(known.astype(np.int64), starts, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), per
