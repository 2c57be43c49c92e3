"""Plasticity at the end of a window: descriptions that compose modulator, receptor, local factor and optimiser.

Each is what a projection carries as ``plasticity=``; none knows topology, backend or recorder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tegmentum.simcore.describe.plasticity import WindowRule

from ..modulation.neuromodulator import Neuromodulator
from .optimiser import SGD, Adam
from .surrogate import Slope, StateDifference

LocalFactor = StateDifference | Slope
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
