r"""Neuron of a column: it integrates without leak, and a spike takes a quantum off its potential.

.. math:: V \leftarrow V + b + \sum_i w_i x_i(t), \qquad S = [V > q], \quad V \leftarrow V - q S
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from tegmentum.simcore.neurons.base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential."""

    v: float


class Constants(NamedTuple):
    """Parameters of :class:`ColumnNeuron`."""

    quantum: float
    bias: float


@dataclass(frozen=True, eq=False)
class ColumnNeuron(NeuronModel):
    """Perfect integrator with reset by subtraction.

    Parameters
    ----------
    quantum : no unit, 1.0
        threshold q, and what a spike takes off the potential
    bias : no unit, 0.0
        b, what is added in each tick

    Notes
    -----
    State: ``v``, starts at 0. Receptor: ``v``, weights without unit. One tick is one step, whatever ``dt``.
    """

    quantum: Value = param(1.0, above=0.0)
    bias: Value = param(0.0)

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    units: ClassVar[dict[str, str]] = {"v": "1"}

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.quantum, self.bias)

    def initial(self) -> State:
        """Begin at rest."""
        return State(0.0)


def flow(s: State, c: Constants, i: float) -> State:
    """Add the bias; an injected current adds without unit."""
    return State(s.v + c.bias + i)


def receive(s: State, c: Constants, w: float) -> State:
    """Add the summed weights."""
    return State(s.v + w)


def threshold(s: State, c: Constants) -> bool:
    """Fire above the quantum."""
    return s.v > c.quantum


def reset(s: State, c: Constants) -> State:
    """Take the quantum off."""
    return State(s.v - c.quantum)
