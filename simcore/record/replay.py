"""Snapshots of synapses read back from a run store, whichever way they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BLOCK = 1 << 20  # numbers that are read at once


def variable_of(group: Any) -> str:
    """Return the name of a group's values: ``w``, or ``e`` of eligibilities."""
    return "w" if "w" in group else "e"


def moments_of(group: Any) -> tuple[Array, str]:
    """Return when the snapshots were taken, and in what: ``ms`` during a run, else ``epoch``."""
    return (group["time"][:], "ms") if "time" in group else (group["snapshot"][:], "epoch")


def frames(group: Any, chosen: Sequence[int]) -> Iterator[Array]:
    """Give the values of all recorded synapses at some snapshots; memory is bounded.

    Parameters
    ----------
    group : zarr.Group or xarray.Dataset
        below ``weights`` or ``eligibility``
    chosen : sequence of int
        numbers of snapshots, ascending

    Yields
    ------
    float[n_synapses], overwritten by the next
    """
    if "n_changes" in group:
        yield from _replayed(group, chosen)
    else:
        yield from _whole(group, chosen)


def _whole(group: Any, chosen: Sequence[int]) -> Iterator[Array]:
    array = group[variable_of(group)]
    rows = (getattr(array, "encoding", {}).get("chunks") or array.chunks or (len(array) or 1,))[0]
    begin, block = -rows, np.zeros(0)
    for k in chosen:
        if k // rows * rows != begin:
            begin = k // rows * rows
            block = np.asarray(array[begin : begin + rows])
        yield block[k - begin]


def _replayed(group: Any, chosen: Sequence[int]) -> Iterator[Array]:
    """Let the changes of each snapshot follow those of the one before, read in blocks."""
    values = group[variable_of(group)]
    edges = np.concatenate([[0], np.cumsum(np.asarray(group["n_changes"][:]))])
    now = np.full(group["synapse"].shape[0], np.nan, values.dtype)
    done, begin, stop = 0, 0, 0  # changes that are in; those that have been read
    place = value = np.zeros(0)
    for k in chosen:
        while done < edges[k + 1]:
            if done == stop:
                begin, stop = stop, min(int(edges[-1]), (stop // _BLOCK + 1) * _BLOCK)
                place, value = np.asarray(group["place"][begin:stop]), np.asarray(values[begin:stop])
            end = min(int(edges[k + 1]), stop)
            now[place[done - begin : end - begin]] = value[done - begin : end - begin]
            done = end
        yield now
