"""Lowering of synapses: their places in a shard's memory and the segments that find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .lower import Plan
from .lower_rows import Delay, Group, Rows, draws_of, given_weights, order_of
from .lowered import (
    DENSE,
    LAZY_WEIGHTED,
    MAX_GROUPS,
    PLASTIC,
    WEIGHTED,
    Draws,
    Wires,
)
from .rng import seed_key

Array = np.ndarray[Any, Any]
BLOCK = 1 << 16  # slots that 16 bits can number
_SHORT = 16  # mean number of synapses below which a segment is not worth cutting


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
    weighted = (WEIGHTED, LAZY_WEIGHTED, PLASTIC)
    draws = [
        None if r is None else draws_of(m, r.delay, r.weights, r.weight_table, key)
        for m, r in enumerate(rows)
    ]
    parts = _parts(p, shard, order_of(groups), rows, delays)
    ptr = np.zeros(p.n_sources + 1, np.int64)
    counts = _count(p, shard, parts, rows, delays, draws, ptr, kernels)
    np.cumsum(ptr, out=ptr)
    delay, entry = np.zeros(ptr[-1], np.int32), np.zeros(ptr[-1], np.int64)
    fill = np.zeros(p.n_sources, np.int64)
    start, n_weighted = 0, 0
    for (number, name), (count, least) in counts.items():
        start = kernels.fill_segments(
            count, least, start, number, p.first_source[name], ptr, delay, entry, fill
        )
        n_weighted = start if parts[number].group.format in weighted else n_weighted
    index = np.uint16 if all(part.hi - part.lo <= BLOCK for part in parts) else np.uint32
    target, weight = np.empty(start, index), np.empty(n_weighted, real)
    dense: list[Array] = [np.zeros(0, real)]
    base, n_dense = [], 0
    for number, part in enumerate(parts):
        group = part.group
        base.append(group.row * p.n_slots[shard] + part.lo)
        for m in group.members:
            projection, r, drawn = network.projections[m], rows[m], draws[m]
            slot = p.first_slot[shard][projection.post.name]
            if r is None or drawn is None:
                if part.lo > 0:
                    continue  # a matrix is whole in its group's first part
                lo, hi = p.numbers(shard, projection.post.name)
                base[number] += slot - part.lo
                block = np.zeros(projection.pre.size * (hi - lo), real)
                weights, table = given_weights(projection, None, projection.pre.size * projection.post.size)
                diagonal = projection.pre is projection.post and not projection.rule.autapses  # type: ignore[attr-defined]
                given = draws_of(m, delays[m], weights, table, key)
                kernels.fill_dense(projection.pre.size, projection.post.size, lo, hi, diagonal, block, given)
                s = p.first_source[projection.pre.name] + np.arange(projection.pre.size)
                at = ptr[s] + fill[s]
                delay[at] = delays[m].given[0]
                begin = n_dense + np.arange(projection.pre.size, dtype=np.int64) * (hi - lo)
                entry[at] = begin << 28 | (hi - lo) << 8 | number
                fill[s] += 1
                dense.append(block)
                n_dense += len(block)
            elif (number, projection.pre.name) in counts:
                lo, hi, shift = part.reach(p, shard, projection.post.name)
                count, least = counts[number, projection.pre.name]
                w = weight if group.format in weighted else weight[:0]
                kernels.place(r.ptr, r.post, lo, hi, shift, least, count, target, w, drawn)
    plastic = [part.group.members[0] for part in parts if part.group.format == PLASTIC]
    numbers = [plastic.index(x.group.members[0]) if x.group.format == PLASTIC else -1 for x in parts]
    begins = [np.zeros(0, np.int64)]
    for number, part in enumerate(parts):
        if part.group.format == PLASTIC:
            # an entry names the segment, whose traces are needed, and not its first synapse
            mine = np.flatnonzero(entry & 255 == number)
            begins.append(entry[mine] >> 28)
            entry[mine] = np.arange(len(mine)) << 28 | entry[mine] & (1 << 28) - 1
    return Wires(
        ptr,
        delay,
        entry,
        np.array([part.group.format for part in parts] or [0], np.int64),
        np.array(base or [0], np.int64),
        np.array([part.lo for part in parts] or [0], np.int64),
        np.array([part.group.weight for part in parts] or [0], real),
        np.array(numbers or [-1], np.int64),
        np.concatenate(begins),
        target,
        weight,
        np.concatenate(dense),
    )


@dataclass
class Part:
    """The synapses of a group onto the slots ``lo`` to ``hi - 1``."""

    group: Group
    lo: int
    hi: int

    def reach(self, p: Plan, shard: int, name: str) -> tuple[int, int, int]:
        """Range of a population's neurons in this part, and what to add to a neuron's number to find its target."""
        first, last = p.numbers(shard, name)
        shift = p.first_slot[shard][name] - first
        lo, hi = max(self.lo - shift, first), min(self.hi - shift, last)
        return lo, max(lo, hi), shift - self.lo


def _parts(
    p: Plan, shard: int, ordered: list[Group], rows: list[Rows | None], delays: list[Delay]
) -> list[Part]:
    """Cut groups into blocks of targets that 16 bits can number, unless segments would become short.

    All groups are cut alike: part ``n`` is of group ``n // n_blocks``.
    """
    n_slots, n_blocks = p.n_slots[shard], -(-p.n_slots[shard] // BLOCK)
    plastic = any(group.format == PLASTIC for group in ordered)  # its traces lie by slot
    if (
        n_blocks * len(ordered) > MAX_GROUPS
        or plastic
        or any(_short(p, shard, g, rows, delays) for g in ordered)
    ):
        n_blocks = 1
    width = n_slots if n_blocks == 1 else BLOCK
    return [
        Part(group, k * width, min((k + 1) * width, n_slots)) for group in ordered for k in range(n_blocks)
    ]


def _short(p: Plan, shard: int, group: Group, rows: list[Rows | None], delays: list[Delay]) -> bool:
    """Tell whether a group lies in several blocks and has too few synapses for segments in each."""
    blocks: set[int] = set()
    pres: dict[str, int] = {}
    n_synapses = 0.0
    for m in group.members:
        projection, r = p.network.projections[m], rows[m]
        lo, hi = p.numbers(shard, projection.post.name)
        slot = p.first_slot[shard][projection.post.name]
        blocks.update(range(slot // BLOCK, (slot + max(hi - lo, 1) - 1) // BLOCK + 1))
        pres[projection.pre.name] = projection.pre.size
        n_synapses += 0 if r is None else len(r.post) * (hi - lo) / projection.post.size
    most, least = max(delays[m].most for m in group.members), min(delays[m].least for m in group.members)
    n_segments = sum(pres.values()) * (most - least + 1) * len(blocks)
    return group.format != DENSE and len(blocks) > 1 and n_synapses < _SHORT * n_segments


def _count(
    p: Plan,
    shard: int,
    parts: list[Part],
    rows: list[Rows | None],
    delays: list[Delay],
    draws: list[Draws | None],
    ptr: Array,
    kernels: Any,
) -> dict[tuple[int, str], tuple[Array, int]]:
    """Count synapses by (part, pre population): [neuron, delay], and segments by source in ``ptr``."""
    counts: dict[tuple[int, str], tuple[Array, int]] = {}
    for number, part in enumerate(parts):
        by_pre: dict[str, list[int]] = {}
        for m in part.group.members:
            by_pre.setdefault(p.network.projections[m].pre.name, []).append(m)
        for name, members in by_pre.items():
            first = p.first_source[name]
            size = p.network.projections[members[0]].pre.size
            if part.group.format == DENSE:
                if part.lo == 0:
                    ptr[first + 1 : first + size + 1] += 1
                continue
            least, most = min(delays[m].least for m in members), max(delays[m].most for m in members)
            count = np.zeros((size, most - least + 1), np.int64)
            for m in members:
                r = rows[m]
                assert r is not None
                lo, hi, _ = part.reach(p, shard, p.network.projections[m].post.name)
                kernels.count_delays(r.ptr, r.post, lo, hi, least, count, draws[m])
            kernels.count_segments(count, first, ptr)
            counts[number, name] = (count, least)
    return counts
