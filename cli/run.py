"""``tegmentum run``: simulate a network that a TOML file describes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .announce import announce, announce_recording
from .interrupts import EXIT_RESUMABLE, Interrupts, stop_interrupted
from .mpi import is_first, n_launched, on_first, ranks
from .options import (
    CHECKPOINT_EVERY,
    Backend,
    CheckpointEvery,
    Durable,
    check_backend,
    check_disk,
    check_store,
    history_bytes,
    place,
    trace_bytes,
)

if TYPE_CHECKING:
    from tegmentum.simcore import Result, Simulation
    from tegmentum.simcore.advance.progress import Report


def run(
    file: Annotated[Path, typer.Argument(help="Network in TOML; see `tegmentum config schema`.")],
    out: Annotated[
        str | None,
        typer.Option(help=r"Run store to write, a path or a URL \[FILE with .zarr].", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace an existing run store.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=1024, help=r"Threads \[the file's, or 1 for small networks].", show_default=False
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=r"Seed \[the file's].", show_default=False)] = None,
    backend: Backend = "cpu",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Replace a value: --set simulation.duration=100, --set projections.0.weight=0.2."
        ),
    ] = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
    durable: Durable = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what the run would take, and do nothing else.")
    ] = False,
    n_ranks: Annotated[
        int | None,
        typer.Option(
            "--ranks",
            min=1,
            max=1_000_000,
            help=r"MPI ranks that --plan is to assume \[those that were started].",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help=r"Mean rate of all neurons, in Hz, that --plan is to assume \[5].",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate a network described in TOML and write what it recorded to a run store.

    Under `mpiexec -n N` all ranks simulate the one network, each with --threads threads, and the first
    writes the store.
    """
    if not plan and (n_ranks, rate) != (None, None):
        raise DescriptionError("--ranks and --rate are for --plan; a run has the ranks that mpiexec starts")
    if plan:
        _plan(file, overrides, threads, n_ranks, rate, as_json)
        return
    with ranks() as comm:
        _run(file, out, force, threads, seed, backend, overrides, checkpoint_every, durable, as_json, comm)


def _plan(
    file: Path,
    overrides: list[str] | None,
    threads: int | None,
    n_ranks: int | None,
    rate: float | None,
    as_json: bool,
) -> None:
    """Say what a run would take."""
    if not is_first():
        return
    from tegmentum.simcore.advance.outlook import outlook

    from .config import network_of, read_text, text_of
    from .foretell import tell_plan

    config = read_text(text_of(file), overrides, str(file))
    s, n = config.simulation, threads or config.simulation.threads or 1
    n_ranks = n_launched() if n_ranks is None else n_ranks
    rate = 5.0 if rate is None else rate
    found = outlook(network_of(config), s.duration, s.dt, s.precision, n_ranks, n, rate)
    tell_plan(found, s.duration, s.dt, n_ranks, n, as_json)


def _run(
    file: Path,
    out: str | None,
    force: bool,
    threads: int | None,
    seed: int | None,
    backend: str,
    overrides: list[str] | None,
    checkpoint_every: float,
    durable: bool,
    as_json: bool,
    comm: Any,
) -> None:
    """Simulate on one process, or as one of the ranks of a communicator."""
    from .config import read_text, rehearsed, text_of

    check_backend(backend)
    text = text_of(file)
    config = read_text(text, overrides, str(file))
    s = config.simulation
    store = place(out) or file.with_suffix(".zarr")
    on_first(comm, lambda: check_store(store, force))
    network, record, _ = rehearsed(config, seed, 1 if comm is None else comm.Get_size())
    if backend != "cpu":
        from tegmentum.simcore.advance.backends import chosen_backend

        backend = chosen_backend(backend, network)
    recorded = record.within(s.duration)
    histories = history_bytes(record, network, recorded, s.precision)
    check_disk(store, trace_bytes(record, recorded, s.dt, s.n_trials, s.precision) + histories)
    announce(network, s.duration, s.dt, s.precision)
    from tegmentum.simcore import Simulation

    started = time.perf_counter()
    announce_recording(record, network, recorded, s.dt, s.n_trials, histories)
    document = {"text": text, "overrides": overrides or [], "file": str(file)}
    with interruptible(store, s.duration, quiet=comm is not None and comm.Get_rank() > 0) as draw:
        simulation = Simulation(
            network,
            dt=s.dt,
            seed=s.seed if seed is None else seed,
            threads=s.threads if threads is None else threads,
            n_trials=s.n_trials,
            precision=s.precision,
            backend=backend,
            comm=comm,
        )
        result = simulation.run(
            s.duration,
            record=record,
            to=store,
            force=force,
            progress=draw,
            checkpoint_every=checkpoint_every,
            durable=durable,
            notes={"document": document},
        )
    tell(simulation, result, store, started, as_json)


