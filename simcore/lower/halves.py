"""Synapses of four bytes: a 16-bit target and, above it, a weight in half precision (IEEE 754 binary16).

A weight of half precision is that of float32 rounded to 11 significant bits, to the nearest, ties to even: by at most
one part in 2048 of itself. Rounding depends on the weight alone, not on what else a network has; and where a weight is
a multiple of a power of two, a weight of such a multiple stays one, so that grids of fixed arithmetic
(:mod:`.grid`) hold for halves as they are.

A kernel template, and for arrays of words ordinary Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST, SMALLEST = 65504.0, 2.0**-4  # between which the largest weight of a projection must lie
SPARE = 16  # words read at a time; as many lie behind the last synapse


def value_of(word: Any) -> Any:
    """Return the weight of a synapse, float32, exactly."""
    sign, rest = word & np.uint32(0x80000000), (word >> np.uint32(3)) & np.uint32(0x0FFFE000)
    return np.uint32(sign | rest).view(np.float32) * np.float32(2.0**112)


def target_of(word: Any) -> Any:
    """Return the target of a synapse."""
    return word & np.uint32(0xFFFF)


def half_of(weight: Any) -> Any:
    """Return the bits of a weight in half precision, uint32; its magnitude must not exceed LARGEST."""
    bits = np.uint32(np.float32(weight).view(np.uint32))
    sign, size = (bits >> np.uint32(16)) & np.uint32(0x8000), bits & np.uint32(0x7FFFFFFF)
    if size < np.uint32(113 << 23):  # below the normal ones of half precision: multiples of the smallest
        return np.uint32(sign | np.uint32(np.rint(abs(np.float32(weight)) * np.float32(2.0**24))))
    odd = (size >> np.uint32(13)) & np.uint32(1)
    return np.uint32(sign | ((size - np.uint32(112 << 23) + np.uint32(0xFFF) + odd) >> np.uint32(13)))


def word_of(target: Any, weight: Any) -> Any:
    """Return the word of a synapse."""
    return np.uint32(target) | np.uint32(half_of(weight) << np.uint32(16))
