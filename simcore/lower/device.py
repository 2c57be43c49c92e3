"""Lowering for a CUDA device: the arrays of one shard divided among blocks of threads, weights as whole numbers.

``real`` is float32 or float64 by the simulation's precision, ``whole`` int32 or int64.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from .arrays import ModelGroup, PoissonSparse, Recording, Trains, Wires
from .entries import length_of
from .expanded import chunks, expanded, static
from .grid import quantum_at
from .plan import ModelGroupPlan, Plan
from .queues import segments_of

Array = np.ndarray[Any, Any]
WHOLE = {np.float32: np.int32, np.float64: np.int64}


class Board(NamedTuple):
    """What blocks own: slots, the rows of synapses onto them, and the accumulators of the coming ticks."""

    bounds: Any  # int64[n_blocks + 1], slots of each block
    ptr: Any  # int64[n_sources * n_blocks + 1], row of each source and block
    delay: Any  # uint8, uint16 or int32[n_synapses], ticks
    target: Any  # int32[n_synapses], accumulator
    quanta: Any  # whole[n_synapses], weight
    ring: Any  # whole[n_trials, n_buckets, n_rows * n_slots]
    current: Any  # real[n_trials, n_slots], injected [pA]
    n_sources: Any  # int
    trials: Any  # DeviceTrials, or 0 where no samples are shown


class DeviceGroup(NamedTuple):
    """Populations that share a model."""

    state: Any  # real[n_fields, n_trials, n]
    table: Any  # real[n_populations, n_constants]
    arrays: Any  # real[n_varying, n], constants that differ from neuron to neuron
    part: Any  # int64[n_populations, 5], as in ModelGroup
    quantum: Any  # real[n_populations, n_rows]


class Tape(NamedTuple):
    """Who fired in the ticks of one launch, tick by tick, in no order within one.

    A source that is given several spikes in one tick stands there as ``source``, ``source + n_sources`` and so on.
    """

    source: Any  # int32[n_trials, capacity]
    count: Any  # int32[n_trials, n_ticks], spikes of each tick
    base: Any  # int64[n_trials, n_blocks], where the present tick's begin
    given: Any  # int32[n], sources of the spikes that are given
    given_ptr: Any  # int64[n_trials, n_ticks + 1]
    past: Any  # int32[n], sources of the spikes before the launch that plastic synapses have yet to receive
    past_ptr: Any  # int64[n_past + 1], where those of each of the last ``n_past`` ticks begin
    begin: Any  # int64[n_blocks, n], where the spikes of the ticks of late begin, a ring
    turns: Any  # int, how often one source fires in one tick at most


class Probes(NamedTuple):
    """Samples that a run takes, those of each block together."""

    probe: Any  # int64[n, 4]: model group, field, index, column
    ptr: Any  # int64[n_blocks + 1]
    due: Any  # int64[3]: ticks between samples; which of a launch's ticks is the first that has one, and its row
    trace: Any  # real[n_trials, n_samples, n_columns]


class SparseBlocks(NamedTuple):
    """Rare Poisson sources; a *piece* is a block of neurons of which a block of threads owns some."""

    source: Any  # int64[n, 11], as in PoissonSparse
    weight: Any  # whole[n]
    limit: Any  # uint32[n_tables]
    other: Any  # uint32[n_tables]
    piece: Any  # int64[n_pieces, 2]: source, block of neurons
    ptr: Any  # int64[n_blocks + 1], pieces of each block of threads
    window: Any  # int64[n_trials, n_pieces]
    begin: Any  # int32[n_trials, n_pieces, 65]
    place: Any  # uint32[n_trials, n_pieces, 256]
    key: Any  # uint32[2]


class Inputs(NamedTuple):
    """Sources of input; those that a network has not are 0."""

    poisson_dense: Any  # PoissonDense with whole weights
    poisson_inhomogeneous: Any  # PoissonInhomogeneous with whole weights
    poisson_sparse: Any  # SparseBlocks
    gaussian: Any  # Gaussian


def cut(n_slots: int, n_blocks: int, width: int) -> Array:
    """Divide slots among blocks in multiples of ``width``, as evenly as goes."""
    n_chunks = -(-n_slots // width)
    return np.minimum(n_chunks * np.arange(n_blocks + 1) // n_blocks * width, n_slots)


def rows_of(
    p: Plan, wires: Wires, bounds: Array, quanta: Array, real: Any
) -> tuple[Array, Array, Array, Array]:
    """Return ``ptr``, ``delay``, ``target`` and ``quanta`` of :class:`Board`: static rows by source and block."""
    n_blocks, n_slots = len(bounds) - 1, max(1, p.n_slots[0])
    own = static(wires, np.arange(len(wires.segment_entry)))
    n = int(length_of(wires.segment_entry[own]).sum())
    most = int(wires.segment_delay[own].max(initial=0))
    delays = np.zeros(n, np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.int32)
    target, whole = np.zeros(n, np.int32), np.zeros(n, WHOLE[real])
    count, done = np.zeros(p.n_sources * n_blocks + 1, np.int64), 0
    if p.n_rows * n_slots >= 2**31:
        raise OverflowError("accumulators of a device are numbered in 31 bits")
    for part in chunks(wires):
        source = np.searchsorted(wires.segment_ptr, part.segment, side="right") - 1
        row = source * n_blocks + np.searchsorted(bounds, part.at % n_slots, side="right") - 1
        order = np.lexsort((wires.segment_delay[part.segment], row))
        here = slice(done, done + len(order))
        done += len(order)
        delays[here] = wires.segment_delay[part.segment[order]]
        target[here] = part.at[order]
        whole[here] = whole_of(p, part.at, part.weight, quanta)[order]
        count += np.bincount(row + 1, minlength=len(count))
    return np.cumsum(count), delays, target, whole


def whole_of(p: Plan, at: Array, weight: Array, quanta: Array) -> Array:
    """Return weights onto accumulators as whole numbers of their quanta."""
    return np.rint(weight.astype(np.float64) / quantum_at(p, 0, at, quanta)).astype(np.int64)


def ring_of(
    p: Plan, wires: Wires, pending: Array, now: int, n_trials: int, n_buckets: int, quanta: Array, real: Any
) -> Array:
    """Return the accumulators of the coming ticks: what spikes in flight will add, see :func:`.queues.in_flight`."""
    ring = np.zeros((n_trials, n_buckets, p.n_rows * p.n_slots[0]), WHOLE[real])
    for trial, tick, segment, times in _under_way(wires, pending, now):
        own = static(wires, segment)
        trial, tick, segment, times = (a[own] for a in (trial, tick, segment, times))
        part = expanded(wires, segment)
        where = np.repeat(np.arange(len(segment)), length_of(wires.segment_entry[segment]))
        bucket = (tick + wires.segment_delay[segment])[where] % n_buckets
        number = whole_of(p, part.at, part.weight, quanta) * times[where]
        np.add.at(ring, (trial[where], bucket, part.at), number.astype(ring.dtype))
    return ring


def n_under_way(wires: Wires, pending: Array, now: int | Array) -> int:
    """Return how many synapses spikes in flight reach after ``now``, one tick for all or one for each."""
    found = _under_way(wires, pending, now)
    return int(sum((length_of(wires.segment_entry[segment]) * times).sum() for _, _, segment, times in found))


def _under_way(wires: Wires, pending: Array, now: int | Array) -> list[tuple[Array, Array, Array, Array]]:
    """Trial, tick, segment and number of all that spikes have yet to deliver, some spikes at a time."""
    out = []
    every = np.column_stack([pending, np.broadcast_to(now, len(pending))])
    for spikes in np.array_split(every, max(1, len(every) // 1024)):
        trial, tick, source, times, until = spikes.T
        which, segment = segments_of(wires, source)
        coming = tick[which] + wires.segment_delay[segment] > until[which]
        which, segment = which[coming], segment[coming]
        out.append((trial[which], tick[which], segment, times[which]))
    return out


def group_of(p: Plan, group: ModelGroup, quanta: Array, real: Any) -> DeviceGroup:
    """Return a model group as a device keeps it."""
    n = group.fields[0].shape[1]
    return DeviceGroup(
        state=np.stack([*group.fields]),
        table=group.table,
        arrays=np.stack(group.arrays) if group.arrays else np.zeros((0, n), real),
        part=group.part,
        quantum=quanta[group.part[:, 0]].astype(real),
    )


def catch_up(model_group: ModelGroupPlan, group: ModelGroup, tick: int) -> None:
    """Advance lazy neurons that have waited for an event to ``tick``, in place; on a device none are lazy."""
    if not group.last.size or np.all(group.last >= tick):
        return
    functions = model_group.populations[0].model.functions()
    names = functions["Constants"]._fields
    for trial, i in np.argwhere(group.last < tick):
        p = int(np.searchsorted(group.part[:, 4], i, side="right")) - 1
        varying = dict(zip(model_group.varying, (a[i] for a in group.arrays), strict=True))
        c = functions["Constants"](*(varying.get(f, group.table[p, k]) for k, f in enumerate(names)))
        s = functions["State"](*(values[trial, i] for values in group.fields))
        k = group.fields[0].dtype.type(tick - group.last[trial, i])
        for values, new in zip(group.fields, functions["leap"](s, c, k), strict=True):
            values[trial, i] = new
    group.last[:] = tick


def whole_weights(p: Plan, sources: Any, quanta: Array, real: Any) -> Array:
    """Return the weights of Poisson sources as whole numbers."""
    at = sources.source[:, 1]
    return whole_of(p, at, sources.weight, quanta).astype(WHOLE[real])


def pieces_of(
    p: Plan, sources: PoissonSparse, bounds: Array, n_trials: int, quanta: Array, real: Any
) -> SparseBlocks:
    """Divide rare sources among blocks of threads."""
    pieces, ptr = [], [0]
    for lo, hi in itertools.pairwise(bounds):
        for r, (slot, count, shift) in enumerate(sources.source[:, [2, 4, 6]]):
            first, last = max(lo - slot, 0), min(hi - slot, count)
            if first < last:
                pieces += [(r, block) for block in range(first >> shift, ((last - 1) >> shift) + 1)]
        ptr.append(len(pieces))
    n = len(pieces)
    return SparseBlocks(
        source=sources.source,
        weight=whole_weights(p, sources, quanta, real),
        limit=sources.limit,
        other=sources.other,
        piece=np.array(pieces, np.int64).reshape(-1, 2),
        ptr=np.array(ptr, np.int64),
        window=np.full((n_trials, n), -1),
        begin=np.zeros((n_trials, n, 65), np.int32),
        place=np.zeros((n_trials, n, 256), np.uint32),
        key=sources.key,
    )


def probes_of(p: Plan, groups: tuple[ModelGroup, ...], recording: Recording, bounds: Array) -> Probes:
    """Sort the samples of a recording by the block that takes them."""
    slots = []
    probe = recording.probe[0]  # of the one shard
    for group, _, i, _ in probe:
        parts = groups[group].part
        part = parts[np.searchsorted(parts[:, 4], i, side="right") - 1]
        slots.append(part[1] + i - part[4])
    block = np.searchsorted(bounds, np.array(slots, np.int64), side="right") - 1
    order = np.argsort(block, kind="stable")
    ptr = np.searchsorted(block[order], np.arange(len(bounds)))
    return Probes(probe[order], ptr.astype(np.int64), due_of(recording, 0), recording.trace)


def due_of(recording: Recording, start: int) -> Array:
    """Return ``due`` of :class:`Probes` for a launch after ``start``, in 32 bits: no launch has as many ticks."""
    every, first = (int(n) for n in recording.every)
    number = start // every + 1
    return np.minimum([every, number * every - start - 1, number - first], 2**32 - 1)


def given_of(trains: Trains, start: int, n_ticks: int) -> tuple[Array, Array]:
    """Return ``given``, each spike as its source, and ``given_ptr`` of :class:`Tape` for the ticks after ``start``."""
    ticks = np.arange(start + 1, start + n_ticks + 2)
    rows = [
        first + np.searchsorted(trains.tick[first:last], ticks)
        for first, last in zip(trains.first, trains.last, strict=True)
    ]
    return trains.source, np.array(rows, np.int64).reshape(len(trains.first), n_ticks + 1)


def spikes_of(tape_source: Array, count: Array, start: int, n_sources: int) -> Array:
    """Return what a launch wrote as int64[n, 3] of (trial, tick, source), in order."""
    n_trials, n_ticks = count.shape
    out = [np.zeros((0, 3), np.int64)]
    for trial in range(n_trials):
        tick = np.repeat(np.arange(n_ticks), count[trial])
        key = np.sort(tick * n_sources + tape_source[trial, : len(tick)] % n_sources)
        source = key % n_sources
        out.append(np.stack([np.full(len(key), trial), start + 1 + tick, source], axis=1))
    return np.concatenate(out)


def in_order(spikes: Array) -> Array:
    """Return spikes as those in flight are listed, see :func:`.queues.in_flight`: once each, with how often."""
    found, times = np.unique(spikes, axis=0, return_counts=True)
    return np.concatenate([found, times[:, None]], axis=1)
