"""Runs that were stopped on their way: whether what is left of one can be gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..record import checkpoints
from ..record.manifest import is_run_store, read_manifest


def can_go_on(store: Path | None, is_same: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a store is that of a run which was killed or interrupted, and has a checkpoint of this version.

    ``is_same`` says, by the manifest, whether it was the same run. A run that failed is begun anew.
    """
    if store is None or not is_run_store(store):
        return False
    try:
        manifest = read_manifest(store)
        if manifest.get("status") not in ("running", "interrupted") or not is_same(manifest):
            return False
        return checkpoints.latest(store) is not None
    except StoreError:
        return False
