"""Which synapses are lost and which grow, as a function of the seed, the update's number and the weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..describe.structure import Turnover
from ..random.philox import STREAM_GROWTH, philox, seed_key
from .synapses import Synapses

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Contacts:
    """What a projection with turnover remembers besides its synapses.

    Attributes
    ----------
    ids : int64[n]
        of the synapses, in their order; none is used twice
    next_id, updates, tick : int
        the id of the next contact, how many updates there were, and when the last one was
    elements : float64[n_post]
        contacts wanted, of which the whole part counts
    spikes : int64[n_post]
        of the post neurons since the last update, up to where a state was loaded
    since : int64[n_post]
        what their counters showed there
    """

    ids: Array
    next_id: int
    updates: int
    tick: int
    elements: Array
    spikes: Array
    since: Array


def fresh(synapses: Synapses, n_post: int) -> Contacts:
    """Return contacts as they are at first."""
    n = len(synapses)
    indegree = np.bincount(synapses.post, minlength=n_post).astype(np.float64)
    return Contacts(np.arange(n), n, 0, 0, indegree, *np.zeros((2, n_post), np.int64))


def wanted(rule: Turnover, elements: Array, rates: Array) -> tuple[Array, Array]:
    """Return how many contacts each post neuron shall have, and its elements after the update."""
    if rule.indegree is not None:
        return np.full(len(elements), rule.indegree), elements
    assert rule.rate is not None
    elements = np.maximum(elements + rule.growth * (1.0 - rates / rule.rate), 0.0)
    return np.floor(elements).astype(np.int64), elements


def lost(rule: Turnover, synapses: Synapses, ids: Array, want: Array) -> Array:
    """Return of each synapse whether it is pruned: those too weak, then the weakest beyond what is wanted."""
    size = np.abs(synapses.weight)
    gone = size < rule.below
    order = np.lexsort((ids, size, ~gone, synapses.post))  # by neuron: first those that are lost anyway
    post = synapses.post[order]
    number = np.arange(len(order)) - np.searchsorted(post, post)
    surplus = np.bincount(synapses.post, minlength=len(want)) - want
    gone[order] |= number < surplus[post]
    return np.asarray(gone)


def grown(
    rule: Turnover,
    synapses: Synapses,
    gone: Array,
    want: Array,
    n_pre: int,
    same: bool,
    seed: int,
    key: tuple[int, int],
) -> tuple[Array, Array]:
    """Return pre and post neurons of new contacts, by (post, pre).

    Parameters
    ----------
    same : whether pre and post neurons are one population
    key : number of the projection and of the update
    """
    have = np.bincount(synapses.post[~gone], minlength=len(want))
    by_post = np.argsort(synapses.post, kind="stable")
    border = np.searchsorted(synapses.post[by_post], np.arange(len(want) + 1))
    pres, posts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    k0, k1 = seed_key(seed)
    each = np.arange(n_pre, dtype=np.uint64)
    for j in np.flatnonzero(have < want):
        free = np.ones(n_pre, bool)
        free[synapses.pre[by_post[border[j] : border[j + 1]]]] = False
        if same and not rule.autapses:
            free[j] = False
        stream = STREAM_GROWTH + np.uint64(key[0] << 8)
        words = philox(each, np.uint64(j), np.uint64(key[1]), stream, k0, k1)
        order = np.argsort(words[0] << np.uint64(32) | words[1], kind="stable")
        found = np.sort(order[free[order]][: want[j] - have[j]])
        pres.append(found)
        posts.append(np.full(len(found), j))
    return np.concatenate(pres), np.concatenate(posts)
