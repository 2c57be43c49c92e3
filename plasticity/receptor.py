"""Receptors: curves from the level of a neuromodulator to a gain on plasticity, sign included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.modulation import Receptor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class NacaReceptor:
    r"""The four-phase modulation curve of NACA.

    .. math::
        \Phi(\nu) = \begin{cases}
          m - (m - 1) (4 \nu - \lambda)^2 / \lambda^2 & \nu \le \lambda / 2 \\
          4 (\nu - \lambda)^2 / \lambda^2 & \lambda / 2 < \nu \le \lambda \\
          -4 (\lambda - \nu)^2 / \lambda^2 & \lambda < \nu \le 3 \lambda / 2 \\
          (m - 1) (4 (2 \lambda - \nu) - \lambda)^2 / \lambda^2 - m & \nu > 3 \lambda / 2
        \end{cases}

    Parameters
    ----------
    lambda_inv : no unit, 0.5
        level at which the gain changes sign
    theta_max : no unit, 1.2
        largest gain m

    Notes
    -----
    The gain is used as a *gradient* that the optimiser subtracts: a low level (positive gain) depresses the synapses
    of a neuron that has just become active, a high level potentiates them. Outside :math:`[0, 2\lambda]` the curve is
    unbounded, so values of ``lambda_inv`` below 1/2 destabilise learning. Odd around :math:`\lambda`, with kinks at
    :math:`\lambda/2` and :math:`3\lambda/2`. Source: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947,
    doi:10.1126/sciadv.adi2947.
    """

    lambda_inv: float = 0.5
    theta_max: float = 1.2

    def __post_init__(self) -> None:
        if not self.lambda_inv > 0:
            raise DescriptionError(f"NacaReceptor: lambda_inv must be > 0, got {self.lambda_inv}")
        if not self.theta_max > 0:
            raise DescriptionError(f"NacaReceptor: theta_max must be > 0, got {self.theta_max}")

    def gain(self, level: Array) -> Array:
        """Gain for each level, same shape."""
        nu, lam, m = np.asarray(level, dtype=np.float64), self.lambda_inv, self.theta_max
        phases = [
            m - (m - 1) * (4 * nu - lam) ** 2 / lam**2,
            4 * (nu - lam) ** 2 / lam**2,
            -4 * (lam - nu) ** 2 / lam**2,
            (m - 1) * (4 * (2 * lam - nu) - lam) ** 2 / lam**2 - m,
        ]
        return np.select([nu <= lam / 2, nu <= lam, nu <= 1.5 * lam], phases[:3], phases[3])


@dataclass(frozen=True)
class LinearReceptor(Receptor):
    """Gain proportional to the distance of the level from a baseline: ``slope * (level - baseline)``."""

    slope: float = 1.0
    baseline: float = 0.0

    @staticmethod
    def curve(level: float, slope: float, baseline: float) -> float:
        """Gain at a level."""
        return slope * (level - baseline)

    def gain(self, level: Array) -> Array:
        """Gain for each level, same shape."""
        return self.slope * (np.asarray(level, dtype=np.float64) - self.baseline)


@dataclass(frozen=True)
class D1:
    r"""D1-like receptor: plasticity is open where the level is above a threshold, and shut elsewhere.

    .. math:: \gamma(\nu) = [\nu > \nu_0]

    Source: W. Shen, M. Flajolet, P. Greengard, D. J. Surmeier (2008), Science 321:848-851,
    doi:10.1126/science.1160575: potentiation of D1 neurons needs dopamine.
    """

    threshold: float = 0.5

    def gain(self, level: Array) -> Array:
        """Gain for each level, same shape."""
        return np.where(np.asarray(level) > self.threshold, 1.0, 0.0)
