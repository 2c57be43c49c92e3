"""Random words of a block of neurons, as the sources of input draw them; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np

from .philox_block import philox_block, philox_blocks

GROUP, BLOCK = 64, 256


def words_of(stream: Any, source: int, tick: int, trial: int) -> Any:
    """Return the three other words of all counters of a draw."""
    return (
        np.uint64(tick & 0xFFFFFFFF),
        np.uint64(source | (tick >> 32) << 16),
        stream | np.uint64(trial << 8),
    )


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
    c1, c2, c3 = words_of(stream, source, tick, trial)
    philox_block(u, counters, n, c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))


def draw_blocks(
    u: Any, n: int, stream: Any, source: int, first: int, tick: int, trial: int, key: Any
) -> None:
    """Fill ``n`` rows of ``u``, each as :func:`draw` does with as many counters as have room there, one after another.

    Parameters
    ----------
    u : uint32[n_blocks, 4 * n_counters]
    """
    c1, c2, c3 = words_of(stream, source, tick, trial)
    philox_blocks(u, first, n, c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))
