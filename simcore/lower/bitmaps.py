"""Rows of bits: the targets of a dense projection of constant weight, a bit for each that there may be.

A list takes 2 bytes a synapse, a row of bits an eighth of a byte for each target that a synapse could have: no more
where at least one in sixteen has one. Several synapses of one source onto one neuron need more than a bit: all but the
first of them stay in a list. Rows lie in lines of 512 bits. Their accumulators are worked on in groups of 128; the last
group ends with the last target, so that nothing beyond is touched; the bits that it shares with the one before are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vectors import GROUP, LINE, WORDS
from .arrays import BITMAP, CONSTANT, Wires
from .entries import begin_of, group_of, length_of, packed

Array = np.ndarray[Any, Any]
_AT_ONCE = 1 << 24  # bits that are unpacked together


def words_of(n_targets: int) -> int:
    """Return how many words of 64 bits a row takes."""
    return -(-n_targets // LINE) * WORDS


def pay(n_synapses: float, n_rows: float, n_targets: int) -> bool:
    """Tell whether rows of bits take no more memory than lists."""
    return n_targets >= GROUP and 8 * words_of(n_targets) * n_rows <= 2 * n_synapses


def last_group(n_targets: int) -> tuple[int, int]:
    """Return the first target of the last group, and what to add to a target from there on to find its bit."""
    n_groups = -(-n_targets // GROUP)
    return (n_groups - 1) * GROUP, n_groups * GROUP - n_targets


def aligned(n_words: int) -> Array:
    """Return words, all 0, the first of which begins a line of the cache."""
    room = np.zeros(n_words + WORDS, np.uint64)
    skip = -room.ctypes.data // 8 % WORDS
    return room[skip : skip + n_words]


def unpacked(wires: Wires, segments: Array) -> Array:
    """Return the targets of some segments of BITMAP groups, one segment after another, each in ascending order."""
    entry = wires.segment_entry[segments]
    length, end = length_of(entry), np.cumsum(length_of(entry))
    out = np.empty(end[-1] if len(end) else 0, np.int64)
    for group in np.unique(group_of(entry)):
        first, width, row, n_targets = wires.group_bits[group]
        mine = np.flatnonzero(group_of(entry) == group)
        for some in np.array_split(mine, -(-len(mine) * width * 64 // _AT_ONCE)):
            number = begin_of(entry[some])
            words = wires.bits[first + number[:, None] * width + np.arange(width)]
            bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
            owner, target = np.nonzero(bits)
            begin, shift = last_group(n_targets)
            target -= np.where(target >= begin, shift, 0)
            n_rest = np.diff(wires.rest_ptr)[row + number]
            rest = _ranges(wires.rest_ptr[row + number], n_rest)
            owner = np.concatenate([owner, np.repeat(np.arange(len(some)), n_rest)])
            target = np.concatenate([target, wires.target[rest]])
            at = _ranges(end[some] - length[some], length[some])
            out[at] = target[np.lexsort((target, owner))]
    return out


def listed(wires: Wires) -> Wires:
    """Return the same synapses without rows of bits; weights are shared."""
    form = wires.group_format[group_of(wires.segment_entry)]
    segments = np.flatnonzero(form == BITMAP)
    if not len(segments):
        return wires
    target, entry = unpacked(wires, segments).astype(wires.target.dtype), wires.segment_entry.copy()
    length = length_of(entry[segments])
    begin = len(wires.target) + np.cumsum(length) - length
    entry[segments] = packed(begin, length, group_of(entry[segments]))
    return wires._replace(
        segment_entry=entry,
        group_format=np.where(wires.group_format == BITMAP, CONSTANT, wires.group_format),
        target=np.concatenate([wires.target, target]),
    )


def _ranges(begin: Array, length: Array) -> Array:
    """Return ranges of numbers, one after another."""
    return np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
