"""Random words of a block of neurons, as the sources of input draw them; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np

from .philox import philox
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


def quad(stream: Any, source: int, first: int, tick: int, trial: int, key: Any) -> Any:
    """Return the four words of one counter, as :func:`draw` would among others."""
    c1 = np.uint64(tick & 0xFFFFFFFF)
    c2 = np.uint64(source | (tick >> 32) << 16)
    c3 = stream | np.uint64(trial << 8)
    return philox(np.uint64(first), c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))


def alias(word: Any, limit: Any, other: Any, offset: int, bits: int) -> Any:
    """Turn a 32-bit word into a number, by the tables of :func:`.tables.alias_table` from ``offset`` on."""
    column = np.int64(word >> np.uint64(32 - bits))
    stays = word & np.uint64((1 << (32 - bits)) - 1) < limit[offset + column]
    return column if stays else np.int64(other[offset + column])
