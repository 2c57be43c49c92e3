"""Delivery of synapses of four bytes, see :mod:`..lower.halves`: segments are strung together, then added.

A processor guesses where a loop ends, and guesses wrong at the end of each segment, as they differ in length. So the
segments that arrive one after another are first spelled out into one list, 16 synapses at a time in vector registers,
what lies behind a segment's end being overwritten by the next; one long loop adds the list to the accumulators, in
the same order. A kernel template.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.intrinsics.halves import spell_out
from tegmentum.simcore.intrinsics.memory import prefetch
from tegmentum.simcore.lower.arrays import HALF
from tegmentum.simcore.lower.entries import begin_of, group_of, length_of
from tegmentum.simcore.lower.halves import SPARE

ROOM = 1024  # synapses that are added together
AHEAD = 8  # entries between the prefetch of a segment and its delivery
LINES = 8  # of the cache that are asked for whatever a segment's length
WORDS = 16  # of a line


def run_of_halves(wires: Any, entry: Any, lo: int, n: int) -> Any:
    """Return the end of the entries from ``lo`` on that are delivered together, ``lo`` where that is not of words."""
    hi = lo
    while hi < n and wires.group_format[group_of(entry[hi])] == HALF:
        hi += 1
    return hi


def prefetch_halves(wires: Any, entry: Any) -> None:
    """Ask the memory for a segment that will be delivered soon."""
    begin, length = begin_of(entry), length_of(entry)
    last = begin + length - 1
    for k in range(LINES):
        prefetch(wires.word, min(begin + WORDS * k, last))
    s = begin + WORDS * LINES
    while s <= last:
        prefetch(wires.word, s)
        s += WORDS


def add_up(inputs: Any, place: Any, weight: Any, n: int) -> None:
    """Add the first ``n`` weights of a list to their accumulators."""
    for s in range(n):
        inputs[np.uint64(place[np.uint64(s)])] += weight[np.uint64(s)]


def deliver_halves(wires: Any, inputs: Any, place: Any, weight: Any, entry: Any, lo: int, hi: int) -> Any:
    """Deliver the entries ``lo`` to ``hi - 1``; returns the number of synapses.

    Parameters
    ----------
    place : uint32[ROOM + SPARE]
    weight : float32[ROOM + SPARE]
        scratch
    """
    n, n_events = 0, 0
    for k in range(lo, min(lo + AHEAD, hi)):
        prefetch_halves(wires, entry[k])
    for k in range(lo, hi):
        if k + AHEAD < hi:
            prefetch_halves(wires, entry[k + AHEAD])
        base = np.uint32(wires.group_base[group_of(entry[k])])
        first, left = begin_of(entry[k]), length_of(entry[k])
        n_events += left
        while left > 0:
            m = min(left, ROOM)
            if n + m > ROOM:
                add_up(inputs, place, weight, n)
                n = 0
            for s in range(0, m, SPARE):
                spell_out(place, weight, n + s, wires.word, first + s, base)
            n += m
            first += m
            left -= m
    add_up(inputs, place, weight, n)
    return n_events
