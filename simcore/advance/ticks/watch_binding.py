"""How kernels reach a source that watches; :mod:`.modules` writes the same for each, with its fields and functions."""

from __future__ import annotations

from typing import Any


def watch_neuron(s: Any, v: Any, c: Any) -> Any:
    """State of a neuron a tick later."""
    return s


def level_of_neuron(s: Any, v: Any, c: Any) -> Any:
    """Level of a neuron."""
    return v


def potential_of(watched: Any, i: int) -> Any:
    """Potential of the neuron ``i`` on a device, less what is taken from it."""
    return watched.membrane[i]


def load_watched(fields: Any, i: int) -> Any:
    """State of the neuron ``i``."""
    return fields.v[i]


def store_watched(fields: Any, i: int, s: Any) -> None:
    """Put a neuron's state back."""
    fields.v[i] = s
