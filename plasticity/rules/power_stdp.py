r"""Pair-based spike-timing-dependent plasticity whose steps are powers of the weight.

.. math::
    \Delta w_+ = \lambda \, w_{max} \left(1 - \frac{w}{w_{max}}\right)^{\mu_+} x_{pre}, \qquad
    \Delta w_- = -\alpha \lambda \, w_{max} \left(\frac{w}{w_{max}}\right)^{\mu_-} x_{post}

with the traces of :mod:`.stdp`; every pair counts, or the nearest only. This is the form of NEST's ``stdp_synapse``.
"""

from __future__ import annotations

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
    """Parameters of :class:`PowerSTDP` as its functions need them."""

    gain: float  # lambda w_max
    loss: float  # alpha lambda w_max
    mu_plus: float
    mu_minus: float
    w_max: float
    unit: float  # 1 / w_max
    reset: float  # 1 where only the nearest spike counts


@dataclass(frozen=True)
class PowerSTDP(SynapseRule):
    r"""Pair STDP with exponents, additive (0) to multiplicative (1) and beyond.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    lam : no unit, 1e-3
        learning rate
    alpha : no unit, 1.05
        depression relative to potentiation
    mu_plus, mu_minus : no unit, 0.02
        exponents :math:`\mu_+` and :math:`\mu_-`, >= 0
    w_max : the weight's unit, 1.0
        weights stay in [0, w_max]
    nearest : bool, False
        whether only the nearest spike counts, instead of all, as in NEST's ``stdp_nn_symm_synapse``

    Notes
    -----
    R. Guetig, R. Aharonov, S. Rotter, H. Sompolinsky (2003), J. Neurosci. 23:3697-3714,
    doi:10.1523/JNEUROSCI.23-09-03697.2003. Coincident spikes are paired as in :class:`.STDP`. A power costs more than
    the products of :class:`.STDP`; both rules are the same where both exponents are 0 or both are 1.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    lam: float = param(1e-3, least=0.0)
    alpha: float = param(1.05, least=0.0)
    mu_plus: float = param(0.02, least=0.0)
    mu_minus: float = param(0.02, least=0.0)
    w_max: float = param(1.0, above=0.0)
    nearest: bool = False

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or checks.flag(self.nearest, "nearest")

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return 0.0, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        gain = self.lam * self.w_max
        powers = self.mu_plus, self.mu_minus
        return Constants(gain, self.alpha * gain, *powers, self.w_max, 1.0 / self.w_max, float(self.nearest))

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau_plus, "y": self.tau_minus}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's trace."""
    power: float = (s.w * c.unit) ** c.mu_minus
    return Synapse(max(s.w - c.loss * power * post.y, 0.0))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's trace."""
    power: float = max(1.0 - s.w * c.unit, 0.0) ** c.mu_plus
    return Synapse(min(s.w + c.gain * power * pre.x, c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1, or to 1."""
    return Pre(1.0 + (1.0 - c.reset) * pre.x)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1, or to 1."""
    return Post(1.0 + (1.0 - c.reset) * post.y)
