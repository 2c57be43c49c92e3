r"""Learn from the output's error: advance a layer through a batch, and credit it when the output is known.

:mod:`.credit_kernel` credits each trial as soon as its layer has been advanced, because no hidden layer needs the
layers after it. Where the level of a neuromodulator depends on what the network itself expected, the window has to end
for the output first. So potentials and outputs of a batch are kept, and

.. math:: M_j = \sum_k (\hat y_k - p_k)\, \Phi(\nu_{kj})

is the signal, with the expected class :math:`\hat y` as one-hot and the network's own expectation p. With p = 0 it is
NACA's. A neuron's own rate may add to the signal, :math:`h\, (r_j - r^*)`.

A kernel template, as :mod:`.credit_kernel` is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.advance.windows.advance_kernel import advance, advance_from
from tegmentum.simcore.neurons.discrete import State, leak_path, reset_path

from ..rules.optimiser import StepConstants
from ..rules.surrogate import state_difference as local_factor
from .credit_kernel import apply_columns, apply_rows, credit, silence


@njit(nogil=True)
def join(given, given_row, n_given, spikes, sources, n_rows, first, last, events):
    """List what reaches a layer on which several projections converge, a row for each of all pre neurons.

    Parameters
    ----------
    given : WindowEvents
        of the network's input, whose channels take rows from ``given_row`` on; none of it if that is negative
    spikes : uint8 (n_trials, n_ticks, >= all neurons)
    sources : int64 (n_sources, 3)
        first column in ``spikes``, number of neurons and first row of each population
    n_rows : the row of the bias
    """
    n_ticks, one = spikes.shape[1], np.float32(1.0)
    for b in range(first, last):
        at = b * ((n_rows + 1) * (n_ticks + 1) + 1)
        n, total = at, 0
        if given_row >= 0:
            total += given.spikes[b]
            for k in range(given.base_start[b], given.base_start[b] + given.base_count[b]):
                if given.index[k] < n_given:
                    events.index[n] = given.index[k] + given_row
                    events.value[n] = given.value[k]
                    n += 1
        events.index[n], events.value[n] = n_rows, one
        events.base_start[b], events.base_count[b] = at, n + 1 - at
        for t in range(n_ticks):
            slot = b * n_ticks + t
            begin = at + (1 + t) * (n_rows + 1)
            n = begin
            if given_row >= 0:
                for k in range(given.start[slot], given.start[slot] + given.count[slot]):
                    events.index[n] = given.index[k] + given_row
                    events.value[n] = given.value[k]
                    n += 1
            of_input = n
            fired = spikes[b, t]
            for s in range(len(sources)):
                column, row = sources[s, 0], sources[s, 2]
                for i in range(sources[s, 1]):
                    events.index[n] = row + i
                    events.value[n] = one  # one entry more than counts, as everywhere
                    n += fired[column + i]
            events.start[slot], events.count[slot] = begin, n - begin
            total += n - of_input
        events.spikes[b] = total


@njit(nogil=True, error_model="numpy")
def advance_driven(table, events, trial, n_ticks, constants, state, current, drive, v, out):
    """Do what ``advance`` does under an input (width,) that is the same at every tick."""
    for j in range(table.shape[1]):
        state[0, j] = drive[j]
    advance_from(table, events, trial, n_ticks, constants, state, current, v, out)


@njit(nogil=True, error_model="numpy")
def advance_block(table, events, column, n_trials, n_ticks, constants, drive, keep, v, out, spikes, rates):
    """Advance one block of a layer through ``n_trials`` trials.

    Parameters
    ----------
    drive : float32 (n_trials, n_padded), or (0, n_padded) for none
        what the expectation adds to the input at every tick
    keep : whether every trial has a place of its own in ``v`` and ``out``; otherwise all use the first
    v, out : float32 (n_trials or 1, n_ticks + 1, width), filled
    spikes : (n_trials, n_ticks, >= n_padded), columns of this layer, filled
    rates : float32 (n_trials, n_padded), filled with the mean output over the window
    """
    width = table.shape[1]
    state, current = np.zeros((3, width), np.float32), np.zeros((n_ticks, width), np.float32)
    rate = np.zeros(width, np.float32)
    scale = np.float32(1.0) / np.float32(n_ticks)
    for b in range(n_trials):
        place = b if keep else 0
        if len(drive) > 0:
            own = drive[b, column : column + width]
            advance_driven(table, events, b, n_ticks, constants, state, current, own, v[place], out[place])
        else:
            advance(table, events, b, n_ticks, constants, state, current, v[place], out[place])
        for j in range(width):
            rate[j] = np.float32(0.0)
        for t in range(n_ticks):
            out_now, kept = out[place, t + 1], spikes[b, t, column : column + width]
            for j in range(width):
                rate[j] += out_now[j]
                kept[j] = out_now[j]
        mean = rates[b, column : column + width]
        for j in range(width):
            mean[j] = rate[j] * scale


@njit(nogil=True, error_model="numpy")
def send_back(grad, column, n_neurons, weights, first, last, n_ticks, sent):
    """Add to what reaches the neurons before: their weights times the credit of one block of neurons after them.

    Parameters
    ----------
    grad : float32 (n_trials * (n_ticks + 1), width)
        credit of the block whose first neuron is ``column``
    weights : float32 (n_post, n_pre)
    sent : float32 (n_trials, n_ticks, >= n_pre), of trials ``first`` to ``last`` alone
    """
    for b in range(first, last):
        for t in range(n_ticks):
            credit_now, into = grad[b * (n_ticks + 1) + 1 + t], sent[b, t]
            for j in range(n_neurons):
                a = credit_now[j]
                if a != np.float32(0.0):
                    w = weights[column + j]
                    for i in range(len(w)):
                        into[i] += a * w[i]


@njit(nogil=True, error_model="numpy")
def credit_sent(v, out, sent, c, rule, backwards, later, total, grad, slot):
    """Do what ``credit`` does for a signal that differs from tick to tick, ``sent`` (n_ticks, width)."""
    for j in range(v.shape[1]):
        later[j] = np.float32(0.0)
        total[j] = np.float32(0.0)
    for t in backwards:
        seed, now, v_now, out_now, out_before = sent[t - 1], grad[slot + t], v[t], out[t], out[t - 1]
        for j in range(v.shape[1]):
            s = State(v_now[j], out_now[j])
            delta = local_factor(v_now[j], out_now[j], out_before[j], rule)
            a = (seed[j] + later[j] * reset_path(s, c)) * delta + later[j] * leak_path(s, c)
            later[j] = a
            total[j] += a
            now[j] = a
    grad[slot] = total


@njit(nogil=True, error_model="numpy")
def credit_block(
    column, n_neurons, error, gains, error_scale, every_tick, pull, target, kappa, sent, constants, rule, n_trials,
    n_ticks, v, out, rates, grad,
):  # fmt: skip
    """Credit one block of a layer for a batch that :func:`advance_block` has kept.

    Parameters
    ----------
    column : int
        first neuron of the block; ``n_neurons`` of them are real, the rest padding
    error : float32 (n_trials, n_classes)
        what was expected less what the network expected itself
    gains : float32 (n_classes, n_padded)
        the signal is ``error @ gains`` if ``error_scale`` is 0
    error_scale : float
        otherwise it is ``error_scale * (rate - expected)``; ``error`` holds what was expected alone
    pull, target : float
        what a neuron's own rate adds to its signal is ``pull * (rate - target)``
    kappa : float
        share of this signal; the rest is ``sent``, if that has as many trials
    sent : float32 (n_trials or 1, n_ticks, n_padded)
        what later layers sent back
    grad : float32 (n_trials * (n_ticks + 1), width), filled
        credit at the ticks of each trial, after their sum
    """
    width = v.shape[2]
    zero = np.float32(0.0)
    row = np.zeros((2, width), np.float32)
    signal = np.zeros((2, width), np.float32)
    both = np.zeros((n_ticks, width), np.float32)
    backwards = np.arange(n_ticks, 0, -1)
    for b in range(n_trials):
        if error_scale != zero:
            for j in range(n_neurons):
                signal[0, j] = error_scale * (rates[b, column + j] - error[b, column + j])
        else:
            for j in range(n_neurons):
                signal[0, j] = zero
            for k in range(error.shape[1]):
                for j in range(n_neurons):
                    signal[0, j] += error[b, k] * gains[k, column + j]
            for j in range(n_neurons):
                signal[0, j] += pull * (rates[b, column + j] - target)
        slot = b * (n_ticks + 1)
        if len(sent) == n_trials and kappa < np.float32(1.0):
            for t in range(n_ticks):
                for j in range(n_neurons):
                    both[t, j] = (np.float32(1.0) - kappa) * sent[b, t, column + j]
                    if every_tick or t == n_ticks - 1:
                        both[t, j] += kappa * signal[0, j]
            credit_sent(v[b], out[b], both, constants, rule, backwards, row[0], row[1], grad, slot)
        else:
            dawn = credit(
                v[b], out[b], signal, every_tick, constants, rule, backwards, row[0], row[1], grad, slot
            )
            silence(grad, slot + 1, slot + dawn)


@njit(nogil=True, error_model="numpy")
def step_block(
    table, first_moment, second_moment, seen, n_neurons, events, before, rows, steps, n_trials, n_ticks, grad
):
    """Step the weights of one block by the credit of a batch."""
    step = StepConstants(steps[0], steps[1], steps[2], steps[3], steps[4], steps[5])
    n_rows, width = table.shape
    if width < 64:
        x = np.zeros(n_rows + 16, np.float32)
        gt = np.zeros((n_neurons, n_rows), np.float32)
        apply_columns(
            table,
            first_moment,
            second_moment,
            n_neurons,
            events,
            before,
            0,
            n_trials,
            n_ticks,
            grad,
            x,
            gt,
            step,
        )
    else:
        apply_rows(
            table, first_moment, second_moment, seen, rows, 0, grad, np.zeros((2, width), np.float32), step
        )
