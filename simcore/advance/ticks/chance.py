"""What synapses draw: at each of its spikes a synapse has a random number of its own, a function of who and when.

The counter holds the synapse (pre neuron, post neuron and its place among the contacts of the two), the tick, the
projection and, of arrivals, how many came before in that tick; the key is the seed. The first word is that of an
arrival, the second that of a post spike in the same tick. So nothing is kept, and results depend neither on threads nor
on how a run is split.

A kernel template, for rules that draw; the others get functions of the same names that draw nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.random.philox import philox

from .rule_binding import on_post, on_pre, real


def words(chance: Any, segment: int, at: int, before: Any, tick: Any) -> Any:
    """Return the random words of a synapse in a tick, in which ``before`` arrivals came before."""
    purpose = np.uint64(chance.key[2]) | np.uint64(before & 255) << np.uint64(24)
    return philox(
        np.uint64(chance.number[at]),
        np.uint64(chance.pre[segment]),
        np.uint64(tick),
        purpose,
        np.uint64(chance.key[0]),
        np.uint64(chance.key[1]),
    )


def uniform(word: Any) -> Any:
    """Turn a word into a number in [0, 1), as fine at 0 as the word is."""
    return min(real(word) * real(2.0**-32), real(1.0 - 2.0**-24))


def arrived(plastic: Any, synapse: Any, pre: Any, post: Any, segment: int, at: int, tick: Any) -> Any:
    """Return the synapse number ``at`` after an arrival at ``tick``."""
    before = plastic.chance.again[segment] if plastic.pre_tick[segment] == tick else np.int64(0)
    u = uniform(words(plastic.chance, segment, at, before, tick)[0])
    return on_pre(synapse, pre, post, plastic.constants, u)


def fired(plastic: Any, synapse: Any, pre: Any, post: Any, segment: int, at: int, tick: Any) -> Any:
    """Return the synapse number ``at`` after a post spike at ``tick``."""
    u = uniform(words(plastic.chance, segment, at, np.int64(0), tick)[1])
    return on_post(synapse, pre, post, plastic.constants, u)
