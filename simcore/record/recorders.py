"""What a run can record: spikes, weights, modulator levels, traces and tables, one class each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .rows import Column, Columns

if TYPE_CHECKING:
    from .store import RunStore
    from .tree import Group


SPIKES = 2**17
"""Spikes in a chunk: 1 MiB of ticks, which each commit writes again until it is full."""


class Recorder:
    """Part of a run store that grows; made by the methods of `RunStore`."""

    def __init__(self, store: RunStore, *rows: Columns) -> None:
        self._store = store
        self._rows = rows
        for part in rows:
            part.use(store.writer, store.target)

    @property
    def growing_dims(self) -> set[str]:
        """Names of the dimensions that get longer."""
        return {rows.dim for rows in self._rows}

    def flush(self) -> None:
        """Write what is buffered; it becomes visible at the store's next commit."""
        for rows in self._rows:
            rows.flush()

    def finish(self) -> None:
        """Complete what is recorded, before the last commit."""

    def _append(self, rows: Columns, **values: Any) -> None:
        self._store.require_open()
        rows.append(**values)
        self._store.commit_if_due()


class Spikes(Recorder):
    """Spikes of one population, in the group ``spikes/<name>``.

    ========================= ====== ==========================================================
    ``t(spike)``              int64  tick of each spike; ``tick_ms`` in the group's attributes
    ``neuron(spike)``         uint32 index of the neuron in its population
    ``trial_offset(trial_edge)`` int64 trial `k` holds the spikes ``[offset[k]:offset[k + 1]]``
    ``trial_ticks(trial)``    int64  length of each trial in ticks, 0 where it was not given
    ``<name>(trial)``         int64  what else is known of each trial, such as its label
    ``recorded(listed)``      uint32 the neurons whose spikes are here, where not all are
    ========================= ====== ==========================================================

    Where a part of each trial alone was recorded, the attribute ``window`` tells the ticks of a trial after and until
    which, the latter null where it has no end. ``time(spike)`` holds the ticks again, with the attribute
    ``scale_factor``: xarray shows ms.

    Spikes after the last offset belong to a trial that was cut short.
    """

    def __init__(
        self,
        store: RunStore,
        group: Group,
        n_neurons: int,
        tick_ms: float,
        trial: Sequence[str] = (),
        recorded: ArrayLike | None = None,
        window: tuple[int, int | None] | None = None,
    ) -> None:
        from .layout import rows_per_chunk, store_array

        group.attrs.update({"kind": "spikes", "n_neurons": int(n_neurons), "tick_ms": float(tick_ms)})
        if window is not None:
            group.attrs["window"] = list(window)
        if recorded is not None:
            ids = _ids("recorded", recorded, n_neurons)
            store_array(
                group, "recorded", ids, ["listed"], {"long_name": "neurons whose spikes are recorded"}
            )
        tick = Column(
            np.int64,
            "tick",
            attrs={"long_name": "spike time", "tick_ms": float(tick_ms), "coordinates": "time"},
        )
        time = Column(
            np.int64, "ms", attrs={"long_name": "spike time", "scale_factor": float(tick_ms)}, twin="t"
        )
        neuron = Column(np.uint32, attrs={"long_name": "neuron", "coordinates": "time"})
        offset = Column(np.int64, attrs={"long_name": "index of the first spike of each trial, and the end"})
        named = {"coordinates": " ".join(trial)} if trial else {}
        length = Column(np.int64, "tick", attrs={"long_name": "length of each trial; 0: not known", **named})
        extra = {name: Column(np.int64, attrs={"long_name": f"{name} of each trial"}) for name in trial}
        self.n_neurons = int(n_neurons)
        chunk = rows_per_chunk([()], at_most=SPIKES)
        self._spikes = Columns(group, "spike", {"t": tick, "time": time, "neuron": neuron}, chunk)
        self._edges = Columns(group, "trial_edge", {"trial_offset": offset}, chunk=2**12)
        self._trials = Columns(group, "trial", {"trial_ticks": length, **extra}, chunk=2**12)
        if not len(self._edges):
            self._edges.append(trial_offset=[0])
        super().__init__(store, self._spikes, self._edges, self._trials)

    def __len__(self) -> int:
        """Count the spikes appended so far."""
        return len(self._spikes)

    def append(self, tick: ArrayLike, neuron: ArrayLike) -> None:
        """Append spikes in the order in which they happened.

        Parameters
        ----------
        tick
            Ticks, integers, shape (n,).
        neuron
            Neurons, integers in ``[0, n_neurons)``, shape (n,).

        Raises
        ------
        DataError
            If a neuron does not exist, or the arrays do not fit each other.
        """
        neuron = np.asarray(neuron)
        if neuron.size and not (neuron.min() >= 0 and neuron.max() < self.n_neurons):
            raise DataError(
                f"neurons must lie in [0, {self.n_neurons}), got {neuron.min()} to {neuron.max()}"
            )
        self._append(self._spikes, t=tick, neuron=neuron)

    def end_trial(self, n_ticks: int = 0, **values: int) -> None:
        """Close a trial: the spikes since the previous one belong to it.

        Parameters
        ----------
        n_ticks
            Its length in ticks, where known; mean rates need it.
        **values
            What else was declared of a trial, such as ``label``.
        """
        self._store.require_open()
        self._edges.append(trial_offset=[len(self._spikes)])
        self._trials.append(
            trial_ticks=[int(n_ticks)], **{key: [int(value)] for key, value in values.items()}
        )
        self._store.commit_if_due()

    def finish(self) -> None:
        """Close the only trial of a run that has no trials."""
        if len(self._edges) == 1:
            self.end_trial(**dict.fromkeys(self._trials.columns.keys() - {"trial_ticks"}, -1))


