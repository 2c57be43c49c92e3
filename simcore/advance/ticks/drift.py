"""Eligibility under a neuromodulator: what a synapse gained between two of its own spikes, in O(1).

A synapse with eligibility ``e`` at tick ``a`` gains, until tick ``b`` and with no spike between,

    e * integral of exp(-(s - a) / tau_e) g(s) ds = e * exp((a - t0) / tau_e) * (area[b] - area[a])

where ``g`` is the gain of its subpopulation, ``t0`` the start of the present window of ticks and
``area[t] = integral from t0 to t of exp(-(s - t0) / tau_e) g(s) ds``: one multiply-add for each tick and level, any
course of the level, any receptor. Between ticks the gain's distance from where it rests decays as the level does, so a
linear receptor is exact. A level that takes time to rise is a difference of two exponentials; a tick's gain is then
that at the level's mean, which is exact for a linear receptor too. What is stored of an eligibility is
``e * exp((a - t0) / tau_e)``, which no time changes.

Windows are as long as rounding allows, about four times tau_e. At the end of one all synapses are brought there: that
happens (:mod:`.prefix`) at ticks that depend on the model alone, so no result depends on threads or on how a run is
split. Reading a weight in between peeks: to commit a part of an integral would change its rounding.

A kernel template, for rules that have a ``drift``; the others get one that does nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .rule_binding import areas, drift, fade_from, falls, rises


def origin(plastic: Any) -> Any:
    """Return the tick at which the present window starts."""
    return plastic.window[0]


def drifted(plastic: Any, synapse: Any, slot: Any, segment: int, at: int, before: Any, now: Any) -> Any:
    """Return a synapse as it is at the :func:`moment` ``now``, from what is stored since its spike at ``before``.

    Of a spike before the present window, ``before`` is the window's start.
    """
    zero, row, fall, _ = now
    start = np.int32(before - zero)
    area = areas(plastic, slot, segment, at, row, start)
    return drift(synapse, area, fade_from(fall, row, start), plastic.constants)


def moment(plastic: Any, zero: Any, tick: Any) -> Any:
    """Return start of the window, row of the integrals, and factors from a stored eligibility to one of now and back.

    Taken once for all synapses that live through the same moment.
    """
    row = np.int32(tick - zero)
    return zero, row, falls(plastic, row), rises(plastic, row)


def to_store(now: Any) -> Any:
    """Return the factor from an eligibility of :func:`moment` ``now`` to what is stored of it."""
    return now[3]
