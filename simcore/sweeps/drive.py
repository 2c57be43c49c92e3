"""The course of a sweep: every run checked, kernels compiled, then run after run handed to an executor."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import DescriptionError, SimulationError, StoreError
from ..machine import memory
from . import index
from .execute import Task, execute
from .folder import Folder, check_free, is_sweep
from .grid import Grid, name_of
from .jobs import Checked, Job
from .processes import at_once

_INDEX_EVERY = 5.0  # s between two indices, at least
_INDEX_SHARE = 20.0  # and so many times as long as writing the last one took
_DYING = 5.0  # s for which a process that has died may still seem to hold its claim

Record = dict[str, Any]


class Watcher(Protocol):
    """Who is told of a sweep while it goes on."""

    def rehearses(self, n: int) -> None:
        """Be told that the code of ``n`` kinds of networks is compiled, or loaded."""

    def begins(self, n: int, there: int) -> None:
        """Be told of the number of runs, ``there`` of which were complete before."""

    def ended(self, name: str, record: Record) -> None:
        """Be told how a run has ended."""


class Quiet:
    """Tells nobody."""

    def rehearses(self, n: int) -> None:
        """Say nothing."""

    def begins(self, n: int, there: int) -> None:
        """Say nothing."""

    def ended(self, name: str, record: Record) -> None:
        """Say nothing."""


class Here(Executor):
    """An executor that does each run at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@dataclass
