"""Who projects to whom, as a graph or a table of mean in-degrees, and the in-degrees of recorded projections."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from .canvas import SERIES, figure_of
from .source import is_sample
from .wiring import Link, in_degrees, wiring

_MOST_NODES = 5  # in a graph; beyond, a table
_MOST_ARROWS = 14
_SIGNS = {1: "#1b6ca8", -1: "#d1495b", 0: "#777777"}


def connectivity(store: Path | str) -> Figure:
    """Draw the projections of a simulated network, and in-degrees of those whose synapses were recorded."""
    sizes, links, groups = wiring(store)
    if not sizes:
        figure = figure_of(6.4, 0.5 + 2.5 * len(groups))
        _draw_in_degrees(figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups)
        return figure
    n = len(groups)
    table = len(sizes) > _MOST_NODES or len(links) > _MOST_ARROWS
    side = max(5.2, 1.6 + 0.55 * len(sizes)) if table else 5.2
    figure = figure_of(side + (4.2 if n else 0.4), max(side, 0.5 + 2.1 * n))
    parts: Any = figure.subfigures(1, 2, width_ratios=[side, 4.0]) if n else [figure]
    (_draw_table if table else _draw_graph)(parts[0].subplots(), sizes, links)
    if n:
        _draw_in_degrees(parts[1].subplots(n, 1, squeeze=False)[:, 0], groups)
    return figure


def _draw_graph(axes: Axes, sizes: dict[str, int], arrows: list[Link]) -> None:
    """Draw populations on a circle, and projections as arrows that are the thicker the greater their in-degree."""
    angles = 0.5 * np.pi - 2 * np.pi * np.arange(len(sizes)) / max(1, len(sizes))
    radius = 0.0 if len(sizes) == 1 else 1.0
    places = {name: radius * np.array([np.cos(a), np.sin(a)]) for name, a in zip(sizes, angles, strict=True)}
    directions = dict(zip(sizes, angles, strict=True))
    between: dict[tuple[str, str], int] = {}
    for arrow in arrows:
        if arrow.pre not in places or arrow.post not in places:
            continue
        rank = between[arrow.pre, arrow.post] = between.get((arrow.pre, arrow.post), -1) + 1
        width = 1.0 if arrow.in_degree is None else min(5.0, 0.7 + 0.9 * math.log10(1 + arrow.in_degree))
        style = {"color": _SIGNS[arrow.sign], "linewidth": width, "linestyle": "--" if arrow.plastic else "-"}
        text = "?" if arrow.in_degree is None else _number(arrow.in_degree)
        if arrow.pre == arrow.post:
            at = _draw_loop(axes, places[arrow.pre], directions[arrow.pre], rank, style)
        else:
            at = _draw_arrow(axes, places[arrow.pre], places[arrow.post], rank, style)
        axes.text(at[0], at[1], text, color=_SIGNS[arrow.sign], fontsize=8, ha="center", va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8}, zorder=4)  # fmt: skip
    for name, place in places.items():
        short = name if len(name) <= 14 else name[:13] + "…"
        axes.text(place[0], place[1], f"{short}\n{sizes[name]:,}", ha="center", va="center", fontsize=9, zorder=5,
                  bbox={"boxstyle": "round,pad=0.45", "facecolor": "#f3f5f7", "edgecolor": "#555555"})  # fmt: skip
    axes.set(xlim=(-1.75, 1.75), ylim=(-1.75, 1.75), aspect="equal")
    axes.set_axis_off()
    lines = [(1, "-", "weights above 0"), (-1, "-", "below 0"), (0, "-", "not known"), (0, "--", "plastic")]
    used = {arrow.sign for arrow in arrows}
    for sign, line, label in lines:
        if (line == "-" and sign in used) or (line == "--" and any(a.plastic for a in arrows)):
            axes.plot([], [], color=_SIGNS[sign], linestyle=line, label=label)
    if arrows:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, fontsize=8)
    what = "numbers are mean in-degrees" if arrows else "there are no projections"
    axes.set_title(f"populations with their sizes; {what}", loc="center")


def _draw_arrow(
    axes: Axes, begin: NDArray[Any], end: NDArray[Any], rank: int, style: dict[str, Any]
) -> NDArray[Any]:
    """Draw an arrow curved to its right, and return where its number goes."""
    bend = 0.16 + 0.14 * rank
    patch = FancyArrowPatch(tuple(begin), tuple(end), connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>",
                            mutation_scale=12, shrinkA=26, shrinkB=26, **style)  # fmt: skip
    axes.add_patch(patch)
    along = end - begin
    middle = (begin + end) / 2 + bend * np.array([along[1], -along[0]])
    t = 0.36  # nearer to where it begins: arrows cross in the middle
    place: NDArray[Any] = (1 - t) ** 2 * begin + 2 * t * (1 - t) * middle + t**2 * end
    return place


def _draw_loop(
    axes: Axes, place: NDArray[Any], angle: float, rank: int, style: dict[str, Any]
) -> NDArray[Any]:
    """Draw an arrow from a population to itself, outwards, and return where its number goes."""
    out = np.array([np.cos(angle), np.sin(angle)])
    side = np.array([-out[1], out[0]])
    begin, end = place + 0.22 * out + 0.16 * side, place + 0.22 * out - 0.16 * side
    patch = FancyArrowPatch(tuple(begin), tuple(end), connectionstyle=f"arc3,rad={-1.4 - 0.8 * rank}",
                            arrowstyle="-|>", mutation_scale=12, shrinkA=2, shrinkB=2, **style)  # fmt: skip
    axes.add_patch(patch)
    return place + (0.56 + 0.13 * rank) * out


def _draw_table(axes: Axes, sizes: dict[str, int], arrows: list[Link]) -> None:
    """Draw mean in-degrees as pre x post, excitation and inhibition in their colours."""
    names = list(sizes)
    degree, known = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)), bool)
    for arrow in arrows:
        if arrow.pre in sizes and arrow.post in sizes:
            cell = names.index(arrow.pre), names.index(arrow.post)
            known[cell] = True
            degree[cell] += (arrow.in_degree or 0.0) * (arrow.sign or 1)
    limit = float(np.abs(degree).max()) or 1.0
    shown = np.where(known, degree, np.nan)
    image = axes.imshow(shown, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_facecolor("#eeeeee")
    if len(names) <= 20:
        for (i, j), value in np.ndenumerate(shown):
            if known[i, j]:
                axes.text(j, i, _number(abs(value)), ha="center", va="center", fontsize=7,
                          color="white" if abs(value) > 0.6 * limit else "black")  # fmt: skip
    every = -(-len(names) // 40)
    ticks, words = range(0, len(names), every), [f"{n} ({sizes[n]:,})" for n in names[::every]]
    axes.set_xticks(ticks, words, rotation=90, fontsize=7)
    axes.set_yticks(ticks, words, fontsize=7)
    axes.set(xlabel="to", ylabel="from")
    axes.figure.colorbar(image, ax=axes, label="mean in-degree; below 0: inhibition", shrink=0.7)


def _number(degree: float) -> str:
    if not degree:
        return "?"
    return f"{degree:,.0f}" if degree >= 100 else f"{degree:.3g}"


def _draw_in_degrees(axes: Any, groups: dict[str, Any]) -> None:
    """Draw how many recorded synapses of each projection the post neurons have."""
    for q, (axis, (name, group)) in enumerate(zip(axes, groups.items(), strict=True)):
        degrees = in_degrees(group)
        highest = int(degrees.max(initial=0))
        lowest = int(degrees.min(initial=highest))
        width = max(1, -(-(highest - lowest + 1) // 40))
        bins = np.arange(lowest, highest + 2 * width, width) - 0.5
        axis.hist(degrees, bins=bins.tolist(), color=SERIES[q % len(SERIES)])
        if highest == lowest:
            axis.set_xlim(lowest - 3, lowest + 3)
        axis.locator_params(integer=True)
        some = ", a sample" if is_sample(group) else ""
        axis.set_title(f"{name}: {len(degrees):,} neurons, {degrees.mean():.4g} on average{some}", loc="left")
        axis.set(xlabel="in-degree (synapses recorded)", ylabel="post neurons")
