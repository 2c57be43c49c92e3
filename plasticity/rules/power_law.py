r"""Pair STDP whose potentiation is a power of the weight, and whose depression is in proportion to it.

.. math::
    \Delta w_+ = \lambda \, w^\mu \, x_{pre}, \qquad \Delta w_- = -\alpha \lambda \, w \, x_{post}

with traces that jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`; every pair counts. There need be
no bound from above: for :math:`\mu < 1` depression outgrows potentiation, and weights settle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param


class Synapse(NamedTuple):
    """What a synapse keeps."""

    w: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`PowerLawSTDP` as its functions need them."""

    gain: float  # lambda
    loss: float  # alpha lambda
    mu: float
    w_max: float


@dataclass(frozen=True)
class PowerLawSTDP(SynapseRule):
    r"""Pair STDP after the data on strong and weak synapses.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    lam : the weight's unit to the power of 1 - mu, 0.1
        learning rate
    alpha : the weight's unit to the power of mu - 1, 0.1
        depression relative to potentiation, per unit of weight
    mu : no unit, 0.4
        exponent of potentiation
    w_max : the weight's unit, optional
        bound at which a weight is cut; none by default. Fixed arithmetic, and so a CUDA device, needs one: well above
        where weights settle it changes nothing

    Notes
    -----
    A. Morrison, A. Aertsen, M. Diesmann (2007), Neural Comput. 19:1437-1467, doi:10.1162/neco.2007.19.6.1437; NEST's
    ``stdp_pl_synapse_hom``, whose defaults these are. Coincident spikes are paired as in :class:`.STDP`. A power costs
    more than the rest of the rule.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    lam: float = param(0.1, least=0.0)
    alpha: float = param(0.1, least=0.0)
    mu: float = param(0.4, least=0.0)

    w_max: float | None = None

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        wrong = super().problem()
        if wrong is None and self.w_max is not None:
            wrong = checks.wrong_number(self.w_max, "w_max", above=0.0)
        return wrong

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return 0.0, math.inf if self.w_max is None else self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.lam, self.alpha * self.lam, self.mu, self.weight_bounds()[1])

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau_plus, "y": self.tau_minus}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's trace."""
    return Synapse(max(s.w - c.loss * s.w * post.y, 0.0))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's trace."""
    return Synapse(min(s.w + c.gain * s.w**c.mu * pre.x, c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)
