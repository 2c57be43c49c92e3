"""Where the trials of a population's spikes lie in its arrays, and reading them in bounded memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DescriptionError, StoreError
from .heard import neurons_heard, ticks_heard
from .reader import reading

Array = np.ndarray[Any, Any]

#: Spikes that are read at a time: a whole chunk.
BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class Trains:
    """Spikes of one population in an opened store: trial ``k`` is ``[edge[k] : edge[k + 1]]``.

    Spikes after the last offset in the store belong to a trial that goes on, or was cut short: it is the last here.

    Parameters
    ----------
    source : str
        the store, for errors
    name : str
    node : xarray.DataTree
        the group ``spikes/<name>``
    start : int
        tick at which every trial begins
    """

    source: str
    name: str
    node: Any
    start: int

    @property
    def n_neurons(self) -> int:
        """Neurons of the population."""
        return int(self.node.attrs["n_neurons"])

    @property
    def n_heard(self) -> int:
        """Neurons whose spikes are recorded."""
        return neurons_heard(self.node.attrs, self.node.dataset.get("recorded"))

    @cached_property
    def recorded(self) -> Array:
        """The neurons whose spikes are recorded, ascending; int64."""
        if "recorded" in self.node.dataset:
            return self.read("recorded", 0, self.n_heard).astype(np.int64)
        return np.arange(self.n_neurons)

    def heard(self, n_ticks: Any) -> Array:
        """Return how many of the first ``n_ticks`` ticks of a trial are recorded."""
        return ticks_heard(self.node.attrs, n_ticks)

    @property
    def tick_ms(self) -> float:
        """Length of a tick [ms]."""
        return float(self.node.attrs["tick_ms"])

    @property
    def n_spikes(self) -> int:
        """Spikes of all trials."""
        return int(self.node.sizes["spike"])

    def __len__(self) -> int:
        return len(self.edge) - 1

    @cached_property
    def edge(self) -> Array:
        """First spike of each trial, and the end; int64."""
        edge = self.read("trial_offset", 0, self.node.sizes["trial_edge"])
        if len(edge) < 2 or edge[-1] < self.n_spikes:
            edge = np.append(edge if len(edge) else [0], self.n_spikes)
        return edge.astype(np.int64)

    @property
    def goes_on(self) -> bool:
        """Whether the last trial has not been closed."""
        return len(self) > int(self.node.sizes["trial"])

    @cached_property
    def ticks(self) -> Array:
        """Length of each trial [ticks]; 0 where it was not recorded, or goes on."""
        return self._of_trials("trial_ticks", 0)

    @cached_property
    def named(self) -> dict[str, Array]:
        """What else is known of each trial, such as ``label``; -1 of one that goes on."""
        names = [n for n, a in self.node.variables.items() if a.dims == ("trial",) and n != "trial_ticks"]
        return {str(name): self._of_trials(str(name), -1) for name in sorted(names) if name != "trial"}

    def _of_trials(self, name: str, missing: int) -> Array:
        values = self.read(name, 0, self.node.sizes["trial"])
        return np.append(values, [missing] * self.goes_on).astype(np.int64)

    def read(self, name: str, lo: int, hi: int) -> Array:
        """Read ``[lo, hi)`` of an array along its only dimension; the tree keeps nothing of it."""
        with reading(self.source):
            array = self.node.dataset[name]
            values: Array = array.isel({array.dims[0]: slice(lo, hi)}).values
        return values

    def chosen(self, trials: Any) -> Array:
        """Return which trials are meant, by their numbers, in order; negative ones count from the end, None is all.

        Raises
        ------
        DescriptionError
            for what is no whole number, and for trials that there are not
        """
        if trials is None:
            return np.arange(len(self))
        wanted = np.atleast_1d(np.asarray(trials))
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise DescriptionError(f"trials of {self.name!r}: must be whole numbers, got {trials!r}")
        wanted = wanted.astype(np.int64)
        wanted = np.unique(np.where(wanted < 0, wanted + len(self), wanted))
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise DescriptionError(
                f"trials of {self.name!r}: must lie in [-{len(self)}, {len(self)}), got {trials!r}"
            )
        return wanted

    def ranges(self, trials: Array) -> Iterator[tuple[int, int]]:
        """Give the ranges of spikes ``[lo, hi)`` of some trials, in order, each at most a chunk and within one."""
        for k in trials:
            lo, hi = int(self.edge[k]), int(self.edge[k + 1])
            while lo < hi:
                stop = min(hi, (lo // BLOCK + 1) * BLOCK)
                yield lo, stop
                lo = stop

    def joined(self, trials: Array) -> Iterator[tuple[int, int]]:
        """As `ranges`, but neighbouring trials in one, so that small trials do not read a chunk again and again."""
        at = 0
        while at < len(trials):
            end = at + 1
            while end < len(trials) and trials[end] == trials[end - 1] + 1:
                end += 1
            lo, hi = int(self.edge[trials[at]]), int(self.edge[trials[end - 1] + 1])
            while lo < hi:
                stop = min(hi, (lo // BLOCK + 1) * BLOCK)
                yield lo, stop
                lo = stop
            at = end

    def trial_of(self, lo: int, hi: int) -> Array:
        """Return the trial of each of the spikes ``[lo, hi)``."""
        return np.searchsorted(self.edge, np.arange(lo, hi), side="right") - 1

    def within(self, trial: int, start: float | None, stop: float | None) -> tuple[int, int]:
        """Return the spikes ``[lo, hi)`` of a trial with ``start <= t < stop`` [ms]; reads few chunks."""
        lo, hi = int(self.edge[trial]), int(self.edge[trial + 1])
        ends = [
            self._first(lo, hi, int(np.ceil(round(at / self.tick_ms, 6)))) if at is not None else default
            for at, default in ((start, lo), (stop, hi))
        ]
        return int(ends[0]), int(max(ends))

    def _first(self, lo: int, hi: int, tick: int) -> int:
        """First spike in ``[lo, hi)`` that is not before ``tick``."""
        starts = [lo, *range((lo // BLOCK + 1) * BLOCK, hi, BLOCK)]
        k = bisect_left(starts, tick, key=lambda at: int(self.read("t", at, at + 1)[0]) if at < hi else tick)
        if k == 0:
            return lo
        first: int = starts[k - 1]
        last: int = starts[k] if k < len(starts) else hi
        return first + int(np.searchsorted(self.read("t", first, last), tick))


def trains_of(source: str, tree: Any, populations: Sequence[str] | str | None = None) -> dict[str, Trains]:
    """Return the spikes of some populations, by default of all, by name.

    Raises
    ------
    StoreError
        for a population whose spikes were not recorded
    """
    there = tree["spikes"].children if "spikes" in tree.children else {}
    wanted = [populations] if isinstance(populations, str) else list(populations or there)
    for name in wanted:
        if name not in there:
            known = ", ".join(map(repr, there)) or "of none"
            raise StoreError(f"{source}: no spikes of {name!r} were recorded; there are spikes of {known}")
    config = tree.attrs.get("config")
    start = int(config.get("start_tick", 0)) if isinstance(config, dict) else 0
    return {name: Trains(source, name, there[name], start) for name in wanted}
