"""Recorded spikes read in blocks, and counted in bins of whole ticks: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.heard import neurons_heard, ticks_heard

from .source import recorded

Ticks = NDArray[np.int64]


@dataclass(frozen=True)
class Train:
    """Spikes of one population.

    Attributes
    ----------
    edges
        Trial `k` holds the spikes ``edges[k]`` to ``edges[k + 1]``; those after the last whole trial are one more.
    lengths
        Ticks of each trial, 0 where not known.
    """

    store: Path | str
    name: str
    group: Any
    n_neurons: int
    tick_ms: float
    edges: Ticks
    lengths: Ticks

    @property
    def recorded(self) -> Any:
        """The neurons whose spikes are recorded, None where those are all."""
        return self.group["recorded"][:] if "recorded" in self.group else None

    @property
    def n_heard(self) -> int:
        """Count the neurons whose spikes are recorded."""
        return max(1, neurons_heard(self.group.attrs, self.recorded))

    def seconds(self, bins: Bins) -> NDArray[np.float64]:
        """Return how long each bin is that was recorded; NaN where none of it was."""
        ticks = np.diff(
            ticks_heard(self.group.attrs, np.minimum(np.arange(len(bins) + 1) * bins.width, bins.n_ticks))
        )
        return np.where(ticks > 0, ticks * bins.tick_ms * 1e-3, np.nan)

    @property
    def n_trials(self) -> int:
        """Count the trials, one that was cut short included."""
        return len(self.lengths)

    @property
    def n_whole(self) -> int:
        """Count the trials that ended."""
        return int(self.group["trial_ticks"].shape[0])

    def number(self, trial: int) -> int:
        """Return the number of a trial, of which -1 is the last."""
        n = self.n_trials
        if not -n <= trial < n:
            raise StoreError(
                f"{self.store}: population {self.name!r} has {n} trials, there is no trial {trial}"
            )
        return trial % n

    def n_spikes(self, trial: int) -> int:
        """Count the spikes of a trial."""
        return int(self.edges[trial + 1] - self.edges[trial])

    def labels(self, key: str) -> Ticks | None:
        """Return what is known of each whole trial under ``key``, such as its label."""
        return self.group[key][:] if key in self.group else None

    def title(self, trial: int) -> str:
        """Name a trial, with label and prediction where they are known."""
        known = [(key, self.labels(key)) for key in ("label", "prediction")]
        words = [f"{key} {int(v[trial])}" for key, v in known if v is not None and trial < len(v)]
        return ", ".join([f"trial {trial}", *words])

    def blocks(self, first: int, last: int) -> Iterator[tuple[Ticks, NDArray[np.uint32], Ticks]]:
        """Give ticks, neurons and trials of the spikes of the trials ``first`` to ``last``, in blocks."""
        begin, end = int(self.edges[first]), int(self.edges[last + 1])
        rows = int(self.group["t"].chunks[0])
        while begin < end:
            stop = min(end, begin // rows * rows + rows)
            trial = np.searchsorted(self.edges, np.arange(begin, stop), side="right") - 1
            yield self.group["t"][begin:stop], self.group["neuron"][begin:stop], trial
            begin = stop

    def ticks(self) -> Iterator[Ticks]:
        """Give the ticks of all spikes, in blocks."""
        rows = int(self.group["t"].chunks[0])
        for begin in range(0, int(self.edges[-1]), rows):
            yield self.group["t"][begin : min(begin + rows, int(self.edges[-1]))]


@dataclass(frozen=True)
class Bins:
    """Bins of whole ticks over a trial; the last one may be shorter.

    Attributes
    ----------
    begins
        Tick at which each trial begins.
    shift
        1 where the spikes of a trial of `n` ticks are at its ticks 1 to `n`, 0 where they are at 0 to `n - 1`.
    n_ticks, width
        Ticks of the longest trial, and of a bin.
    """

    begins: Ticks
    shift: int
    n_ticks: int
    width: int
    tick_ms: float

    def __len__(self) -> int:
        return -(-self.n_ticks // self.width)

    def of(self, tick: Ticks, trial: Ticks) -> Ticks:
        """Return the bin of each spike; what lies beyond the ends is in the first or the last."""
        found: Ticks = np.clip((tick - self.begins[trial] - self.shift) // self.width, 0, len(self) - 1)
        return found

    def edges(self, trial: int) -> NDArray[np.float64]:
        """Return the borders of the bins [ms]."""
        ticks = np.minimum(np.arange(len(self) + 1) * self.width, self.n_ticks)
        edges: NDArray[np.float64] = (self.begins[trial] + ticks) * self.tick_ms
        return edges

    def seconds(self) -> NDArray[np.float64]:
        """Return how long each bin is."""
        ticks = np.arange(len(self)) * self.width
        width: NDArray[np.float64] = np.minimum(self.width, self.n_ticks - ticks) * self.tick_ms * 1e-3
        return width


def trains_of(store: Path | str, populations: Sequence[str]) -> list[Train]:
    """Open the spikes of the populations asked for, or of all."""
    return [_train(store, name, group) for name, group in recorded(store, "spikes", populations).items()]


def _train(store: Path | str, name: str, group: Any) -> Train:
    edges, lengths = group["trial_offset"][:], group["trial_ticks"][:]
    n_spikes = group["t"].shape[0]
    if n_spikes > edges[-1] or len(edges) == 1:
        edges, lengths = np.append(edges, n_spikes), np.append(lengths, 0)
    tick_ms = float(group.attrs["tick_ms"])
    return Train(store, name, group, int(group.attrs["n_neurons"]), tick_ms, edges, lengths)


def begins_of(trains: Sequence[Train]) -> tuple[Ticks, int, int]:
    """Return the tick at which each trial of a run begins, the ticks of the longest trial, and the shift of `Bins`.

    Ticks may count from the beginning of each trial, from that of the first trial, or, where the simulation had run
    before, from an earlier one; which of them, the spikes and the lengths of the trials tell.
    """
    lengths = max((train.lengths for train in trains), key=lambda found: int(found.sum()))
    lowest, highest = np.iinfo(np.int64).max, 0
    for train in trains:
        for tick in train.ticks():
            lowest, highest = min(lowest, int(tick.min())), max(highest, int(tick.max()))
    longest, n = int(lengths.max()), max(train.n_trials for train in trains)
    begins = np.zeros(n, np.int64)
    if longest == 0 or lowest > highest:
        return begins, max(longest, highest + 1), 0
    if highest > longest and n > 1 and highest <= lengths.sum():
        begins[1 : len(lengths)] = np.cumsum(lengths)[: len(lengths) - 1]
        begins[len(lengths) :] = lengths.sum()
    elif highest > longest:
        begins[:] = max(0, min(lowest, highest - longest))
        longest = max(longest, highest - int(begins[0]))
    return begins, longest, int(highest - begins.max() == longest)


def bins_of(trains: Sequence[Train], ms: float | None, at_least: int = 200) -> Bins:
    """Return bins of ``ms``, or of 1, 2 or 5 times a power of ten, at least ``at_least`` where ticks allow it."""
    begins, n_ticks, shift = begins_of(trains)
    tick_ms = trains[0].tick_ms
    wanted = n_ticks * tick_ms / at_least if ms is None else ms
    if ms is None:
        power = 10.0 ** np.floor(np.log10(wanted))
        wanted = max(power * k for k in (1, 2, 5) if power * k <= wanted * (1 + 1e-9))
    width = max(1, min(n_ticks, round(wanted / tick_ms)))
    return Bins(begins, shift, n_ticks, width, tick_ms)


def counts_of(train: Train, bins: Bins, trial: int, rows: int = 1, per_row: int = 0) -> NDArray[np.int64]:
    """Count the spikes of a trial in bins of time and of ``per_row`` neurons, or all neurons; shape (rows, n_bins)."""
    counts = np.zeros(rows * len(bins), np.int64)
    for tick, neuron, number in train.blocks(trial, trial):
        cell = bins.of(tick, number)
        if per_row:
            cell = cell + neuron.astype(np.int64) // per_row * len(bins)
        counts += np.bincount(cell, minlength=len(counts))
    return counts.reshape(rows, len(bins))
