"""Lowering of connection rules: whom each pre neuron reaches, built by several threads where there is much to build."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..describe.connectivity import (
    AllToAll,
    Explicit,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from ..describe.network import Projection
from ..errors import DescriptionError
from .wiring_kernel import ROOM

Array = np.ndarray[Any, Any]
_PIECES, _SMALL = 8, 1 << 16  # into how many calls a projection is split, unless it has few synapses
_ROOM = 1 << 22  # synapses that are drawn at once where some are left out
_PART, _MOST_PARTS = 64, 1 << 23  # synapses of a pre neuron with one part of the targets, at most about
_LEAST = 1024  # targets that are drawn together, whatever the rule but FixedTotal


def ends(counts: Array) -> Array:
    """Return where rows of these lengths begin, and at last where all end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _scratch() -> tuple[Array, Array]:
    """Return room for the words that a kernel draws together, and for their counters."""
    return np.zeros(ROOM, np.uint32), np.zeros((2, ROOM // 4), np.uint32)


#: Returns, for counts of synapses by pre neuron, how many lower ranks have of each.
Before = Callable[[Array], Array]


@dataclass
class Builder:
    """Builder of the ``number``-th projection of a network.

    ``spread`` may be the ``map`` of a pool of threads; what is built does not depend on it. With ``own``, a range of
    post neurons, only synapses onto these are drawn, and what finds the draws of their weights and delays is kept:
    ``start``, the number of each row's first synapse in the whole row, or ``row_number``, that of each synapse.
    ``before`` adds up what the ranks of lower ranges have of each row. Only a pre neuron's targets that exclude one
    another or are few (``FixedOutdegree`` without multapses, or onto at most ``_LEAST`` neurons) are drawn for all, a
    piece at a time, and those in the range kept.
    """

    projection: Projection
    number: int
    key: Array
    kernels: Any
    spread: Any = map
    own: tuple[int, int] | None = None
    before: Before | None = None
    kind: Any = np.uint32  # of the numbers of targets
    n: int | None = None  # synapses onto all neurons, where ``own`` leaves some out
    start: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    row_number: Array = field(default_factory=lambda: np.zeros(0, np.uint32))

    def __post_init__(self) -> None:
        self.n_pre, self.n_post = self.projection.pre.size, self.projection.post.size
        self.same = self.projection.pre is self.projection.post
        self.lo, self.hi = (0, self.n_post) if self.own is None else self.own

    def targets(self) -> tuple[Array, Array, Any]:
        """Return targets in CSR form, and the order of listed synapses in it."""
        rule = self.projection.rule
        if self.own is not None and isinstance(rule, (OneToOne, Explicit, AllToAll)):
            return self._listed(rule)
        if isinstance(rule, FixedIndegree):
            self._refuse_arrays()
            return self._transposed(self._partners(self.lo, self.hi, self.n_pre, rule))
        if isinstance(rule, FixedOutdegree):
            if rule.multapses and self.n_post > _LEAST:
                return self._dealt(rule)
            if self.own is not None:
                return self._kept(rule.k * self.n_pre, lambda a, b: self._out_piece(rule, a, b))
            partner = self._partners(0, self.n_pre, self.n_post, rule)
            return ends(np.full(self.n_pre, rule.k)), partner.ravel().astype(self.kind, copy=False), None
        if isinstance(rule, FixedProbability):
            self._refuse_arrays()
            return self._jumps(rule)
        if isinstance(rule, FixedTotal):
            return self._total(rule)
        if isinstance(rule, OneToOne):
            return ends(np.ones(self.n_pre)), np.arange(self.n_pre, dtype=self.kind), None
        if isinstance(rule, Explicit):
            i, j = (np.asarray(end, np.int64) for end in rule.pairs())
            order = np.argsort(i, kind="stable")
            return ends(np.bincount(i, minlength=self.n_pre)), j.astype(self.kind)[order], order
        if isinstance(rule, AllToAll):
            row = np.arange(self.n_post, dtype=self.kind)
            if self.same and not rule.autapses:
                rows = [np.delete(row, i) for i in range(self.n_pre)]
                return ends(np.full(self.n_pre, self.n_post - 1)), np.concatenate(rows), None
            return ends(np.full(self.n_pre, self.n_post)), np.tile(row, self.n_pre), None
        raise DescriptionError(f"Projection {self.projection.name!r}: cannot build {type(rule).__name__}")

    def _each(self, call: Callable[[int, int, int], Any], n: int, work: float) -> None:
        """Call for the pieces of ``range(n)``: ``call(piece, lo, hi)``."""
        k = self._n_pieces(n, work)
        edges = [n * j // k for j in range(k + 1)]
        list(self.spread(call, range(k), edges, edges[1:]))

    @staticmethod
    def _n_pieces(n: int, work: float) -> int:
        return 1 if work < _SMALL else min(n, _PIECES)

    def _refuse_arrays(self) -> None:
        """Refuse a list of weights or delays for synapses that are drawn, where each rank draws its own."""
        for name in ("weight", "delay"):
            if self.own is not None and np.ndim(getattr(self.projection, name)) > 0:
                rule = type(self.projection.rule).__name__
                raise DescriptionError(
                    f"Projection {self.projection.name!r}: {name} must be a number or a distribution where "
                    f"{rule} is drawn by several ranks; list the synapses (FromCOO) to give each its own"
                )

    def _listed(self, rule: Any) -> tuple[Array, Array, Any]:
        """Keep synapses onto the range of those that a rule tells without drawing."""
        i, j, order = self._pairs(rule)
        self.row_number = (order[1]).astype(np.uint32)
        return ends(np.bincount(i, minlength=self.n_pre)), j.astype(self.kind), order[0]

    def _pairs(self, rule: Any) -> tuple[Array, Array, tuple[Array, Array]]:
        """Return pre and post of the synapses onto the range, by pre, their place in the list, and in their row."""
        if isinstance(rule, OneToOne):
            self.n, here = self.n_pre, np.arange(self.lo, self.hi)
            return here, here, (here, np.zeros(len(here), np.int64))
        if isinstance(rule, Explicit):
            i, j = (np.asarray(end, np.int64) for end in rule.pairs())
            order = np.argsort(i, kind="stable")
            self.n, first = len(i), ends(np.bincount(i, minlength=self.n_pre))
            place = np.arange(len(i)) - first[i[order]]
            mine = (j[order] >= self.lo) & (j[order] < self.hi)
            return i[order][mine], j[order][mine], (order[mine], place[mine])
        without = self.same and not rule.autapses
        width = self.n_post - without
        self.n = self.n_pre * width
        i = np.repeat(np.arange(self.n_pre), self.hi - self.lo)
        j = np.tile(np.arange(self.lo, self.hi), self.n_pre)
        if without:
            i, j = i[i != j], j[i != j]
        place = j - (j > i) if without else j
        return i, j, (i * width + place, place)

    def _kept(self, n: int, draw: Callable[[int, int], tuple[Array, Array]]) -> tuple[Array, Array, None]:
        """Draw all ``n`` synapses, some pre neurons at a time, and keep those onto the range.

        ``draw(a, b)`` returns where the rows of the pre neurons ``a`` to ``b - 1`` begin and end, and their targets.
        """
        self._refuse_arrays()
        step = max(1, int(_ROOM * self.n_pre / max(n, 1)))
        counts = np.zeros(self.n_pre, np.int64)
        posts, numbers = [np.zeros(0, self.kind)], [self.row_number]
        for a in range(0, self.n_pre, step):
            b = min(a + step, self.n_pre)
            ptr, post = draw(a, b)
            at = np.flatnonzero((post >= self.lo) & (post < self.hi))
            row = np.searchsorted(ptr, at, side="right") - 1
            counts[a:b] = np.bincount(row, minlength=b - a)
            posts.append(post[at].astype(self.kind, copy=False))
            numbers.append((at - ptr[row]).astype(np.uint32))
        self.row_number = np.concatenate(numbers)
        return ends(counts), np.concatenate(posts), None

    def _out_piece(self, rule: FixedOutdegree, a: int, b: int) -> tuple[Array, Array]:
        return ends(np.full(b - a, rule.k)), self._partners(a, b, self.n_post, rule).ravel()

    def _partners(self, first: int, last: int, n_there: int, rule: FixedIndegree | FixedOutdegree) -> Array:
        """Draw ``rule.k`` partners for each of the neurons ``first`` to ``last - 1``."""
        partner = np.empty((last - first, rule.k), np.uint32)

        def call(_: int, lo: int, hi: int) -> None:
            mark = np.zeros(0 if rule.multapses else n_there, np.int64)
            flags = self.same, rule.autapses, rule.multapses
            lo, hi = first + lo, first + hi
            self.kernels.fixed_degree(lo, hi, first, partner, mark, n_there, *flags, self.number, self.key)

        self._each(call, last - first, partner.size)
        return partner

    def _transposed(self, partner: Array) -> tuple[Array, Array, None]:
        """Turn pre neurons listed by post neuron into rows of targets, each in the order of post neurons."""
        counts = np.zeros((self._n_pieces(len(partner), partner.size), self.n_pre), np.int64)
        self._each(
            lambda j, lo, hi: self.kernels.count_partners(lo, hi, partner, counts[j]),
            len(partner),
            partner.size,
        )
        ptr = self._begins(counts.sum(axis=0))
        cursor = ptr[:-1] + np.cumsum(counts, axis=0) - counts
        post = np.empty(partner.size, self.kind)
        self._each(
            lambda j, lo, hi: self.kernels.transpose(lo, hi, self.lo, partner, cursor[j], post),
            len(partner),
            partner.size,
        )
        return ptr, post, None

    def _begins(self, length: Array) -> Array:
        """Return where rows of these lengths begin, and tell the ranks of higher ranges of them."""
        if self.before is not None:
            self.start = self.before(length)
        return ends(length)

    def _jumps(self, rule: FixedProbability) -> tuple[Array, Array, None]:
        """Count the targets of each neuron, then list them."""
        length, none = np.zeros(self.n_pre, np.int64), np.zeros(0, self.kind)
        if rule.p > 0 and self.lo < self.hi:
            width = 1 << math.ceil(math.log2(max(_PART / rule.p, _LEAST, self.n_post / _MOST_PARTS)))
            flags = (
                self.lo,
                self.hi,
                width,
                self.n_post,
                rule.p,
                self.same,
                rule.autapses,
                self.number,
                self.key,
            )
            work = self.n_pre * (self.hi - self.lo) * rule.p

            def draw(ptr: Array, post: Array) -> None:
                self._each(
                    lambda _, lo, hi: self.kernels.fixed_probability(lo, hi, ptr, post, *flags),
                    self.n_pre,
                    work,
                )

            draw(length, none)
        ptr = self._begins(length)
        post = np.empty(ptr[-1], self.kind)
        if len(post):
            draw(ptr, post)
        return ptr, post, None

    def _parts(self, n: float, avoid: bool) -> tuple[int, int, int, int]:
        """Split targets for a neuron's ``n`` synapses into ``2**depth`` parts.

        Returns depth, which parts hold the range (the first, and the one after the last), and how many of them begin
        before it and are therefore a lower range's.
        """
        depth = min(max(0, math.ceil(math.log2(max(n, 1) / _PART))), int(math.log2(_MOST_PARTS)))
        room = max(1, self.n_post - avoid)  # as each neuron numbers those that it may reach
        first = (max(0, self.lo - avoid) << depth) // room
        begin, end = (min(-(-(x << depth) // room), 1 << depth) for x in (self.lo, self.hi))
        return depth, first, end, begin - first

    def _dealt(self, rule: FixedOutdegree) -> tuple[Array, Array, None]:
        """Deal each neuron's synapses out to its targets."""
        depth, first, end, skip = self._parts(rule.k, self.same and not rule.autapses)
        return self._deal(rule, (rule.k, depth, first, skip), lambda: np.zeros((end - first, 1), np.int64))

    def _total(self, rule: FixedTotal) -> tuple[Array, Array, None]:
        """Deal all synapses out to parts of the targets, each part's to pre neurons, and theirs to their targets."""
        depth, first, end, skip = self._parts(rule.n / self.n_pre, self.same and not rule.autapses)
        sizes, counts = np.zeros(end - first, np.int64), np.zeros((end - first, self.n_pre), np.uint32)
        if self.lo < self.hi:
            self.kernels.split(rule.n, 0, depth, sizes, first, self.number, self.key)
        self._each(
            lambda _, lo, hi: self.kernels.count_pre(
                lo, hi, first, sizes, counts, *_scratch(), self.number, self.key
            ),
            len(sizes),
            sizes.sum(),
        )
        return self._deal(rule, (-1, depth, first, skip), lambda: counts)

    def _deal(
        self, rule: FixedOutdegree | FixedTotal, parts: tuple[int, ...], counts: Callable[[], Array]
    ) -> tuple[Array, Array, None]:
        """List the targets of each neuron, for a range after counting them."""
        flags = self.n_post, self.same and not rule.autapses, self.number, self.key
        work = rule.expected(self.n_pre, self.n_post) * (self.hi - self.lo) / max(self.n_post, 1)

        def draw(ptr: Array, post: Array, before: Array, number: Array) -> None:
            def call(_: int, lo: int, hi: int) -> None:
                out = counts(), ptr, post, before, number
                self.kernels.deal(lo, hi, *parts, self.lo, self.hi, *out, *_scratch(), *flags)

            self._each(call, self.n_pre, work)

        none = np.zeros(0, self.kind)
        if self.own is None:
            whole = np.full(self.n_pre, rule.k) if isinstance(rule, FixedOutdegree) else counts().sum(axis=0)
            ptr, before = ends(whole), np.zeros(0, np.int64)
        else:
            self._refuse_arrays()
            length, before = np.zeros((2, self.n_pre), np.int64)
            if self.lo < self.hi:
                draw(length, none, before, self.row_number)
            ptr, before = ends(length), before if self.before is None else self.before(before)
            self.row_number = np.empty(ptr[-1], np.uint32)
        post = np.empty(ptr[-1], self.kind)
        if len(post):
            draw(ptr, post, before, self.row_number)
        return ptr, post, None
