"""A network on a CUDA device for the length of a run: there and back.

Between runs everything is in the host's arrays, those that the CPU's kernels use, so that weights, states, checkpoints
and recordings know nothing of devices. A run sends state, input and spikes in flight, and brings state and spikes in
flight back; synapses stay on the device until they change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, cuda

from ...compile.device_modules import (
    LARGE_THREADS,
    device_group_module,
    device_module,
    device_rule_module,
    device_watch_module,
)
from ...errors import DeviceError
from ...lower import device as lowered
from ...lower import device_plastic as learnt
from ...lower import device_trials as shown
from ...lower.device_watch import take_watched, watched_on_device
from ...lower.entries import length_of
from ...lower.modulation import modulators_of
from ...lower.queues import in_flight, new_ring, put_back
from ...lower.watch import watches_of
from .geometry import Geometry, geometry, persistent

if TYPE_CHECKING:
    from ...lower.arrays import Recording, Trials
    from ..simulation import Simulation

Array = np.ndarray[Any, Any]
NEVER = 1 << 62  # a tick that no run reaches
TAPE = 1 << 26  # spikes that the launches of all trials together may write


class Device:
    """Kernels and synapses of a simulation on a device."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.n_ticks = 0  # of the last launch
        p, real = simulation._plan, simulation._real_name
        made = [
            device_group_module(group.populations[0].model, group.varying, group.current, real)
            for group in p.model_groups
        ]
        learners = [simulation._projection(name) for _, _, name in simulation._learners()]
        rules = [
            device_rule_module(
                q.plasticity, real, q.short_term, q.sign or 1, waits, simulation._shared(q) is not None
            )
            for q, waits in zip(learners, simulation._waits, strict=True)
        ]
        sources = [name for name in simulation._sources if name != "trains"]
        watches = [device_watch_module(m.watch, real) for _, m in watches_of(p.network)]
        integrated = any("slope" in group.populations[0].model.functions() for group in p.model_groups)
        large = integrated or bool(rules)
        self._made: dict[bool, Any] = {}  # kernels without and with trials
        self._parts = made, rules, real, sources, watches, large
        self.shape = _geometry(p.n_slots[0], simulation.n_trials, large)
        self.bounds = lowered.cut(p.n_slots[0], self.shape.n_blocks, 32)
        wires = simulation._wires[0]
        self._rows: Any = [
            _sent(a) for a in lowered.rows_of(p, wires, self.bounds, simulation._quanta, simulation._real)
        ]
        self._degree = np.zeros(p.n_sources, np.int64)
        owner = np.repeat(np.arange(p.n_sources), np.diff(wires.segment_ptr))
        np.add.at(self._degree, owner, length_of(wires.segment_entry))
        self._longest = np.zeros(p.n_sources, np.int64)  # delay of each source
        np.maximum.at(self._longest, owner, wires.segment_delay)
        self._left: Any = None  # the queues that stand for `pending` between runs
        plastics = simulation._plastics[0]
        self._plastic_rows = [
            learnt.plastic_rows(p, q, wires, plastic, number, self.bounds)
            for number, (q, plastic) in enumerate(zip(learners, plastics, strict=True))
        ]
        self._n_past = max((int(rows.delays.max()) for rows in self._plastic_rows), default=1)
        self._modulations = [q.modulations for q in learners]
        self._numbers = {m.name: k for k, m in enumerate(modulators_of(p.network))}
        self.plastics: tuple[Any, ...] = ()
        self.levels: Any = 0
        self.lent, self._told = False, -1  # whether a run has it, and the tick whose synapses the host knows

    def enter(self, recording: Recording, trials: Trials | None = None) -> None:
        """Send state, input and spikes in flight, and the trials that the run is of, if it is."""
        s = self.simulation
        self.trials = trials
        if (trials is not None) not in self._made:
            self._made[trials is not None] = device_module(*self._parts, trials=trials is not None)
        self.kernels = self._made[trials is not None]
        if trials is not None:
            self.shape = self.shape._replace(n_threads=min(self.shape.n_threads, LARGE_THREADS))
        p, real, quanta, wires = s._plan, s._real, s._quanta, s._wires[0]
        if self._left is not s._ring[0]:
            self.pending = in_flight(s._wires, s._ring, s.tick)
        n_buckets = s._ring[0].count.shape[1]
        ring = lowered.ring_of(p, wires, self.pending, s.tick, s.n_trials, n_buckets, quanta, real)
        ptr, delay, target, whole = self._rows
        self.board = lowered.Board(
            _sent(self.bounds),
            ptr,
            delay,
            target,
            whole,
            cuda.to_device(ring),
            cuda.to_device(np.ascontiguousarray(s._inputs[0][:, -1, :])),
            p.n_sources,
            0,
        )
        if trials is not None:
            lanes = self.shape.n_blocks, self.shape.n_lanes
            sent = shown.trials_of(p, s._model_groups[0], trials, *lanes, _sent)
            self.board = self.board._replace(trials=sent)
        for described, group in zip(p.model_groups, s._model_groups[0], strict=True):
            lowered.catch_up(described, group, s.tick)
        self.groups = tuple(_all_sent(lowered.group_of(p, g, quanta, real)) for g in s._model_groups[0])
        self.send_synapses()
        self.recording = recording
        self.probes = _all_sent(lowered.probes_of(p, s._model_groups[0], recording, self.bounds))
        dense, sparse = s._poisson_dense[0], s._poisson_sparse[0]
        present = set(s._sources)
        self.inputs = lowered.Inputs(
            poisson_dense=_all_sent(dense._replace(weight=lowered.whole_weights(p, dense, quanta, real)))
            if "poisson_dense" in present
            else 0,
            poisson_inhomogeneous=0,
            poisson_sparse=_all_sent(lowered.pieces_of(p, sparse, self.bounds, s.n_trials, quanta, real))
            if "poisson_sparse" in present
            else 0,
            gaussian=0,
        )
        room = int(s._control.room[0]) // 2
        self.capacity = max(TAPE // s.n_trials, room)
        self.most_ticks = max(1, self.capacity // room)
        self._tape = cuda.device_array((s.n_trials, self.capacity if self.most_ticks > 1 else room), np.int32)

    def advance(self, until: int) -> Array:
        """Advance to the tick ``until`` or less far, as the tape has room; ``n_ticks`` in all; returns the spikes."""
        s, shape = self.simulation, self.shape
        start = s.tick
        n_ticks = self.n_ticks = min(until - start, self.most_ticks)
        n_sources = s._plan.n_sources
        _, given_ptr = lowered.given_of(s._trains, start, n_ticks)
        past, past_ptr = learnt.past_of(self.pending, start, self._n_past, n_sources)
        tape = lowered.Tape(
            self._tape,
            count=cuda.to_device(np.zeros((s.n_trials, n_ticks), np.int32)),
            base=cuda.to_device(np.zeros((s.n_trials, shape.n_blocks), np.int64)),
            given=self._given,
            given_ptr=cuda.to_device(given_ptr),
            past=_sent(past),
            past_ptr=cuda.to_device(past_ptr),
            begin=cuda.to_device(np.zeros((shape.n_blocks, 1 << (self._n_past + 1).bit_length()), np.int64)),
            turns=max(self._turns, 1 + int(past.max(initial=0)) // n_sources),
        )
        self._refresh()
        grid = shape.n_blocks * shape.n_lanes, shape.n_threads
        own = self.levels, *self.groups, *self.plastics
        args = self.board, tape, self.probes, self.inputs, *own
        self._told = -1
        if shape.persistent:
            self.kernels.advance[grid](start, n_ticks, shape.width, *args)
        else:
            for now in range(n_ticks):
                at = start + now + 1, now, shape.width
                self.kernels.update_one[grid](*at, *args)
                self.kernels.deliver_one[grid](*at, self.board, tape, *own)
        count = tape.count.copy_to_host()
        most = int(count.sum(axis=1).max(initial=0))
        written = self._tape[:, :most].copy_to_host() if most else np.zeros((s.n_trials, 0), np.int32)
        return self._take(lowered.spikes_of(written, count, start, n_sources), start + n_ticks)

    def begin(self) -> Array:
        """Let the spikes that are given at tick 0 happen; returns them."""
        s = self.simulation
        given, ptr = lowered.given_of(s._trains, -1, 1)
        spikes = np.array(
            [(trial, 0, source) for trial in range(s.n_trials) for source in given[slice(*ptr[trial])]],
            np.int64,
        ).reshape(-1, 3)
        found = self._take(spikes, 0)
        n_buckets = self.board.ring.shape[1]
        ring = lowered.ring_of(
            s._plan, s._wires[0], self.pending, 0, s.n_trials, n_buckets, s._quanta, s._real
        )
        self.board.ring.copy_to_device(ring)
        return found

    def _take(self, spikes: Array, now: int) -> Array:
        """Count the deliveries until ``now`` and keep the spikes that are in flight then."""
        s, wires = self.simulation, self.simulation._wires[0]
        before = lowered.n_under_way(wires, self.pending, s.tick)
        end = self._end_of(spikes[:, 1])
        late = spikes[spikes[:, 1] + self._longest[spikes[:, 2]] > np.minimum(now, end)]
        pending = np.concatenate([self.pending, lowered.in_order(late)])
        end = self._end_of(pending[:, 1])
        after = lowered.n_under_way(wires, pending, np.minimum(now, end))
        self.pending = pending[(pending[:, 1] + self._longest[pending[:, 2]] > now) & (end > now)]
        s._control.events[0, 0] += before + self._degree[spikes[:, 2]].sum() - after
        return spikes

    def _end_of(self, tick: Array) -> Array:
        """Return when the trials end that forget the spikes of some ticks; without trials that is never."""
        if self.trials is None:
            return np.full(len(tick), NEVER)
        return shown.end_of(self.trials.protocol, tick)

    def _refresh(self) -> None:
        """Send what the host has changed since the last launch: currents, noise, rates, places in the traces."""
        s = self.simulation
        p, present = s._plan, set(s._sources)
        self.board.current.copy_to_device(np.ascontiguousarray(s._inputs[0][:, -1, :]))
        self.probes.due.copy_to_device(lowered.due_of(self.recording, s.tick))
        if "gaussian" in present:
            self.inputs = self.inputs._replace(gaussian=_all_sent(s._gaussian[0]))
        if "poisson_inhomogeneous" in present:
            sources = s._poisson_inhomogeneous[0]
            weight = lowered.whole_weights(p, sources, s._quanta, s._real)
            self.inputs = self.inputs._replace(
                poisson_inhomogeneous=_all_sent(sources._replace(weight=weight))
            )

    def pull(self) -> None:
        """Bring state and samples back into the host's arrays."""
        for host, there in zip(self.simulation._model_groups[0], self.groups, strict=True):
            state = there.state.copy_to_host()
            for k, values in enumerate(host.fields):
                values[:] = state[k]
            host.last[:] = self.simulation.tick
        if self.recording.trace.size:
            self.recording.trace[:] = self.probes.trace.copy_to_host()

    def bring(self) -> None:
        """Bring weights, traces and levels back into the host's arrays, as they are after the last launch."""
        s, shape = self.simulation, self.shape
        tick, wires = s.tick, s._wires[0]
        if not self.lent or self._told == tick:
            return
        if self.plastics:
            grid = shape.n_blocks, shape.n_threads
            self.kernels.settle_all[grid](tick + 1, shape.width, self.board.bounds, *self.plastics)
            for rows, plastic, there in zip(self._plastic_rows, s._plastics[0], self.plastics, strict=True):
                learnt.take_plastic(rows, wires, plastic, there, tick)
        if self.levels:
            learnt.take_levels(s._plan, s._channels[0], self.levels, tick)
            take_watched(s._watching[0], self.levels.watched, tick)
        self._told = tick

    def send_synapses(self) -> None:
        """Send what learns and what it learns from: weights, traces, integrals, levels, given spikes."""
        s, n_blocks = self.simulation, self.shape.n_blocks
        p, tick, channels = s._plan, s.tick, s._channels[0]
        s._settle()
        watched = watched_on_device(p, s._watching[0], s._model_groups[0], self.groups, tick, _sent)
        followed = {m.name: there.level for (_, m), there in zip(watches_of(p.network), watched, strict=True)}
        self.levels = learnt.levels_of(p, channels, watched, n_blocks, _sent) if channels else 0
        plastics = []
        for rows, plastic, modulations in zip(
            self._plastic_rows, s._plastics[0], self._modulations, strict=True
        ):
            gains = learnt.gains_on_device(
                rows, plastic, modulations, self._numbers, self.levels, followed, _sent
            )
            plastics.append(learnt.plastic_of(rows, s._wires[0], plastic, gains, n_blocks, tick, _sent))
        self.plastics = tuple(plastics)
        turns = learnt.turns_of(s._trains) if plastics else np.zeros(len(s._trains.tick), np.int64)
        self._turns = 1 + int(turns.max(initial=0))
        learnt.check_turns(p.n_sources, self._turns)
        self._given = _sent((s._trains.source + turns * p.n_sources).astype(np.int32))
        self.lent, self._told = True, tick

    def leave(self) -> None:
        """Bring back what a simulation needs to go on from here on any backend, if a run has lent it."""
        if not self.lent:
            return
        s = self.simulation
        self.pull()
        self.bring()
        if self.trials is not None:
            shown.take_trials(self.trials, self.board.trials)
        self.lent, self.plastics, self.levels = False, (), 0
        wires, n_buckets = s._wires[0], s._ring[0].count.shape[1]
        ring = new_ring(wires, s._trains, s.n_trials, n_buckets, s._ring[0].entry.shape[2])
        s._ring[0] = self._left = put_back(wires, ring, self.pending, s.tick)


def _geometry(n_slots: int, n_trials: int, large: bool) -> Geometry:
    if config.ENABLE_CUDASIM:  # a thread there is one of Python's
        return Geometry(1, 1, 8, 4, persistent())
    return geometry(n_slots, n_trials, cuda.get_current_device().MULTIPROCESSOR_COUNT, large)


def _all_sent(parts: Any) -> Any:
    return type(parts)(*(_sent(a) for a in parts))


def _sent(array: Array) -> Any:
    """Copy an array to the device; an empty one becomes one of length 1, as devices have no others."""
    some = array if array.size else np.zeros([max(1, n) for n in array.shape], array.dtype)
    try:
        return cuda.to_device(np.ascontiguousarray(some))
    except MemoryError as error:
        raise DeviceError(f"backend='cuda': the device's memory is too small: {error}") from error
