"""The weights of a projection as a matrix, in bins of neurons where these are many, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.record.replay import frames, variable_of

_BLOCK = 1 << 20


def cells_of(group: Any, k: int, most: int) -> tuple[NDArray[np.float64], int, int]:
    """Return the matrix, NaN where there is no synapse, and how many neurons are in a cell, pre and post.

    At most ``most`` cells lie along an axis.
    """
    n_pre, n_post = (int(group.attrs[f"n_{end}"]) for end in ("pre", "post"))
    per_pre, per_post = -(-n_pre // most), -(-n_post // most)
    shape = -(-n_pre // per_pre), -(-n_post // per_post)
    total, count = np.zeros(shape[0] * shape[1]), np.zeros(shape[0] * shape[1])
    for begin, weights in _blocks(group, k):
        part = slice(begin, begin + len(weights))
        pre, post = group["pre"][part].astype(np.int64), group["post"][part].astype(np.int64)
        cell = pre // per_pre * shape[1] + post // per_post
        total += np.bincount(cell, weights, minlength=len(total))
        count += np.bincount(cell, minlength=len(count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape), per_pre, per_post


def _blocks(group: Any, k: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Give a snapshot in blocks, each with the position of its first synapse."""
    if "n_changes" in group:
        (now,) = frames(group, [k])
        yield from ((a, now[a : a + _BLOCK]) for a in range(0, len(now), _BLOCK))
        return
    array = group[variable_of(group)]
    columns = int(array.chunks[1])
    columns *= max(1, _BLOCK // columns)
    yield from ((a, array[k, a : a + columns]) for a in range(0, array.shape[1], columns))
