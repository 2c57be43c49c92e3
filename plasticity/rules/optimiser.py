"""Optimisers: how a gradient becomes a change of weight.

Scalar functions ``step(w, m, u, g, k) -> (w, m, u)`` of the weight, its two moments, the gradient and the constants
``k`` of this step, and the frozen descriptions that choose one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.errors import DescriptionError


class StepConstants(NamedTuple):
    """Constants of one step, the same for all synapses."""

    rate: float  # learning rate, bias-corrected
    correct: float  # 1 / sqrt(1 - beta_2^t)
    fresh_1: float  # 1 - beta_1
    keep_2: float  # beta_2
    fresh_2: float  # 1 - beta_2
    epsilon: float


def adam(w: float, m: float, u: float, g: float, k: StepConstants) -> tuple[float, float, float]:
    """First and second moment of the gradient, bias-corrected; the step is their ratio."""
    m = m + k.fresh_1 * (g - m)
    u = k.keep_2 * u + k.fresh_2 * (g * g)
    m = (
        m if abs(m) > 1e-30 else 0.0
    )  # a moment that fades away would linger as a denormal, at 100 times the cost
    u = u if u > 1e-36 else 0.0
    return w - k.rate * m / (math.sqrt(u) * k.correct + k.epsilon), m, u


def sgd(w: float, m: float, u: float, g: float, k: StepConstants) -> tuple[float, float, float]:
    """Step against the gradient."""
    return w - k.rate * g, m, u


def _require(name: str, field: str, ok: bool, need: str, value: float) -> None:
    if not ok:
        raise DescriptionError(f"{name}: {field} must be {need}, got {value}")


@dataclass(frozen=True)
class SGD:
    r"""Stochastic gradient descent, :math:`w \leftarrow w - \eta\, g`; ``lr`` is :math:`\eta`."""

    lr: float = 5e-4

    function = staticmethod(sgd)

    def __post_init__(self) -> None:
        _require("SGD", "lr", 0 < self.lr < math.inf, "> 0 and finite", self.lr)

    def constants(self, step: int) -> StepConstants:
        """Constants of step 1, 2, ..."""
        return StepConstants(self.lr, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Adam:
    r"""Adaptive moment estimation.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad u_t = \beta_2 u_{t-1} + (1 - \beta_2) g_t^2, \quad
        w_t = w_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{u_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, 1e-4
    beta_1, beta_2 : decay of the moments, 0.9 and 0.999
    epsilon : 1e-8

    Notes
    -----
    Source: D. P. Kingma, J. Ba (2015), ICLR, doi:10.48550/arXiv.1412.6980.
    """

    lr: float = 1e-4
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    function = staticmethod(adam)

    def __post_init__(self) -> None:
        _require("Adam", "lr", 0 < self.lr < math.inf, "> 0 and finite", self.lr)
        _require("Adam", "beta_1", 0 <= self.beta_1 < 1, "in [0, 1)", self.beta_1)
        _require("Adam", "beta_2", 0 <= self.beta_2 < 1, "in [0, 1)", self.beta_2)

    def constants(self, step: int) -> StepConstants:
        """Constants of step 1, 2, ..."""
        return StepConstants(
            rate=self.lr / (1 - self.beta_1**step),
            correct=1 / math.sqrt(1 - self.beta_2**step),
            fresh_1=1 - self.beta_1,
            keep_2=self.beta_2,
            fresh_2=1 - self.beta_2,
            epsilon=self.epsilon,
        )
