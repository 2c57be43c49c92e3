"""Delivery and emission: what happens to a spike between two neurons.

Threads own targets. Every shard delivers the segments onto its own neurons in the one order of emission
(tick, then population, then neuron), so that each sum has the same order whatever the number of shards, and
its bits are equal. They wait at one barrier a window, between update and emission.

A kernel template: :mod:`.modules` repeats each block ``with each("_0")`` for every plastic projection.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.compile.each import each
from tegmentum.simcore.intrinsics.memory import atomic_add, atomic_load, give_way, prefetch
from tegmentum.simcore.lower.arrays import (
    BITMAP,
    CONSTANT,
    DENSE,
    HALF,
    LAZY,
    LAZY_CONSTANT,
    LAZY_WEIGHTED,
    PLASTIC,
    WEIGHTED,
)
from tegmentum.simcore.lower.entries import begin_of, group_of, length_of

from .bitmaps import deliver_bitmaps as deliver_bitmaps_b0
from .bitmaps import run_of as run_of_b0
from .halves import deliver_halves as deliver_halves_h0
from .halves import run_of_halves as run_of_halves_h0
from .plastic import learn as learn_0
from .plastic import prefetch_plastic as prefetch_plastic_0
from .reach import reach

AHEAD = 12  # entries between the prefetch of a segment and its delivery
SOON = 8  # sources between the prefetch of their segments' names and their emission
LINE = 64  # bytes of a cache line
SPINS = 500  # looks at the barrier before a thread gives way


def prefetch_source(wires: Any, source: int) -> None:
    """Ask the memory for what :func:`emit` needs of a source."""
    begin, end = wires.segment_ptr[source], wires.segment_ptr[source + 1]
    prefetch_range(wires.segment_delay, begin, end)
    prefetch_range(wires.segment_entry, begin, end)


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


def deliver_some(
    wires: Any,
    plastics: Any,
    active: Any,
    scratch: Any,
    inputs: Any,
    trial: int,
    tick: int,
    entries: Any,
    lo: int,
    hi: int,
) -> Any:
    """Add the weights of a segment, or of several that go together, to the accumulators of its targets.

    Those of the entries ``lo`` to ``hi - 1``, several of rows of bits or of words only; returns the number of synapses.
    """
    entry = entries[lo]
    group, length, begin = group_of(entry), length_of(entry), begin_of(entry)
    with each("_b0"):
        if wires.group_format[group] == BITMAP:
            return deliver_bitmaps_b0(wires, inputs, scratch.planes, entries, lo, hi)
    base = wires.group_base[group]
    with each("_h0"):
        if wires.group_format[group] == HALF:
            return deliver_halves_h0(wires, inputs, scratch.place, scratch.weight, entries, lo, hi)
    if wires.group_format[group] == PLASTIC:
        which = wires.group_plastic[group]
        with each("_0") as k:
            if which == k:
                learn_0(plastics[k], wires, inputs, base, begin, tick)
        return length
    if wires.group_format[group] >= LAZY:
        slot = wires.group_slot[group]
        for s in range(begin, begin + length):
            reach(active, trial, slot + wires.target[s])
    if wires.group_format[group] == CONSTANT or wires.group_format[group] == LAZY_CONSTANT:
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


def prefetch_segment(wires: Any, plastics: Any, entry: Any) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    group, begin = group_of(entry), begin_of(entry)
    kind = wires.group_format[group]
    if kind == PLASTIC:
        which = wires.group_plastic[group]
        with each("_0") as k:
            if which == k:
                prefetch_plastic_0(plastics[k], wires, begin)
    elif kind == DENSE:
        prefetch(wires.dense, begin)
    elif kind != BITMAP and kind != HALF:
        end = begin + length_of(entry)
        prefetch_range(wires.target, begin, end)
        if kind == WEIGHTED or kind == LAZY_WEIGHTED:  # noqa: SIM109 (for `in`, Numba compiles a function)
            prefetch_range(wires.weight, begin, end)


def prefetch_range(array: Any, begin: int, end: int) -> None:
    """Ask the memory for ``array[begin:end]``."""
    size = array.itemsize
    step, s = LINE >> (size > 1) + (size > 2) + (size > 4), begin  # to divide takes longer
    while s < end:
        prefetch(array, s)
        s += step
    prefetch(array, end - 1)


def deliver(
    wires: Any, plastics: Any, ring: Any, active: Any, scratch: Any, inputs: Any, trial: int, tick: int
) -> Any:
    """Deliver all segments that arrive at ``tick``, in the order of emission; returns how many."""
    bucket = tick & (ring.count.shape[1] - 1)
    n = ring.count[trial, bucket]
    entry = ring.entry[trial, bucket]
    n_events = 0
    while n > 0:
        end = 0
        for k in range(n):
            if k + AHEAD < n:
                prefetch_segment(wires, plastics, entry[k + AHEAD])
            if k >= end:
                end = k + 1
                with each("_b0"):
                    end = run_of_b0(wires, entry, k, n)
                with each("_h0"):
                    end = max(end, run_of_halves_h0(wires, entry, k, n))
                n_events += deliver_some(wires, plastics, active, scratch, inputs, trial, tick, entry, k, end)
        n = recall(ring, trial, bucket)
    ring.count[trial, bucket] = 0
    return n_events


def recall(ring: Any, trial: int, bucket: int) -> Any:
    """Put what spilled where what is delivered lay, as much as there is room for, in order; returns how much."""
    n = 0
    for k in range(ring.spill_count[trial]):
        if ring.spill_bucket[trial, k] == bucket and n < ring.entry.shape[2]:
            ring.entry[trial, bucket, n] = ring.spill_entry[trial, k]
            ring.spill_bucket[trial, k] = -1
            n += 1
    return n


def barrier(control: Any, n_shards: int) -> None:
    """Wait until all shards have arrived here as often as this one."""
    arrived = atomic_add(control.barrier, 0, 1) + 1
    target = (arrived + n_shards - 1) // n_shards * n_shards
    spins = 0
    while atomic_load(control.barrier, 0) < target:
        spins += 1
        if spins > SPINS:
            give_way()


def broadcast(
    wires: Any, ring: Any, fired: Any, recording: Any, control: Any, k: int, trial: int, tick: int
) -> None:
    """Emit, and in the first shard record, the spikes of all shards, ordered by population and neuron."""
    now = tick & (fired.ptr.shape[1] - 1)
    n_shards, n_populations = fired.ptr.shape[2], fired.ptr.shape[3] - 1
    for p in range(n_populations):
        for j in range(n_shards):
            source = fired.source[trial, now, j]
            first, last = fired.ptr[trial, now, j, p], fired.ptr[trial, now, j, p + 1]
            for f in range(first, min(first + SOON, last)):
                prefetch_source(wires, source[f])
            for f in range(first, last):
                if f + SOON < last:
                    prefetch_source(wires, source[f + SOON])
                emit(wires, ring, trial, source[f], tick)
            if k == 0:
                control.spikes[trial, p] += fired.ptr[trial, now, j, p + 1] - fired.ptr[trial, now, j, p]
                if recording.wanted[p]:
                    for f in range(fired.ptr[trial, now, j, p], fired.ptr[trial, now, j, p + 1]):
                        write(recording, trial, tick, fired.source[trial, now, j, f])


def write(recording: Any, trial: int, tick: int, source: int) -> None:
    """Record one spike."""
    n = recording.count[trial]
    recording.tick[trial, n] = tick
    recording.source[trial, n] = source
    recording.count[trial] = n + 1


def play(
    wires: Any, ring: Any, trains: Any, recording: Any, k: int, trial: int, tick: int, cursor: int
) -> Any:
    """Emit, and in the first shard record, the given spikes of one tick; returns the next one's number."""
    while cursor < trains.last[trial] and trains.tick[cursor] <= tick:
        source = trains.source[cursor]
        emit(wires, ring, trial, source, tick)
        if k == 0 and recording.wanted[recording.node_of[source]]:
            write(recording, trial, tick, source)
        cursor += 1
    return cursor


def begin(
    wires: Any, ring: Any, trains: Any, recording: Any, k: int, trial: int, tick: int, until: int
) -> Any:
    """Return the number of the first given spike to come, after those of tick 0 where a simulation starts there."""
    if tick > 0:
        return after(trains, trial, tick)
    cursor = trains.first[trial]
    if until > 0:
        cursor = play(wires, ring, trains, recording, k, trial, tick, cursor)
    return cursor


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
