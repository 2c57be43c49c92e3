"""Checkpoints of a run: beside its store, files from which it goes on exactly, the latest few kept.

``run.zarr`` has ``run.zarr.checkpoints/00000001.npz`` and so on, at a URL as well: the arrays of a state, and how long
every array of the store was at that moment. The store is committed first, so that it is never shorter than a checkpoint
says; whoever resumes cuts it to that length (:mod:`.truncate`) and goes on. The last one that is whole counts, as its
checksums tell; no pointer to it is needed, so none can be wrong.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from . import saved
from .manifest import committed_shapes, read_manifest
from .target import beside, target_of

if TYPE_CHECKING:
    from .store import RunStore

Array = np.ndarray[Any, Any]
KEPT = 2
"""Checkpoints that are kept: a damaged one leaves the one before."""


def folder_of(store: str | os.PathLike[str]) -> Path | str:
    """Return where a store's checkpoints are, a folder or a URL."""
    return beside(store, ".checkpoints")


def remove(store: str | os.PathLike[str]) -> None:
    """Delete all checkpoints of a store; those of another run that cannot be deleted are never taken for its own."""
    with contextlib.suppress(StoreError):
        target_of(folder_of(store), durable=False).clear()


class Checkpoints:
    """Writes checkpoints of an open store.

    Parameters
    ----------
    store : RunStore
    every : float, s
        wall time between two of them, for :meth:`due`

    Raises
    ------
    StoreError
        if there is no place for them beside the store
    """

    def __init__(self, store: RunStore, every: float) -> None:
        self.store, self.every = store, float(every)
        self.folder = folder_of(store.path)
        self._target = target_of(self.folder, durable=True)
        self._id = read_manifest(store.path).get("id")
        self._last = time.monotonic()
        try:
            if isinstance(self.folder, Path):
                self.folder.mkdir(exist_ok=True)
            else:
                numbers(self.folder)
        except StoreError as error:
            raise StoreError(f"{store.path}: has no place beside it for checkpoints; {error}") from error
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be created: {error.strerror}") from error

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= self.every

    def write(self, arrays: Mapping[str, Any], **about: Any) -> None:
        """Commit the store and write a checkpoint that belongs to it; older ones than the last few go."""
        self.store.commit()
        before = numbers(self.folder)
        shapes = committed_shapes(self.store.path)
        saved.write(_file(self.folder, (before or [0])[-1] + 1), arrays, run=self._id, shapes=shapes, **about)
        self._target.delete(_name(number) for number in before[: max(0, len(before) + 1 - KEPT)])
        self._last = time.monotonic()


def numbers(folder: Path | str) -> list[int]:
    """Return the numbers of the checkpoints in a folder, ascending."""
    keys = target_of(folder, durable=False).all_keys()
    stems = [key.removesuffix(".npz") for key in keys if key.endswith(".npz")]
    return sorted(int(stem) for stem in stems if stem.isdigit())


def latest(
    store: str | os.PathLike[str], force: bool = False
) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """Return arrays and notes of the last whole checkpoint of a store's run, or None if there is none.

    Raises
    ------
    StoreError
        if there are some, but none that can be read, or they are of another version and ``force`` is not said
    """
    folder, run = folder_of(store), read_manifest(os.fspath(store)).get("id")
    problem: StoreError | None = None
    for number in reversed(numbers(folder)):
        try:
            arrays, about = saved.read(_file(folder, number), force)
        except StoreError as error:
            problem = problem or error
            continue
        if about.get("run") == run:
            return arrays, about
    if problem is not None:
        raise problem
    return None


def _name(number: int) -> str:
    return f"{number:08d}.npz"


def _file(folder: Path | str, number: int) -> str:
    return f"{folder}/{_name(number)}"
