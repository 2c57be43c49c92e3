r"""Pair STDP with synaptic scaling: all synapses of a neuron grow while it fires too little, and shrink while too much.

.. math::
    \dot w = \beta \, w \, (r_0 - r), \qquad \tau_r \dot r = -r + \sum_s \delta(t - t_s)

beside the steps of pair STDP, :math:`+A_+ x_{pre}` at post spikes and :math:`-A_- x_{post}` at arrivals. Scaling
multiplies, so it keeps the ratios between a neuron's weights.

Between two of a synapse's own spikes the rate :math:`r` only decays, and what :math:`\tau_r r` falls by is its
integral; so a synapse keeps what it was, and is scaled at its own spikes, exactly. A weight read in between is that of
the last spike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param


class Synapse(NamedTuple):
    """The weight, and the rate's trace when it was last scaled, less the spikes expected since."""

    w: float
    q: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes, and their rate times its time constant."""

    y: float
    r: float


class Constants(NamedTuple):
    """Parameters of :class:`ScaledSTDP` as its functions need them."""

    a_plus: float
    a_minus: float
    w_max: float
    beta: float
    goal: float  # r_0 dt


@dataclass(frozen=True)
class ScaledSTDP(SynapseRule):
    r"""Pair STDP, additive, and multiplicative scaling to a target rate.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    a_plus, a_minus : the weight's unit, 0.005 and 0.00525
        by how much a pair moves the weight; 0 for scaling alone
    beta : no unit, 0.01
        strength of scaling: what a spike too many or too few in the mean changes, relative to the weight
    target : Hz, 5.0
        the rate :math:`r_0`
    tau_rate : ms, 1e4
        decay of the rate
    w_max : the weight's unit, 1.0
        weights stay in [0, w_max]

    Notes
    -----
    M. C. W. van Rossum, G. Q. Bi, G. G. Turrigiano (2000), J. Neurosci. 20:8812-8821,
    doi:10.1523/JNEUROSCI.20-23-08812.2000, without their integral term; the phenomenon: G. G. Turrigiano et al. (1998),
    Nature 391:892-896, doi:10.1038/36103. With ``beta`` so large that ``beta * target * tau_rate`` exceeds some
    hundreds, rate and weights oscillate.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    a_plus: float = param(0.005, least=0.0)
    a_minus: float = param(0.00525, least=0.0)
    beta: float = param(0.01, least=0.0)
    target: float = param(5.0, "Hz", least=0.0)
    tau_rate: float = param(1e4, "ms", above=0.0)
    w_max: float = param(1.0, above=0.0)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return 0.0, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.a_plus, self.a_minus, self.w_max, self.beta, self.target * 1e-3 * dt)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; what a synapse remembers stays."""
        return {"x": self.tau_plus, "y": self.tau_minus, "r": self.tau_rate, "q": math.inf}


def scaled(s: Synapse, post: Post, c: Constants) -> float:
    """Return the weight scaled for the time since it last was, in which ``r`` fell by what was its integral."""
    return min(s.w * math.exp(min(c.beta * (post.r - s.q), 80.0)), c.w_max)


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Scale, and depress by the post neuron's trace."""
    return Synapse(max(scaled(s, post, c) - c.a_minus * post.y, 0.0), post.r)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Scale, and potentiate by the pre neuron's trace."""
    return Synapse(min(scaled(s, post, c) + c.a_plus * pre.x, c.w_max), post.r + 1.0)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1; the rate by a spike, in units of its time constant."""
    return Post(post.y + 1.0, post.r + 1.0)


def drift(s: Synapse, area: float, fade: float, c: Constants) -> Synapse:
    """Expect spikes at the target rate."""
    return Synapse(s.w, s.q - c.goal * area)
