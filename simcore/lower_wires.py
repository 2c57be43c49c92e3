"""Lowering of synapses: their places in a shard's memory, the segments that find them, and their traces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .lower import Plan
from .lower_rows import Delay, Group, Rows, given_weights, order_of
from .lowered import DENSE, LAZY_WEIGHTED, MAX_LENGTH, PLASTIC, WEIGHTED, Plastic, Wires
from .rng import seed_key

Array = np.ndarray[Any, Any]
HISTORY = 32  # as in .plastic


def wires_of(
    p: Plan,
    shard: int,
    groups: list[Group],
    rows: list[Rows | None],
    delays: list[Delay],
    seed: int,
    real: Any,
    kernels: Any,
) -> Wires:
    """Synapses onto one shard."""
    network, key = p.network, np.array(seed_key(seed), dtype=np.uint64)
    index = np.uint16 if p.n_slots[shard] <= 65536 else np.uint32
    weighted = (WEIGHTED, LAZY_WEIGHTED, PLASTIC)
    ordered = order_of(groups)
    ptr = np.zeros(p.n_sources + 1, np.int64)
    counts = _count(p, shard, ordered, rows, delays, key, ptr, kernels)
    np.cumsum(ptr, out=ptr)
    delay, entry = np.zeros(ptr[-1], np.int32), np.zeros(ptr[-1], np.int64)
    fill = np.zeros(p.n_sources, np.int64)
    start, n_weighted = 0, 0
    for (number, name), (count, least) in counts.items():
        start = kernels.fill_segments(
            count, least, start, number, p.first_source[name], ptr, delay, entry, fill
        )
        n_weighted = start if ordered[number].format in weighted else n_weighted
    target, weight = np.zeros(start, index), np.zeros(n_weighted, real)
    dense: list[Array] = [np.zeros(0, real)]
    base, n_dense = [], 0
    for number, group in enumerate(ordered):
        base.append(group.row * p.n_slots[shard])
        for m in group.members:
            projection, r = network.projections[m], rows[m]
            lo, hi = p.numbers(shard, projection.post.name)
            slot = p.first_slot[shard][projection.post.name]
            if r is None:
                base[number] += slot
                block = np.zeros(projection.pre.size * (hi - lo), real)
                weights, table = given_weights(projection, None, projection.pre.size * projection.post.size)
                diagonal = projection.pre is projection.post and not projection.rule.autapses  # type: ignore[attr-defined]
                kernels.fill_dense(
                    projection.pre.size, projection.post.size, lo, hi, weights, table, diagonal, block, m, key
                )
                s = p.first_source[projection.pre.name] + np.arange(projection.pre.size)
                at = ptr[s] + fill[s]
                delay[at] = delays[m].given[0]
                begin = n_dense + np.arange(projection.pre.size, dtype=np.int64) * (hi - lo)
                entry[at] = begin << 28 | (hi - lo) << 8 | number
                fill[s] += 1
                dense.append(block)
                n_dense += len(block)
            else:
                count, least = counts[number, projection.pre.name]
                kernels.place(
                    r.ptr,
                    r.post,
                    lo,
                    hi,
                    slot - lo,
                    r.delay.given,
                    r.delay.table,
                    least,
                    r.weights,
                    r.weight_table,
                    count,
                    target,
                    weight if group.format in weighted else weight[:0],
                    m,
                    key,
                )
    plastic = [g.members[0] for g in ordered if g.format == PLASTIC]
    numbers = [plastic.index(g.members[0]) if g.format == PLASTIC else -1 for g in ordered]
    begins = [np.zeros(0, np.int64)]
    for number, group in enumerate(ordered):
        if (
            group.format == PLASTIC
        ):  # an entry names the segment, whose traces are needed, and not its first synapse
            mine = np.flatnonzero(entry & 255 == number)
            begins.append(entry[mine] >> 28)
            entry[mine] = np.arange(len(mine)) << 28 | entry[mine] & (1 << 28) - 1
    return Wires(
        ptr,
        delay,
        entry,
        np.array([g.format for g in ordered] or [0], np.int64),
        np.array(base or [0], np.int64),
        np.array([g.weight for g in ordered] or [0], real),
        np.array(numbers or [-1], np.int64),
        np.concatenate(begins),
        target,
        weight,
        np.concatenate(dense),
    )


def plastics_of(
    p: Plan, shard: int, groups: list[Group], wires: Wires, real: Any, rules: list[Any]
) -> tuple[Any, ...]:
    """Return the traces of the plastic projections onto one shard, all 0.

    ``rules`` are the generated modules, whose ``Constants`` kernels know.
    """
    out: list[Plastic] = []
    done = 0
    for number, group in enumerate(order_of(groups)):
        if group.format != PLASTIC:
            continue
        projection = p.network.projections[group.members[0]]
        rule, post = projection.plasticity, projection.post
        mine = np.flatnonzero(wires.segment_entry & 255 == number)
        length = (wires.segment_entry[mine] >> 8) & MAX_LENGTH
        begin = wires.plastic_begin[done : done + len(mine)]
        done += len(mine)
        constants = rules[len(out)].Constants(*(real(c) for c in rule.derive(p.dt)))
        tables = []
        for tau in rule.time_constants():
            n = math.ceil(-math.log(1e-12) * tau / p.dt)
            tables.append(np.exp(-np.arange(n) * p.dt / tau).astype(real))
        lo, hi = p.numbers(shard, post.name)
        ends = [
            p.populations.index(post),
            p.first_source[post.name] + lo,
            p.first_slot[shard][post.name],
            hi - lo,
        ]
        n_slots, n = p.n_slots[shard], len(mine)
        never = -(2**30)
        out.append(
            Plastic(
                constants=constants,
                fade_pre=tables[0],
                fade_post=tables[1],
                begin=begin,
                length=length,
                pre_x=np.zeros(n, real),
                pre_tick=np.zeros(n, np.int64),
                seen=np.zeros(n, np.int64),
                post=np.array(ends, np.int64),
                post_x=np.zeros(n_slots, real),
                post_last=np.full(n_slots, never, np.int32),
                post_tick=np.full((n_slots, HISTORY), never, np.int32),
                post_n=np.zeros(n_slots, np.int64),
                settled=np.zeros(n_slots, np.int64),
                level=np.zeros((HISTORY, int(length.max(initial=0)) + 1), np.int32),
                n_level=np.zeros(HISTORY, np.int64),
            )
        )
    return tuple(out)


def _count(
    p: Plan,
    shard: int,
    ordered: list[Group],
    rows: list[Rows | None],
    delays: list[Delay],
    key: Array,
    ptr: Array,
    kernels: Any,
) -> dict[tuple[int, str], tuple[Array, int]]:
    """Count synapses by (group, pre population): [neuron, delay], and segments by source in ``ptr``."""
    counts: dict[tuple[int, str], tuple[Array, int]] = {}
    for number, group in enumerate(ordered):
        by_pre: dict[str, list[int]] = {}
        for m in group.members:
            by_pre.setdefault(p.network.projections[m].pre.name, []).append(m)
        for name, members in by_pre.items():
            first = p.first_source[name]
            size = p.network.projections[members[0]].pre.size
            if group.format == DENSE:
                ptr[first + 1 : first + size + 1] += 1
                continue
            least, most = min(delays[m].least for m in members), max(delays[m].most for m in members)
            count = np.zeros((size, most - least + 1), np.int64)
            for m in members:
                r = rows[m]
                assert r is not None
                lo, hi = p.numbers(shard, p.network.projections[m].post.name)
                kernels.count_delays(
                    r.ptr, r.post, lo, hi, r.delay.given, r.delay.table, least, count, m, key
                )
            kernels.count_segments(count, first, ptr)
            counts[number, name] = (count, least)
    return counts
