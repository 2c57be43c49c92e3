r"""Gaussian currents, drawn inside the update loop: one 32-bit word and one look-up for each neuron and tick.

A word's highest bit is the sign, the others :math:`m` stand for the tail probability
:math:`p = (m + 1/2) / 2^{32}` of the magnitude :math:`z = -\Phi^{-1}(p)`, which reaches 6.3. The quantile function is
steep where ``p`` is small, so that its table has 32 cells for each octave of ``p``, with a parabola in each: off by at
most 1.5e-7. The exponent and the first bits of ``m + 1/2`` as a float64 are the number of the cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tegmentum.simcore.random.philox import STREAM_NOISE
from tegmentum.simcore.random.tables import CELL_BITS
from tegmentum.simcore.random.words_kernel import BLOCK, GROUP, draw

from .binding import real

_FIRST = (1023 - 1) << CELL_BITS  # of m + 1/2 = 1/2
_SHIFT = 52 - CELL_BITS
_REST = np.int64((1 << _SHIFT) - 1)
_SCALE = 2.0**-_SHIFT


def normals(u: Any, z: Any, bits: Any, table: Any) -> None:
    """Turn words into standard normal numbers; ``bits`` is ``z`` seen as int64."""
    t0, t1, t2 = table[0], table[1], table[2]
    for i in range(len(u)):
        z[i] = np.float64(u[i] & np.uint32(0x7FFFFFFF)) + 0.5
    for i in range(len(u)):
        cell = np.uint32((bits[i] >> _SHIFT) - _FIRST)
        t = np.float64(bits[i] & _REST) * _SCALE
        x = t0[cell] + t * (t1[cell] + t * t2[cell])
        z[i] = x if u[i] < np.uint32(0x80000000) else -x


def add(here: Any, std: Any, z: Any) -> None:
    """Add scaled numbers to currents."""
    for i in range(len(here)):
        here[i] += std * real(z[i])


def add_gaussian(sources: Any, inputs: Any, scratch: Any, tick: int, trial: int) -> None:
    """Draw the currents of one tick for all sources of noise into a shard.

    Parameters
    ----------
    inputs : real[n_rows * n_slots]
        accumulators and, in the last row, injected currents, which are set
    scratch : Scratch
    """
    u, counters, z = scratch.words, scratch.counters, scratch.normals
    for r in range(sources.source.shape[0]):
        source, base, slot, neuron, count, again = sources.source[r]
        std = sources.std[r]
        for block in range(neuron // BLOCK, (neuron + count - 1) // BLOCK + 1):
            draw(u, counters, STREAM_NOISE, source, block * GROUP, tick, trial, sources.key)
            normals(u, z, scratch.bits, sources.table)
            lo = block * BLOCK - neuron  # where the block's first neuron is in the shard
            skip, n = max(-lo, 0), min(count - lo, BLOCK)
            here = inputs[base + lo + skip : base + lo + n]
            if not again:
                steady = sources.steady[slot + lo + skip : slot + lo + n]
                for i in range(len(here)):
                    here[i] = steady[i]
            add(here, std, z[skip:n])
