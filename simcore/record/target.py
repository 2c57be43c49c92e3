"""Where the files of a run store go: a local directory, or whatever fsspec writes to at a URL."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..errors import StoreError, TegmentumError
from ..installed import install_line
from .manifest import location, sync_directory


class Target(Protocol):
    """Files by key, ``a/b/zarr.json``; each is written whole or not at all."""

    def put(self, key: str, data: bytes) -> None:
        """Write a file; raises StoreError."""

    def get(self, key: str) -> bytes | None:
        """Return a file, None where there is none; raises StoreError."""

    def all_keys(self) -> list[str]:
        """Return the keys of all files, also of such as a killed process left half written; raises StoreError."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files that are there; raises StoreError."""

    def clear(self) -> None:
        """Delete everything; of a store the root's metadata first: what is left of it is then no store."""


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

    def all_keys(self) -> list[str]:
        """Return the keys of all files."""
        return sorted(
            os.path.relpath(os.path.join(folder, name), self._root).replace(os.sep, "/")
            for folder, _, names in os.walk(self._root)
            for name in names
        )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files, and the folders that are empty then."""
        for key in keys:
            path = f"{self._root}/{key}"
            try:
                Path(path).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"{path}: cannot delete: {error.strerror or error}") from error
            with contextlib.suppress(OSError):  # not empty
                while (path := os.path.dirname(path)) != self._root:
                    os.rmdir(path)
                    self._folders.discard(path)

    def clear(self) -> None:
        """Delete everything."""
        self.delete(["zarr.json"])
        shutil.rmtree(self._root, ignore_errors=True)
        self._folders.clear()

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


class UrlTarget:
    """Objects below a URL, ``memory://run.zarr`` or ``s3://bucket/run.zarr``; each appears whole, or is not there.

    Raises
    ------
    StoreError
        if nothing installed opens such a URL
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise TegmentumError(f"{url}: writing to a URL needs fsspec: {install_line('remote')}") from error
        try:
            self._files, self._root = url_to_fs(self._url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"{url}: cannot be opened: {error}") from error

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        self._ask("write", key, lambda at: self._files.pipe_file(at, data))

    def get(self, key: str) -> bytes | None:
        """Return an object."""
        try:
            found = self._ask("read", key, self._files.cat_file)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        return bytes(found)

    def all_keys(self) -> list[str]:
        """Return the keys of all objects."""
        return sorted(self.sizes())

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        paths = [f"{self._root}/{key}" for key in keys]
        if paths:
            self._ask("delete", "", lambda at: self._files.rm(paths))

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every object, by key."""
        self._files.invalidate_cache()
        found = self._ask("list", "", lambda at: self._files.find(at, detail=True))
        root = self._files._strip_protocol(self._root)
        return {key.removeprefix(root).lstrip("/"): int(told["size"]) for key, told in found.items()}

    def modified(self, key: str) -> datetime:
        """Return when an object was written."""
        self._files.invalidate_cache()
        at: datetime = self._ask("read", key, self._files.modified)
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def empty(self) -> bool:
        """Whether there is nothing below the URL."""
        return not self._ask("read", "", lambda at: self._files.exists(at) and self._files.find(at))

    def clear(self) -> None:
        """Delete everything below the URL."""
        keys = self.all_keys()
        self.delete([key for key in keys if key == "zarr.json"])
        self.delete([key for key in keys if key != "zarr.json"])

    def _ask(self, what: str, key: str, act: Any) -> Any:
        at = f"{self._root}/{key}".rstrip("/")
        try:
            return act(at)
        except Exception as error:  # each service has errors of its own
            raise StoreError(f"{self._url}/{key}: cannot {what}: {error}") from error


def target_of(path: str | os.PathLike[str], durable: bool) -> LocalTarget | UrlTarget:
    """Return where the files of a store go."""
    at = location(path)
    return UrlTarget(at) if isinstance(at, str) else LocalTarget(at, durable)


def beside(store: str | os.PathLike[str], ending: str) -> Path | str:
    """Return a place beside a store, of its name and an ``ending``."""
    at = location(store)
    return f"{at}{ending}" if isinstance(at, str) else at.with_name(f"{at.name}{ending}")


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
