"""Runs whose recordings go to a run store: begun, kept in checkpoints, and gone on with."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..describe.as_dict import described
from ..describe.network import Network
from ..describe.record import Record, Result
from ..describe.record_dict import record_dict, record_of_dict
from ..errors import DescriptionError, StoreError
from ..record import checkpoints
from ..record.histories import Histories
from ..record.log import Before, Log
from ..record.manifest import location, read_manifest
from ..record.spool import is_put_aside
from .backends import chosen_backend
from .progress import Report, reporting
from .signals import Deferred

if TYPE_CHECKING:
    from ..record.store import RunStore
    from .simulation import Simulation

#: arguments that say how a simulation goes on; the number of threads is not one of them
ARGUMENTS = ("dt", "seed", "n_trials", "precision", "max_rate", "arithmetic")
S = TypeVar("S", bound="Simulation")


def placed(
    arguments: Mapping[str, Any], network: Network, backend: str, arithmetic: str | None = None
) -> dict[str, Any]:
    """Return the arguments of a simulation that goes on on a backend, in the arithmetic that it had if it can."""
    backend = chosen_backend(backend, network, arithmetic)
    had = arguments.get("arithmetic", "float")
    if arithmetic is None:
        arithmetic = "fixed" if backend == "cuda" else had
    return {**arguments, "backend": backend, "arithmetic": arithmetic}


class Keeper:
    """Keeps a run's checkpoints; without a folder for them, none.

    Parameters
    ----------
    to : Checkpoints or None
    elsewhere : bool
        whether another MPI rank has such a folder, to which this one gives its part
    """

    def __init__(self, to: checkpoints.Checkpoints | None = None, elsewhere: bool = False) -> None:
        self._to, self._elsewhere = to, elsewhere

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._to is not None and self._to.due()

    def keep(self, simulation: Simulation, log: Log, histories: Histories, before: Before) -> None:
        """Write a checkpoint, between two ticks."""
        if self._to is None and not self._elsewhere:
            return
        parts = {"simulation": simulation.state(), "log": log.state(), "histories": histories.state()}
        arrays = {f"{part}/{key}": values for part, found in parts.items() for key, values in found.items()}
        about = {"arguments": simulation._arguments(), "before": before.as_dict()}
        if self._to is not None:
            self._to.write(
                arrays, kind="run", at_ms=(simulation.tick - before.start) * simulation.dt, **about
            )


def begin(
    simulation: Simulation,
    n: int,
    record: Record,
    histories: Histories,
    path: str,
    force: bool,
    durable: bool,
    checkpoint_every: float | None,
    notes: Mapping[str, Any],
    signals: Deferred,
    report: Report,
) -> Result:
    """Run ``n`` ticks into a new store."""
    from ..record.store import RunStore

    told = _config(simulation, n, record, checkpoint_every) | dict(notes)
    with _held(simulation, lambda: RunStore.create(path, config=told, force=force, durable=durable)) as store:
        keeper = _keeper(store, checkpoint_every)
        log = Log(simulation, record, n, store, checkpointed=checkpoint_every is not None, stored=True)
        histories.open(simulation, store)
        if not told["fresh"]:
            keeper.keep(simulation, log, histories, log.before)
        return simulation._run(n, log, histories, signals, report, keeper=keeper)


def _held(simulation: Simulation, made: Callable[[], RunStore]) -> AbstractContextManager[RunStore | None]:
    """Return a store to write; of several MPI ranks the first has it, and the others hear whether it could be made."""
    ranks = simulation.ranks
    if ranks is None:
        return made()
    with ranks.sharing_errors():
        store = made() if ranks.rank == 0 else None
    return nullcontext() if store is None else store


def _keeper(store: RunStore | None, every: float | None) -> Keeper:
    """Return what keeps a run's checkpoints beside its store, or helps the MPI rank that does."""
    if every is None:
        return Keeper()
    return Keeper(None if store is None else checkpoints.Checkpoints(store, every), store is None)


