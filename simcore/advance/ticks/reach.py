"""Lazy neurons that events have reached in this tick; a kernel template."""

from __future__ import annotations

from typing import Any


def reach(touch: Any, trial: int, slot: Any) -> None:
    """Note that an event has reached a neuron of a lazy population."""
    if touch.mark[trial, slot] == 0:
        touch.mark[trial, slot] = 1
        touch.slot[trial, touch.count[trial]] = slot
        touch.count[trial] += 1
