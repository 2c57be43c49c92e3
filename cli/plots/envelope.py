"""Long samples on a small axis: the least, the greatest and the mean in bins, read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]

_MOST_SAMPLES = 4000  # drawn as they are
_BINS = 2000
_BLOCK = 1 << 21  # numbers that are read at once


@dataclass(frozen=True)
class Envelope:
    """Samples in bins along their first axis.

    Attributes
    ----------
    per
        Samples in each bin but the last; 1 if nothing was left out.
    low, high, mean
        Shape (n_bins, n_columns).
    """

    per: int
    low: Values
    high: Values
    mean: Values

    def draw(self, axes: Axes, at: Values, column: int, **style: Any) -> None:
        """Draw a column as a line; where samples share a bin, from its least to its greatest."""
        if self.per == 1:
            axes.plot(at, self.mean[:, column], **style)
            return
        ends = np.stack([self.low[:, column], self.high[:, column]], axis=1)
        ends[1::2] = ends[1::2, ::-1]  # up and down in turns, so that the line does not cross the bins
        axes.plot(np.repeat(at, 2), ends.ravel(), **style)


def envelope(array: Any, where: Sequence[int], columns: Sequence[int] | None, groups: int = 1) -> Envelope:
    """Read samples.

    Parameters
    ----------
    array : zarr.Array
        Samples along its first axis, columns along the last.
    where
        Index along the axes between, shape ().
    columns
        Which to read; None for all.
    groups
        Columns in a row whose mean is taken as one.
    """
    n, n_columns = array.shape[0], array.shape[-1] if columns is None else len(columns)
    per = 1 if n <= _MOST_SAMPLES else -(-n // _BINS)
    n_bins, n_rows = -(-n // per), -(-n_columns // groups)
    low, high = np.full((n_bins, n_rows), np.inf), np.full((n_bins, n_rows), -np.inf)
    total, count = np.zeros((n_bins, n_rows)), np.zeros((n_bins, n_rows))
    rows = max(1, _BLOCK // max(1, int(np.prod(array.shape[1:]))))
    rows = max(1, rows // array.chunks[0]) * array.chunks[0]
    for begin in range(0, n, rows):
        block = array[(slice(begin, min(begin + rows, n)), *where)].astype(np.float64)
        if columns is not None:
            block = block[:, list(columns)]
        if groups > 1:
            sizes = np.minimum(groups, n_columns - groups * np.arange(n_rows))
            block = np.add.reduceat(block, np.arange(0, n_columns, groups), axis=1) / sizes
        bins = np.arange(begin, begin + len(block)) // per
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        at = bins[starts]
        low[at] = np.fmin(low[at], np.fmin.reduceat(block, starts, axis=0))
        high[at] = np.fmax(high[at], np.fmax.reduceat(block, starts, axis=0))
        total[at] += np.add.reduceat(np.nan_to_num(block), starts, axis=0)
        count[at] += np.add.reduceat((block == block).astype(np.float64), starts, axis=0)
    unknown = count == 0
    low[unknown] = high[unknown] = np.nan
    return Envelope(per, low, high, np.where(unknown, np.nan, total / np.maximum(count, 1)))
