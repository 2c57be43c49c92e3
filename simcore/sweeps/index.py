"""The index of a sweep: what every run came to, as arrays over the grid, in memory or in the root of its folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TegmentumError
from ..installed import install_line
from ..record.manifest import committed_nodes, now
from .folder import Folder
from .grid import Grid, name_of
from .jobs import Variable

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray[Any, Any]
Records = Sequence[Mapping[str, Any] | None]

_COST = {
    "wall_time": Variable("s", "building, compiling or loading code, running and writing"),
    "threads": Variable("", "threads of the run"),
}


@dataclass(frozen=True)
class Column:
    """An array of the index."""

    dims: tuple[str, ...]
    data: Array
    attrs: dict[str, str]


def columns(grid: Grid, records: Records, variables: Mapping[str, Variable]) -> dict[str, Column]:
    """Return coordinates and variables; numbers of runs that have not ended are NaN, of text empty.

    ``records`` are in the order of the grid's points, None for each run that has not ended.
    """
    out = {name: _coordinate(name, grid.labels(name), "parameter") for name in grid.names}
    values = [{} if r is None or r["status"] != "complete" else r.get("values", {}) for r in records]
    found = dict(variables)
    for more in values:
        found |= {name: Variable("", "measured") for name in more if name not in found}
    labels = _labels(found, values)
    for dim, names in labels.items():
        if names:
            out[dim] = _coordinate(dim, np.array(names), dim)
    for name, variable in found.items():
        here = () if variable.dim is None else (variable.dim,)
        if any(v.get(name) not in (None, {}, []) for v in values):
            data = np.array([_row(v.get(name), labels.get(variable.dim or "")) for v in values], np.float64)
            out[name] = _column(grid, here, data, variable)
    ended = [{} if r is None else r for r in records]
    for name, variable in _COST.items():
        out[name] = _column(grid, (), np.array([r.get(name, np.nan) for r in ended], np.float64), variable)
    stores = [f"runs/{name_of(p)}.zarr" for p in grid.points()]
    for name, texts, meaning in (
        ("host", [str(r.get("host", "")) for r in ended], "machine that did the run"),
        ("run", stores, "its store"),
        ("error", [str(r.get("error", "")) for r in ended], "why it failed"),
        ("status", [str(r.get("status", "pending")) for r in ended], "complete, failed or pending"),
    ):
        out[name] = _column(grid, (), np.array(texts, np.str_), Variable("", meaning))
    return out


def _column(grid: Grid, dims: tuple[str, ...], data: Array, variable: Variable) -> Column:
    attrs = {"units": variable.unit or _no_unit(data), "long_name": variable.meaning}
    return Column((*grid.names, *dims), data.reshape(grid.shape + data.shape[1:]), attrs)


def _coordinate(dim: str, data: Array, meaning: str) -> Column:
    return Column((dim,), data, {"units": _no_unit(data), "long_name": meaning})


def _no_unit(data: Array) -> str:
    return "1" if data.dtype.kind in "if" else ""


def _labels(variables: Mapping[str, Variable], values: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return what there is of each dimension in any run: names in the order in which they come, or numbers from 1."""
    out: dict[str, list[Any]] = {v.dim: [] for v in variables.values() if v.dim is not None}
    for found in values:
        for name, variable in variables.items():
            given = found.get(name)
            if variable.dim is None or not given:
                continue
            keys = given if isinstance(given, Mapping) else range(1, len(given) + 1)
            out[variable.dim] += [key for key in keys if key not in out[variable.dim]]
    return out


def _row(given: Any, labels: Sequence[Any] | None) -> Any:
    """Return one run's numbers, NaN where it has none."""
    if labels is None:
        return np.nan if given is None else given
    by_label = given if isinstance(given, Mapping) else dict(enumerate(given or (), 1))
    return [by_label.get(label, np.nan) for label in labels]


def dataset(grid: Grid, records: Records, variables: Mapping[str, Variable]) -> xr.Dataset:
    """Return the index as xarray's Dataset."""
    xarray = require_xarray()
    made = {
        name: (column.dims, column.data, {key: text for key, text in column.attrs.items() if text})
        for name, column in columns(grid, records, variables).items()
    }
    coords = {name: part for name, part in made.items() if part[0] == (name,)}
    return xarray.Dataset({name: part for name, part in made.items() if name not in coords}, coords)


def require_xarray() -> Any:
    """Return xarray, or say how to get it."""
    try:
        import xarray
    except ImportError as error:
        raise TegmentumError(f"a sweep's dataset needs xarray: {install_line('analysis')}") from error
    return xarray


def write(folder: Folder, grid: Grid, variables: Mapping[str, Variable]) -> list[dict[str, Any] | None]:
    """Write the index anew from the records of all runs, and return these.

    Arrays are made elsewhere and moved in, ``status`` last and then ``zarr.json``, which is what readers open.
    """
    from ..record.layout import store_array
    from ..record.target import LocalTarget
    from ..record.tree import Tree

    with folder.locked("index"):
        records = [folder.record(name_of(point)) for point in grid.points()]
        states = [r["status"] if r is not None else "pending" for r in records]
        counts = {state: states.count(state) for state in ("complete", "failed", "pending")}
        _remove_unfinished(folder)
        fresh = folder.path / f".index-{uuid.uuid4().hex}"
        fresh.mkdir()
        tree = Tree(LocalTarget(fresh, durable=False), folder.manifest() | counts | {"updated": now()}, {})
        root = tree.groups[""]
        made = columns(grid, records, variables)
        for name, column in made.items():
            store_array(root, name, column.data, column.dims, column.attrs)
        for array, values in root.given:
            array.write(tree.target, 0, values)
        tree.commit(root.attrs, tree.nodes())
        gone = set(committed_nodes(folder.path)) - set(made)
        for name in made:
            if (folder.path / name).exists():
                (folder.path / name).rename(fresh / f".old-{name}")
            (fresh / name).rename(folder.path / name)
        os.replace(fresh / "zarr.json", folder.path / "zarr.json")
        for name in gone:
            shutil.rmtree(folder.path / name, ignore_errors=True)
        shutil.rmtree(fresh, ignore_errors=True)
    return records


def _remove_unfinished(folder: Folder) -> None:
    """Delete indices that a killed process has not moved in."""
    for path in folder.path.glob(".index-*"):
        with contextlib.suppress(OSError):
            shutil.rmtree(path)
