"""Which plastic synapses share which weight, and the sum of what they have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .synapses import Places

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Ties:
    """The synapses of a projection that share weights.

    Attributes
    ----------
    shape : tuple of int
        of the shared weights, a kernel's
    element : int64[n]
        which of them each synapse has, raveled, in the order of ids
    place : int64[n]
        where each lies among those of all shards, one shard after another, in the order of ids
    at : tuple of int64[n_here]
        the elements by shard, in the order in which synapses lie there
    """

    shape: tuple[int, ...]
    element: Array
    place: Array
    at: tuple[Array, ...]

    @property
    def n(self) -> int:
        """How many weights are shared."""
        return int(np.prod(self.shape))


def ties_of(rule: Any, places: Places, plastics: list[Any]) -> Ties:
    """Return which synapses share which weight of a connection rule; ``plastics`` is what they keep, by shard."""
    element = np.asarray(rule.elements(places.pre, places.post), np.int64)
    place, at, before = np.empty(len(element), np.int64), [], 0
    for k, plastic in enumerate(plastics):
        mine = places.shard == k
        inside = places.position[mine] - plastic.first[0]
        here = np.empty(len(inside), np.int64)
        here[inside] = element[mine]
        at.append(here)
        place[mine] = before + inside
        before += len(inside)
    return Ties(rule.shared_shape, element, place, tuple(at))


def share(ties: Ties, all_wires: list[Any], plastics: list[Any], bounds: tuple[float, float]) -> None:
    """Add to the shared weights what all synapses have changed, in the order of their ids and in float64.

    ``bounds`` are those of weights as they are stored.
    """
    changes = np.concatenate([plastic.kept[-1] for plastic in plastics])
    total = np.bincount(ties.element, weights=changes[ties.place], minlength=ties.n)
    weight = np.zeros(ties.n)
    here = [
        wires.weight[plastic.first[0] :][: len(at)]
        for wires, plastic, at in zip(all_wires, plastics, ties.at, strict=True)
    ]
    for values, at in zip(here, ties.at, strict=True):
        weight[at] = values
    new = np.clip(weight + total, *bounds).astype(changes.dtype)
    for values, at, plastic in zip(here, ties.at, plastics, strict=True):
        values[:] = new[at]
        plastic.kept[-1][:] = 0.0


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
