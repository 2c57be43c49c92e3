"""The manifest of a run: what was run, with which software, when, and how it ended.

It lives in the attributes of the store's root, that is in ``<run>.zarr/zarr.json``, beside the consolidated
metadata of every array. Replacing that one file is therefore the atomic commit of a run. This module reads
and replaces it as plain JSON; it imports neither zarr nor anything else that is slow to load.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DescriptionError, StoreError

SCHEMA = 3
"""Version of the layout on disk. A reader accepts every version up to its own."""

_MARKER = "tegmentum_schema"
_PACKAGES = ("tegmentum", "numba", "llvmlite", "numpy", "zarr")


def new_manifest(config: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a run that starts now.

    Parameters
    ----------
    config
        The resolved configuration. Its ``seed`` and ``threads``, where present, are repeated at the top.

    Returns
    -------
    dict
        JSON-serialisable, with the keys ``tegmentum_schema``, ``id`` (the run's), ``status``, ``started``, ``ended``,
        ``seed``, ``threads``, ``argv``, ``versions``, ``platform`` and ``config``.

    Raises
    ------
    DescriptionError
        If `config` holds something that JSON cannot express, NaN and infinity included.
    """
    config = _as_json(config)
    return {
        _MARKER: SCHEMA,
        "id": uuid.uuid4().hex,
        "status": "running",
        "started": now(),
        "ended": None,
        "seed": config.get("seed"),
        "threads": config.get("threads"),
        "argv": list(sys.argv),
        "versions": {"python": platform.python_version()} | {name: version_of(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "config": config,
    }


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Read the manifest of a run store; takes under a millisecond and imports nothing.

    Parameters
    ----------
    path
        The run store, a directory or a URL.

    Returns
    -------
    dict
        See `new_manifest`. A run that was killed still has the status ``"running"``.

    Raises
    ------
    StoreError
        If `path` is missing, no Zarr v3 group, damaged, not written by Tegmentum, or of a newer schema.
    """
    attributes = _read_root(path).get("attributes")
    if not isinstance(attributes, dict) or _MARKER not in attributes:
        raise StoreError(f"{path}: a Zarr store, but not a Tegmentum run (its root has no {_MARKER!r})")
    schema = attributes[_MARKER]
    if not isinstance(schema, int) or schema < 1:
        raise StoreError(f"{path}: damaged, {_MARKER} should be a positive integer, got {schema!r}")
    for name, kind, words in (
        ("config", dict, "an object"),
        ("argv", list, "a list"),
        ("status", str, "text"),
    ):
        if not isinstance(attributes.get(name), kind):
            raise StoreError(f"{path}: damaged, {name} should be {words}, got {attributes.get(name)!r:.80}")
    if schema > SCHEMA:
        raise StoreError(
            f"{path}: written with store schema {schema}, but this version of Tegmentum reads schemas up to "
            f"{SCHEMA}; open it with a newer version"
        )
    return attributes


def read_root(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the manifest, and the metadata of every group and array by path, as of the last commit."""
    return read_manifest(path), committed_nodes(path)


def is_run_store(path: str | Path) -> bool:
    """Whether Tegmentum wrote what is at `path`, of any schema."""
    try:
        return (
            not (isinstance(path, Path) and path.is_symlink()) and _MARKER in _read_root(path)["attributes"]
        )
    except (StoreError, KeyError, TypeError):
        return False


def first_root(manifest: Mapping[str, Any]) -> bytes:
    """Return the root's metadata of a run store with nothing in it, already committed."""
    return _encode(
        {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": dict(manifest),
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": {}},
        }
    )


def update_manifest(path: str | Path, changes: Mapping[str, Any], durable: bool) -> None:
    """Change entries of the manifest atomically, without touching what is committed."""
    from .target import target_of

    root = _read_root(path)
    root["attributes"] |= changes
    target_of(path, durable).put("zarr.json", _encode(root))


def committed_nodes(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return the metadata of every group and array as of the last commit, by path."""
    nodes = (_read_root(path).get("consolidated_metadata") or {}).get("metadata")
    if not isinstance(nodes, dict):
        raise StoreError(f"{path}: damaged, zarr.json holds no consolidated metadata")
    return nodes


def committed_shapes(path: str | Path) -> dict[str, list[int]]:
    """Return the shape of every array as of the last commit, by path."""
    nodes = committed_nodes(path)
    return {name: node["shape"] for name, node in nodes.items() if node.get("node_type") == "array"}


def rewrite_root(path: str | Path, nodes: Mapping[str, Any]) -> None:
    """Let readers see these groups and arrays from now on, at once."""
    from .target import target_of

    root = _read_root(path)
    root["consolidated_metadata"]["metadata"] = dict(nodes)
    target_of(path, durable=True).put("zarr.json", _encode(root))


def replace_file(path: Path, data: bytes | memoryview, durable: bool) -> None:
    """Write a file so that it is either whole or untouched; if `durable`, also after a loss of power."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Force the entries of a directory to disk (a no-op where directories cannot be opened)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def now() -> str:
    """Give the present moment, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def is_url(path: str | Path) -> bool:
    """Whether this is a URL, not the path of a local directory."""
    return "://" in str(path)


def location(path: str | os.PathLike[str]) -> Path | str:
    """Return a URL as it is, and the path of a local directory, by itself or as ``file://``, absolute."""
    text = os.fspath(path)
    if text.startswith("file://"):
        from urllib.request import url2pathname

        text = url2pathname(text.removeprefix("file://"))
    return text.rstrip("/") if is_url(text) else Path(os.path.abspath(text))


def _root_text(path: str | Path) -> bytes:
    """Return ``zarr.json`` of a Zarr v3 group."""
    if is_url(path):
        from .target import UrlTarget

        data = UrlTarget(str(path)).get("zarr.json")
        if data is None:
            raise StoreError(f"{path}: no such run store (there is no zarr.json)")
        return data
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: no such run store")
    try:
        return (path / "zarr.json").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"{path}: not a Zarr v3 store (it holds no zarr.json)") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot read zarr.json: {error.strerror}") from error


def _read_root(path: str | Path) -> dict[str, Any]:
    """Parse ``zarr.json`` of a Zarr v3 group."""
    try:
        root = json.loads(_root_text(path))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: damaged, zarr.json is not valid JSON ({error})") from error
    if not isinstance(root, dict) or root.get("node_type") != "group":
        raise StoreError(f"{path}: not the root of a Zarr v3 store")
    return root


def _encode(root: Mapping[str, Any]) -> bytes:
    return json.dumps(root, allow_nan=False).encode()


def _as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a configuration into plain JSON types (paths become text, NumPy scalars and arrays Python's)."""
    try:
        copy = json.loads(json.dumps(dict(config), default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DescriptionError(f"config cannot be stored as JSON: {error}") from error
    assert isinstance(copy, dict)
    return copy


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} of type {type(value).__name__}")


@functools.cache
def version_of(package: str) -> str | None:
    """Return the version of an installed package, None where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
