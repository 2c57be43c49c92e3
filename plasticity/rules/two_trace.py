r"""Pair STDP with an eligibility for potentiation and one for depression, each under a neuromodulator of its own.

.. math::
    \dot w = \eta \, \bigl(g_{NA}(L_{NA}) \, p - g_{5HT}(L_{5HT}) \, d\bigr), \qquad
    \dot p = -p / \tau_p, \quad \dot d = -d / \tau_d, \qquad
    \Delta p = A_+ \, x_{pre}, \quad \Delta d = A_- \, x_{post}

An arrival before a post spike raises the eligibility for potentiation :math:`p`, one after it that for depression
:math:`d`; traces jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`, and every pair counts.
Noradrenaline converts the one, serotonin the other: without either nothing is learned, and what a pair comes to may be
decided after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations, Whole
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .modulated import wrong_part


class Synapse(NamedTuple):
    """Weight, eligibility for potentiation and for depression."""

    w: float
    p: float
    d: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`TwoTraceSTDP` as its functions need them."""

    eta: float
    a_plus: float
    a_minus: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class TwoTraceSTDP(SynapseRule):
    r"""Separate eligibilities: noradrenaline turns one into potentiation, serotonin the other into depression.

    Parameters
    ----------
    noradrenaline, serotonin : Modulator
        what converts the eligibility for potentiation and for depression
    ltp_receptor, ltd_receptor : Receptor, LinearReceptor()
        from the levels of the two to gains [1/ms]
    subpopulations : Subpopulations, Whole()
        which of the modulators' levels each synapse has
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    tau_ltp, tau_ltd : ms, 5000.0 and 2500.0
        decay of the eligibilities
    a_plus, a_minus : no unit, 1.0
        by how much a pair raises the one or the other
    eta : the weight's unit, 0.01
        rate of learning
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds; a weight is cut at the synapse's own spikes

    Notes
    -----
    K. He, M. Huertas, S. Z. Hong, X. Tie, J. W. Hell, H. Shouval, A. Kirkwood (2015), Neuron 88:528-538,
    doi:10.1016/j.neuron.2015.09.037: in layer 2/3 of visual cortex :math:`\beta_2` receptors convert the trace for
    potentiation, 5-HT\ :sub:`2C` receptors that for depression, both some seconds long, the former the longer. The
    default time constants are of that order and no fit. Valid for few pairs: the traces here add up without bound,
    where those of a synapse saturate.
    """

    noradrenaline: Modulator
    serotonin: Modulator
    ltp_receptor: Receptor = field(default_factory=LinearReceptor)
    ltd_receptor: Receptor = field(default_factory=LinearReceptor)
    subpopulations: Subpopulations = field(default_factory=Whole)
    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    tau_ltp: float = param(5000.0, "ms", above=0.0)
    tau_ltd: float = param(2500.0, "ms", above=0.0)
    a_plus: float = param(1.0, least=0.0)
    a_minus: float = param(1.0, least=0.0)
    eta: float = param(0.01, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.eta, self.a_plus, self.a_minus, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces and of the eligibilities."""
        return {"x": self.tau_plus, "y": self.tau_minus, "p": self.tau_ltp, "d": self.tau_ltd}

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        """Noradrenaline on the eligibility for potentiation, serotonin on that for depression."""
        return (
            Modulation(self.noradrenaline, self.ltp_receptor, self.subpopulations, trace="p"),
            Modulation(self.serotonin, self.ltd_receptor, self.subpopulations, trace="d"),
        )

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return wrong_part(self) or super().problem() or misordered(self.w_min, self.w_max)


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier post spikes into the eligibility for depression."""
    return Synapse(s.w, s.p, s.d + c.a_minus * post.y)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier arrivals into the eligibility for potentiation."""
    return Synapse(s.w, s.p + c.a_plus * pre.x, s.d)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area, fade, c: Constants) -> Synapse:  # type: ignore[no-untyped-def]
    """Let the weight follow both eligibilities under their gains."""
    w = s.w + c.eta * (s.p * area.p - s.d * area.d)
    return Synapse(min(max(w, c.w_min), c.w_max), s.p * fade.p, s.d * fade.d)
