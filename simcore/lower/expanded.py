"""Segments spelled out: every synapse with the accumulator that it adds to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .arrays import BITMAP, DENSE, HALF, OF_ONE_WEIGHT, PLASTIC, Wires
from .bitmaps import unpacked
from .entries import begin_of, group_of, length_of
from .halves import target_of, value_of

Array = np.ndarray[Any, Any]
CHUNK = 1 << 22  # synapses that are looked at together


class Expanded(NamedTuple):
    """Synapses of some segments of one shard, in their order."""

    segment: Array  # int64[n], which segment of all
    group: Array  # int64[n]
    place: Array  # int64[n], where its weight lies: ``dense``, ``weight``, ``word`` or, of one weight, ``group_weight``
    at: Array  # int64[n], accumulator: row * n_slots + slot
    weight: Array  # real[n]


def expanded(wires: Wires, segments: Array) -> Expanded:
    """Spell out segments, given by their numbers; none may be plastic."""
    entry = wires.segment_entry[segments]
    length, form = length_of(entry), wires.group_format[group_of(entry)]
    if np.any(form == PLASTIC):
        raise ValueError("segments of plastic projections cannot be spelled out")
    segment, group = np.repeat(segments, length), np.repeat(group_of(entry), length)
    form = np.repeat(form, length)
    offset = np.arange(len(segment)) - np.repeat(np.cumsum(length) - length, length)
    synapse = np.repeat(begin_of(entry), length) + offset
    dense, constant, bits = form == DENSE, np.isin(form, OF_ONE_WEIGHT), form == BITMAP
    half = form == HALF
    listed, weighted = ~dense & ~bits & ~half, ~dense & ~constant & ~half
    at = wires.group_base[group]
    at[dense] += offset[dense]
    at[listed] += wires.target[synapse[listed]]
    at[half] += target_of(wires.word[synapse[half]])
    at[bits] += unpacked(wires, segments[wires.group_format[group_of(entry)] == BITMAP])
    weight = wires.group_weight[group]
    weight[dense] = wires.dense[synapse[dense]]
    weight[weighted] = wires.weight[synapse[weighted]]
    weight[half] = value_of(wires.word[synapse[half]])
    return Expanded(segment, group, np.where(constant, group, synapse), at, weight)


def static(wires: Wires, segments: Array) -> Array:
    """Tell which of some segments, given by their numbers, are not plastic."""
    return np.asarray(wires.group_format[group_of(wires.segment_entry[segments])] != PLASTIC)


def chunks(wires: Wires) -> Iterator[Expanded]:
    """Spell out all segments that are not plastic in their order, those of some sources at a time."""
    total = np.append(0, np.cumsum(length_of(wires.segment_entry)))[wires.segment_ptr]
    n, first = len(wires.segment_ptr) - 1, 0
    while first < n:
        last = max(first + 1, int(np.searchsorted(total, total[first] + CHUNK, side="right")) - 1)
        segments = np.arange(wires.segment_ptr[first], wires.segment_ptr[last])
        yield expanded(wires, segments[static(wires, segments)])
        first = last
