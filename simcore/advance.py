"""The tick loop: deliver, update, emit.

In tick ``t``, in this order: the synapses whose spikes arrive at ``t`` add their weights to accumulators;
every stepped neuron flows from ``t - 1`` to ``t``, receives what gathered, and may fire; spikes of ``t``
are recorded and put into the calendar queue, once for each segment of their source. A delay is at least one
tick, so nothing that happens in a tick depends on another spike of that tick.

Threads own targets. Every shard delivers the segments onto its own neurons in the one order of emission
(tick, then population, then neuron), so that each sum has the same order whatever the number of shards, and
its bits are equal. They meet at one barrier a tick, between update and emission.

A kernel template: :mod:`.build` repeats each line that names ``_0`` or ``[0]`` for every kind of the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .binding import peek as peek_0
from .intrinsics import atomic_add, atomic_load, give_way, prefetch
from .lowered import CONSTANT, DENSE
from .poisson import pour
from .stepped import step as step_0

AHEAD = 8  # entries between the prefetch of a segment and its delivery
SPINS = 500  # looks at the barrier before a thread gives way


def emit(wires: Any, ring: Any, trial: int, source: int, tick: int) -> None:
    """Append the segments of a source that fired to the ticks at which they arrive."""
    mask = ring.count.shape[1] - 1
    capacity = ring.entry.shape[2]
    for j in range(wires.segment_ptr[source], wires.segment_ptr[source + 1]):
        bucket = (tick + wires.segment_delay[j]) & mask
        n = ring.count[trial, bucket]
        if n < capacity:
            ring.entry[trial, bucket, n] = wires.segment_entry[j]
            ring.count[trial, bucket] = n + 1
        else:
            n = ring.spill_count[trial]
            ring.spill_entry[trial, n] = wires.segment_entry[j]
            ring.spill_bucket[trial, n] = bucket
            ring.spill_count[trial] = n + 1


def deliver_one(wires: Any, inputs: Any, entry: Any) -> Any:
    """Add the weights of one segment to the accumulators of its targets; returns their number."""
    group, length, begin = entry & 255, (entry >> 8) & 0xFFFFF, entry >> 28
    base = wires.group_base[group]
    if wires.group_format[group] == CONSTANT:
        row, target, w = inputs[base:], wires.target[begin : begin + length], wires.group_weight[group]
        for s in range(length):
            row[target[s]] += w
    elif wires.group_format[group] == DENSE:
        row, weight = inputs[base : base + length], wires.dense[begin : begin + length]
        for s in range(length):
            row[s] += weight[s]
    else:
        row, target = inputs[base:], wires.target[begin : begin + length]
        weight = wires.weight[begin : begin + length]
        for s in range(length):
            row[target[s]] += weight[s]
    return length


def foresee(wires: Any, entry: Any) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    group, begin = entry & 255, entry >> 28
    kind = wires.group_format[group]
    if kind == DENSE:
        prefetch(wires.dense, begin)
    else:
        prefetch(wires.target, begin)
        if kind != CONSTANT:
            prefetch(wires.weight, begin)


def deliver(wires: Any, ring: Any, inputs: Any, trial: int, tick: int) -> Any:
    """Deliver all segments that arrive at ``tick``, in the order of emission; returns how many."""
    bucket = tick & (ring.count.shape[1] - 1)
    n = ring.count[trial, bucket]
    entry = ring.entry[trial, bucket]
    n_events = 0
    for k in range(n):
        if k + AHEAD < n:
            foresee(wires, entry[k + AHEAD])
        n_events += deliver_one(wires, inputs, entry[k])
    ring.count[trial, bucket] = 0
    if ring.spill_count[trial]:
        for k in range(ring.spill_count[trial]):
            if ring.spill_bucket[trial, k] == bucket:
                n_events += deliver_one(wires, inputs, ring.spill_entry[trial, k])
                ring.spill_bucket[trial, k] = -1
    return n_events


def meet(control: Any, n_shards: int) -> None:
    """Wait until all shards have arrived here as often as this one."""
    arrived = atomic_add(control.barrier, 0, 1) + 1
    target = (arrived + n_shards - 1) // n_shards * n_shards
    spins = 0
    while atomic_load(control.barrier, 0) < target:
        spins += 1
        if spins > SPINS:
            give_way()


def broadcast(
    wires: Any, ring: Any, fired: Any, tape: Any, control: Any, k: int, trial: int, tick: int
) -> None:
    """Emit, and in the first shard record, the spikes of all shards, ordered by population and neuron."""
    parity = tick & 1
    n_shards, n_populations = fired.ptr.shape[2], fired.ptr.shape[3] - 1
    for p in range(n_populations):
        for j in range(n_shards):
            for f in range(fired.ptr[trial, parity, j, p], fired.ptr[trial, parity, j, p + 1]):
                emit(wires, ring, trial, fired.source[trial, parity, j, f], tick)
            if k == 0:
                control.spikes[trial, p] += (
                    fired.ptr[trial, parity, j, p + 1] - fired.ptr[trial, parity, j, p]
                )
                if tape.wanted[p]:
                    for f in range(fired.ptr[trial, parity, j, p], fired.ptr[trial, parity, j, p + 1]):
                        write(tape, trial, tick, fired.source[trial, parity, j, f])


def write(tape: Any, trial: int, tick: int, source: int) -> None:
    """Record one spike."""
    n = tape.count[trial]
    tape.tick[trial, n] = tick
    tape.source[trial, n] = source
    tape.count[trial] = n + 1


def play(wires: Any, ring: Any, trains: Any, tape: Any, k: int, trial: int, tick: int, cursor: int) -> Any:
    """Emit, and in the first shard record, the given spikes of one tick; returns the next one's number."""
    while cursor < trains.last[trial] and trains.tick[cursor] <= tick:
        source = trains.source[cursor]
        emit(wires, ring, trial, source, tick)
        if k == 0 and tape.wanted[tape.node_of[source]]:
            write(tape, trial, tick, source)
        cursor += 1
    return cursor


