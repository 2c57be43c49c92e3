"""How arrays lie on disk: chunks, codecs, fill values, and the commit. The only file that imports zarr.

Import it inside functions: zarr takes half a second to load.
"""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import BloscCodec
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

from ..errors import StoreError
from .manifest import replace_file, sync_directory

CHUNK = 2**20
"""Elements in a whole chunk: 4 or 8 MiB raw, which is where both writing and reading are fast."""

_UNITS = {
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "minutes": "min",
    "hours": "h",
    "days": "d",
}


class DurableStore(LocalStore):
    """A local store whose every write survives a loss of power: file, rename, and directories are synced."""

    async def set(self, key: str, value: Buffer) -> None:
        """Write `key` whole and force it to disk."""
        self._check_writable()
        await asyncio.to_thread(self._set_durably, self.root / key, value.as_numpy_array().tobytes())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write `key` unless it is there."""
        if not await self.exists(key):
            await self.set(key, value)

    def _set_durably(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data, durable=True)
        for directory in path.parent.relative_to(self.root).parents:
            sync_directory(self.root / directory)


def open_for_writing(path: Path, durable: bool) -> zarr.Group:
    """Open the root of an existing store as its only writer, which must not trust consolidated metadata."""
    store = DurableStore(path) if durable else LocalStore(path)
    return zarr.open_group(store, mode="r+", use_consolidated=False)


def open_committed(path: Path) -> zarr.Group:
    """Open the root of a store as the last commit left it."""
    try:
        return zarr.open_group(LocalStore(path, read_only=True), mode="r", use_consolidated=True)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: damaged, the metadata in zarr.json cannot be read ({error})") from error


def commit(root: zarr.Group) -> None:
    """Publish the current length of every array: one atomic replacement of the root's metadata."""
    with warnings.catch_warnings(), writing(root):
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(root.store)


def create_array(
    group: zarr.Group,
    name: str,
    dtype: DTypeLike,
    dims: Sequence[str],
    shape: Sequence[int],
    rows: int = CHUNK,
    attrs: Mapping[str, Any] | None = None,
) -> zarr.Array[Any]:
    """Create an array with the project's chunks, codec and fill value; one that is there is taken as it is.

    Parameters
    ----------
    group, name
        Where.
    dtype
        NumPy type; ``str`` for text.
    dims
        Name of each dimension: all that xarray needs.
    shape
        Initial shape.
    rows
        Rows in one chunk; the other dimensions are cut so that a chunk has at most `CHUNK` elements.
    attrs
        Attributes; numbers without units have the unit "1".
    """
    kind = "U" if dtype is str else np.dtype(dtype).kind
    if name in group:
        return _existing(group, name, dims, shape)
    with writing(group):
        return group.create_array(
            name,
            shape=tuple(shape),
            chunks=chunk_shape(rows, shape[1:]) if len(shape) else (),
            dtype=dtype,
            dimension_names=list(dims),
            fill_value={"f": np.nan, "U": ""}.get(kind, 0),
            compressors="auto" if kind == "U" else _codec(kind),
            attributes=_attributes(attrs or {}, kind),
        )


def _existing(group: zarr.Group, name: str, dims: Sequence[str], shape: Sequence[int]) -> zarr.Array[Any]:
    """Return an array of a store that is being gone on with, if it is the one that would be made."""
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise StoreError(f"{group.store_path}: {name!r} is a group, not an array")
    if list(dimensions(found)) != list(dims) or found.shape[1:] != tuple(shape[1:]):
        raise StoreError(
            f"{found.store_path}: is {dimensions(found)}, what goes on is {dict(zip(dims, shape, strict=True))}"
        )
    return found


def _attributes(attrs: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Attributes without empty ones, and with units on whatever is a number."""
    units = {"units": "1"} if kind in "iuf" else {}
    return units | {key: value for key, value in attrs.items() if value != ""}


def units_of(array: zarr.Array[Any]) -> str:
    """Units of an array to show to people: none for numbers without a unit."""
    units = str(array.attrs.get("units", ""))
    return "" if units == "1" else units


def store_array(
    group: zarr.Group,
    name: str,
    data: NDArray[Any],
    dims: Sequence[str],
    attrs: Mapping[str, Any] | None = None,
) -> None:
    """Create an array that never grows, and fill it; one that is there is left alone."""
    there = name in group
    dtype = str if data.dtype.kind == "U" else data.dtype
    array = create_array(
        group,
        name,
        dtype,
        dims,
        data.shape,
        rows=min(CHUNK, max(1, len(data) if data.ndim else 1)),
        attrs=attrs,
    )
    if not there:
        with writing(group):
            array[...] = data


def write_rows(array: zarr.Array[Any], first: int, data: NDArray[Any]) -> None:
    """Let an array end with the rows `data`, of which the first has the index `first`."""
    with writing(array):
        set_length(array, first + len(data))
        array[first : first + len(data)] = data


def set_length(array: zarr.Array[Any], length: int) -> None:
    """Grow or shrink an array along its first dimension."""
    if array.shape[0] != length:
        array.resize((length, *array.shape[1:]))


def dimensions(array: zarr.Array[Any]) -> dict[str, int]:
    """Name and size of each dimension of an array, in order."""
    names = getattr(array.metadata, "dimension_names", None) or ()
    return dict(zip(names, array.shape, strict=True))


def chunk_shape(rows: int, trailing: Sequence[int]) -> tuple[int, ...]:
    """Cut trailing dimensions, the last one first, so that a chunk holds at most about `CHUNK` elements."""
    budget = max(1, CHUNK // rows)
    chunk: list[int] = []
    for size in reversed(trailing):
        chunk.insert(0, max(1, min(size, budget)))
        budget = max(1, budget // chunk[0])
    return (rows, *chunk)


def rows_per_chunk(shapes: Sequence[Sequence[int]], at_most: int = CHUNK) -> int:
    """Rows that fill a whole chunk of the largest of several columns with these trailing shapes."""
    largest = max((math.prod(shape) for shape in shapes), default=1)
    return max(1, min(at_most, CHUNK // max(1, largest)))


def plain_units(units: str) -> str:
    """Units as text that xarray leaves alone: CF decoding would turn "seconds" into time spans.

    Raises
    ------
    StoreError
        If the text holds "since", which xarray would read as a date.
    """
    if "since" in units.split():
        raise StoreError(f"units {units!r}: xarray would decode them as a date; leave out 'since'")
    return _UNITS.get(units, units)


@contextmanager
def writing(node: zarr.Group | zarr.Array[Any]) -> Iterator[None]:
    """Turn a full disk or a lost permission into an error that names the array."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"{node.store_path}: cannot write: {error.strerror or error}") from error


def _codec(kind: str) -> BloscCodec:
    """Choose the codec: zstd, shuffling the bytes of times and the bits of ids; lz4 for floats."""
    if kind == "f":
        return BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
    return BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle" if kind == "u" else "shuffle")
