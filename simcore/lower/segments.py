"""Lowering of synapses: their places in a shard's memory and the segments that find them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..random.philox import seed_key
from ..vectors import GROUP, WORDS
from .arrays import (
    BITMAP,
    CONSTANT,
    DENSE,
    HALF,
    LAZY_WEIGHTED,
    MAX_GROUPS,
    PLASTIC,
    WEIGHTED,
    Wires,
)
from .bitmaps import aligned, last_group, words_of
from .entries import begin_of, group_of, length_of, packed
from .halves import SPARE
from .plan import Plan
from .rows import Delay, Group, TargetRows, dense_weights, draws_of, order_of, row_delays

Array = np.ndarray[Any, Any]
BLOCK = 1 << 16  # slots that 16 bits can number
_WEIGHTED = (WEIGHTED, LAZY_WEIGHTED, PLASTIC)
_SHORT = 16  # mean number of synapses below which a segment is not worth cutting


def wires_of(
    p: Plan,
    shard: int,
    groups: list[Group],
    rows: list[TargetRows | None],
    delays: list[Delay],
    seed: int,
    real: Any,
    kernels: Any,
) -> Wires:
    """Synapses onto one shard; ``kernels`` are those of :mod:`.placing_kernel`."""
    return _Placement(p, shard, order_of(groups), rows, delays, seed, real, kernels).wires()


class _Placement:
    """The synapses of one shard while they find their places: counted first, then written."""

    def __init__(
        self,
        p: Plan,
        shard: int,
        ordered: list[Group],
        rows: list[TargetRows | None],
        delays: list[Delay],
        seed: int,
        real: Any,
        kernels: Any,
    ) -> None:
        self.p, self.shard, self.rows, self.delays = p, shard, rows, delays
        self.real, self.kernels = real, kernels
        self.key = np.array(seed_key(seed), dtype=np.uint64)
        self.projections = p.network.projections
        half = {m for group in ordered if group.format == HALF for m in group.members}
        self.draws = [
            None
            if r is None
            else draws_of(m, r.delay, r.weights, r.weight_table, self.key, r.start, r.number, m in half)
            for m, r in enumerate(rows)
        ]
        self.parts = _parts(p, shard, ordered, rows, delays)
        self.ptr = np.zeros(p.n_sources + 1, np.int64)  # of each source's segments
        self.fill = np.zeros(p.n_sources, np.int64)  # of these, how many are written

    def wires(self) -> Wires:
        """Place all synapses."""
        counts = self._count()
        np.cumsum(self.ptr, out=self.ptr)
        self.delay, self.entry = np.zeros(self.ptr[-1], np.int32), np.zeros(self.ptr[-1], np.int64)
        self._make_room(counts)
        base, dense, n_dense = [], [np.zeros(0, self.real)], 0
        for number, part in enumerate(self.parts):
            base.append(part.group.row * self.p.n_slots[self.shard] + part.lo)
            for m in part.group.members:
                post = self.projections[m].post.name
                if part.format != DENSE:
                    self._place(number, m, *counts[number, self.projections[m].pre.name])
                elif part.lo == 0:  # a matrix is whole in its group's first part
                    base[number] += self.p.first_slot[self.shard][post]
                    dense.append(self._matrix(number, m, n_dense))
                    n_dense += len(dense[-1])
        plastic = [part.group.members[0] for part in self.parts if part.format == PLASTIC]
        numbers = [plastic.index(x.group.members[0]) if x.format == PLASTIC else -1 for x in self.parts]
        group_bits, bits, rest_ptr = self._pack()
        return Wires(
            segment_ptr=self.ptr,
            segment_delay=self.delay,
            segment_entry=self.entry,
            group_format=np.array([part.format for part in self.parts] or [0], np.int64),
            group_base=np.array(base or [0], np.int64),
            group_slot=np.array([part.lo for part in self.parts] or [0], np.int64),
            group_weight=np.array([part.group.weight for part in self.parts] or [0], self.real),
            group_plastic=np.array(numbers or [-1], np.int64),
            plastic_begin=self._number_plastic_segments(),
            group_bits=group_bits,
            target=self.target,
            weight=self.weight,
            word=self.word,
            dense=np.concatenate(dense),
            bits=bits,
            rest_ptr=rest_ptr,
        )

    def _count(self) -> dict[tuple[int, str], tuple[Array, int]]:
        """Count synapses by (part, pre population): [neuron, delay], and segments by source in ``ptr``."""
        counts: dict[tuple[int, str], tuple[Array, int]] = {}
        for number, part in enumerate(self.parts):
            by_pre: dict[str, list[int]] = {}
            for m in part.group.members:
                by_pre.setdefault(self.projections[m].pre.name, []).append(m)
            for name, members in by_pre.items():
                first, size = self.p.first_source[name], self.projections[members[0]].pre.size
                if part.format == DENSE:
                    self.ptr[first + 1 : first + size + 1] += part.lo == 0
                    continue
                least = min(self.delays[m].least for m in members)
                most = max(self.delays[m].most for m in members)
                count = np.zeros((size, most - least + 1), np.int64)
                for m in members:
                    r = self.rows[m]
                    assert r is not None
                    lo, hi, _ = part.reach(self.p, self.shard, self.projections[m].post.name)
                    self.kernels.count_delays(r.ptr, r.post, lo, hi, least, count, self.draws[m])
                self.kernels.count_segments(count, first, self.ptr)
                counts[number, name] = (count, least)
        return counts

    def _make_room(self, counts: dict[tuple[int, str], tuple[Array, int]]) -> None:
        """Write segments, and turn the counts into the places of their first synapses."""
        start, n_weighted, n_words = 0, 0, 0
        for (number, name), (count, least) in counts.items():
            segments = self.ptr, self.delay, self.entry, self.fill
            half = self.parts[number].format == HALF
            first, source = n_words if half else start, self.p.first_source[name]
            end = self.kernels.fill_segments(count, least, first, number, source, *segments)
            if half:
                n_words = end
                continue
            start = end
            n_weighted = start if self.parts[number].format in _WEIGHTED else n_weighted
        narrow = all(part.hi - part.lo <= BLOCK for part in self.parts)
        self.target = np.empty(start, np.uint16 if narrow else np.uint32)
        self.weight = np.empty(n_weighted, self.real)
        self.word = np.zeros(n_words + SPARE if n_words else 0, np.uint32)

    def _place(self, number: int, m: int, count: Array, least: int) -> None:
        """Write the synapses of a projection onto the targets of one part."""
        part, r = self.parts[number], self.rows[m]
        assert r is not None
        lo, hi, shift = part.reach(self.p, self.shard, self.projections[m].post.name)
        weight = self.weight if part.format in _WEIGHTED else self.weight[:0]
        word = self.word if part.format == HALF else self.word[:0]
        out = count, self.target, weight, word, self.draws[m]
        self.kernels.place(r.ptr, r.post, lo, hi, shift, least, *out)

    def _matrix(self, number: int, m: int, start: int) -> Array:
        """Return the rows of an all-to-all projection, and write a segment for each, the first at ``start``."""
        projection = self.projections[m]
        lo, hi = self.p.numbers(self.shard, projection.post.name)
        matrix = dense_weights(projection, m, self.delays[m], lo, hi, self.key, self.real, self.kernels)
        source = self.p.first_source[projection.pre.name] + np.arange(projection.pre.size)
        at = self.ptr[source] + self.fill[source]
        by_row = row_delays(projection, self.delays[m])
        self.delay[at] = self.delays[m].given[0] if by_row is None else by_row
        begin = start + np.arange(projection.pre.size, dtype=np.int64) * (hi - lo)
        self.entry[at] = packed(begin, hi - lo, number)
        self.fill[source] += 1
        return matrix

    def _pack(self) -> tuple[Array, Array, Array]:
        """Turn the lists of BITMAP parts, the last in memory, into rows of bits.

        Returns ``group_bits``, ``bits`` and ``rest_ptr`` of :class:`.Wires`; entries come to name the row.
        """
        found: list[tuple[int, Array]] = []
        group_bits, n_words, n_rows = np.zeros((max(1, len(self.parts)), 4), np.int64), WORDS, 0
        for number, part in enumerate(self.parts):
            if part.format == BITMAP:
                mine = np.flatnonzero(group_of(self.entry) == number)
                found.append((number, mine[np.argsort(self.entry[mine])]))
                group_bits[number] = n_words, words_of(part.hi - part.lo), n_rows, part.hi - part.lo
                n_words, n_rows = n_words + len(mine) * group_bits[number, 1], n_rows + len(mine)
        if not n_rows:
            return group_bits[:0], np.zeros(0, np.uint64), np.zeros(0, np.int64)
        bits, rest_ptr = aligned(n_words), np.zeros(n_rows + 1, np.int64)
        cursor = len(self.target) - sum(int(length_of(self.entry[mine]).sum()) for _, mine in found)
        for number, mine in found:
            first, width, row, n_targets = group_bits[number]
            begin, length = begin_of(self.entry[mine]), length_of(self.entry[mine])
            mine_bits = bits[first : first + len(mine) * width].reshape(-1, width)
            rest = rest_ptr[row : row + len(mine)]
            cursor = self.kernels.pack(
                begin, length, cursor, *last_group(n_targets), self.target, mine_bits, rest
            )
            self.entry[mine] = packed(np.arange(len(mine)), length, number)
        rest_ptr[-1] = cursor
        self.target.resize(cursor, refcheck=False)
        return group_bits, bits, rest_ptr

    def _number_plastic_segments(self) -> Array:
        """Let entries of plastic projections name the segment, whose traces are needed, and not its first synapse.

        Returns the first synapse of each.
        """
        begins = [np.zeros(0, np.int64)]
        for number, part in enumerate(self.parts):
            if part.format == PLASTIC:
                mine = np.flatnonzero(group_of(self.entry) == number)
                begins.append(begin_of(self.entry[mine]))
                self.entry[mine] = packed(np.arange(len(mine)), length_of(self.entry[mine]), number)
        return np.concatenate(begins)


@dataclass
class Part:
    """The synapses of a group onto the slots ``lo`` to ``hi - 1``."""

    group: Group
    lo: int
    hi: int
    format: int

    def reach(self, p: Plan, shard: int, name: str) -> tuple[int, int, int]:
        """Range of a population's neurons in this part, and what to add to a neuron's number to find its target."""
        first, last = p.numbers(shard, name)
        shift = p.first_slot[shard][name] - first
        lo, hi = max(self.lo - shift, first), min(self.hi - shift, last)
        return lo, max(lo, hi), shift - self.lo


def _parts(
    p: Plan, shard: int, ordered: list[Group], rows: list[TargetRows | None], delays: list[Delay]
) -> list[Part]:
    """Cut groups into blocks of targets that 16 bits can number, unless segments would become short.

    All groups are cut alike: part ``n`` is of group ``n // n_blocks``.
    """
    # a shard without neurons, too, has its parts: they say how a group is stored
    n_slots, n_blocks = p.n_slots[shard], max(1, -(-p.n_slots[shard] // BLOCK))
    plastic = any(group.format == PLASTIC for group in ordered)  # its traces lie by slot
    if (
        n_blocks * len(ordered) > MAX_GROUPS
        or plastic
        or any(_short(p, shard, g, rows, delays) for g in ordered)
    ):
        n_blocks = 1
    width = n_slots if n_blocks == 1 else BLOCK
    parts = []
    for group in ordered:
        first, last = _reach(p, shard, group) if group.format == BITMAP else (0, n_slots)
        for k in range(n_blocks):
            lo, hi = max(k * width, first), min((k + 1) * width, last)
            wide = group.format == HALF and width > BLOCK  # a word has no room for such targets
            parts.append(Part(group, lo, max(lo, hi), WEIGHTED if wide else group.format))
    if any(part.format == BITMAP and 0 < part.hi - part.lo < GROUP for part in parts):
        parts = [replace(part, format=CONSTANT if part.format == BITMAP else part.format) for part in parts]
    return parts


def _reach(p: Plan, shard: int, group: Group) -> tuple[int, int]:
    """Return the slots from the first to the last that a group may reach."""
    names = [p.network.projections[m].post.name for m in group.members]
    first = [p.first_slot[shard][name] for name in names]
    sizes = [hi - lo for lo, hi in (p.numbers(shard, name) for name in names)]
    return min(first), max(begin + n for begin, n in zip(first, sizes, strict=True))


def _short(p: Plan, shard: int, group: Group, rows: list[TargetRows | None], delays: list[Delay]) -> bool:
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
        n_synapses += 0 if r is None else len(r.post) * (hi - lo) / max(r.n_post, 1)
    most, least = max(delays[m].most for m in group.members), min(delays[m].least for m in group.members)
    n_segments = sum(pres.values()) * (most - least + 1) * len(blocks)
    return group.format != DENSE and len(blocks) > 1 and n_synapses < _SHORT * n_segments
