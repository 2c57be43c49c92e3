"""What a run records: the tape that kernels write on, emptied into memory or into the run store."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DescriptionError
from .lowered import Tape
from .record import Record, Result, Spikes

if TYPE_CHECKING:
    from .simulation import Simulation
    from .store import RunStore

Array = np.ndarray[Any, Any]


class Log:
    """Buffers of one run."""

    def __init__(self, simulation: Simulation, record: Record, n: int, store: RunStore | None = None) -> None:
        start = simulation.tick
        until = start + n
        self.simulation, self.record, self.start, self.until = simulation, record, start, until
        self.store = store
        self.streams = self._streams()
        p, n_trials, real = simulation._plan, simulation.n_trials, simulation._real
        known = {id(node): k for k, node in enumerate(p.nodes)}
        wanted = np.zeros(len(p.nodes), np.uint8)
        for node in record.spikes:
            if id(node) not in known:
                raise DescriptionError(f"Record: {getattr(node, 'name', node)!r} is not in the network")
            wanted[known[id(node)]] = 1
        room = int(simulation._control.room[0])
        capacity = 2 * room + max(1024, (1 << 20) // n_trials) if wanted.any() else room
        if record.every is None:
            every = 1
        else:
            every = round(record.every / simulation.dt)
            if every < 1 or not math.isclose(every * simulation.dt, record.every, rel_tol=1e-9):
                raise DescriptionError(f"Record: every must be a multiple of dt, got {record.every} ms")
        samples = np.arange(start // every + 1, until // every + 1) * every
        self.trace_tick = samples if record.traces else np.zeros(0, np.int64)
        probes, self.columns = self._probes(record)
        self.chunks: list[tuple[int, Array, Array]] = []
        self.tape = Tape(
            wanted=wanted,
            node_of=np.repeat(np.arange(len(p.nodes), dtype=np.int32), [node.size for node in p.nodes]),
            tick=np.empty((n_trials, capacity), np.int64),
            source=np.empty((n_trials, capacity), np.int32),
            count=np.zeros(n_trials, np.int64),
            probe=probes,
            every=np.array([every, start // every + 1], np.int64),
            trace=np.zeros(
                (n_trials, len(self.trace_tick), sum(len(c) for c in self.columns.values())), real
            ),
        )

    def _probes(self, record: Record) -> tuple[list[Array], dict[str, Array]]:
        """Which numbers to sample: for each shard (kind, field, index, column), and each trace's columns."""
        p = self.simulation._plan
        probes: list[list[tuple[int, int, int, int]]] = [[] for _ in range(p.n_shards)]
        columns: dict[str, Array] = {}
        column = 0
        for name, trace in record.traces.items():
            if trace.population not in p.populations:
                raise DescriptionError(f"Record: {trace.population.name!r} is not in the network")
            number = p.populations.index(trace.population)
            chosen = trace.numbers()
            columns[name] = column + np.arange(len(chosen))
            for k in range(p.n_shards):
                lo, hi = p.numbers(k, trace.population.name)
                for q, kind in enumerate(self.simulation._kinds[k]):
                    field = (
                        kind.fields._fields.index(trace.state) if trace.state in kind.fields._fields else 0
                    )
                    for population, _, _, _, first in kind.part:
                        if population == number:
                            probes[k] += [
                                (q, field, first + int(i) - lo, column + c)
                                for c, i in enumerate(chosen)
                                if lo <= i < hi
                            ]
            column += len(chosen)
        return [np.array(rows, np.int64).reshape(-1, 4) for rows in probes], columns

    def drain(self) -> None:
        """Take the recorded spikes off the tape."""
        for trial in np.flatnonzero(self.tape.count):
            n = self.tape.count[trial]
            self.chunks.append(
                (int(trial), self.tape.tick[trial, :n].copy(), self.tape.source[trial, :n].copy())
            )
        self.tape.count[:] = 0
        if self.store is not None and self.simulation.n_trials == 1:
            self._stream()

    def _streams(self) -> dict[str, Any]:
        """Open a recorder of the store for each population."""
        if self.store is None:
            return {}
        dt = self.simulation.dt
        return {node.name: self.store.spikes(node.name, node.size, dt) for node in self.record.spikes}

    def _stream(self) -> None:
        """Move what was taken off the tape to the store."""
        for name, spikes in self._sorted().items():
            for trial in range(self.simulation.n_trials):
                mine = spikes.trial == trial
                self.streams[name].append(spikes.tick[mine], spikes.neuron[mine])
                if self.simulation.n_trials > 1:
                    self.streams[name].end_trial(self.until - self.start)
        self.chunks = []

    def _stream_traces(self) -> None:
        """Write the traces to the store, each trial's under its own name where there are several."""
        assert self.store is not None
        for name, trace in self.record.traces.items():
            for trial in range(self.simulation.n_trials):
                full = name if self.simulation.n_trials == 1 else f"{name}-trial{trial}"
                writer = self.store.trace(full, {trace.state: ""}, trace.numbers(), self.simulation.dt)
                writer.append(self.trace_tick, **{trace.state: self.tape.trace[trial][:, self.columns[name]]})

    def _sorted(self) -> dict[str, Spikes]:
        """Sort what was taken off the tape by population."""
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

    def result(self, n_spikes: dict[str, int], events: int, run_s: float) -> Result:
        """Close the books."""
        simulation, p = self.simulation, self.simulation._plan
        traces = {name: self.tape.trace[:, :, c] for name, c in self.columns.items()}
        spikes = {}
        if self.store is None:
            spikes = self._sorted()
        else:
            self._stream()
            if simulation.n_trials == 1:
                for stream in self.streams.values():
                    stream.end_trial(self.until - self.start)
            self._stream_traces()
        return Result(
            start=self.start,
            stop=self.until,
            dt=simulation.dt,
            n_trials=simulation.n_trials,
            sizes={q.name: q.size for q in p.populations},
            spikes=spikes,
            traces=traces,
            trace_tick=self.trace_tick,
            n_spikes=n_spikes,
            synaptic_events=events,
            run_s=run_s,
            store=None if self.store is None else str(self.store.path),
        )
