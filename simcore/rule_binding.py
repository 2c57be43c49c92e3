"""The functions of a plasticity rule, as kernel templates import them; :mod:`.build` puts a real rule's there."""

from __future__ import annotations

from typing import Any


def on_pre(w: float, x_post: float, c: Any) -> float:
    """Weight after an arrival."""
    return w


def on_post(w: float, x_pre: float, c: Any) -> float:
    """Weight after a post spike."""
    return w


def pre_trace(x: float, c: Any) -> float:
    """Pre trace after an arrival."""
    return 1.0 + x


def post_trace(x: float, c: Any) -> float:
    """Post trace after a spike."""
    return 1.0 + x
