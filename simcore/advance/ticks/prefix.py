"""Prefix integrals of the gain that each subpopulation of synapses is under; :mod:`.drift` says what they are for.

A kernel template, for rules that are under a neuromodulator.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.compile.each import each
from tegmentum.simcore.lower.arrays import RECENT

from .drift import drifted, moment
from .missed import catch_up
from .plastic import rest, settle
from .rule_binding import begin as begin_f0
from .rule_binding import drift, fade_from, pulsed_areas, put_peeked, put_synapse, real, silenced, synapse_of
from .rule_binding import extend as extend_f0
from .rule_binding import idle_of as idle_of_g0
from .rule_binding import present_of as present_of_g0


def accrue(plastic: Any, wires: Any, tick: int) -> None:
    """Extend the integrals to ``tick``; the level has not changed since it decayed to where it was a tick ago.

    Where it rises and decays, the gain of the tick is that at the level's mean, as an eligibility weighs it.
    """
    now = tick - plastic.window[0]
    end = 0
    with each("_g0") as q:
        gain_g0 = plastic.gains[q]
        area_g0, steady_g0, moving_g0 = gain_g0.area, gain_g0.share[0], gain_g0.share[1]
        idle_g0, fall_g0 = idle_of_g0(gain_g0), gain_g0.fall[now - 1]
        for k in range(area_g0.shape[1]):
            moved_g0 = (present_of_g0(gain_g0, k) - idle_g0) * moving_g0
            area_g0[now, k] = area_g0[now - 1, k] + fall_g0 * (idle_g0 * steady_g0 + moved_g0)
        end = len(area_g0) - 1
    with each("_f0"):
        extend_f0(plastic, now)
        end = len(plastic.flow) - 1
    if now == end:
        start_window(plastic, wires, tick)


def start_window(plastic: Any, wires: Any, tick: int) -> None:
    """Bring all synapses to ``tick``, the end of a window and the start of the next."""
    settle(plastic, wires, tick)
    peek(plastic, wires, tick, wires.weight[plastic.first[0] :], plastic.kept)
    begin_window(plastic, tick)


def begin_window(plastic: Any, tick: int) -> None:
    """Start the integrals anew."""
    plastic.window[0] = tick
    with each("_g0") as q:
        area_g0 = plastic.gains[q].area
        for k in range(area_g0.shape[1]):
            area_g0[0, k] = 0.0
    with each("_f0"):
        begin_f0(plastic)


def peek(plastic: Any, wires: Any, tick: int, w: Any, kept: Any) -> None:
    """Write what weights are at ``tick``, and what else synapses keep; the synapses stay as they are."""
    now = moment(plastic, plastic.window[0], tick)
    for segment in range(len(plastic.begin)):
        begin, length = plastic.begin[segment], plastic.length[segment]
        target, weight = wires.target[begin : begin + length], wires.weight[begin : begin + length]
        first, last = begin - plastic.first[0], max(plastic.pre_tick[segment], plastic.window[0])
        for s in range(length):
            slot = target[s]
            synapse = synapse_of(plastic, weight, first, s)
            before = max(last, plastic.recent[RECENT * np.int64(slot)])
            synapse = drifted(plastic, synapse, slot, segment, first + s, before, now)
            put_peeked(w, kept, first + s, synapse)


def close_trial(plastic: Any, wires: Any, start: int, tick: int, width: float) -> None:
    """End a trial that began after ``start``: a pulse of the present levels, then no eligibility and no trace is left.

    Synapses whose pre neuron did not fire in the trial have none to convert.

    Parameters
    ----------
    width : float
        duration of the pulse, short against tau_e [ms]
    """
    zero = plastic.window[0]
    now = moment(plastic, zero, tick)
    row, fall = now[1], now[2]
    with each("_g0") as q:
        gain_g0 = plastic.gains[q]
        for k in range(len(gain_g0.pulse)):
            gain_g0.pulse[k] = real(gain_g0.fall[row]) * present_of_g0(gain_g0, k) * width
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
                before = max(last, plastic.recent[RECENT * np.int64(slot)])
                since = np.int32(max(before - zero, 0))
                area = pulsed_areas(plastic, slot, segment, first + s, row, since)
                synapse = drift(synapse, area, fade_from(fall, row, since), plastic.constants)
                put_synapse(plastic, weight, first, s, synapse, silenced())
    rest(plastic, start, tick)
    begin_window(plastic, tick)
