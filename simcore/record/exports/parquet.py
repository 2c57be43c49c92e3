"""Parquet: every array of the store, as a table for each group and set of dimensions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DescriptionError
from ..reader import reading
from ..trials import BLOCK
from .content import Content, content, need
from .publish import write_about

Array = np.ndarray[Any, Any]


def to_parquet(store: Any, path: Path | str, drop: Collection[str] = ()) -> None:
    """Write a folder of Parquet files, ``<group>/<dimensions>.parquet``; nothing is lost.

    ``spikes/exc/spike.parquet`` has the columns ``trial``, ``t`` [ticks], ``time`` [ms] and ``neuron``,
    ``weights/learn/time-synapse.parquet`` a row for each synapse of each snapshot. Columns that are no numbers of the
    store are positions along a dimension. Units are in each field's metadata. Written a block at a time.

    Parameters
    ----------
    store : path or xarray.DataTree
    path : path
        a folder that does not exist
    drop : collection of str
        what may be left out, see `export`
    """
    arrow = need("pyarrow", "parquet")
    parquet = need("pyarrow.parquet", "parquet")
    held = content(
        store, "parquet", ["trials", "weights", "history", "eligibility", "levels", "traces", "tables"], drop
    )
    if "history" in held.dropped and "weights" not in held.dropped:
        raise DescriptionError(
            "drop: parquet holds all snapshots; drop weights altogether, or nothing of them"
        )
    path = Path(path)
    path.mkdir()
    for where, dims, variables in _tables(held):
        file = path / where / f"{'-'.join(dims) or 'scalars'}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        writer = None
        try:
            for columns in _blocks(held, where, dims, variables):
                arrays = {name: arrow.array(values) for name, (values, _) in columns.items()}
                fields = [
                    arrow.field(name, array.type, metadata={k: str(v) for k, v in columns[name][1].items()})
                    for name, array in arrays.items()
                ]
                schema = arrow.schema(fields)
                writer = writer or parquet.ParquetWriter(file, schema)
                writer.write_table(arrow.table(list(arrays.values()), schema=schema))
        finally:
            if writer is not None:
                writer.close()
    write_about(path, "parquet", held.about())


def _tables(held: Content) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Give the group, the dimensions and the variables of each table."""
    kinds = {"modulators": "levels", "weights": "weights", "eligibility": "eligibility", "traces": "traces"}
    for node in held.tree.subtree:
        where = node.path.strip("/")
        top = where.partition("/")[0]
        part = kinds.get(top) or ("tables" if top not in ("", "spikes", "trials") else "")
        if part in held.dropped or (top == "trials" and "trials" in held.dropped):
            continue
        by_dims: dict[tuple[str, ...], dict[str, Any]] = {}
        for name, variable in node.to_dataset(inherit=False).variables.items():
            dims = tuple(map(str, variable.dims))
            if "trials" in held.dropped and dims and dims[0] in ("trial", "trial_edge"):
                continue
            by_dims.setdefault(dims, {})[str(name)] = variable
        for dims, variables in by_dims.items():
            yield where, dims, variables


def _blocks(
    held: Content, where: str, dims: tuple[str, ...], variables: dict[str, Any]
) -> Iterator[dict[str, tuple[Array, dict[str, Any]]]]:
    """Give columns, values and attributes, of some rows at a time; at least once, for the form of an empty table."""
    group = held.tree[where or "/"].to_dataset(inherit=False)
    sizes = {dim: group.sizes[dim] for dim in dims}
    rows = max(1, BLOCK // max(1, math.prod(list(sizes.values())[1:])))
    first = dims[0] if dims else None
    n = sizes[first] if first else 1
    for lo in range(0, max(n, 1), rows):
        hi = min(n, lo + rows)
        shape = tuple(sizes.values())
        shape = (hi - lo, *shape[1:]) if shape else ()
        columns: dict[str, tuple[Array, dict[str, Any]]] = {}
        if where.startswith("spikes/") and dims == ("spike",) and "trials" not in held.dropped:
            trains = held.trains[where.partition("/")[2]]
            columns["trial"] = trains.trial_of(lo, hi).astype(np.int32), {"units": "1"}
        for k, dim in enumerate(dims if len(dims) > 1 else ()):
            at, attrs = np.arange(sizes[dim]), {}
            if dim in group.coords and group[dim].dims == (dim,):
                at, attrs = group[dim].values, group[dim].attrs
            at = at[lo:hi] if k == 0 else at
            form = [-1 if axis == k else 1 for axis in range(len(dims))]
            columns[dim] = _plain(np.broadcast_to(at.reshape(form), shape).ravel()), attrs
        for name, variable in variables.items():
            part = variable.isel({first: slice(lo, hi)}) if first else variable
            with reading(held.source):
                columns[name] = _plain(np.atleast_1d(part.values).ravel()), dict(variable.attrs)
        yield columns


def _plain(values: Array) -> Any:
    """Text as a list: Arrow knows no StringDType."""
    return values.tolist() if values.dtype.kind in "TUO" else values