def probe(kinds: Any, tape: Any, trial: int, tick: int) -> None:
    """Sample the traces that are due."""
    if tick % tape.every[0] == 0:
        row = tick // tape.every[0] - tape.every[1]
        for q in range(tape.probe.shape[0]):
            kind, field, i, column = tape.probe[q]
            if kind == 0:  # kind_0
                tape.trace[trial, row, column] = peek_0(kinds[0].fields, field, trial, i)


def after(trains: Any, trial: int, tick: int) -> Any:
    """Return the number of a trial's first given spike later than ``tick``."""
    lo, hi = trains.first[trial], trains.last[trial]
    while lo < hi:
        middle = (lo + hi) // 2
        if trains.tick[middle] <= tick:
            lo = middle + 1
        else:
            hi = middle
    return lo


def advance(
    k: int,
    worker: int,
    n_workers: int,
    until: int,
    wires: Any,
    ring: Any,
    rain: Any,
    kinds: Any,
    fired: Any,
    trains: Any,
    tape: Any,
    control: Any,
    inputs: Any,
    key: Any,
) -> None:
    """Advance one shard to the tick ``until``, or to where its workers stop for want of room.

    Either each worker has a shard of all neurons, or, with one shard, each ``n_workers``-th trial.

    Parameters
    ----------
    k : int
        number of the shard
    inputs : real[n_trials, n_rows, n_slots]
        accumulators
    key : uint64[2]
        of the random numbers
    """
    n_shards = fired.ptr.shape[2]
    flags, u = np.zeros(1024, np.uint8), np.zeros(256, np.uint32)
    first, step = (0, 1) if n_shards > 1 else (worker, n_workers)
    events = 0
    for trial in range(first, inputs.shape[0], step):
        tick = control.clock[k, trial]
        flat = inputs[trial].reshape(inputs.shape[1] * inputs.shape[2])
        cursor = after(trains, trial, tick) if tick > 0 else trains.first[trial]
        if tick == 0 and until > 0:
            cursor = play(wires, ring, trains, tape, k, trial, tick, cursor)
        stop = False
        while tick < until and not stop:
            tick += 1
            parity = tick & 1
            events += deliver(wires, ring, flat, trial, tick)
            pour(rain, flat, u, tick, trial, key[0], key[1])
            out, ptr = fired.source[trial, parity, k], fired.ptr[trial, parity, k]
            step_0(kinds[0], trial, inputs[trial], flags, out, ptr)
            probe(kinds, tape, trial, tick)
            stop = ring.spill_count[trial] > 0
            if k == 0 and tape.count[trial] + control.room[0] > tape.tick.shape[1]:
                stop = True
            if n_shards > 1:
                control.stop[parity, k] = stop
                meet(control, n_shards)
                for j in range(n_shards):
                    stop = stop or control.stop[parity, j] != 0
            broadcast(wires, ring, fired, tape, control, k, trial, tick)
            cursor = play(wires, ring, trains, tape, k, trial, tick, cursor)
        control.clock[k, trial] = tick
    control.events[worker, 0] += events
