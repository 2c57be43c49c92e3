"""Random numbers that belong to a name: parameters and initial states of populations.

What has a number in its network (projections, sources of input) is drawn by that number, see :mod:`.placing_kernel`,
:mod:`.wiring_kernel` and :mod:`.words_kernel`. A population's own draws follow its name instead, so that they stay when
others are added; :func:`name_key` is the one place that turns names into random numbers.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .philox import philox, seed_key


def name_key(*names: str) -> int:
    """64 bits that stand for names, the same on every machine and in every version.

    Parameters
    ----------
    *names : str
        what a draw belongs to and what is drawn, such as ``"exc", "parameter", "tau_m"``; lengths are hashed as
        well, so that ``("ab", "c")`` is not ``("a", "bc")``
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in names:
        text = name.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "little") + text)
    return int.from_bytes(digest.digest(), "little")


def uniform_of(n: int, seed: int, stream: np.uint64, *names: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``n`` numbers in (0, 1) with 53 random bits, the i-th a function of (seed, stream, names, i) alone.

    The whole of :func:`name_key` stands in Philox' counter, words 1 and 2, beside the stream in word 3: names share
    draws only if their 64 bits are equal.
    """
    key, (k0, k1) = name_key(*names), seed_key(seed)
    i = np.arange((n + 1) // 2, dtype=np.uint64)
    zero = np.zeros_like(i)
    low, high = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    words = philox(i, zero + low, zero + high, zero + stream, k0, k1)
    shift = np.uint64(32)
    pairs = np.stack([(words[0] << shift) | words[1], (words[2] << shift) | words[3]], axis=1).ravel()[:n]
    return np.asarray((pairs >> np.uint64(11)) * 2.0**-53 * (1 - 2.0**-52) + 2.0**-54)
