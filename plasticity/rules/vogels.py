r"""Inhibitory spike-timing-dependent plasticity that holds the post neuron's rate.

.. math::
    \text{arrival:}\; \Delta |w| = \eta \, (x_{post} - \alpha), \qquad
    \text{post spike:}\; \Delta |w| = \eta \, x_{pre}, \qquad \alpha = 2 \rho_0 \tau

with traces that jump by 1 at a spike and decay with :math:`\tau`. Spikes that are near in time, in either order,
strengthen inhibition; an arrival alone weakens it by :math:`\eta \alpha`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param

from .bounds import misordered


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
    """Parameters of :class:`InhibitorySTDP` as its functions need them."""

    step: float  # eta, with the sign of the weights
    alpha: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class InhibitorySTDP(SynapseRule):
    r"""Symmetric STDP of inhibitory synapses with a target rate.

    Parameters
    ----------
    tau : ms, 20.0
        decay of both traces
    eta : the weight's unit, 1e-3
        learning rate
    rho0 : Hz, 3.0
        rate that the post neuron is brought to
    w_min, w_max : the weight's unit, -1.0 and 0.0
        bounds, hard, of which none may lie beyond 0: a synapse stays inhibitory. Weights that inhibit by their sign
        lie in [w_min, 0]; conductances, and whatever a receptor makes inhibitory, in [0, w_max].

    Notes
    -----
    T. P. Vogels, H. Sprekeler, F. Zenke, C. Clopath, W. Gerstner (2011), Science 334:1569-1573,
    doi:10.1126/science.1211095. The defaults are those of NEST's ``vogels_sprekeler_synapse``, whose ``alpha`` of 0.12
    is a rate of 3 Hz. The rate settles at ``rho0`` where inhibition can reach it, as long as ``eta`` is small against
    the weights; a bound on the way stops it. Without correlations in the input only: what spikes together by cause
    adds to pairs by chance, and lowers the rate.
    """

    tau: float = param(20.0, "ms", above=0.0)
    eta: float = param(1e-3, least=0.0)
    rho0: float = param(3.0, "Hz", least=0.0)
    w_min: float = param(-1.0)
    w_max: float = param(0.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        problem = super().problem() or misordered(self.w_min, self.w_max)
        if problem is None and self.w_min < 0.0 < self.w_max:
            problem = (
                f"w_min and w_max must not lie on both sides of 0, got {self.w_min} and {self.w_max}: set w_max = 0 "
                "for weights that inhibit by their sign, w_min = 0 for conductances"
            )
        return problem

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        step = self.eta if self.w_max > 0.0 else -self.eta
        return Constants(step, 2.0 * self.rho0 * self.tau / 1000.0, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau, "y": self.tau}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Strengthen by the post neuron's trace, less what every arrival takes."""
    return Synapse(min(max(s.w + c.step * (post.y - c.alpha), c.w_min), c.w_max))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Strengthen by the pre neuron's trace."""
    return Synapse(min(max(s.w + c.step * pre.x, c.w_min), c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)
