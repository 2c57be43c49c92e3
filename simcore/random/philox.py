"""Counter-based random numbers: Philox4x32-10.

A draw is a pure function of *who asks and when*: ``philox(counter, key)`` has no state, so results do not depend on
the number of threads, on the order of the loop or on how a run is split. The counter holds what is being drawn
(stream, entity, trial, tick), the key holds the seed.

The functions here are undecorated and work on Python integers wrapped as ``np.uint64``, on ``uint64`` arrays
(element by element) and, wrapped by ``numba.njit`` or ``cuda.jit(device=True)``, in kernels.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3",
SC'11, doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DescriptionError

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # round multipliers
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # Weyl increments of the key
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
KEY = np.uint64(0xCBF29CE484222325)  #: what :func:`absorb` begins with

#: Streams keep the draws of different purposes apart; they go into counter word 3.
STREAM_ENCODE_TRAIN = np.uint64(1)
STREAM_ENCODE_TEST = np.uint64(2)
STREAM_WEIGHTS = np.uint64(3)
STREAM_TABLE = np.uint64(4)
STREAM_SHUFFLE = np.uint64(5)
STREAM_POISSON = np.uint64(6)
STREAM_CONNECT = np.uint64(7)
STREAM_DELAYS = np.uint64(8)
STREAM_NOISE = np.uint64(9)
STREAM_STATE = np.uint64(10)
STREAM_CLASS_ORDER = np.uint64(11)
STREAM_VALIDATION = np.uint64(12)
STREAM_TEST_ORDER = np.uint64(13)
STREAM_REPLAY = np.uint64(14)
STREAM_FEATURES = np.uint64(15)
STREAM_POISSON_REST = np.uint64(16)
STREAM_POISSON_SPARSE = np.uint64(17)
STREAM_POISSON_PLACES = np.uint64(18)
STREAM_POISSON_INHOMOGENEOUS = np.uint64(19)
STREAM_POISSON_THINNING = np.uint64(20)
STREAM_GROWTH = np.uint64(21)
STREAM_VIEWS = np.uint64(22)
STREAM_SYNAPSE = np.uint64(23)
STREAM_SPLIT = np.uint64(24)


def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four 32-bit random words for a 128-bit counter and a 64-bit key (words held in ``uint64``)."""
    c0, c1, c2, c3, k0, k1 = (
        c0 & _LOW,
        c1 & _LOW,
        c2 & _LOW,
        c3 & _LOW,
        k0 & _LOW,
        k1 & _LOW,
    )  # 32 x 32-bit products
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


def seed_key(seed: int) -> tuple[np.uint64, np.uint64]:
    """Split a non-negative integer seed (below 2**64) into the two key words."""
    if not 0 <= seed < 2**64:
        raise DescriptionError(f"seed: must be between 0 and 2**64 - 1, got {seed}")
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def uniform(n: int, seed: int, stream: np.uint64, entity: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``n`` numbers in [0, 1) with 53 random bits, the i-th a function of (seed, stream, entity, i) alone."""
    k0, k1 = seed_key(seed)
    i = np.arange((n + 1) // 2, dtype=np.uint64)
    zero = np.zeros_like(i)
    words = philox(i & _LOW, i >> _32, zero + np.uint64(entity), zero + stream, k0, k1)
    pairs = np.stack([(words[0] << _32) | words[1], (words[2] << _32) | words[3]], axis=1).ravel()[:n]
    return np.asarray((pairs >> np.uint64(11)) * 2.0**-53)


def permutation(
    n: int, seed: int, stream: np.uint64 = STREAM_SHUFFLE, entity: int = 0
) -> np.ndarray[Any, Any]:
    """Draw a random order of ``range(n)``, a function of (seed, stream, entity) alone."""
    return np.argsort(uniform(n, seed, stream, entity), kind="stable")


def absorb(key: Any, byte: Any) -> Any:
    """Take one more byte, as ``uint64``, into a key: a step of FNV-1a from ``KEY``."""
    return (key ^ byte) * np.uint64(0x100000001B3)


def mixed(key: Any) -> Any:
    """Spread what was absorbed over all bits."""
    return (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def content_key(samples: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Make a 64-bit key for each sample, out of its bytes, so that its random input does not depend on its neighbours.

    Parameters
    ----------
    samples : uint8 array, shape (n, features)
    """
    key = np.full(len(samples), KEY)
    for column in samples.T:
        key = absorb(key, column.astype(np.uint64))
    return np.asarray(mixed(key))


def thresholds(
    x: np.ndarray[Any, np.dtype[np.uint8]], x_max: int, scale: float = 1.0
) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Threshold below which a 32-bit random word is a spike: ``floor(scale * x / x_max * 2**32)``.

    Computed in float64, from left to right, and clipped to [0, 2**32]; same shape as ``x``.
    """
    with np.errstate(over="ignore"):  # infinity is clipped as well
        threshold = np.floor(scale * x.astype(np.float64) / x_max * 2.0**32)
    return np.clip(threshold, 0.0, 2.0**32).astype(np.uint64)
