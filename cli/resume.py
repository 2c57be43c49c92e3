"""``tegmentum resume``: go on with a run that was stopped, from its last checkpoint."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError, StoreError

from .mpi import ranks
from .options import CHECKPOINT_EVERY, Durable, RunStoreName, check_backend, located

if TYPE_CHECKING:
    from collections.abc import Mapping


def resume(
    store: RunStoreName,
    until: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help=r"Model time to reach, from a network's start, in ms; also of a complete run \[as planned].",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Threads; no result depends on it.", show_default=False),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            help=r"cpu, cuda or auto, of a network's run \[as before, or the CPU without a device].",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help=r"Folder that holds the data set's files \[as before].", show_default=False),
    ] = None,
    checkpoint_every: Annotated[
        float | None,
        typer.Option(min=0.0, help=r"Seconds between checkpoints \[as before].", show_default=False),
    ] = None,
    durable: Durable = False,
    force: Annotated[
        bool, typer.Option("--force", help="Go on also from a checkpoint of another version.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Go on with a run, a training or a run of continual learning that was stopped or killed, from its last checkpoint.

    The store, in a folder or at a URL, and what lies beside it (NAME.checkpoints) are all that it takes, but for the
    files of a data set. What comes out is bit for bit what would have come without the stop.
    """
    from tegmentum.simcore.record.manifest import read_manifest

    at = located(store)
    manifest = read_manifest(at)
    told = manifest["config"] if isinstance(manifest.get("config"), dict) else {}
    if "document" in told:
        if data_dir is not None:
            raise DescriptionError(f"--data-dir: {store} is a run of a network, which has none; leave it out")
        with ranks() as comm:
            _run(at, told, until, threads, backend, checkpoint_every, durable, force, as_json, comm)
        return
    if backend is not None:
        raise DescriptionError(f"--backend: {store} is no run of a network; leave it out")
    if until is not None:
        raise DescriptionError(f"--until: {store} is no run of model time; leave it out")
    if "protocol" in told:
        from .continual_run import go_on
    elif "rule" in told:
        from .training import go_on
    else:
        raise StoreError(
            f"{store}: was not written by run, train or continual, so there is nothing to go on with; "
            "in Python, Simulation.resume goes on with a run of a network"
        )
    if manifest["status"] == "complete":
        raise DescriptionError(f"{store}: is complete; there is nothing to go on with")
    every = checkpoint_every
    if every is None:
        every = told.get("checkpoint_every", CHECKPOINT_EVERY)
    go_on(at, manifest, threads, data_dir, every, durable, force, as_json)


def _run(
    store: Path | str,
    told: Mapping[str, Any],
    until: float | None,
    threads: int | None,
    backend: str | None,
    checkpoint_every: float | None,
    durable: bool,
    force: bool,
    as_json: bool,
    comm: Any,
) -> None:
    """Go on with a network of a TOML file, as it was when the run began."""
    from .config import network_of, read_text
    from .run import interruptible, tell

    if backend is None:
        backend = "auto" if told.get("backend") == "cuda" else "cpu"
    check_backend(backend)
    document, started = told["document"], time.perf_counter()
    network = network_of(read_text(document["text"], document["overrides"], document["file"]))
    from tegmentum.simcore import Simulation

    quiet = comm is not None and comm.Get_rank() > 0
    with interruptible(store, told["ms"] if until is None else until, there=True, quiet=quiet) as draw:
        simulation, result = Simulation.resume(
            store,
            network,
            until,
            threads=threads,
            force=force,
            progress=draw,
            checkpoint_every=checkpoint_every,
            backend=backend,
            durable=durable,
            comm=comm,
        )
    tell(simulation, result, store, started, as_json)
