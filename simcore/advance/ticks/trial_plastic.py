"""Plastic synapses in trials: a trial's spikes are remembered, and lived through at once when its pulse comes.

Where the level of the neuromodulator rests at no gain until the trial ends, and no function of the rule but ``drift``
changes a weight, all arrivals of a trial find the weight that it began with. So an arrival only delivers, a loop over
neighbouring numbers; at the end the synapses of those segments that had arrivals live through arrivals and post spikes
in their order. Eligibilities, 0 when a trial begins, lie in one row for each such segment.

A segment is a few runs of synapses onto neurons that are neighbours, one run where it reaches the whole population.

The arithmetic on a synapse is that of :mod:`.plastic`. A kernel template, in the place of that and of :mod:`.prefix`
for projections of which each pre neuron has one segment, with ascending targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.memory import prefetch

from .rule_binding import (
    Synapse,
    by_segment,
    delivered,
    drift,
    fade_post,
    fade_rows,
    level_of,
    on_post,
    on_pre,
    one_of,
    post_of,
    post_spike,
    posts,
    pre_spike,
    present_of,
    put_post,
    put_row_pre,
    real,
    row_pre,
    signed,
    silent_post,
    silent_pre,
)


def learn(plastic: Any, wires: Any, inputs: Any, base: int, segment: int, tick: int) -> None:
    """Deliver a segment whose pre spike arrives at ``tick`` and remember it."""
    log = plastic.trial
    begin, to = plastic.begin[segment], base + plastic.ends[2]
    for k in range(log.run_ptr[segment], log.run_ptr[segment + 1]):
        at, first, n = begin + log.run_at[k], to + log.run_post[k], log.run_length[k]
        weight, row = wires.weight[at : at + n], inputs[first : first + n]
        for j in range(n):
            row[j] += delivered(plastic, signed(weight[j]), real(1.0))
    a = log.count[0]
    log.arrived_at[a] = tick
    log.arrived[a] = segment
    log.count[0] = a + 1


def remember(plastic: Any, wires: Any, source: Any, ptr: Any, tick: int) -> None:
    """Take down the post spikes of ``tick``."""
    log = plastic.trial
    population, first_source = plastic.ends[0], plastic.ends[1]
    n = log.count[1]
    for f in range(ptr[population], ptr[population + 1]):
        log.fired_at[n] = tick
        log.fired[n] = source[f] - first_source
        n += 1
    log.count[1] = n


def row_of(plastic: Any, segment: int) -> Any:
    """Return the row of a segment's eligibilities; a new one, all 0, at its first arrival."""
    log = plastic.trial
    r = log.row[segment]
    if r < 0:
        r = log.count[2]
        log.row[segment], log.segment[r] = r, segment
        log.count[2] = r + 1
        e = log.eligibility[r]
        for j in range(plastic.length[segment]):
            e[j] = real(0.0)
        put_row_pre(log, r, silent_pre())
    return r


def arrive(plastic: Any, wires: Any, segment: int, since: int) -> None:
    """Let the synapses of a segment live through an arrival, ``since`` ticks after the trial began."""
    log, r = plastic.trial, row_of(plastic, segment)
    pre, begin, slot, c = row_pre(log, r), plastic.begin[segment], plastic.ends[2], plastic.constants
    gain = plastic.gains[0]
    fall, rise = real(gain.fall[since]), gain.both[2 * since + 1]
    for k in range(log.run_ptr[segment], log.run_ptr[segment + 1]):
        at, first, n = log.run_at[k], slot + log.run_post[k], log.run_length[k]
        e, weight = log.eligibility[r, at : at + n], wires.weight[begin + at : begin + at + n]
        post = posts(plastic, first, first + n)
        for j in range(n):
            e[j] = on_pre(Synapse(signed(weight[j]), e[j] * fall), pre, one_of(post, j), c).e * rise
    put_row_pre(log, r, pre_spike(pre, c))


