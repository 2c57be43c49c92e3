"""An arrival at all synapses of a segment, and the last two post spikes before it, in one pass without a branch.

How many post spikes a synapse has missed is a coin toss that no branch predictor wins, but seldom more than two. So
every synapse works out what the last two and the arrival would make of it, and takes of that what did happen. The ticks
of a neuron's last spikes lie side by side in one record, for few lines of memory to be read; and as nothing branches,
the compiler works on many synapses at a time. Of the few that missed more, :mod:`.missed` has worked in the earlier
ones.

The arithmetic is that of :mod:`.in_turn`, and so are the results, to the last bit. A kernel template, for rules whose
functions are cheap enough to be called in vain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import look_up, own
from tegmentum.simcore.lower.arrays import RECENT

from .drift import moment, origin
from .missed import look_back, prefetch_synapses, work_in
from .rule_binding import pre_of, put_stored, stored_of
from .spikes import after_arrival, after_post_spike

AT_ONCE = 256  # synapses whose neurons' records stay in the nearest cache from one loop to the next


def meet(plastic: Any, wires: Any, segment: int, pre: Any, tick: int) -> None:
    """Let the synapses of a segment live through what they missed and an arrival that meets the traces ``pre``."""
    begin, end = plastic.begin[segment], plastic.begin[segment] + plastic.length[segment]
    while begin < end:
        length = min(end - begin, AT_ONCE)
        prefetch_synapses(plastic, wires, begin + length, min(end - begin - length, AT_ONCE))
        meet_some(plastic, wires, segment, begin, length, pre, tick)
        begin += length


def meet_some(plastic: Any, wires: Any, segment: int, begin: int, length: int, pre: Any, tick: int) -> None:
    """Let ``length`` of them from ``begin`` on live through it."""
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    look_back(plastic, target, np.int64(2))
    work_in(plastic, wires, segment, begin, length, np.int64(2))
    first, zero, old = begin - plastic.first[0], origin(plastic), pre_of(plastic, segment)
    last, since = np.int32(plastic.pre_tick[segment]), np.int32(plastic.seen[segment])
    now, soonest = moment(plastic, zero, np.int32(tick)), np.int32(max(plastic.pre_tick[segment], zero))
    recent, ticks = plastic.recent, plastic.ticks
    for s in range(length):
        slot, at = look_up(target, s), first + s
        place = np.uint64(RECENT) * np.uint64(slot)
        tick_0, tick_1 = look_up(recent, place), look_up(recent, place + np.uint64(1))
        t_0, t_1, t_2 = max(tick_0, soonest), max(tick_1, soonest), max(own(ticks, s), soonest)
        stored = stored_of(plastic, weight, first, s)
        lag = np.int32(t_1 - last)
        then = after_post_spike(plastic, stored, slot, segment, at, old, lag, zero, t_2, t_1, np.int64(1), s)
        stored = then if tick_1 >= since else stored
        lag = np.int32(t_0 - last)
        then = after_post_spike(plastic, stored, slot, segment, at, old, lag, zero, t_1, t_0, np.int64(0), s)
        stored = then if tick_0 >= since else stored
        stored = after_arrival(plastic, stored, slot, segment, at, pre, t_0, now, s)
        put_stored(plastic, weight, first, s, stored)
