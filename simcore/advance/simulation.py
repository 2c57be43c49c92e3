"""The simulator: lowers a network, builds its kernels and advances them in chunks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..describe import checks
from ..describe.as_dict import described
from ..describe.connectivity import Constant, Distribution
from ..describe.modulation import BySynapse, Modulator
from ..describe.network import Network, Projection
from ..describe.plasticity import WindowRule
from ..describe.record import Record, Result
from ..describe.sources import Noise, SpikeTrain
from ..errors import DescriptionError
from ..lower import synapses
from ..lower.arrays import DENSE, PLASTIC, Tape
from ..lower.inputs import (
    current_at,
    current_steps,
    drops_of,
    longest,
    next_change,
    rain_of,
    scales,
    sources_of,
    std_at,
    trains_of,
    varied_of,
    wind_of,
)
from ..lower.modulation import channels_of, modulators_of
from ..lower.plan import Plan, check, kind_arrays, plan
from ..lower.plastic import plastics_of
from ..lower.queues import grown, new_control, new_fired, new_ring, new_scratch, new_touch, with_room
from ..lower.rows import PLACING, WIRING, Delay, build_rows, delay_of, groups_of, order_of, without_diagonal
from ..lower.segments import wires_of
from ..lower.synapses import Places, Synapses
from ..machine import default_threads
from ..machine import memory as machine_memory
from ..record import checkpoint
from ..record.histories import Histories
from ..record.log import Log
from .guards import WINDOW, check_finite, check_rates
from .progress import Report, reporting
from .signals import Deferred
from .workers import Workers

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
        a run stops when a population's mean rate exceeds it in one of the windows of 100 ms from time 0 on, however the
        run is split; infinite for never

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
        if not isinstance(network, Network):
            raise DescriptionError(f"Simulation: network must be a Network, got {checks.shown(network)}")
        checks.number(dt, "Simulation", "dt", "ms", above=0.0)
        if not isinstance(precision, str):
            raise DescriptionError(
                f"Simulation: precision must be float32 or float64, got {checks.shown(precision)}"
            )
        check(dt, precision)
        checks.number(seed, "Simulation", "seed", whole=True, least=0, most=2**64 - 1)
        checks.number(n_trials, "Simulation", "n_trials", whole=True, least=1, most=2**24 - 1)
        if threads is not None:
            checks.number(threads, "Simulation", "threads", whole=True, least=1, most=1024)
        checks.number(max_rate, "Simulation", "max_rate", "Hz", above=0.0, infinite=True)
        if not network.populations:
            raise DescriptionError("Simulation: the network has no population")
        for projection in network.projections:
            if isinstance(projection.plasticity, WindowRule):
                rule = type(projection.plasticity).__name__
                raise DescriptionError(
                    f"Projection {projection.name!r}: {rule} learns by windows, not by ticks; a Learner runs it "
                    "(tegmentum.plasticity.Learner)"
                )
        self.network, self.dt, self.seed = network, float(dt), int(seed)
        self.n_trials, self.precision = int(n_trials), str(precision)
        self.threads = int(threads) if threads is not None else _default_threads(network, self.n_trials)
        self.max_rate = float(max_rate)
        self._described = network  # as given; delays that are set make another one
        self._rewired: set[str] = set()  # projections whose delays were set
        self._reweighted: set[str] = set()  # those whose weights were set and do not learn
        self._given: dict[str, SpikeTrain] = {}  # trains that were set
        self._input_seed = self.seed
        self._window = max(1, round(WINDOW / self.dt))
        self._real = np.dtype(precision).type
        if self.n_trials > 1 and any(q.plasticity is not None for q in network.projections):
            raise DescriptionError("Simulation: n_trials must be 1 where synapses are plastic")
        self._n_shards = self.threads if self.n_trials == 1 else 1
        self._plan: Plan = plan(network, self.dt, self._n_shards, self.seed)
        self._lower()
        self._compile()
        self._workers = Workers(self.threads - 1)
        self._allocate()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy as the network, the arguments and :meth:`state`; kernels are compiled or found anew."""
        arguments = ("dt", "seed", "threads", "n_trials", "precision", "max_rate")
        return {
            "network": self._described,
            "arguments": {name: getattr(self, name) for name in arguments},
            "state": self.state(),
        }

    def __setstate__(self, parts: dict[str, Any]) -> None:
        self.__init__(parts["network"], **parts["arguments"])  # type: ignore[misc]
        self.load_state(parts["state"])

    # ------------------------------------------------------------------------------------------- construction

    def _lower(self) -> None:
        from ..compile import modules as build

        started = time.perf_counter()
        wiring, placing = (
            build.kernel_module("lower.wiring_kernel", WIRING),
            build.kernel_module("lower.placing_kernel", PLACING),
        )
        delays = [delay_of(projection, self.dt) for projection in self.network.projections]
        self._max_delay = max((d.most for d in delays), default=1)
        self._check_room(delays)
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
        self._check_drawn()
        self._trains = trains_of(p, self.n_trials, self._given)
        self._currents = current_steps(p)
        self._longest = longest(p)
        self.build_s = time.perf_counter() - started

    def _check_room(self, delays: list[Delay]) -> None:
        """Refuse synapses, and delays whose queues, would not fit into the memory."""
        memory = machine_memory() or math.inf
        for projection in self.network.projections:
            n = projection.rule.expected(projection.pre.size, projection.post.size)
            if 2 * n > memory:  # the least that a synapse takes
                raise DescriptionError(
                    f"Projection {projection.name!r}: {type(projection.rule).__name__} makes {n:g} synapses, "
                    f"{2 * n / 2**30:.1f} GiB, more than the {memory / 2**30:.1f} GiB of memory"
                )
        bytes_ = 8.0 * 65 * (1 << self._max_delay.bit_length()) * self._n_shards * self.n_trials
        for projection, delay in zip(self.network.projections, delays, strict=True):
            if len(delay.given) != 1:  # counts of synapses by neuron and delay
                bytes_ += 8.0 * projection.pre.size * (delay.most - delay.least + 1)
        if bytes_ > memory:
            longest = max(zip(delays, self.network.projections, strict=True), key=lambda pair: pair[0].most)
            raise DescriptionError(
                f"Projection {longest[1].name!r}: delay up to {longest[0].most * self.dt:g} ms at dt = {self.dt} ms "
                f"takes queues of {bytes_ / 2**30:.1f} GiB, more than the {memory / 2**30:.1f} GiB of memory"
            )

    def _check_drawn(self) -> None:
        """Refuse drawn weights that a receptor or a rule does not take; given ones are checked when described."""
        for projection in self.network.projections:
            weight = projection.weight
            if isinstance(weight, Distribution) and not isinstance(weight, Constant):
                least, most = weight.bounds()
                if any(least < low or most > high for low, high, _ in projection.limits()):
                    places = self._places(str(projection.name), begins=True)
                    projection.check_weights(synapses.read(places, self._wires))

    def _compile(self) -> None:
        from ..compile import modules as build

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
        self._channels = [channels_of(self._plan) for _ in self._wires]
        self._plastics = [
            plastics_of(self._plan, k, self._groups, wires, self._real, self._rules, self._channels[k])
            for k, wires in enumerate(self._wires)
        ]
        self._label()
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
        self._varied = [varied_of(p, k, self._input_seed, real) for k in range(self._n_shards)]
        self._drops = [drops_of(p, k, self._input_seed, n_trials, real) for k in range(self._n_shards)]
        self._wind = [wind_of(p, k, self._input_seed, real) for k in range(self._n_shards)]
        self._rain = [rain_of(p, k, self._input_seed, real) for k in range(self._n_shards)]
        self._touch = [new_touch(n_trials, n) for n in p.n_slots]
        self._fired = new_fired(p, n_trials)
        self._scratch = [new_scratch() for _ in range(self.threads)]
        self._inputs = [np.zeros((n_trials, p.n_rows, p.n_slots[k]), real) for k in range(self._n_shards)]
        self._control = new_control(p, self._trains, self.threads, n_trials)
        self._watched: tuple[int, Array] = (0, np.zeros(len(p.populations), np.int64))

    def _label(self) -> None:
        """Tell synapses their levels where each has a choice of its own."""
        for number, _, name in self._learners():
            modulation = self._projection(name).modulation
            if modulation is not None and isinstance(modulation.subpopulations, BySynapse):
                here = [plastics[number] for plastics in self._plastics]
                labelled = synapses.label(self._places(name), here, modulation.subpopulations.levels, name)
                for k, plastic in enumerate(labelled):
                    rest = self._plastics[k]
                    self._plastics[k] = (*rest[:number], plastic, *rest[number + 1 :])

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
        found = sum(len(w.target) + len(w.dense) for w in self._wires)
        for group in self._groups:
            projection = self.network.projections[group.members[0]]
            if group.format == DENSE and without_diagonal(projection):
                found -= projection.pre.size  # places that stay 0
        return found

    @property
    def synapse_bytes(self) -> int:
        """Memory of all synapses, with the tables that find them [bytes]."""
        kept = sum(p.eligibility.nbytes + p.which.nbytes for plastics in self._plastics for p in plastics)
        return int(kept + sum(array.nbytes for w in self._wires for array in w))

    def synapses(self, name: str | Projection) -> Synapses:
        """Return pre, post, delay and weight of a projection's synapses, ordered by (pre, delay, post)."""
        places = self._places(name)
        return Synapses(places.pre, places.post, places.delay, *self._peeked(name, places))

    def _peeked(self, name: str | Projection, places: Places) -> tuple[Array, Array | None]:
        """Return weights and eligibilities of some of a projection's synapses; what follows does not change."""
        self._settle(name)
        number = self._modulated(name)
        if number is None:
            return synapses.read(places, self._wires), None
        here = [plastics[number] for plastics in self._plastics]
        return synapses.peeked(places, self._wires, here, self._rules[number], self.tick)

    def set_weights(self, name: str | Projection, weights: Any) -> None:
        """Set the weights of a projection, in the order of :meth:`synapses`; one number is for all.

        Raises
        ------
        DescriptionError
            for weights that are not finite, not as many, or against the receptor's sign or the rule's range, and
            where all weights are stored as one number
        """
        projection = self._projection(name)
        number = self._modulated(projection)
        if number is not None:  # what eligibilities have earned so far belongs to the old weights
            self._settle()
            for wires, plastics in zip(self._wires, self._plastics, strict=True):
                self._rules[number].start_window(plastics[number], wires, self.tick)
        self._write(str(projection.name), weights)
        if projection.plasticity is None:
            self._reweighted.add(str(projection.name))

    def _write(self, name: str, weights: Any) -> None:
        self._settle()
        places, projection = self._places(name), self._projection(name)
        synapses.write(places, self._wires, synapses.weights_for(places, weights, projection))

    def _modulated(self, name: str | Projection) -> int | None:
        """Return the number of a plastic projection that is under a neuromodulator, None for others."""
        projection = self._projection(name)
        modulation = projection.modulation
        return None if modulation is None else next(n for n, _, q in self._learners() if q == projection.name)

    # ---------------------------------------------------------------------------------------- neuromodulators

    def release(self, name: str, amount: Any, level: int | None = None) -> None:
        """Release a neuromodulator now, as a reward, an error or an expectation would.

        Parameters
        ----------
        name : str
            of the modulator
        amount : float or array of n_levels
            by which levels rise
        level : int, optional
            the one that rises; by default all do

        Raises
        ------
        DescriptionError
            if no plastic synapse is under a modulator of that name, or there is no such level
        """
        number, modulator = self._modulator(name)
        values = np.asarray(amount, np.float64)
        n = modulator.n_levels
        if (
            not np.all(np.isfinite(values))
            or values.shape not in ((), (n,))
            or (level is not None and values.ndim)
        ):
            raise DescriptionError(
                f"release of {name!r}: amount must be one finite number or {n}, got {amount!r}"
            )
        if level is not None and not 0 <= level < n:
            raise DescriptionError(f"release of {name!r}: level must be in [0, {n}), got {level}")
        for channels in self._channels:
            channels[number].level[slice(None) if level is None else level] += values

    def levels(self, name: str) -> Array:
        """Return the present levels of a neuromodulator, float64[n_levels]."""
        number, modulator = self._modulator(name)
        return np.asarray(modulator.baseline + self._channels[0][number].level)

    def _modulator(self, name: str) -> tuple[int, Modulator]:
        found = {m.name: (k, m) for k, m in enumerate(modulators_of(self.network))}
        if name not in found:
            known = ", ".join(found) or "none"
            raise DescriptionError(
                f"there is no modulator {name!r} that synapses are under; there are: {known}"
            )
        return found[name]

    def set_delays(self, name: str | Projection, delays: Any) -> None:
        """Set the delays of a projection [ms], in the order of :meth:`synapses`, before the first tick.

        Synapses are listed by delay, so they are in a new order afterwards; each keeps its weight.

        Raises
        ------
        DescriptionError
            for delays that are no positive times, and after the first tick, when spikes are under way
        """
        projection = self._projection(name)
        if self.tick > 0:
            raise DescriptionError(
                f"set_delays: at {self.t:g} ms spikes of {projection.name!r} may be under way; call it before the "
                "first run"
            )
        new = synapses.with_delays(projection, self.synapses(name), delays)
        kept = {other: self.synapses(other).weight for other in self._reweighted - {str(projection.name)}}
        learnt = {
            other: self.synapses(other).weight for _, _, other in self._learners() if other != projection.name
        }
        self._rewire({str(projection.name): new})
        self._rewired.add(str(projection.name))
        self._reweighted.discard(str(projection.name))  # its weights are the new projection's
        for other, weights in {**kept, **learnt}.items():
            self._write(other, weights)

    def _rewire(self, new: Mapping[str, Projection]) -> None:
        """Build the synapses anew, with other projections of the same names."""
        network = self.network
        parts = (new.get(str(part.name), part) for part in network.projections)
        before = network, self._plan
        self.network = Network(*network.populations, *network.spike_trains, *parts, *network.sources)
        self._plan = plan(self.network, self.dt, self._n_shards, self.seed)
        try:
            self._lower()
        except DescriptionError:
            self.network, self._plan = before
            raise
        self._compile()
        self._allocate()

    def _restore(
        self, rewired: Mapping[str, Mapping[str, Array]], given: dict[str, SpikeTrain], input_seed: int
    ) -> None:
        """Go back to the network as described, time 0, but for these synapses, trains and seed of the input."""
        self._given, self._input_seed = given, input_seed
        if rewired or self._rewired or self._reweighted:
            self.network = self._described
            new = {
                name: synapses.listed(self._projection(name), **columns, dt=self.dt)
                for name, columns in rewired.items()
            }
            self._rewired, self._reweighted = set(rewired), set()
            self._rewire(new)
        else:
            self._trains = trains_of(self._plan, self.n_trials, given)
            self._allocate()

    def set_spikes(self, name: str | SpikeTrain, times: Any, neuron: Any, trial: Any = None) -> None:
        """Give a spike train other spikes from here on; those under way still arrive.

        Parameters
        ----------
        name : str or SpikeTrain
        times : array of float, ms
            in the simulation's time, later than :attr:`t`, or from 0 on where it has not begun
        neuron : array of int
        trial : array of int, optional
            as in :class:`.SpikeTrain`
        """
        wanted = getattr(name, "name", name)
        old = next(
            (t for t in self.network.spike_trains if isinstance(wanted, str) and t.name == wanted), None
        )
        if old is None:
            raise DescriptionError(f"set_spikes: there is no spike train {checks.shown(wanted)}")
        new = SpikeTrain(old.name, old.size, times, neuron, trial)
        early = np.asarray(new.times, np.float64)
        if early.size and self.tick > 0 and round(float(early.min()) / self.dt) <= self.tick:
            raise DescriptionError(
                f"SpikeTrain {old.name!r}: times must be later than {self.t:g} ms, where the simulation is, got "
                f"{early.min():g}"
            )
        given = {**self._given, old.name: new}
        self._trains = trains_of(self._plan, self.n_trials, given)
        self._given = given
        for k, wires in enumerate(self._wires):
            self._ring[k] = with_room(self._ring[k], wires, self._trains)
        self._control.room[:] = new_control(self._plan, self._trains, self.threads, self.n_trials).room

    def _projection(self, name: str | Projection) -> Projection:
        wanted = getattr(name, "name", name)
        for projection in self.network.projections:
            if isinstance(wanted, str) and projection.name == wanted:
                return projection
        known = ", ".join(str(q.name) for q in self.network.projections) or "none"
        raise DescriptionError(f"synapses: there is no projection {checks.shown(wanted)}; there are {known}")

    def _places(self, name: str | Projection, begins: bool = False) -> Places:
        """Find a projection's synapses; ``begins`` before the traces of plastic ones are there."""
        projection = self._projection(name)
        number = next(k for k, other in enumerate(self.network.projections) if other is projection)
        groups = [number in g.members for g in order_of(self._groups)]
        return synapses.locate(
            self._plan,
            self._wires,
            None if begins else self._plastics,
            len(groups),
            groups.index(True),
            projection,
        )

    def _learners(self) -> list[tuple[int, int, str]]:
        """Return number, group and name of each plastic projection."""
        groups = [(k, g) for k, g in enumerate(order_of(self._groups)) if g.format == PLASTIC]
        return [(n, k, str(self.network.projections[g.members[0]].name)) for n, (k, g) in enumerate(groups)]

    def _settle(self, name: str | Projection | None = None) -> None:
        """Bring plastic weights up to date, of one projection or of all."""
        only = None if name is None else self._projection(name).name
        for number, _, learner in self._learners():
            if only in (None, learner):
                for wires, plastics in zip(self._wires, self._plastics, strict=True):
                    self._rules[number].settle(plastics[number], wires, self.tick + 1)

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
        progress: bool | Report = False,
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
        progress : bool or callable
            draw a bar, in a terminal or a notebook, or call ``progress(done, total)`` [ms] some ten times a second

        Raises
        ------
        DescriptionError
            for a duration or a recording that is none
        SimulationError
            if the state becomes NaN or overflows, or activity runs away; what was recorded by then is safe in the store
        """
        checks.number(ms, "run", "ms", "ms")
        n = round(ms / self.dt)
        if n < 0 or not math.isclose(n * self.dt, ms, rel_tol=1e-9, abs_tol=1e-9):
            raise DescriptionError(f"run: ms must be a multiple of dt = {self.dt} ms and >= 0, got {ms}")
        if not isinstance(progress, bool) and not callable(progress):
            raise DescriptionError(f"run: progress must be True, False or a function, got {progress!r}")
        record = Record() if record is None else record
        if not isinstance(record, Record):
            raise DescriptionError(
                f"run: record must be a Record, such as Record(spikes=[...]), got {record!r:.80}"
            )
        record = record.of(self.network)
        histories = Histories(self, record)  # all that can be wrong with it, before a store is there
        with Deferred() as signals, reporting(progress, ms) as report:
            if to is None:
                return self._run(n, Log(self, record, n), histories, signals, report)
            from ..record.store import RunStore

            config = {"network": described(self.network), "dt": self.dt, "seed": self.seed, "ms": ms}
            config.update(
                threads=self.threads,
                n_trials=self.n_trials,
                precision=self.precision,
                start_tick=self.tick,
                input_seed=self._input_seed,
            )
            with RunStore.create(str(to), config=config, force=force) as store:
                log = Log(self, record, n, store)
                histories.open(self, store)
                return self._run(n, log, histories, signals, report)

    def _run(self, n: int, log: Log, histories: Histories, signals: Deferred, report: Report) -> Result:
        """Advance ``n`` ticks in chunks that grow until each takes a tenth of a second.

        Chunks end where the guards look, so that how a run is split or how fast it is decides nothing.
        """
        start, until = self.tick, self.tick + n
        spikes, events = self._control.spikes.copy(), self._control.events[:, 0].sum()
        began = time.perf_counter()

        def books() -> tuple[dict[str, int], int, float]:
            counts = (self._control.spikes - spikes).sum(axis=0)
            return (
                {p.name: int(c) for p, c in zip(self._plan.populations, counts, strict=True)},
                int(self._control.events[:, 0].sum() - events),
                time.perf_counter() - began,
            )

        try:
            length = 64
            histories.look(self)
            while self.tick < until:
                border = (self.tick // self._window + 1) * self._window
                stop = min(until, self.tick + min(length, self._longest), border, log.limit(self.tick))
                stop = min(stop, next_change(self._currents, self.tick), histories.due(self.tick))
                self._set_currents(self.tick + 1)
                self._varied = [scales(self._plan, varied, self.tick, stop) for varied in self._varied]
                t0 = time.perf_counter()
                self._advance(stop, log)
                if time.perf_counter() - t0 < 0.1:
                    length *= 2
                log.drain_traces()
                histories.look(self)
                self._guard(stop == until)
                report((self.tick - start) * self.dt, n * self.dt)
                signals.let_through()
        except BaseException as error:
            try:
                log.close(*books())
            except Exception as second:
                error.add_note(f"Besides, the recordings could not be brought into the store: {second}")
            raise
        log.close(*books())
        return histories.into(self, log.result(*books()))

    def _guard(self, at_end: bool) -> None:
        """Look for NaN and runaway activity at the borders of windows, for NaN at the end of a run as well."""
        at_border = self.tick % self._window == 0
        if at_border or at_end:
            check_finite(self._kinds, self._plan.populations, self.t)
        if at_border:
            counts = self._control.spikes.sum(axis=0)
            since, counted = self._watched
            self._watched = self.tick, counts
            check_rates(
                self._plan.populations,
                counts,
                (since, counted),
                self.tick,
                self.dt,
                self.n_trials,
                self.max_rate,
            )

    def _advance(self, stop: int, log: Log) -> None:
        """Call the kernels until all trials have reached ``stop``, making room whenever they ask for it."""
        while self.tick < stop:
            jobs = range(1, self.threads)
            pool = self._workers.pool
            futures = [pool.submit(self._work, w, stop, log.tape) for w in jobs] if pool else []
            try:
                self._work(0, stop, log.tape)
            finally:
                for future in futures:
                    future.result()
            log.drain()
            self._grow()

    def _work(self, worker: int, stop: int, tape: Tape) -> None:
        k = worker if self._n_shards > 1 else 0
        sources = {
            "rain": self._rain[k],
            "varied": self._varied[k],
            "drops": self._drops[k],
            "wind": self._wind[k],
            "trains": self._trains,
            "levels": self._channels[k],
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
        """Sum the currents that act on ``tick`` into the last row of the inputs, and set the noise's deviations."""
        p = self._plan
        for wind in self._wind:
            for r, number in enumerate(wind.source[:, 0]):
                source = p.network.sources[number]
                assert isinstance(source, Noise)
                wind.std[r] = std_at(source, self.dt, tick)
        for name, steps in self._currents.items():
            total = current_at(steps, tick)
            for k in range(self._n_shards):
                lo, hi = p.numbers(k, name)
                slots = slice(p.first_slot[k][name], p.first_slot[k][name] + hi - lo)
                self._inputs[k][:, -1, slots] = total[lo:hi]
                if len(self._wind[k].steady):
                    self._wind[k].steady[slots] = total[lo:hi]

    # -------------------------------------------------------------------------------------------------- state

    def reset(self, keep: tuple[str, ...] = ("weights",), seed: int | None = None) -> None:
        """Go back to time 0: initial state, no spikes in flight. Weights stay as they are.

        Without ``seed`` the input is drawn again as it was: the same Poisson spikes and the same noise.

        Parameters
        ----------
        keep : tuple of str
            ``()`` draws the weights anew as they were at first
        seed : int, optional
            of the input from here on, Poisson spikes and noise. Connections, parameters and initial states stay those
            of the simulation's own seed.
        """
        if not isinstance(keep, (tuple, list, set, frozenset)):
            raise DescriptionError(f"reset: keep must be a tuple of names, got {checks.shown(keep)}")
        for name in keep:
            if not isinstance(name, str) or name != "weights":
                raise DescriptionError(f"reset: keep can name 'weights', got {checks.shown(name)}")
        if seed is not None:
            checks.number(seed, "reset", "seed", whole=True, least=0, most=2**64 - 1)
            self._input_seed = int(seed)
        self._settle()
        if "weights" not in keep:
            self._lower()
            self._reweighted.clear()
        self._allocate()

    def state(self) -> dict[str, Array]:
        """Everything that a simulation of the same network needs to go on exactly from here, as named arrays.

        Independent of the number of threads. ``in_flight/*`` are the spikes that some synapse has yet to
        deliver; ``weights/*``, ``rewired/*`` and ``trains/*`` what :meth:`set_weights`, :meth:`set_delays` and
        :meth:`set_spikes` changed.
        """
        return checkpoint.state(self)

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            for the state of another network, seed, ``dt``, precision or number of trials, and for one that lacks
            something; the simulation is then as it was. Given spikes may be others.
        """
        checkpoint.load_state(self, state)


def _default_threads(network: Network, n_trials: int) -> int:
    available = default_threads()
    if n_trials > 1:
        return min(available, n_trials)
    return available if sum(p.size for p in network.populations) >= _MANY else 1
