"""Who projects to whom: a matrix of populations, and a table of projections."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..plots.wiring import Link, wiring
from .figure import Figure, axis, count, image, label, short
from .numbers import Numbers

_MOST = 60  # populations in a matrix
_WRITTEN = 12  # populations whose numbers of synapses are written into it
_COLOURS = [[0, "#d1495b"], [0.5, "#f4f4f4"], [1, "#1b6ca8"]]


def connectivity(store: Path | str) -> tuple[list[Figure], list[Numbers]]:
    """Draw the projections of a network, and tell synapses, mean weights and delays of each."""
    sizes, links, _ = wiring(store)
    return list(_matrix(sizes, links)), [_table(links)]


def _table(links: list[Link]) -> Numbers:
    rows = [
        (link.name, link.pre, link.post, _synapses(link), _number(link.in_degree), _weight(link), _delay(link),
         "yes" if link.plastic else "no")
        for link in links
    ]  # fmt: skip
    head = ("projection", "from", "to", "synapses", "in-degree", "mean weight", "delay (ms)", "learns")
    return Numbers("Projections, when the run began; ≈: on average, as described", head, rows)


def _matrix(sizes: dict[str, int], links: list[Link]) -> Iterator[Figure]:
    if not 1 < len(sizes) <= _MOST or not links:
        return
    names = list(sizes)
    degree = np.full((len(names), len(names)), np.nan)
    texts = np.full(degree.shape, "", object)
    total = np.zeros(degree.shape)
    for link in links:
        if link.pre not in sizes or link.post not in sizes:
            continue
        cell = names.index(link.pre), names.index(link.post)
        degree[cell] = np.nansum([degree[cell], (link.in_degree or 0.0) * (link.sign or 1)])
        total[cell] = total[cell] + (np.nan if link.n_synapses is None else link.n_synapses)
        texts[cell] += (
            f"<br><i>{label(short(link.name))}</i>: {_synapses(link)} synapses, in-degree {_number(link.in_degree)}, "
            f"weight {escape(_weight(link), quote=False)}, delay {_delay(link)} ms"
        )
    known = ~np.isnan(degree)
    most = float(np.abs(degree[known]).max(initial=0)) or 1.0
    words = [label(short(name)) for name in names]
    written: dict[str, Any] = {}
    if len(names) <= _WRITTEN:
        short_form = [[_brief(n) if there else "" for n, there in zip(*row, strict=True)]
                      for row in zip(total, known, strict=True)]  # fmt: skip
        written = {"text": short_form, "texttemplate": "%{text}"}
    data = image(
        degree, "mean in-degree; below 0: inhibition", x=words, y=words, zmin=-most, zmax=most, xgap=1, ygap=1,
        colorscale=_COLOURS, customdata=texts.tolist(), hoverongaps=False,
        hovertemplate="%{y} to %{x}%{customdata}<extra></extra>", **written,
    )  # fmt: skip
    layout = {"xaxis": axis("to", type="category", constrain="domain"),
              "yaxis": axis("from", type="category", autorange="reversed")}  # fmt: skip
    numbers = " Written: synapses." if written else ""
    caption = (
        f"{count(len(links), 'projection')} between {count(len(names), 'population')}: mean number of synapses for "
        f"each neuron of the population that they reach; empty where there is no projection.{numbers}"
    )
    yield Figure("Connectivity between populations", caption, [data], layout, 240 + 26 * min(len(names), 24))


def _synapses(link: Link) -> str:
    if link.n_synapses is None:
        return "?"
    return f"{'' if link.counted else '≈ '}{link.n_synapses:,.0f}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.4g}"


def _weight(link: Link) -> str:
    return "?" if link.weight is None else f"{link.weight:.4g} {link.unit}".strip()


def _delay(link: Link) -> str:
    if link.delay is None:
        return "?"
    low, high = link.delay
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _brief(n: float) -> str:
    """Give a number that fits a cell."""
    if n != n:
        return "?"
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= factor:
            return f"{n / factor:.3g}{letter}"
    return f"{n:.3g}"
