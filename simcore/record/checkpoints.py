"""Checkpoints of a run: files beside its store from which it goes on exactly, the latest few kept.

``run.zarr`` has ``run.zarr.checkpoints/00000001.npz`` and so on: the arrays of a state, and beside them how long every
array of the store was at that moment. The store is committed first, so that it is never shorter than a checkpoint says;
whoever resumes cuts it to that length (:mod:`.truncate`) and goes on.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from . import saved
from .manifest import committed_shapes, read_manifest

if TYPE_CHECKING:
    from .store import RunStore

Array = np.ndarray[Any, Any]
KEPT = 2
"""Checkpoints that are kept: a damaged one leaves the one before."""


def folder_of(store: str | os.PathLike[str]) -> Path:
    """Return the folder of a store's checkpoints."""
    path = Path(os.path.abspath(store))
    return path.with_name(f"{path.name}.checkpoints")


def spool_file(store: str | os.PathLike[str]) -> Path:
    """Return the file in which spikes of several trials are put aside, as checkpoints say how far."""
    return folder_of(store) / "spikes"


def remove(store: str | os.PathLike[str]) -> None:
    """Delete all checkpoints of a store."""
    shutil.rmtree(folder_of(store), ignore_errors=True)


class Checkpoints:
    """Writes checkpoints of an open store.

    Parameters
    ----------
    store : RunStore
    every : float, s
        wall time between two of them, for :meth:`due`
    """

    def __init__(self, store: RunStore, every: float) -> None:
        if not isinstance(store.path, Path):
            raise StoreError(
                f"{store.path}: a store at a URL has no checkpoints beside it; write to a folder"
            )
        self.store, self.every = store, float(every)
        self.folder = folder_of(store.path)
        self._id = read_manifest(store.path).get("id")
        self._last = time.monotonic()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be created: {error.strerror}") from error

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= self.every

    def write(self, arrays: Mapping[str, Any], **about: Any) -> None:
        """Commit the store and write a checkpoint that belongs to it; older ones than the last few go."""
        self.store.commit()
        before = numbers(self.folder)
        path = self.folder / f"{(before or [0])[-1] + 1:08d}.npz"
        shapes = committed_shapes(self.store.path)
        saved.write(path, arrays, run=self._id, shapes=shapes, **about)
        for number in before[: max(0, len(before) + 1 - KEPT)]:
            (self.folder / f"{number:08d}.npz").unlink(missing_ok=True)
        self._last = time.monotonic()


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the checkpoints in a folder, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(path.stem) for path in folder.glob("*.npz") if path.stem.isdigit())


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
            arrays, about = saved.read(folder / f"{number:08d}.npz", force)
        except StoreError as error:
            problem = problem or error
            continue
        if about.get("run") == run:
            return arrays, about
    if problem is not None:
        raise problem
    return None
