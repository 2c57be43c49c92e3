"""Post spikes that the synapses of a segment have missed, worked in by lists.

How many of them a synapse has missed is a coin toss that no branch predictor wins. So list the synapses that missed at
least one, of these those that missed two, and so on, without a branch; then work in the spikes, oldest first.

A kernel template, copied once for each rule of a network.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.lists import list_from
from tegmentum.simcore.intrinsics.memory import look_up, prefetch, put_own
from tegmentum.simcore.lower.arrays import HISTORY, RECENT

from .chance import draw_missed
from .drift import origin
from .rule_binding import listens, pre_of, prefetch_kept, put_stored, stored_of
from .spikes import after_post_spike


def catch_up(plastic: Any, wires: Any, segment: int) -> None:
    """Live through the post spikes that the synapses of a segment have missed."""
    if not listens():
        return
    begin, length = plastic.begin[segment], plastic.length[segment]
    target = wires.target[begin : begin + length]
    prefetch_synapses(plastic, wires, begin, length)
    look_back(plastic, target, np.int64(0))
    work_in(plastic, wires, segment, begin, length, np.int64(0))


def look_back(plastic: Any, target: Any, k: Any) -> None:
    """Note of each target that spike which ``k`` others have followed, ``k`` being less than RECENT."""
    ticks, recent = plastic.ticks, plastic.recent
    for s in range(len(target)):
        put_own(ticks, s, look_up(recent, np.uint64(RECENT) * np.uint64(look_up(target, s)) + np.uint64(k)))


def work_in(plastic: Any, wires: Any, segment: int, begin: int, length: int, but: Any) -> None:
    """Let synapses of a segment, ``length`` from ``begin`` on, live through the post spikes that they missed.

    All but the last ``but``; what :func:`look_back` has noted is the last of these.
    """
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first = begin - plastic.first[0]
    last, since, pre = plastic.pre_tick[segment], plastic.seen[segment], pre_of(plastic, segment)
    missed, n_missed, ticks = plastic.missed, plastic.n_missed, plastic.ticks
    zero = origin(plastic)
    soonest = max(last, zero)
    n, m = list_from(ticks, length, since, missed[0, 0]), 0
    for k in range(n):
        missed[1, 0, k] = ticks[np.uint64(missed[0, 0, k])]
    n_missed[0] = n
    while n > 0 and m + but < HISTORY - 1:
        m += 1
        number, after, before = missed[0, m], missed[1, m], missed[2, m - 1]
        for k in range(n):
            before[k] = post_spike_of(plastic, target[np.uint64(missed[0, m - 1, k])], m + but)
        n = list_from(before, n, since, number)
        for k in range(n):
            j = np.uint64(number[k])
            number[k], after[k] = missed[0, m - 1, j], before[j]
        n_missed[m] = n
    for depth in range(m - 1, -1, -1):
        number, at, after = missed[0, depth], missed[1, depth], missed[2, depth]
        draw_missed(plastic, segment, first, n_missed[depth], number, at)
        for k in range(n_missed[depth]):
            s, tick = np.int64(number[k]), at[k]
            before = np.int32(max(soonest, after[k]))
            slot = target[np.uint64(s)]
            stored = stored_of(plastic, weight, first, s)
            stored = after_post_spike(
                plastic,
                stored,
                slot,
                segment,
                first + s,
                pre,
                tick - last,
                zero,
                before,
                tick,
                depth + but,
                k,
            )
            put_stored(plastic, weight, first, s, stored)


def post_spike_of(plastic: Any, slot: Any, m: int) -> Any:
    """Return the tick of a neuron's spike that has been followed by ``m`` others: from its record, which is near."""
    if m < RECENT:
        return plastic.recent[np.uint64(RECENT) * np.uint64(slot) + np.uint64(m)]
    return plastic.post_tick[slot, np.uint64((plastic.post_n[slot] - 1 - m) & (HISTORY - 1))]


def prefetch_synapses(plastic: Any, wires: Any, begin: int, length: int) -> None:
    """Ask the memory for all that synapses keep: it comes while is found out which post spikes they missed."""
    for s in range(begin, begin + length, 64 // wires.weight.itemsize):
        prefetch(wires.weight, s)
        prefetch_kept(plastic, s - plastic.first[0])
