r"""Pair-based spike-timing-dependent plasticity.

A pre spike that arrives after post spikes depresses, a post spike after arrivals potentiates:

.. math::
    \Delta w_+ = \lambda \, (w_{max} - \mu w) \, x_{pre}, \qquad
    \Delta w_- = -\alpha \lambda \, (\mu w + (1 - \mu) w_{max}) \, x_{post}

with traces that jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`; every pair counts.

Between the additive rule (:math:`\mu = 0`) and the multiplicative one (1), this interpolates linearly in the weight.
NEST's ``stdp_synapse`` raises the weight to a power instead (R. Guetig et al., 2003): see :mod:`.power_stdp`. The two
agree at 0 and at 1.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tegmentum.simcore.describe.checks import shown, wrong_number
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
    """Parameters of :class:`STDP` as its functions need them."""

    gain: float  # lambda
    loss: float  # alpha lambda
    mu: float
    w_max: float
    reset: float  # 1 where only the nearest spike counts


@dataclass(frozen=True)
class STDP(SynapseRule):
    r"""Pair STDP, additive to multiplicative.

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
    nearest : bool, False
        whether only the nearest spike counts, instead of all
    coincident : bool, True
        whether a post spike pairs with an arrival in the same tick

    Notes
    -----
    In a tick arrivals come before the post neuron's spike. So a post spike in the very tick of an arrival potentiates
    in full, with a lag of 0, and that pair does not depress. NEST does not pair such spikes at all, as here with
    ``coincident=False``: the two differ where spikes often coincide on the grid, the less the smaller ``dt``.

    S. Song, K. D. Miller, L. F. Abbott (2000), Nat. Neurosci. 3:919-926, doi:10.1038/78829 (additive);
    J. Rubin, D. D. Lee, H. Sompolinsky (2001), Phys. Rev. Lett. 86:364-367, doi:10.1103/PhysRevLett.86.364
    (multiplicative); A. Morrison, M. Diesmann, W. Gerstner (2008), Biol. Cybern. 98:459-478,
    doi:10.1007/s00422-008-0233-1 (review). Traces below 1e-12 are taken as 0.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    lam: float = param(1e-3, least=0.0)
    alpha: float = param(1.05, least=0.0)
    mu: float = param(1.0, least=0.0)
    w_max: float = param(1.0, above=0.0)
    nearest: float = False
    coincident: bool = True  # type: ignore[misc]  # a field of this rule, fixed in others

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        if not isinstance(self.nearest, (bool, np.bool_)) and wrong_number(self.nearest, "nearest"):
            return f"nearest must be True or False, got {shown(self.nearest)}"
        if self.nearest not in (0, 1):
            return f"nearest must be True or False, got {shown(self.nearest)}"
        if not isinstance(self.coincident, (bool, np.bool_)):
            return f"coincident must be True or False, got {shown(self.coincident)}"
        own = dataclasses.replace(self, nearest=0.0)  # true is a number here
        return super(STDP, own).problem() or wrong_number(self.mu, "mu", least=0.0, most=1.0)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return 0.0, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.lam, self.alpha * self.lam, self.mu, self.w_max, float(self.nearest))

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau_plus, "y": self.tau_minus}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's trace."""
    return Synapse(max(s.w - c.loss * (c.mu * s.w + (1.0 - c.mu) * c.w_max) * post.y, 0.0))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's trace."""
    return Synapse(min(s.w + c.gain * (c.w_max - c.mu * s.w) * pre.x, c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1, or to 1."""
    return Pre(1.0 + (1.0 - c.reset) * pre.x)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1, or to 1."""
    return Post(1.0 + (1.0 - c.reset) * post.y)
