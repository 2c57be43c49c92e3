"""Take a store back to an earlier commit: its arrays as long as they were, and nothing that came later.

First the root's metadata, in one atomic rename, so that readers see either the later or the earlier commit; then the
arrays themselves. Killed in between, it is done again from the beginning.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .manifest import committed_nodes, rewrite_root


def truncate(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Cut the arrays of a store to ``shapes``, by their paths, and delete what is not among them.

    Raises
    ------
    StoreError
        if the store lacks an array, or holds less of it
    """
    nodes = committed_nodes(path)
    for name, shape in shapes.items():
        there = nodes.get(name, {}).get("shape")
        if there is None:
            raise StoreError(f"{path}: {name!r} is missing, which the checkpoint has")
        if len(there) != len(shape) or list(there[1:]) != list(shape[1:]) or there[:1] < list(shape[:1]):
            raise StoreError(f"{path}: {name!r} has the shape {there}, the checkpoint {list(shape)}")
    kept = {name: node for name, node in nodes.items() if name in shapes or _is_above(name, shapes)}
    for name, shape in shapes.items():
        kept[name] = {**kept[name], "shape": list(shape)}
    rewrite_root(path, kept)
    _cut(path, shapes)
    _clear(path, path, set(kept))


def _is_above(group: str, shapes: Mapping[str, Any]) -> bool:
    return any(name.startswith(f"{group}/") for name in shapes)


def _cut(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Shorten arrays that were lengthened since."""
    from .layout import open_for_writing, set_length, writing

    root = open_for_writing(path, durable=False)
    for name, shape in shapes.items():
        array: Any = root[name]
        if shape:
            with writing(array):
                set_length(array, int(shape[0]))


def _clear(root: Path, folder: Path, kept: set[str]) -> None:
    """Delete groups and arrays that are not to be kept, and files that were being written."""
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".partial":
            entry.unlink(missing_ok=True)
        elif (entry / "zarr.json").is_file():
            if entry.relative_to(root).as_posix() in kept:
                _clear(root, entry, kept)
            else:
                shutil.rmtree(entry)
