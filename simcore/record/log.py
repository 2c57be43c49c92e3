"""What a run records: kernels fill arrays, which are emptied into memory or into the run store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..describe.record import Record, Result, Spikes, Trace
from ..errors import DescriptionError
from ..lower.arrays import Recording
from ..lower.plan import ticks
from .spool import Spool, spool_of

if TYPE_CHECKING:
    from ..advance.simulation import Simulation
    from .store import RunStore

Array = np.ndarray[Any, Any]

NEVER = 1 << 62  # a tick that no run reaches
ALWAYS = (0, NEVER)

#: Numbers of traces that a run with a store keeps before they go there: 4 or 8 MB.
TRACE_BUFFER = 1 << 20


@dataclass(frozen=True)
class Before:
    """What a run has come to: all of it, also where it was stopped and gone on with.

    Attributes
    ----------
    start : int
        tick at which it began
    n_spikes : int64[n_populations]
    events : int
        synapses that delivered a spike
    seconds : float
        wall time of the ticks
    """

    start: int
    n_spikes: Array
    events: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**self.__dict__, "n_spikes": self.n_spikes.tolist()}

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Before:
        """Return what :meth:`as_dict` told of."""
        return cls(**{**told, "n_spikes": np.array(told["n_spikes"], np.int64)})


class Log:
    """Buffers of one run.

    With a store they have a fixed size: spikes and traces go there after each chunk of ticks. Without one they grow
    with the run. Of several MPI ranks the first records; the others give it their part of the traces. ``stored`` says
    in these that it has a store.
    """

    def __init__(
        self,
        simulation: Simulation,
        record: Record,
        n: int,
        store: RunStore | None = None,
        before: Before | None = None,
        checkpointed: bool = False,
        stored: bool | None = None,
    ) -> None:
        start = simulation.tick
        until = start + n
        self.simulation, self.until = simulation, until
        none = np.zeros(len(simulation._plan.populations), np.int64)
        self.before = Before(start, none) if before is None else before
        self.store = store
        self.ranks = simulation.ranks
        self.stored = store is not None if stored is None else stored
        p, n_trials, real = simulation._plan, simulation.n_trials, simulation._real
        self.record = record = record.of(simulation.network)
        known = {id(node): k for k, node in enumerate(p.nodes)}
        wanted = np.zeros(len(p.nodes), np.uint8)
        for node in record.spikes:
            wanted[known[id(node)]] = self.ranks is None or self.ranks.rank == 0
        room = int(simulation._control.room[0])
        capacity = 2 * room + max(1024, (1 << 20) // n_trials) if wanted.any() else room
        self.every = ticks_between(record, simulation.dt)
        self.window = window_of(record, simulation.dt)
        self._wanted = wanted.copy()
        probes, self.columns = self._probes(record)
        n_columns = sum(len(c) for c in self.columns.values())
        first = max(start, self.window[0]) // self.every + 1
        n_samples = max(0, min(until, self.window[1]) // self.every + 1 - first) if record.traces else 0
        rows = n_samples
        if self.stored:
            rows = min(n_samples, max(1, TRACE_BUFFER // max(1, n_trials * n_columns)))
        self.first_sample, self.n_samples = first, n_samples
        self.chunks: list[tuple[int, Array, Array]] = []
        self.recording = Recording(
            wanted=wanted,
            node_of=np.repeat(np.arange(len(p.nodes), dtype=np.int32), [node.size for node in p.nodes]),
            tick=np.empty((n_trials, capacity), np.int64),
            source=np.empty((n_trials, capacity), np.int32),
            count=np.zeros(n_trials, np.int64),
            probe=probes,
            every=np.array([self.every, first], np.int64),
            trace=np.zeros((n_trials, rows, n_columns), real),
        )
        self._chosen = self._mask()
        self.streams: dict[str, Any] = {}
        self.writers: dict[str, Any] = {}
        self.spool: Spool | None = None
        if store is not None:
            dt = simulation.dt
            first, last = (max(0, tick - self.before.start) for tick in self.window)
            part = None if self.window == ALWAYS else (first, None if self.window[1] == NEVER else last)
            self.streams = {
                node.name: store.spikes(node.name, node.size, dt, recorded=ids, window=part)
                for node, ids in dict(record.spikes).items()
            }
            trials = n_trials if n_trials > 1 else None
            for name, trace in record.traces.items():
                unit = _population(trace).model.unit(trace.state)
                self.writers[name] = store.trace(name, {trace.state: unit}, trace.numbers(), dt, trials)
            if n_trials > 1 and self.streams:
                self.spool = spool_of(store) if checkpointed else Spool(store.folder)

    def _probes(self, record: Record) -> tuple[list[Array], dict[str, Array]]:
        """Which numbers to sample: for each shard (model group, field, index, column), and each trace's columns."""
        p = self.simulation._plan
        probes: list[list[tuple[int, int, int, int]]] = [[] for _ in range(p.n_shards)]
        columns: dict[str, Array] = {}
        column = 0
        for name, trace in record.traces.items():
            population = _population(trace)
            number = p.populations.index(population)
            chosen = trace.numbers()
            columns[name] = column + np.arange(len(chosen))
            for k in range(p.n_shards):
                lo, hi = p.numbers(k, population.name)
                for q, model_group in enumerate(self.simulation._model_groups[k]):
                    field = (
                        model_group.fields._fields.index(trace.state)
                        if trace.state in model_group.fields._fields
                        else 0
                    )
                    for part, _, _, _, first in model_group.part:
                        if part == number:
                            probes[k] += [
                                (q, field, first + int(i) - lo, column + c)
                                for c, i in enumerate(chosen)
                                if lo <= i < hi
                            ]
            column += len(chosen)
        return [np.array(rows, np.int64).reshape(-1, 4) for rows in probes], columns

    def _mask(self) -> Array | None:
        """Return which neurons of all nodes are recorded, or None where those of a node are all or none."""
        nodes = {id(node): ids for node, ids in dict(self.record.spikes).items()}
        if all(ids is None for ids in nodes.values()):
            return None
        parts = []
        for node in self.simulation._plan.nodes:
            ids = nodes.get(id(node))
            part = np.full(node.size, ids is None)
            part[() if ids is None else ids] = True
            parts.append(part)
        return np.concatenate(parts)

    def aim(self, tick: int) -> int:
        """Record what follows ``tick`` or not; return the last tick for which that holds, and the buffers do."""
        start, stop = self.window
        inside = start <= tick < stop
        self.recording.wanted[:] = self._wanted * inside
        self.recording.every[0] = self.every if inside else NEVER
        edge = start if tick < start else stop if inside else NEVER
        rows = int(self.recording.trace.shape[1])
        if not self.stored or not self.record.traces or not rows:
            return min(self.until, edge)
        return min(edge, (tick // self.every + 1 + rows) * self.every - 1)

    def drain(self) -> None:
        """Take the spikes out of the recording."""
        for trial in np.flatnonzero(self.recording.count):
            n = self.recording.count[trial]
            self._keep(int(trial), self.recording.tick[trial, :n], self.recording.source[trial, :n])
        self.recording.count[:] = 0
        self._stream()

    def take(self, spikes: Array) -> None:
        """Take spikes of all nodes, int64[n, 3] of (trial, tick, source), in this order."""
        spikes = spikes[self.recording.wanted[self.recording.node_of[spikes[:, 2]]] > 0]
        for trial in np.unique(spikes[:, 0]):
            mine = spikes[spikes[:, 0] == trial]
            self._keep(int(trial), mine[:, 1], mine[:, 2].astype(np.int32))
        self._stream()

    def _keep(self, trial: int, tick: Array, source: Array) -> None:
        """Keep spikes of a trial until they go to the store or into the result."""
        if self._chosen is not None:
            mine = self._chosen[source]
            tick, source = tick[mine], source[mine]
        if self.spool is None:
            self.chunks.append((trial, tick.copy(), source.copy()))
        else:
            self._spool(trial, tick, source)

    def _stream(self) -> None:
        """Write what is kept to the store, if there is one and it takes spikes as they come."""
        if self.store is not None and self.spool is None and self.chunks:
            for name, spikes in self._sorted().items():
                self.streams[name].append(spikes.tick, spikes.neuron)
            self.chunks = []

    def drain_traces(self) -> None:
        """Write the samples until now to the store; the buffer begins anew with the next one."""
        if not self.stored or not self.record.traces:
            return
        begin = int(self.recording.every[1])
        end = min(self.simulation.tick, self.window[1]) // self.every + 1
        if end <= begin:
            return
        ticks = np.arange(begin, end) * self.every
        found = self._of_all(self.recording.trace[:, : end - begin])
        self.recording.every[1] = end
        for name, trace in self.record.traces.items() if self.store is not None else ():
            values = found[:, :, self.columns[name]]
            shaped = values[0] if self.simulation.n_trials == 1 else values.transpose(1, 0, 2)
            self.writers[name].append(ticks, **{trace.state: shaped})

    def _of_all(self, trace: Array) -> Array:
        """Return samples of all neurons, of which a rank has its own."""
        return trace if self.ranks is None else self.ranks.overlaid(trace)

    def _spool(self, trial: int, tick: Array, source: Array) -> None:
        """Put spikes of one of several trials aside: in the store each trial's follow those of the one before."""
        assert self.spool is not None
        for node in self.record.spikes:
            first = self.simulation._plan.first_source[node.name]
            mine = (source >= first) & (source < first + node.size)
            self.spool.append((node.name, trial), tick[mine], (source[mine] - first).astype(np.uint32))

    def _sorted(self) -> dict[str, Spikes]:
        """Sort what was taken out of the recording by population."""
        p = self.simulation._plan
        chunks = sorted(self.chunks, key=lambda chunk: chunk[0])
        tick = np.concatenate([c[1] for c in chunks] or [np.zeros(0, np.int64)])
        source = np.concatenate([c[2] for c in chunks] or [np.zeros(0, np.int32)])
        lengths = np.array([len(c[1]) for c in chunks], np.int64)
        trial = np.repeat(np.array([c[0] for c in chunks], np.int32), lengths)
        out = {}
        for node in self.record.spikes:
            first = p.first_source[node.name]
            mine = (source >= first) & (source < first + node.size)
            neuron = (source[mine] - first).astype(np.uint32)
            out[node.name] = Spikes(tick[mine], neuron, trial[mine], self.simulation.dt)
        return out

    def state(self) -> dict[str, Array]:
        """Return where spikes lie that are put aside."""
        return {} if self.spool is None else self.spool.state(list(self.streams))

    def load_state(self, saved: Mapping[str, Array]) -> None:
        """Take up spikes that were put aside."""
        if self.spool is not None and saved:
            self.spool.load_state(list(self.streams), saved)

    def close(self, came_to: Before, complete: bool) -> None:
        """Bring everything until now into the store, also after a stop; without a store there is nothing to do."""
        if not self.stored:
            return
        simulation = self.simulation
        self.drain()
        self.drain_traces()
        if self.store is None:
            return
        n_ticks = simulation.tick - came_to.start
        for name, stream in self.streams.items():
            for trial in range(simulation.n_trials):
                for tick, neuron in self.spool.blocks((name, trial)) if self.spool else ():
                    stream.append(tick, neuron)
                stream.end_trial(n_ticks)
        if self.spool is not None:
            self.spool.close(complete)
        seconds = n_ticks * simulation.dt * 1e-3 * simulation.n_trials
        populations = simulation._plan.populations
        self.store.populations(
            {p.name: p.size for p in populations},
            n_spikes=came_to.n_spikes,
            rate=[
                n / (p.size * seconds) if seconds else np.nan
                for n, p in zip(came_to.n_spikes, populations, strict=True)
            ],
            scalars={
                "synaptic_events": (came_to.events, "1", "synapses that delivered a spike"),
                "run_time": (came_to.seconds, "s", "wall time of the ticks"),
                "model_time": (n_ticks * simulation.dt, "ms", "model time simulated"),
            },
        )

    def result(self, came_to: Before) -> Result:
        """Return what was recorded."""
        simulation, p = self.simulation, self.simulation._plan
        first = self.first_sample
        kept = not self.stored
        trace = self._of_all(self.recording.trace) if kept else self.recording.trace
        return Result(
            start=came_to.start,
            stop=self.until,
            dt=simulation.dt,
            n_trials=simulation.n_trials,
            sizes={q.name: q.size for q in p.populations},
            spikes=self._sorted() if kept else {},
            traces={name: trace[:, :, c] for name, c in self.columns.items()} if kept else {},
            trace_tick=np.arange(first, first + self.n_samples) * self.every,
            n_spikes={q.name: int(n) for q, n in zip(p.populations, came_to.n_spikes, strict=True)},
            synaptic_events=came_to.events,
            run_s=came_to.seconds,
            store=None if self.store is None else str(self.store.path),
        )


def window_of(record: Record, dt: float) -> tuple[int, int]:
    """Return the ticks after the first of which and until the second of which all is recorded."""
    start = ticks(record.start, dt, "Record: start")
    stop = NEVER if math.isinf(record.stop) else ticks(record.stop, dt, "Record: stop")
    if not start < stop:
        raise DescriptionError(
            f"Record: stop must be at least a tick of {dt} ms after start = {record.start} ms"
        )
    return start, stop


def ticks_between(record: Record, dt: float) -> int:
    """Ticks from one sample of the traces to the next."""
    if record.every is None:
        return 1
    every = round(record.every / dt)
    if every < 1 or not math.isclose(every * dt, record.every, rel_tol=1e-9):
        raise DescriptionError(f"Record: every must be a multiple of dt, got {record.every} ms")
    return every


def _population(trace: Trace) -> Any:
    """Return the population of a trace that has been looked up in its network."""
    return trace.population
