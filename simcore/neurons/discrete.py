r"""Discrete-time leaky neuron with multiplicative reset, as used in gradient-trained and NACA networks.

.. math:: V_t = \rho\, V_{t-1} (1 - S_{t-1}) + I_t, \qquad S_t = [V_t > v_{thresh}]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential and whether the neuron fired in the last tick (0 or 1); both without unit."""

    v: float
    spiked: float


class Constants(NamedTuple):
    """Parameters of :class:`DiscreteLIF`."""

    rho: float
    v_thresh: float


@dataclass(frozen=True, eq=False)
class DiscreteLIF(NeuronModel):
    """Discrete-time leaky integrate-and-fire neuron.

    Parameters
    ----------
    rho : no unit, 0.2
        share of the potential that is left one tick later
    v_thresh : no unit, 0.5
        the neuron fires when ``v`` exceeds it

    Notes
    -----
    State: ``v``, ``spiked``, both start at 0. Receptor: ``v``, weights without unit. One tick is one time
    step of the rule, whatever ``dt``. Used by T. Zhang et al. (2023), Sci. Adv. 9:eadi2947,
    doi:10.1126/sciadv.adi2947.
    """

    rho: Value = param(0.2, least=0.0)
    v_thresh: Value = param(0.5)

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    units: ClassVar[dict[str, str]] = {"v": "1"}

    def derive(self, dt: float) -> Constants:
        return Constants(self.rho, self.v_thresh)

    def initial(self) -> State:
        return State(0.0, 0.0)

    def window_functions(self) -> dict[str, Callable[..., Any]]:
        """Functions that a learner of whole windows binds besides ``flow`` and ``receive``."""
        return {"output": fired, "reset_path": reset_path, "leak_path": no_path}

    def leak_path(self) -> Callable[..., Any]:
        """Return the function that lets a learner of whole windows carry credit along the potential, too."""
        return leak_path


def flow(s: State, c: Constants, i: float) -> State:
    """Decay; a neuron that fired starts from 0. An injected current adds without unit."""
    return State(c.rho * s.v * (1.0 - s.spiked) + i, 0.0)


def receive(s: State, c: Constants, w: float) -> State:
    """Add the summed weights."""
    return State(s.v + w, s.spiked)


def threshold(s: State, c: Constants) -> bool:
    """Fire above the threshold."""
    return s.v > c.v_thresh


def reset(s: State, c: Constants) -> State:
    """Remember the spike: the next ``flow`` starts from 0."""
    return State(s.v, 1.0)


def fired(s: State, c: Constants) -> float:
    """Output of the tick: 1 if the neuron fires, else 0."""
    return 1.0 if s.v > c.v_thresh else 0.0


def reset_path(s: State, c: Constants) -> float:
    r"""How the next potential depends on this tick's spike: :math:`-\rho V_t`."""
    return -c.rho * s.v


def leak_path(s: State, c: Constants) -> float:
    r"""How the next potential depends on this one: :math:`\rho (1 - S_t)`."""
    return c.rho * (1.0 - s.spiked)


def no_path(s: State, c: Constants) -> float:
    """Cut the potential's own path: credit passes through the reset alone."""
    return 0.0
