"""How much of a store a page holds, whatever its size."""

from __future__ import annotations

DOTS = 20_000
"""Spikes that are drawn one by one, of all populations together: more would make a browser slow."""

MOST = 16
"""Groups of each kind that are drawn."""

_CELLS = 480_000
_CELLS_OF_ONE = 60_000


def cells(n_images: int) -> int:
    """Return the cells that each of several images may have."""
    return min(_CELLS_OF_ONE, _CELLS // max(1, n_images))


def left_out(n: int, things: str, kind: str) -> str:
    """Say that only the first of many are drawn, "" if all are."""
    if n <= MOST:
        return ""
    return f" The first {MOST} of {n:,} {things} are drawn here; `tegmentum plot {kind}` draws the others."
