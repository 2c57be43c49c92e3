"""A command on several MPI ranks: who they are, that one of them speaks, and that an error of one ends all."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from tegmentum.simcore.errors import DeviceError, TegmentumError

#: Variables in which launchers say how many processes they have started: Hydra and its kin, Open MPI.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")
_PATIENCE = 5.0  # s that a rank with an error waits for the others to have it too


def n_launched() -> int:
    """Return how many processes ``mpiexec`` has started; 1 without it."""
    said = [os.environ[name] for name in SIZES if os.environ.get(name, "").isdigit()]
    if not said and "PMIX_RANK" in os.environ:  # srun --mpi=pmix
        said = [os.environ.get("SLURM_STEP_NUM_TASKS", "1")]
    return int(said[0]) if said and said[0].isdigit() else 1


def is_first() -> bool:
    """Tell whether this is the first of the ranks that a launcher has started, or the only one."""
    return not any(os.environ.get(name, "0") != "0" for name in RANKS)


def world() -> Any:
    """Return the communicator of all ranks, or None where there is one process.

    Raises
    ------
    DeviceError
        where mpi4py is missing, or is of another MPI than the launcher
    """
    n = n_launched()
    if n == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        from tegmentum.simcore.installed import install_line

        raise DeviceError(
            f"{n} MPI ranks were started, but mpi4py cannot be used ({error}); type: {install_line('mpi')}"
        ) from error
    if MPI.COMM_WORLD.Get_size() != n:
        raise DeviceError(
            f"the launcher started {n} MPI ranks, but mpi4py's MPI sees {MPI.COMM_WORLD.Get_size()}: they belong to "
            f"different MPI libraries; mpi4py uses {MPI.Get_library_version().splitlines()[0]}"
        )
    return MPI.COMM_WORLD


@contextmanager
def ranks() -> Iterator[Any]:
    """Give the communicator of all ranks, or None; the first alone prints, and an error of one ends all.

    An error that all have met is said once and its exit code kept; one that the others do not know of ends them too.
    """
    try:
        comm = world()
    except DeviceError:
        if not is_first():
            raise typer.Exit(2) from None  # the first rank says it
        raise
    if comm is None:
        yield None
        return
    if comm.Get_rank():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        yield comm
    except typer.Exit:
        raise
    except TegmentumError as error:
        if _all_here(comm):
            raise
        _end(comm, f"error: rank {comm.Get_rank()} of {comm.Get_size()}: {error}", error)
    except BaseException as error:
        _end(comm, "".join(traceback.format_exception(error)), error)


def on_first(comm: Any, check: Callable[[], Any]) -> None:
    """Check something on the first rank, and raise on all what it finds."""
    error = None
    if comm is None or comm.Get_rank() == 0:
        try:
            check()
        except TegmentumError as met:
            error = met
    if comm is not None:
        error = comm.bcast(error)
    if error is not None:
        raise error


def _all_here(comm: Any) -> bool:
    """Wait a while for all ranks."""
    request, until = comm.Ibarrier(), time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if request.Test():
            return True
        time.sleep(0.01)
    return False


def _end(comm: Any, text: str, error: BaseException) -> None:
    from .main import exit_code

    print(text, file=sys.__stderr__, flush=True)
    comm.Abort(exit_code(error) if isinstance(error, TegmentumError) else 1)
