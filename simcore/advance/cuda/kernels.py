"""The tick on a CUDA device: deliver, update, emit; the counterpart of :mod:`.stepped` and :mod:`.events`.

A kernel template: :mod:`.modules` writes a copy for each model in which the import below is that model's, as device
functions. Accumulators are whole numbers of :data:`QUANTUM`, as their sums do not depend on the order of the
additions; those of all coming ticks are a ring, so that a spike is delivered at once to the ticks at which it arrives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.lower.arrays import CONSTANT, DENSE
from tegmentum.simcore.lower.entries import begin_of, group_of, length_of

from ..ticks.binding import flow, gather, load, pick, real, reset, rows, store, take_input, threshold, window

SCALE = 4294967296.0  # 2**32 quanta are one unit of weight, so that sums below 2**31 units fit
QUANTUM = 1.0 / SCALE


def update(model_group: Any, p: int, tick: int, ring: Any, inputs: Any, fired: Any) -> None:
    """Advance one population by one tick, a thread for each neuron.

    Parameters
    ----------
    ring : int64[n_buckets, n_rows * n_slots]
        accumulators of the coming ticks
    inputs : real[n_rows, n_slots]
        scratch
    fired : int32[n_sources]
        how often each source fires in this tick
    """
    i = cuda.grid(1)
    slot, count, source, first = (
        model_group.part[p, 1],
        model_group.part[p, 2],
        model_group.part[p, 3],
        model_group.part[p, 4],
    )
    if i < count:
        bucket = tick & (ring.shape[0] - 1)
        for r in range(inputs.shape[0]):
            at = r * inputs.shape[1] + slot + i
            inputs[r, slot + i] = real(ring[bucket, at] * QUANTUM)
            ring[bucket, at] = 0
        c = pick(gather(model_group.table, model_group.arrays, p, first, first + count), i)
        fields = window(model_group.fields, 0, first, first + count)
        s = take_input(flow(load(fields, i), c, real(0.0)), c, rows(inputs, slot, slot + count), i)
        if threshold(s, c):
            s = reset(s, c)
            fired[source + i] = 1
        store(fields, i, s)


def play(trains: Any, tick: int, fired: Any) -> None:
    """Let the given spikes of one tick happen, a thread for each spike of the whole run."""
    k = cuda.grid(1)
    if k < trains.tick.shape[0] and trains.tick[k] == tick:
        cuda.atomic.add(fired, trains.source[k], 1)


def scatter(wires: Any, tick: int, ring: Any, fired: Any, recording: Any) -> None:
    """Record the sources that fired and deliver their spikes to the ticks to come, a thread for each source.

    ``recording`` is a triple of int64 arrays: tick and source of each spike, and the number of spikes.
    """
    source = cuda.grid(1)
    if source < fired.shape[0] and fired[source] > 0:
        times = fired[source]
        fired[source] = 0
        n = cuda.atomic.add(recording[2], 0, times)
        for k in range(n, n + times):
            recording[0][k] = tick
            recording[1][k] = source
        for j in range(wires.segment_ptr[source], wires.segment_ptr[source + 1]):
            entry = wires.segment_entry[j]
            group, length, begin = group_of(entry), length_of(entry), begin_of(entry)
            bucket = (tick + wires.segment_delay[j]) & (ring.shape[0] - 1)
            form, base = wires.group_format[group], wires.group_base[group]
            for k in range(length):
                at = base + k if form == DENSE else base + wires.target[begin + k]
                w = wires.group_weight[group]
                if form == DENSE:
                    w = wires.dense[begin + k]
                elif form != CONSTANT:
                    w = wires.weight[begin + k]
                cuda.atomic.add(ring, (bucket, at), times * np.int64(math.floor(w * SCALE + 0.5)))
