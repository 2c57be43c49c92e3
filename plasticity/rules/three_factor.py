"""Plasticity at the end of a window: descriptions that compose modulator, receptor, local factor and optimiser.

Each is what a projection carries as ``plasticity=``; none knows topology, backend or recorder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.plasticity import WindowRule
from tegmentum.simcore.errors import DescriptionError

from ..modulation.neuromodulator import Neuromodulator
from .optimiser import SGD, Adam
from .surrogate import NearThreshold, Slope, StateDifference

LocalFactor = StateDifference | NearThreshold | Slope
Optimiser = SGD | Adam


@dataclass(frozen=True)
class Modulated(WindowRule):
    r"""Three factors: presynaptic spikes, the neuron's own local factor, and a neuromodulator.

    .. math:: \Delta w_{ij} \propto -\Phi(\nu_{kj}) \sum_t \epsilon_{ij}(t)

    where k is the expected class, :math:`\nu` the level in the subpopulation of neuron j, :math:`\Phi` the receptor
    and :math:`\epsilon` the eligibility that the local factor leaves, seeded at the last tick of the window. No error
    of the output enters.
    """

    modulator: Neuromodulator
    receptor: Any
    local: LocalFactor
    optimiser: Optimiser


@dataclass(frozen=True)
class Homeostasis:
    r"""Pull of a neuron's rate towards a target, as a part of the signal that its plasticity follows.

    .. math:: M_j \leftarrow M_j + h\, (r_j - r^*)

    with the neuron's own rate :math:`r_j` in this window. It passes through the local factor as the rest of the signal
    does, so it reaches neurons near their threshold alone, and all of their synapses.

    Parameters
    ----------
    rate : spikes a tick, 0.15
        the target :math:`r^*`
    strength : no unit, 0.05
        h, against gains of about 1
    """

    rate: float = 0.15
    strength: float = 0.05

    def __post_init__(self) -> None:
        checks.number(self.rate, "Homeostasis", "rate", least=0.0, most=1.0)
        checks.number(self.strength, "Homeostasis", "strength", least=0.0)


@dataclass(frozen=True)
class Anticipation:
    r"""Expectation that arrives before the input, and shifts how near its threshold each neuron is.

    .. math:: I_j(t) = \sum_i w_{ij} x_i(t) + b_j - g \sum_c q_c\, \Phi(\nu_{cj})

    with what is expected, q, for the whole window: a high level of the neuromodulator excites, a low one inhibits.

    Parameters
    ----------
    strength : no unit, 0.05
        g, against a threshold of 0.5
    source : {'own', 'label'}
        ``own``: each sample is shown for two windows. In the first nothing is expected, q = 0; q of the second are the
        rates of the output in the first. So it is while learning, which is from the second window, and when tested.
        ``label``: while learning q is the expected class itself. When tested no label is known, and q = 0.
    """

    strength: float = 0.05
    source: str = "own"

    def __post_init__(self) -> None:
        checks.number(self.strength, "Anticipation", "strength", least=0.0)
        if self.source not in ("own", "label"):
            raise DescriptionError(
                f"Anticipation: source must be own or label, got {checks.shown(self.source)}"
            )


@dataclass(frozen=True)
class ErrorModulated(Modulated):
    r"""Three factors, of which the neuromodulator signals by how much the expectation was wrong.

    .. math:: \Delta w_{ij} \propto -M_j \sum_t \epsilon_{ij}(t), \qquad
        M_j = \Phi(\nu_{kj}) - \sum_c p_c\, \Phi(\nu_{cj})

    where k is the expected class and p what the network expects itself when the window is over: the rates of its
    output neurons. The signal fades as the network comes to expect what is expected, where that of
    :class:`Modulated` stays the same for ever.

    Parameters
    ----------
    every_tick : whether the signal comes at every tick of the window, or at the last alone
    homeostasis : of the neurons' rates, or None
    anticipation : what is expected before the input comes, or None

    Notes
    -----
    It needs the output, so it acts when all layers have been through the window. No weight is read backwards: the way
    back are the fixed random gains. :math:`M_j = -\sum_c (p_c - \hat y_c) \Phi_{cj}` is direct feedback alignment with
    the gains in the place of its random matrix. Source of that: A. Nokland (2016), NeurIPS,
    doi:10.48550/arXiv.1609.01596.
    """

    every_tick: bool = True
    homeostasis: Homeostasis | None = None
    anticipation: Anticipation | None = None


@dataclass(frozen=True)
class Backpropagated(Modulated):
    r"""A mixture of what the layers after send back through their weights, and of NACA's signal.

    .. math:: s_j(t) = (1 - \kappa) \sum_l w_{jl}\, G_l(t)
        + \kappa\, \frac{2}{C B}\, \Phi(\nu_{kj})\, [t = T]

    with the credit G of all neurons l that neuron j projects to. With :math:`\kappa = 0` and the local factor
    :class:`.NearThreshold` this is the surrogate gradient of the output's mean squared error over classes and batch,
    exactly: backpropagation through layers and time, with all that the other rules do without. With
    :math:`\kappa = 1` it is NACA's gradient in the scale of that error, which Adam does not notice.

    Parameters
    ----------
    kappa : no unit, 0
        from 0, backpropagation, to 1, NACA

    Notes
    -----
    Nothing comes back through a layer that is frozen.
    """

    kappa: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self.kappa, "Backpropagated", "kappa", least=0.0, most=1.0)


@dataclass(frozen=True)
class ErrorDriven(WindowRule):
    r"""The output layer's rule: the neuron's own error against the expected rate, through the local factor.

    With the rate :math:`y_j = \frac1T \sum_t S_j(t)` and the expected :math:`\hat y_j`, every tick receives
    :math:`2 (y_j - \hat y_j) / (T C B)`, the gradient of the mean squared error over classes and batch
    (``every_tick=True``), or the last tick alone receives :math:`y_j - \hat y_j` (``every_tick=False``).
    """

    local: LocalFactor
    optimiser: Optimiser
    every_tick: bool = True


@dataclass(frozen=True)
class Frozen(WindowRule):
    """Weights that stay as they were drawn: the control for any hidden plasticity."""
