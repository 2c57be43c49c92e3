"""Lazy neurons that events have reached in this tick; a kernel template."""

from __future__ import annotations

from typing import Any


def reach(active: Any, trial: int, slot: Any) -> None:
    """Note that an event has reached a neuron of a lazy population."""
    if active.mark[trial, slot] == 0:
        active.mark[trial, slot] = 1
        active.slot[trial, active.count[trial]] = slot
        active.count[trial] += 1
