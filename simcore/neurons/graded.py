r"""Graded unit: no spikes and no memory, the output is a smooth function of the input of the same tick.

.. math:: V_t = I_t, \qquad y_t = f(V_t)

It makes a non-spiking network out of the same parts: one tick, values instead of spikes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from .base import NeuronModel


class State(NamedTuple):
    """Input of the present tick, and the output; both without unit."""

    v: float
    spiked: float


class Constants(NamedTuple):
    """A graded unit has no parameters; one field, as an empty tuple cannot be compiled."""

    nothing: float


@dataclass(frozen=True, eq=False)
class GradedUnit(NeuronModel):
    """Graded unit with a tanh or a logistic (``sigmoid``) activation.

    Parameters
    ----------
    activation : {'tanh', 'sigmoid'}

    Notes
    -----
    It never fires, so it may only stand in a feed-forward network that learns window by window.
    """

    activation: str = "tanh"

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    spiking: ClassVar[bool] = False
    units: ClassVar[dict[str, str]] = {"v": "1"}

    def problem(self, drawn: Container[str] = ()) -> str | None:
        if not isinstance(self.activation, str) or self.activation not in ("tanh", "sigmoid"):
            return f"activation must be 'tanh' or 'sigmoid', got {self.activation!r}"
        return None

    def derive(self, dt: float) -> Constants:
        return Constants(0.0)

    def initial(self) -> State:
        return State(0.0, 0.0)

    def window_functions(self) -> dict[str, Callable[..., Any]]:
        """Functions that a learner of whole windows binds besides ``flow`` and ``receive``."""
        output = tanh_output if self.activation == "tanh" else sigmoid_output
        return {"output": output, "reset_path": no_path, "leak_path": no_path}


def flow(s: State, c: Constants, i: float) -> State:
    """Forget the last tick."""
    return State(i, 0.0)


def receive(s: State, c: Constants, w: float) -> State:
    """Add the summed weights."""
    return State(s.v + w, s.spiked)


def threshold(s: State, c: Constants) -> bool:
    """Never fire."""
    return False


def reset(s: State, c: Constants) -> State:
    """Nothing to reset."""
    return s


def tanh_output(s: State, c: Constants) -> float:
    """Graded output."""
    return math.tanh(s.v)


def sigmoid_output(s: State, c: Constants) -> float:
    """Graded output."""
    return 1.0 / (1.0 + math.exp(-s.v))


def no_path(s: State, c: Constants) -> float:
    """Nothing lasts from tick to tick."""
    return 0.0