class Weights(Recorder):
    """Snapshots of one projection's weights, in the group ``weights/<name>``.

    ========================== ======= ============================================
    ``w(snapshot, synapse)``   float32 weights
    ``snapshot(snapshot)``     int64   epoch or tick of each snapshot
    ``pre, post(synapse)``     uint32  neurons that each synapse connects, once
    ``delay(synapse)``         as given: integers are ticks, floats ms; optional
    ========================== ======= ============================================
    """

    def __init__(
        self,
        store: RunStore,
        group: Group,
        pre: ArrayLike,
        post: ArrayLike,
        delay: ArrayLike | None,
        unit: str,
        n_pre: int | None,
        n_post: int | None,
    ) -> None:
        from .layout import store_array

        ends = {"pre": _ids("pre", pre, n_pre), "post": _ids("post", post, n_post)}
        sizes = {
            f"n_{end}": _count(ids, given)
            for (end, ids), given in zip(ends.items(), (n_pre, n_post), strict=True)
        }
        self.n_synapses = len(ends["pre"])
        if len(ends["post"]) != self.n_synapses:
            raise DataError(
                f"pre and post must be equally long, got {self.n_synapses} and {len(ends['post'])}"
            )
        group.attrs.update({"kind": "weights", "n_synapses": self.n_synapses, **sizes})
        for end, ids in ends.items():
            store_array(group, end, ids, ["synapse"], {"long_name": f"{end}synaptic neuron"})
        if delay is not None:
            delay = np.broadcast_to(np.asarray(delay), (self.n_synapses,))
            store_array(
                group, "delay", delay, ["synapse"], {"units": "tick" if delay.dtype.kind in "iu" else "ms"}
            )
        coordinates = "pre post" + (" delay" if delay is not None else "")
        columns = {
            "w": Column(
                np.float32,
                unit,
                ("synapse",),
                (self.n_synapses,),
                {"long_name": "weight", "coordinates": coordinates},
            ),
            "snapshot": Column(np.int64, attrs={"long_name": "epoch or tick of the snapshot"}),
        }
        super().__init__(store, Columns(group, "snapshot", columns, chunk=1))

    def snapshot(self, at: int, values: ArrayLike) -> None:
        """Record all weights.

        Parameters
        ----------
        at
            Epoch or tick.
        values
            Weights in the order of `pre` and `post`, shape (n_synapses,).
        """
        self._append(self._rows[0], snapshot=[int(at)], w=np.asarray(values)[np.newaxis])


