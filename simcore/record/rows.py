"""Arrays that grow together along one dimension, written in whole chunks: what every recorder is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DataError

if TYPE_CHECKING:
    import zarr

_FEWEST_ROWS = 1024
"""Rows in a chunk of a one-dimensional column, however few rows its wide neighbours hold back."""


@dataclass(frozen=True)
class Column:
    """One array of a group of rows.

    Parameters
    ----------
    dtype
        NumPy type of an element.
    units
        Text for the attribute ``units``.
    dims, shape
        Names and sizes of the dimensions after the first.
    attrs
        More attributes.
    """

    dtype: DTypeLike
    units: str = ""
    dims: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)


class Columns:
    """Append-only columns that share their first dimension.

    Appended rows wait in a buffer of one chunk, so that chunks are written once and whole; `flush` also
    writes the incomplete last chunk, which is written again when it is full. The columns have equal lengths
    on disk after every flush, even one that follows an append cut short by an exception: rows count only once
    all columns have them.

    Parameters
    ----------
    group
        Zarr group that holds the columns.
    dim
        Name of the shared dimension.
    columns
        Name and form of each array.
    chunk
        Rows in the buffer; by default as many as make a whole chunk of the widest column.
    """

    def __init__(
        self, group: zarr.Group, dim: str, columns: Mapping[str, Column], chunk: int | None = None
    ) -> None:
        from .layout import create_array, plain_units, rows_per_chunk

        self.dim = dim
        self.columns = dict(columns)
        self.chunk = chunk or rows_per_chunk([column.shape for column in columns.values()])
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._buffers: dict[str, NDArray[Any]] = {}
        self._span = (
            0,
            0,
        )  # rows [first, stop) are in the buffers, those before are on disk; replaced as a whole
        self._flushed = 0
        for name, column in self.columns.items():
            self._buffers[name] = np.empty((self.chunk, *column.shape), column.dtype)
            self._arrays[name] = create_array(
                group,
                name,
                column.dtype,
                (dim, *column.dims),
                (0, *column.shape),
                rows=self.chunk if column.shape else max(self.chunk, _FEWEST_ROWS),
                attrs={"units": plain_units(column.units), **column.attrs},
            )
        self._take_up()

    def _take_up(self) -> None:
        """Go on after rows that are there: those of the last chunk, if it is incomplete, into the buffers."""
        n = min(int(array.shape[0]) for array in self._arrays.values())
        first = n // self.chunk * self.chunk
        for name, array in self._arrays.items():
            if first < n:
                self._buffers[name][: n - first] = array[first:n]
        self._span, self._flushed = (first, n), n

    def __len__(self) -> int:
        return self._span[1]

    def append(self, **values: Any) -> None:
        """Append rows.

        Parameters
        ----------
        **values
            For every column an array of shape ``(n, *column.shape)``, with one `n` for all.

        Raises
        ------
        DataError
            If columns are missing or unknown, or a shape or kind of number does not fit.
        """
        arrays = self._fitted(values)
        n = len(next(iter(arrays.values())))
        done = 0
        while done < n:
            done += self._take(arrays, done, n)

    def flush(self) -> None:
        """Write what the buffer holds, and make the columns equally long on disk."""
        from .layout import set_length, writing

        first, stop = self._span
        if first < stop != self._flushed:
            self._write(first, {name: buffer[: stop - first] for name, buffer in self._buffers.items()})
        for array in self._arrays.values():
            with writing(array):
                set_length(array, stop)
        self._flushed = stop

    def _take(self, arrays: Mapping[str, NDArray[Any]], at: int, n: int) -> int:
        """Accept some of the rows [at, n), whole chunks directly, others by the buffer; return how many."""
        first, stop = self._span
        if stop - first == self.chunk:
            self._write(first, self._buffers)
            self._span = first, _ = stop, stop
        if first == stop and n - at >= self.chunk:
            whole = (n - at) // self.chunk * self.chunk
            self._write(first, {name: array[at : at + whole] for name, array in arrays.items()})
            self._span = first + whole, first + whole
            return whole
        taken = min(n - at, first + self.chunk - stop)
        for name, array in arrays.items():
            self._buffers[name][stop - first : stop - first + taken] = array[at : at + taken]
        self._span = first, stop + taken
        return taken

    def _write(self, first: int, data: Mapping[str, NDArray[Any]]) -> None:
        from .layout import write_rows

        for name, array in self._arrays.items():
            write_rows(array, first, data[name])

    def _fitted(self, values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        if values.keys() != self.columns.keys():
            raise DataError(f"expected the columns {sorted(self.columns)}, got {sorted(values)}")
        arrays = {name: _fit(name, self.columns[name], value) for name, value in values.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns must be equally long, got {lengths}")
        return arrays


def _fit(name: str, column: Column, value: Any) -> NDArray[Any]:
    """Convert one column's new rows, refusing what would lose more than floating-point digits."""
    array = np.asarray(value)
    dtype = np.dtype(column.dtype)
    if array.shape[1:] != column.shape or array.ndim == 0:
        shape = ", ".join(["n", *map(str, column.shape)])
        raise DataError(f"column {name!r}: expected the shape ({shape}), got {array.shape}")
    if array.size and dtype.kind in "iu" and array.dtype.kind not in "iub":
        raise DataError(f"column {name!r}: expected integers, got {array.dtype}")
    return array.astype(dtype, copy=False)
