"""What a run looks at from time to time: weights and eligibilities of plastic synapses, levels of neuromodulators.

Whoever advances a simulation asks :meth:`Histories.due` how far it may go and then lets :meth:`Histories.look`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..describe.histories import ChangeHistory, LevelHistory, Snapshots, SynapseHistory
from ..describe.network import Projection
from ..describe.record import Record, Result
from ..errors import DescriptionError
from ..lower.plan import ticks
from .log import NEVER, window_of

if TYPE_CHECKING:
    from ..advance.simulation import Simulation
    from .store import RunStore

Array = np.ndarray[Any, Any]
_ENDS = ("pre", "post", "delay")


class Sink(Protocol):
    """Where snapshots go."""

    def append(self, tick: int, *values: Any) -> None:
        """Take one snapshot."""


class Watch(Protocol):
    """Something to look at every so many ticks."""

    every: int

    def open(self, simulation: Simulation, store: RunStore | None) -> None:
        """Let what is found go to a store."""

    def look(self, simulation: Simulation) -> None:
        """Take a snapshot or a sample."""


class Kept:
    """Snapshots in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def append(self, tick: int, *values: Any) -> None:
        """Take one snapshot."""
        self.rows.append((tick, *values))

    def column(self, k: int, dtype: Any, *shape: int) -> Array:
        """Return the k-th part of all snapshots, one under the other."""
        return np.array([row[k] for row in self.rows], dtype).reshape(-1, *shape)


class Elsewhere:
    """Snapshots that another MPI rank writes."""

    def append(self, tick: int, *values: Any) -> None:
        """Leave one snapshot to it."""


class SynapseWatch:
    """Snapshots of the weights, or of the eligibilities, of some of a projection's synapses."""

    def __init__(
        self,
        simulation: Simulation,
        kind: str,
        name: str,
        snapshots: Snapshots,
        saved: Mapping[str, Array] | None = None,
    ) -> None:
        where = f"Record: {kind} of {name!r}"
        self.kind, self.name, self.changed = kind, name, bool(snapshots.changed)
        self.kept = snapshots.kept
        self.every = interval(snapshots.every, simulation.dt, where)
        self.sink: Sink = Kept()
        self.last = saved.get(f"{kind}/{name}/last") if saved else None
        self.contacts = simulation._contacts.get(name)
        if self.contacts is not None and saved:  # those that were there when the run began
            part = {key.removeprefix(f"{kind}/{name}/"): values for key, values in saved.items()}
            self.ids, self.pre, self.post, self.delay = (part[key] for key in ("ids", *_ENDS))
            self.contacts = None
            self._follow(simulation)
            return
        found = simulation.synapses(name)
        if self.contacts is not None and np.ndim(np.asarray(snapshots.synapses)) == 1:
            self.ids = np.asarray(snapshots.synapses, np.int64)
            there, at = _among(self.ids, found.ids)
            if not there.all():
                raise DescriptionError(
                    f"{where}: there is no synapse {self.ids[~there][0]} now; it may have been pruned"
                )
        else:
            at = snapshots.ids(len(found), where)
            self.ids = found.ids[at]
        self.pre, self.post, self.delay = found.pre[at], found.post[at], found.delay[at]
        (self.places, self.mine), self.there = simulation._chosen(name, at), np.ones(len(at), bool)

    def open(self, simulation: Simulation, store: RunStore | None) -> None:
        """Let snapshots go to a store."""
        if store is None:
            self.sink = Elsewhere()
            return
        projection = simulation._projection(self.name)
        self.sink = store.snapshots(
            self.kind,
            self.name,
            {"synapse": self.ids, "pre": self.pre, "post": self.post, "delay": self.delay},
            {"n_pre": projection.pre.size, "n_post": projection.post.size},
            simulation.dt,
            simulation._real,
            unit_of(projection),
            self.changed,
        )

    def look(self, simulation: Simulation) -> None:
        """Take a snapshot; of a synapse that was pruned there is no number."""
        self._follow(simulation)
        weight, kept = simulation._peeked(self.name, self.places)
        found = weight if self.kind == "weights" else kept[self.kept]
        if simulation.ranks is not None:
            place, here = simulation.ranks.joined(self.mine), simulation.ranks.joined(found)
            found = np.empty(len(place), here.dtype)
            found[place] = here
        now = np.full(len(self.ids), np.nan, simulation._real)
        now[self.there] = found
        if not self.changed:
            self.sink.append(simulation.tick, now)
            return
        place = (
            np.arange(len(now))
            if self.last is None
            else np.flatnonzero((now != self.last) & ~(np.isnan(now) & np.isnan(self.last)))
        )
        self.last = now
        self.sink.append(simulation.tick, place, now[place])

    def _follow(self, simulation: Simulation) -> None:
        """Find synapses again after others were pruned or grew."""
        contacts = simulation._contacts.get(self.name)
        if contacts is not self.contacts and contacts is not None:
            self.contacts = contacts
            self.there, at = _among(self.ids, contacts.ids)
            self.places = simulation._places(self.name).at(at[self.there])

    def history(self, simulation: Simulation) -> SynapseHistory | ChangeHistory:
        """Return what is in memory."""
        kept, real = self.sink, simulation._real
        assert isinstance(kept, Kept)
        known = simulation.dt, kept.column(0, np.int64), self.ids, self.pre, self.post
        if not self.changed:
            return SynapseHistory(*known, kept.column(1, real, len(self.ids)))
        lengths = [len(row[1]) for row in kept.rows]
        place = np.concatenate([row[1] for row in kept.rows] or [np.zeros(0, np.int64)])
        value = np.concatenate([row[2] for row in kept.rows] or [np.zeros(0, real)])
        return ChangeHistory(*known, np.repeat(np.arange(len(lengths)), lengths), place, value)


