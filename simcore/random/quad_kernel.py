"""Random words one counter at a time, and what they are turned into; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np

from .philox import philox


def quad(stream: Any, source: int, first: int, tick: int, trial: int, key: Any) -> Any:
    """Return the four words of one counter, as :func:`.words_kernel.draw` would among others."""
    c1 = np.uint64(tick & 0xFFFFFFFF)
    c2 = np.uint64(source | (tick >> 32) << 16)
    c3 = stream | np.uint64(trial << 8)
    return philox(np.uint64(first), c1, c2, c3, np.uint64(key[0]), np.uint64(key[1]))


def alias(word: Any, limit: Any, other: Any, offset: int, bits: int) -> Any:
    """Turn a 32-bit word into a number, by the tables of :func:`.tables.alias_table` from ``offset`` on."""
    column = np.int64(word >> np.uint64(32 - bits))
    stays = word & np.uint64((1 << (32 - bits)) - 1) < limit[offset + column]
    return column if stays else np.int64(other[offset + column])
