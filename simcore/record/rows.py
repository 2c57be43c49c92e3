"""Arrays that grow together along one dimension, written in whole chunks: what every recorder is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DataError

if TYPE_CHECKING:
    from .target import Target
    from .tree import Array, Group
    from .writer import Writer

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
    twin
        Another column of the same type whose values these are, under other attributes; it is not appended to.
    """

    dtype: DTypeLike
    units: str = ""
    dims: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)
    twin: str = ""


class Columns:
    """Append-only columns that share their first dimension.

    Appended rows wait in a buffer of one chunk, so that chunks are written once and whole; `flush` also
    writes the incomplete last chunk, which is written again when it is full. Whoever holds the writer's thread
    does the writing. The columns have equal lengths after every flush, even one that follows an append cut short by
    an exception: rows count only once all columns have them.

    Parameters
    ----------
    group
        Group that holds the columns.
    dim
        Name of the shared dimension.
    columns
        Name and form of each array.
    chunk
        Rows in the buffer; by default as many as make a whole chunk of the widest column.
    """

    def __init__(
        self, group: Group, dim: str, columns: Mapping[str, Column], chunk: int | None = None
    ) -> None:
        from .layout import create_array, plain_units, rows_per_chunk

        self.dim = dim
        self.columns = {name: column for name, column in columns.items() if not column.twin}
        self.chunk = chunk or rows_per_chunk([column.shape for column in columns.values()])
        self._arrays: dict[str, Array] = {}
        self._twins: dict[str, list[Array]] = {name: [] for name in self.columns}
        for name, column in columns.items():
            array = create_array(
                group,
                name,
                column.dtype,
                (dim, *column.dims),
                (0, *column.shape),
                rows=self.chunk if column.shape else max(self.chunk, _FEWEST_ROWS),
                attrs={"units": plain_units(column.units), **column.attrs},
            )
            if column.twin:
                self._twins[column.twin].append(array)
            else:
                self._arrays[name] = array
        #: buffers, and the rows [first, stop) that are in them; those before are with the writer. Replaced as a whole.
        n = min(array.shape[0] for array in self._arrays.values())  # of a store that is being gone on with
        self._held = self._fresh(), n // self.chunk * self.chunk, n
        self._flushed = n

    def _fresh(self) -> dict[str, NDArray[Any]]:
        return {name: np.empty((self.chunk, *c.shape), c.dtype) for name, c in self.columns.items()}

    def use(self, writer: Writer, target: Target) -> None:
        """Say who writes, and where to; rows of an incomplete chunk that are there are taken up."""
        self._writer, self._target = writer, target
        buffers, first, _ = self._held
        for name, array in self._arrays.items() if first < self._flushed else ():
            buffers[name][: self._flushed - first] = array.read(target, first, self._flushed)

    def __len__(self) -> int:
        return self._held[2]

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
        """Let the writer have what the buffer holds, and the columns their length."""
        buffers, first, stop = self._held
        if first < stop != self._flushed:
            self._write(first, {name: buffer[: stop - first].copy() for name, buffer in buffers.items()})
        for name, array in self._arrays.items():
            for one in (array, *self._twins[name]):
                one.shape = (stop, *one.shape[1:])
        self._flushed = stop

    def _take(self, arrays: Mapping[str, NDArray[Any]], at: int, n: int) -> int:
        """Accept some of the rows [at, n), as many as the buffer has room for; return how many."""
        self._pass_on()
        buffers, first, stop = self._held
        taken = min(n - at, first + self.chunk - stop)
        for name, array in arrays.items():
            buffers[name][stop - first : stop - first + taken] = array[at : at + taken]
        self._held = buffers, first, stop + taken
        self._pass_on()
        return taken

    def _pass_on(self) -> None:
        """Give the buffers to the writer if they are full; again, after an interruption, does no harm."""
        buffers, first, stop = self._held
        if stop - first == self.chunk:
            self._write(first, buffers)
            self._held = self._fresh(), stop, stop

    def _write(self, first: int, data: Mapping[str, NDArray[Any]]) -> None:
        arrays, twins, target = self._arrays, self._twins, self._target

        def write() -> None:
            for name, array in arrays.items():
                array.write(target, first, data[name], twins[name])

        self._writer.do(write, sum(values.nbytes for values in data.values()))

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
