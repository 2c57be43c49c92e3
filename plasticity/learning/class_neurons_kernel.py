r"""Class neurons learn by dopamine what the spikes of pools mean, one window after another.

.. math::
    v_k = b_k + \sum_j w_{jk} x_j, \quad p = \operatorname{softmax}(v), \quad
    L_k = L_0 + a\,([k = label] - p_k), \quad \Delta w_{jk} = \eta\, g(L_k)\, x_j

with :math:`x_j` what pool j answers in the window, and the bias a synapse whose input is 1. Dopamine has a level for
each class, g is the receptor's curve. A kernel of its own, and not a network's trials: what reaches the class neurons
is known when the window is over, and then costs a row of the synapses of each pool that answered; and a patch's
contrast is normalised, which no projection of a network does. A kernel template, see :mod:`.templates`; ``curve`` is
the receptor's.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..modulation.receptor import D1D2 as curve  # the receptor whose curve takes its place


@njit(nogil=True, error_model="numpy")
def potentials(x, gain, weights, bias, v, active, value):
    """Fill ``v`` with what one window's answers make of the class neurons; returns how many pools answered.

    Synapses of a pool lie side by side, and pools come in their order: no sum depends on other windows. What answered
    is kept in ``active`` and ``value``.
    """
    n = 0
    for j in range(len(x)):
        if x[j] > 0:
            active[n], value[n] = j, gain * x[j]
            n += 1
    v[:] = bias
    for i in range(n):
        row, a = weights[active[i]], value[i]
        for k in range(len(v)):
            v[k] += a * row[k]
    return n


@njit(nogil=True, error_model="numpy")
def first_best(v, n_classes):
    """Class of the highest potential, of several the first."""
    best = 0
    for k in range(1, n_classes):
        if v[k] > v[best]:
            best = k
    return best


@njit(nogil=True, error_model="numpy")
def learn(answers, labels, gain, n_classes, weights, bias, rate, level, receptor, sums):
    """Learn windows in their order; returns the right answers, and the pools that answered.

    Parameters
    ----------
    answers : uint8 (windows, pools)
    labels : int64 (windows,)
    gain : float32, x of an answer of 1
    weights : float32 (pools, width), bias : float32 (width,); width is a multiple of 16 and at least ``n_classes``
    rate : float, eta
    level : (float, float), L_0 and a
    receptor : constants of its curve
    sums : float64 (2, n_classes), to which levels and their squares are added
    """
    n_pools, width = weights.shape
    v, step = np.zeros(width, np.float32), np.zeros(width, np.float32)
    active, value = np.zeros(n_pools, np.int64), np.zeros(n_pools, np.float32)
    right, total = 0, 0
    for s in range(len(answers)):
        n = potentials(answers[s], gain, weights, bias, v, active, value)
        total += n
        best = first_best(v, n_classes)
        right += best == labels[s]
        most, whole = np.float64(v[best]), 0.0
        for k in range(n_classes):
            whole += math.exp(v[k] - most)
        for k in range(n_classes):
            expected = 1.0 if k == labels[s] else 0.0
            now = level[0] + level[1] * (expected - math.exp(v[k] - most) / whole)
            sums[0, k] += now
            sums[1, k] += now * now
            step[k] = rate * curve(now, receptor[0], receptor[1], receptor[2])
        for i in range(n):
            row, a = weights[active[i]], value[i]
            for k in range(width):
                row[k] += a * step[k]
        for k in range(width):
            bias[k] += step[k]
    return right, total


@njit(nogil=True, error_model="numpy")
def predict(answers, gain, n_classes, weights, bias, found):
    """Fill ``found``, int64 (windows,), with the class neuron of the highest potential in each window."""
    n_pools, width = weights.shape
    v = np.zeros(width, np.float32)
    active, value = np.zeros(n_pools, np.int64), np.zeros(n_pools, np.float32)
    for s in range(len(answers)):
        potentials(answers[s], gain, weights, bias, v, active, value)
        found[s] = first_best(v, n_classes)