class Sweep:
    """Runs to do, and how they ended.

    Parameters
    ----------
    job, grid
        what is run with which parameters
    out : Path, optional
        folder of stores and records; without it the records are kept in memory
    force : bool
        replace a sweep that is there
    threads : int
        of each run
    places : int, optional
        runs that the executor does at once; None where it is left to the executor, which is then given all
    tied : bool
        whether the executor's processes are to end with this one
    local : bool
        whether all runs are on this machine
    only : sequence of int, optional
        numbers of the runs to do
    """

    job: Job
    grid: Grid
    out: Path | None = None
    force: bool = False
    threads: int = 1
    places: int | None = 1
    tied: bool = False
    local: bool = True
    only: Sequence[int] | None = None
    watcher: Watcher = field(default_factory=Quiet)

    def __post_init__(self) -> None:
        points = self.grid.points()
        chosen = range(len(points)) if self.only is None else self.only
        self.points = {name_of(points[k]): points[k] for k in chosen}
        self._names = [name_of(point) for point in points]
        self.folder: Folder | None = None
        self.records: dict[str, Record] = {}
        self.complete_before = 0
        self._indexed, self._index_took = -math.inf, 0.0

    def check(self) -> None:
        """Refuse all that is known to be wrong, of every run, before any begins."""
        self.checked: dict[str, Checked] = {}
        for name, point in self.points.items():
            try:
                self.checked[name] = self.job.check(point)
            except DescriptionError as error:
                raise DescriptionError(f"run {name}: {error}") from error
        n = min(self.places or 1, len(self.points))
        most = n * max(found.n_bytes for found in self.checked.values())
        if self.local and memory() and most > memory():
            raise DescriptionError(
                f"sweep: {at_once(n)} take{'s' * (n == 1)} up to {most / 1e9:,.0f} GB of memory, this machine has "
                f"{memory() / 1e9:,.0f} GB; do fewer at once"
            )

    def look(self) -> None:
        """See which runs have ended; refuse a folder that is none, or in which one of them was another run."""
        if self.out is None:
            return
        check_free(self.out, self.force)
        if self.force or not is_sweep(self.out):
            return  # made when nothing is known to be wrong any more
        self.folder = Folder.create(self.out, self.job.kind, self.grid.names)
        for name in self.points:
            record = self.folder.record(name)
            if record is None:
                continue
            if record.get("identity") != self.checked[name].identity:
                raise StoreError(
                    f"{self.folder.path}: its run {name} was another one, for the description has changed since; "
                    "choose another name, or replace the sweep with force (--force)"
                )
            self.records[name] = record

    def run(self, executor: Executor) -> dict[str, Record]:
        """Do all runs that are not complete, those that have failed last; return the records by name.

        Raises
        ------
        DescriptionError
            if the first of a kind of runs cannot be compiled: then none has begun
        SimulationError
            if the executor's processes die; what they had not ended is left to the next start
        """
        left = [name for name in self.points if name not in self.records]
        left += [name for name, record in self.records.items() if record["status"] == "failed"]
        seen = {name: record["id"] for name, record in self.records.items()}
        if len(left) > 1:
            self._rehearse(executor, left)
        if self.out is not None and self.folder is None:
            self.folder = Folder.create(self.out, self.job.kind, self.grid.names, self.force)
        self.complete_before = len(self.points) - len(left)
        self.watcher.begins(len(self.points), self.complete_before)
        tasks = iter([self._task(name, seen.get(name)) for name in left])
        flying: dict[Future[Record], Task] = {}
        try:
            while True:
                for task in tasks:
                    flying[executor.submit(execute, task)] = task
                    if self.places is not None and len(flying) >= self.places:
                        break
                if not flying:
                    break
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    task = flying.pop(future)
                    self._ended(task, future)
                self._index()
        except (BrokenExecutor, CancelledError) as error:
            for task in flying.values():
                self._lost(task, error)
            raise SimulationError(
                f"sweep: the processes that did the runs have died, perhaps for want of memory ({error}); "
                f"{self._n_left()} of {len(self.points)} runs are left, start again to go on"
            ) from error
        finally:
            for future in flying:
                future.cancel()
            self._index(now=True)
        return self.records

    def _task(self, name: str, seen: str | None = None, rehearsal: bool = False) -> Task:
        path = None if self.folder is None else self.folder.path
        return Task(self.job, name, self.points[name], self.checked[name].identity, self.threads, path, seen,
                    self.tied, rehearsal)  # fmt: skip

    def _rehearse(self, executor: Executor, names: Sequence[str]) -> None:
        """Compile for the first run of each kind, the very first alone: all others then find most of it."""
        first: dict[str, str] = {}
        for name in names:
            first.setdefault(self.checked[name].kernels, name)
        self.watcher.rehearses(len(first))
        tasks = [self._task(name, rehearsal=True) for name in first.values()]
        records = [executor.submit(execute, tasks[0]).result()]
        records += [f.result() for f in [executor.submit(execute, task) for task in tasks[1:]]]
        for task, record in zip(tasks, records, strict=True):
            if record["status"] == "failed":
                raise DescriptionError(f"run {task.name}: {record['error']}")

    def _ended(self, task: Task, future: Future[Record]) -> None:
        """Take note of a run that has ended, or of what kept it from ending."""
        try:
            record = future.result()
        except (BrokenExecutor, CancelledError) as error:
            self._lost(task, error)
            raise
        except Exception as error:  # the executor's own, such as Dask's KilledWorker
            self._lost(task, error)
            return
        self.records[task.name] = record
        self.watcher.ended(task.name, record)

    def _lost(self, task: Task, error: BaseException) -> None:
        """Call a run failed whose process died: it may be what killed it, so others go first next time."""
        record: Record = {
            "status": "failed",
            "parameters": dict(task.parameters),
            "identity": task.identity,
            "threads": task.threads,
            "error": f"its process died: {type(error).__name__}: {error}",
        }
        if self.folder is not None:
            with self.folder.claimed(task.name, _DYING) as mine:
                there = self.folder.record(task.name)
                if not mine or (there is not None and there["id"] != task.seen):
                    return
                record = self.folder.end(task.name, record)
        self.records[task.name] = record
        self.watcher.ended(task.name, record)

    def _n_left(self) -> int:
        complete = [r for r in self.records.values() if r["status"] == "complete"]
        return len(self.points) - len(complete)

    def _index(self, now: bool = False) -> None:
        """Write the index if it is time."""
        if self.folder is None:
            return
        began = time.monotonic()
        if now or began - self._indexed > max(_INDEX_EVERY, _INDEX_SHARE * self._index_took):
            index.write(self.folder, self.grid, self.job.variables)
            self._indexed = time.monotonic()
            self._index_took = self._indexed - began

    def dataset(self) -> Any:
        """Return the index as xarray's Dataset."""
        records = [self.records.get(name) for name in self._names]
        if self.folder is not None and self.only is not None:
            records = [self.folder.record(name) for name in self._names]
        return index.dataset(self.grid, records, self.job.variables)
