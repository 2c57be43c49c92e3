"""The tasks of a run of continual learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tegmentum.simcore.record.layout import open_committed
from tegmentum.simcore.record.manifest import read_manifest

from .held import not_recorded


def tasks_of(store: Path | str) -> tuple[Any, list[str], str]:
    """Root of the store, the classes of each task as text, and the words of a protocol that leaks."""
    root: Any = open_committed(store)
    if (
        "learning" not in root
        or "accuracy" not in root["learning"]
        or root["learning/accuracy"].shape[0] == 0
    ):
        raise not_recorded(
            store, root, "no accuracy of any task recorded, which is for runs of `tegmentum continual`"
        )
    order, task = root["tasks/class"][:], root["tasks/task"][:]
    names = [",".join(str(k) for k in order[task == t]) for t in range(int(task.max()) + 1)]
    return root, names, str(read_manifest(store)["config"].get("note", ""))
