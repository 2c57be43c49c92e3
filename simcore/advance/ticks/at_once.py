"""An arrival at all synapses of a segment, and the last two post spikes before it, in one pass without a branch.

How many post spikes a synapse has missed is a coin toss that no branch predictor wins, but seldom more than two. So
every synapse works out what the last two and the arrival would make of it, and takes of that what did happen. The ticks
of a neuron's last spikes lie side by side in one record, for few lines of memory to be read; and as nothing branches,
the compiler works on several synapses at a time. The few that missed more stay as they are until :mod:`.missed` has
worked in the earlier ones.

The arithmetic is that of :mod:`.in_turn`, and so are the results, to the last bit. A kernel template, for rules whose
functions are cheap enough to be called in vain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import look_up, put_own
from tegmentum.simcore.lower.arrays import RECENT

from .drift import moment, origin
from .missed import work_in
from .rule_binding import pre_of, put_stored, stored_of
from .spikes import after_arrival, after_post_spike


def meet(plastic: Any, wires: Any, segment: int, pre: Any, tick: int) -> None:
    """Let the synapses of a segment live through what they missed and an arrival that meets the traces ``pre``."""
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first, zero, old = begin - plastic.first[0], origin(plastic), pre_of(plastic, segment)
    last, since = np.int32(plastic.pre_tick[segment]), np.int32(plastic.seen[segment])
    now, soonest = moment(plastic, zero, tick), np.int32(max(plastic.pre_tick[segment], zero))
    recent, left_out = plastic.recent, plastic.left_out
    for s in range(length):
        slot, at = look_up(target, s), first + s
        place = np.uint64(RECENT) * np.uint64(slot)
        tick_0 = look_up(recent, place)
        tick_1 = look_up(recent, place + np.uint64(1))
        tick_2 = look_up(recent, place + np.uint64(2))
        t_0, t_1, t_2 = max(tick_0, soonest), max(tick_1, soonest), max(tick_2, soonest)
        found = stored_of(plastic, weight, first, s)
        lag = np.int32(t_1 - last)
        then = after_post_spike(plastic, found, slot, segment, at, old, lag, zero, t_2, t_1, 1, s)
        stored = then if tick_1 >= since else found
        lag = np.int32(t_0 - last)
        then = after_post_spike(plastic, stored, slot, segment, at, old, lag, zero, t_1, t_0, 0, s)
        stored = then if tick_0 >= since else stored
        stored = after_arrival(plastic, stored, slot, segment, at, pre, t_0, now, s)
        put_stored(plastic, weight, first, s, found if tick_2 >= since else stored)
        put_own(left_out, s, tick_2 >= since)
    n = list_left_out(plastic, target)
    work_in(plastic, wires, segment, n)
    for k in range(n):
        s = plastic.missed[0, 0, k]
        slot = target[np.uint64(s)]
        stored = stored_of(plastic, weight, first, s)
        before = max(soonest, plastic.missed[1, 0, k])
        stored = after_arrival(plastic, stored, slot, segment, first + s, pre, before, now, s)
        put_stored(plastic, weight, first, s, stored)


def list_left_out(plastic: Any, target: Any) -> Any:
    """List the synapses that are marked as left out, and the last spikes of their neurons; returns how many."""
    length, missed, left_out, n = len(target), plastic.missed, plastic.left_out, 0
    for s in range(length, (length + 7) // 8 * 8):
        left_out[s] = 0
    for k in range((length + 7) // 8):
        if plastic.eights[k]:  # seldom
            for s in range(8 * k, 8 * k + 8):
                missed[0, 0, n] = s
                n += left_out[s]
    for k in range(n):
        slot = target[np.uint64(missed[0, 0, k])]
        missed[1, 0, k] = plastic.recent[np.uint64(RECENT) * np.uint64(slot)]
    return n
