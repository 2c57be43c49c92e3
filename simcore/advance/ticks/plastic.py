"""Plastic synapses: brought up to date when a spike arrives, so that memory is read in the order it lies.

A post neuron's spike reaches no synapse at once; it is kept in a short history of the neuron. When a spike
of the pre neuron arrives, each of its synapses first lives through the post spikes since the last arrival,
then through the arrival, and is delivered. All synapses of a segment share the arrivals and so the pre
traces. A synapse keeps its target, 2 or 4 bytes, its weight and, under a neuromodulator, its eligibility, 4 or 8 each.

A kernel template, copied once for each rule of a network. A. Morrison, A. Aertsen, M. Diesmann (2007),
Neural Comput. 19:1437-1467, doi:10.1162/neco.2007.19.6.1437, describe the scheme.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import prefetch
from tegmentum.simcore.lower.arrays import HISTORY, NEVER, RECENT

from .at_once import meet
from .missed import catch_up
from .rule_binding import (
    arriving,
    delivered,
    fade_post,
    faded_pre,
    listens,
    post_of,
    post_spike,
    pre_of,
    pre_spike,
    prefetch_kept,
    put_early,
    put_past,
    put_post,
    put_pre,
    release_of,
    released_by,
    restore,
    silent_post,
    silent_pre,
    synapse_of,
)


def learn(plastic: Any, wires: Any, inputs: Any, base: int, segment: int, tick: int) -> None:
    """Deliver a segment whose pre spike arrives at ``tick`` and let its synapses learn."""
    since, c = tick - plastic.pre_tick[segment], plastic.constants
    pre = faded_pre(plastic, pre_of(plastic, segment), since)
    meet(plastic, wires, segment, pre, tick)
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first, row, released = begin - plastic.first[0], inputs[base:], release_of(pre, c)
    for s in range(length):
        mine = released_by(plastic, np.uint64(first + s), since, released)
        w = arriving(weight, s, synapse_of(plastic, weight, first, s))
        row[target[s]] += delivered(plastic, w, mine)
    put_early(plastic, segment, pre, since)
    put_pre(plastic, segment, pre_spike(pre, c))
    plastic.pre_tick[segment] = tick
    plastic.seen[segment] = tick


def settle(plastic: Any, wires: Any, tick: int) -> None:
    """Let all synapses live through the post spikes before ``tick``. Changes no synapse's future."""
    for segment in range(len(plastic.begin)):
        catch_up(plastic, wires, segment)
        plastic.seen[segment] = max(plastic.seen[segment], tick)
    for i in range(len(plastic.settled)):
        plastic.settled[i] = plastic.post_n[i]


def rest(plastic: Any, start: int, tick: int) -> None:
    """Forget all traces at the end of ``tick``, with which a trial ends that began after ``start``."""
    for segment in range(len(plastic.begin)):
        if plastic.pre_tick[segment] > start:
            put_pre(plastic, segment, silent_pre())
            put_early(plastic, segment, silent_pre(), 1)
        plastic.seen[segment] = tick + 1
    _, _, first_slot, count = plastic.ends
    for slot in range(first_slot, first_slot + count):
        put_post(plastic, slot, silent_post())
        plastic.recent[RECENT * slot] = NEVER
        plastic.settled[slot] = plastic.post_n[slot]
    restore(plastic)


def fade(plastic: Any) -> None:
    """Let the post traces fade by one tick."""
    _, _, first_slot, count = plastic.ends
    fade_post(plastic, first_slot, first_slot + count)


def remember(plastic: Any, wires: Any, source: Any, ptr: Any, tick: int) -> None:
    """Take down the post spikes of ``tick``."""
    if not listens():
        return
    population, first_source, first_slot, _ = plastic.ends
    for f in range(ptr[population], ptr[population + 1]):
        slot = first_slot + source[f] - first_source
        if plastic.post_n[slot] - plastic.settled[slot] >= HISTORY - 1:
            settle(plastic, wires, tick)
    for f in range(ptr[population], ptr[population + 1]):
        slot = first_slot + source[f] - first_source
        n = plastic.post_n[slot]
        post = post_of(plastic, slot)
        put_past(plastic, slot, n & (HISTORY - 1), post)
        put_post(plastic, slot, post_spike(post, plastic.constants))
        plastic.post_tick[slot, n & (HISTORY - 1)] = tick
        last = RECENT * slot  # of its record
        plastic.recent[last + 3] = plastic.recent[last + 2]
        plastic.recent[last + 2] = plastic.recent[last + 1]
        plastic.recent[last + 1] = plastic.recent[last]
        plastic.recent[last] = tick
        plastic.post_n[slot] = n + 1


def prefetch_plastic(plastic: Any, wires: Any, segment: int) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    prefetch(wires.target, plastic.begin[segment])
    prefetch(wires.weight, plastic.begin[segment])
    prefetch_kept(plastic, plastic.begin[segment] - plastic.first[0])
