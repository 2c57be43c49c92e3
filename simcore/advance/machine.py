"""Construction: a network as synapses, kernels and memory, at time 0."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..describe import checks
from ..describe.connectivity import Constant, Distribution
from ..describe.modulation import BySynapse
from ..describe.network import Network, Projection
from ..describe.sharing import SharedWeights
from ..describe.sources import SpikeTrain
from ..errors import DescriptionError
from ..lower import synapses
from ..lower.arrays import BITMAP, DENSE, HALF, PLASTIC
from ..lower.each_synapse import each_of
from ..lower.entries import length_of
from ..lower.grid import GRID, input_on_grid, quanta_of, to_grid
from ..lower.inputs import (
    current_steps,
    gaussian_of,
    longest,
    poisson_dense_of,
    poisson_inhomogeneous_of,
    poisson_sparse_of,
    sources_of,
    trains_of,
)
from ..lower.modulation import channels_of, modulators_of
from ..lower.plan import Plan, model_group_arrays, plan, real_of
from ..lower.plastic import learns_in_trials, plastics_of
from ..lower.protocol import TrialState
from ..lower.queues import (
    new_active,
    new_control,
    new_fired,
    new_ring,
    new_scratch,
    room_of,
    window_of_shards,
    with_room,
)
from ..lower.rows import PLACING, WIRING, Delay, build_rows, delay_of, groups_of, order_of, without_diagonal
from ..lower.segments import wires_of
from ..lower.sharing import Ties, ties_of
from ..lower.synapses import Places
from ..lower.watch import watched_of, watches_of
from ..machine import memory as machine_memory
from .exchange import Exchanger, window_of
from .outlook import outlook
from .ranks import Ranks

Array = np.ndarray[Any, Any]


class Machine:
    """A network lowered to flat arrays, with its kernels; the arguments are those of :class:`.Simulation`, checked."""

    def __init__(
        self,
        network: Network,
        dt: float,
        seed: int,
        threads: int,
        n_trials: int,
        precision: str,
        arithmetic: str = "float",
        backend: str = "cpu",
        ranks: Ranks | None = None,
    ) -> None:
        self.ranks = ranks
        self.arithmetic, self.backend = arithmetic, backend
        self.network, self.dt, self.seed, self.threads = network, dt, seed, threads
        self.n_trials, self.precision = n_trials, precision
        self._described = network  # as given; delays that are set make another one
        self._given: dict[str, SpikeTrain] = {}  # trains that were set
        self._input_seed = seed
        self._real = real_of(precision).type
        self._real_name = real_of(precision).name
        self._exchanger: Exchanger | None = None
        self._ids: dict[str, Array] = {}  # of projections onto this rank, where they were asked for
        self._n_shards = threads if n_trials == 1 and backend == "cpu" else 1
        self._device: Any = None  # kernels and synapses on a CUDA device, until the synapses change
        self._plan: Plan = self._planned(network)
        self._lower()
        self._compile()
        self._allocate()

    def _planned(self, network: Network) -> Plan:
        """Return the plan of the shards here; that of all ranks' shards is kept beside it."""
        ranks = self.ranks
        self._whole = plan(network, self.dt, self._n_shards * (ranks.size if ranks else 1), self.seed)
        return self._whole.part(ranks.rank * self._n_shards, self._n_shards) if ranks else self._whole

    def _lower(self) -> None:
        """Build the synapses; an error that one rank meets is raised on all."""
        if self.ranks is None:
            self._build()
            return
        with self.ranks.sharing_errors():
            self._build()
        self._ids.clear()

    def _build(self) -> None:
        from ..compile import modules as build

        started = time.perf_counter()
        wiring, placing = (
            build.kernel_module("lower.wiring_kernel", WIRING),
            build.kernel_module("lower.placing_kernel", PLACING),
        )
        delays = [delay_of(projection, self.dt) for projection in self.network.projections]
        self._max_delay = max((d.most for d in delays), default=1)
        self._check_room(delays)
        groups = groups_of(self._plan, delays, halves=self.precision == "mixed")
        p, real = self._plan, self._real
        with ThreadPoolExecutor(
            self.threads
        ) as pool:  # a synapse is a function of the seed and its place alone
            own = None if self.ranks is None else {q.name: p.own(q.name) for q in p.populations}
            before = None if self.ranks is None else self.ranks.before
            rows = build_rows(self.network, delays, p.lazy, self.seed, wiring, pool.map, own, before)
            jobs = [
                pool.submit(wires_of, p, k, groups, rows, delays, self.seed, real, placing)
                for k in range(self._n_shards)
            ]
            self._wires = [job.result() for job in jobs]
        self._groups = groups
        self._bitmaps = any(BITMAP in wires.group_format for wires in self._wires)
        self._halves = any(HALF in wires.group_format for wires in self._wires)
        self._shortest = window_of(self._whole, delays)
        self._window_ticks = 1 if self.ranks is not None else window_of_shards(p, self._shortest)
        self._check_drawn()
        self._trains = trains_of(p, self.n_trials, self._given)
        self._quanta: Any = None
        if self.arithmetic == "fixed":
            self._grid_kernels = build.kernel_module("lower.grid_kernel", GRID)
            self._quanta = quanta_of(p, groups, self._wires, self._trains, real, self._grid_kernels)
            for k, wires in enumerate(self._wires):
                to_grid(p, k, wires, self._quanta, self._grid_kernels)
        self._device = None
        self._currents = current_steps(p)
        self._longest = longest(p)
        self.build_s = time.perf_counter() - started

    def _check_room(self, delays: list[Delay]) -> None:
        """Refuse synapses, and delays whose queues, would not fit into the memory."""
        memory = machine_memory() or math.inf
        share = 1.0
        if self.ranks is not None:
            memory = min(self.ranks.told(memory / self.ranks.neighbours()))
            share = 1.0 / self.ranks.size
            self._check_rank(memory)
        for projection in self.network.projections:
            n = share * projection.rule.expected(projection.pre.size, projection.post.size)
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

    def _check_rank(self, memory: float) -> None:
        """Refuse a network of which a rank's share does not fit into its share of the memory."""
        assert self.ranks is not None
        found = outlook(self.network, self.dt, self.dt, self.precision, self.ranks.size, self.threads)
        n_bytes = sum(found.n_bytes.values())
        if n_bytes > memory:
            raise DescriptionError(
                f"Network: it takes {n_bytes / 2**30:.3g} GiB on each of {self.ranks.size} MPI ranks, "
                f"more than a rank's {memory / 2**30:.3g} GiB of memory; more ranks on more machines may fit"
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
            build.model_group_module(
                model_group.populations[0].model,
                model_group.varying,
                model_group.current,
                model_group.lazy,
                self._real_name,
                model_group.silent,
            )
            for model_group in self._plan.model_groups
        ]
        self._state_types = [module.State for module in modules]
        learners = [self._projection(name) for _, _, name in self._learners()]
        shares = [self._shared(q) is not None for q in learners]
        self._waits = [
            not shared and learns_in_trials(q, delay_of(q, self.dt))
            for q, shared in zip(learners, shares, strict=True)
        ]
        self._rules = [
            build.rule_module(
                q.plasticity,
                self._real_name,
                waits,
                q.short_term,
                q.sign or 1,
                self.arithmetic == "fixed",
                shared,
            )
            for q, waits, shared in zip(learners, self._waits, shares, strict=True)
        ]
        self._sources = sources_of(self._plan) + ["exchange"] * (self.ranks is not None)
        self._modules = modules
        self._trial_engine: Any = None
        self._watch_modules = [
            build.watch_module(m.watch, self._real_name) for _, m in watches_of(self.network)
        ]
        self._engine = build.engine_module(
            modules,
            self._rules,
            self._real_name,
            self._sources,
            watches=self._watch_modules,
            bitmaps=self._bitmaps,
            halves=self._halves,
        )
        self.compile_s = time.perf_counter() - started

    def _allocate(self) -> None:
        """Set the initial state, empty queues and clocks at 0."""
        self._channels = [channels_of(self._plan) for _ in self._wires]
        self._plastics = [
            plastics_of(
                self._plan,
                k,
                self._groups,
                wires,
                self._real,
                self._rules,
                self._waits,
                self._channels[k],
                self._quanta,
            )
            for k, wires in enumerate(self._wires)
        ]
        self._ties: dict[str, Ties] = {}  # of projections that share weights, where they were asked for
        self._label()
        self._vary()
        p, real, n_trials = self._plan, self._real, self.n_trials
        self._model_groups = []
        for k in range(self._n_shards):
            model_groups = []
            for model_group, state_type in zip(p.model_groups, self._state_types, strict=True):
                arrays = model_group_arrays(p, model_group, k, self.seed, n_trials, real)
                model_groups.append(arrays._replace(fields=state_type(*arrays.fields)))
            self._model_groups.append(tuple(model_groups))
        self._watching = [
            watched_of(p, k, self._model_groups[k], self._channels[k], self._watch_modules, real)
            for k in range(self._n_shards)
        ]
        n_buckets = 1 << self._max_delay.bit_length()
        window = self._window_ticks
        self._ring = [new_ring(wires, self._trains, n_trials, n_buckets, 64, window) for wires in self._wires]
        self._poisson_inhomogeneous = [
            poisson_inhomogeneous_of(p, k, self._input_seed, real) for k in range(self._n_shards)
        ]
        self._poisson_sparse = [
            poisson_sparse_of(p, k, self._input_seed, n_trials, real) for k in range(self._n_shards)
        ]
        self._gaussian = [gaussian_of(p, k, self._input_seed, real) for k in range(self._n_shards)]
        self._poisson_dense = [poisson_dense_of(p, k, self._input_seed, real) for k in range(self._n_shards)]
        if self.arithmetic == "fixed":
            self._poisson_dense, self._poisson_sparse, self._poisson_inhomogeneous = (
                [input_on_grid(p, sources, self._quanta) for sources in by_shard]
                for by_shard in (self._poisson_dense, self._poisson_sparse, self._poisson_inhomogeneous)
            )
        self._active = [new_active(n_trials, n) for n in p.n_slots]
        self._fired = new_fired(p, n_trials, window)
        self._scratch = [new_scratch() for _ in range(self.threads)]
        if self.ranks is not None:
            self._made = self.ranks.total(np.array([self._count_synapses(), self._count_bytes()], np.int64))
            self._exchanger = Exchanger(self.ranks, self._whole, self._n_shards, self._shortest)
        self._inputs = [np.zeros((n_trials, p.n_rows, p.n_slots[k]), real) for k in range(self._n_shards)]
        self._control = new_control(p, self._trains, self.threads, n_trials, window)
        self._trials = TrialState(np.zeros(len(modulators_of(self.network))))
        self._at_rest = True
        self._watched: tuple[int, Array] = (0, np.zeros(len(p.populations), np.int64))

    def _make_room(self) -> None:
        """Let what spills, and what is recorded, have room for other trains of given spikes."""
        for k, wires in enumerate(self._wires):
            self._ring[k] = with_room(self._ring[k], wires, self._trains, self._window_ticks)
        self._control.room[:] = room_of(self._plan, self._trains, self._window_ticks)

    def _label(self) -> None:
        """Tell synapses their levels where each has a choice of its own."""
        for number, _, name in self._learners():
            for which, modulation in enumerate(self._projection(name).modulations):
                if isinstance(modulation.subpopulations, BySynapse):
                    here = [plastics[number] for plastics in self._plastics]
                    levels = modulation.subpopulations.levels
                    for k, plastic in enumerate(
                        synapses.label(self._places(name), here, levels, name, which)
                    ):
                        rest = self._plastics[k]
                        self._plastics[k] = (*rest[:number], plastic, *rest[number + 1 :])

    def _vary(self) -> None:
        """Give synapses parameters of short-term plasticity of their own, drawn by seed and id or given."""
        for number, _, name in self._learners():
            projection = self._projection(name)
            short = projection.short_term
            if short is not None and short.varying:
                places, here = self._places(name), [plastics[number] for plastics in self._plastics]
                values = each_of(projection, len(places.pre), self.seed, self.dt)
                first = len(self._rules[number].KEPT) - len(values)
                for k, numbers in enumerate(values):
                    synapses.scatter_kept(places, here, first + k, numbers)

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
        return self._count_synapses() if self.ranks is None else int(self._made[0])

    def _count_synapses(self) -> int:
        found = sum(int(length_of(w.segment_entry).sum()) for w in self._wires)
        for group in self._groups:
            projection = self.network.projections[group.members[0]]
            if group.format == DENSE and without_diagonal(projection):
                lo, hi = self._plan.own(projection.post.name)
                found -= hi - lo  # places that stay 0
        return found

    @property
    def synapse_bytes(self) -> int:
        """Memory of all synapses, with the tables that find them [bytes]."""
        return self._count_bytes() if self.ranks is None else int(self._made[1])

    def _count_bytes(self) -> int:
        own = [array for plastics in self._plastics for p in plastics for array in p.kept]
        own += [gain.which for plastics in self._plastics for p in plastics for gain in p.gains]
        own += [p.chance.number for plastics in self._plastics for p in plastics if p.chance]
        return int(sum(array.nbytes for array in (*own, *(array for w in self._wires for array in w))))

    @property
    def tick(self) -> int:
        """Ticks simulated so far."""
        return int(self._control.clock.min())

    @property
    def t(self) -> float:
        """Time simulated so far [ms]."""
        return self.tick * self.dt

    def _projection(self, name: str | Projection) -> Projection:
        wanted = getattr(name, "name", name)
        for projection in self.network.projections:
            if isinstance(wanted, str) and projection.name == wanted:
                return projection
        known = ", ".join(str(q.name) for q in self.network.projections) or "none"
        raise DescriptionError(f"synapses: there is no projection {checks.shown(wanted)}; there are {known}")

    def _shared(self, name: str | Projection) -> SharedWeights | None:
        """Return when a projection's synapses share what they have learned; delays that were set change nothing."""
        wanted = getattr(name, "name", name)
        return next(q for q in self._described.projections if q.name == wanted).shared

    def _tied(self, name: str | Projection) -> Ties:
        """Return which synapses of a projection share which weight."""
        projection = self._projection(name)
        key = str(projection.name)
        if key not in self._ties:
            described = next(q for q in self._described.projections if q.name == key)
            number = next(n for n, _, q in self._learners() if q == key)
            here = [plastics[number] for plastics in self._plastics]
            self._ties[key] = ties_of(described.rule, self._places(name), here)
        return self._ties[key]

    def _places(self, name: str | Projection, begins: bool = False) -> Places:
        """Find a projection's synapses; ``begins`` before the traces of plastic ones are there."""
        projection = self._projection(name)
        number = next(k for k, other in enumerate(self.network.projections) if other is projection)
        ordered = order_of(self._groups)
        group = next(k for k, g in enumerate(ordered) if number in g.members)
        return synapses.locate(
            self._plan,
            self._wires,
            None if begins else self._plastics,
            len(ordered),
            group,
            projection,
            ordered[group].format == HALF,
        )

    def _ids_here(self, name: str | Projection, places: Places) -> Array:
        """Return which of a projection's synapses, in the order of all ranks', are those onto this rank."""
        assert self.ranks is not None
        projection = self._projection(name)
        found = self._ids.get(str(projection.name))
        if found is None:
            delay = delay_of(projection, self.dt)
            n_delays = delay.most - delay.least + 1
            group = places.pre * n_delays + places.delay - delay.least
            counts = np.bincount(group, minlength=projection.pre.size * n_delays).astype(np.int64)
            total = self.ranks.total(counts)
            first = np.cumsum(total) - total + self.ranks.before(counts)
            found = first[group] + np.arange(len(group)) - (np.cumsum(counts) - counts)[group]
            self._ids[str(projection.name)] = found
        return found

    def _of_all(self, name: str | Projection, places: Places, *columns: Array) -> list[Array]:
        """Return numbers that each rank has of a projection's synapses onto it, of all, in the order of ids."""
        if self.ranks is None:
            return list(columns)
        ids = self.ranks.joined(self._ids_here(name, places))
        out = []
        for column in columns:
            values = self.ranks.joined(column)
            out.append(np.empty_like(values))
            out[-1][ids] = values
        return out

    def _learners(self) -> list[tuple[int, int, str]]:
        """Return number, group and name of each plastic projection."""
        groups = [(k, g) for k, g in enumerate(order_of(self._groups)) if g.format == PLASTIC]
        return [(n, k, str(self.network.projections[g.members[0]].name)) for n, (k, g) in enumerate(groups)]

    def _settle(self, name: str | Projection | None = None) -> None:
        """Bring plastic weights up to date, of one projection or of all; a device gives back first what it has."""
        if self._device is not None:
            self._device.bring()
        only = None if name is None else self._projection(name).name
        for number, _, learner in self._learners():
            if only in (None, learner):
                for wires, plastics in zip(self._wires, self._plastics, strict=True):
                    self._rules[number].settle(plastics[number], wires, self.tick + 1)

    def _peeked(self, name: str | Projection, places: Places) -> tuple[Array, dict[str, Array]]:
        """Return weights of some of a projection's synapses and what else they keep; what follows does not change."""
        self._settle(name)
        projection = self._projection(name)
        number = next((n for n, _, q in self._learners() if q == projection.name), None)
        if number is None:
            return synapses.read(places, self._wires), {}
        here, rule = [plastics[number] for plastics in self._plastics], self._rules[number]
        if not hasattr(rule, "peek"):  # nothing but its own spikes changes a synapse
            return synapses.read(places, self._wires), synapses.kept_of(places, here, rule)
        return synapses.peeked(places, self._wires, here, rule, self.tick)