@contextmanager
def interruptible(store: Path | str, ms: float, there: bool = False, quiet: bool = False) -> Iterator[Report]:
    """Give what draws the progress of a run; an interrupt ends the command, and says how to go on.

    ``there`` says that the store is there from the beginning; ``quiet`` that another MPI rank tells what is to be told.
    """
    from tegmentum.simcore.advance.progress import reporting

    if quiet:
        with Interrupts():
            try:
                yield lambda done, total: None
            except KeyboardInterrupt:
                raise typer.Exit(EXIT_RESUMABLE) from None
        return
    before = None if there else _identity(store)
    with Interrupts():
        try:
            with reporting(True, ms) as draw:
                yield draw
        except KeyboardInterrupt:
            if _identity(store) == before:
                stop_interrupted("before the first tick; nothing was recorded")
            at = f"at {_reached(store):g} of {ms:g} ms"
            stop_interrupted(f"{at}; what was recorded until then is in {store}", store)


def _identity(store: Path | str) -> str | None:
    """Return which run a store holds, None where there is none."""
    from tegmentum.simcore.record.manifest import is_run_store, read_manifest

    return str(read_manifest(store).get("id")) if is_run_store(store) else None


def _reached(store: Path | str) -> float:
    """Return the model time that a run of which the store is closed has reached [ms]."""
    from tegmentum.simcore.record.layout import open_committed

    root: Any = open_committed(store)
    return float(root["model_time"][()]) if "model_time" in root else 0.0


def tell(simulation: Simulation, result: Result, store: Path | str, started: float, as_json: bool) -> None:
    """Print what a run came to."""
    from tegmentum.simcore.describe.plasticity import Static

    network = simulation.network
    learnt = {
        str(q.name): float(w.mean())
        for q in network.projections
        if q.plasticity is not None
        and not isinstance(q.plasticity, Static)
        and (w := simulation.synapses(q).weight).size
    }
    summary: dict[str, Any] = {
        "store": str(store),
        "n_neurons": sum(p.size for p in network.populations),
        "n_synapses": simulation.n_synapses,
        "bytes_per_synapse": simulation.synapse_bytes / max(simulation.n_synapses, 1),
        "sim_ms": (result.stop - result.start) * simulation.dt,
        "seed": simulation.seed,
        "threads": simulation.threads,
        "backend": simulation.backend,
        "build_s": simulation.build_s,
        "run_s": result.run_s,
        "wall_s": time.perf_counter() - started,
        "rates_hz": result.rates(),
        "n_spikes": result.n_spikes,
        "synaptic_events": result.synaptic_events,
        "update": simulation.policies,
        "mean_weights": learnt,
    }
    if simulation.ranks is not None:
        summary["ranks"] = simulation.ranks.size
    if as_json:
        typer.echo(json.dumps(summary))
        return
    for name, rate in result.rates().items():
        typer.echo(f"{name}: {rate:.2f} Hz")
    for name, weight in learnt.items():
        typer.echo(f"{name}: mean weight {weight:.4g}")
    typer.echo(f"{result.synaptic_events:,} synaptic events in {result.run_s:.2f} s; wrote {store}")
