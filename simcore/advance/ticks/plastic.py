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
from tegmentum.simcore.lower.arrays import HISTORY, NEVER

from .chance import arrived, draw_arrivals, draw_missed, fired
from .drift import drifted, moment, origin, to_store
from .rule_binding import (
    arriving,
    delivered,
    fade_post,
    faded_pre,
    listens,
    past_of,
    post_of,
    post_spike,
    pre_at,
    pre_of,
    pre_spike,
    prefetch_kept,
    put_early,
    put_past,
    put_post,
    put_pre,
    put_synapse,
    release_of,
    released_by,
    restore,
    silent_post,
    silent_pre,
    synapse_of,
)


def catch_up(plastic: Any, wires: Any, segment: int) -> None:
    """Live through the post spikes that the synapses of a segment have missed.

    How many of them a synapse has missed is a coin toss that no branch predictor wins. So list the synapses
    that missed at least one, of these those that missed two, and so on, without a branch; then work in the
    spikes, oldest first.
    """
    if not listens():
        return
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first = begin - plastic.first[0]
    last, since, pre = plastic.pre_tick[segment], plastic.seen[segment], pre_of(plastic, segment)
    missed, n_missed, zero = plastic.missed, plastic.n_missed, origin(plastic)
    soonest = max(last, zero)
    prefetch_synapses(plastic, wires, begin, length)
    n, m = 0, 0
    for s in range(length):
        tick = plastic.post_last[target[s]]
        missed[0, 0, n], missed[1, 0, n] = s, tick
        n += tick >= since
    n_missed[0] = n
    while n > 0 and m < HISTORY - 1:
        m += 1
        more = 0
        for k in range(n):
            s = missed[0, m - 1, k]
            slot = target[np.uint64(s)]
            tick = plastic.post_tick[slot, np.uint64((plastic.post_n[slot] - 1 - m) & (HISTORY - 1))]
            missed[2, m - 1, k] = tick
            missed[0, m, more], missed[1, m, more] = s, tick
            more += tick >= since
        n_missed[m] = n = more
    for depth in range(m - 1, -1, -1):
        number, at, after = missed[0, depth], missed[1, depth], missed[2, depth]
        draw_missed(plastic, segment, first, n_missed[depth], number, at)
        for k in range(n_missed[depth]):
            s, tick, before = number[k], at[k], max(soonest, after[k])
            slot = target[np.uint64(s)]
            synapse = synapse_of(plastic, weight, first, s)
            now = moment(plastic, zero, tick)
            synapse = drifted(plastic, synapse, slot, segment, first + s, before, now)
            x = pre_at(plastic, segment, pre, tick - last)
            place = (plastic.post_n[slot] - 1 - depth) & (HISTORY - 1)
            synapse = fired(plastic, synapse, x, past_of(plastic, slot, place), k)
            put_synapse(plastic, weight, first, s, synapse, to_store(now))


def prefetch_synapses(plastic: Any, wires: Any, begin: int, length: int) -> None:
    """Ask the memory for all that synapses keep: it comes while is found out which post spikes they missed."""
    for s in range(begin, begin + length, 64 // wires.weight.itemsize):
        prefetch(wires.weight, s)
        prefetch_kept(plastic, s - plastic.first[0])


def learn(plastic: Any, wires: Any, inputs: Any, base: int, segment: int, tick: int) -> None:
    """Deliver a segment whose pre spike arrives at ``tick`` and let its synapses learn."""
    catch_up(plastic, wires, segment)
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first, last, c = begin - plastic.first[0], plastic.pre_tick[segment], plastic.constants
    pre = faded_pre(plastic, pre_of(plastic, segment), tick - last)
    zero, row, released = origin(plastic), inputs[base:], release_of(pre, c)
    now, soonest = moment(plastic, zero, tick), max(last, zero)
    draw_arrivals(plastic, segment, first, length, tick)
    for s in range(length):
        slot = target[s]
        synapse = synapse_of(plastic, weight, first, s)
        before = max(soonest, plastic.post_last[slot])
        synapse = drifted(plastic, synapse, slot, segment, first + s, before, now)
        synapse = arrived(plastic, synapse, pre, post_of(plastic, slot), s)
        put_synapse(plastic, weight, first, s, synapse, to_store(now))
        mine = released_by(plastic, np.uint64(first + s), tick - last, released)
        row[slot] += delivered(plastic, arriving(weight, s, synapse), mine)
    put_early(plastic, segment, pre, tick - last)
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
        plastic.post_last[slot] = NEVER
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
        plastic.post_last[slot] = tick
        plastic.post_n[slot] = n + 1


def prefetch_plastic(plastic: Any, wires: Any, segment: int) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    prefetch(wires.target, plastic.begin[segment])
    prefetch(wires.weight, plastic.begin[segment])
    prefetch_kept(plastic, plastic.begin[segment] - plastic.first[0])
