"""The function :func:`sweep`: a network at every point of a grid, on any executor."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..advance.backends import check_device
from ..describe import checks
from ..describe.network import Network
from ..describe.record import Record
from ..errors import DescriptionError
from .cluster import check_cluster, client_of
from .drive import Here, Quiet, Sweep, Watcher
from .grid import Grid
from .index import require_xarray
from .jobs import Job
from .networks import VARIABLES, NetworkJob
from .processes import check_cores, places, processes

if TYPE_CHECKING:
    import xarray as xr

    from .networks import Measure

_OPTIONS = ("dt", "n_trials", "precision", "max_rate", "backend", "checkpoint_every")


def sweep(
    network_of: Callable[..., Network],
    grid: Mapping[str, Iterable[Any]],
    ms: float,
    *,
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    threads: int = 1,
    record: Record | None = None,
    measure: Measure | None = None,
    force: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Simulate a network at every point of a grid.

    Parameters
    ----------
    network_of : function of the grid's parameters to Network
        called as ``network_of(g=4.5)``; ``seed`` is the simulation's, and the function's where it takes it
    grid : mapping of parameter to its values
        such as ``{"g": [4.0, 4.5], "seed": range(10)}``; values are numbers, text, true or false
    ms : float
        duration of each run
    out : path, optional
        folder of the sweep, ``NAME.zarr``: the store of each run, and an index that xarray opens. Started
        again with it, a sweep goes on: complete runs are not done again, failed ones are. Without it nothing is
        written.
    executor : concurrent.futures.Executor, optional
        where the runs are done, Dask's ``Client.get_executor()`` included; by default one after another, here. What is
        sent to other processes must be picklable: a function of a module, or with Dask any.
    workers : int, optional
        instead of an executor: processes of this machine
    threads : int, 1
        of each run; no result depends on it
    record : Record, optional
        what each run records, populations and projections by their names; needs ``out`` or ``measure``
    measure : function of (Simulation, Result) to numbers by name, optional
        called after each run; what it returns comes into the index. With ``out`` the recording is in the store and not
        in the result.
    force : bool
        replace a sweep that is there
    options
        ``dt``, ``n_trials``, ``precision``, ``max_rate``, ``backend`` of :class:`~tegmentum.simcore.Simulation`; with
        ``out`` ``checkpoint_every`` [s] of its ``run``: a run that was stopped then goes on from its last checkpoint.
        Where ``backend="auto"`` finds no device, sums are whole numbers all the same: a grid may be shared by machines
        with one and without.

    Returns
    -------
    xarray.Dataset
        over the parameters: ``rate`` [Hz] and ``n_spikes`` by population, ``mean_weight`` by plastic projection,
        ``synaptic_events``, what was measured, costs, and ``status``: a run that fails does not stop the others, is
        named in a warning, and says in ``error`` why

    Raises
    ------
    DescriptionError
        before any run, for anything that can be known to be wrong with any of them, and for more threads than cores
    StoreError
        if ``out`` is something else, or a sweep of other networks
    DeviceError
        if ``backend="cuda"`` and this machine has no device; of a Dask cluster the first run finds it out
    SimulationError
        if the executor's processes die
    """
    require_xarray()
    if not callable(network_of):
        raise DescriptionError(
            f"sweep: network_of must be a function that returns a Network, got {checks.shown(network_of)}"
        )
    checks.number(ms, "sweep", "ms", "ms", above=0.0)
    unknown = options.keys() - set(_OPTIONS)
    if unknown:
        raise DescriptionError(
            f"sweep: there is no option {min(unknown)!r}; there are {', '.join(_OPTIONS)} and those of its signature"
        )
    if "checkpoint_every" in options:
        checks.number(options["checkpoint_every"], "sweep", "checkpoint_every", "s", least=0.0)
        if out is None:
            raise DescriptionError("sweep: checkpoint_every needs out, a folder for the stores")
    if record is not None and not isinstance(record, Record):
        raise DescriptionError(f"sweep: record must be a Record, got {checks.shown(record)}")
    if record is not None and out is None and measure is None:
        raise DescriptionError(
            "sweep: record needs out, a folder for what is recorded, or measure, which looks at it"
        )
    if executor is None or client_of(executor) is None:
        check_device(options.get("backend", "cpu"))
    job = NetworkJob(network_of, ms, options, record or Record(), measure)
    found = Grid.of(grid, {*VARIABLES, "population", "projection"})
    with ExitStack() as stack:
        if workers is not None:
            checks.number(workers, "sweep", "workers", whole=True, least=1, most=1024)
            if executor is not None:
                raise DescriptionError("sweep: give an executor or a number of workers, not both")
            check_cores(workers, threads, "sweep")
            executor = stack.enter_context(processes(workers))
        done = run_sweep(job, found, out, executor, threads, force)
    return done.dataset()


def run_sweep(
    job: Job,
    grid: Grid,
    out: str | os.PathLike[str] | None,
    executor: Executor | None,
    threads: int = 1,
    force: bool = False,
    watcher: Watcher | None = None,
    only: Sequence[int] | None = None,
) -> Sweep:
    """Run any kind of :class:`.jobs.Job` at every point of a grid; :func:`sweep` says what the arguments are.

    Failed runs are named in a warning, unless there is a ``watcher``; ``only`` are the numbers of the runs to do.
    """
    checks.number(threads, "sweep", "threads", whole=True, least=1, most=1024)
    if executor is None:
        executor = Here()
        check_cores(1, threads, "sweep")
    elif not isinstance(executor, Executor):
        raise DescriptionError(
            f"sweep: executor must be one of concurrent.futures, got {checks.shown(executor)}; Dask's is "
            "Client.get_executor()"
        )
    if isinstance(executor, ProcessPoolExecutor):
        _check_picklable(job)
    client = client_of(executor)
    at_once = 1 if isinstance(executor, Here) else places(executor, threads)
    state = Sweep(
        job,
        grid,
        None if out is None else Path(os.path.abspath(out)),
        force,
        threads,
        at_once,
        tied=isinstance(executor, ProcessPoolExecutor),
        local=client is None,
        only=only,
        watcher=watcher or Quiet(),
    )
    state.check()
    state.look()
    if client is not None:
        check_cluster(client, threads, None if state.out is None else state.out.parent)
    records = state.run(executor)
    failed = {name: record["error"] for name, record in records.items() if record["status"] == "failed"}
    if failed and watcher is None:
        named = "; ".join(f"{name}: {error}" for name, error in list(failed.items())[:10])
        more = f"; and {len(failed) - 10} more" if len(failed) > 10 else ""
        warnings.warn(f"{len(failed)} of {len(records)} runs failed: {named}{more}", stacklevel=3)
    return state


def _check_picklable(job: Job) -> None:
    """Refuse what other processes could not import: they do not know what was typed into a notebook."""
    try:
        pickle.dumps(job)
    except Exception as error:
        reason = str(error)
    else:
        typed = not hasattr(sys.modules["__main__"], "__file__")
        functions = (getattr(job, name, None) for name in ("network_of", "measure"))
        if not typed or all(getattr(f, "__module__", "") != "__main__" for f in functions):
            return
        reason = "they would not find functions that were typed in"
    raise DescriptionError(
        f"sweep: processes cannot be sent what to do ({reason}); let network_of and measure be functions of a module, "
        "or use threads or Dask"
    )
