"""Spikes of several trials, put aside in one temporary file until each trial's can be written in one piece.

Of a run with checkpoints they must be found again: the file is then among the checkpoints, and where these are at a URL
each of them brings there what was put aside since the last one, as an object that is named by its first byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from .checkpoints import folder_of
from .target import UrlTarget

if TYPE_CHECKING:
    from .store import RunStore

Array = np.ndarray[Any, Any]
Key = tuple[str, int]

_ROW = np.dtype([("tick", np.int64), ("neuron", np.uint32)])


class Spool:
    """A file of spikes.

    Parameters
    ----------
    path : Path
        a file that stays until the run is complete, for who goes on with it; or a folder, for a nameless one that goes
        when it is closed, or when the process ends in whatever way
    copy : UrlTarget, optional
        where to bring what is in such a nameless file, at each :meth:`state`
    """

    def __init__(self, path: Path, copy: UrlTarget | None = None) -> None:
        self._path = None if path.is_dir() else path
        self._copy, self._copied = copy, 0
        if path.is_dir():
            self._file: Any = tempfile.TemporaryFile(dir=path)  # noqa: SIM115 - open for as long as the run
        else:
            self._file = path.open("r+b" if path.exists() else "w+b")
        self._parts: dict[Key, list[tuple[int, int]]] = {}

    def state(self, names: list[str]) -> dict[str, Array]:
        """Return where each part lies: number of the population, trial, byte, spikes; all is on the disk then."""
        self._file.flush()
        self._bring()
        rows = [
            (names.index(name), trial, *part)
            for (name, trial), parts in self._parts.items()
            for part in parts
        ]
        return {"spool": np.array(rows, np.int64).reshape(-1, 4)}

    def load_state(self, names: list[str], saved: Mapping[str, Array]) -> None:
        """Go on from what :meth:`state` returned; what was added since is forgotten."""
        end = 0
        self._parts = {}
        self._fetch()
        for number, trial, at, n in saved["spool"].tolist():
            self._parts.setdefault((names[number], trial), []).append((at, n))
            end = max(end, at + n * _ROW.itemsize)
        if self._file.seek(0, 2) < end:
            raise StoreError(f"{self._path}: spikes that were put aside are missing")
        self._file.truncate(end)
        self._copied = end
        if self._copy is not None:
            self._copy.delete(key for key in self._copy.all_keys() if int(key) >= end)

    def append(self, key: Key, tick: Array, neuron: Array) -> None:
        """Add spikes to those of ``key``, a population and a trial."""
        if not len(tick):
            return
        rows = np.empty(len(tick), _ROW)
        rows["tick"], rows["neuron"] = tick, neuron
        try:
            at = self._file.seek(0, 2)
            self._file.write(rows.tobytes())
        except OSError as error:
            raise StoreError(f"spikes of several trials cannot be put aside: {error.strerror}") from error
        self._parts.setdefault(key, []).append((at, len(rows)))

    def blocks(self, key: Key) -> Iterator[tuple[Array, Array]]:
        """Give (tick, neuron) of what was added to ``key``, in the order in which it was added."""
        for at, n in self._parts.get(key, ()):
            self._file.seek(at)
            rows = np.frombuffer(self._file.read(n * _ROW.itemsize), _ROW)
            yield rows["tick"], rows["neuron"]

    def close(self, complete: bool) -> None:
        """Close the file, and delete it if nobody goes on with the run."""
        self._file.close()
        if complete and self._path is not None:
            self._path.unlink()
        if complete and self._copy is not None:
            self._copy.clear()

    def _bring(self) -> None:
        """Copy what was added since the last time."""
        end = self._file.seek(0, 2)
        if self._copy is None or end == self._copied:
            return
        if not self._copied:
            self._copy.clear()  # of a run that was killed before its first checkpoint
        self._file.seek(self._copied)
        self._copy.put(f"{self._copied:020d}", self._file.read(end - self._copied))
        self._copied = end

    def _fetch(self) -> None:
        """Take what was copied."""
        if self._copy is None:
            return
        for key in self._copy.all_keys():
            self._file.seek(int(key))
            self._file.write(self._copy.get(key) or b"")


def spool_of(store: RunStore) -> Spool:
    """Return that of a run with checkpoints."""
    if isinstance(store.path, Path):
        return Spool(_file(store.path))
    return Spool(store.folder, _copy(store.path))


def is_put_aside(store: Path | str) -> bool:
    """Whether there are spikes of a run that is not complete."""
    return _file(store).exists() if isinstance(store, Path) else not _copy(store).empty()


def _file(store: Path) -> Path:
    return Path(folder_of(store)) / "spikes"


def _copy(store: str) -> UrlTarget:
    return UrlTarget(f"{folder_of(store)}/spikes")
