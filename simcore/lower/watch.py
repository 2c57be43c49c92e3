"""Lowering of sources that watch membrane potentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..describe.modulation import Modulator
from ..describe.network import Network
from .arrays import Channel, Watched
from .modulation import modulators_of
from .plan import Plan

Array = np.ndarray[Any, Any]


def watches_of(network: Network) -> list[tuple[int, Modulator]]:
    """Return the modulators whose levels follow potentials, with their numbers."""
    return [(k, m) for k, m in enumerate(modulators_of(network)) if m.watch is not None]


def watched_of(
    p: Plan, shard: int, groups: Any, channels: tuple[Channel, ...], modules: list[Any], real: Any
) -> tuple[Watched, ...]:
    """Return what one shard needs to watch its neurons, all as at first."""
    out = []
    for (number, modulator), module in zip(watches_of(p.network), modules, strict=True):
        source = modulator.watch
        assert source is not None
        lo, hi = p.numbers(shard, source.population.name)
        place = p.populations.index(source.population)
        for group in groups:
            for population, _, count, _, first in group.part:
                if population == place:
                    membrane = group.fields.v[:, first : first + count]
                    moving = membrane[:, :0]
                    if source.moving is not None:
                        moving = getattr(group.fields, source.moving)[:, first : first + count]
        out.append(
            Watched(
                ends=np.array([place, p.first_source[source.population.name] + lo, lo], np.int64),
                membrane=membrane,
                moving=moving,
                seen=np.zeros(hi - lo, real),
                peak=np.array([np.nan if source.peak is None else source.peak], real),
                past=np.repeat(membrane[:1], round(source.delay / p.dt), axis=0),
                place=np.zeros(1, np.int64),
                fields=module.State(*(np.full(hi - lo, value, real) for value in source.initial())),
                constants=module.Constants(*(real(c) for c in source.derive(p.dt))),
                level=channels[number].level,
            )
        )
    return tuple(out)


def gathered(watched: list[tuple[Watched, ...]], q: int) -> dict[str, Array]:
    """Return the levels of the ``q``-th source and what it remembers, by neuron, from all shards."""
    mine = [shard[q] for shard in watched]
    levels = [w.level[w.ends[2] : w.ends[2] + len(w.seen)] for w in mine]
    fields = {f: np.concatenate([getattr(w.fields, f) for w in mine]) for f in mine[0].fields._fields}
    if len(mine[0].past):
        fields["past"] = np.concatenate([np.roll(w.past, -w.place[0], axis=0).T for w in mine])
    return {"level": np.concatenate(levels), **{f"watch/{f}": values for f, values in fields.items()}}


def scatter(watched: list[tuple[Watched, ...]], q: int, saved: dict[str, Array]) -> None:
    """Set what :func:`gathered` returned."""
    for shard in watched:
        w = shard[q]
        begin, n = int(w.ends[2]), len(w.seen)
        w.level[:] = saved["level"]
        if len(w.past):
            w.place[0] = 0
            w.past[:] = saved["watch/past"][begin : begin + n].T
        for f in w.fields._fields:
            getattr(w.fields, f)[:] = saved[f"watch/{f}"][begin : begin + n]
