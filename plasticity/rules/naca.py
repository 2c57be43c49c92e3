"""NACA: neuromodulation-assisted credit assignment, for spiking and for graded networks.

Read :func:`naca` first. The rule is a composition: the expected class sets the level of dopamine for each hidden
neuron's incoming synapses (:class:`Expectation`, :class:`Dopamine`), a receptor turns levels into gains
(:class:`NacaReceptor`), and at the end of each window the gain, the neuron's local factor and its presynaptic spikes
change the weights (:class:`Modulated`). Only the output layer sees an error (:class:`ErrorDriven`).

Source: T. Zhang, X. Cheng, S. Jia, C. T. Li, M. Poo, B. Xu (2023), "A brain-inspired algorithm that mitigates
catastrophic forgetting of artificial and spiking neural networks with low computational cost", Sci. Adv. 9:eadi2947,
doi:10.1126/sciadv.adi2947. What the rule reduces to, and what it does not do, is in ``docs/naca.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tegmentum.simcore.describe.connectivity import AllToAll, Uniform
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.describe.sources import SpikeTrain
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.neurons import DiscreteLIF, GradedUnit

from ..modulation.expectation import Expectation
from ..modulation.neuromodulator import Dopamine
from ..modulation.receptor import NacaReceptor
from .optimiser import Adam
from .surrogate import NearThreshold, Slope, StateDifference
from .three_factor import (
    Anticipation,
    Backpropagated,
    ErrorDriven,
    ErrorModulated,
    Frozen,
    Homeostasis,
    Modulated,
    Optimiser,
)

RULES = {
    "naca": "spiking, hidden layers learn by dopamine-modulated plasticity",
    "naca-ann": "the same rule on graded units (tanh hidden, sigmoid output), one tick",
    "naca-error": "spiking, the level signals by how much the expectation was wrong, and rates are kept",
    "naca-mix": "spiking, a mixture of backpropagation (kappa = 0) and of NACA (kappa = 1), for comparison",
    "frozen": "spiking, hidden weights stay as drawn: the control",
}


def naca(
    n_inputs: int,
    hidden: Sequence[int],
    n_classes: int,
    *,
    rule: str = "naca",
    optimiser: Optimiser | None = None,
    hidden_gain: float = 1.0,
    lens: float = 0.5,
    receptor: NacaReceptor | None = None,
    table: str = "uniform",
    shortcuts: bool = False,
    homeostasis: Homeostasis | None = None,
    anticipation: Anticipation | None = None,
    kappa: float | None = None,
) -> Network:
    """Describe a fully connected network that learns by NACA.

    Parameters
    ----------
    n_inputs : channels of the input
    hidden : neurons of each hidden layer, input side first
    n_classes : output neurons, one for each class
    rule : one of :data:`RULES`
    optimiser : Adam(lr=1e-4) by default
    hidden_gain : initial hidden weights are multiplied by it (biases are not)
    lens, receptor, table : see StateDifference (of ``naca-error`` and ``naca-mix`` NearThreshold), NacaReceptor,
        Neuromodulator
    shortcuts : of spiking networks: whether the input projects to every hidden layer, and every hidden layer to the
        output; the delay of each short cut is that of the way through the layers, so that windows stay aligned
    homeostasis : of ``naca-error``, Homeostasis() by default
    anticipation : of ``naca-error``, none by default
    kappa : of ``naca-mix``, from 0, backpropagation, to 1, NACA; 0 by default

    Notes
    -----
    Weights and biases start uniform in +-1/sqrt(n_pre), as in the published runs. The bias is the weight of a row
    that is always on. A spike takes one tick from layer to layer, which shifts each layer's window by one tick
    against the published all-at-once step and changes nothing else.
    """
    if rule not in RULES:
        raise DescriptionError(f"rule: must be one of {', '.join(RULES)}, got {rule!r}")
    if not hidden:
        raise DescriptionError("hidden: at least one hidden layer is needed, got none")
    if not 0 < hidden_gain < math.inf:
        raise DescriptionError(f"hidden_gain: must be > 0 and finite, got {hidden_gain}")
    optimiser = optimiser or Adam()
    graded = rule == "naca-ann"
    if graded and shortcuts:
        raise DescriptionError("shortcuts: need neurons that spike, got rule 'naca-ann'; leave them out")
    if homeostasis is not None and rule != "naca-error":
        raise DescriptionError(
            f"homeostasis: is a part of the rule 'naca-error', got rule {rule!r}; leave it out"
        )
    if anticipation is not None and rule != "naca-error":
        raise DescriptionError(
            f"anticipation: is a part of the rule 'naca-error', got rule {rule!r}; leave it out"
        )
    if kappa is not None and rule != "naca-mix":
        raise DescriptionError(f"kappa: is a part of the rule 'naca-mix', got rule {rule!r}; leave it out")
    local: Any = (
        Slope()
        if graded
        else NearThreshold(lens)
        if rule in ("naca-error", "naca-mix")
        else StateDifference(lens)
    )
    dopamine, receptor = Dopamine(Expectation(n_classes), table=table), receptor or NacaReceptor()
    inner: Any = Modulated(dopamine, receptor, local, optimiser)
    if rule == "frozen":
        inner = Frozen()
    elif rule == "naca-mix":
        inner = Backpropagated(dopamine, receptor, local, optimiser, kappa=0.0 if kappa is None else kappa)
    elif rule == "naca-error":
        kept = homeostasis or Homeostasis()
        inner = ErrorModulated(
            dopamine, receptor, local, optimiser, homeostasis=kept, anticipation=anticipation
        )

    inp = SpikeTrain("input", n_inputs, [], [])
    layers = [Population(f"hidden{k + 1}", n, GradedUnit("tanh") if graded else DiscreteLIF()) for k, n in
              enumerate(hidden)]  # fmt: skip
    layers.append(Population("output", n_classes, GradedUnit("sigmoid") if graded else DiscreteLIF()))
    pres: list[Any] = [inp, *layers[:-1]]
    projections = []
    for depth, post in enumerate(layers):
        last = post is layers[-1]
        onto = [*enumerate(pres)][depth : depth + 1]
        if shortcuts:
            onto = [
                (k, pre)
                for k, pre in enumerate(pres[: depth + 1])
                if k == depth or (k > 0 if last else k == 0)
            ]
        bound = (1.0 if last else hidden_gain) / sum(pre.size for _, pre in onto) ** 0.5
        projections += [
            Projection(
                pre,
                post,
                AllToAll(),
                weight=Uniform(-bound, bound),
                delay=float(depth + 1 - k),
                plasticity=ErrorDriven(local, optimiser) if last else inner,
            )
            for k, pre in onto
        ]
    return Network(inp, *layers, *projections)
