"""``tree.run``: what one asks of an opened run store, on the DataTree itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..errors import DescriptionError, StoreError
from ..lower.plan import ticks
from .reader import reading
from .statistics import Statistics
from .trials import Trains, trains_of

if TYPE_CHECKING:
    from scipy.sparse import coo_array

Array = np.ndarray[Any, Any]


@xr.register_datatree_accessor("run")
class Run(Statistics):
    """Rates, spike trains, trials, weights and their statistics of a run, as ``tree.run``; `open_run` registers it.

    Spikes are read a chunk at a time: memory is that of the answer and one chunk, not that of the store.

    Raises
    ------
    StoreError
        If the tree is not the root of a run store.
    """

    def __init__(self, tree: Any) -> None:
        if "tegmentum_schema" not in tree.attrs:
            raise StoreError("tree.run: this tree is not the root of a run store; open one with open_run")
        self._tree = tree
        self._source = str(tree.encoding.get("source", "run store"))

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations whose spikes were recorded."""
        return tuple(trains_of(self._source, self._tree))

    @property
    def projections(self) -> tuple[str, ...]:
        """Names of the projections whose weights were recorded."""
        return tuple(self._tree["weights"].children) if "weights" in self._tree.children else ()

    def trials(self, population: str | None = None, **where: Any) -> Any:
        """Return the trials of a population, by default the first, or those with some label.

        Parameters
        ----------
        population
            Name.
        **where
            Values of what was recorded of each trial, one or several: ``label=3``, ``label=[3, 5]``.

        Returns
        -------
        xarray.Dataset
            Along ``trial``, whose coordinate is its number: ``n_spikes``, ``duration`` [ms] (NaN where it is not
            known or the trial goes on), and what was recorded, such as ``label``.

        Raises
        ------
        StoreError
            If there is no such population, or nothing of that name was recorded of trials.
        """
        trains = self._trains(population)
        columns = {"n_spikes": np.diff(trains.edge), **trains.named}
        keep = np.ones(len(trains), bool)
        for name, wanted in where.items():
            if name not in columns:
                raise StoreError(
                    f"{self._source}: no {name!r} of trials was recorded; there are: {', '.join(columns)}"
                )
            keep &= np.isin(columns[name], wanted)
        known = trains.ticks > 0
        duration = np.where(known, trains.ticks * trains.tick_ms, np.nan)
        data: dict[str, Any] = {name: ("trial", values[keep]) for name, values in columns.items()}
        data["duration"] = ("trial", duration[keep], {"units": "ms"})
        return xr.Dataset(data, coords={"trial": np.flatnonzero(keep)})

    def spikes(
        self, population: str, trial: int = 0, start: float | None = None, stop: float | None = None
    ) -> Any:
        """Return the spikes of one trial, lazily: ``t`` [ticks], ``time`` [ms] and ``neuron`` along ``spike``.

        Parameters
        ----------
        population
            Name.
        trial
            Number; -1 is the last.
        start, stop
            Only spikes with ``start <= time < stop`` [ms].

        Raises
        ------
        StoreError
            If the population's spikes were not recorded.
        DescriptionError
            If there is no such trial.
        """
        trains = self._trains(population)
        lo, hi = trains.within(int(trains.chosen(trial)[0]), start, stop)
        kept = trains.node.to_dataset(inherit=False).isel(spike=slice(lo, hi))
        return kept.drop_dims(["trial", "trial_edge"])

    def train(self, population: str, neuron: int, trials: Any = None) -> Any:
        """Return the spike train of one neuron.

        Parameters
        ----------
        population
            Name.
        neuron
            Index in the population.
        trials
            Numbers of trials, such as ``trials(label=3)["trial"]``; by default all.

        Returns
        -------
        xarray.DataArray
            Times [ms], shape (spike,), with the coordinates ``tick``, the same exactly, and ``trial``.

        Raises
        ------
        StoreError
            If the population's spikes were not recorded.
        DescriptionError
            If there is no such neuron or trial, or the neuron's spikes were not recorded.
        """
        trains = self._trains(population)
        if not 0 <= neuron < trains.n_neurons:
            raise DescriptionError(
                f"neuron of {population!r}: must lie in [0, {trains.n_neurons}), got {neuron}"
            )
        if neuron not in trains.recorded:
            raise DescriptionError(
                f"neuron {neuron} of {population!r}: its spikes were not recorded, only those of {trains.n_heard} of "
                f"{trains.n_neurons} neurons: {_few(trains.recorded)}"
            )
        tick, trial = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for lo, hi in trains.joined(trains.chosen(trials)):
            mine = np.flatnonzero(trains.read("neuron", lo, hi) == neuron)
            if mine.size:
                tick.append(trains.read("t", lo, hi)[mine])
                trial.append(trains.trial_of(lo, hi)[mine])
        exact = np.concatenate(tick)
        return xr.DataArray(
            exact * trains.tick_ms,
            dims="spike",
            coords={"tick": ("spike", exact), "trial": ("spike", np.concatenate(trial))},
            name="time",
            attrs={"units": "ms", "population": population, "neuron": int(neuron)},
        )

    def counts(self, population: str, trials: Any = None) -> Any:
        """Count the spikes of each neuron whose spikes were recorded in each trial, by default in all.

        Returns
        -------
        xarray.DataArray
            Shape (trial, neuron), int64, with the neurons' indices and what was recorded of trials as coordinates:
            ``counts("hidden").groupby("label").mean()``, ``counts("hidden").sel(neuron=7)``. What was not recorded is
            not in it.

        Raises
        ------
        StoreError, DescriptionError
            As `train`.
        """
        trains = self._trains(population)
        chosen, n = trains.chosen(trials), trains.n_heard
        column = np.full(trains.n_neurons, -1)
        column[trains.recorded] = np.arange(n)
        row = np.full(len(trains), -1)
        row[chosen] = np.arange(len(chosen))
        counts = np.zeros(len(chosen) * n, np.int64)
        for lo, hi in trains.joined(chosen):
            place = row[trains.trial_of(lo, hi)] * n + column[trains.read("neuron", lo, hi)]
            np.add.at(counts, place, 1)
        coords = {
            "trial": chosen,
            "neuron": trains.recorded,
            **{k: ("trial", v[chosen]) for k, v in trains.named.items()},
        }
        return xr.DataArray(
            counts.reshape(len(chosen), n),
            dims=("trial", "neuron"),
            coords=coords,
            name="spikes",
            attrs={"units": "1", "population": population},
        )

    def rates(
        self,
        population: str | Sequence[str] | None = None,
        bin: float | None = None,
        trials: Any = None,
    ) -> Any:
        """Return mean rates over neurons and trials, of the whole trials or in bins of time.

        Parameters
        ----------
        population
            Name or names; by default all that were recorded.
        bin
            Width of a bin [ms], a multiple of the tick; by default one bin, the whole trial.
        trials
            Numbers of trials; by default all.

        Returns
        -------
        xarray.DataArray
            Hz, shape (population,) or (population, time), where ``time`` is the start of each bin [ms]. A spike at the
            very end of a trial counts to its last bin; a bin that a trial ends in is divided by the time that it lasts.
            Neurons and times that were not recorded do not count; a bin without any is NaN.
            Of a trial that goes on, all is taken until the last spike that has been committed.

        Raises
        ------
        StoreError
            If a population's spikes were not recorded, or the lengths of its trials.
        DescriptionError
            If the bin is no positive multiple of the tick, or there is no such trial.
        """
        found = trains_of(self._source, self._tree, population)
        rows = {name: self._rate(trains, bin, trains.chosen(trials)) for name, trains in found.items()}
        n_bins = max((len(rate) for rate in rows.values()), default=0)
        values = np.full((len(rows), n_bins), np.nan)
        for k, rate in enumerate(rows.values()):
            values[k, : len(rate)] = rate
        attrs = {"units": "Hz", "long_name": "mean rate of a neuron"}
        names = np.array(list(rows), np.str_)
        if bin is None:
            return xr.DataArray(values[:, 0], {"population": names}, "population", "rate", attrs)
        start = next(iter(found.values()))
        time = np.round(start.start * start.tick_ms + np.arange(n_bins) * bin, 9)
        coords = {
            "population": names,
            "time": ("time", time, {"units": "ms", "long_name": "start of the bin"}),
        }
        return xr.DataArray(values, coords, ("population", "time"), "rate", attrs)

    def _rate(self, trains: Trains, bin: float | None, chosen: Array) -> Array:
        """Mean rate [Hz] in each bin."""
        length = self._lengths(trains, chosen)
        longest = int(length.max(initial=0))
        width = max(longest, 1)
        if bin is not None:
            width = ticks(bin, trains.tick_ms, f"rates of {trains.name!r}: bin")
            if width < 1:
                raise DescriptionError(f"rates of {trains.name!r}: bin must be > 0 ms, got {bin}")
        n_bins = max(1, -(-longest // width))
        last = np.zeros(len(trains), np.int64)
        last[chosen] = np.maximum(0, -(-length // width) - 1)
        counts = np.zeros(n_bins, np.int64)
        for lo, hi in trains.joined(chosen):
            place = (trains.read("t", lo, hi) - trains.start) // width
            counts += np.bincount(np.minimum(place, last[trains.trial_of(lo, hi)]), minlength=n_bins)
        edges = np.arange(n_bins) * width
        edges = np.append(edges, edges[-1] + width)
        lasted = sum((np.diff(trains.heard(np.minimum(edges, n))) for n in length), np.zeros(n_bins))
        with np.errstate(invalid="ignore", divide="ignore"):
            rate: Array = counts / (trains.n_heard * lasted * trains.tick_ms * 1e-3)
        return rate

    def _lengths(self, trains: Trains, chosen: Array) -> Array:
        """Length of each chosen trial [ticks]; of one that goes on, until its last spike."""
        length = trains.ticks.copy()
        if trains.goes_on and trains.edge[-1] > trains.edge[-2]:
            end = int(trains.edge[-1])
            length[-1] = int(trains.read("t", end - 1, end)[0]) - trains.start
        unknown = chosen[(length[chosen] == 0) & (np.diff(trains.edge)[chosen] > 0)]
        if unknown.size:
            raise StoreError(
                f"{self._source}: rates of {trains.name!r}: the length of trial {unknown[0]} was not recorded"
            )
        return length[chosen]

    def weights(self, projection: str, at: float | None = None, kind: str = "weights") -> Any:
        """Return the weights of a projection's recorded synapses at one snapshot.

        Parameters
        ----------
        projection
            Name.
        at
            Epoch of the snapshot, or its time [ms] where a run took it; by default the last.
        kind
            ``weights`` or ``eligibility``.

        Returns
        -------
        xarray.DataArray
            Shape (synapse,), with the coordinates ``pre`` and ``post``; lazy where snapshots are whole, and put
            together from the changes where only these were recorded.

        Raises
        ------
        StoreError
            If the projection was not recorded, or not at that moment.
        """
        group = self._group(kind, projection)
        dim, places = self._place(group, kind, projection, at)
        variable = "w" if kind == "weights" else "e"
        if "n_changes" not in group:
            return group[variable].isel({dim: places})
        coords = {name: ("synapse", group[name].values) for name in ("synapse", "pre", "post", "delay")}
        now = np.zeros(group.sizes["synapse"], group[variable].dtype)
        with reading(self._source):
            end = int(group["n_changes"].values[: places + 1].sum())
            for lo in range(0, end, 2**20):
                part = group[["place", variable]].isel(change=slice(lo, min(end, lo + 2**20)))
                now[part["place"].values] = part[variable].values
        coords |= {name: group[name].isel({dim: places}) for name in (dim, "tick") if name in group}
        return xr.DataArray(now, coords, "synapse", variable, group[variable].attrs)

    def sparse(self, projection: str, at: float | None = None, kind: str = "weights") -> coo_array:
        """Return the weights at one snapshot as ``scipy.sparse.coo_array``, shape (n_pre, n_post).

        Parameters and errors are those of `weights`. Several synapses between the same neurons are
        entries of their own; ``tocsr`` adds them up.
        """
        from scipy.sparse import coo_array

        found, attrs = self.weights(projection, at, kind), self._group(kind, projection).attrs
        with reading(self._source):
            data, ends = found.values, (found["pre"].values, found["post"].values)
        return coo_array((data, ends), shape=(int(attrs["n_pre"]), int(attrs["n_post"])))

    def matrix(self, projection: str, at: float | None = None, kind: str = "weights") -> Any:
        """Return the weights at one snapshot as a dense matrix.

        Parameters and errors are those of `weights`.

        Returns
        -------
        xarray.DataArray
            Shape (pre, post); NaN where no synapse was recorded, the sum where there are several.
        """
        found = self.sparse(projection, at, kind)
        dense = np.zeros(found.shape, found.dtype)
        there = np.zeros(found.shape, bool)
        np.add.at(dense, (found.row, found.col), found.data)
        there[found.row, found.col] = True
        dense[~there] = np.nan
        attrs = dict(self._group(kind, projection)["w" if kind == "weights" else "e"].attrs)
        return xr.DataArray(dense, dims=("pre", "post"), name=projection, attrs=attrs)

    def _trains(self, population: str | None) -> Trains:
        found = trains_of(self._source, self._tree, population)
        if not found:
            raise StoreError(f"{self._source}: no spikes were recorded")
        return next(iter(found.values()))

    def _group(self, kind: str, projection: str) -> Any:
        if kind not in ("weights", "eligibility"):
            raise DescriptionError(f"kind: must be weights or eligibility, got {kind!r}")
        there = self._tree[kind].children if kind in self._tree.children else {}
        if projection not in there:
            known = ", ".join(map(repr, there)) or "none"
            raise StoreError(f"{self._source}: no {kind} of {projection!r} were recorded; there are: {known}")
        return there[projection].to_dataset(inherit=False)

    def _place(self, group: Any, kind: str, projection: str, at: float | None) -> tuple[str, int]:
        """Dimension of the snapshots, and the position of the one that is meant."""
        dim = "time" if "time" in group.dims else "snapshot"
        with reading(self._source):
            there = group[dim].values
        what = f"{self._source}: {kind} of {projection!r}"
        if not len(there):
            raise StoreError(f"{what}: there is no snapshot yet")
        if at is None:
            return dim, len(there) - 1
        found = np.flatnonzero(np.abs(there - at) <= 1e-6)
        if not found.size:
            near = ", ".join(f"{t:g}" for t in sorted(there[np.argsort(np.abs(there - at))[:3]]))
            unit = " ms" if dim == "time" else ""
            raise StoreError(f"{what}: there is no snapshot at {at:g}{unit}; the nearest are at {near}{unit}")
        return dim, int(found[-1])


def _few(neurons: Array) -> str:
    """Name some neurons."""
    return ", ".join(map(str, neurons[:5].tolist())) + (", ..." if len(neurons) > 5 else "")
