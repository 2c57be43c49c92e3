"""The run store: everything that happened in a run, in one Zarr v3 directory that xarray opens.

>>> store = RunStore.create("run.zarr", config={"seed": 1})            # doctest: +SKIP
>>> with store:                                                        # doctest: +SKIP
...     spikes = store.spikes("exc", n_neurons=1000, dt=0.1)
...     spikes.append(tick=[3, 7], neuron=[12, 5])

**How a commit works.** Readers take every array's length from the consolidated metadata in the root's
``zarr.json``. The writer writes chunks as it goes, and only when all arrays of all groups agree does it write metadata,
the root's ``zarr.json`` last, which is one atomic rename. Whatever kills the process, and however often others read
meanwhile, ``xarray.open_datatree(path)`` shows the last commit.

A thread compresses and writes. What it fails with, a full disk for one, is raised by what is called next.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from numpy.typing import ArrayLike, DTypeLike

from ..advance.signals import Deferred
from ..errors import StoreError
from .begin import made, taken_up
from .lock import Lock
from .manifest import location, now, read_manifest, read_root
from .reader import open_run, summarise
from .recorders import Modulators, Populations, Recorder, Spikes, Table, Trace, Weights
from .snapshots import Levels, SynapseSnapshots
from .target import target_of
from .writer import Writer

if TYPE_CHECKING:
    from .tree import Group

__all__ = ["RunStore", "open_run", "read_manifest", "summarise"]

R = TypeVar("R", bound=Recorder)

COMMIT_EVERY = 5.0
"""Seconds from one commit to the next, of a store that is not told otherwise."""


class RunStore:
    """The writer of a run store; there must be only one. Make it with `RunStore.create` or `RunStore.reopen`.

    As a context manager it closes itself: with the status ``complete``, or after an exception ``interrupted``
    (KeyboardInterrupt) or ``failed: <type>: <message>``, keeping all that was recorded until then.

    Attributes
    ----------
    path
        The directory, absolute, or the URL.
    """

    def __init__(
        self, path: Path | str, durable: bool, commit_every: float | None, lock: Lock | None
    ) -> None:
        from .tree import Tree

        self.path = path
        self._lock = lock
        self.target = target_of(path, durable)
        self.writer = Writer()
        self._commit_every = COMMIT_EVERY if commit_every is None else commit_every
        self._recorders: list[Recorder] = []
        self._dims: dict[str, dict[str, int | None]] = {}
        self._tree = Tree(self.target, *read_root(path))
        self._committed_at = time.monotonic()
        self._together = False
        self._closed = False
        self._reopened = False

    @classmethod
    def create(
        cls,
        path: str | Path,
        config: Mapping[str, Any],
        force: bool = False,
        durable: bool = False,
        commit_every: float | None = None,
    ) -> Self:
        """Create a run store.

        Parameters
        ----------
        path
            Directory to create, usually ``<name>.zarr``, whose parent must exist; or a URL that fsspec can write, such
            as ``s3://bucket/run.zarr``. There a commit is the last object that is put, and nothing refuses a second
            writer.
        config
            The resolved configuration, stored as it is.
        force
            Replace an existing run store or an empty directory. Nothing else is ever deleted.
        durable
            Force every write to disk, so that commits survive a loss of power and not only a killed process.
        commit_every
            Seconds between automatic commits, which appending triggers; 5 by default.

        Raises
        ------
        StoreError
            If `path` exists (and, with `force`, is no run store), is being written, or cannot be.
        DescriptionError
            If `config` cannot be expressed in JSON.
        """
        at = location(path)
        return cls(at, durable, commit_every, made(at, config, force, durable))

    @classmethod
    def reopen(
        cls,
        path: str | Path,
        shapes: Mapping[str, Sequence[int]] | None = None,
        durable: bool = False,
        commit_every: float | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Self:
        """Go on with a run store, as its only writer; recorders declared again go on where they were.

        Parameters
        ----------
        path
            The directory or URL.
        shapes
            Shape of each array at a checkpoint: the store is cut to it. By default it stays as committed.
        durable, commit_every
            See :meth:`create`.
        config
            Entries of the configuration that change.

        Raises
        ------
        StoreError
            If it is no run store of this schema, is being written, or holds less than `shapes`.
        """
        at = location(path)
        store = cls(at, durable, commit_every, taken_up(at, shapes, durable, config or {}))
        store._reopened = True
        return store

    @property
    def folder(self) -> Path:
        """Where temporary files may be: beside the store, or where the system has them if that is at a URL."""
        return self.path.parent if isinstance(self.path, Path) else Path(tempfile.gettempdir())

    def spikes(
        self,
        name: str,
        n_neurons: int,
        dt: float,
        trial: Sequence[str] = (),
        recorded: ArrayLike | None = None,
        window: tuple[int, int | None] | None = None,
    ) -> Spikes:
        """Record the spikes of a population of `n_neurons`, with ticks of `dt` ms.

        `trial` names integers that each trial has, such as ``label``; `Spikes.end_trial` takes them. `recorded` are
        the neurons whose spikes will come, by default all; `window` the ticks of a trial after and until which they do.
        """
        return self._declare(
            f"spikes/{name}",
            lambda group: Spikes(self, group, n_neurons, dt, trial, recorded, window),
        )

    def populations(
        self,
        sizes: Mapping[str, int],
        n_spikes: ArrayLike,
        rate: ArrayLike,
        scalars: Mapping[str, tuple[Any, str, str]],
    ) -> Populations:
        """Write what a simulation came to into the root, by population: what ``xarray.open_zarr(path)`` shows.

        Parameters
        ----------
        sizes
            Neurons of each population.
        n_spikes, rate
            Spikes and mean rates [Hz], shape (n_populations,).
        scalars
            Name: (value, unit, meaning), numbers of the whole run.
        """
        return self._declare("", lambda group: Populations(self, group, sizes, n_spikes, rate, scalars))

    def weights(
        self,
        name: str,
        pre: ArrayLike,
        post: ArrayLike,
        delay: ArrayLike | None = None,
        unit: str = "",
        n_pre: int | None = None,
        n_post: int | None = None,
    ) -> Weights:
        """Record snapshots of a projection's weights.

        Parameters
        ----------
        name
            The projection.
        pre, post
            Neurons that each synapse connects, shape (n_synapses,).
        delay
            Ticks (integers) or ms (floats), shape () or (n_synapses,).
        unit
            Unit of the weights.
        n_pre, n_post
            Sizes of the populations; by default the least that hold all of `pre` and `post`.
        """
        return self._declare(
            f"weights/{name}", lambda group: Weights(self, group, pre, post, delay, unit, n_pre, n_post)
        )

    def modulators(
        self,
        name: str,
        channels: Sequence[str],
        n_subpopulations: int,
        time_name: str = "tick",
        dim: str = "time",
    ) -> Modulators:
        """Record the levels of named modulator `channels` at each synapse subpopulation.

        `dim` is the dimension along which they follow each other; it must be none of the root table's. `time_name`
        says what it counts ("tick", "epoch"), as its long name.
        """
        return self._declare(
            f"modulators/{name}",
            lambda group: Modulators(self, group, channels, n_subpopulations, time_name, dim),
        )

    def snapshots(
        self,
        kind: str,
        name: str,
        synapses: dict[str, ArrayLike],
        sizes: dict[str, int],
        tick_ms: float,
        dtype: DTypeLike,
        unit: str = "",
        changed: bool = False,
    ) -> SynapseSnapshots:
        """Record weights or eligibilities of a projection's synapses during a run.

        Parameters
        ----------
        kind
            ``weights`` or ``eligibility``.
        name
            The projection.
        synapses
            ``synapse``, ``pre``, ``post`` and ``delay`` [ticks] of each, shape (n,).
        sizes
            ``n_pre`` and ``n_post``.
        tick_ms, dtype, unit
            Length of a tick; type and unit of the values.
        changed
            Whether only what changed is written.
        """
        return self._declare(
            f"{kind}/{name}",
            lambda group: SynapseSnapshots(self, group, kind, synapses, sizes, tick_ms, dtype, unit, changed),
        )

    def levels(self, name: str, n_levels: int, tick_ms: float) -> Levels:
        """Record the levels of a neuromodulator during a run, with ticks of `tick_ms` ms."""
        return self._declare(f"modulators/{name}", lambda group: Levels(self, group, name, n_levels, tick_ms))

    def trace(
        self,
        name: str,
        variables: Mapping[str, str],
        neurons: ArrayLike,
        tick_ms: float,
        n_trials: int | None = None,
    ) -> Trace:
        """Record state `variables` (name: unit) of some `neurons`, of one or more trials, at ticks of `tick_ms` ms."""
        return self._declare(
            f"traces/{name}", lambda group: Trace(self, group, variables, neurons, tick_ms, n_trials)
        )

    def table(self, name: str, dim: str, columns: Mapping[str, Sequence[Any]]) -> Table:
        """Record a table.

        Parameters
        ----------
        name
            Group of the table; ``""`` is the root, which plain ``xarray.open_zarr(path)`` shows.
        dim
            Name of the dimension along which rows are appended, and of its int64 coordinate.
        columns
            Name: (dtype, unit), or (dtype, unit, dims, shape) where a row holds an array.
        """
        return self._declare(name, lambda group: Table(self, group, dim, columns))

    def commit(self) -> None:
        """Make everything appended so far visible to readers, atomically."""
        self._begin_commit()
        self.writer.wait()

    def _begin_commit(self) -> None:
        """Let the writer commit everything appended so far."""
        self.require_open()
        for recorder in self._recorders:
            recorder.flush()
        tree, attributes, nodes = self._tree, dict(self._tree.groups[""].attrs), self._tree.nodes()
        self.writer.do(lambda: tree.commit(attributes, nodes))
        self._committed_at = time.monotonic()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Append to several recorders as one: no commit meanwhile, and one at the end.

        Readers see all of it or none, whatever kills the process. After an exception nothing is committed here.
        """
        self._together = True
        try:
            yield
        finally:
            self._together = False
        self.commit()

    def commit_if_due(self) -> None:
        """Let the writer commit if the last commit is `commit_every` seconds ago; nobody waits for it."""
        if not self._together and time.monotonic() - self._committed_at >= self._commit_every:
            self._begin_commit()

    def close(self, status: str = "complete") -> None:
        """Commit, and write the end and the `status` of the run into the manifest; again, it does nothing."""
        if self._closed:
            return
        try:
            for recorder in self._recorders:
                recorder.finish()
            self._tree.groups[""].attrs |= {"status": status, "ended": now()}
            self.commit()
        finally:
            self._closed = True
            self.writer.stop()
            if self._lock is not None:
                self._lock.release()

    def require_open(self) -> None:
        """Raise StoreError if the store is closed."""
        if self._closed:
            raise StoreError(f"{self.path}: the run store is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with Deferred():  # a signal meanwhile must not leave the status "running"
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Close with the status that tells how the run ended."""
        if error is None:
            self.close()
            return
        status = (
            "interrupted"
            if isinstance(error, KeyboardInterrupt)
            else f"failed: {type(error).__name__}: {error}"
        )
        try:
            self.close(status)
        except Exception as second:
            error.add_note(f"Besides, the run store could not be closed: {second}")

    def _declare(self, path: str, build: Callable[[Group], R]) -> R:
        """Create a group and its recorder; leave no trace of them if that fails."""
        self.require_open()
        _check_path(path)
        there = bool(path) and path in self._tree.groups
        if path in self._dims or (there and not self._reopened):
            raise StoreError(f"{self.path}: {path or 'the root table'!r} is already being recorded")
        group = self._tree.draft(path)
        recorder = build(group)
        self._claim(path, group, recorder.growing_dims)
        self._tree.take_in(group)
        for array, values in group.given:
            self.writer.do(partial(array.write, self.target, 0, values), values.nbytes)
        self._recorders.append(recorder)
        return recorder

    def _claim(self, path: str, group: Group, growing: set[str]) -> None:
        """Refuse dimensions that xarray could not align with those of the groups above and below.

        A DataTree must have one length for each dimension along every path from its root.
        """
        dims: dict[str, int | None] = {}
        for array in group.arrays.values():
            sizes = dict(zip(array.dims, array.shape, strict=True))
            dims |= {dim: None if dim in growing else size for dim, size in sizes.items()}
        for other, taken in self._dims.items():
            if not _is_above(path, other) and not _is_above(other, path):
                continue
            for dim in dims.keys() & taken.keys():
                if dims[dim] is None or dims[dim] != taken[dim]:
                    names = f"{path or 'the root'!r} and {other or 'the root'!r}"
                    raise StoreError(
                        f"{self.path}: {names} both have a dimension {dim!r}; rename one of them"
                    )
        self._dims[path] = dims


def _is_above(path: str, other: str) -> bool:
    return path == "" or other.startswith(f"{path}/")


def _check_path(path: str) -> None:
    """Refuse names of groups that would escape the store or confuse Zarr or Windows."""
    for part in path.split("/") if path else ():
        if (
            not part
            or part.startswith((".", "__"))
            or part == "zarr.json"
            or not part.isprintable()
            or "\\" in part
        ):
            raise StoreError(
                f"group {path!r}: {part!r} cannot be the name of a population, projection or table"
            )
