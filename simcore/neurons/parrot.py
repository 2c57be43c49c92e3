"""Parrot neuron: fires in every tick in which it receives input, so that a spike is relayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from .base import NeuronModel


class State(NamedTuple):
    """Input of the present tick."""

    x: float


class Constants(NamedTuple):
    """A parrot has no parameters; one field, as an empty tuple cannot be compiled."""

    nothing: float


@dataclass(frozen=True, eq=False)
class Parrot(NeuronModel):
    """Relay: fires once in each tick whose summed input is positive.

    Notes
    -----
    Receptor: ``x``; a weight is a number of spikes, and any positive sum relays one spike.
    """

    receptors: ClassVar[tuple[str, ...]] = ("x",)

    def derive(self, dt: float) -> Constants:
        return Constants(0.0)

    def initial(self) -> State:
        return State(0.0)


def flow(s: State, c: Constants, i: float) -> State:
    """Forget the last tick."""
    return State(0.0)


def receive(s: State, c: Constants, x: float) -> State:
    """Take the input."""
    return State(x)


def threshold(s: State, c: Constants) -> bool:
    """Repeat it."""
    return s.x > 0.0


def reset(s: State, c: Constants) -> State:
    """Nothing to reset."""
    return State(0.0)


def leap(s: State, c: Constants, k: float) -> State:
    """Nothing lasts."""
    return State(0.0)
