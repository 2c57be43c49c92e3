"""The ranks of an MPI run: what they sum, gather and agree on. Nothing here imports mpi4py; a communicator is given."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from ..describe import checks
from ..describe.as_dict import digest_of
from ..describe.network import Network
from ..errors import DescriptionError, SimulationError, TegmentumError

Array = np.ndarray[Any, Any]
_SPINS, _NAP = 2000, 1e-4  # looks at a request before a rank sleeps in between [s]: ranks may outnumber cores


class Ranks:
    """The processes that simulate one network together.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        duplicated once, so that nothing else is mixed up with these messages
    """

    def __init__(self, comm: Any) -> None:
        if not all(hasattr(comm, name) for name in ("Dup", "Iallgather", "Split_type", "Abort")):
            raise DescriptionError(
                f"Simulation: comm must be a communicator of mpi4py, such as MPI.COMM_WORLD, got {checks.shown(comm)}"
            )
        self.comm = _own(comm)
        self.rank, self.size = int(self.comm.Get_rank()), int(self.comm.Get_size())
        self.agreed: BaseException | None = None  # the last error that all ranks have raised

    def wait(self, request: Any) -> None:
        """Wait for a message, and let others have the processor."""
        looks = 0
        while not request.Test():
            looks += 1
            if looks > _SPINS:
                time.sleep(_NAP)
            elif looks > 20:
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)

    def meet(self) -> None:
        """Wait until all are here."""
        self.wait(self.comm.Ibarrier())

    def neighbours(self) -> int:
        """Return how many ranks share the memory of this one's machine."""
        from mpi4py import MPI

        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        try:
            return int(node.Get_size())
        finally:
            node.Free()

    def told(self, value: Any) -> list[Any]:
        """Return what each rank gives here, by rank."""
        self.meet()
        return list(self.comm.allgather(value))

    def first(self, value: Any) -> Any:
        """Return what rank 0 gives here."""
        self.meet()
        return self.comm.bcast(value)

    def agree(self, where: str, **given: Any) -> None:
        """Refuse arguments that differ between ranks, each of which would simulate a network of its own.

        Numbers and words are told as they are; networks and recordings by a digest of all that they hold.
        """
        mine = {name: value if _is_short(value) else digest_of(value) for name, value in given.items()}
        told = self.told(mine)
        for name, value in given.items():
            found = [theirs[name] for theirs in told]
            if any(one != found[0] for one in found):
                got = f", got {', '.join(map(str, found))}" if _is_short(value) else ""
                self.agreed = DescriptionError(f"{where}: {name} must be equal on all MPI ranks{got}")
                raise self.agreed

    def total(self, values: Array) -> Array:
        """Return the sum over ranks of an array of whole numbers."""
        values = np.ascontiguousarray(values)
        out = np.empty_like(values)
        self.wait(self.comm.Iallreduce(values, out))
        return out

    def before(self, values: Array) -> Array:
        """Return the sum over lower ranks of an array of whole numbers."""
        values = np.ascontiguousarray(values)
        out = np.zeros_like(values)
        self.wait(self.comm.Iexscan(values, out))
        return out if self.rank else np.zeros_like(values)

    def joined(self, values: Array, axis: int = 0) -> Array:
        """Return the arrays of all ranks, one after another along an axis."""
        moved = np.ascontiguousarray(np.moveaxis(np.asarray(values), axis, 0))
        lengths = self.told(len(moved))
        out = np.empty((sum(lengths), *moved.shape[1:]), moved.dtype)
        width = int(np.prod(moved.shape[1:], dtype=np.int64)) * moved.itemsize
        if width and len(out):
            row = self._bytes(width)
            try:
                self.wait(self.comm.Iallgatherv([moved, len(moved), row], [out, lengths, None, row]))
            finally:
                row.Free()
        return np.moveaxis(out, 0, axis)

    @staticmethod
    def _bytes(n: int) -> Any:
        from mpi4py import MPI

        return MPI.BYTE.Create_contiguous(n).Commit()

    def overlaid(self, values: Array) -> Array:
        """Return an array of which each rank has written its own part and left the rest 0, put together bit by bit."""
        from mpi4py import MPI

        values = np.ascontiguousarray(values)
        out = np.empty_like(values)
        bits = values.view(np.uint8).reshape(-1)
        if bits.size:
            self.wait(self.comm.Iallreduce(bits, out.view(np.uint8).reshape(-1), MPI.BOR))
        return out

    @contextmanager
    def sharing_errors(self) -> Iterator[None]:
        """Do something on all ranks, or on some; an error that one meets is raised on all."""
        error = None
        try:
            yield
        except TegmentumError as met:
            error = met
        self.together(error)

    def together(self, error: BaseException | None) -> None:
        """Raise on all ranks the error that one of them has met, that of the lowest; else do nothing."""
        found = [(r, e) for r, e in enumerate(self.told(error)) if e is not None]
        if not found:
            return
        mine = error is not None and found[0][0] == self.rank
        self.agreed = error if mine else found[0][1]
        assert self.agreed is not None
        raise self.agreed

    def interrupt(self) -> NoReturn:
        """Raise on all ranks what an interrupt of one raises."""
        self.agreed = KeyboardInterrupt()
        raise self.agreed

    def abort(self, error: BaseException) -> NoReturn:
        """End all ranks, after an error that the others do not know of."""
        said = (
            str(error)
            if isinstance(error, TegmentumError)
            else "".join(traceback.format_exception(error)).rstrip()
        )
        print(
            f"error: rank {self.rank} of {self.size} stopped, and so all: {said}",
            file=sys.__stderr__,
            flush=True,
        )
        self.comm.Abort(1)
        raise SystemExit(1)


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


