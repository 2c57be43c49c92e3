"""Histories: what to keep of synapses and neuromodulators over a run, and what was kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DescriptionError
from . import checks

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Which synapses of a plastic projection to look at, and how often.

    Parameters
    ----------
    every : float, ms
        time between snapshots; they are at its multiples from time 0 on, however runs are split
    synapses : int or sequence of int, optional
        ids, the order of :meth:`.Simulation.synapses`, or how many, evenly spaced over the ids (all where there are
        fewer); by default all
    changed : bool, False
        keep only what differs from the snapshot before; the first one of a run is whole
    kept : str, 'e'
        of eligibilities: which of what the rule keeps, by its name
    """

    every: float
    synapses: int | Sequence[int] | Array | None = None
    changed: bool = False
    kept: str = "e"

    def __post_init__(self) -> None:
        where = "Snapshots"
        checks.number(self.every, where, "every", "ms", above=0.0)
        problem = checks.flag(self.changed, "changed")
        if problem:
            raise DescriptionError(f"{where}: {problem}")
        if not isinstance(self.kept, str):
            raise DescriptionError(f"{where}: kept must be a name such as 'e', got {checks.shown(self.kept)}")
        if self.synapses is None:
            return
        if np.ndim(self.synapses) == 0:
            checks.number(self.synapses, where, "synapses", whole=True, least=1)
            return
        ids = checks.array(self.synapses, where, "synapses", kinds="iu", what="a number or a list of ids")
        if ids.ndim != 1 or not ids.size:
            raise DescriptionError(f"{where}: synapses must be a list of ids, got shape {ids.shape}")
        if ids.min() < 0:
            raise DescriptionError(f"{where}: synapses must be ids >= 0, got {ids.min()}")

    def count(self, n: float) -> float:
        """Return how many synapses are meant, of about ``n``."""
        if self.synapses is None:
            return n
        return min(
            n, int(np.asarray(self.synapses)) if np.ndim(self.synapses) == 0 else np.size(self.synapses)
        )

    def ids(self, n: int, where: str) -> Array:
        """Return the ids of the synapses that are meant, among the ``n`` that there are."""
        if self.synapses is None:
            return np.arange(n)
        if np.ndim(self.synapses) == 0:
            return evenly(int(np.asarray(self.synapses)), n)
        ids = np.asarray(self.synapses, np.int64)
        if ids.max() >= n:
            raise DescriptionError(f"{where}: synapses must be in [0, {n}), got {ids.max()}")
        return ids


def evenly(count: int, n: int) -> Array:
    """Return ``count`` of the numbers below ``n``, evenly spaced; all where there are fewer."""
    count = min(count, n)
    return np.arange(count) * n // max(count, 1)


def as_snapshots(value: Any, where: str) -> Snapshots:
    """Return snapshots as given, or by their interval alone."""
    if isinstance(value, Snapshots):
        return value
    problem = checks.wrong_number(value, "every", "ms", above=0.0)
    if problem:
        raise DescriptionError(
            f"{where}: must be the time between snapshots [ms] or Snapshots(every=...); {problem}"
        )
    return Snapshots(float(value))


@dataclass(frozen=True, eq=False)
class SynapseHistory:
    """Weights, or eligibilities, of some synapses at each snapshot.

    Attributes
    ----------
    tick : int64[n_snapshots]
    synapse : int64[n]
        ids, the order of :meth:`.Simulation.synapses`
    pre, post : int64[n]
    values : float[n_snapshots, n]
    """

    dt: float
    tick: Array
    synapse: Array
    pre: Array
    post: Array
    values: Array

    @property
    def t(self) -> Array:
        """Times [ms]."""
        return self.tick * self.dt

    def __len__(self) -> int:
        return len(self.tick)


@dataclass(frozen=True, eq=False)
class ChangeHistory:
    """The same, of which only changes are kept.

    Attributes
    ----------
    tick : int64[n_snapshots]
    synapse, pre, post : int64[n]
    snapshot, place : int64[n_changes]
        at which snapshot, and which of the ``n`` synapses, by its position among them
    value : float[n_changes]
        what it was from then on
    """

    dt: float
    tick: Array
    synapse: Array
    pre: Array
    post: Array
    snapshot: Array
    place: Array
    value: Array

    @property
    def t(self) -> Array:
        """Times [ms]."""
        return self.tick * self.dt

    @property
    def values(self) -> Array:
        """All snapshots in full, float[n_snapshots, n]."""
        out = np.empty((len(self.tick), len(self.synapse)), self.value.dtype)
        edges = np.searchsorted(self.snapshot, np.arange(len(self.tick) + 1))
        now = np.full(len(self.synapse), np.nan, self.value.dtype)
        for k, (begin, end) in enumerate(itertools.pairwise(edges)):
            now[self.place[begin:end]] = self.value[begin:end]
            out[k] = now
        return out

    def __len__(self) -> int:
        return len(self.tick)


@dataclass(frozen=True, eq=False)
class LevelHistory:
    """Levels of a neuromodulator over time.

    Attributes
    ----------
    tick : int64[n_samples]
    values : float64[n_samples, n_levels]
    """

    dt: float
    tick: Array
    values: Array

    @property
    def t(self) -> Array:
        """Times [ms]."""
        return self.tick * self.dt

    def __len__(self) -> int:
        return len(self.tick)
