"""What a spike makes of one synapse that takes part in it, from what is stored of the synapse to what is stored then.

A kernel template, copied once for each rule of a network.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.memory import look_up
from tegmentum.simcore.lower.arrays import HISTORY

from .chance import arrived, fired
from .drift import drifted, moment, to_store
from .rule_binding import as_seen, as_stored, past_of, post_of, pre_at


def after_post_spike(
    plastic: Any,
    stored: Any,
    slot: Any,
    segment: int,
    at: Any,
    pre: Any,
    k: Any,
    zero: Any,
    before: Any,
    tick: Any,
    depth: Any,
    drawn: Any,
) -> Any:
    """Return the synapse number ``at`` after a post spike at ``tick``.

    Parameters
    ----------
    pre : Pre
        traces after the last arrival, ``k`` ticks before
    zero : int
        :func:`.drift.origin`
    before : int
        tick of the synapse's spike before, at least the start of the present window
    depth : int
        how many post spikes there have been since
    drawn : int
        which of those is meant for whom :func:`.chance.draw_missed` drew, where the rule draws
    """
    now = moment(plastic, zero, tick)
    synapse = drifted(plastic, as_seen(stored), slot, segment, at, before, now)
    place = (look_up(plastic.post_n, slot) - 1 - depth) & (HISTORY - 1)
    x, post = pre_at(plastic, segment, pre, k), past_of(plastic, slot, place)
    return as_stored(stored, fired(plastic, synapse, x, post, drawn), to_store(now))


def after_arrival(
    plastic: Any, stored: Any, slot: Any, segment: int, at: Any, pre: Any, before: Any, now: Any, drawn: Any
) -> Any:
    """Return the synapse number ``at`` after an arrival at the moment ``now`` that meets the traces ``pre``.

    Where the rule draws, it is the one numbered ``drawn`` by :func:`.chance.draw_arrivals`.
    """
    synapse = drifted(plastic, as_seen(stored), slot, segment, at, before, now)
    synapse = arrived(plastic, synapse, pre, post_of(plastic, slot), drawn)
    return as_stored(stored, synapse, to_store(now))
