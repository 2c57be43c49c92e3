"""Random words of a block of neurons, as the sources of input draw them; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np

from .philox_block import philox_block

GROUP, BLOCK = 64, 256


def draw(
    u: Any, counters: Any, stream: int, source: int, block: int, tick: int, trial: int, key: Any
) -> None:
    """Fill ``u`` with the random words of a block of neurons: :func:`.rng.philox` of counters, all first words first.

    A word is a function of (seed, stream, source, neuron, tick, trial) alone.

    Parameters
    ----------
    u : uint32[4 * n_counters]
    counters : uint32[n_counters]
        scratch; GROUP of them make one word for each neuron
    block : int
        of the source's neurons ``block * BLOCK`` and those that follow
    """
    n = len(counters)
    for g in range(n):
        counters[g] = np.uint32(block * n + g)
    c1 = np.uint64(tick & 0xFFFFFFFF)
    c2 = np.uint64(source | (tick >> 32) << 16)
    c3 = np.uint64(stream | trial << 8)
    philox_block(u, counters, n, c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))
