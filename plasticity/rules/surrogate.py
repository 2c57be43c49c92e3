"""Local factors: how much the output of a neuron would follow its potential, from what the neuron itself knows.

Scalar functions ``f(v, out, out_before, r)`` of the potential and output of this tick and the output of the last,
and the frozen descriptions that choose one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tegmentum.simcore.errors import DescriptionError


class FactorConstants(NamedTuple):
    """What the functions below need."""

    threshold: float  # potential above which a neuron counts as near threshold


def state_difference(v: float, out: float, out_before: float, r: FactorConstants) -> float:
    """``[v > v_thresh - lens] - S_before``: +1 just became active, -1 just fell silent, 0 unchanged."""
    return (1.0 if v > r.threshold else 0.0) - out_before


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
class Slope:
    """The derivative of a graded unit's activation: the local factor of ordinary gradient descent."""

    def function(self, model: Any) -> Any:
        """Scalar function to bind."""
        return {"tanh": tanh_slope, "sigmoid": sigmoid_slope}[model.activation]

    def derive(self, model: Any) -> FactorConstants:
        """No constants are needed; the field keeps the tuple compilable."""
        return FactorConstants(0.0)
