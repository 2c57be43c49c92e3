r"""Pair STDP whose outcome waits in an eligibility for dopamine.

Pairs of spikes move an eligibility :math:`e`, and the weight follows it as far as dopamine lets it:

.. math::
    \dot w = g(L) \, e, \qquad \dot e = -e / \tau_e, \qquad
    \Delta e_+ = A_+ \, x_{pre}, \qquad \Delta e_- = -A_- \, x_{post}

with traces that jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`; every pair counts. :math:`L` is
the level of dopamine in the synapse's subpopulation and :math:`g` the receptor's curve.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations, Whole
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .modulated import wrong_part


class Synapse(NamedTuple):
    """What a synapse keeps."""

    w: float
    e: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`DopamineSTDP` as its functions need them."""

    a_plus: float
    a_minus: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class DopamineSTDP(SynapseRule):
    r"""Pair STDP through an eligibility, gated by a neuromodulator.

    Parameters
    ----------
    modulator : Modulator
        such as dopamine
    receptor : Receptor, LinearReceptor()
        from level to gain [1/ms], sign included
    subpopulations : Subpopulations, Whole()
        which of the modulator's levels each synapse has
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    tau_e : ms, 1000.0
        decay of the eligibility
    a_plus, a_minus : the weight's unit, 0.1 and 0.15
        by how much a pair, the post spike after the arrival or before it, moves the eligibility
    w_min, w_max : the weight's unit, 0.0 and 4.0
        bounds; a weight is cut at the synapse's own spikes, where the model says so and not when somebody reads it
    soft : bool, False
        let a weight change by less the nearer it is to the bound that it moves to: potentiation by the factor
        ``2 (w_max - w) / (w_max - w_min)``, depression by ``2 (w - w_min) / (w_max - w_min)``, with the weight at the
        synapse's spike before. 1 in the middle, so that a rate of learning means the same with hard bounds.

    Notes
    -----
    The defaults are those of E. M. Izhikevich (2007), Cereb. Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, who has
    the level itself as the gain.
    """

    modulator: Modulator
    receptor: Receptor = field(default_factory=LinearReceptor)
    subpopulations: Subpopulations = field(default_factory=Whole)
    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    tau_e: float = param(1000.0, "ms", above=0.0)
    a_plus: float = param(0.1, least=0.0)
    a_minus: float = param(0.15, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(4.0)
    soft: bool = False

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.a_plus, self.a_minus, self.w_min, self.w_max)

    def parts(self) -> dict[str, Any]:
        """Return functions and tuples; with soft bounds another ``drift``."""
        return super().parts() | ({"drift": soft_drift} if self.soft else {})

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces and of the eligibility."""
        return {"x": self.tau_plus, "y": self.tau_minus, "e": self.tau_e}

    @property
    def modulation(self) -> Modulation:
        """The modulator, the receptor and who has which level."""
        return Modulation(self.modulator, self.receptor, self.subpopulations)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return (
            wrong_part(self)
            or super().problem()
            or checks.flag(self.soft, "soft")
            or misordered(self.w_min, self.w_max)
        )


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier post spikes into the eligibility."""
    return Synapse(s.w, s.e - c.a_minus * post.y)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier arrivals into the eligibility."""
    return Synapse(s.w, s.e + c.a_plus * pre.x)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area: float, fade: float, c: Constants) -> Synapse:
    """Let the weight follow the eligibility under the gain, and the eligibility decay."""
    return Synapse(min(max(s.w + s.e * area, c.w_min), c.w_max), s.e * fade)


def soft_drift(s: Synapse, area: float, fade: float, c: Constants) -> Synapse:
    """Do the same with soft bounds."""
    dw = s.e * area
    room = c.w_max - s.w if dw > 0.0 else s.w - c.w_min
    w = s.w + dw * 2.0 * room / (c.w_max - c.w_min)
    return Synapse(min(max(w, c.w_min), c.w_max), s.e * fade)
