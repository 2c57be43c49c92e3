"""Eligibility under a neuromodulator: what a synapse gained between two of its own spikes, in O(1).

A synapse with eligibility ``e`` at tick ``a`` gains, until tick ``b`` and with no spike between,

    e * integral of exp(-(s - a) / tau_e) g(s) ds = e * exp((a - t0) / tau_e) * (area[b] - area[a])

where ``g`` is the gain of its subpopulation, ``t0`` the start of the present window of ticks and
``area[t] = integral from t0 to t of exp(-(s - t0) / tau_e) g(s) ds``: one multiply-add for each tick and level, any
course of the level, any receptor. Between ticks the gain's distance from where it rests decays as the level does, so a
linear receptor is exact.

Windows are as long as rounding allows, about four times tau_e. At the end of one all synapses are brought there: that
happens (:mod:`.prefix`) at ticks that depend on the model alone, so no result depends on threads or on how a run is split. Reading a
weight in between peeks: to commit a part of an integral would change its rounding.

A kernel template, for rules that have a ``drift``; the others get one that does nothing.
"""

from __future__ import annotations

from typing import Any

from .rule_binding import drift, level_of, real


def drifted(plastic: Any, synapse: Any, slot: Any, segment: int, at: int, before: Any, tick: Any) -> Any:
    """Return a synapse at ``tick`` that had its last spike at ``before``."""
    then, now = max(before - plastic.window[0], 0), tick - plastic.window[0]
    k, rise = level_of(plastic, slot, segment, at), plastic.rise[then]
    area = (plastic.area[now, k] - plastic.area[then, k]) * rise
    return drift(synapse, real(area), real(rise * plastic.fall[now]), plastic.constants)
