"""Delivery of projections whose rows are bits: dense ones of constant weight, see :mod:`..lower.bitmaps`.

Spikes that arrive in one tick, one after another in the order of emission, and add the same weight, are delivered
together: targets in their order, so that each line of accumulators is read and written once, and at each the spikes in
theirs. Sums are those of lists, to the last bit: an accumulator gets equal summands in a row, and as many.

A kernel template.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.bitmaps import PLANES, add_as_counted, add_rows_of_bits, count_bits
from tegmentum.simcore.intrinsics.memory import prefetch
from tegmentum.simcore.lower.arrays import BITMAP, GROUP_BITS, LENGTH_BITS
from tegmentum.simcore.lower.entries import begin_of, group_of, length_of
from tegmentum.simcore.vectors import GROUP, LINE, WORDS

FEW = 8  # spikes that are added one by one, not counted first
MOST = (1 << PLANES) - 1  # spikes that are counted together
SHIFT = GROUP_BITS + LENGTH_BITS  # from an entry to what it begins with, the number of a row
AHEAD = 2  # lines of bits between the prefetch and the use


def run_of(wires: Any, entry: Any, lo: int, n: int) -> Any:
    """Return the end of the entries from ``lo`` on that are delivered together."""
    group, hi = group_of(entry[lo]), lo + 1
    if wires.group_format[group] != BITMAP:
        return hi
    while hi < n and hi - lo < MOST and group_of(entry[hi]) == group:
        hi += 1
    return hi


def prefetch_line(wires: Any, entry: Any, lo: int, hi: int, word: int, width: int) -> None:
    """Ask the memory for a line of some rows."""
    for k in range(lo, hi):
        prefetch(wires.bits, word + begin_of(entry[k]) * width)


def deliver_bitmaps(wires: Any, inputs: Any, planes: Any, entry: Any, lo: int, hi: int) -> Any:
    """Deliver the entries ``lo`` to ``hi - 1``, all of one group; returns the number of synapses."""
    group = group_of(entry[lo])
    base, weight = wires.group_base[group], wires.group_weight[group]
    first, width, row, n_targets = wires.group_bits[group]
    n_events, n_planes = 0, 0
    while (hi - lo) >> n_planes:
        n_planes += 1
    for line in range(AHEAD):
        prefetch_line(wires, entry, lo, hi, first + line * WORDS, width)
    for k in range(lo, hi):
        prefetch(wires.target, wires.rest_ptr[row + begin_of(entry[k])])
        n_events += length_of(entry[k])
    for word in range(0, width, WORDS):
        prefetch_line(wires, entry, lo, hi, first + word + AHEAD * WORDS, width)
        if hi - lo > FEW:
            count_bits(planes, wires.bits, first + word, width, entry, SHIFT, lo, hi)
        for j in range(min(LINE // GROUP, (n_targets - 64 * word + GROUP - 1) // GROUP)):
            at = base + min(64 * word + GROUP * j, n_targets - GROUP)
            half = GROUP // 64 * j
            if hi - lo > FEW:
                add_as_counted(inputs, at, planes, half, n_planes, weight)
            else:
                here = first + word + half
                add_rows_of_bits(inputs, at, wires.bits, here, width, entry, SHIFT, lo, hi, weight)
    for k in range(lo, hi):
        number = row + begin_of(entry[k])
        for s in range(wires.rest_ptr[number], wires.rest_ptr[number + 1]):
            inputs[base + wires.target[s]] += weight
    return n_events
