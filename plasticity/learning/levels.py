"""Dense networks whose layers may take input from any layers before them: what windows run beside chains.

A population's window begins at the tick at which the first spike of the input can reach it. Where every projection's
delay is the time from the window of its pre neurons to that of its post neurons, all that converges on a neuron belongs
to the same tick of its window, and windows can run one population after the other.
"""

from __future__ import annotations

from typing import NamedTuple

from tegmentum.simcore.describe.connectivity import AllToAll, Constant
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.errors import DescriptionError

from ..rules.three_factor import Backpropagated, ErrorModulated
from .graph import Graph, graph_of

#: rules that act when all layers have been through the window
AFTER_ALL = (ErrorModulated, Backpropagated)


class Converging(NamedTuple):
    """A population and what projects onto it.

    Attributes
    ----------
    projections : list of (index, Projection)
        index in the network as :class:`.Graph` orders projections; the one whose index numbers the population's
        biases and its table of levels comes last
    """

    post: Population
    projections: list[tuple[int, Projection]]


def needs_error(network: Network) -> bool:
    """Whether a rule of the network needs to know the output first."""
    return any(isinstance(p.plasticity, AFTER_ALL) for p in network.projections)


def is_aligned(network: Network) -> bool:
    """Whether a network is dense and spiking, and every delay leads from one window to the other."""
    if len(network.spike_trains) != 1 or network.sources or not network.projections:
        return False
    dense = all(isinstance(p.rule, AllToAll) and p.sign is None for p in network.projections)
    return dense and _misaligned(network) is None and all(p.post.model.spiking for p in network.projections)


def levels_of(network: Network) -> tuple[Graph, list[Converging]]:
    """Order populations as windows run them.

    Raises
    ------
    DescriptionError
        if the network is no dense graph of aligned windows, a rule does not fit its neurons, or projections onto one
        population have different rules
    """
    graph = graph_of(network)
    for p in graph.projections:
        where = f"Projection {p.name!r}"
        if not isinstance(p.rule, AllToAll):
            raise DescriptionError(
                f"{where}: windows need AllToAll, got {type(p.rule).__name__}; {_elsewhere(network)}"
            )
        if p.sign is not None:
            raise DescriptionError(f"{where}: windows keep no sign, got sign={p.sign}; {_elsewhere(network)}")
    wrong = _misaligned(network)
    if wrong is not None:
        p, delay = wrong
        raise DescriptionError(
            f"Projection {p.name!r}: delay must be {delay}, from the first tick of one window to that of the other, "
            f"got {p.delay!r}; {_elsewhere(network)}"
        )
    onsets = _onsets(network)
    order = sorted(network.populations, key=lambda q: onsets[q.name])
    found = []
    for post in order:
        onto = [(k, p) for k, p in enumerate(graph.projections) if p.post is post]
        first = next(q for q in onto if q[1].name == graph.bias[post.name])
        for _, p in onto:
            if p.plasticity != first[1].plasticity:
                raise DescriptionError(
                    f"Projection {p.name!r}: windows need one rule for all projections onto {post.name!r}, got "
                    f"{type(p.plasticity).__name__} beside {type(first[1].plasticity).__name__} of another; "
                    f"{_elsewhere(network)}"
                )
        found.append(Converging(post, [q for q in onto if q is not first] + [first]))
    return graph, found


def _elsewhere(network: Network) -> str:
    """Say what to do about a network that windows cannot run."""
    return (
        "rules that wait for the output run in windows alone"
        if needs_error(network)
        else "engine='ticks' takes any"
    )


def _onsets(network: Network) -> dict[str, int]:
    """First tick of each population's window, along the shortest delays."""
    found = {network.spike_trains[0].name: 0}
    for _ in network.populations:
        for p in network.projections:
            if p.pre.name in found and isinstance(p.delay, Constant):
                at = found[p.pre.name] + round(p.delay.value)
                found[p.post.name] = min(at, found.get(p.post.name, at))
    return found


def _misaligned(network: Network) -> tuple[Projection, float | str] | None:
    """Return a projection whose spikes arrive at other ticks than those of its post neurons' window, and its delay."""
    onsets = _onsets(network)
    for p in network.projections:
        if p.pre.name not in onsets or p.post.name not in onsets or not isinstance(p.delay, Constant):
            return p, "one whole number of ticks"
        due = float(onsets[p.post.name] - onsets[p.pre.name])
        if p.delay.value != due:
            return p, due if due > 0 else "of a path without a loop"
    return None
