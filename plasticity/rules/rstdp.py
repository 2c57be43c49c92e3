r"""Reward-modulated STDP: the eligibility of pairs becomes weight by how much better than usual the outcome is.

.. math:: \dot w = \gamma \, (R - \bar R) \, e

with the eligibility of :mod:`.dopamine_stdp`; :math:`R` is the level of a modulator and :math:`\bar R` its mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tegmentum.simcore.describe.checks import wrong_number
from tegmentum.simcore.describe.modulation import Receptor
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .dopamine_stdp import DopamineSTDP


@dataclass(frozen=True)
class RewardSTDP(DopamineSTDP):
    r"""Pair STDP through an eligibility, gated by reward less its mean.

    Parameters
    ----------
    modulator : Modulator
        the reward, released by :meth:`.Simulation.release` or by spikes
    subpopulations, soft
        as of :class:`.DopamineSTDP`
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    tau_e : ms, 25.0
        decay of the eligibility
    a_plus, a_minus : the weight's unit, 0.04
        by how much a pair moves the eligibility
    w_min, w_max : the weight's unit, 0.0 and 4.0
        bounds
    gamma : no unit, 1.0
        learning rate [1/ms for a level of 1]
    mean : no unit, 0.0
        :math:`\bar R`, the level's mean

    Notes
    -----
    N. Fremaux, W. Gerstner (2016), Front. Neural Circuits 9:85, doi:10.3389/fncir.2015.00085, and R. V. Florian (2007),
    Neural Comput. 19:1468-1502, doi:10.1162/neco.2007.19.6.1468, whose MSTDPET this is, with his time constants; his
    eligibility jumps by the pair over ``tau_e``, hence 0.04.

    :math:`\bar R` must be the mean: a wrong one adds :math:`\gamma (\langle R \rangle - \bar R) \langle e \rangle`, a
    drift that no reward asked for, wherever the eligibility's mean is not 0. Where the mean is not known beforehand,
    leave it 0 and release each reward less a running mean of those before; amounts may be negative.
    """

    receptor: Receptor = field(init=False)
    tau_e: float = param(25.0, "ms", above=0.0)
    a_plus: float = param(0.04, least=0.0)
    a_minus: float = param(0.04, least=0.0)
    gamma: float = param(1.0)
    mean: float = param(0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "receptor", LinearReceptor(self.gamma, self.mean))

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return wrong_number(self.gamma, "gamma") or wrong_number(self.mean, "mean") or super().problem()
