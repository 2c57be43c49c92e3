"""Lowering of plastic projections and neuromodulators for a CUDA device: the CPU's arrays by row and block, and back.

The simulation's own arrays are the truth between runs, and say what a device has to take up: as in a saved state all
synapses are settled, so that of a neuron's history its last spike is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..describe.modulation import ByPre, BySynapse
from ..describe.network import Projection
from ..errors import DescriptionError
from .arrays import HISTORY, NEVER, Chance, Channel, Gain, Plastic, Trains, Wires
from .entries import group_of
from .modulation import modulators_of, seek
from .plan import Plan
from .plastic import last_spikes

Array = np.ndarray[Any, Any]
Send = Callable[[Array], Any]


class DevicePlastic(NamedTuple):
    """Synapses of one plastic projection on a device; names are those of :class:`.Plastic`, segments are rows there."""

    constants: Any  # the rule's Constants
    fade_pre: Any  # tuple of real[n]
    fade_post: Any  # tuple of real
    fades: Any  # real[2, SPAN, n_decays]
    grid: Any  # two real
    ends: Any  # four int: post population, its first source, first slot and count
    first: Any  # int, first source of the pre population
    n_pre: Any  # int
    base: Any  # int, what to add to a slot to find its accumulator
    delays: Any  # int64[n_delays], those that the projection has
    ptr: Any  # int64[n_pre * n_delays * n_blocks + 1], synapses of each row
    target: Any  # int32[n], slot
    weight: Any  # real[n]
    kept: Any  # tuple of real[n]
    pre: Any  # the rule's Pre of real[n_rows]
    early: Any  # the rule's Pre of real[n_rows or 1]
    pre_tick: Any  # int64[n_rows]
    seen: Any  # int64[n_rows]
    post: Any  # the rule's Post of real[n_slots]
    past: Any  # the rule's Post of real[n_slots, HISTORY]
    post_last: Any  # int32[n_slots]
    post_tick: Any  # int32[n_slots, HISTORY]
    post_n: Any  # int64[n_slots]
    settled: Any  # int64[n_slots]
    gains: Any  # tuple of Gain, its factors DeviceFactor; ``which`` of segments is one of pre neurons
    window: Any  # int64[n_blocks]
    full: Any  # int32[n_blocks], whether a history is
    chance: Any  # Chance, by row, where the rule draws, else 0
    flow: Any  # float64[n_ticks + 1, n_levels, n], else 0; each block has those of its neurons


class DeviceFactor(NamedTuple):
    """What one modulator contributes to a gain, as :class:`.Factor`, with the levels of every block."""

    level: Any  # float64[n_blocks, n_levels]; [1, n_levels] where potentials set them
    fast: Any  # float64[n_blocks, n_levels or 1]
    rest: Any  # float64[n_blocks, 1]
    receptor: Any  # tuple of float
    mean: Any  # float64[2]


class DeviceChannel(NamedTuple):
    """A modulator on a device."""

    all: Any  # Channel; what changes has a first axis of blocks, and arrays that would be empty have one element,
    #           which is of no effect
    n_releases: Any  # int
    extent: Any  # int64[n_releases, 2]: neurons that release, first place in ``count``


class Levels(NamedTuple):
    """All modulators on a device."""

    channels: Any  # tuple of DeviceChannel
    count: (
        Any  # int32[n_blocks, n], spikes of the present tick by release, and by level where each has its own
    )
    watched: Any  # tuple of DeviceWatch; the levels of their channels are here alone


class Rows(NamedTuple):
    """How the synapses and segments of a plastic projection lie on a device; made once for each wiring."""

    delays: Array  # int64[n_delays]
    ptr: Array  # int64[n_rows + 1]
    target: Array  # int32[n]
    order: Array  # int64[n], number of each synapse in its projection
    first: int  # first source of the pre population
    n_pre: int
    base: int
    segment: Array  # int64[n_rows], segment of each row, 0 for rows that have none
    row: Array  # int64[n_segments], a row of each segment that has synapses


def plastic_rows(
    p: Plan, projection: Projection, wires: Wires, plastic: Plastic, number: int, bounds: Array
) -> Rows:
    """Sort the synapses of a projection, the plastic one of that ``number``, by source, delay and block."""
    n_blocks = len(bounds) - 1
    group = int(np.flatnonzero(wires.group_plastic == number)[0])
    mine = np.flatnonzero(group_of(wires.segment_entry) == group)
    source = np.searchsorted(wires.segment_ptr, mine, side="right") - 1
    first, n_pre = p.first_source[projection.pre.name], projection.pre.size
    delays, which = np.unique(wires.segment_delay[mine].astype(np.int64), return_inverse=True)
    segment = np.repeat(np.arange(len(mine)), plastic.length)
    offset = np.arange(len(segment)) - np.repeat(np.cumsum(plastic.length) - plastic.length, plastic.length)
    synapse = np.repeat(plastic.begin, plastic.length) + offset
    slot = wires.target[synapse].astype(np.int64)
    block = np.searchsorted(bounds, slot, side="right") - 1
    key = ((source - first) * len(delays) + which)[segment] * n_blocks + block
    n_rows = n_pre * max(1, len(delays)) * n_blocks
    order = np.argsort(key, kind="stable")
    ptr = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=n_rows))])
    of_row, row = np.zeros(n_rows, np.int64), np.zeros(len(mine), np.int64)
    of_row[key], row[segment] = segment, key
    return Rows(
        delays=delays if len(delays) else np.ones(1, np.int64),
        ptr=ptr.astype(np.int64),
        target=slot[order].astype(np.int32),
        order=(synapse - plastic.first[0])[order],
        first=first,
        n_pre=n_pre,
        base=int(wires.group_base[group]),
        segment=of_row,
        row=row,
    )


def plastic_of(
    rows: Rows, wires: Wires, plastic: Plastic, gains: tuple[Any, ...], n_blocks: int, tick: int, send: Send
) -> DevicePlastic:
    """Return a plastic projection as a device keeps it, its synapses settled at ``tick``; ``send`` copies an array.

    Where synapses wait for a trial's end, a trial is a window.
    """
    last, here = last_spikes(plastic), plastic.first[0] + rows.order
    n_slots = len(last)
    post_tick = np.full((n_slots, HISTORY), plastic.post_tick.dtype.type(NEVER))
    post_tick[np.arange(n_slots), (plastic.post_n - 1) & (HISTORY - 1)] = last
    early = type(plastic.pre)(*(send(a[rows.segment] if len(a) else a) for a in plastic.early))
    return DevicePlastic(
        constants=plastic.constants,
        fade_pre=tuple(send(a) for a in plastic.fade_pre),
        fade_post=plastic.fade_post,
        fades=send(plastic.fades),
        grid=tuple(plastic.grid),
        ends=tuple(int(n) for n in plastic.ends),
        first=rows.first,
        n_pre=rows.n_pre,
        base=rows.base,
        delays=send(rows.delays),
        ptr=send(rows.ptr),
        target=send(rows.target),
        weight=send(wires.weight[here]),
        kept=tuple(send(a[rows.order]) for a in plastic.kept),
        pre=type(plastic.pre)(*(send(_by_row(a, rows)) for a in plastic.pre)),
        early=early,
        pre_tick=send(_by_row(plastic.pre_tick, rows)),
        seen=send(np.full(len(rows.segment), tick + 1)),
        post=type(plastic.post)(*(send(a) for a in plastic.post)),
        past=type(plastic.past)(*(send(a) for a in plastic.past)),
        post_last=send(np.ascontiguousarray(last)),
        post_tick=send(post_tick),
        post_n=send(plastic.post_n),
        settled=send(plastic.post_n),
        gains=gains,
        window=send(np.full(n_blocks, tick if plastic.trial else plastic.window[0])),
        full=send(np.zeros(n_blocks, np.int32)),
        chance=_chance(rows, plastic, send) if plastic.chance else 0,
        flow=send(plastic.flow) if len(plastic.flow) else 0,
    )


def _chance(rows: Rows, plastic: Plastic, send: Send) -> Chance:
    """Return who synapses are, in the order of rows."""
    chance, n_rows = plastic.chance, len(rows.segment)
    return Chance(
        key=send(chance.key),
        number=send(chance.number[rows.order]),
        pre=send((np.arange(n_rows) // (n_rows // rows.n_pre)).astype(np.uint32)),
        again=send(np.zeros(n_rows, np.int64)),
        who=send(chance.who[:1]),
        when=send(chance.when[:1]),
        words=send(chance.words[:1]),
    )


def _by_row(values: Array, rows: Rows) -> Array:
    """Return what segments have for each row; 0 where a projection has lost all synapses, and so has no segment."""
    return values[rows.segment] if len(values) else np.zeros(len(rows.segment), values.dtype)


def take_plastic(rows: Rows, wires: Wires, plastic: Plastic, there: DevicePlastic, tick: int) -> None:
    """Take back what a device has, its synapses settled at ``tick``."""
    wires.weight[plastic.first[0] + rows.order] = _back(there.weight, len(rows.order))
    if plastic.trial:  # all else is as it was, between trials
        return
    for values, found in zip(plastic.kept, there.kept, strict=True):
        values[rows.order] = _back(found, len(rows.order))
    for values, found in zip((*plastic.pre, *plastic.early), (*there.pre, *there.early), strict=True):
        if len(values):
            values[:] = found.copy_to_host()[rows.row]
    plastic.pre_tick[:] = there.pre_tick.copy_to_host()[rows.row]
    plastic.seen[:] = tick + 1
    for values, found in zip(plastic.post, there.post, strict=True):
        values[:] = found.copy_to_host()
    last = last_spikes(plastic)
    last[:], plastic.post_n[:] = there.post_last.copy_to_host(), there.post_n.copy_to_host()
    at = np.arange(len(plastic.post_n)), (plastic.post_n - 1) & (HISTORY - 1)
    plastic.post_tick[at] = last
    plastic.settled[:] = plastic.post_n
    plastic.window[:] = there.window.copy_to_host()[0]
    for gain, found in zip(plastic.gains, there.gains, strict=True):
        gain.area[:] = found.area.copy_to_host()
    if len(plastic.flow):
        plastic.flow[:] = there.flow.copy_to_host()


def _back(there: Any, n: int) -> Array:
    """Return the first numbers of an array of a device, where an empty one has one."""
    return np.asarray(there.copy_to_host()[:n])


def gains_on_device(
    rows: Rows,
    plastic: Plastic,
    modulations: tuple[Any, ...],
    numbers: dict[str, int],
    levels: Levels | None,
    followed: dict[str, Any],
    send: Send,
) -> tuple[Any, ...]:
    """Return the gains of a projection with the levels of a device.

    Parameters
    ----------
    numbers : those of modulators, by name
    followed : the levels of those that follow potentials, by name
    """
    out = []
    for gain, modulation in zip(plastic.gains, modulations, strict=True):
        which = gain.which
        if isinstance(modulation.subpopulations, ByPre):
            which = np.asarray(modulation.subpopulations.levels).astype(np.uint16)
        elif isinstance(modulation.subpopulations, BySynapse):
            which = gain.which[rows.order]
        factors = []
        for (modulator, _), factor in zip(modulation.factors, gain.factors, strict=True):
            assert levels is not None
            every = levels.channels[numbers[modulator.name]].all
            level = followed.get(modulator.name, every.level)
            factors.append(DeviceFactor(level, every.fast, every.rest, factor.receptor, send(factor.mean)))
        if plastic.trial:  # in a trial no gain acts, and the window does not end before it
            gain = gain._replace(area=np.zeros((len(gain.fall) + 1, len(gain.pulse))))
        same = {name: send(getattr(gain, name)) for name in ("share", "area", "fall", "both", "pulse")}
        out.append(Gain(which=send(which), factors=tuple(factors), **same))
    return tuple(out)


def levels_of(
    p: Plan, channels: tuple[Channel, ...], watched: tuple[Any, ...], n_blocks: int, send: Send
) -> Levels:
    """Return all modulators as a device keeps them: their levels for each block, and what watches potentials."""
    out, n_counts = [], 0
    for modulator, channel in zip(modulators_of(p.network), channels, strict=True):
        if modulator.watch is not None:  # a block needs its baseline alone
            channel = channel._replace(level=np.zeros(1), coming=channel.coming[:, :1])
        if not len(channel.given_tick):  # one that never comes: a device has no empty arrays
            channel = channel._replace(given_tick=np.full(1, np.iinfo(np.int64).max))
        changing = {
            name: send(np.repeat(getattr(channel, name)[np.newaxis], n_blocks, axis=0))
            for name in ("level", "fast", "rest", "coming", "next")
        }
        same = {name: send(getattr(channel, name)) for name in Channel._fields if name not in changing}
        extent = np.zeros((len(channel.amount), 2), np.int64)
        for r, (population, _, _, onto) in enumerate(channel.release):
            extent[r] = p.populations[population].size, n_counts
            n_counts += channel.coming.shape[1] if onto >= 0 else 1
        out.append(
            DeviceChannel(
                all=Channel(**changing, **same),
                n_releases=len(channel.amount),
                extent=send(extent),
            )
        )
    return Levels(tuple(out), send(np.zeros((n_blocks, max(1, n_counts)), np.int32)), watched)


def take_levels(p: Plan, channels: tuple[Channel, ...], levels: Levels, tick: int) -> None:
    """Take back the levels that a device has, those of its first block: all have the same."""
    for modulator, channel, there in zip(modulators_of(p.network), channels, levels.channels, strict=True):
        seek(channel, tick)
        if modulator.watch is not None:
            continue
        channel.level[:] = there.all.level.copy_to_host()[0]
        if len(channel.fast):
            channel.fast[:] = there.all.fast.copy_to_host()[0]
        channel.coming[:] = there.all.coming.copy_to_host()[0]


def turns_of(trains: Trains) -> Array:
    """Return of each given spike how often its source has fired in its tick before it, int64[n]."""
    out = np.zeros(len(trains.tick), np.int64)
    for first, last in zip(trains.first, trains.last, strict=True):
        tick, source = trains.tick[first:last], trains.source[first:last]
        order = np.lexsort((source, tick))
        same = (np.diff(tick[order], prepend=-1) == 0) & (np.diff(source[order], prepend=-1) == 0)
        start = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        out[first + order] = np.arange(len(order)) - start
    return out


def check_turns(n_sources: int, turns: int) -> None:
    """Refuse more equal spikes in a tick than a device can number."""
    if n_sources * turns >= 2**31:
        raise DescriptionError(
            f"backend='cuda': one source is given {turns} spikes in one tick, more than a device has numbers for"
        )


def past_of(pending: Array, start: int, n_ticks: int, n_sources: int) -> tuple[Array, Array]:
    """Return spikes in flight of the last ``n_ticks`` ticks until ``start`` as a tape, and where each tick's begin."""
    tick, source, times = pending[:, 1], pending[:, 2], pending[:, 3]
    late = tick > start - n_ticks
    order = np.argsort(tick[late], kind="stable")
    tick, source, times = (np.repeat(a[late][order], times[late][order]) for a in (tick, source, times))
    key = np.concatenate([[0], np.cumsum(pending[late][order][:, 3])])
    turn = np.arange(len(source)) - np.repeat(key[:-1], np.diff(key))
    ptr = np.searchsorted(tick, np.arange(start - n_ticks + 1, start + 2))
    return (source + turn * n_sources).astype(np.int32), ptr.astype(np.int64)
