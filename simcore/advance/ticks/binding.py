"""How kernels reach a model: loads and stores of its state, picks of its constants.

This file is what :mod:`.modules` writes for a LIF neuron; for other models it writes the same functions with
their fields. Kernel templates import from here, so they are ordinary Python that tools can check.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.memory import prefetch
from tegmentum.simcore.neurons.lif import Constants, State, flow, leap, receive, reset, threshold

__all__ = [
    "flow",
    "gather",
    "inject",
    "leap",
    "load",
    "peek",
    "pick",
    "prefetch_state",
    "real",
    "reset",
    "rows",
    "store",
    "take_input",
    "threshold",
    "window",
]

real = float


def window(fields: Any, trial: int, lo: int, hi: int) -> Any:
    """State of some neurons of a trial, as arrays."""
    return State(fields.v[trial, lo:hi], fields.refractory[trial, lo:hi])


def load(fields: Any, i: int) -> State:
    """State of one neuron."""
    return State(fields.v[i], fields.refractory[i])


def store(fields: Any, i: int, s: State) -> None:
    """Put a neuron's state back."""
    fields.v[i] = s.v
    fields.refractory[i] = s.refractory


def peek(fields: Any, field: int, trial: int, i: int) -> float:
    """One number of one neuron's state."""
    if field == 0:
        return float(fields.v[trial, i])
    return float(fields.refractory[trial, i])


def prefetch_state(fields: Any, i: int) -> None:
    """Ask the memory for a neuron's state that will be needed soon."""
    prefetch(fields.v, i)
    prefetch(fields.refractory, i)


def gather(table: Any, arrays: Any, p: int, lo: int, hi: int) -> Any:
    """Constants of population ``p``; those that differ between neurons as arrays."""
    return Constants(
        table[p, 0], table[p, 1], table[p, 2], table[p, 3], table[p, 4], table[p, 5], table[p, 6]
    )


def pick(c: Any, i: int) -> Constants:
    """Constants of one neuron."""
    return Constants(c.decay, c.log_decay, c.v_inf, c.drive, c.v_thresh, c.v_reset, c.n_ref)


def inject(current: Any, i: int) -> float:
    """Injected current of one neuron [pA]."""
    return float(current[i])


def rows(inputs: Any, lo: int, hi: int) -> Any:
    """Accumulators of some neurons, one array for each receptor."""
    return (inputs[0, lo:hi],)


def take_input(s: State, c: Constants, inputs: Any, i: int) -> State:
    """Receive what has gathered in each receptor's accumulator, and clear it."""
    x0 = inputs[0][i]
    inputs[0][i] = 0.0
    return receive(s, c, x0)
