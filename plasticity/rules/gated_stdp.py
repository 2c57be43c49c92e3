r"""Pair STDP that works only while a neuromodulator is there, with a gate for potentiation and one for depression.

.. math::
    \Delta w_+ = g_{+}(L_+) \, A_+ \, x_{pre}, \qquad \Delta w_- = -g_{-}(L_-) \, A_- \, x_{post}

with traces that jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`; every pair counts, under the
levels of its own tick. There is no eligibility: what comes after a pair does not concern it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations, Whole
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .modulated import wrong_part


class Synapse(NamedTuple):
    """Weight, and what the pairs of the tick come to: potentiation and depression."""

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
    """Parameters of :class:`GatedSTDP` as its functions need them."""

    a_plus: float
    a_minus: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class GatedSTDP(SynapseRule):
    r"""Pair STDP with a neuromodulator's gate on potentiation and another's, or the same one's, on depression.

    Parameters
    ----------
    ltp, ltd : Modulator
        what gates potentiation and depression, such as noradrenaline and acetylcholine
    ltp_receptor, ltd_receptor : Receptor, LinearReceptor()
        from the levels of the two to gains, no unit; a negative gain turns the sign
    subpopulations : Subpopulations, Whole()
        which of the modulators' levels each synapse has
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    a_plus, a_minus : the weight's unit, 0.01
        what a pair comes to at a gain of 1
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds; a weight is cut at the synapse's own spikes

    Notes
    -----
    G. H. Seol et al. (2007), Neuron 55:919-929, doi:10.1016/j.neuron.2007.08.013: in visual cortex
    :math:`\beta`-adrenergic receptors enable potentiation alone, M1 muscarinic receptors depression alone, and both
    together the usual window. Where one modulator opens both gates by receptors of unlike affinity, its tone biases the
    window, as noradrenaline's does: little to depression, much to potentiation (H. Salgado, G. Koehr, M. Trevino, 2012,
    Sci. Rep. 2:417, doi:10.1038/srep00417). R. V. Florian (2007), Neural Comput. 19:1468-1502,
    doi:10.1162/neco.2007.19.6.1468 derives the same from reinforcement, with one signed reward for both gates (MSTDP,
    see :meth:`by_reward`); there a pair waits one time step for the reward, here its own tick's level counts. Not valid
    where a reward comes later than the spikes that it is for: see :class:`.DopamineSTDP`. A level falls with the
    modulator's time constant, so a gate
    that shuts at once needs a short one, or a :class:`.Course` of the baseline.
    """

    ltp: Modulator
    ltd: Modulator
    ltp_receptor: Receptor = field(default_factory=LinearReceptor)
    ltd_receptor: Receptor = field(default_factory=LinearReceptor)
    subpopulations: Subpopulations = field(default_factory=Whole)
    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    a_plus: float = param(0.01, least=0.0)
    a_minus: float = param(0.01, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    @classmethod
    def by_reward(cls, reward: Modulator, **more: Any) -> Self:
        """Return the rule in which one level, sign included, scales all changes: Florian's MSTDP."""
        return cls(reward, reward, **more)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.a_plus, self.a_minus, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; changes last the tick."""
        return {"x": self.tau_plus, "y": self.tau_minus, "p": 0.0, "d": 0.0}

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        """The two gates."""
        return (
            Modulation(self.ltp, self.ltp_receptor, self.subpopulations, trace="p"),
            Modulation(self.ltd, self.ltd_receptor, self.subpopulations, trace="d"),
        )

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return wrong_part(self) or super().problem() or misordered(self.w_min, self.w_max)


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Note the pair with earlier post spikes."""
    return Synapse(s.w, s.p, s.d + c.a_minus * post.y)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Note the pair with earlier arrivals."""
    return Synapse(s.w, s.p + c.a_plus * pre.x, s.d)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area, fade, c: Constants) -> Synapse:  # type: ignore[no-untyped-def]
    """Let through what the gates of the tick let through."""
    w = s.w + s.p * area.p - s.d * area.d
    return Synapse(min(max(w, c.w_min), c.w_max), s.p * fade.p, s.d * fade.d)
