"""Post spikes that the synapses of a segment have missed, worked in by lists.

How many of them a synapse has missed is a coin toss that no branch predictor wins. So list the synapses that missed at
least one, of these those that missed two, and so on, without a branch; then work in the spikes, oldest first.

A kernel template, copied once for each rule of a network.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import prefetch
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
    since, missed = plastic.seen[segment], plastic.missed
    prefetch_synapses(plastic, wires, begin, length)
    n = 0
    for s in range(length):
        tick = plastic.recent[np.uint64(RECENT) * np.uint64(target[s])]
        missed[0, 0, n], missed[1, 0, n] = s, tick
        n += tick >= since
    work_in(plastic, wires, segment, np.int64(n))  # else compiled for the constant 0 as well


def work_in(plastic: Any, wires: Any, segment: int, n: Any) -> None:
    """Let the ``n`` synapses of a segment that are listed live through the post spikes that they have missed."""
    begin, length = plastic.begin[segment], plastic.length[segment]
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    first = begin - plastic.first[0]
    last, since, pre = plastic.pre_tick[segment], plastic.seen[segment], pre_of(plastic, segment)
    missed, n_missed = plastic.missed, plastic.n_missed
    zero = origin(plastic)
    soonest = max(last, zero)
    m = 0
    n_missed[0] = n
    while n > 0 and m < HISTORY - 1:
        m += 1
        more = 0
        for k in range(n):
            s = missed[0, m - 1, k]
            slot = target[np.uint64(s)]
            tick = post_spike_of(plastic, slot, m)
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
            stored = stored_of(plastic, weight, first, s)
            stored = after_post_spike(
                plastic, stored, slot, segment, first + s, pre, tick - last, zero, before, tick, depth, k
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