class Modulators(Recorder):
    """Levels of neuromodulators at each synapse subpopulation, in the group ``modulators/<name>``.

    ========================================== ======= ===================================
    ``level(dim, channel, subpopulation)``     float32 level, dimensionless
    ``dim(dim)``                               int64   tick, epoch, expected class...: `dim` names it
    ``channel(channel)``                       text    name of each modulator
    ========================================== ======= ===================================
    """

    def __init__(
        self,
        store: RunStore,
        group: Group,
        channels: Sequence[str],
        n_subpopulations: int,
        time_name: str,
        dim: str = "time",
    ) -> None:
        from .layout import store_array

        group.attrs.update({"kind": "modulators", "n_subpopulations": int(n_subpopulations)})
        store_array(
            group, "channel", np.array(list(channels), dtype=np.str_), ["channel"], {"long_name": "modulator"}
        )
        self._shape = len(channels), int(n_subpopulations)
        dims = "channel", "subpopulation"
        columns = {
            "level": Column(np.float32, "1", dims, self._shape, {"long_name": "neuromodulator level"}),
            dim: Column(np.int64, "tick" if time_name == "tick" else "", attrs={"long_name": time_name}),
        }
        self._dim = dim
        super().__init__(store, Columns(group, dim, columns))

    def __len__(self) -> int:
        """Count the moments appended so far."""
        return len(self._rows[0])

    def append(self, time: ArrayLike, level: ArrayLike) -> None:
        """Append the levels at one moment or at several.

        Parameters
        ----------
        time
            Tick, epoch, class or the like, shape () or (n,).
        level
            Anything that broadcasts to (n, n_channels, n_subpopulations).
        """
        time = np.atleast_1d(time)
        try:
            level = np.broadcast_to(np.asarray(level), (len(time), *self._shape))
        except ValueError:
            raise DataError(
                f"level: expected the shape {(len(time), *self._shape)}, got {np.shape(level)}"
            ) from None
        self._append(self._rows[0], **{self._dim: time, "level": level})


class Trace(Recorder):
    """Sampled state variables of some neurons, in the group ``traces/<name>``.

    ============================ ======= =======================================================
    ``<variable>(time, neuron)`` float32 one array for each variable, with its unit
    ``time(time)``               float64 time of each sample [ms]
    ``tick(time)``               int64   the same, exactly; ``tick_ms`` in the group's attributes
    ``neuron(neuron)``           uint32  index of each recorded neuron in its population
    ============================ ======= =======================================================

    With several trials ``<variable>(time, trial, neuron)``.
    """

    def __init__(
        self,
        store: RunStore,
        group: Group,
        variables: Mapping[str, str],
        neurons: ArrayLike,
        tick_ms: float,
        n_trials: int | None = None,
    ) -> None:
        from .layout import store_array

        ids = _ids("neurons", neurons, None)
        group.attrs.update({"kind": "traces", "tick_ms": float(tick_ms), "n_neurons": len(ids)})
        store_array(group, "neuron", ids, ["neuron"], {"long_name": "neuron"})
        dims: tuple[str, ...] = ("neuron",)
        shape: tuple[int, ...] = (len(ids),)
        if n_trials is not None:
            dims, shape = ("trial", *dims), (n_trials, *shape)
        columns = {
            name: Column(np.float32, unit, dims, shape, {"coordinates": "tick"})
            for name, unit in variables.items()
        }
        self._tick_ms = float(tick_ms)
        columns["time"] = Column(np.float64, "ms", attrs={"long_name": "time"})
        columns["tick"] = Column(np.int64, "tick", attrs={"long_name": "time", "tick_ms": float(tick_ms)})
        super().__init__(store, Columns(group, "time", columns))

    def append(self, time: ArrayLike, **values: ArrayLike) -> None:
        """Append samples.

        Parameters
        ----------
        time
            Ticks, shape () or (n,).
        **values
            For every variable an array of shape (n, n_neurons), or (n_neurons,) for a single time; with several
            trials (n, n_trials, n_neurons).
        """
        if np.ndim(time) == 0:
            values = {name: np.asarray(value)[np.newaxis] for name, value in values.items()}
        tick = np.atleast_1d(time)
        # 3 x 0.1 is 0.30000000000000004; rounded, `.sel(time=0.3)` finds it
        self._append(self._rows[0], tick=tick, time=np.round(tick * self._tick_ms, 9), **values)


