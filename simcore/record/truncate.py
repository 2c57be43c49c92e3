"""Take a store back to an earlier commit: its arrays as long as they were, and nothing that came later.

First the root's metadata, whole or not at all, so that readers see either the later or the earlier commit; then the
arrays themselves. Killed in between, it is done again from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .manifest import committed_nodes, read_root, rewrite_root
from .target import target_of
from .tree import Array, Tree


def truncate(path: Path | str, shapes: Mapping[str, Sequence[int]]) -> None:
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
    _cut(path)


def _is_above(group: str, shapes: Mapping[str, Any]) -> bool:
    return any(name.startswith(f"{group}/") for name in shapes)


def _cut(path: Path | str) -> None:
    """Shorten arrays as the root's metadata have them, and delete every file that these do not know."""
    target = target_of(path, durable=False)
    tree = Tree(target, *read_root(path))
    arrays = {array.path: array for group in tree.groups.values() for array in group.arrays.values()}
    for array in arrays.values():
        if array.shape:
            tree.write_node(array.path, array.node())
    known = {f"{node}/zarr.json".lstrip("/") for node in (*tree.groups, *arrays)}
    target.delete(key for key in target.all_keys() if key not in known and not _is_chunk(key, arrays))


def _is_chunk(key: str, arrays: Mapping[str, Array]) -> bool:
    """Whether a file is a chunk that an array needs: ``c.0.1`` in its folder, or ``c/0/1``, with such a first row."""
    for above in _folders(key):
        if above in arrays:
            array = arrays[above]
            first, *rest = key[len(above) + 1 :].split(array.separator)
            if first != "c" or not all(part.isdigit() for part in rest) or len(rest) != len(array.shape):
                return False
            return not array.shape or int(rest[0]) * array.chunks[0] < array.shape[0]
    return False


def _folders(key: str) -> Iterator[str]:
    """Return the folders that a file is in, the innermost first."""
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key
