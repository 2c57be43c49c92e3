"""A network told in a few lines, as text and as HTML: what is in it, and what its synapses will take."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..errors import TegmentumError
from .plasticity import Static

if TYPE_CHECKING:
    from .network import Network, Projection

_ROWS = 12  # of each table; what is left out is counted
Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]  # title, heads of the columns, rows


def network_text(network: Network) -> str:
    """Return one line for the whole, then one for each population, spike train, projection and source."""
    lines = [f"Network of {_summary(network)}"]
    for title, _, rows in _tables(network):
        lines.append(f"{title}:")
        shown = rows[:_ROWS]
        widths = [max(len(row[k]) for row in shown) for k in range(len(shown[0]))]
        for row in shown:
            cells = [
                cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
                for cell, width in zip(row, widths, strict=True)
            ]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        if len(rows) > _ROWS:
            lines.append(f"  ... and {len(rows) - _ROWS:,} more")
    return "\n".join(lines)


def network_html(network: Network) -> str:
    """Return the same as HTML, one table for each kind of part, all of them folded; for notebooks."""
    parts = [f"<div><strong>Network</strong> of {escape(_summary(network))}"]
    for title, heads, rows in _tables(network):
        cells = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
        cells += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows[:_ROWS]]
        if len(rows) > _ROWS:
            cells.append(f'<td colspan="{len(heads)}">... and {len(rows) - _ROWS:,} more</td>')
        table = "".join(f"<tr>{row}</tr>" for row in cells)
        parts.append(
            f"<details><summary>{escape(title)} ({len(rows):,})</summary><table>{table}</table></details>"
        )
    return "".join(parts) + "</div>"


def _summary(network: Network) -> str:
    neurons = sum(population.size for population in network.populations)
    text = (
        f"{_count(len(network.populations), 'population')} ({_count(neurons, 'neuron')}), "
        f"{_count(len(network.projections), 'projection')} "
        f"({_count(round(network.n_synapses()), 'synapse')} expected{_memory(network)})"
    )
    for what, parts in (("spike train", network.spike_trains), ("source", network.sources)):
        if parts:
            text += f", {_count(len(parts), what)}"
    return text


def _memory(network: Network) -> str:
    """Return the synapses' bytes; nothing where only a Learner, or another dt, can tell."""
    from ..lower.footprint import footprint

    if not network.projections:
        return ""
    try:
        _, n_bytes = footprint(network)
    except (TegmentumError, AttributeError, KeyError, TypeError, ValueError):  # a repr must not raise
        return ""
    unit, size = next((u, s) for u, s in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if n_bytes >= s or u == "kB")
    return f", {n_bytes / size:,.3g} {unit}"


def _tables(network: Network) -> list[Table]:
    tables: list[Table] = [
        (
            "populations",
            ("name", "neurons", "model"),
            [(p.name, f"{p.size:,}", type(p.model).__name__) for p in network.populations],
        ),
        ("spike trains", ("name", "trains"), [(t.name, f"{t.size:,}") for t in network.spike_trains]),
        (
            "projections",
            ("name", "from", "to", "rule", "synapses", "plasticity"),
            [
                (
                    str(p.name),
                    p.pre.name,
                    p.post.name,
                    type(p.rule).__name__,
                    f"{round(p.rule.expected(p.pre.size, p.post.size)):,}",
                    _rules(p),
                )
                for p in network.projections
            ],
        ),
        (
            "sources",
            ("kind", "onto"),
            [(type(s).__name__, s.post.name) for s in network.sources],
        ),
    ]
    return [table for table in tables if table[2]]


def _rules(projection: Projection) -> str:
    """Return the rules of long-term and of short-term plasticity; weights that stay are none."""
    rules = (projection.plasticity, projection.short_term)
    return " + ".join(type(r).__name__ for r in rules if r is not None and not isinstance(r, Static))


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
