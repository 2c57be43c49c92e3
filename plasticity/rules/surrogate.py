"""Local factors: how much the output of a neuron would follow its potential, from what the neuron itself knows.

Scalar functions ``f(v, out, out_before, r)`` of the potential and output of this tick and the output of the last,
and the frozen descriptions that choose one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.errors import DescriptionError


class FactorConstants(NamedTuple):
    """What the functions below need."""

    threshold: float  # potential above which a neuron counts as near threshold


def state_difference(v: float, out: float, out_before: float, r: FactorConstants) -> float:
    """``[v > v_thresh - lens] - S_before``: +1 just became active, -1 just fell silent, 0 unchanged."""
    return (1.0 if v > r.threshold else 0.0) - out_before


class WindowConstants(NamedTuple):
    """What :func:`near_threshold` needs."""

    low: float  # potentials from which
    high: float  # and up to which the neuron counts as near threshold
    height: float


def near_threshold(v: float, out: float, out_before: float, r: WindowConstants) -> float:
    """Rectangle around the threshold."""
    return r.height if v > r.low and v < r.high else 0.0


def tanh_slope(v: float, out: float, out_before: float, r: FactorConstants) -> float:
    """Differentiate tanh, from its value."""
    return 1.0 - out * out


def sigmoid_slope(v: float, out: float, out_before: float, r: FactorConstants) -> float:
    """Differentiate the logistic function, from its value."""
    return out * (1.0 - out)


@dataclass(frozen=True)
class StateDifference:
    """The local factor of NACA, which its authors call simplified STDP.

    Parameters
    ----------
    lens : no unit, 0.5
        a neuron counts as active when its potential is above ``v_thresh - lens``

    Notes
    -----
    It compares two states of the postsynaptic neuron and is gated by the presynaptic spike of the same tick: there is
    no order of pre and post, no window and no trace, so it is not spike-timing dependent in the sense of Bi & Poo.
    Source: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947.
    """

    lens: float = 0.5

    def __post_init__(self) -> None:
        if not self.lens >= 0:
            raise DescriptionError(f"StateDifference: lens must be >= 0, got {self.lens}")

    def function(self, model: Any) -> Any:
        """Scalar function to bind."""
        return state_difference

    def derive(self, model: Any) -> FactorConstants:
        """Constants for a neuron model with a threshold."""
        return FactorConstants(float(model.v_thresh) - self.lens)


@dataclass(frozen=True)
class NearThreshold:
    r"""The rectangular surrogate gradient: how much a spike would follow the potential, near threshold alone.

    .. math:: \delta_j(t) = \frac{1}{2 \ell} \bigl[\, |V_j(t) - \theta| < \ell \,\bigr]

    Parameters
    ----------
    lens : no unit, 0.5
        half the width :math:`\ell` of the rectangle, of area 1
    through_leak : bool, True
        whether credit also passes to the tick before along the potential that is left, and not through the reset alone

    Notes
    -----
    With ``through_leak`` the credit of a neuron's window is the surrogate gradient of its own dynamics, exactly.
    Source: E. O. Neftci, H. Mostafa, F. Zenke (2019), IEEE Signal Process. Mag. 36:51, doi:10.1109/MSP.2019.2931595.
    """

    lens: float = 0.5
    through_leak: bool = True

    def __post_init__(self) -> None:
        checks.number(self.lens, "NearThreshold", "lens", above=0.0)

    def function(self, model: Any) -> Any:
        """Scalar function to bind."""
        return near_threshold

    def derive(self, model: Any) -> WindowConstants:
        """Constants for a neuron model with a threshold."""
        theta = float(model.v_thresh)
        return WindowConstants(theta - self.lens, theta + self.lens, 0.5 / self.lens)


@dataclass(frozen=True)
class Slope:
    """The derivative of a graded unit's activation: the local factor of ordinary gradient descent."""

    def function(self, model: Any) -> Any:
        """Scalar function to bind."""
        return {"tanh": tanh_slope, "sigmoid": sigmoid_slope}[model.activation]

    def derive(self, model: Any) -> FactorConstants:
        """No constants are needed; the field keeps the tuple compilable."""
        return FactorConstants(0.0)