def _among(ids: Array, now: Array) -> tuple[Array, Array]:
    """Return which synapses are there now, and where."""
    order = np.argsort(now)
    at = np.searchsorted(now[order], ids).clip(0, max(len(now) - 1, 0))
    at = order[at] if len(now) else np.zeros(len(ids), np.int64)
    return (now[at] == ids if len(now) else np.zeros(len(ids), bool)), at


class LevelWatch:
    """Samples of the levels of a neuromodulator."""

    def __init__(self, simulation: Simulation, name: str, every: float) -> None:
        self.name = name
        self.every = interval(every, simulation.dt, f"Record: modulators: {name!r}")
        self.sink: Sink = Kept()

    def open(self, simulation: Simulation, store: RunStore | None) -> None:
        """Let samples go to a store."""
        if store is None:
            self.sink = Elsewhere()
            return
        self.sink = store.levels(self.name, len(simulation.levels(self.name)), simulation.dt)

    def look(self, simulation: Simulation) -> None:
        """Take a sample."""
        self.sink.append(simulation.tick, simulation.levels(self.name))

    def history(self, simulation: Simulation) -> LevelHistory:
        """Return what is in memory."""
        assert isinstance(self.sink, Kept)
        n_levels = len(simulation.levels(self.name))
        ticks = self.sink.column(0, np.int64)
        return LevelHistory(simulation.dt, ticks, self.sink.column(1, np.float64, n_levels))


class Histories:
    """All that a record wants looked at.

    Looks are at multiples of the intervals from tick 0 on, wherever a run begins or ends. Reading changes no bit of
    what follows.

    Parameters
    ----------
    simulation : Simulation
    record : Record
        looked up in the network
    saved : mapping of arrays, optional
        what :meth:`state` returned, to go on with

    Raises
    ------
    DescriptionError
        for an interval that is no multiple of ``dt``, and for synapses that are not there
    """

    def __init__(
        self, simulation: Simulation, record: Record, saved: Mapping[str, Array] | None = None
    ) -> None:
        def watches(kind: str, wanted: Mapping[str, Snapshots]) -> dict[str, SynapseWatch]:
            return {n: SynapseWatch(simulation, kind, n, s, saved) for n, s in wanted.items()}

        self.weights = watches("weights", record.weights)
        self.eligibility = watches("eligibility", record.eligibility)
        self.modulators = {n: LevelWatch(simulation, n, every) for n, every in record.modulators.items()}
        self._watches: list[Watch] = [
            *self.weights.values(),
            *self.eligibility.values(),
            *self.modulators.values(),
        ]
        self.window = window_of(record, simulation.dt)
        self._looked = int(saved["looked"]) if saved else -1
        self._streams = False

    def open(self, simulation: Simulation, store: RunStore | None) -> None:
        """Let everything go to a store from now on, instead of into memory; None is a store that another rank has."""
        self._streams = True
        for watch in self._watches:
            watch.open(simulation, store)

    def due(self, tick: int) -> int:
        """Return the next tick after ``tick`` at which to look."""
        start, stop = self.window
        after = max(tick, start - 1)
        due = min(((after // watch.every + 1) * watch.every for watch in self._watches), default=NEVER)
        return due if due <= stop else NEVER

    def look(self, simulation: Simulation) -> None:
        """Take what is due at the simulation's tick, once."""
        tick = simulation.tick
        if tick == self._looked or not self.window[0] <= tick <= self.window[1]:
            return
        self._looked = tick
        for watch in self._watches:
            if tick % watch.every == 0:
                watch.look(simulation)

    def state(self) -> dict[str, Array]:
        """Return when the last look was, and what was seen where changes alone are kept."""
        out = {"looked": np.array(self._looked)}
        for watch in (*self.weights.values(), *self.eligibility.values()):
            where = f"{watch.kind}/{watch.name}"
            if watch.last is not None:
                out[f"{where}/last"] = watch.last
            if watch.contacts is not None:
                out.update({f"{where}/{key}": getattr(watch, key) for key in ("ids", *_ENDS)})
        return out

    def into(self, simulation: Simulation, result: Result) -> Result:
        """Return a result with what is in memory; nothing is, where it went to a store."""
        if self._streams:
            return result
        return replace(
            result,
            weights={n: w.history(simulation) for n, w in self.weights.items()},
            eligibility={n: w.history(simulation) for n, w in self.eligibility.items()},
            modulators={n: w.history(simulation) for n, w in self.modulators.items()},
        )


def interval(every: float, dt: float, where: str) -> int:
    """Return the ticks from one look to the next."""
    return max(1, ticks(every, dt, f"{where}: every"))


def unit_of(projection: Projection) -> str:
    """Return the unit of a projection's weights, "1" where the model does not tell it."""
    model, receptor = projection.post.model, str(projection.receptor)
    fields = model.functions()["State"]._fields
    if model.conductances:
        return "nS"
    return next((model.unit(f) for f in (receptor, f"i_{receptor}") if f in fields), "1")
