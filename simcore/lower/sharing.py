"""Which plastic synapses share which weight, and the sum of what they have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .synapses import Places

Array = np.ndarray[Any, Any]


#: Kernels of :mod:`.sharing_kernel`.
SHARING = ("add_up", "hand_out")


@dataclass(frozen=True, eq=False)
class Ties:
    """The synapses of a projection that share weights.

    Attributes
    ----------
    shape : tuple of int
        of the shared weights, a kernel's
    element : uint32[n]
        which of them each synapse has, raveled, in the order of ids
    place : uint32[n]
        where each lies among those of all shards, one shard after another, in the order of ids
    at : tuple of uint32[n_here]
        the elements by shard, in the order in which synapses lie there
    known, first : int64[n_known]
        the elements that some synapse has, and where one that has it lies
    """

    shape: tuple[int, ...]
    element: Array
    place: Array
    at: tuple[Array, ...]
    known: Array
    first: Array

    @property
    def n(self) -> int:
        """How many weights are shared."""
        return int(np.prod(self.shape))


def ties_of(rule: Any, places: Places, plastics: list[Any]) -> Ties:
    """Return which synapses share which weight of a connection rule; ``plastics`` is what they keep, by shard."""
    element = np.asarray(rule.elements(places.pre, places.post), np.uint32)
    place, at, before = np.empty(len(element), np.uint32), [], 0
    for k, plastic in enumerate(plastics):
        mine = places.shard == k
        inside = places.position[mine] - plastic.first[0]
        here = np.empty(len(inside), np.uint32)
        here[inside] = element[mine]
        at.append(here)
        place[mine] = before + inside
        before += len(inside)
    known, first = np.unique(element, return_index=True)
    return Ties(rule.shared_shape, element, place, tuple(at), known.astype(np.int64), place[first])


def share(
    ties: Ties,
    all_wires: list[Any],
    plastics: list[Any],
    bounds: tuple[float, float],
    sign: int,
    kernels: Any,
) -> None:
    """Add to the shared weights what all synapses have changed, in the order of their ids and in float64.

    Parameters
    ----------
    bounds : of weights, which are as the rule has them, as changes are
    sign : -1 where weights are stored negative
    kernels : those of :mod:`.sharing_kernel`
    """
    weights = [
        wires.weight[plastic.first[0] :][: len(at)]
        for wires, plastic, at in zip(all_wires, plastics, ties.at, strict=True)
    ]
    changes = [plastic.kept[-1] for plastic in plastics]
    total, shared = np.zeros((2, ties.n))
    kernels.add_up(_joined(changes), ties.place, ties.element, total)
    shared[ties.known] = _joined(weights)[ties.first]
    new = (sign * np.clip(sign * shared + total, *bounds)).astype(changes[0].dtype)
    for weight, change, at in zip(weights, changes, ties.at, strict=True):
        kernels.hand_out(weight, change, at, new)


def _joined(by_shard: list[Array]) -> Array:
    return by_shard[0] if len(by_shard) == 1 else np.concatenate(by_shard)


def kernel(ties: Ties, weights: Array) -> Array:
    """Return the shared weights from those of the synapses; of an element that has none NaN."""
    out = np.full(ties.n, np.nan)
    out[ties.element] = weights
    return out.reshape(ties.shape)


def spread(ties: Ties, kernel: Array) -> Array:
    """Return the weights of the synapses from those that they share."""
    return np.asarray(kernel).ravel()[ties.element]


def unequal(ties: Ties, weights: Array) -> int:
    """Return how many synapses have another weight than those that they share it with."""
    return int(np.sum(weights != kernel(ties, weights).ravel()[ties.element]))
