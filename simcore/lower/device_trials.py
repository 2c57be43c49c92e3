"""Lowering of trials for a CUDA device, and what came out of them back into the host's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .arrays import ModelGroup, Protocol, Trials
from .plan import Plan

Array = np.ndarray[Any, Any]
Send = Callable[[Array], Any]


class DeviceTrials(NamedTuple):
    """Trials as the blocks of a device run them; a block of the grid is one of the network in a lane of its copies."""

    protocol: Any  # Protocol; ``sums``, ``code`` and ``usual`` have a first axis of blocks of the grid, ``count`` slots
    start: Any  # tuple of real[n_fields, 1, n], state with which each model group begins
    slot: Any  # int64[n_sources], -1 for those of trains
    membrane: Any  # int64[4] of the readout: model group, number of the potential, first place, first slot
    votes: Any  # int32[n_trials, n_blocks, n_classes], spikes of each class in the present trial
    best: Any  # int64[n_blocks of the grid], class that is chosen


def trials_of(
    p: Plan, groups: tuple[ModelGroup, ...], trials: Trials, n_blocks: int, n_lanes: int, send: Send
) -> DeviceTrials:
    """Return trials as a device keeps them; ``send`` copies an array."""
    protocol = trials.protocol
    n_trials, n_grid = len(protocol.first), n_blocks * n_lanes
    slot, membrane = np.full(p.n_sources, -1), np.zeros(4, np.int64)
    number, _, n_readout, n_classes, *_ = protocol.readout
    for k, group in enumerate(groups):
        for population, first_slot, count, source, first in group.part:
            slot[source : source + count] = first_slot + np.arange(count)
            if n_readout and population == number:
                membrane[:] = k, group.fields._fields.index("v"), first, first_slot

    def by_block(values: Array) -> Any:
        return send(np.repeat(values[np.newaxis], n_grid, axis=0))

    own = {name: by_block(getattr(protocol, name)) for name in ("sums", "code", "usual")}
    own |= {
        "count": send(np.zeros((n_trials, p.n_slots[0]), np.int32)),
        "membrane": send(np.zeros((1, 1))),
        "table": tuple(send(table) for table in protocol.table),
    }
    same = {name: send(getattr(protocol, name)) for name in Protocol._fields if name not in own}
    return DeviceTrials(
        protocol=Protocol(**own, **same),
        start=tuple(send(np.stack([*state])) for state in trials.start),
        slot=send(slot),
        membrane=send(membrane),
        votes=send(np.zeros((n_trials, n_blocks, max(1, n_classes)), np.int32)),
        best=send(np.zeros(n_grid, np.int64)),
    )


def take_trials(trials: Trials, there: DeviceTrials) -> None:
    """Take back what was judged: classes, votes, levels, and the mean reward of late."""
    protocol = trials.protocol
    for name in ("chosen", "votes", "level"):
        values = getattr(protocol, name)
        if values.size:
            values[:] = getattr(there.protocol, name).copy_to_host()
    if len(protocol.usual):
        protocol.usual[:] = there.protocol.usual.copy_to_host()[0]


def count_spikes(protocol: Protocol, spikes: Array, node: Array) -> None:
    """Count spikes, int64[n, 3] of (trial, tick, source), by sample and population, of which ``node`` tells."""
    trial, tick = spikes[:, 0], spikes[:, 1]
    sample = protocol.first[trial] + (tick - protocol.origin[0] - 1) // protocol.length[0]
    mine = (node < protocol.spikes.shape[1]) & (sample < protocol.last[trial])
    np.add.at(protocol.spikes, (sample[mine], node[mine]), 1)


def end_of(protocol: Protocol, tick: Array) -> Array:
    """Return the last ticks of the trials to which ticks belong."""
    origin, length = protocol.origin[0], protocol.length[0]
    return np.asarray(origin + (tick - origin + length - 1) // length * length)
