r"""Learn at the end of a window from what the tick engine recorded: potentials of neurons, and spikes that arrived.

With :math:`a_{jt}` the credit of neuron j in tick t of its window, see :mod:`.credit_kernel`, a synapse from i to j
with delay d gets

.. math:: \Delta w_{ij} = \sum_{t \in \text{spikes of } i} a_{j, t + d}

that is one addition for each spike that arrives within the window. The sum runs over (trial, tick) in this order
within one row of synapses, which belongs to one thread: results do not depend on how many there are.

A kernel template, as :mod:`.credit_kernel` is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.neurons.discrete import State
from tegmentum.simcore.neurons.discrete import fired as output

from ..rules.optimiser import StepConstants
from ..rules.optimiser import adam as optimiser_step
from .credit_kernel import credit, silence


@njit(nogil=True)
def list_spikes(events, n_trials, n_ticks, n_channels, trial, tick, channel):
    """Turn what the encoder lists, a base and deviations from it, into spikes by (trial, tick, channel)."""
    on = np.zeros(n_channels + 1, np.uint8)
    n = 0
    for b in range(n_trials):
        base = range(events.base_start[b], events.base_start[b] + events.base_count[b])
        for t in range(n_ticks):
            slot = b * n_ticks + t
            on[:] = 0
            for k in base:
                on[events.index[k]] = 1
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                on[events.index[k]] = events.value[k] > 0
            for i in range(n_channels):
                if on[i]:
                    trial[n], tick[n], channel[n] = b, t, i
                    n += 1


@njit(nogil=True, error_model="numpy")
def credit_trials(
    potential, first, last, onset, labels, gains, error_scale, every_tick, constants, rule, grad
):
    """Fill ``grad[trial, t]`` with a_t, t = 1 ... T, for trials ``first`` to ``last``.

    Parameters
    ----------
    potential : float32 (n_trials, n_samples, n_neurons)
        at ticks 1, 2, ...
    onset : int
        first tick of the window
    gains : float32 (n_classes, n_neurons), if ``error_scale`` is 0
    grad : float32 (n_trials, T + 1, n_neurons)
    """
    n_ticks, width = grad.shape[1] - 1, grad.shape[2]
    zero = np.float32(0.0)
    v, out = np.zeros((n_ticks + 1, width), np.float32), np.zeros((n_ticks + 1, width), np.float32)
    signal = np.zeros((2, width), np.float32)
    later, total, rate = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
    backwards = np.arange(n_ticks, 0, -1)
    scale = np.float32(1.0) / np.float32(n_ticks)
    for b in range(first, last):
        rate[:] = zero
        for t in range(1, n_ticks + 1):
            for j in range(width):
                v[t, j] = potential[b, onset + t - 2, j]
                out[t, j] = output(State(v[t, j], zero), constants)
                rate[j] += out[t, j]
        for j in range(width):
            if error_scale != zero:
                expected = np.float32(1.0) if labels[b] == j else zero
                signal[0, j] = error_scale * (rate[j] * scale - expected)
            else:
                signal[0, j] = gains[labels[b], j]
        dawn = credit(v, out, signal, every_tick, constants, rule, backwards, later, total, grad[b], 0)
        silence(grad[b], 1, dawn)


@njit(nogil=True, error_model="numpy")
def learn_rows(first, last, spikes, rows, onset, grad, weight, first_moment, second_moment, steps):
    """Sum the gradients of the synapses of pre neurons ``first`` to ``last``, and step them.

    Parameters
    ----------
    spikes : (begin, trial, tick)
        of each pre neuron, by (trial, tick); ``begin`` has one entry more than there are neurons
    rows : (begin, post, delay)
        of each pre neuron's synapses
    grad : float32 (n_trials, T + 1, n_neurons)
    steps : float32 (6,), the StepConstants
    """
    spike_begin, trial, tick = spikes
    row_begin, post, delay = rows
    n_ticks = grad.shape[1] - 1
    step = StepConstants(steps[0], steps[1], steps[2], steps[3], steps[4], steps[5])
    g = np.zeros(row_begin[last] - row_begin[first], np.float32)
    for i in range(first, last):
        begin, end = row_begin[i], row_begin[i + 1]
        at = row_begin[first]
        for k in range(spike_begin[i], spike_begin[i + 1]):
            now, since = grad[trial[k]], tick[k] - onset + 1
            for s in range(begin, end):
                t = since + delay[s]
                if 1 <= t <= n_ticks:
                    g[s - at] += now[t, post[s]]
        for s in range(begin, end):
            weight[s], first_moment[s], second_moment[s] = optimiser_step(
                weight[s], first_moment[s], second_moment[s], g[s - at], step
            )
