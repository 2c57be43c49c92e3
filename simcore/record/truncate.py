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
from .manifest import committed_nodes, read_root, rewrite_root
from .target import LocalTarget


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
    _clear(path, path, kept)


def _is_above(group: str, shapes: Mapping[str, Any]) -> bool:
    return any(name.startswith(f"{group}/") for name in shapes)


def _cut(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Shorten arrays that were lengthened since, and delete chunks beyond their end."""
    from .tree import Tree

    tree = Tree(LocalTarget(path, durable=False), *read_root(path))
    arrays = [array for group in tree.groups.values() for array in group.arrays.values()]
    for array in arrays:
        if array.path in shapes and array.shape:
            tree.write_node(array.path, array.node())
            end = -(-array.shape[0] // array.chunks[0])
            for entry in _chunks(path / array.path, array.separator):
                if entry.suffix == ".partial" or _row(entry, array.separator) >= end:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _chunks(folder: Path, separator: str) -> list[Path]:
    """Return what holds an array's chunks: files ``c.0.1``, or below ``c`` a file or folder for each row of them."""
    if separator == ".":
        return list(folder.glob("c.*"))
    return list((folder / "c").iterdir()) if (folder / "c").is_dir() else []


def _row(entry: Path, separator: str) -> int:
    number = entry.name.split(".")[1] if separator == "." else entry.name
    return int(number) if number.isdigit() else -1


def _clear(root: Path, folder: Path, kept: Mapping[str, Any]) -> None:
    """Delete groups and arrays that are not to be kept, and files that were being written."""
    for entry in sorted(folder.iterdir()):
        name = entry.relative_to(root).as_posix()
        if entry.suffix == ".partial":
            entry.unlink(missing_ok=True)
        elif entry.is_dir() and name not in kept:
            shutil.rmtree(entry)
        elif entry.is_dir() and kept[name]["node_type"] == "group":
            _clear(root, entry, kept)
