"""``tegmentum sweep``: a network file, or ``train`` or ``continual``, at every point of a grid."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError, StoreError

from ..interrupts import EXIT_INTERRUPTED, EXIT_RESUMABLE, Interrupts
from ..options import check_backend

if TYPE_CHECKING:
    from tegmentum.simcore.sweeps.drive import Sweep
    from tegmentum.simcore.sweeps.grid import Grid

    from .learning import CommandJob
    from .network import FileJob


def sweep(
    what: Annotated[
        str, typer.Argument(help="Network in TOML, or `train` or `continual`.", show_default=False)
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(help="After --: options of `train` or `continual` that all runs share.", show_default=False),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Values of a parameter, each a run: --set poisson.0.rate=1000,2000 of a file, "
                     "--set hidden=100,200 of `train`. Several make a grid; one value is for all runs.",
                     show_default=False),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds, 0:10 for 0 to 9, or 0,1,5.", show_default=False)
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder of the sweep; one that is there is gone on with.")
    ] = Path("sweep.zarr"),
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help=r"Runs at once on this machine \[cores / threads].", show_default=False),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler whose workers do the runs: tcp://host:8786.",
                     show_default=False),
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(min=0, help="Do this run alone, counted from 0: --index $SLURM_ARRAY_TASK_ID.",
                     show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help=r"Threads of each run; no result depends on it \[the file's, or 1].",
                     show_default=False),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(help=r"Of a file: cpu, cuda, or auto: a CUDA device if there is one that can run it \[cpu].",
                     show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a sweep that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Run a network, or learn, at every point of a grid: on this machine, a Dask cluster or as a Slurm array.

    Started again it goes on: complete runs are not done again, failed ones are. Each run has a store in OUT/runs, and
    OUT opens in xarray as a grid of rates or accuracies.
    """
    from tegmentum.simcore.advance.backends import check_device, has_device
    from tegmentum.simcore.sweeps.sweep import run_sweep

    from .show import printed, watching

    began = time.perf_counter()
    if (workers is not None) + (dask is not None) + (index is not None) > 1:
        raise DescriptionError("--workers, --dask, --index: only one of them says where the runs are done")
    job, grid, asked = _described(what, sets or [], seeds, options or [], backend)
    if dask is None and backend is not None:
        check_device(backend)
    n_threads = threads or asked
    only = None
    if index is not None:
        if index >= len(grid):
            raise DescriptionError(
                f"--index: the grid has {len(grid)} runs, 0 to {len(grid) - 1}, got {index}"
            )
        if force:
            raise DescriptionError(
                "--force: would delete what other tasks of the array have done; leave it out"
            )
        only = [index]
    with Interrupts():
        try:
            most = 1 if backend == "cuda" or (backend == "auto" and has_device()) else len(grid)
            with watching() as watcher, _executor(workers, dask, index, n_threads, most) as executor:
                done = run_sweep(job, grid, out, executor, n_threads, force, watcher, only)
        except KeyboardInterrupt:
            kept = _kept(out, len(grid))
            typer.secho(f"interrupted: {kept or 'nothing was written'}", fg="red", err=True)
            raise typer.Exit(EXIT_RESUMABLE if kept else EXIT_INTERRUPTED) from None
    result = _summary(done, out, began)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        printed(result)
    if result["failed"]:
        raise typer.Exit(1)


def _described(
    what: str, sets: list[str], seeds: str | None, options: list[str], backend: str | None
) -> tuple[FileJob | CommandJob, Grid, int]:
    """Return what is run, the grid, and the threads that a file asks for."""
    from tegmentum.simcore.sweeps.grid import Grid

    from .learning import COMMANDS, command_job
    from .network import file_job
    from .values import parameters

    swept, shared = parameters(sets, seeds)
    job: FileJob | CommandJob
    if backend is not None:
        check_backend(backend)
        if what in COMMANDS:
            raise DescriptionError(f"--backend: is for network files; options of {what} stand after --")
    if what in COMMANDS:
        job, threads = command_job(what, swept, shared, options), None
    elif options:
        raise DescriptionError(
            f"{' '.join(options)}: options after -- are those of train and continual; values of a file are set by "
            "--set, such as --set simulation.duration=100"
        )
    else:
        job = file_job(Path(what), swept, shared, backend or "cpu")
        threads = job.threads({name: values[0] for name, values in swept.items()})
    dims = {v.dim for v in job.variables.values() if v.dim is not None}
    return job, Grid.of(swept, {*job.variables, *dims}), threads or 1


@contextlib.contextmanager
def _executor(
    workers: int | None, dask: str | None, index: int | None, threads: int, most: int
) -> Iterator[Executor | None]:
    """Give what does the runs, where nobody says how many at once no more than ``most``; nothing for one run."""
    if index is not None:
        yield None
    elif dask is not None:
        from .cluster import dask_executor

        with dask_executor(dask) as executor:
            yield executor
    else:
        from tegmentum.simcore.machine import cpu_count
        from tegmentum.simcore.sweeps.processes import check_cores, processes

        n_at_once = workers or min(most, max(1, cpu_count() // threads))
        check_cores(n_at_once, threads, "--workers")
        with processes(n_at_once) as pool:
            yield pool


def _summary(done: Sweep, out: Path, began: float) -> dict[str, Any]:
    """Gather what ``--json`` prints."""
    failed = {name: r["error"] for name, r in done.records.items() if r["status"] == "failed"}
    return {
        "store": str(out),
        "parameters": list(done.grid.names),
        "n_runs": len(done.points),
        "complete": len(done.records) - len(failed),
        "complete_before": done.complete_before,
        "failed": failed,
        "wall_s": time.perf_counter() - began,
    }


def _kept(out: Path, n: int) -> str:
    """Say what an interrupted sweep leaves behind, if anything."""
    from tegmentum.simcore.sweeps.folder import Folder

    try:
        complete = Folder(out).manifest().get("complete", 0)
    except StoreError:
        return ""
    return f"{complete} of {n} runs are complete in {out}; the same command goes on"
