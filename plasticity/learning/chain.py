"""Which networks a learner runs by windows: chains of dense projections whose rules fit their neurons."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tegmentum.simcore.describe.connectivity import AllToAll, Constant
from tegmentum.simcore.describe.network import Network, Projection
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.neurons import GradedUnit

from ..rules.surrogate import Slope
from ..rules.three_factor import ErrorDriven, Frozen, Modulated


def is_chain(network: Network) -> bool:
    """Whether a network is a chain of dense layers a tick apart, of no given signs, whatever its neurons and rules."""
    pres = [p.pre.name for p in network.projections]
    follows = {p.pre.name: p.post.name for p in network.projections}
    found = [train.name for train in network.spike_trains]
    while found and found[-1] in follows:
        found.append(follows.pop(found[-1]))
    dense = all(isinstance(p.rule, AllToAll) and takes_one_tick(p) for p in network.projections)
    one = len(network.spike_trains) == 1 and not network.sources
    free = all(p.sign is None for p in network.projections)
    return one and dense and free and not follows and len(found) > 1 and len(pres) == len(set(pres))


def takes_one_tick(p: Projection) -> bool:
    """Whether all spikes of a projection arrive one tick later."""
    return isinstance(p.delay, Constant) and p.delay.value == 1.0


def chain_of(network: Network) -> list[Projection]:
    """Projections from the input to the output, in order.

    Raises
    ------
    DescriptionError
        if the network is no chain of dense layers, or a rule does not fit its neurons
    """
    check_input(network)
    by_pre: dict[str, Projection] = {}
    for p in network.projections:
        if not isinstance(p.rule, AllToAll):
            raise DescriptionError(
                f"Projection {p.name!r}: windows need AllToAll, got {type(p.rule).__name__}; engine='ticks' takes any"
            )
        if p.sign is not None:
            raise DescriptionError(
                f"Projection {p.name!r}: windows keep no sign, got sign={p.sign}; engine='ticks' does"
            )
        if p.pre.name in by_pre:
            raise DescriptionError(
                f"Projection {p.name!r}: {p.pre.name!r} already projects elsewhere; need a chain"
            )
        check_rule(p)
        if not takes_one_tick(p):
            raise DescriptionError(
                f"Projection {p.name!r}: synapses of windows take one tick; delay must be 1.0, got {p.delay!r}; "
                "engine='ticks' takes any"
            )
        by_pre[p.pre.name] = p
    chain, name = [], network.spike_trains[0].name
    while name in by_pre:
        chain.append(by_pre.pop(name))
        name = chain[-1].post.name
    if by_pre or not chain:
        raise DescriptionError("Learner: the projections do not form one chain from the input")
    _check_whole(chain)
    return chain


def check_input(network: Network) -> None:
    """Refuse networks whose input is not one spike train."""
    if len(network.spike_trains) != 1 or network.sources:
        raise DescriptionError(
            "Learner: the network must have exactly one input, a SpikeTrain, and no other source"
        )


def check_rule(p: Projection) -> None:
    """Refuse rules that do not fit the postsynaptic neuron."""
    where, model = f"Projection {p.name!r}", p.post.model
    if not isinstance(p.plasticity, (Modulated, ErrorDriven, Frozen)):
        raise DescriptionError(
            f"{where}: plasticity must be Modulated, ErrorDriven or Frozen, got {p.plasticity!r}"
        )
    if not hasattr(model, "window_functions"):
        raise DescriptionError(
            f"Population {p.post.name!r}: a Learner needs DiscreteLIF or GradedUnit, got {type(model).__name__}"
        )
    parameters: dict[str, Any] = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    for name, value in parameters.items():
        if not isinstance(value, str) and (np.ndim(value) or not np.isscalar(value)):
            raise DescriptionError(f"Population {p.post.name!r}: a Learner needs one {name} for all neurons")
    if p.post.initial:
        raise DescriptionError(
            f"Population {p.post.name!r}: every window starts from 0; initial must be empty, got {p.post.initial!r}"
        )
    if isinstance(p.plasticity, Frozen):
        return
    if isinstance(p.plasticity.local, Slope) != isinstance(model, GradedUnit):
        need = "Slope" if isinstance(model, GradedUnit) else "StateDifference"
        raise DescriptionError(
            f"{where}: {type(model).__name__} neurons of {p.post.name!r} need the local factor {need}, "
            f"got {type(p.plasticity.local).__name__}"
        )


def _check_whole(chain: list[Projection]) -> None:
    """Refuse mixtures of spiking and graded layers, and expectations of other classes than the output has."""
    n_classes = chain[-1].post.size
    for p in chain[:-1]:
        if isinstance(p.plasticity, ErrorDriven):
            raise DescriptionError(
                f"Projection {p.name!r}: ErrorDriven is the output's rule, but this layer is hidden"
            )
    for p in chain:
        if isinstance(p.post.model, GradedUnit) != isinstance(chain[0].post.model, GradedUnit):
            raise DescriptionError(
                f"Population {p.post.name!r}: all layers must spike, or all be graded, as {chain[0].post.name!r} is"
            )
        check_classes(p, chain[-1].post.name, n_classes)


def check_classes(p: Projection, output: str, n_classes: int) -> None:
    """Refuse an expectation of other classes than the output has."""
    if isinstance(p.plasticity, Modulated) and p.plasticity.modulator.expectation.n_classes != n_classes:
        raise DescriptionError(
            f"Projection {p.name!r}: the expectation is of {p.plasticity.modulator.expectation.n_classes} classes, "
            f"but the output {output!r} has {n_classes}"
        )
