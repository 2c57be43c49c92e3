r"""Sequentially neuromodulated plasticity: acetylcholine depresses what is active, dopamine turns it into potentiation.

Pairs of spikes, in either order, count alike: an interval :math:`\Delta` has the weight
:math:`W = e^{-|\Delta| / \tau}`.

.. math::
    \Delta w &= -A_{ACh} \, g_{ACh}(L_{ACh}) \, W, \qquad \Delta r = -\Delta w, \qquad \Delta e = W \\
    \dot w &= A_{DA} \, g_{DA}(L_{DA}) \, e - \dot r, \qquad \dot r = -\kappa \, g_{DA}(L_{DA}) \, e \, r, \qquad
    \dot e = -e / \tau_e

The depression comes at once, under the level of the pair's tick, and :math:`r` holds what of it dopamine may still
revoke. Dopamine converts the eligibility :math:`e`, and as it does so it gives :math:`r` back: a strong pulse leaves
the weight as if there had been no depression, plus what the eligibility was worth. A spike that meets an eligibility
below ``fresh`` begins a new trial of the synapse: what was depressed before stays so, :math:`r = 0`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations, Whole
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .modulated import wrong_part


class Synapse(NamedTuple):
    """Weight, the pairs of the tick, the eligibility and the depression that may be revoked."""

    w: float
    p: float
    e: float
    r: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`SequentialSTDP` as its functions need them."""

    a_ach: float
    a_da: float
    kappa: float
    fresh: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class SequentialSTDP(SynapseRule):
    r"""Acetylcholine depresses while spikes come, dopamine after them converts the depression into potentiation.

    Parameters
    ----------
    acetylcholine, dopamine : Modulator
    ach_receptor : Receptor, LinearReceptor()
        from the level of acetylcholine to a gain, no unit
    da_receptor : Receptor, LinearReceptor()
        from the level of dopamine to a gain [1/ms]: a pulse whose gain has the integral 1 adds ``a_da * e``
    subpopulations : Subpopulations, Whole()
        which of the modulators' levels each synapse has
    tau : ms, 10.0
        width of the window
    tau_e : ms, 2000.0
        decay of the eligibility
    a_ach : the weight's unit, 0.002
        depression by a pair
    a_da : the weight's unit, 0.01
        potentiation by a unit of eligibility
    kappa : no unit, 100.0
        how surely dopamine revokes the depression: it leaves the share exp(-kappa times the converted eligibility)
    fresh : no unit, 0.01
        eligibility below which a spike begins a new trial
    w_min, w_max : the weight's unit, 1.0 and 3.0
        bounds; a weight is cut at the synapse's own spikes

    Notes
    -----
    Z. Brzosko, S. Zannone, W. Schultz, C. Clopath, O. Paulsen (2017), eLife 6:e27756, doi:10.7554/eLife.27756
    (ModelDB 233396); S. Zannone, Z. Brzosko, O. Paulsen, C. Clopath (2018), Sci. Rep. 8:9486,
    doi:10.1038/s41598-018-27393-2. They set, at a reward, all weights to those at the trial's start plus
    ``0.01 e``, which is the limit of large ``kappa`` and a short pulse here, and a trial begins for all synapses at
    once. Here each synapse has trials of its own, without a clock from outside; they are as theirs where a trial takes
    less than ``tau_e ln(e / fresh)``, some 10 s, and the pause after it is longer than that. Not valid for dopamine
    without acetylcholine before it in hippocampal slices, where the window is not symmetric.
    """

    acetylcholine: Modulator
    dopamine: Modulator
    ach_receptor: Receptor = field(default_factory=LinearReceptor)
    da_receptor: Receptor = field(default_factory=LinearReceptor)
    subpopulations: Subpopulations = field(default_factory=Whole)
    tau: float = param(10.0, "ms", above=0.0)
    tau_e: float = param(2000.0, "ms", above=0.0)
    a_ach: float = param(0.002, least=0.0)
    a_da: float = param(0.01, least=0.0)
    kappa: float = param(100.0, least=0.0)
    fresh: float = param(0.01, least=0.0)
    w_min: float = param(1.0)
    w_max: float = param(3.0)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.a_ach, self.a_da, self.kappa, self.fresh, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays; what may be revoked stays until it is, or a new trial begins."""
        return {"x": self.tau, "y": self.tau, "p": 0.0, "e": self.tau_e, "r": math.inf}

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        """Acetylcholine on the pairs of the tick, dopamine on the eligibility."""
        return (
            Modulation(self.acetylcholine, self.ach_receptor, self.subpopulations, trace="p"),
            Modulation(self.dopamine, self.da_receptor, self.subpopulations, trace="e"),
        )

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return wrong_part(self) or super().problem() or misordered(self.w_min, self.w_max)


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier post spikes; after a silence, begin a trial."""
    return Synapse(s.w, s.p + post.y, s.e + post.y, s.r if s.e >= c.fresh else 0.0)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier arrivals in the same way."""
    return Synapse(s.w, s.p + pre.x, s.e + pre.x, s.r if s.e >= c.fresh else 0.0)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area, fade, c: Constants) -> Synapse:  # type: ignore[no-untyped-def]
    """Depress by the pairs of the tick; then let dopamine convert the eligibility and give back what it revokes."""
    depressed = min(max(s.w - c.a_ach * s.p * area.p, c.w_min), c.w_max)
    converted = s.e * area.e
    r = s.r + s.w - depressed
    left = r * math.exp(-c.kappa * converted) if r != 0.0 and converted > 0.0 else r
    w = depressed + r - left + c.a_da * converted
    return Synapse(min(max(w, c.w_min), c.w_max), s.p * fade.p, s.e * fade.e, left)
