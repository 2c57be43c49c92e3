"""Prefix integrals of gains on a CUDA device; the counterpart of :mod:`..ticks.prefix`, which says what they are.

Every block keeps the levels itself and computes the same integrals. They write them to one place, the same bits, so
that none waits for another and caches hold one copy. Of levels that follow potentials each block has those of its
neurons.

A kernel template, for rules that have a ``drift``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.compile.each import each

from ..ticks.drift import drifted, moment
from ..ticks.rule_binding import (
    drift,
    fade_from,
    fall_at,
    pulsed_areas,
    put_peeked,
    put_synapse,
    silenced,
    synapse_of,
)
from ..ticks.rule_binding import idle_of as idle_of_g0
from ..ticks.rule_binding import present_of as present_of_g0
from .plastic import catch_up, rest, settle
from .rule_views import extend as extend_f0
from .rule_views import of_block as of_block_g0
from .rule_views import span_of as span_of_g0
from .warps import divided, in_warps


def accrue(plastic: Any, bounds: Any, block: int, tick: int, width: int) -> None:
    """Extend the integrals to ``tick``, a thread for each level; at the end of a window start the next."""
    now = tick - plastic.window[block]
    end = 0
    with each("_g0") as q:
        gain_g0 = of_block_g0(plastic.gains[q], block)
        area_g0, steady_g0, moving_g0 = gain_g0.area, gain_g0.share[0], gain_g0.share[1]
        idle_g0, fall_g0 = idle_of_g0(gain_g0), gain_g0.fall[now - 1]
        first_g0, last_g0 = span_of_g0(plastic, bounds, block)
        k_g0 = first_g0 + cuda.threadIdx.x
        while k_g0 < last_g0:
            moved_g0 = (present_of_g0(gain_g0, k_g0) - idle_g0) * moving_g0
            area_g0[now, k_g0] = area_g0[now - 1, k_g0] + fall_g0 * (idle_g0 * steady_g0 + moved_g0)
            k_g0 += cuda.blockDim.x
        end = area_g0.shape[0] - 1
    with each("_f0"):
        extend_f0(plastic, bounds, block, now)
        end = plastic.flow.shape[0] - 1
    cuda.syncthreads()
    if now == end:
        start_window(plastic, bounds, block, tick, width)


def start_window(plastic: Any, bounds: Any, block: int, tick: int, width: int) -> None:
    """Bring all synapses of a block to ``tick``, the end of a window and the start of the next."""
    settle(plastic, bounds, block, tick, width)
    n_delays, n_blocks, zero = plastic.delays.shape[0], bounds.shape[0] - 1, plastic.window[block]
    warp, own, n_warps = in_warps(width)
    now, q = moment(plastic, zero, tick), warp
    while q < plastic.n_pre * n_delays:
        row, owner = q * n_blocks + block, divided(q, n_delays)[0]
        last = max(plastic.pre_tick[row], zero)
        s = plastic.ptr[row] + own
        while s < plastic.ptr[row + 1]:
            slot = plastic.target[s]
            synapse = synapse_of(plastic, plastic.weight, 0, s)
            before = max(last, plastic.post_last[slot])
            synapse = drifted(plastic, synapse, slot, owner, s, before, now)
            put_peeked(plastic.weight, plastic.kept, s, synapse)
            s += width
        q += n_warps
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        plastic.window[block] = tick
    cuda.syncthreads()


def close_trial(
    plastic: Any, bounds: Any, block: int, start: int, tick: int, pulse: float, width: int
) -> None:
    """End a trial that began after ``start``: a pulse of the present levels, then no eligibility and no trace is left.

    Parameters
    ----------
    pulse : float
        duration of the pulse, short against tau_e [ms]
    width : int
        threads of a warp
    """
    n_delays, n_blocks, zero = plastic.delays.shape[0], bounds.shape[0] - 1, plastic.window[block]
    warp, own, n_warps = in_warps(width)
    now, q = moment(plastic, zero, tick), np.int64(warp)
    place, fall = now[1], now[2]
    with each("_g0") as k:
        gain_g0 = of_block_g0(plastic.gains[k], block)
        k_g0 = cuda.threadIdx.x
        while k_g0 < gain_g0.area.shape[1]:
            gain_g0.pulse[k_g0] = fall_at(gain_g0, place) * present_of_g0(gain_g0, k_g0) * pulse
            k_g0 += cuda.blockDim.x
    cuda.syncthreads()
    while q < plastic.n_pre * n_delays:
        row, owner = q * n_blocks + block, divided(q, n_delays)[0]
        last = plastic.pre_tick[row]
        if last > start:  # synapses whose pre neuron did not fire have no eligibility
            catch_up(plastic, row, owner, zero, own, width)
            s = plastic.ptr[row] + own
            while s < plastic.ptr[row + 1]:
                slot = np.int64(plastic.target[s])
                synapse = synapse_of(plastic, plastic.weight, 0, s)
                since = np.int32(max(max(last, np.int64(plastic.post_last[slot])) - zero, 0))
                area = pulsed_areas(plastic, slot, owner, s, place, since)
                synapse = drift(synapse, area, fade_from(fall, place, since), plastic.constants)
                put_synapse(plastic, plastic.weight, 0, s, synapse, silenced())
                s += width
        q += n_warps
    cuda.syncthreads()
    rest(plastic, bounds, block, start, tick)
    if cuda.threadIdx.x == 0:
        plastic.window[block] = tick
    cuda.syncthreads()
