"""Which networks a learner runs by ticks, in what order it takes projections, and which population is the output."""

from __future__ import annotations

from typing import NamedTuple

from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.errors import DescriptionError

from ..rules.three_factor import ErrorDriven, Frozen
from .chain import check_classes, check_input, check_rule


class Graph(NamedTuple):
    """A network as a learner sees it.

    Attributes
    ----------
    projections : list of Projection
        by the least number of synapses from the input to their pre neurons, then in the network's order
    output : Population
        whose neurons stand for the classes
    bias : dict of population name to projection name
        the projection whose rule teaches a population's bias
    """

    projections: list[Projection]
    output: Population
    bias: dict[str, str]


def graph_of(network: Network) -> Graph:
    """Check a network and order its projections.

    Raises
    ------
    DescriptionError
        if it has no single input or output, a population that no spike reaches, or a rule that does not fit
    """
    check_input(network)
    if not network.projections:
        raise DescriptionError("Learner: the network has no projection")
    for p in network.projections:
        if not p.post.model.spiking:
            raise DescriptionError(
                f"Population {p.post.name!r}: {type(p.post.model).__name__} does not spike, so ticks cannot run it; "
                "use DiscreteLIF, or a chain of AllToAll projections with delay 1.0, which windows run"
            )
        check_rule(p)
    steps = _steps(network)
    for population in network.populations:
        if population.name not in steps:
            raise DescriptionError(f"Population {population.name!r}: no spike of the input can reach it")
    projections = sorted(network.projections, key=lambda p: steps[p.pre.name])
    output = _output(network)
    for p in projections:
        check_classes(p, output.name, output.size)
    bias: dict[str, str] = {}
    for p in (*(q for q in projections if not isinstance(q.plasticity, Frozen)), *projections):
        bias.setdefault(p.post.name, str(p.name))
    return Graph(projections, output, bias)


def _steps(network: Network) -> dict[str, int]:
    """Least number of synapses from the input to each population that it reaches."""
    found, front = {network.spike_trains[0].name: 0}, [network.spike_trains[0].name]
    while front:
        name = front.pop(0)
        for p in network.projections:
            if p.pre.name == name and p.post.name not in found:
                found[p.post.name] = found[name] + 1
                front.append(p.post.name)
    return found


def _output(network: Network) -> Population:
    """Return the population that error-driven projections reach, or else the one that projects nowhere."""
    taught = {p.post.name: p.post for p in network.projections if isinstance(p.plasticity, ErrorDriven)}
    if not taught:
        pres = {p.pre.name for p in network.projections}
        taught = {p.name: p for p in network.populations if p.name not in pres}
    if len(taught) != 1:
        found = ", ".join(map(repr, taught)) or "none"
        raise DescriptionError(
            "Learner: exactly one population must be the output, which ErrorDriven projections reach or, without any, "
            f"which projects nowhere; found {found}"
        )
    return next(iter(taught.values()))
