"""Random words of a block of neurons, as the sources of input draw them; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np

from .philox_block import philox_block

GROUP, BLOCK = 64, 256


def draw(
    u: Any, counters: Any, stream: Any, source: int, first: int, tick: int, trial: int, key: Any
) -> None:
    """Fill ``u`` with random words: :func:`.philox.philox` of counters from ``first`` on, all first words first.

    Parameters
    ----------
    u : uint32[4 * n_counters]
    counters : uint32[n_counters]
        scratch; GROUP of them make a word for each neuron of a block
    """
    n = len(counters)
    for g in range(n):
        counters[g] = np.uint32(first + g)
    c1 = np.uint64(tick & 0xFFFFFFFF)
    c2 = np.uint64(source | (tick >> 32) << 16)
    c3 = stream | np.uint64(trial << 8)
    philox_block(u, counters, n, c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))
