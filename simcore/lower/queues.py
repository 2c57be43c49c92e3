"""The calendar queues and clocks seen from the host: new, grown, read out as spikes in flight, filled again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Active, Control, Fired, Ring, Scratch, Trains, Wires
from .entries import length_of
from .plan import Plan

Array = np.ndarray[Any, Any]

#: Columns of :func:`in_flight`: trial, tick of the spike, source, how often it fired in that tick.
IN_FLIGHT = ("trial", "tick", "source", "times")
#: Spikes of a window in which all neurons fire in each tick.
_ROOM = 1 << 20


def new_ring(
    wires: Wires, trains: Trains, n_trials: int, n_buckets: int, capacity: int, window: int = 1
) -> Ring:
    """Return empty queues; what spills has room for two windows in which everything fires in each tick."""
    n_spill = _spill_of(wires, trains, window)
    return Ring(
        np.empty((n_trials, n_buckets, capacity), np.int64),
        np.zeros((n_trials, n_buckets), np.int64),
        np.empty((n_trials, n_spill), np.int64),
        np.empty((n_trials, n_spill), np.int32),
        np.zeros(n_trials, np.int64),
    )


def with_room(ring: Ring, wires: Wires, trains: Trains, window: int) -> Ring:
    """Return queues whose spill, empty between runs, has room for other trains."""
    n_trials, n_spill = ring.spill_entry.shape
    needed = _spill_of(wires, trains, window)
    if needed <= n_spill:
        return ring
    return ring._replace(
        spill_entry=np.empty((n_trials, needed), np.int64),
        spill_bucket=np.empty((n_trials, needed), np.int32),
    )


def new_active(n_trials: int, n_slots: int) -> Active:
    """Return an empty list of the lazy neurons of a shard that events have reached."""
    mark, slot = np.zeros((n_trials, n_slots), np.uint8), np.zeros((n_trials, n_slots), np.int32)
    return Active(mark, slot, np.zeros(n_trials, np.int64))


def new_fired(p: Plan, n_trials: int, window: int = 1) -> Fired:
    """Return empty lists of who fired."""
    return Fired(
        np.zeros((n_trials, 2 * window, p.n_shards, max(p.n_slots)), np.int32),
        np.zeros((n_trials, 2 * window, p.n_shards, len(p.populations) + 1), np.int64),
    )


def new_scratch() -> Scratch:
    """Return a worker's room for what lasts no longer than a tick."""
    flags, words, normals = np.zeros(1024, np.uint8), np.zeros(256, np.uint32), np.zeros(256)
    drawn = np.zeros((4, 128), np.uint32)
    return Scratch(
        flags=flags,
        eights=flags.view(np.uint64),
        words=words,
        drawn=drawn,
        halves=drawn.view(np.uint16),
        counters=np.zeros(64, np.uint32),
        counts=np.zeros(256, np.uint16),
        normals=normals,
        bits=normals.view(np.int64),
        planes=np.zeros(48, np.uint64),
        place=np.zeros(1040, np.uint32),
        weight=np.zeros(1040, np.float32),
    )


def new_control(p: Plan, trains: Trains, n_workers: int, n_trials: int, window: int) -> Control:
    """Return clocks at 0 and what else shards agree on."""
    return Control(
        clock=np.zeros((p.n_shards, n_trials), np.int64),
        barrier=np.zeros(8, np.int64),
        window=np.array([window], np.int64),
        stop=np.zeros((2, p.n_shards), np.int64),
        room=np.array([room_of(p, trains, window)], np.int64),
        events=np.zeros((n_workers, 8), np.int64),
        spikes=np.zeros((n_trials, len(p.populations)), np.int64),
    )


def room_of(p: Plan, trains: Trains, window: int) -> int:
    """Return the spikes of two windows in which everything fires in each tick."""
    room = p.n_sources
    if len(trains.tick):
        same = np.diff(np.flatnonzero(np.diff(trains.tick, prepend=-1, append=-1)))
        room += int(same.max(initial=1))
    return 2 * window * room


