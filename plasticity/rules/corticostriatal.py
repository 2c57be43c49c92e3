r"""Cortico-striatal plasticity: dopamine chooses amplitude and sign of what each order of spikes comes to.

.. math::
    \dot w = \eta \, \bigl(k_+(L) \, p + k_-(L) \, d\bigr), \qquad
    \dot p = -p / \tau_e, \quad \dot d = -d / \tau_e, \qquad
    \Delta p = x_{pre}, \quad \Delta d = x_{post}

An arrival before a post spike raises the eligibility :math:`p`, one after it the eligibility :math:`d`; traces jump by
1 at a spike and decay with :math:`\tau`, and every pair counts. The amplitudes run from one value without dopamine to
another at high dopamine, see :class:`.KernelAmplitude`; they differ between neurons with D1 and with D2 receptors:

====  ================  ================
..    :math:`k_+`       :math:`k_-`
====  ================  ================
D1    -0.4 to 1.3       -0.5 to 0
D2    0.3 to 0.35       0.3 to -0.85
====  ================  ================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations, Whole
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import KernelAmplitude
from .bounds import misordered
from .modulated import wrong_part


class Synapse(NamedTuple):
    """Weight, eligibility of pairs with the arrival first and of those with the post spike first."""

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
    """Parameters of :class:`CorticostriatalSTDP` as its functions need them."""

    eta: float
    w_min: float
    w_max: float


def _d1(low: float, high: float) -> KernelAmplitude:
    return KernelAmplitude(low, high, exponent=1.2, half=6.0, top=1.2)


def _d2(low: float, high: float) -> KernelAmplitude:
    return KernelAmplitude(low, high, exponent=1.4, half=1.8, top=1.0)


@dataclass(frozen=True)
class CorticostriatalSTDP(SynapseRule):
    r"""STDP whose window dopamine reshapes: :meth:`d1` and :meth:`d2` have the published parameters.

    Parameters
    ----------
    dopamine : Modulator
        its level is 3 at rest and 20 in a burst, as the receptors' curves expect it
    plus, minus : Receptor, those of D1
        from the level to :math:`k_+` and :math:`k_-`, sign included
    subpopulations : Subpopulations, Whole()
        which of the modulator's levels each synapse has
    tau : ms, 20.0
        decay of the traces of spikes
    tau_e : ms, 300.0
        decay of the eligibilities
    eta : the weight's unit per ms, 1e-4
        rate of learning
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds; a weight is cut at the synapse's own spikes

    Notes
    -----
    K. N. Gurney, M. D. Humphries, P. Redgrave (2015), PLoS Biol. 13:e1002034, doi:10.1371/journal.pbio.1002034, after
    W. Shen, M. Flajolet, P. Greengard, D. J. Surmeier (2008), Science 321:848-851, doi:10.1126/science.1160575;
    parameters as in ModelDB 184175, but for the rate of learning. At rest dopamine is not absent: at a level of 3 pairs
    already potentiate where D1 receptors are, so weights move without any reward. Valid for amplitudes that follow the
    level at once; no kinetics of receptors.
    """

    dopamine: Modulator
    plus: Receptor = field(default_factory=lambda: _d1(-0.4, 1.3))
    minus: Receptor = field(default_factory=lambda: _d1(-0.5, 0.0))
    subpopulations: Subpopulations = field(default_factory=Whole)
    tau: float = param(20.0, "ms", above=0.0)
    tau_e: float = param(300.0, "ms", above=0.0)
    eta: float = param(1e-4, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    @classmethod
    def d1(cls, dopamine: Modulator, **more: Any) -> Self:
        """Return the rule of neurons with D1 receptors."""
        return cls(dopamine, _d1(-0.4, 1.3), _d1(-0.5, 0.0), **more)

    @classmethod
    def d2(cls, dopamine: Modulator, **more: Any) -> Self:
        """Return the rule of neurons with D2 receptors."""
        return cls(dopamine, _d2(0.3, 0.35), _d2(0.3, -0.85), **more)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.eta, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces and of the eligibilities."""
        return {"x": self.tau, "y": self.tau, "p": self.tau_e, "d": self.tau_e}

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        """Dopamine, through one curve for each order of spikes."""
        return (
            Modulation(self.dopamine, self.plus, self.subpopulations, trace="p"),
            Modulation(self.dopamine, self.minus, self.subpopulations, trace="d"),
        )

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return wrong_part(self) or super().problem() or misordered(self.w_min, self.w_max)


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier post spikes into its eligibility."""
    return Synapse(s.w, s.p, s.d + post.y)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pair with earlier arrivals into its eligibility."""
    return Synapse(s.w, s.p + pre.x, s.d)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area, fade, c: Constants) -> Synapse:  # type: ignore[no-untyped-def]
    """Let the weight follow both eligibilities by the amplitudes of the time."""
    w = s.w + c.eta * (s.p * area.p + s.d * area.d)
    return Synapse(min(max(w, c.w_min), c.w_max), s.p * fade.p, s.d * fade.d)
