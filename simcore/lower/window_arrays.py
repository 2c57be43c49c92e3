"""The arrays that hold what reaches a layer during a window; :mod:`.events_kernel` fills them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
SPARE = (
    8  #: entries of a tick besides one for each neuron of a layer before: they are written eight at a time
)


class WindowEvents(NamedTuple):
    """Weighted rows for each trial (base) and each tick (deviations).

    Attributes
    ----------
    base_start, base_count : int64 (n_trials,)
    start, count : int64 (n_trials * n_ticks,)
    index : uint32 or uint16 (capacity,), channel of each entry
    value : float32 (capacity,), its weight: +1, -1, or a graded input; int8 will do where none is graded
    spikes : int64 (n_trials,), spikes that really happened, for counting synaptic events
    """

    base_start: Array
    base_count: Array
    start: Array
    count: Any  # Array
    index: Any  # Array; the name hides a method of tuple
    value: Array
    spikes: Array


class RowIndex(NamedTuple):
    """The same events sorted by channel: which slots of a batch each row of weights took part in.

    Slots count ``trial * (n_ticks + 1)`` for the base and that plus ``1 + tick`` for a tick. A row lists its bases,
    then the ticks from the last one back, so that a learner whose credit fades stops early. A chunk of batches has all
    arrays with a leading axis for the batch.

    Attributes
    ----------
    start : int64 (n_rows + 1,)
    end : int32 (n_ticks + 1, n_rows), where what belongs to the bases and to ticks ``t`` and later ends
    slot : uint32 or uint16 (capacity,)
    value : float32 or int8 (capacity,)
    """

    start: Array
    end: Array
    slot: Array
    value: Array


def numbers(n: int) -> Any:
    """Type of numbers below ``n``: every block of neurons reads all lists again, so bytes are time."""
    return np.uint16 if n <= 1 << 16 else np.uint32


def allocate(
    n_trials: int, n_ticks: int, capacity: int, index: Any = np.uint32, value: Any = np.float32
) -> WindowEvents:
    """Room for ``capacity`` entries over all trials and ticks."""
    per_trial, per_slot = np.zeros(n_trials, np.int64), np.zeros(n_trials * n_ticks, np.int64)
    return WindowEvents(
        per_trial, per_trial.copy(), per_slot, per_slot.copy(),
        np.zeros(capacity, index), np.ones(capacity, value), per_trial.copy(),
    )  # fmt: skip


def allocate_rows(
    n_batches: int, n_rows: int, n_ticks: int, capacity: int, slot: Any = np.uint32, value: Any = np.float32
) -> RowIndex:
    """Room for ``capacity`` entries over ``n_rows`` channels, the bias among them, for each batch."""
    return RowIndex(
        np.zeros((n_batches, n_rows + 1), np.int64), np.zeros((n_batches, n_ticks + 1, n_rows), np.int32),
        np.zeros((n_batches, capacity), slot), np.zeros((n_batches, capacity), value),
    )  # fmt: skip


def capacity(x: Array, n_ticks: int) -> Array:
    """Entries each sample may need: its base with the bias, and a deviation for each non-zero channel and tick."""
    return np.asarray(np.count_nonzero(x, axis=1).astype(np.int64) * (n_ticks + 1) + 1)