def resume(
    cls: type[S],
    store: str | os.PathLike[str],
    network: Network,
    until: float | None,
    threads: int | None,
    force: bool,
    progress: bool | Report,
    checkpoint_every: float | None,
    backend: str,
    durable: bool = False,
    comm: Any = None,
) -> tuple[S, Result]:
    """Go on with a run; see :meth:`.Simulation.resume`."""
    from ..record.store import RunStore

    path = location(store)
    manifest = read_manifest(path)
    told = _resumable(path, manifest, network)
    found = checkpoints.latest(path, force)
    arguments = told["arguments"] if found is None else found[1]["arguments"]
    if found is None and not told["fresh"]:
        raise StoreError(f"{path}: was stopped before its first checkpoint; run it again")
    parts: dict[str, dict[str, Any]] = {"simulation": {}, "log": {}, "histories": {}}
    for key, values in ({} if found is None else found[0]).items():
        part, _, name = key.partition("/")
        parts[part][name] = values
    before = None if found is None else Before.of_dict(found[1]["before"])
    dt, start = float(arguments["dt"]), 0 if before is None else before.start
    end = start + whole_ticks(told["ms"] if until is None else until, dt, "resume: until")
    at = start if found is None else int(parts["simulation"]["tick"])
    _worth(path, manifest, at, end, (at - start) * dt, until)
    if len(parts["log"].get("spool", ())) and not is_put_aside(path):
        raise StoreError(f"{path}: a complete run of several trials cannot be gone on with")
    simulation = cls(network, threads=threads, comm=comm, **placed(arguments, network, backend))
    if found is not None:
        simulation.load_state(parts["simulation"])
    record = record_of_dict(told["record"]).of(simulation.network)
    histories, n = Histories(simulation, record, parts["histories"]), end - at
    every = told["checkpoint_every"] if checkpoint_every is None else checkpoint_every
    if simulation.ranks is not None:
        simulation.ranks.agree("resume", until=end * dt, at=at * dt, checkpoints=every is not None)
    ms = (end - start) * dt
    with Deferred() as signals, reporting(progress, ms) as report:
        shapes = {} if found is None else found[1]["shapes"]
        with _held(simulation, lambda: RunStore.reopen(path, shapes, durable, config={"ms": ms})) as writer:
            keeper = _keeper(writer, every)
            log = Log(simulation, record, n, writer, before, checkpointed=every is not None, stored=True)
            log.load_state(parts["log"])
            histories.open(simulation, writer)
            return simulation, simulation._run(n, log, histories, signals, report, keeper=keeper)


def _config(simulation: Simulation, n: int, record: Record, checkpoint_every: float | None) -> dict[str, Any]:
    """Return what a run's manifest says, and what it takes to go on with it."""
    arguments = simulation._arguments()
    finite = {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in arguments.items()}
    changed = simulation._rewired or simulation._reweighted or simulation._given
    return {
        "network": described(simulation.network),
        "ms": n * simulation.dt,
        **finite,
        "threads": simulation.threads,
        "backend": simulation.backend,
        "start_tick": simulation.tick,
        "input_seed": simulation._input_seed,
        "record": record_dict(record),
        "checkpoint_every": checkpoint_every,
        "fresh": simulation.tick == 0 and not changed and simulation._input_seed == simulation.seed,
    }


def _resumable(path: Any, manifest: Mapping[str, Any], network: Network) -> dict[str, Any]:
    """Return what a manifest says of a run, if it says enough, and if it is of this network."""
    told = manifest.get("config")
    needed = {*ARGUMENTS, "backend", "network", "ms", "record", "checkpoint_every", "fresh"}
    if not isinstance(told, dict) or not needed <= told.keys():
        raise StoreError(f"{path}: is no store of a run that can be gone on with")
    if json.dumps(told["network"], sort_keys=True) != json.dumps(described(network), sort_keys=True):
        raise DescriptionError(f"resume: {path} is the run of another network")
    arguments = {name: told[name] for name in ARGUMENTS}
    return {**told, "arguments": {**arguments, "max_rate": float(told["max_rate"])}}


def whole_ticks(ms: float, dt: float, what: str) -> int:
    """Return a duration in ticks; errors call it ``what``."""
    n = round(ms / dt)
    if n < 0 or not math.isclose(n * dt, ms, rel_tol=1e-9, abs_tol=1e-9):
        raise DescriptionError(f"{what} must be a multiple of dt = {dt} ms and >= 0, got {ms}")
    return n


def _worth(path: Any, manifest: Mapping[str, Any], at: int, end: int, ms: float, until: float | None) -> None:
    """Refuse to go on where there is nothing to do."""
    if end < at:
        raise DescriptionError(f"resume: {path} is at {ms:g} ms already, until must be more, got {until:g}")
    if end == at and manifest["status"] == "complete":
        raise DescriptionError(
            f"resume: {path} is complete; to go on beyond {ms:g} ms, say until when (--until)"
        )


def counts(simulation: Simulation, log: Log) -> Callable[[float], Before]:
    """Return a function that says what a run has come to, its earlier parts included; MPI ranks call it together."""
    before = log.before
    spikes, events = simulation._control.spikes.sum(axis=0), int(simulation._control.events[:, 0].sum())

    def so_far(seconds: float) -> Before:
        delivered = int(simulation._control.events[:, 0].sum()) - events
        if simulation.ranks is not None:
            delivered = int(simulation.ranks.total(np.array([delivered], np.int64))[0])
        return Before(
            start=before.start,
            n_spikes=before.n_spikes + (simulation._control.spikes.sum(axis=0) - spikes),
            events=before.events + delivered,
            seconds=before.seconds + seconds,
        )

    return so_far
