"""Where the files of a run store go: a local directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ..errors import StoreError
from .manifest import sync_directory


class Target(Protocol):
    """Files by key, ``a/b/zarr.json``; each is written whole or not at all."""

    def put(self, key: str, data: bytes) -> None:
        """Write a file; raises StoreError."""

    def get(self, key: str) -> bytes | None:
        """Return a file, None where there is none; raises StoreError."""


class LocalTarget:
    """A directory; files appear by rename.

    Parameters
    ----------
    root
        The directory.
    durable
        Force every file, its name and its folders to disk, so that they survive a loss of power.
    """

    def __init__(self, root: Path, durable: bool) -> None:
        self._root, self._durable = os.fspath(root), durable
        self._folders: set[str] = set()

    def put(self, key: str, data: bytes) -> None:
        """Write a file."""
        path = f"{self._root}/{key}"
        folder = os.path.dirname(path)
        partial = f"{path}.partial"
        try:
            if folder not in self._folders:
                os.makedirs(folder, exist_ok=True)
            self._write(partial, data)
            os.replace(partial, path)
            if self._durable:
                self._sync(folder)
        except OSError as error:
            _forget(partial)
            raise StoreError(f"{path}: cannot write: {error.strerror or error}") from error
        except BaseException:
            _forget(partial)
            raise
        self._folders.add(folder)

    def get(self, key: str) -> bytes | None:
        """Return a file."""
        path = f"{self._root}/{key}"
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot read: {error.strerror or error}") from error

    def _write(self, path: str, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if self._durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sync(self, folder: str) -> None:
        """Force the name of a new file to disk, and those of the folders that had to be made for it."""
        sync_directory(Path(folder))
        while folder not in self._folders and folder != self._root:
            folder = os.path.dirname(folder)
            sync_directory(Path(folder))


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
