"""An arrival at all synapses of a segment, after the post spikes that they missed: event by event.

A kernel template, for rules that :mod:`.at_once` is not for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.lower.arrays import RECENT

from .chance import draw_arrivals
from .drift import moment, origin
from .missed import catch_up
from .rule_binding import put_stored, stored_of
from .spikes import after_arrival


def meet(plastic: Any, wires: Any, segment: int, pre: Any, tick: int) -> None:
    """Let the synapses of a segment live through what they missed and an arrival that meets the traces ``pre``."""
    catch_up(plastic, wires, segment)
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first, zero = begin - plastic.first[0], origin(plastic)
    now, soonest = moment(plastic, zero, np.int32(tick)), max(plastic.pre_tick[segment], zero)
    draw_arrivals(plastic, segment, first, length, tick)
    for s in range(length):
        slot = target[s]
        before = np.int32(max(soonest, plastic.recent[np.uint64(RECENT) * np.uint64(slot)]))
        stored = stored_of(plastic, weight, first, s)
        stored = after_arrival(plastic, stored, slot, segment, first + s, pre, before, now, s)
        put_stored(plastic, weight, first, s, stored)