def fire(plastic: Any, wires: Any, first: int, last: int, since: int) -> None:
    """Let all synapses with eligibility live through the post spikes number ``first`` to ``last - 1``, of one tick."""
    log, c, gain = plastic.trial, plastic.constants, plastic.gains[0]
    slot, fall, rise = plastic.ends[2], real(gain.fall[since]), gain.both[2 * since + 1]
    post = posts(plastic, slot, slot + plastic.ends[3])
    fired = log.fired[first:last]
    for r in range(log.count[2]):
        segment, f = log.segment[r], 0
        begin, pre = plastic.begin[segment], row_pre(log, r)
        for k in range(log.run_ptr[segment], log.run_ptr[segment + 1]):
            at, lo, n = log.run_at[k], log.run_post[k], log.run_length[k]
            e, weight = log.eligibility[r, at : at + n], wires.weight[begin + at : begin + at + n]
            while f < len(fired) and fired[f] < lo:
                f += 1
            while f < len(fired) and fired[f] < lo + n:
                i = fired[f]
                j = np.uint64(i - lo)
                e[j] = on_post(Synapse(signed(weight[j]), e[j] * fall), pre, one_of(post, i), c).e * rise
                f += 1
    for f in range(len(fired)):
        j = fired[f]
        put_post(plastic, slot + j, post_spike(post_of(plastic, slot + j), c))


def relive(plastic: Any, wires: Any, start: int, tick: int) -> None:
    """Live through the arrivals and the post spikes of a trial in their order, arrivals first in each tick."""
    log = plastic.trial
    slot, n = plastic.ends[2], plastic.ends[3]
    a, f = 0, 0
    for now in range(start + 1, tick + 1):
        if f > 0:
            fade_post(plastic, slot, slot + n)
        fade_rows(plastic, log, log.count[2])
        while a < log.count[0] and log.arrived_at[a] == now:
            arrive(plastic, wires, log.arrived[a], now - start)
            a += 1
        first = f
        while f < log.count[1] and log.fired_at[f] == now:
            f += 1
        if f > first:
            fire(plastic, wires, first, f, now - start)


def convert(plastic: Any, wires: Any, row: int, fade: Any) -> None:
    """Turn a segment's eligibilities into weight under the pulse."""
    log, c = plastic.trial, plastic.constants
    segment, area = log.segment[row], log.by_post
    begin, slot = plastic.begin[segment], plastic.ends[2]
    if row == 0 or by_segment():
        for j in range(plastic.ends[3]):
            area[j] = real(plastic.gains[0].pulse[level_of(plastic, slot + j, segment, 0)])
    for k in range(log.run_ptr[segment], log.run_ptr[segment + 1]):
        at, lo, n = log.run_at[k], log.run_post[k], log.run_length[k]
        e, weight = log.eligibility[row, at : at + n], wires.weight[begin + at : begin + at + n]
        mine = area[lo : lo + n]
        for j in range(n):
            weight[j] = signed(drift(Synapse(signed(weight[j]), e[j]), mine[j], fade, c).w)


def close_trial(plastic: Any, wires: Any, start: int, tick: int, width: float) -> None:
    """End a trial that began after ``start``: a pulse of the present levels, then no eligibility and no trace is left.

    Parameters
    ----------
    width : float
        duration of the pulse, short against tau_e [ms]; 0 where nothing is learned
    """
    log, gain = plastic.trial, plastic.gains[0]
    if width > 0.0:
        fade = gain.fall[tick - start]
        any_gain = False
        for k in range(len(gain.pulse)):
            gain.pulse[k] = fade * present_of(gain, k) * width
            any_gain = any_gain or gain.pulse[k] != 0.0
        if any_gain:
            relive(plastic, wires, start, tick)
            for row in range(log.count[2]):
                convert(plastic, wires, row, real(fade))
        for row in range(log.count[2]):
            log.row[log.segment[row]] = -1
        for slot in range(plastic.ends[2], plastic.ends[2] + plastic.ends[3]):
            put_post(plastic, slot, silent_post())
    for i in range(3):
        log.count[i] = 0


def fade(plastic: Any) -> None:
    """Nothing fades before the trial's end."""


def accrue(plastic: Any, wires: Any, tick: int) -> None:
    """No gain acts before the trial's end."""


def settle(plastic: Any, wires: Any, tick: int) -> None:
    """Between trials every synapse is up to date."""


def start_window(plastic: Any, wires: Any, tick: int) -> None:
    """Between trials no integral is kept."""


def peek(plastic: Any, wires: Any, tick: int, w: Any, kept: Any) -> None:
    """Write what weights and eligibilities are between trials."""
    first, e = plastic.first[0], kept[0]
    for s in range(len(e)):
        w[s], e[s] = wires.weight[first + s], real(0.0)


def prefetch_plastic(plastic: Any, wires: Any, segment: int) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    prefetch(wires.weight, plastic.begin[segment])
