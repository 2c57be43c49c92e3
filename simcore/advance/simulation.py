"""The simulator: a network in motion, advanced in chunks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import numpy as np

from ..describe import checks
from ..describe.network import Network
from ..describe.plasticity import WindowRule
from ..describe.record import Record, Result
from ..describe.record_dict import record_dict
from ..describe.sources import Noise
from ..describe.trials import Presented
from ..errors import DescriptionError, StoreError
from ..lower.arrays import Recording, Trials
from ..lower.device_trials import count_spikes
from ..lower.inputs import current_at, next_change, scales, std_at
from ..lower.modulation import modulators_of
from ..lower.plan import check
from ..lower.queues import grown
from ..machine import default_threads
from ..record import saved
from ..record.histories import Histories
from ..record.log import Before, Log
from . import sharing, stored, structure
from .backends import chosen_arithmetic, chosen_backend
from .controls import Controlled
from .guards import WINDOW, check_clock, check_finite, check_rates
from .progress import Report, reporting
from .ranks import ranks_of, refuse
from .signals import Deferred
from .stored import ARGUMENTS, Keeper, placed, whole_ticks
from .workers import Workers

LATE = ("trials", "exchange")  # sources that kernels take after what watches
_MANY = 20_000  # neurons from which two threads pay


class Simulation(Controlled):
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
    precision : {'float32', 'float64', 'mixed'}
        of state and weights; ``mixed`` is float32 but for the drawn weights of static synapses onto stepped neurons,
        which are rounded to float16, so that a synapse takes 4 bytes instead of 6, see :mod:`.halves`
    max_rate : float, Hz, 500
        a run stops when a population's mean rate exceeds it in one of the windows of 100 ms from time 0 on, however the
        run is split; infinite for never
    backend : {'cpu', 'cuda', 'auto'}
        where it runs; ``auto`` takes a CUDA device if there is one and it does all that the network needs
    arithmetic : {'float', 'fixed'}, optional
        ``fixed`` rounds weights to multiples of a power of two, so that sums are exact in any order and backends agree,
        see :mod:`.grid`; by default ``float`` on the CPU, and ``fixed`` on CUDA, which has no other
    comm : mpi4py.MPI.Intracomm, optional
        one network on all its ranks, each with ``threads`` threads (by default 1): every rank owns a part of each
        population and the synapses onto it, and results are those of one process, bit for bit. All ranks make the same
        calls; the first holds and writes what is recorded

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
        backend: str = "cpu",
        arithmetic: str | None = None,
        comm: Any = None,
    ) -> None:
        if not isinstance(network, Network):
            raise DescriptionError(f"Simulation: network must be a Network, got {checks.shown(network)}")
        checks.number(dt, "Simulation", "dt", "ms", above=0.0)
        if not isinstance(precision, str):
            raise DescriptionError(
                f"Simulation: precision must be float32, float64 or mixed, got {checks.shown(precision)}"
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
                    f"Projection {projection.name!r}: {rule} learns at the end of a window, which a simulation "
                    "does not know; a Learner runs it (tegmentum.plasticity.Learner)"
                )
        self.max_rate = float(max_rate)
        self._window = max(1, round(WINDOW / float(dt)))
        if n_trials > 1 and any(q.plasticity is not None for q in network.projections):
            raise DescriptionError(
                "Simulation: n_trials must be 1 where synapses are plastic, short-term or long-term"
            )
        backend = chosen_backend(backend, network, arithmetic)
        arithmetic = chosen_arithmetic(arithmetic, backend, network)
        ranks = ranks_of(comm)
        if threads is None:
            threads = 1 if ranks else _default_threads(network, int(n_trials))
        if ranks is not None:
            ranks.agree(
                "Simulation",
                network=network,
                dt=float(dt),
                seed=int(seed),
                threads=int(threads),
                n_trials=int(n_trials),
                precision=precision,
                max_rate=self.max_rate,
                backend=backend,
                arithmetic=arithmetic,
            )
            refuse(network, ranks, int(n_trials), backend, arithmetic)
        super().__init__(
            network,
            float(dt),
            int(seed),
            int(threads),
            int(n_trials),
            str(precision),
            arithmetic,
            backend,
            ranks,
        )
        self._workers = Workers(self.threads - 1)
        self._compiled = False

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy as the network, the arguments and :meth:`state`; kernels are compiled or found anew."""
        if self.ranks is not None:
            raise DescriptionError(
                "Simulation: one of several MPI ranks cannot be pickled; all of them can save"
            )
        arguments = {**self._arguments(), "threads": self.threads, "backend": self.backend}
        return {"network": self._described, "arguments": arguments, "state": self.state()}

    def __setstate__(self, parts: dict[str, Any]) -> None:
        self.__init__(parts["network"], **parts["arguments"])  # type: ignore[misc]
        self.load_state(parts["state"])

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments that say how it goes on."""
        return {name: getattr(self, name) for name in ARGUMENTS}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save everything that is needed to go on exactly from here, in one file that is whole or not there.

        Raises
        ------
        StoreError
            if it cannot be written
        """
        state = self.state()
        if self.ranks is None:
            saved.write(path, state, arguments=self._arguments())
            return
        with self.ranks.sharing_errors():
            if self.ranks.rank == 0:
                saved.write(path, state, arguments=self._arguments())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        network: Network,
        threads: int | None = None,
        force: bool = False,
        backend: str = "cpu",
        arithmetic: str | None = None,
        comm: Any = None,
    ) -> Self:
        """Return a simulation of ``network`` that goes on from what :meth:`save` wrote, bit for bit.

        Parameters
        ----------
        path : path
        network : Network
            described as that which was saved; given spikes may be others
        threads : int, optional
            results do not depend on it
        force : bool
            go on from a file of another version of Tegmentum
        backend : {'cpu', 'cuda', 'auto'}
            whichever wrote the file
        arithmetic : {'float', 'fixed'}, optional
            by default that of the file, where the backend has it
        comm : mpi4py.MPI.Intracomm, optional
            as many ranks as one likes, whichever wrote the file

        Raises
        ------
        StoreError
            if the file is missing, damaged, or of another version
        DescriptionError
            if it is of another network
        """
        state, about = saved.read(path, force)
        arguments = about.get("arguments")
        if not isinstance(arguments, dict) or not arguments.keys() <= set(ARGUMENTS):
            raise StoreError(f"{path}: holds no state of a simulation")
        simulation = cls(
            network, threads=threads, comm=comm, **placed(arguments, network, backend, arithmetic)
        )
        simulation.load_state(state)
        return simulation

    def fork(self, threads: int | None = None) -> Self:
        """Return another simulation that goes on from here, independent of this one."""
        threads = self.threads if threads is None else threads
        comm = None if self.ranks is None else self.ranks.comm
        simulation = type(self)(
            self._described, threads=threads, backend=self.backend, comm=comm, **self._arguments()
        )
        simulation.load_state(self.state())
        return simulation

    @classmethod
    def resume(
        cls,
        store: str | os.PathLike[str],
        network: Network,
        until: float | None = None,
        threads: int | None = None,
        force: bool = False,
        progress: bool | Report = False,
        checkpoint_every: float | None = None,
        backend: str = "cpu",
        durable: bool = False,
        comm: Any = None,
    ) -> tuple[Self, Result]:
        """Go on with a run into a store, from its last checkpoint, as if it had never stopped: bit for bit.

        Parameters
        ----------
        store : path or URL
            that :meth:`run` wrote with ``checkpoint_every``; what it holds beyond the checkpoint is written again
        network : Network
            described as that which ran
        until : float, ms, optional
            model time to reach, counted from the run's start; by default what the run was to reach
        threads : int, optional
            results do not depend on it
        force : bool
            go on from a checkpoint of another version of Tegmentum
        progress, checkpoint_every
            see :meth:`run`; by default checkpoints are as frequent as they were
        backend : {'cpu', 'cuda', 'auto'}
            whichever ran before
        durable : bool
            force what is written to disk, see :meth:`run`
        comm : mpi4py.MPI.Intracomm, optional
            as many ranks as one likes, however many ran before

        Raises
        ------
        StoreError
            if there is no such run, or nothing from which it could go on
        DescriptionError
            if it is of another network, or complete
        """
        return stored.resume(
            cls, store, network, until, threads, force, progress, checkpoint_every, backend, durable, comm
        )

    def run(
        self,
        ms: float,
        record: Record | None = None,
        to: str | os.PathLike[str] | None = None,
        force: bool = False,
        progress: bool | Report = False,
        durable: bool = False,
        checkpoint_every: float | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Result:
        """Simulate ``ms`` milliseconds and return what was recorded.

        Parameters
        ----------
        ms : float
            duration, a multiple of ``dt``
        record : Record, optional
        to : path or URL, optional
            run store to create; what is recorded then streams there and the result does not hold it
        force : bool
            replace an existing run store
        progress : bool or callable
            draw a bar, in a terminal or a notebook, or call ``progress(done, total)`` [ms] some ten times a second
        durable : bool
            force what is written to disk, so that it survives a loss of power
        checkpoint_every : float, s, optional
            with a store, keep a checkpoint beside it so often, by the clock, and when it is interrupted;
            :meth:`resume` goes on from there. By default there is none
        notes : mapping, optional
            what else the store's manifest says under ``config``

        Raises
        ------
        DescriptionError
            for a duration or a recording that is none
        SimulationError
            if the state becomes NaN or overflows, or activity runs away; what was recorded by then is safe in the store
        """
        checks.number(ms, "run", "ms", "ms")
        n = whole_ticks(ms, self.dt, "run: ms")
        check_clock(self.network, self.tick, n, self.dt)
        if not isinstance(progress, bool) and not callable(progress):
            raise DescriptionError(f"run: progress must be True, False or a function, got {progress!r}")
        record = Record() if record is None else record
        if not isinstance(record, Record):
            raise DescriptionError(
                f"run: record must be a Record, such as Record(spikes=[...]), got {record!r:.80}"
            )
        if checkpoint_every is not None:
            checks.number(checkpoint_every, "run", "checkpoint_every", "s", least=0.0)
            if to is None:
                raise DescriptionError("run: checkpoint_every needs a store to be kept beside: give to=...")
        for modulator in modulators_of(self.network):
            if n and modulator.expectation is not None:
                raise DescriptionError(
                    f"run: the levels of {modulator.name!r} are set at the end of trials, which a run has not: use "
                    "present"
                )
        record = record.of(self.network)
        histories = Histories(self, record)  # all that can be wrong with it, before a store is there
        if self.ranks is not None:
            self.ranks.agree(
                "run",
                ms=float(ms),
                record=record_dict(record),
                to=to is not None,
                checkpoints=checkpoint_every is not None,
            )
        with Deferred() as signals, reporting(progress, ms) as report:
            if to is None:
                return self._run(n, Log(self, record, n), histories, signals, report)
            return stored.begin(
                self,
                n,
                record,
                histories,
                str(to),
                force,
                durable,
                checkpoint_every,
                notes or {},
                signals,
                report,
            )

    def present(self, events: Any, labels: Any = None, **options: Any) -> Presented:
        """Show samples one after another, each a trial from a network at rest; see :func:`.present.present`."""
        if self.ranks is not None:
            raise DescriptionError("present: trials do not run on several MPI ranks yet; use one process")
        from .present import present

        return present(self, events, labels, **options)

    def _run(
        self,
        n: int,
        log: Log,
        histories: Histories,
        signals: Deferred,
        report: Report,
        trials: list[Trials] | None = None,
        keeper: Keeper | None = None,
    ) -> Result:
        """Advance ``n`` ticks in chunks that grow until each takes a tenth of a second.

        Chunks end where the guards look, so that how a run is split or how fast it is decides nothing. Trials are
        looked at when all have ended.
        """
        start, until = log.before.start, self.tick + n
        self._at_rest = trials is not None or (self._at_rest and n == 0)
        keeper = Keeper() if keeper is None else keeper
        so_far, began = stored.counts(self, log), time.perf_counter()

        def books() -> Before:
            return so_far(time.perf_counter() - began)

        try:
            histories.look(self)
            with self._lent(log, trials):
                length = 64
                while self.tick < until:
                    border = until if trials else (self.tick // self._window + 1) * self._window
                    stop = min(until, self.tick + min(length, self._longest), border, log.aim(self.tick))
                    stop = min(stop, next_change(self._currents, self.tick), histories.due(self.tick))
                    stop = stop if trials else min(stop, structure.due(self))
                    stop = min(stop, sharing.due(self, trials))
                    self._set_currents(self.tick + 1)
                    self._poisson_inhomogeneous = [
                        scales(self._plan, sources, self.tick, stop)
                        for sources in self._poisson_inhomogeneous
                    ]
                    t0 = time.perf_counter()
                    self._advance(stop, log, trials)
                    quick, due, interrupted = self._agreed(
                        time.perf_counter() - t0 < 0.1, keeper.due, signals.waiting
                    )
                    if quick:
                        length *= 2
                    log.drain_traces()
                    sharing.share(self, trials)
                    if trials is None:
                        self._turn_over(log)
                    histories.look(self)
                    self._guard(stop == until, trials is not None)
                    try:
                        report((self.tick - start) * self.dt, (until - start) * self.dt)
                        if self.ranks is None:
                            signals.let_through()
                        elif interrupted:
                            signals.drop()
                            self.ranks.interrupt()
                        if due:
                            self._keep(keeper, log, histories, books())
                    except KeyboardInterrupt:
                        self._keep(keeper, log, histories, books())
                        raise
            keeper.keep(self, log, histories, books())
        except BaseException as error:
            if self.ranks is not None and error is not self.ranks.agreed:
                self.ranks.abort(error)
            try:
                log.close(books(), complete=False)
            except Exception as second:
                error.add_note(f"Besides, the recordings could not be brought into the store: {second}")
            raise
        came_to = books()
        log.close(came_to, complete=True)
        return histories.into(self, log.result(came_to))

    def _agreed(self, quick: bool, due: bool, interrupted: bool) -> tuple[bool, bool, bool]:
        """Return what the first rank says of its clock, and whether any was interrupted."""
        if self.ranks is None:
            return quick, due, interrupted
        told = self.ranks.told((quick, due, interrupted))
        return told[0][0], told[0][1], any(one for _, _, one in told)

    def _turn_over(self, log: Log) -> None:
        """Let those synapses turn over whose time it is."""
        names = [name for name in self._contacts if self.tick % structure.interval(self, name) == 0]
        if names:
            with self._at_home(log):
                structure.update(self, names)

    def _keep(self, keeper: Keeper, log: Log, histories: Histories, came_to: Before) -> None:
        """Write a checkpoint."""
        with self._at_home(log):
            keeper.keep(self, log, histories, came_to)

    @contextmanager
    def _lent(self, log: Log, trials: list[Trials] | None) -> Iterator[None]:
        """Let a device have the network for a run; whatever happens, what it has done by then comes back."""
        if self.backend == "cpu":
            yield
            return
        self._lend(log, trials)
        try:
            yield
        finally:
            if self._device is not None:
                self._device.leave()

    def _lend(self, log: Log, trials: list[Trials] | None = None) -> None:
        """Let a device have the network, built anew for synapses that are others."""
        if self._device is None:
            from .cuda.device import Device

            started = time.perf_counter()
            self._device = Device(self)
            self.build_s += time.perf_counter() - started
        self._device.enter(log.recording, None if trials is None else trials[0])

    @contextmanager
    def _at_home(self, log: Log) -> Iterator[None]:
        """Have everything in the host's arrays for a moment of a run; then a device takes it up again."""
        if self._device is not None:
            self._device.leave()
        yield
        if self.backend == "cuda":
            self._lend(log)

    def _advance_device(self, stop: int, log: Log, trials: list[Trials] | None) -> None:
        """Let a device advance to ``stop``, and take what it has to tell."""
        while self.tick < stop:
            told = [self._device.begin()] if self.tick == 0 else []
            told.append(self._device.advance(stop))
            tick = self.tick + self._device.n_ticks
            spikes = np.concatenate(told)
            log.take(spikes)
            node = log.recording.node_of[spikes[:, 2]]
            if trials is not None:
                count_spikes(trials[0].protocol, spikes, node)
            for trial, counts in enumerate(self._control.spikes):
                mine = np.bincount(node[spikes[:, 0] == trial], minlength=len(self._plan.nodes))
                counts += mine[: len(counts)]
            self._control.clock[:] = tick
        self._device.pull()

    def _guard(self, at_end: bool, in_trials: bool = False) -> None:
        """Look for NaN and runaway activity at the borders of windows, for NaN at the end of a run as well."""
        at_border = at_end if in_trials else self.tick % self._window == 0
        if not (at_border or at_end):
            return
        with nullcontext() if self.ranks is None else self.ranks.sharing_errors():
            self._check(at_border)

    def _check(self, rates: bool) -> None:
        """Stop at NaN, and at runaway activity since the last look at ``rates``."""
        check_finite(self._model_groups, self._plan.populations, self.t)
        if not rates:
            return
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

    def _advance(self, stop: int, log: Log, trials: list[Trials] | None = None) -> None:
        """Call the kernels until all trials have reached ``stop``, making room whenever they ask for it."""
        if self.backend == "cuda":
            self._advance_device(stop, log, trials)
            return
        exchanger = self._exchanger
        if self.ranks is not None and not self._compiled:
            if (
                self.ranks.rank == 0
            ):  # no tick, but the first rank compiles, and the others find what it has compiled
                self._work(0, self.tick, log.recording, trials)
            self.ranks.meet()
            self._compiled = True
        while self.tick < stop or (exchanger is not None and exchanger.pending):
            if exchanger is not None:
                exchanger.prepare()
            jobs = range(1, self.threads)
            pool = self._workers.pool
            futures = [pool.submit(self._work, w, stop, log.recording, trials) for w in jobs] if pool else []
            try:
                self._work(0, stop, log.recording, trials)
            finally:
                for future in futures:
                    future.result()
            if exchanger is not None and exchanger.error is not None:
                raise exchanger.error
            log.drain()
            self._grow()

    def _work(self, worker: int, stop: int, recording: Recording, trials: list[Trials] | None) -> None:
        k = worker if self._n_shards > 1 else 0
        sources: dict[str, Any] = {
            "poisson_dense": self._poisson_dense[k],
            "poisson_inhomogeneous": self._poisson_inhomogeneous[k],
            "poisson_sparse": self._poisson_sparse[k],
            "gaussian": self._gaussian[k],
            "trains": self._trains,
            "levels": self._channels[k],
        }
        if self._exchanger is not None:
            sources["exchange"] = self._exchanger.by_shard[k]
        watched = self._watching[k]
        engine, present, control = self._engine, self._sources, self._control
        if trials is not None:
            control = control._replace(window=np.ones(1, np.int64))  # every tick is counted by all shards
            sources["trials"] = trials[k]
            engine, present = self._trial_engine, [*self._sources, "trials"]
        engine.advance(
            k,
            worker,
            self.threads,
            stop,
            self._wires[k],
            self._plastics[k],
            self._ring[k],
            *(sources[name] for name in present if name not in LATE),
            *watched,
            *(sources[name] for name in present if name in LATE),
            self._active[k],
            self._model_groups[k],
            self._fired,
            recording._replace(probe=recording.probe[k]),
            control,
            self._scratch[worker],
            self._inputs[k],
            self._inputs[k].reshape(self.n_trials, -1),
        )

    def _grow(self) -> None:
        """Double the capacity of queues that had to spill."""
        self._ring = [grown(ring) for ring in self._ring]

    def _set_currents(self, tick: int) -> None:
        """Sum the currents that act on ``tick`` into the last row of the inputs, and set the noise's deviations."""
        p = self._plan
        for gaussian in self._gaussian:
            for r, number in enumerate(gaussian.source[:, 0]):
                source = p.network.sources[number]
                assert isinstance(source, Noise)
                gaussian.std[r] = std_at(source, self.dt, tick)
        for name, steps in self._currents.items():
            total = current_at(steps, tick)
            for k in range(self._n_shards):
                lo, hi = p.numbers(k, name)
                slots = slice(p.first_slot[k][name], p.first_slot[k][name] + hi - lo)
                self._inputs[k][:, -1, slots] = total[lo:hi]
                if len(self._gaussian[k].steady):
                    self._gaussian[k].steady[slots] = total[lo:hi]


def _default_threads(network: Network, n_trials: int) -> int:
    available = default_threads()
    if n_trials > 1:
        return min(available, n_trials)
    return available if sum(p.size for p in network.populations) >= _MANY else 1
