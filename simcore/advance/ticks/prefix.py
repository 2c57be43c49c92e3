"""Prefix integrals of the gain that each subpopulation of synapses is under; :mod:`.drift` says what they are for.

A kernel template, for rules that are under a neuromodulator.
"""

from __future__ import annotations

from typing import Any

from .drift import drifted, moment
from .plastic import catch_up, rest, settle
from .rule_binding import curve, drift, level_of, put_synapse, real, synapse_of


def accrue(plastic: Any, wires: Any, tick: int) -> None:
    """Extend the integrals to ``tick``; the level has not changed since it decayed to where it was a tick ago.

    Where it rises and decays, the gain of the tick is that at the level's mean, as an eligibility weighs it.
    """
    now = tick - plastic.window[0]
    tonic, steady, moving = plastic.rest[0], plastic.share[0], plastic.share[1]
    idle = curve(tonic, *plastic.receptor)
    area, level, fast = plastic.area, plastic.level, plastic.fast
    for k in range(len(level)):
        if len(fast) > 0:
            above = level[k] * plastic.mean[0] - fast[k] * plastic.mean[1]
        else:
            above = level[k]
        gain = curve(tonic + above, *plastic.receptor)
        area[now, k] = area[now - 1, k] + plastic.fall[now - 1] * (idle * steady + (gain - idle) * moving)
    if now == len(plastic.area) - 1:
        start_window(plastic, wires, tick)


def start_window(plastic: Any, wires: Any, tick: int) -> None:
    """Bring all synapses to ``tick``, the end of a window and the start of the next."""
    settle(plastic, wires, tick)
    peek(plastic, wires, tick, wires.weight[plastic.first[0] :], plastic.eligibility)
    plastic.window[0] = tick
    for k in range(plastic.area.shape[1]):
        plastic.area[0, k] = 0.0


def peek(plastic: Any, wires: Any, tick: int, w: Any, e: Any) -> None:
    """Write what weights and eligibilities are at ``tick``, by synapse; the synapses stay as they are."""
    now = moment(plastic, plastic.window[0], tick)
    for segment in range(len(plastic.begin)):
        begin, length = plastic.begin[segment], plastic.length[segment]
        target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
        first, last = begin - plastic.first[0], plastic.pre_tick[segment]
        for s in range(length):
            slot = target[s]
            synapse = synapse_of(plastic, weight, first, s)
            before = max(last, plastic.post_last[slot])
            synapse = drifted(plastic, synapse, slot, segment, first + s, before, now)
            w[first + s], e[first + s] = synapse.w, synapse.e


def close_trial(plastic: Any, wires: Any, start: int, tick: int, width: float) -> None:
    """End a trial that began after ``start``: a pulse of the present levels, then no eligibility and no trace is left.

    Synapses whose pre neuron did not fire in the trial have none to convert.

    Parameters
    ----------
    width : float
        duration of the pulse, short against tau_e [ms]
    """
    zero, pulse = plastic.window[0], plastic.trial.pulse
    now = moment(plastic, zero, tick)
    for k in range(len(pulse)):
        pulse[k] = now[2] * curve(plastic.rest[0] + plastic.level[k], *plastic.receptor) * width
    for segment in range(len(plastic.begin)):
        last = plastic.pre_tick[segment]
        if last > start:
            catch_up(plastic, wires, segment)
            begin, length = plastic.begin[segment], plastic.length[segment]
            target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
            first = begin - plastic.first[0]
            for s in range(length):
                slot = target[s]
                synapse = synapse_of(plastic, weight, first, s)
                before = max(last, plastic.post_last[slot])
                k = level_of(plastic, slot, segment, first + s)
                area = plastic.area[now[1], k] - plastic.area[max(before - zero, 0), k] + pulse[k]
                synapse = drift(synapse, real(area), now[2], plastic.constants)
                put_synapse(plastic, weight, first, s, synapse, real(0.0))
    rest(plastic, start, tick)
    plastic.window[0] = tick
    for k in range(plastic.area.shape[1]):
        plastic.area[0, k] = 0.0
