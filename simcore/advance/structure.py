"""Turnover of synapses in a simulation: its state is taken, told the new synapses, and taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lower import turnover
from ..lower.plan import ticks
from ..record import state as states

if TYPE_CHECKING:
    from .controls import Controlled

Array = np.ndarray[Any, Any]
NEVER = 1 << 62  # a tick that no run reaches


def due(sim: Controlled) -> int:
    """Return the next tick at which some projection's synapses turn over."""
    every = (interval(sim, name) for name in sim._contacts)
    return min(((sim.tick // n + 1) * n for n in every), default=NEVER)


def interval(sim: Controlled, name: str) -> int:
    """Return the ticks between updates."""
    return max(
        1, ticks(sim._projection(name).structure.every, sim.dt, f"Projection {name!r}: Turnover: every")
    )


def update(sim: Controlled, names: list[str]) -> None:
    """Prune and grow, and go on from there."""
    events = sim._control.events.copy()
    saved = sim.state()
    for name in names:
        _turn(sim, name, saved)
    states.resume(sim, saved)
    sim._control.events[:] = events


def _turn(sim: Controlled, name: str, saved: dict[str, Array]) -> None:
    """Put a projection's next synapses into a state."""
    projection, contacts, found = sim._projection(name), sim._contacts[name], sim.synapses(name)
    rule, n_pre = projection.structure, projection.pre.size
    seconds = max(sim.tick - contacts.tick, 1) * sim.dt * 1e-3
    want, elements = turnover.wanted(rule, contacts.elements, sim._counted(name) / seconds)
    gone = turnover.lost(rule, found, contacts.ids, want)
    number = next(k for k, q in enumerate(sim.network.projections) if q is projection)
    pre, post = turnover.grown(
        rule,
        found,
        gone,
        want,
        n_pre,
        projection.pre is projection.post,
        sim.seed,
        (number, contacts.updates),
    )
    m, stay = len(pre), ~gone
    delay = max(1, round(rule.delay / sim.dt))
    columns = {
        "pre": np.concatenate([found.pre[stay], pre]),
        "post": np.concatenate([found.post[stay], post]),
        "delay": np.concatenate([found.delay[stay], np.full(m, delay)]),
        "weight": np.concatenate([found.weight[stay], np.full(m, rule.weight)]),
    }
    ids = np.concatenate([contacts.ids[stay], contacts.next_id + np.arange(m)])
    order = np.lexsort((ids, columns["post"], columns["delay"], columns["pre"]))
    saved.update({f"rewired/{name}/{key}": values[order] for key, values in columns.items()})
    stored = np.concatenate([saved[f"plastic/{name}/weight"][stay], np.full(m, rule.weight)])
    saved[f"plastic/{name}/weight"] = stored[order]
    for key in list(saved):
        if key.startswith(f"plastic/{name}/eligibility"):
            saved[key] = np.concatenate([saved[key][stay], np.zeros(m)])[order]
    saved[f"structure/{name}/id"] = ids[order]
    saved[f"structure/{name}/count"] = np.array([contacts.next_id + m, contacts.updates + 1, sim.tick])
    saved[f"structure/{name}/elements"] = elements
    saved[f"structure/{name}/spikes"] = np.zeros(projection.post.size, np.int64)