def window_of_shards(p: Plan, shortest: int) -> int:
    """Return the ticks that shards of one process go on alone: a power of two, at most ``shortest``, a delay."""
    if p.n_shards == 1:
        return 1
    most = min(shortest, _ROOM // max(p.n_sources, 1))
    return 1 << (max(most, 1).bit_length() - 1)


def _spill_of(wires: Wires, trains: Trains, window: int) -> int:
    return 2 * window * (len(wires.segment_entry) + _most_train_segments(wires, trains)) + 1


def _most_train_segments(wires: Wires, trains: Trains) -> int:
    """Return the largest number of segments that given spikes emit in one tick."""
    if not len(trains.tick):
        return 0
    degree = np.diff(wires.segment_ptr)[trains.source]
    first = np.flatnonzero(np.diff(trains.tick, prepend=-1) != 0)
    return int(np.add.reduceat(degree, first).max())


def grown(ring: Ring) -> Ring:
    """Return queues doubled as often as it takes to hold what spilled, in the order of emission."""
    while ring.spill_count.any():
        n_trials, n_buckets, capacity = ring.entry.shape
        entry = np.empty((n_trials, n_buckets, 2 * capacity), np.int64)
        entry[:, :, :capacity] = ring.entry
        for trial in np.flatnonzero(ring.spill_count):
            n = ring.spill_count[trial]
            spilled, buckets = ring.spill_entry[trial, :n].copy(), ring.spill_bucket[trial, :n].copy()
            left = np.zeros(n, bool)
            for bucket in np.unique(buckets[buckets >= 0]):
                mine = np.flatnonzero(buckets == bucket)
                at = int(ring.count[trial, bucket])
                fits = mine[: 2 * capacity - at]
                entry[trial, bucket, at : at + len(fits)] = spilled[fits]
                ring.count[trial, bucket] += len(fits)
                left[mine[len(fits) :]] = True
            rest = int(left.sum())
            ring.spill_entry[trial, :rest], ring.spill_bucket[trial, :rest] = spilled[left], buckets[left]
            ring.spill_count[trial] = rest
        ring = ring._replace(entry=entry)
    return ring


def in_flight(all_wires: list[Wires], rings: list[Ring], now: int) -> Array:
    """Return the spikes that some synapse has yet to deliver: int64[n, 4], sorted, columns ``IN_FLIGHT``."""
    found: list[Array] = [np.zeros((0, 4), np.int64)]
    for wires, ring in zip(all_wires, rings, strict=True):
        order = np.argsort(wires.segment_entry, kind="stable")
        owner = np.repeat(np.arange(len(wires.segment_ptr) - 1), np.diff(wires.segment_ptr))
        n_buckets = ring.count.shape[1]
        for trial, bucket in np.argwhere(ring.count):
            entries = ring.entry[trial, bucket, : ring.count[trial, bucket]]
            entries = entries[length_of(entries) > 0]
            segment = order[np.searchsorted(wires.segment_entry[order], entries)]
            arrival = now + 1 + (bucket - now - 1) % n_buckets
            rows, times = np.unique(segment, return_counts=True)
            fired = arrival - wires.segment_delay[rows]
            found.append(np.stack([np.full(len(rows), trial), fired, owner[rows], times], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def put_back(wires: Wires, ring: Ring, pending: Array, now: int) -> Ring:
    """Emit spikes in flight once more, as far as they arrive after ``now``."""
    trial, fired, source, _ = np.repeat(pending, pending[:, 3], axis=0).T
    which, segment = segments_of(wires, source)
    arrival = fired[which] + wires.segment_delay[segment]
    coming = arrival > now
    which, segment, arrival = which[coming], segment[coming], arrival[coming]
    n_trials, n_buckets, capacity = ring.entry.shape
    queue = trial[which] * n_buckets + arrival % n_buckets
    order = np.argsort(queue, kind="stable")
    added = np.bincount(queue, minlength=n_trials * n_buckets)
    before = ring.count.ravel()
    while capacity < (before + added).max(initial=0):
        capacity *= 2
    entry = np.empty((n_trials, n_buckets, capacity), np.int64)
    entry[:, :, : ring.entry.shape[2]] = ring.entry
    place = np.arange(len(order)) - (np.cumsum(added) - added - before)[queue[order]]
    entry.reshape(-1, capacity)[queue[order], place] = wires.segment_entry[segment[order]]
    return ring._replace(entry=entry, count=(before + added).reshape(n_trials, n_buckets))


def segments_of(wires: Wires, source: Array) -> tuple[Array, Array]:
    """Return the segments of some sources, one after another: which of the sources, and the segment's number."""
    n = wires.segment_ptr[source + 1] - wires.segment_ptr[source]
    which = np.repeat(np.arange(len(source)), n)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(n) - n - wires.segment_ptr[source], n)
