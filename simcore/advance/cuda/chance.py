"""What synapses draw on a CUDA device: every thread computes the words that it needs; see :mod:`..ticks.chance`.

A kernel template, for rules that draw; the others get functions of the same names that draw nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.random.philox import philox

from ..ticks.rule_binding import on_post, on_pre, real


def words(chance: Any, row: int, at: int, before: Any, tick: Any) -> Any:
    """Return the random words of a synapse in a tick, in which ``before`` arrivals came before."""
    purpose = np.uint64(chance.key[2]) | np.uint64(before & 255) << np.uint64(24)
    return philox(
        np.uint64(chance.number[at]),
        np.uint64(chance.pre[row]),
        np.uint64(tick),
        purpose,
        np.uint64(chance.key[0]),
        np.uint64(chance.key[1]),
    )


def uniform(word: Any) -> Any:
    """Turn a word into a number in [0, 1), as fine at 0 as the word is."""
    return min(real(word) * real(2.0**-32), real(1.0 - 2.0**-24))


def arrived(plastic: Any, synapse: Any, pre: Any, post: Any, row: int, at: int, tick: Any) -> Any:
    """Return the synapse number ``at`` after an arrival at ``tick``."""
    before = plastic.chance.again[row] if plastic.pre_tick[row] == tick else np.int64(0)
    u = uniform(words(plastic.chance, row, at, before, tick)[0])
    return on_pre(synapse, pre, post, plastic.constants, u)


def fired(plastic: Any, synapse: Any, pre: Any, post: Any, row: int, at: int, tick: Any) -> Any:
    """Return the synapse number ``at`` after a post spike at ``tick``."""
    u = uniform(words(plastic.chance, row, at, np.int64(0), tick)[1])
    return on_post(synapse, pre, post, plastic.constants, u)
