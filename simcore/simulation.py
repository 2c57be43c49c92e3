"""The simulator: lowers a network, builds its kernels and advances them in chunks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from . import checkpoint, synapses
from .describe import described
from .errors import DescriptionError
from .guards import check_finite, check_rates
from .log import Log
from .lower import Plan, check, kind_arrays, plan
from .lower_inputs import (
    current_at,
    current_steps,
    drops_of,
    next_change,
    rain_of,
    scales,
    sources_of,
    trains_of,
    varied_of,
    wind_of,
)
from .lower_plastic import plastics_of
from .lower_rows import PLACING, WIRING, build_rows, delay_of, groups_of, order_of
from .lower_wires import wires_of
from .lowered import PLASTIC, Tape
from .machine import default_threads
from .network import Network, Projection
from .queues import grown, new_control, new_fired, new_ring, new_scratch, new_touch
from .record import Record, Result
from .synapses import Places, Synapses

Array = np.ndarray[Any, Any]
_MANY = 20_000  # neurons from which two threads pay


class Simulation:
    """A network in motion.

    Parameters
    ----------
    network : Network
    dt : float, ms, 0.1
        length of a tick
    seed : int, 0
        of connections, parameters, initial states and input
    threads : int, optional
        number of threads; results do not depend on it. By default 1 for small networks, else as many as CPUs are
        lent to the process: its affinity, or fewer by ``NUMBA_NUM_THREADS``, ``OMP_NUM_THREADS`` or
        ``SLURM_CPUS_PER_TASK``.
    n_trials : int, 1
        independent copies that share the weights
    precision : {'float32', 'float64'}
        of state and weights
    max_rate : float, Hz, 500
        a run stops when a population's mean rate over at least 20 ms exceeds it

    Attributes
    ----------
    tick : int
        how far the simulation is
    build_s, compile_s : float
        seconds spent on synapses and on compiling
    """

    def __init__(
        self,
        network: Network,
        dt: float = 0.1,
        seed: int = 0,
        threads: int | None = None,
        n_trials: int = 1,
        precision: str = "float32",
        max_rate: float = 500.0,
    ) -> None:
        check(dt, precision)
        if n_trials < 1:
            raise DescriptionError(f"Simulation: n_trials must be >= 1, got {n_trials}")
        if not network.populations:
            raise DescriptionError("Simulation: the network has no population")
        self.network, self.dt, self.seed = network, dt, seed
        self.n_trials, self.precision = n_trials, precision
        self.threads = threads if threads is not None else _default_threads(network, n_trials)
        if self.threads < 1:
            raise DescriptionError(f"Simulation: threads must be >= 1, got {threads}")
        self.max_rate = max_rate
        self._real = np.dtype(precision).type
        if n_trials > 1 and any(q.plasticity is not None for q in network.projections):
            raise DescriptionError("Simulation: n_trials must be 1 where synapses are plastic")
        self._n_shards = self.threads if n_trials == 1 else 1
        self._plan: Plan = plan(network, dt, self._n_shards)
        self._lower()
        self._compile()
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._allocate()

    # ------------------------------------------------------------------------------------------- construction

    def _lower(self) -> None:
        from . import build

        started = time.perf_counter()
        wiring, placing = build.kernel_module("wiring", WIRING), build.kernel_module("placing", PLACING)
        delays = [delay_of(projection, self.dt) for projection in self.network.projections]
        groups = groups_of(self.network, delays, self._plan.lazy)
        p, real = self._plan, self._real
        with ThreadPoolExecutor(
            self.threads
        ) as pool:  # a synapse is a function of the seed and its place alone
            rows = build_rows(self.network, delays, p.lazy, self.seed, wiring, pool.map)
            jobs = [
                pool.submit(wires_of, p, k, groups, rows, delays, self.seed, real, placing)
                for k in range(self._n_shards)
            ]
            self._wires = [job.result() for job in jobs]
        self._groups = groups
        self._rain = [rain_of(p, k, self.seed, real) for k in range(self._n_shards)]
        self._trains = trains_of(p, self.n_trials)
        self._currents = current_steps(p)
        self._max_delay = max((d.most for d in delays), default=1)
        self.build_s = time.perf_counter() - started

    def _compile(self) -> None:
        from . import build

        started = time.perf_counter()
        modules = [
            build.kind_module(
                kind.populations[0].model, kind.varying, kind.current, kind.lazy, self.precision
            )
            for kind in self._plan.kinds
        ]
        self._state_types = [module.State for module in modules]
        rules = [
            self.network.projections[g.members[0]].plasticity
            for g in order_of(self._groups)
            if g.format == PLASTIC
        ]
        self._rules = [build.rule_module(rule, self.precision) for rule in rules]
        self._sources = sources_of(self._plan)
        self._engine = build.engine_module(modules, self._rules, self.precision, self._sources)
        self.compile_s = time.perf_counter() - started

    def _allocate(self) -> None:
        """Set the initial state, empty queues and clocks at 0."""
        self._plastics = [
            plastics_of(self._plan, k, self._groups, wires, self._real, self._rules)
            for k, wires in enumerate(self._wires)
        ]
        p, real, n_trials = self._plan, self._real, self.n_trials
        self._kinds = []
        for k in range(self._n_shards):
            kinds = []
            for kind, state_type in zip(p.kinds, self._state_types, strict=True):
                arrays = kind_arrays(p, kind, k, self.seed, n_trials, real)
                kinds.append(arrays._replace(fields=state_type(*arrays.fields)))
            self._kinds.append(tuple(kinds))
        n_buckets = 1 << self._max_delay.bit_length()
        self._ring = [new_ring(wires, self._trains, n_trials, n_buckets, 64) for wires in self._wires]
        self._varied = [varied_of(p, k, self.seed, real) for k in range(self._n_shards)]
        self._drops = [drops_of(p, k, self.seed, n_trials, real) for k in range(self._n_shards)]
        self._wind = [wind_of(p, k, self.seed, real) for k in range(self._n_shards)]
        self._touch = [new_touch(n_trials, n) for n in p.n_slots]
        self._fired = new_fired(p, n_trials)
        self._scratch = [new_scratch() for _ in range(self.threads)]
        self._inputs = [np.zeros((n_trials, p.n_rows, p.n_slots[k]), real) for k in range(self._n_shards)]
        self._control = new_control(p, self._trains, self.threads, n_trials)
        self._watched: tuple[int, Array] = (0, np.zeros(len(p.populations), np.int64))

    @property
    def policies(self) -> dict[str, str]:
        """How each population is updated: ``stepped`` or ``lazy``."""
        return {p.name: "lazy" if p.name in self._plan.lazy else "stepped" for p in self._plan.populations}

    @property
    def lazy_updates(self) -> int:
        """How often a neuron of a lazy population was advanced; the cost of such populations."""
        return int(self._control.events[:, 1].sum())

    @property
    def n_synapses(self) -> int:
        """Number of synapses, those of dense matrices included."""
        return sum(len(w.target) + len(w.dense) for w in self._wires)

    @property
    def synapse_bytes(self) -> int:
        """Memory of all synapses, with the tables that find them [bytes]."""
        return sum(array.nbytes for w in self._wires for array in w)

    def synapses(self, name: str) -> Synapses:
        """Return pre, post, delay and weight of a projection's synapses, ordered by (pre, delay, post)."""
        places = self._places(name)
        self._settle()
        return Synapses(places.pre, places.post, places.delay, synapses.read(places, self._wires))

    def set_weights(self, name: str, weights: Any) -> None:
        """Set the weights of a projection, in the order of :meth:`synapses`."""
        self._settle()
        synapses.write(self._places(name), self._wires, weights, name)

    def set_delays(self, name: str, delays: Any) -> None:
        """Set the delays of a projection [ms], in the order of :meth:`synapses`, before the first tick.

        Synapses are listed by delay, so they are in a new order afterwards; each keeps its weight.

        Raises
        ------
        DescriptionError
            for delays that are no positive times, and after the first tick, when spikes are under way
        """
        if self.tick > 0:
            raise DescriptionError(
                f"set_delays: at {self.t:g} ms spikes of {name!r} may be under way; call it before the first run"
            )
        old = self.synapses(name)
        new = synapses.with_delays(self._projection(name), old, delays)
        parts = (new if part.name == name else part for part in self.network.projections)
        network = self.network
        self.network = Network(*network.populations, *network.spike_trains, *parts, *network.sources)
        self._plan = plan(self.network, self.dt, self._n_shards)
        self._lower()
        self._compile()
        self._allocate()

    def _projection(self, name: str) -> Projection:
        for projection in self.network.projections:
            if projection.name == name:
                return projection
        raise DescriptionError(f"synapses: there is no projection {name!r}")

    def _places(self, name: str) -> Places:
        """Find a projection's synapses."""
        projection = self._projection(name)
        number = next(k for k, other in enumerate(self.network.projections) if other is projection)
        groups = [number in g.members for g in order_of(self._groups)]
        return synapses.locate(
            self._plan, self._wires, self._plastics, len(groups), groups.index(True), projection
        )

    def _learners(self) -> list[tuple[int, int, str]]:
        """Return number, group and name of each plastic projection."""
        groups = [(k, g) for k, g in enumerate(order_of(self._groups)) if g.format == PLASTIC]
        return [(n, k, str(self.network.projections[g.members[0]].name)) for n, (k, g) in enumerate(groups)]

    def _settle(self) -> None:
        """Bring plastic weights up to date."""
        for wires, plastics in zip(self._wires, self._plastics, strict=True):
            for rule, plastic in zip(self._rules, plastics, strict=True):
                rule.settle(plastic, wires, self.tick + 1)

    # ------------------------------------------------------------------------------------------------ running

    @property
    def tick(self) -> int:
        """Ticks simulated so far."""
        return int(self._control.clock.min())

    @property
    def t(self) -> float:
        """Time simulated so far [ms]."""
        return self.tick * self.dt

    def run(
        self,
        ms: float,
        record: Record | None = None,
        to: str | os.PathLike[str] | None = None,
        force: bool = False,
    ) -> Result:
        """Simulate ``ms`` milliseconds and return what was recorded.

        Parameters
        ----------
        ms : float
            duration, a multiple of ``dt``
        record : Record, optional
        to : path, optional
            run store to create; what is recorded then streams there and the result does not hold it
        force : bool
            replace an existing run store

        Raises
        ------
        SimulationError
            if the state becomes NaN or overflows, or activity runs away; what was recorded by then is safe in the store
        """
        n = round(ms / self.dt)
        if n < 0 or not math.isclose(n * self.dt, ms, rel_tol=1e-9, abs_tol=1e-9):
            raise DescriptionError(f"run: ms must be a multiple of dt = {self.dt} ms and >= 0, got {ms}")
        if to is None:
            return self._run(n, Log(self, record or Record(), n))
        from .store import RunStore

        config = {"network": described(self.network), "dt": self.dt, "seed": self.seed, "ms": ms}
        config.update(
            threads=self.threads, n_trials=self.n_trials, precision=self.precision, start_tick=self.tick
        )
        with RunStore.create(str(to), config=config, force=force) as store:
            return self._run(n, Log(self, record or Record(), n, store))

    def _run(self, n: int, log: Log) -> Result:
        """Advance ``n`` ticks in chunks that grow until each takes a tenth of a second."""
        until = self.tick + n
        spikes, events = self._control.spikes.copy(), self._control.events[:, 0].sum()
        began = time.perf_counter()
        length = 64
        while self.tick < until:
            stop = min(until, self.tick + length, next_change(self._currents, self.tick))
            self._set_currents(self.tick + 1)
            self._varied = [scales(self._plan, varied, self.tick, stop) for varied in self._varied]
            t0 = time.perf_counter()
            self._advance(stop, log)
            if time.perf_counter() - t0 < 0.1:
                length *= 2
        counts = (self._control.spikes - spikes).sum(axis=0)
        return log.result(
            {p.name: int(c) for p, c in zip(self._plan.populations, counts, strict=True)},
            int(self._control.events[:, 0].sum() - events),
            time.perf_counter() - began,
        )

    def _advance(self, stop: int, log: Log) -> None:
        """Call the kernels until all trials have reached ``stop``, making room whenever they ask for it."""
        while self.tick < stop:
            jobs = range(1, self.threads)
            futures = [self._pool.submit(self._work, w, stop, log.tape) for w in jobs] if self._pool else []
            try:
                self._work(0, stop, log.tape)
            finally:
                for future in futures:
                    future.result()
            log.drain()
            self._grow()
        check_finite(self._kinds, self._plan.populations, self.t)
        if (self.tick - self._watched[0]) * self.dt >= 20.0:
            counts = self._control.spikes.sum(axis=0)
            check_rates(
                self._plan.populations,
                counts,
                self._watched,
                self.tick,
                self.dt,
                self.n_trials,
                self.max_rate,
            )
            self._watched = self.tick, counts

    def _work(self, worker: int, stop: int, tape: Tape) -> None:
        k = worker if self._n_shards > 1 else 0
        sources = {
            "rain": self._rain[k],
            "varied": self._varied[k],
            "drops": self._drops[k],
            "wind": self._wind[k],
            "trains": self._trains,
        }
        self._engine.advance(
            k,
            worker,
            self.threads,
            stop,
            self._wires[k],
            self._plastics[k],
            self._ring[k],
            *(sources[name] for name in self._sources),
            self._touch[k],
            self._kinds[k],
            self._fired,
            tape._replace(probe=tape.probe[k]),
            self._control,
            self._scratch[worker],
            self._inputs[k],
        )

    def _grow(self) -> None:
        """Double the capacity of queues that had to spill."""
        self._ring = [grown(ring) for ring in self._ring]

    def _set_currents(self, tick: int) -> None:
        """Sum the currents that act on ``tick`` into the last row of the inputs."""
        p = self._plan
        for name, steps in self._currents.items():
            total = current_at(steps, tick)
            for k in range(self._n_shards):
                lo, hi = p.numbers(k, name)
                slots = slice(p.first_slot[k][name], p.first_slot[k][name] + hi - lo)
                self._inputs[k][:, -1, slots] = total[lo:hi]
                if len(self._wind[k].steady):
                    self._wind[k].steady[slots] = total[lo:hi]

    # -------------------------------------------------------------------------------------------------- state

    def reset(self, keep: tuple[str, ...] = ("weights",)) -> None:
        """Go back to time 0: initial state, no spikes in flight. Weights stay as they are."""
        for name in keep:
            if name != "weights":
                raise DescriptionError(f"reset: keep can name 'weights', got {name!r}")
        self._settle()
        if "weights" not in keep:
            self._lower()
        self._allocate()

    def state(self) -> dict[str, Array]:
        """Everything that a simulation of the same network needs to go on exactly from here, as named arrays.

        Independent of the number of threads. ``in_flight/*`` are the spikes that some synapse has yet to
        deliver.
        """
        return checkpoint.state(self)

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what :meth:`state` returned, bit for bit."""
        checkpoint.load_state(self, state)


def _default_threads(network: Network, n_trials: int) -> int:
    available = default_threads()
    if n_trials > 1:
        return min(available, n_trials)
    return available if sum(p.size for p in network.populations) >= _MANY else 1