class Populations(Recorder):
    """Outcome by population in the root, written once: ``size``, ``n_spikes``, ``rate``, and numbers of the run."""

    def __init__(
        self,
        store: RunStore,
        group: Group,
        sizes: Mapping[str, int],
        n_spikes: ArrayLike,
        rate: ArrayLike,
        scalars: Mapping[str, tuple[Any, str, str]],
    ) -> None:
        from .layout import store_array

        dims = ["population"]
        columns: dict[str, tuple[Any, str, str]] = {
            "population": (np.array(list(sizes), np.str_), "", "name"),
            "size": (np.array(list(sizes.values()), np.int64), "1", "number of neurons"),
            "n_spikes": (np.asarray(n_spikes, np.int64), "1", "spikes, of all trials"),
            "rate": (np.asarray(rate, np.float64), "Hz", "mean over neurons, trials and the run"),
        }
        for name, (values, unit, meaning) in columns.items():
            store_array(group, name, values, dims, {"units": unit, "long_name": meaning})
        for name, (value, unit, meaning) in scalars.items():
            store_array(group, name, np.asarray(value), [], {"units": unit, "long_name": meaning})
        super().__init__(store)


class Table(Recorder):
    """Rows of named numbers or small arrays along one dimension, such as the accuracy after each epoch."""

    def __init__(self, store: RunStore, group: Group, dim: str, columns: Mapping[str, Sequence[Any]]) -> None:
        forms = {name: _column(name, spec) for name, spec in columns.items()}
        self._dim = dim
        self._optional = {
            name: np.full(form.shape, np.nan)
            for name, form in forms.items()
            if np.dtype(form.dtype).kind == "f"
        }
        rows = Columns(group, dim, {dim: Column(np.int64), **forms}, chunk=_table_chunk(forms))
        super().__init__(store, rows)

    def __len__(self) -> int:
        """Count the rows appended so far."""
        return len(self._rows[0])

    def append(self, **values: Any) -> None:
        """Append one row.

        Parameters
        ----------
        **values
            The coordinate and every column: a number, or an array of the column's trailing shape. Columns of
            floats may be left out and become NaN.
        """
        self._append(
            self._rows[0],
            **{name: np.asarray(value)[np.newaxis] for name, value in (self._optional | values).items()},
        )


def _table_chunk(forms: Mapping[str, Column]) -> int:
    from .layout import rows_per_chunk

    return rows_per_chunk([form.shape for form in forms.values()], at_most=1024)


def _column(name: str, spec: Sequence[Any]) -> Column:
    try:
        dtype, units, dims, shape = (*spec, (), ())[:4] if len(spec) == 2 else spec
        return Column(np.dtype(dtype), units, tuple(dims), tuple(shape))
    except (TypeError, ValueError):
        raise DataError(
            f"column {name!r}: expected (dtype, unit) or (dtype, unit, dims, shape), got {spec!r}"
        ) from None


def _ids(name: str, ids: ArrayLike, n: int | None) -> NDArray[np.uint32]:
    """Check neuron indices and make them uint32."""
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(
            f"{name}: expected a one-dimensional array of integers, got {array.dtype} {array.shape}"
        )
    limit = 2**32 if n is None else n
    if array.size and not (array.min() >= 0 and array.max() < limit):
        raise DataError(f"{name}: neurons must lie in [0, {limit}), got {array.min()} to {array.max()}")
    return array.astype(np.uint32)


def _count(ids: NDArray[np.uint32], given: int | None) -> int:
    """Size of the population that `ids` index: as given, or the least that holds them all."""
    return int(given) if given is not None else (int(ids.max()) + 1 if ids.size else 0)
