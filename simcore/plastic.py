"""Plastic synapses: weights brought up to date when a spike arrives, so that memory is read in the order it lies.

A post neuron's spike reaches no synapse at once; it is kept in a short history of the neuron. When a spike
of the pre neuron arrives, each of its synapses first lives through the post spikes since the last arrival,
then through the arrival, and is delivered. All synapses of a segment share the arrivals and so the pre
trace. A weight is 4 or 8 bytes, its target 2 or 4, and nothing else is kept for a synapse.

A kernel template, copied once for each rule of a network. A. Morrison, A. Aertsen, M. Diesmann (2007),
Neural Comput. 19:1437-1467, doi:10.1162/neco.2007.19.6.1437, describe the scheme.
"""

from __future__ import annotations

from typing import Any

from .binding import real
from .intrinsics import prefetch
from .lowered import HISTORY
from .rule_binding import on_post, on_pre, post_trace, pre_trace


def faded(table: Any, k: int) -> Any:
    """Decay over ``k`` ticks; 0 beyond the table."""
    return table[k] if k < len(table) else real(0.0)


def catch_up(plastic: Any, target: Any, weight: Any, x: Any, since: int, last: int) -> None:
    """Live through the post spikes from tick ``since`` on; the pre trace was ``x`` at tick ``last``.

    How many of them a synapse has missed is a coin toss that no branch predictor wins. So list the synapses
    that missed at least one, of these those that missed two, and so on, without a branch; then work in the
    spikes, oldest first.
    """
    level, n_level = plastic.level, plastic.n_level
    n, m = 0, 0
    for s in range(len(target)):
        level[0, n] = s
        n += plastic.post_last[target[s]] >= since
    n_level[0] = n
    while n > 0 and m < HISTORY - 1:
        m += 1
        more = 0
        for k in range(n):
            s = level[m - 1, k]
            slot = target[s]
            level[m, more] = s
            more += plastic.post_tick[slot, (plastic.post_n[slot] - 1 - m) & (HISTORY - 1)] >= since
        n_level[m] = n = more
    for depth in range(m, -1, -1):
        for k in range(n_level[depth]):
            s = level[depth, k]
            slot = target[s]
            tick = plastic.post_tick[slot, (plastic.post_n[slot] - 1 - depth) & (HISTORY - 1)]
            weight[s] = on_post(weight[s], x * faded(plastic.fade_pre, tick - last), plastic.constants)


def learn(plastic: Any, wires: Any, inputs: Any, base: int, segment: int, tick: int) -> None:
    """Deliver a segment whose pre spike arrives at ``tick`` and let its synapses learn."""
    begin, length = plastic.begin[segment], plastic.length[segment]
    x, last = plastic.pre_x[segment], plastic.pre_tick[segment]
    c = plastic.constants
    target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
    catch_up(plastic, target, weight, x, plastic.seen[segment], last)
    row = inputs[base:]
    for s in range(length):
        slot = target[s]
        w = on_pre(weight[s], plastic.post_x[slot], c)
        weight[s] = w
        row[slot] += w
    plastic.pre_x[segment] = pre_trace(x * faded(plastic.fade_pre, tick - last), c)
    plastic.pre_tick[segment] = tick
    plastic.seen[segment] = tick


def settle(plastic: Any, wires: Any, tick: int) -> None:
    """Bring all weights up to date, post spikes before ``tick`` included. Changes no weight's future."""
    for segment in range(len(plastic.begin)):
        begin, length = plastic.begin[segment], plastic.length[segment]
        target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
        x, last = plastic.pre_x[segment], plastic.pre_tick[segment]
        catch_up(plastic, target, weight, x, plastic.seen[segment], last)
        plastic.seen[segment] = max(plastic.seen[segment], tick)
    for i in range(len(plastic.settled)):
        plastic.settled[i] = plastic.post_n[i]


def fade(plastic: Any) -> None:
    """Let the post traces fade by one tick."""
    _, _, first_slot, count = plastic.post
    x = plastic.post_x[first_slot : first_slot + count]
    d = plastic.fade_post[1]
    for i in range(count):
        x[i] = x[i] * d if x[i] > real(1e-12) else real(0.0)  # numbers below 1e-38 would be slow


def remember(plastic: Any, wires: Any, source: Any, ptr: Any, tick: int) -> None:
    """Take down the post spikes of ``tick``."""
    population, first_source, first_slot, _ = plastic.post
    for f in range(ptr[population], ptr[population + 1]):
        slot = first_slot + source[f] - first_source
        if plastic.post_n[slot] - plastic.settled[slot] >= HISTORY:
            settle(plastic, wires, tick)
    for f in range(ptr[population], ptr[population + 1]):
        slot = first_slot + source[f] - first_source
        n = plastic.post_n[slot]
        plastic.post_x[slot] = post_trace(plastic.post_x[slot], plastic.constants)
        plastic.post_tick[slot, n & (HISTORY - 1)] = tick
        plastic.post_last[slot] = tick
        plastic.post_n[slot] = n + 1


def foresee_plastic(plastic: Any, wires: Any, segment: int) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    prefetch(wires.target, plastic.begin[segment])
    prefetch(wires.weight, plastic.begin[segment])