_KEY: list[int] = []


def _own(comm: Any) -> Any:
    """Return a duplicate of a communicator, the same each time: MPI has few, and none is freed by itself."""
    if not _KEY:
        _KEY.append(type(comm).Create_keyval(nopython=False))
    found = comm.Get_attr(_KEY[0])
    if found is None:
        found = comm.Dup()
        comm.Set_attr(_KEY[0], found)
    return found


def ranks_of(comm: Any) -> Ranks | None:
    """Return the ranks of a communicator, None for none and for one process."""
    if comm is None:
        return None
    ranks = Ranks(comm)
    return ranks if ranks.size > 1 else None


def refuse(network: Network, ranks: Ranks, n_trials: int, backend: str, arithmetic: str) -> None:
    """Refuse what several ranks do not do."""
    whole = f"does not run on {ranks.size} MPI ranks yet; use one process"
    for name, given, only in (
        ("n_trials", n_trials, 1),
        ("backend", backend, "cpu"),
        ("arithmetic", arithmetic, "float"),
    ):
        if given != only:
            raise DescriptionError(f"Simulation: {name}={given!r} {whole}, or {name}={only!r}")
    for projection in network.projections:
        if projection.structure is not None:
            raise DescriptionError(
                f"Projection {projection.name!r}: {type(projection.structure).__name__}, structural "
                f"plasticity, {whole}"
            )
        if projection.shared is not None:
            raise DescriptionError(
                f"Projection {projection.name!r}: shared weights that learn {whole}, or sharing=False"
            )
        if projection.short_term is not None and projection.short_term.varying:
            raise DescriptionError(
                f"Projection {projection.name!r}: {type(projection.short_term).__name__} whose "
                f"{projection.short_term.varying[0]} differs between synapses: {whole}"
            )
        for modulator in projection.modulators:
            if modulator.watch is not None:
                raise DescriptionError(
                    f"Modulator {modulator.name!r}: levels that follow membrane potentials: {whole}"
                )
            if modulator.expectation is not None:
                raise DescriptionError(
                    f"Modulator {modulator.name!r}: an expectation, which is judged at the end of trials, {whole}"
                )


def lost(ranks: Ranks, error: BaseException) -> SimulationError:
    """Return an error for messages that could not be exchanged."""
    return SimulationError(f"rank {ranks.rank} of {ranks.size}: spikes could not be exchanged: {error}")
