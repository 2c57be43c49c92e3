"""Where a run store begins: made anew, or taken up again, by its only writer."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StoreError
from . import checkpoints
from .lock import Lock
from .manifest import (
    SCHEMA,
    committed_shapes,
    first_root,
    is_run_store,
    new_manifest,
    now,
    read_manifest,
    replace_file,
    update_manifest,
)
from .target import UrlTarget
from .truncate import truncate


def made(at: Path | str, config: Mapping[str, Any], force: bool, durable: bool) -> Lock | None:
    """Make an empty run store; return the lock that its writer is to hold, None at a URL.

    Parameters
    ----------
    at, config, force, durable
        See :meth:`.RunStore.create`.
    """
    manifest = new_manifest(config)
    check_replaceable(at, force)
    if isinstance(at, str):
        target = UrlTarget(at)
        target.clear()
        checkpoints.remove(at)
        target.put("zarr.json", first_root(manifest))
        return None
    if not at.parent.is_dir():
        raise StoreError(f"{at}: cannot be created: {_why_no_folder(at.parent)}")
    lock = Lock(at)
    check_replaceable(at, force)  # nobody else can have made it from now on
    _publish(at, manifest, durable)
    return lock


def taken_up(
    at: Path | str, shapes: Mapping[str, Sequence[int]] | None, durable: bool, config: Mapping[str, Any]
) -> Lock | None:
    """Take a store back to a checkpoint, and let it be running; return its writer's lock, None at a URL.

    Parameters
    ----------
    at, shapes, durable, config
        See :meth:`.RunStore.reopen`.
    """
    schema = read_manifest(at)["tegmentum_schema"]
    if schema != SCHEMA:
        raise StoreError(f"{at}: has store schema {schema}, only {SCHEMA} can be gone on with")
    lock = Lock(at) if isinstance(at, Path) else None
    truncate(at, committed_shapes(at) if shapes is None else shapes)
    manifest = read_manifest(at)
    changes = {
        "status": "running",
        "ended": None,
        "resumed": [*manifest.get("resumed", []), {"at": now(), "argv": list(sys.argv)}],
        "config": manifest["config"] | dict(config),
    }
    update_manifest(at, changes, durable)
    return lock


def check_replaceable(path: Path | str, force: bool) -> None:
    """Raise StoreError unless `path` is free, or `force` is given and may delete it."""
    if UrlTarget(path).empty() if isinstance(path, str) else not os.path.lexists(path):
        return
    if not is_run_store(path) and not (isinstance(path, Path) and _is_empty_directory(path)):
        raise StoreError(f"{path}: exists and is not a Tegmentum run store; remove it or choose another name")
    if not force:
        raise StoreError(f"{path}: exists; overwrite it with force (--force), or choose another name")


def _is_empty_directory(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    except OSError:
        return False


def _why_no_folder(parent: Path) -> str:
    return os.strerror(errno.ENOTDIR if parent.exists() else errno.ENOENT)


def _publish(path: Path, manifest: Mapping[str, Any], durable: bool) -> None:
    """Put an empty run store at `path`: made beside it and moved, so that no failure loses an old one."""
    fresh, old = (path.with_name(f".{path.name}.{os.getpid()}.{what}") for what in ("new", "old"))
    try:
        fresh.mkdir()
    except OSError as error:
        raise StoreError(f"{path}: cannot be created: {error.strerror}") from error
    try:
        replace_file(fresh / "zarr.json", first_root(manifest), durable)
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise StoreError(f"{path}: cannot be created: {error.strerror}") from error
    shutil.rmtree(old, ignore_errors=True)
    checkpoints.remove(path)
