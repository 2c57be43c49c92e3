"""Bounds of weights, as many rules have them."""

from __future__ import annotations


def misordered(w_min: float, w_max: float) -> str | None:
    """Return what is wrong with two bounds, or None."""
    return None if w_min < w_max else f"w_min must be < w_max, got {w_min} and {w_max}"
