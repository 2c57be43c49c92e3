"""How kernels for CUDA reach a model; :mod:`.device_text` writes the same for each model, with its fields.

This is what it writes for a LIF neuron.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.neurons.lif import Constants, State, flow, receive, reset, threshold

__all__ = [
    "flow",
    "inject",
    "load",
    "peek",
    "pick",
    "real",
    "reset",
    "store",
    "take_input",
    "threshold",
    "whole",
]

real, whole = float, int


def load(state: Any, trial: int, i: int) -> State:
    """State of one neuron."""
    return State(state[0, trial, i], state[1, trial, i])


def store(state: Any, trial: int, i: int, s: State) -> None:
    """Put a neuron's state back."""
    state[0, trial, i] = s.v
    state[1, trial, i] = s.refractory


def peek(state: Any, field: int, trial: int, i: int) -> Any:
    """One number of one neuron's state."""
    return state[field, trial, i]


def pick(group: Any, p: int, i: int) -> Constants:
    """Constants of one neuron: of its population, or its own where they vary."""
    table = group.table
    return Constants(
        table[p, 0], table[p, 1], table[p, 2], table[p, 3], table[p, 4], table[p, 5], table[p, 6]
    )


def inject(current: Any, trial: int, slot: int) -> float:
    """Injected current of one neuron [pA]."""
    return float(current[trial, slot])


def take_input(
    s: State, c: Constants, ring: Any, trial: int, bucket: int, slot: int, n_slots: int, quantum: Any, p: int
) -> State:
    """Receive what has gathered for each receptor, whole numbers of its quantum, and clear it."""
    x0 = real(ring[trial, bucket, slot]) * quantum[p, 0]
    ring[trial, bucket, slot] = 0
    return receive(s, c, x0)
