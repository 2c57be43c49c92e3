"""Passes over all synapses of a shard that make a grid of weights, see :mod:`.grid`; a kernel template."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arrays import CONSTANT, DENSE, HALF, LAZY_CONSTANT, PLASTIC
from .entries import begin_of, group_of, length_of
from .halves import target_of, value_of, word_of

SHARES = 2.0**20  # parts of the largest weight in which bounds are counted, so that their sums have no order


def weight_of(wires: Any, group: int, form: int, s: int) -> Any:
    """Return the weight of a synapse."""
    if form == DENSE:
        return wires.dense[s]
    if form in (CONSTANT, LAZY_CONSTANT):
        return wires.group_weight[group]
    if form == HALF:
        return value_of(wires.word[s])
    return wires.weight[s]


def accumulator_of(wires: Any, form: int, base: int, begin: int, s: int) -> Any:
    """Return the accumulator that synapse ``s`` of a segment from ``begin`` on adds to."""
    if form == HALF:
        return base + np.int64(target_of(wires.word[s]))
    return base + (s - begin if form == DENSE else np.int64(wires.target[s]))


def first_of(wires: Any, first: Any, group: int, form: int, begin: int) -> Any:
    """Return the first synapse of a segment; an entry of plastic ones holds the segment's number."""
    return wires.plastic_begin[first[group] + begin] if form == PLASTIC else begin


def measure(
    wires: Any,
    first: Any,
    reach: Any,
    times: Any,
    n_slots: int,
    owner: Any,
    most: Any,
    total: Any,
    count: Any,
) -> None:
    """Find the most that a synapse onto each population and row may deliver, and sum and number of weights but 0.

    Parameters
    ----------
    first : int64[n_groups]
        segments of plastic groups before each
    reach : float64[n_groups]
        the most that a plastic synapse may come to deliver
    times : int64[n_sources]
        how often each fires in a tick at most
    owner : int64[n_slots]
        population of each slot
    most, total, count : float64[n_populations, n_rows]
        brought up to date
    """
    for source in range(len(times)):
        for j in range(wires.segment_ptr[source], wires.segment_ptr[source + 1]):
            entry = wires.segment_entry[j]
            group, begin = group_of(entry), begin_of(entry)
            form, base = wires.group_format[group], wires.group_base[group]
            begin = first_of(wires, first, group, form, begin)
            for s in range(begin, begin + length_of(entry)):
                at = accumulator_of(wires, form, base, begin, s)
                row, slot = at // n_slots, at % n_slots
                w = abs(np.float64(weight_of(wires, group, form, s))) * times[source]
                top = reach[group] * times[source] if form == PLASTIC else w
                most[owner[slot], row] = max(most[owner[slot], row], top)
                total[owner[slot], row] += w
                count[owner[slot], row] += w > 0.0


def share(
    wires: Any, first: Any, reach: Any, times: Any, n_slots: int, owner: Any, most: Any, shares: Any
) -> None:
    """Sum the weights onto each accumulator in parts of the largest, rounded up: whole numbers, of any order."""
    for source in range(len(times)):
        for j in range(wires.segment_ptr[source], wires.segment_ptr[source + 1]):
            entry = wires.segment_entry[j]
            group, begin = group_of(entry), begin_of(entry)
            form, base = wires.group_format[group], wires.group_base[group]
            begin = first_of(wires, first, group, form, begin)
            for s in range(begin, begin + length_of(entry)):
                at = accumulator_of(wires, form, base, begin, s)
                w = reach[group] if form == PLASTIC else abs(np.float64(weight_of(wires, group, form, s)))
                w *= times[source]
                if w > 0.0:
                    shares[at] += math.ceil(w / most[owner[at % n_slots], at // n_slots] * SHARES)


def round_weights(wires: Any, n_slots: int, owner: Any, quanta: Any) -> None:
    """Round all weights to their quanta, but those that learn: of them what is delivered is rounded."""
    for j in range(len(wires.segment_entry)):
        entry = wires.segment_entry[j]
        group, begin = group_of(entry), begin_of(entry)
        form, base = wires.group_format[group], wires.group_base[group]
        if form != PLASTIC:
            for s in range(begin, begin + length_of(entry)):
                at = accumulator_of(wires, form, base, begin, s)
                q = quanta[owner[at % n_slots], at // n_slots]
                w = np.rint(np.float64(weight_of(wires, group, form, s)) / q) * q
                if form == DENSE:
                    wires.dense[s] = w
                elif form in (CONSTANT, LAZY_CONSTANT):
                    wires.group_weight[group] = w
                elif form == HALF:
                    wires.word[s] = word_of(target_of(wires.word[s]), w)
                else:
                    wires.weight[s] = w
