"""Receptors: curves from the level of a neuromodulator to a gain on plasticity, sign included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.describe.modulation import Receptor
from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class NacaReceptor(Receptor):
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

    @staticmethod
    def curve(level: float, lam: float, m: float) -> float:
        """Gain on potentiation at a level: the negative of the gradient that :meth:`gain` is."""
        low, high = 4.0 * level - lam, 4.0 * (2.0 * lam - level) - lam
        if level <= lam / 2.0:
            return (m - 1.0) * low * low / (lam * lam) - m
        if level <= lam:
            return -4.0 * (level - lam) * (level - lam) / (lam * lam)
        if level <= 1.5 * lam:
            return 4.0 * (lam - level) * (lam - level) / (lam * lam)
        return m - (m - 1.0) * high * high / (lam * lam)

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
class D1D2(Receptor):
    r"""D1-like receptors report dopamine above its tonic level, D2-like ones its absence, with opposite signs.

    .. math:: g(L) = a_1 \frac{\max(L - L_0, 0)}{1 - L_0} - a_2 \frac{\max(L_0 - L, 0)}{L_0}

    so that the gain runs from :math:`-a_2` at level 0 through 0 at the tonic level to :math:`a_1` at level 1.

    Parameters
    ----------
    tonic : no unit, 0.5
        level :math:`L_0` at which nothing is learned, in (0, 1)
    d1, d2 : no unit, 1.0
        :math:`a_1` and :math:`a_2`; 0 takes a receptor away

    Notes
    -----
    W. Shen, M. Flajolet, P. Greengard, D. J. Surmeier (2008), Science 321:848-851, doi:10.1126/science.1160575: with
    D1 receptors active pairs potentiate, with D2 receptors silent they depress. Piecewise linear; :class:`Hill` has
    curves that saturate.
    """

    tonic: float = 0.5
    d1: float = 1.0
    d2: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.tonic < 1:
            raise DescriptionError(f"D1D2: tonic must be between 0 and 1, got {self.tonic}")

    @staticmethod
    def curve(level: float, tonic: float, d1: float, d2: float) -> float:
        """Gain at a level."""
        return d1 * max(level - tonic, 0.0) / (1.0 - tonic) - d2 * max(tonic - level, 0.0) / tonic


@dataclass(frozen=True)
class Hill(Receptor):
    r"""A receptor whose occupancy saturates, as it differs from that at the tonic level.

    .. math:: g(L) = a \, \bigl(h(L) - h(L_0)\bigr), \qquad h(L) = \frac{\max(L, 0)^n}{\max(L, 0)^n + K^n}

    Parameters
    ----------
    half : the level's unit, 0.5
        :math:`K`, at which half of the receptors are occupied
    exponent : no unit, 2.0
        :math:`n`
    tonic : the level's unit, 0.0
        :math:`L_0`, at which the gain is 0
    scale : no unit, 1.0
        :math:`a`, sign included
    """

    half: float = 0.5
    exponent: float = 2.0
    tonic: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.half > 0:
            raise DescriptionError(f"Hill: half must be > 0, got {self.half}")
        if not self.exponent > 0:
            raise DescriptionError(f"Hill: exponent must be > 0, got {self.exponent}")

    @staticmethod
    def curve(level: float, half: float, exponent: float, tonic: float, scale: float) -> float:
        """Gain at a level."""
        k = half**exponent
        here, rest = max(level, 0.0) ** exponent, max(tonic, 0.0) ** exponent
        return float(scale * (here / (here + k) - rest / (rest + k)))


@dataclass(frozen=True)
class D1(Receptor):
    r"""D1-like receptor: plasticity is open where the level is above a threshold, and shut elsewhere.

    .. math:: \gamma(\nu) = [\nu > \nu_0]

    Source: W. Shen, M. Flajolet, P. Greengard, D. J. Surmeier (2008), Science 321:848-851,
    doi:10.1126/science.1160575: potentiation of D1 neurons needs dopamine.
    """

    threshold: float = 0.5

    @staticmethod
    def curve(level: float, threshold: float) -> float:
        """Gain at a level."""
        return 1.0 if level > threshold else 0.0

    def gain(self, level: Array) -> Array:
        """Gain for each level, same shape."""
        return np.where(np.asarray(level) > self.threshold, 1.0, 0.0)


@dataclass(frozen=True)
class KernelAmplitude(Receptor):
    r"""Amplitude of a plasticity kernel that runs from one value without dopamine to another at high dopamine.

    .. math:: k(L) = (1 - \alpha) \, k_{lo} + \alpha \, k_{hi}, \qquad
        \alpha(L) = \min\left(\alpha_{max} \frac{\max(L, 0)^n}{\max(L, 0)^n + \theta^n}, 1\right)

    with :math:`\alpha` the Naka-Rushton function of the level.

    Parameters
    ----------
    low, high : no unit, 0.0 and 1.0
        :math:`k_{lo}` and :math:`k_{hi}`, sign included
    exponent : no unit, 1.2
        :math:`n`
    half : the level's unit, 6.0
        :math:`\theta`, at which :math:`\alpha` is half its maximum
    top : no unit, 1.2
        :math:`\alpha_{max}`; above 1 the high value is reached at a finite level and kept beyond it

    Notes
    -----
    K. N. Gurney, M. D. Humphries, P. Redgrave (2015), PLoS Biol. 13:e1002034, doi:10.1371/journal.pbio.1002034; the
    defaults of the curve are those of D1 receptors. Their levels are 3 at rest and 20 in a burst.
    """

    low: float = 0.0
    high: float = 1.0
    exponent: float = 1.2
    half: float = 6.0
    top: float = 1.2

    def __post_init__(self) -> None:
        for name in ("exponent", "half", "top"):
            if not getattr(self, name) > 0:
                raise DescriptionError(f"KernelAmplitude: {name} must be > 0, got {getattr(self, name)}")

    @staticmethod
    def curve(level: float, low: float, high: float, exponent: float, half: float, top: float) -> float:
        """Amplitude at a level."""
        here = max(level, 0.0) ** exponent
        alpha = min(top * here / (here + half**exponent), 1.0)
        return float((1.0 - alpha) * low + alpha * high)
