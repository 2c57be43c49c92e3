r"""Fixed arithmetic: weights on a grid of whole numbers, so that their sums are exact and have no order.

Where weights are whole multiples of a quantum :math:`q = 2^k` and sums stay within the 24 (float32) or 53 (float64)
bits of a number, adding them in floating point rounds nothing. So kernels on the CPU stay as they are, and those of a
device may add whole numbers in any order. Each receptor of each population has the finest quantum at which all that can
reach one neuron in one tick fits: the weights of all its synapses, and the largest draws of its Poisson sources.

Weights that learn are kept as they are, and rounded when they are delivered; what they can grow to is what their rule
says, :meth:`.SynapseRule.weight_bounds`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..describe.network import Network, Projection
from ..describe.plasticity import Static
from ..describe.sources import Poisson
from ..errors import DescriptionError
from .arrays import OF_ONE_WEIGHT, PLASTIC, Trains, Wires
from .bitmaps import listed
from .entries import group_of, length_of
from .grid_kernel import SHARES
from .inputs import most_in_a_tick, source_row
from .plan import Plan
from .rows import Group, delay_of, groups_of, order_of

Array = np.ndarray[Any, Any]
BITS = {np.float32: 24, np.float64: 53}
COARSE = 0.01  # quantum, as a share of the mean weight, that is too much
#: Kernels of :mod:`.grid_kernel`.
GRID = ("measure", "share", "round_weights")


def quanta_of(
    p: Plan, groups: list[Group], all_wires: list[Wires], trains: Trains, real: Any, kernels: Any
) -> Array:
    """Return the quantum of each population and receptor, float64[n_populations, n_rows]; 1 where nothing arrives.

    ``kernels`` are those of :mod:`.grid_kernel`.

    Raises
    ------
    DescriptionError
        where a quantum would be a large part of the weights
    """
    bound, mean = _bounds(p, groups, all_wires, times_of(p, trains), kernels)
    for number, population in enumerate(p.populations):
        for source in p.network.sources:
            if isinstance(source, Poisson) and source.post is population:
                bound[number, source_row(source)] += abs(source.weight) * most_in_a_tick(p, source)
    with np.errstate(divide="ignore"):
        exponent = np.ceil(np.log2(bound)) - (BITS[real] - 1)  # a bit for what rounding adds
    delays = [delay_of(projection, p.dt) for projection in p.network.projections]
    tied = groups_of(p, delays, bitmaps=False)  # a grid must not depend on how rows are stored
    changed = True
    while changed:  # one number for several populations needs one grid
        before = exponent.copy()
        for group in tied:
            if group.format in OF_ONE_WEIGHT:
                posts = [p.populations.index(p.network.projections[m].post) for m in group.members]
                exponent[posts, group.row] = exponent[posts, group.row].max()
        changed = not np.array_equal(before, exponent)
    quanta = np.exp2(np.where(np.isfinite(exponent), exponent, 0.0))
    coarse = np.argwhere((bound > 0) & (mean > 0) & (quanta > COARSE * mean))
    for number, row in coarse:
        population = p.populations[number]
        raise DescriptionError(
            f"Population {population.name!r}: arithmetic='fixed' would round weights onto "
            f"{population.model.receptors[row]!r} to multiples of {quanta[number, row]:g}, their mean is "
            f"{mean[number, row]:g}; use precision='float64'"
        )
    return quanta


def to_grid(p: Plan, shard: int, wires: Wires, quanta: Array, kernels: Any) -> None:
    """Round the weights of a shard that do not learn to their quanta, in place."""
    kernels.round_weights(listed(wires), p.n_slots[shard], _population_of_slots(p, shard), quanta)


def input_on_grid(p: Plan, sources: Any, quanta: Array) -> Any:
    """Return Poisson sources onto a shard with weights that are multiples of their quanta."""
    rounded = [
        np.rint(weight / q) * q
        for weight, q in (
            (weight, quanta[p.populations.index(source.post), source_row(source)])
            for weight, source in zip(
                sources.weight, (p.network.sources[number] for number in sources.source[:, 0]), strict=True
            )
            if isinstance(source, Poisson)
        )
    ]
    return sources._replace(weight=np.array(rounded, sources.weight.dtype))


def check_sums(
    p: Plan,
    groups: list[Group],
    all_wires: list[Wires],
    trains: Trains,
    quanta: Array,
    real: Any,
    what: str,
    kernels: Any,
) -> None:
    """Refuse weights or given spikes, set after a grid was made, whose sums may leave it."""
    bound, _ = _bounds(p, groups, all_wires, times_of(p, trains), kernels)
    for number, row in np.argwhere(bound > quanta * 2.0 ** BITS[real]):
        population = p.populations[number]
        raise DescriptionError(
            f"{what}: what can reach a neuron of {population.name!r} in a tick, {bound[number, row]:g}, is more than "
            f"arithmetic='fixed' has room for on {population.model.receptors[row]!r}, "
            f"{quanta[number, row] * 2.0 ** BITS[real]:g}; describe the network with it from the beginning"
        )


def quantum_at(p: Plan, shard: int, at: Array, quanta: Array) -> Array:
    """Return the quantum of each accumulator."""
    row, slot = np.divmod(at, max(1, p.n_slots[shard]))
    return np.asarray(quanta[_population_of_slots(p, shard)[slot], row])


def times_of(p: Plan, trains: Trains) -> Array:
    """Return how often each source may fire in one tick, int64[n_sources]: neurons once, trains as they are given."""
    times = np.ones(p.n_sources, np.int64)
    for first, last in zip(trains.first, trains.last, strict=True):
        spikes = np.stack([trains.tick[first:last], trains.source[first:last]], axis=1)
        found, n = np.unique(spikes, axis=0, return_counts=True)
        np.maximum.at(times, found[:, 1], n)
    return times


def most_delivered(projection: Projection, weights: Array) -> float:
    """Return the most that an arrival at a plastic synapse may deliver; infinite where its rule does not say.

    ``weights`` are the present ones, those of a rule that changes none.
    """
    rule, short_term = projection.plasticity, projection.short_term
    most = max(abs(bound) for bound in rule.weight_bounds())
    if isinstance(rule, Static):
        most = float(np.abs(weights).max(initial=0.0))
    return most if short_term is None else float(most * short_term.release_bound())


def unbounded(network: Network) -> str | None:
    """Say which plastic synapses may deliver any weight, so that no grid has room for it, if some do."""
    for projection in network.projections:
        rule, short_term = projection.plasticity, projection.short_term
        if rule is not None and most_delivered(projection, np.zeros(0)) == math.inf:
            name = type(rule).__name__
            return f"Projection {projection.name!r}: {name} sets no bound to its weights"
        if short_term is not None and short_term.release_bound() == math.inf:
            name = type(short_term).__name__
            return f"Projection {projection.name!r}: {name} has no release_bound"
    return None


def _plastic_groups(p: Plan, groups: list[Group], all_wires: list[Wires]) -> tuple[list[Array], Array]:
    """Return the segments of plastic groups before each group, by shard, and what a synapse of each may deliver."""
    first, reach = [], np.zeros(len(all_wires[0].group_format))
    for wires in all_wires:
        number, length = group_of(wires.segment_entry), length_of(wires.segment_entry)
        n = np.bincount(number, minlength=len(reach))
        n[wires.group_format != PLASTIC] = 0
        before = (np.cumsum(n) - n).astype(np.int64)
        first.append(before)
        for k in np.flatnonzero(n):
            projection = p.network.projections[order_of(groups)[k].members[0]]  # plastic groups are not cut
            begin = wires.plastic_begin[before[k] : before[k] + n[k]].min()
            weights = wires.weight[begin : begin + length[number == k].sum()]
            reach[k] = max(reach[k], most_delivered(projection, weights))
    return first, reach


def _bounds(
    p: Plan, groups: list[Group], all_wires: list[Wires], times: Array, kernels: Any
) -> tuple[Array, Array]:
    """Largest sum of absolute weights onto one neuron, and their mean, by population and row."""
    shape = len(p.populations), p.n_rows
    most, total, count, bound = (np.zeros(shape) for _ in range(4))
    owners = [_population_of_slots(p, shard) for shard in range(len(all_wires))]
    all_wires = [listed(wires) for wires in all_wires]
    first, reach = _plastic_groups(p, groups, all_wires)
    for shard, wires in enumerate(all_wires):
        kernels.measure(
            wires, first[shard], reach, times, p.n_slots[shard], owners[shard], most, total, count
        )
    for shard, wires in enumerate(all_wires):
        shares = np.zeros((p.n_rows, p.n_slots[shard]), np.int64)
        kernels.share(
            wires, first[shard], reach, times, p.n_slots[shard], owners[shard], most, shares.ravel()
        )
        for number in range(shape[0]):
            mine = shares[:, owners[shard] == number].max(axis=1, initial=0)
            bound[number] = np.maximum(bound[number], mine / SHARES * most[number])
    return bound, total / np.maximum(count, 1)


def _population_of_slots(p: Plan, shard: int) -> Array:
    """Return the number of the population that each slot of a shard belongs to."""
    sizes = [p.numbers(shard, q.name)[1] - p.numbers(shard, q.name)[0] for q in p.populations]
    return np.repeat(np.arange(len(sizes)), sizes)
