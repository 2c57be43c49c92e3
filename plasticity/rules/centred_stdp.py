r"""Pair STDP of nearest spikes, centred on the arrival: it pairs with the post spike before it and the one after.

.. math::
    \Delta w_+ = \lambda \, (w_{max} - \mu w) \, \tilde x, \qquad
    \Delta w_- = -\alpha \lambda \, (\mu w + (1 - \mu) w_{max}) \, y

:math:`\tilde x` counts the arrivals since the synapse's last post spike, decaying with :math:`\tau_+`; a post spike
takes all of them, and 0 is left. :math:`y` jumps to 1 at a post spike and decays with :math:`\tau_-`. The trace of
arrivals is the pre neuron's; what a post spike took of it is the synapse's own, and decays alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe.checks import wrong_number
from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param


class Synapse(NamedTuple):
    """The weight, and what post spikes have taken of the arrivals' trace."""

    w: float
    taken: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's last spike."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`CentredSTDP` as its functions need them."""

    gain: float  # lambda
    loss: float  # alpha lambda
    mu: float
    w_max: float
    tick: float  # dt / tau_plus


@dataclass(frozen=True)
class CentredSTDP(SynapseRule):
    r"""Presynaptically centred nearest-neighbour STDP, additive to multiplicative.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    lam : no unit, 1e-3
        learning rate
    alpha : no unit, 1.05
        depression relative to potentiation
    mu : no unit, 1.0
        0: additive; 1: multiplicative; between them, in [0, 1], a linear mixture
    w_max : the weight's unit, 1.0
        weights stay in [0, w_max]

    Notes
    -----
    A. Morrison, M. Diesmann, W. Gerstner (2008), Biol. Cybern. 98:459-478, doi:10.1007/s00422-008-0233-1; NEST's
    ``stdp_nn_pre_centered_synapse``, which raises the weight to powers instead, as :class:`.PowerSTDP` does: equal for
    exponents 0 and 1. :class:`.STDP` with ``nearest=True`` is the symmetric scheme, in which an arrival hides those
    before it. Costs an exponential at each spike of a synapse.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    lam: float = param(1e-3, least=0.0)
    alpha: float = param(1.05, least=0.0)
    mu: float = param(1.0, least=0.0)
    w_max: float = param(1.0, above=0.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or wrong_number(self.mu, "mu", least=0.0, most=1.0)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return 0.0, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.lam, self.alpha * self.lam, self.mu, self.w_max, dt / self.tau_plus)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; what was taken is let decay by :func:`drift`."""
        return {"x": self.tau_plus, "y": self.tau_minus, "taken": math.inf}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the last post spike."""
    return Synapse(max(s.w - c.loss * (c.mu * s.w + (1.0 - c.mu) * c.w_max) * post.y, 0.0), s.taken)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the arrivals since the last post spike, and take them."""
    x = max(pre.x - s.taken, 0.0)
    return Synapse(min(s.w + c.gain * (c.w_max - c.mu * s.w) * x, c.w_max), pre.x)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump to 1."""
    return Post(1.0)


def drift(s: Synapse, area: float, fade: float, c: Constants) -> Synapse:
    """Let what was taken decay over ``area`` ticks."""
    return Synapse(s.w, s.taken * math.exp(-c.tick * area))
