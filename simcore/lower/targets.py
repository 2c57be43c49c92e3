"""Lowering of connection rules: whom each pre neuron reaches, built by several threads where there is much to build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

Array = np.ndarray[Any, Any]
_PIECES, _SMALL = 8, 1 << 16  # into how many calls a projection is split, unless it has few synapses


def ends(counts: Array) -> Array:
    """Return where rows of these lengths begin, and at last where all end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


@dataclass
class Builder:
    """Builder of the ``number``-th projection of a network.

    ``spread`` may be the ``map`` of a pool of threads; what is built does not depend on it.
    """

    projection: Projection
    number: int
    key: Array
    kernels: Any
    spread: Any = map

    def __post_init__(self) -> None:
        self.n_pre, self.n_post = self.projection.pre.size, self.projection.post.size
        self.same = self.projection.pre is self.projection.post

    def targets(self) -> tuple[Array, Array, Any]:
        """Return targets in CSR form, and the order of listed synapses in it."""
        rule = self.projection.rule
        if isinstance(rule, FixedIndegree):
            return self._transposed(self._partners(self.n_post, self.n_pre, rule))
        if isinstance(rule, FixedOutdegree):
            partner = self._partners(self.n_pre, self.n_post, rule)
            return ends(np.full(self.n_pre, rule.k)), partner.ravel(), None
        if isinstance(rule, FixedProbability):
            return self._jumps(rule)
        if isinstance(rule, FixedTotal):
            return self._total(rule)
        if isinstance(rule, OneToOne):
            return ends(np.ones(self.n_pre)), np.arange(self.n_pre, dtype=np.uint32), None
        if isinstance(rule, Explicit):
            i, j = (np.asarray(end, np.int64) for end in rule.pairs())
            order = np.argsort(i, kind="stable")
            return ends(np.bincount(i, minlength=self.n_pre)), j.astype(np.uint32)[order], order
        if isinstance(rule, AllToAll):
            row = np.arange(self.n_post, dtype=np.uint32)
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

    def _partners(self, n_here: int, n_there: int, rule: FixedIndegree | FixedOutdegree) -> Array:
        """Draw ``rule.k`` partners for each neuron."""
        partner = np.empty((n_here, rule.k), np.uint32)

        def call(_: int, lo: int, hi: int) -> None:
            mark = np.zeros(0 if rule.multapses else n_there, np.int64)
            flags = self.same, rule.autapses, rule.multapses
            self.kernels.fixed_degree(lo, hi, partner, mark, n_there, *flags, self.number, self.key)

        self._each(call, n_here, partner.size)
        return partner

    def _transposed(self, partner: Array) -> tuple[Array, Array, None]:
        """Turn pre neurons listed by post neuron into rows of targets, each in the order of post neurons."""
        counts = np.zeros((self._n_pieces(len(partner), partner.size), self.n_pre), np.int64)
        self._each(
            lambda j, lo, hi: self.kernels.count_partners(lo, hi, partner, counts[j]),
            len(partner),
            partner.size,
        )
        ptr = ends(counts.sum(axis=0))
        cursor = ptr[:-1] + np.cumsum(counts, axis=0) - counts
        post = np.empty(partner.size, np.uint32)
        self._each(
            lambda j, lo, hi: self.kernels.transpose(lo, hi, partner, cursor[j], post),
            len(partner),
            partner.size,
        )
        return ptr, post, None

    def _jumps(self, rule: FixedProbability) -> tuple[Array, Array, None]:
        """Count the targets of each neuron, then list them."""
        length, none = np.zeros(self.n_pre, np.int64), np.zeros(0, np.uint32)
        if rule.p == 0:
            return ends(length), none, None
        work = self.n_pre * self.n_post * rule.p
        flags = rule.p, self.same, rule.autapses, self.number, self.key

        def count(_: int, lo: int, hi: int) -> None:
            self.kernels.fixed_probability(lo, hi, length, none, self.n_post, *flags)

        self._each(count, self.n_pre, work)
        ptr = ends(length)
        post = np.empty(ptr[-1], np.uint32)

        def fill(_: int, lo: int, hi: int) -> None:
            self.kernels.fixed_probability(lo, hi, ptr, post, self.n_post, *flags)

        if len(post):
            self._each(fill, self.n_pre, work)
        return ptr, post, None

    def _total(self, rule: FixedTotal) -> tuple[Array, Array, None]:
        """Draw how many synapses each neuron has, then their targets."""
        n_quads = -(-rule.n // 4)
        counts = np.zeros((self._n_pieces(n_quads, rule.n), self.n_pre), np.int64)

        def count(j: int, lo: int, hi: int) -> None:
            self.kernels.count_total(lo, hi, rule.n, self.n_pre, counts[j], self.number, self.key)

        self._each(count, n_quads, rule.n)
        ptr, post = ends(counts.sum(axis=0)), np.empty(rule.n, np.uint32)
        flags = self.n_post, self.same, rule.autapses, self.number, self.key
        self._each(lambda _, lo, hi: self.kernels.fixed_total(lo, hi, ptr, post, *flags), self.n_pre, rule.n)
        return ptr, post, None
