"""Entries: a segment packed into one int64, ``begin << 28 | length << 8 | group``: 35, 20 and 8 bits.

A kernel template, and for arrays of entries ordinary Python.
"""

from __future__ import annotations

from typing import Any

from .arrays import GROUP_BITS, LENGTH_BITS, MAX_GROUPS, MAX_LENGTH


def packed(begin: Any, length: Any, group: Any) -> Any:
    """Return the entry of a segment: its first synapse (or, of a plastic group, its number), length and group."""
    return begin << (GROUP_BITS + LENGTH_BITS) | length << GROUP_BITS | group


def group_of(entry: Any) -> Any:
    """Return the group that the segment of an entry belongs to."""
    return entry & (MAX_GROUPS - 1)


def length_of(entry: Any) -> Any:
    """Return the number of synapses in the segment of an entry."""
    return entry >> GROUP_BITS & MAX_LENGTH


def begin_of(entry: Any) -> Any:
    """Return the first synapse of the segment of an entry; of a plastic group, the number of the segment."""
    return entry >> (GROUP_BITS + LENGTH_BITS)
