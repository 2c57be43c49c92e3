"""A sweep on disk: the stores of its runs, the records of how each ended, and who is at it.

::

    sweep.zarr/
      zarr.json, g/, seed/, rate/, status/ ...   the index (:mod:`.index`)
      runs/g=4.5,seed=3.zarr/                    the store of a run
      runs/g=4.5,seed=3.json                     how it ended, what it came to; written whole, after its store
      .claims/g=4.5,seed=3                       locked by the process that is at it

**A run has ended when its record is there.** Whoever is to do it first takes its claim, a lock that the operating
system frees when the process dies, and then looks for the record: so no run is done twice, and a store without a record
is half-written: gone on with from its checkpoint (:mod:`.stopped`), or replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock

from ..errors import StoreError
from ..record.manifest import _read_root, first_root, now, replace_file, version_of

SCHEMA = 1
MARKER = "tegmentum_sweep"


class Folder:
    """A sweep's folder; make it with :meth:`create`, look at one that is there with :meth:`open`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, kind: str, names: Iterable[str], force: bool = False) -> Folder:
        """Make a folder, or go on with one of the same kind of runs and the same parameters.

        Raises
        ------
        StoreError
            if something else is there, or it cannot be written
        """
        folder = cls(path)
        check_free(path, force)
        if force and is_sweep(path):
            folder._remove()
        try:
            for part in ("runs", ".claims"):
                (path / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be created: {error.strerror}") from error
        with folder.locked("index"):
            if not (path / "zarr.json").exists():
                manifest = {
                    MARKER: SCHEMA,
                    "kind": kind,
                    "parameters": list(names),
                    "started": now(),
                    "version": version_of("tegmentum"),
                }
                replace_file(path / "zarr.json", first_root(manifest), durable=True)
        manifest = folder.manifest()
        for what, wanted in (("kind", kind), ("parameters", list(names))):
            if manifest.get(what) != wanted:
                raise StoreError(
                    f"{path}: is a sweep whose {what} {_is(what)} {_shown(manifest.get(what))}, now "
                    f"{_shown(wanted)}; choose another name, or replace it with force (--force)"
                )
        return folder

    def _remove(self) -> None:
        """Delete it, unless a run is going on."""
        claims = self.path / ".claims"
        with contextlib.ExitStack() as stack:
            for claim in claims.iterdir() if claims.is_dir() else ():
                lock = filelock.FileLock(claim, timeout=0)
                try:
                    stack.enter_context(lock)
                except filelock.Timeout:
                    raise StoreError(
                        f"{self.path}: its run {claim.name} goes on at this moment; stop it first"
                    ) from None
            shutil.rmtree(self.path)

    def manifest(self) -> dict[str, Any]:
        """Read what the sweep is.

        Raises
        ------
        StoreError
            if it is none, or of a newer version
        """
        attributes = _read_root(self.path).get("attributes")
        if not isinstance(attributes, dict) or not isinstance(attributes.get(MARKER), int):
            raise StoreError(f"{self.path}: is no sweep")
        if attributes[MARKER] > SCHEMA:
            raise StoreError(f"{self.path}: was written by a newer version of Tegmentum; open it with that")
        return attributes

    def summary(self) -> dict[str, Any]:
        """Return the manifest, how many runs are ``complete``, and which have ``failed``, why, as the records say."""
        found = {path.stem: self.record(path.stem) for path in sorted((self.path / "runs").glob("*.json"))}
        failed = {name: r["error"] for name, r in found.items() if r is not None and r["status"] == "failed"}
        told = {
            key: value
            for key, value in self.manifest().items()
            if key not in ("complete", "failed", "pending")
        }
        return told | {"complete": len(found) - len(failed), "failed": failed}

    def store(self, name: str) -> Path:
        """Where a run's store is."""
        return self.path / "runs" / f"{name}.zarr"

    def record(self, name: str) -> dict[str, Any] | None:
        """Return how a run ended, None if it has not."""
        path = self._record(name)
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise StoreError(f"{path}: damaged, no JSON ({error}); delete it to do the run again") from error
        if not isinstance(found, dict) or found.get("status") not in ("complete", "failed"):
            raise StoreError(f"{path}: damaged, no record of a run; delete it to do the run again")
        return found

    def end(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        """Write how a run ended, by one rename; the claim must be held."""
        record = {**record, "id": uuid.uuid4().hex, "ended": now()}
        try:
            data = json.dumps(record, indent=1).encode()
            replace_file(self._record(name), data, durable=True)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot write: {error.strerror or error}") from error
        return record

    def _record(self, name: str) -> Path:
        return self.path / "runs" / f"{name}.json"

    @contextlib.contextmanager
    def claimed(self, name: str, wait: float = -1) -> Iterator[bool]:
        """Wait, at most ``wait`` s, until nobody else is at a run; False if that was not long enough."""
        lock = filelock.FileLock(self.path / ".claims" / name, timeout=wait)
        try:
            lock.acquire()
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextlib.contextmanager
    def locked(self, what: str) -> Iterator[None]:
        """Exclude other processes from something of the whole sweep."""
        with filelock.FileLock(self.path / ".claims" / f".{what}"):
            yield

    def sweep_up(self, name: str) -> None:
        """Delete what a process that was killed while it made the run's store left beside it."""
        for kind in ("new", "old"):
            for path in (self.path / "runs").glob(f".{name}.zarr.*.{kind}"):
                shutil.rmtree(path, ignore_errors=True)


def check_free(path: Path, force: bool = False) -> None:
    """Refuse a path where no sweep can be made, or with ``force`` replaced, and none is there."""
    if not path.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{path}: the folder {path.parent} cannot be written; choose another one")
    if not os.path.lexists(path):
        return
    if not path.is_dir() or path.is_symlink():
        raise StoreError(f"{path}: exists and is no folder; choose another name")
    names = [entry.name for entry in path.iterdir()]
    begun = all(
        name in ("runs", ".claims") or name.startswith("zarr.json") for name in names
    )  # just now, by another
    if not begun and not is_sweep(path):
        raise StoreError(f"{path}: exists and is no sweep; choose another name")


def is_sweep(path: Path) -> bool:
    """Whether a folder holds a sweep."""
    try:
        Folder(path).manifest()
    except StoreError:
        return False
    return True


def _is(what: str) -> str:
    return "are" if what.endswith("s") else "is"


def _shown(found: Any) -> str:
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)
