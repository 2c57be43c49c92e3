"""Statistics of recorded spikes and weights, as methods of ``tree.run``.

What is here is what one looks at first; heavier analysis is elephant's and pynapple's (`tegmentum export`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..errors import DescriptionError
from ..lower.plan import ticks
from .reader import reading
from .replay import frames
from .trials import Trains

Array = np.ndarray[Any, Any]


class Statistics:
    """Intervals, their regularity, variability of counts, correlations and weights.

    Intervals are between successive spikes of a neuron within a trial. All spikes of a population are held at once: 24
    bytes each. Neurons are those whose spikes were recorded.
    """

    _source: str

    def _trains(self, population: str | None) -> Trains:
        raise NotImplementedError

    def _group(self, kind: str, projection: str) -> Any:
        raise NotImplementedError

    def _place(self, group: Any, kind: str, projection: str, at: float | None) -> tuple[str, int]:
        raise NotImplementedError

    def intervals(self, population: str, trials: Any = None) -> Any:
        """Return all intervals between spikes.

        Parameters
        ----------
        population
            Name.
        trials
            Numbers of trials; by default all.

        Returns
        -------
        xarray.DataArray
            ms, shape (interval,), by neuron, trial and time, with the coordinates ``neuron`` and ``trial``.

        Raises
        ------
        StoreError
            If the population's spikes were not recorded.
        DescriptionError
            If there is no such trial.
        """
        trains = self._trains(population)
        neuron, trial, tick = _ordered(trains, trains.chosen(trials))
        same = (np.diff(neuron) == 0) & (np.diff(trial) == 0)
        return xr.DataArray(
            np.diff(tick)[same] * trains.tick_ms,
            dims="interval",
            coords={"neuron": ("interval", neuron[1:][same]), "trial": ("interval", trial[1:][same])},
            name="interval",
            attrs={"units": "ms", "long_name": "time between spikes", "population": population},
        )

    def cv(self, population: str, trials: Any = None) -> Any:
        r"""Return the coefficient of variation of each neuron's intervals, ``std / mean``.

        1 for a Poisson process, 0 for a clock; NaN of a neuron with fewer than two intervals. Parameters and errors as
        `intervals`.

        Returns
        -------
        xarray.DataArray
            Shape (neuron,).
        """
        return self._of_intervals(population, trials, "CV of intervals", lambda i: i.std() / i.mean())

    def cv2(self, population: str, trials: Any = None) -> Any:
        r"""Return the mean of :math:`2 |I_{k+1} - I_k| / (I_{k+1} + I_k)` over successive intervals of each neuron.

        As `cv`, but blind to slow changes of the rate. G. R. Holt, W. R. Softky, C. Koch, R. J. Douglas (1996), J.
        Neurophysiol. 75:1806-1814, doi:10.1152/jn.1996.75.5.1806. Intervals of different trials are no successors.
        """
        return self._of_successors(
            population, trials, "CV2 of intervals", lambda a, b: 2 * abs(b - a) / (a + b)
        )

    def lv(self, population: str, trials: Any = None) -> Any:
        r"""Return the local variation, the mean of :math:`3 (I_{k+1} - I_k)^2 / (I_{k+1} + I_k)^2`, of each neuron.

        S. Shinomoto, K. Shima, J. Tanji (2003), Neural Comput. 15:2823-2842, doi:10.1162/089976603322518759.
        """
        return self._of_successors(
            population, trials, "LV of intervals", lambda a, b: 3 * ((b - a) / (a + b)) ** 2
        )

    def fano(self, population: str, bin: float | None = None, trials: Any = None) -> Any:
        """Return the Fano factor of each neuron: variance over mean of its spike counts.

        Parameters
        ----------
        population
            Name.
        bin
            Length of the windows that are counted [ms], a multiple of the tick; by default whole trials.
        trials
            Numbers of trials; by default all.

        Returns
        -------
        xarray.DataArray
            Shape (neuron,); NaN of a neuron without spikes.

        Raises
        ------
        DescriptionError
            If there are fewer than two windows, or ``bin`` is no positive multiple of the tick.
        """
        counts, neurons = self._binned(population, bin, trials)
        mean, var = counts.mean(axis=1), counts.var(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return _by_neuron(var / mean, neurons, "Fano factor", population)

    def correlations(self, population: str, bin: float, trials: Any = None) -> Any:
        """Return Pearson's correlation of the spike counts of each pair of neurons in windows of ``bin`` ms.

        Parameters and errors as `fano`.

        Returns
        -------
        xarray.DataArray
            Shape (neuron, other); NaN of a neuron whose counts do not vary.
        """
        counts, neurons = self._binned(population, bin, trials)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.corrcoef(counts).reshape(len(neurons), len(neurons))
        return xr.DataArray(
            values,
            dims=("neuron", "other"),
            coords={"neuron": neurons, "other": neurons},
            name="correlation",
            attrs={"units": "1", "long_name": "correlation of spike counts", "population": population},
        )

    def synchrony(self, population: str, bin: float = 3.0, trials: Any = None) -> float:
        """Return the variance over the mean of the population's spike count in windows of ``bin`` ms.

        1 for independent Poisson neurons, more where they fire together. Parameters and errors as `fano`.
        """
        counts, _ = self._binned(population, bin, trials)
        total = counts.sum(axis=0)
        return float(total.var() / total.mean()) if total.any() else float("nan")

    def weight_statistics(self, projection: str, kind: str = "weights") -> Any:
        """Return mean, standard deviation, least, median and largest weight at each snapshot.

        Returns
        -------
        xarray.Dataset
            ``mean``, ``std``, ``min``, ``median``, ``max``, along the snapshots; NaN does not count.

        Raises
        ------
        StoreError
            If the projection's weights were not recorded.
        """
        group = self._group(kind, projection)
        along, _ = self._place(group, kind, projection, None)
        measures: dict[str, Any] = {
            "mean": np.nanmean,
            "std": np.nanstd,
            "min": np.nanmin,
            "median": np.nanmedian,
            "max": np.nanmax,
        }
        at = group[along].values
        with reading(self._source):
            rows = [[measure(now) for measure in measures.values()] for now in frames(group, range(len(at)))]
        named = {name: (along, column) for name, column in zip(measures, np.array(rows).T, strict=True)}
        return xr.Dataset(named, {along: at}, {"projection": projection})

    def _of_intervals(self, population: str, trials: Any, name: str, measure: Any) -> Any:
        trains = self._trains(population)
        found = self.intervals(population, trials)
        neurons = trains.recorded
        values = np.full(len(neurons), np.nan)
        for k, part in _parts(found["neuron"].values, neurons):
            if part.stop - part.start > 1:
                values[k] = measure(found.values[part])
        return _by_neuron(values, neurons, name, population)

    def _of_successors(self, population: str, trials: Any, name: str, measure: Any) -> Any:
        trains = self._trains(population)
        found = self.intervals(population, trials)
        neuron, trial = found["neuron"].values, found["trial"].values
        same = (np.diff(neuron) == 0) & (np.diff(trial) == 0)
        each = measure(found.values[:-1][same], found.values[1:][same])
        neurons = trains.recorded
        values = np.full(len(neurons), np.nan)
        for k, part in _parts(neuron[1:][same], neurons):
            if part.stop > part.start:
                values[k] = each[part].mean()
        return _by_neuron(values, neurons, name, population)

    def _binned(self, population: str, bin: float | None, trials: Any) -> tuple[Array, Array]:
        """Spike counts, shape (neuron, window), of all whole windows in the chosen trials; and the neurons."""
        trains = self._trains(population)
        chosen, neurons = trains.chosen(trials), trains.recorded
        length = trains.ticks[chosen]
        if not length.all():
            unknown = chosen[length == 0][0]
            raise DescriptionError(f"windows of {population!r}: the length of trial {unknown} is not known")
        width = int(length.max(initial=1))
        n_windows = np.ones(len(chosen), np.int64)
        if bin is not None:
            width = ticks(bin, trains.tick_ms, f"{population!r}: bin")
            if width < 1:
                raise DescriptionError(f"windows of {population!r}: bin must be > 0 ms, got {bin}")
            n_windows = length // width
        if n_windows.sum() < 2:
            raise DescriptionError(
                f"windows of {population!r}: variability needs two windows at least, there are {n_windows.sum()}; "
                "choose a smaller bin"
            )
        neuron, trial, tick = _ordered(trains, chosen)
        row = np.searchsorted(chosen, trial)
        since = tick - trains.start
        since = since - (since == length[row])  # a spike at the very end is of the last window
        window = since // width if bin is not None else np.zeros(len(since), np.int64)
        inside = window < n_windows[row]
        first = np.concatenate([[0], np.cumsum(n_windows)])
        counts = np.zeros((len(neurons), int(n_windows.sum())), np.int64)
        np.add.at(counts, (np.searchsorted(neurons, neuron[inside]), (first[row] + window)[inside]), 1)
        return counts, neurons


def _ordered(trains: Trains, chosen: Array) -> tuple[Array, Array, Array]:
    """Neuron, trial and tick of all spikes, by neuron, trial and tick."""
    parts: list[tuple[Array, Array, Array]] = [(np.zeros(0, np.int64),) * 3]
    for lo, hi in trains.joined(chosen):
        neuron = trains.read("neuron", lo, hi).astype(np.int64)
        parts.append((neuron, trains.trial_of(lo, hi), trains.read("t", lo, hi)))
    neuron, trial, tick = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((tick, trial, neuron))
    return neuron[order], trial[order], tick[order]


def _parts(neuron: Array, neurons: Array) -> Any:
    """Give the place of each neuron in ``neurons`` and its slice of what is ordered by neuron."""
    first, stop = (np.searchsorted(neuron, neurons, side) for side in ("left", "right"))
    return enumerate(map(slice, first.tolist(), stop.tolist()))


def _by_neuron(values: Array, neurons: Array, name: str, population: str) -> Any:
    return xr.DataArray(
        values,
        dims="neuron",
        coords={"neuron": neurons},
        name=name.split()[0].lower(),
        attrs={"units": "1", "long_name": name, "population": population},
    )
