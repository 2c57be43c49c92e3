"""What synapses draw: at each of its spikes a synapse has a random number of its own, a function of who and when.

The counter holds the synapse (pre neuron, post neuron and its place among the contacts of the two), the tick, the
projection and, of arrivals, how many came before in that tick; the key is the seed. The first word is that of an
arrival, the second that of a post spike in the same tick. So nothing is kept, and results depend neither on threads nor
on how a run is split. The words of many synapses are drawn together, in vector registers.

A kernel template, for rules that draw; the others get functions of the same names that draw nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.random.philox_block import philox_block

from .rule_binding import on_post, on_pre, real


def draw(chance: Any, segment: int, n: Any, before: Any) -> None:
    """Draw the words of ``n`` synapses, whose counters are filled in; ``before`` arrivals came before in their tick."""
    purpose = np.uint64(chance.key[2]) | np.uint64(before & 255) << np.uint64(24)
    pre, k0, k1 = np.uint64(chance.pre[segment]), np.uint64(chance.key[0]), np.uint64(chance.key[1])
    philox_block(chance.words, chance.who, n, pre, chance.when, purpose, k0, k1)


def draw_arrivals(plastic: Any, segment: int, first: int, n: Any, tick: Any) -> None:
    """Draw for an arrival at all ``n`` synapses of a segment, from the number ``first`` on."""
    chance = plastic.chance
    for k in range(n):
        chance.who[k], chance.when[k] = chance.number[first + k], np.uint32(tick)
    draw(chance, segment, n, chance.again[segment] if plastic.pre_tick[segment] == tick else np.int64(0))


def draw_missed(plastic: Any, segment: int, first: int, n: Any, which: Any, at: Any) -> None:
    """Draw for a post spike ``at`` a tick of its own at ``n`` of a segment's synapses."""
    chance = plastic.chance
    for k in range(n):
        chance.who[k], chance.when[k] = chance.number[first + which[k]], np.uint32(at[k])
    draw(chance, segment, n, np.int64(0))


def uniform(word: Any) -> Any:
    """Turn a word into a number in [0, 1), as fine at 0 as the word is."""
    return min(real(word) * real(2.0**-32), real(1.0 - 2.0**-24))


def arrived(plastic: Any, synapse: Any, pre: Any, post: Any, k: int) -> Any:
    """Return a synapse after an arrival, the ``k``-th that was drawn for."""
    return on_pre(synapse, pre, post, plastic.constants, uniform(plastic.chance.words[k]))


def fired(plastic: Any, synapse: Any, pre: Any, post: Any, k: int) -> Any:
    """Return a synapse after a post spike, the ``k``-th that was drawn for."""
    word = plastic.chance.words[len(plastic.chance.who) + k]
    return on_post(synapse, pre, post, plastic.constants, uniform(word))
