"""Writing beside the place and moving there, so that a failure leaves nothing half."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import StoreError

ABOUT = "manifest.json"
"""File in every exported folder; a folder without it is never replaced."""


def check_free(path: Path, force: bool) -> None:
    """Refuse, before any work, a place that may not be written.

    Raises
    ------
    StoreError
        If there is something and `force` is not given, or it is a folder that no export made; if there is no parent.
    """
    if not path.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {path.parent}; create it first")
    if not os.path.lexists(path):
        return
    if path.is_dir() and any(path.iterdir()) and not _is_export(path):
        raise StoreError(f"{path}: exists and is not an export of Tegmentum; choose another name")
    if not force:
        raise StoreError(f"{path}: exists; overwrite it with force (--force), or choose another name")


def _is_export(path: Path) -> bool:
    try:
        return "tegmentum_export" in json.loads((path / ABOUT).read_bytes())
    except (OSError, ValueError):
        return False


@contextmanager
def beside(path: Path, force: bool) -> Iterator[Path]:
    """Give a path beside `path` to write to, with its suffix, and move it there if all went well."""
    check_free(path, force)
    fresh, old = (
        path.with_name(f".{path.stem}.{os.getpid()}.{what}{path.suffix}") for what in ("new", "old")
    )
    try:
        yield fresh
        if os.path.lexists(path):
            path.rename(old)
        fresh.rename(path)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if os.path.lexists(old) and not os.path.lexists(path):
            old.rename(path)
        for leftover in (fresh, old):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def write_about(folder: Path, to: str, about: dict[str, Any]) -> None:
    """Write the manifest of the run into an exported folder."""
    text = json.dumps({"tegmentum_export": to, **about}, indent=2)
    (folder / ABOUT).write_text(text, encoding="utf-8")
