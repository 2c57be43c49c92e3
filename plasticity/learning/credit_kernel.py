r"""Learn at the end of a window: credit synapses for what their neuron did, and take one step of the optimiser.

With :math:`a_t = \partial L / \partial V_t` of a neuron and :math:`x_t` its input,

.. math::
    a_t = \Bigl(s_t + a_{t+1} \frac{\partial V_{t+1}}{\partial S_t}\Bigr) \delta_t
          + a_{t+1} \frac{\partial V_{t+1}}{\partial V_t},
    \qquad \Delta W = \sum_t a_t x_t^\top

where :math:`\delta_t` is the rule's local factor and :math:`s_t` the signal that reaches the neuron: the gain of its
subpopulation's neuromodulator at the last tick, or the output error. The sum runs over the events of each row, so a
synapse that saw no spike costs nothing. Every block of neurons owns its incoming synapses: no other thread reads or
writes them, and results do not depend on how many threads there are.

A kernel template: :mod:`tegmentum.simcore.compile.templates` puts the network's own model, rule and optimiser in
the place of those imported here.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.advance.windows.advance_kernel import advance, advance_dense
from tegmentum.simcore.intrinsics.bits import get_outputs, put_outputs
from tegmentum.simcore.intrinsics.rowsum import sum_rows
from tegmentum.simcore.lower.window_arrays import RowIndex
from tegmentum.simcore.neurons.discrete import State, leak_path, reset_path

from ..rules.optimiser import StepConstants
from ..rules.optimiser import adam as optimiser_step
from ..rules.surrogate import state_difference as local_factor

#: Share of a signal below which what is carried back counts as nothing. 2^-24, the last place of float32, would not do:
#: Adam divides a gradient by its own size, and a synapse whose spikes all came early would feel the difference.
FADED = np.float32(2.0**-32)


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def credit(v, out, signal, every_tick, c, rule, backwards, later, total, grad, slot):
    """Fill rows ``slot + t`` of ``grad`` with a_t, t = first ... T, and row ``slot`` with their sum; returns ``first``.

    Before tick ``first`` no neuron has credit, and rows are not filled: credit that came with the last tick is carried
    back through resets, each of which leaves a tenth of it or less to a silent neuron, and has FADED after some nine.

    ``signal`` (2, width) has a second row of zeros for the ticks at which no signal comes. ``later`` and ``total`` are
    scratch, kept apart from ``grad``, and the ticks T ... 1 are read from ``backwards``: LLVM tests for overlap once,
    over all ticks, where it can, and falls back to a scalar loop if rows of one array are read and written or if
    addresses descend. Vectorised, the loop takes 0.3 instead of 1.2 ns.
    """
    n_ticks, width = v.shape[0] - 1, v.shape[1]
    zero = np.float32(0.0)
    first = 1
    for j in range(width):
        later[j] = zero
        total[j] = zero
    for t in backwards:
        seed = 0 if every_tick or t == n_ticks else 1
        faded = FADED if seed == 1 else zero
        alive = False
        for j in range(width):
            s = State(v[t, j], out[t, j])
            delta = local_factor(v[t, j], out[t, j], out[t - 1, j], rule)
            a = (signal[seed, j] + later[j] * reset_path(s, c)) * delta + later[j] * leak_path(s, c)
            a = zero if abs(a) <= faded * abs(signal[0, j]) else a
            alive |= a != zero
            later[j] = a
            total[j] += a
            grad[slot + t, j] = a
        if not (alive or every_tick):
            first = t + 1
            break
    for j in range(width):
        grad[slot, j] = total[j]
    return first


@njit(nogil=True, forceinline=True, _nrt=False)
def silence(grad, first, last):
    """Clear rows ``first`` to ``last``."""
    for slot in range(first, last):
        for j in range(grad.shape[1]):
            grad[slot, j] = np.float32(0.0)


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def step_row(table, first_moment, second_moment, i, g, step):
    """Step row ``i`` by its gradient."""
    for j in range(table.shape[1]):
        table[i, j], first_moment[i, j], second_moment[i, j] = optimiser_step(
            table[i, j], first_moment[i, j], second_moment[i, j], g[j], step
        )


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def apply_rows(table, first_moment, second_moment, seen, rows, tick, grad, g, step):
    """Sum the gradient of each row over its events from ``tick`` on, and step it: for wide blocks.

    ``g`` (2, width) holds the gradients of two rows: one is stepped, which divides, while the next is summed and loads.
    """
    before, now = -1, 0
    for i in range(table.shape[0]):
        n = rows.end[tick, i] - rows.start[i]
        if n == 0 and not seen[i]:
            continue
        seen[i] = True
        sum_rows(g[now], grad, rows.slot, rows.value, rows.start[i], n)
        now = 1 - now
        if before >= 0:
            step_row(table, first_moment, second_moment, before, g[now], step)
        before = i
    if before >= 0:
        step_row(table, first_moment, second_moment, before, g[1 - now], step)


@njit(nogil=True)
def collect(events, trial, slot, x):
    """Fill x with the whole input of one tick: what was expected, and the deviations from it."""
    x[:] = np.float32(0.0)
    for k in range(events.base_start[trial], events.base_start[trial] + events.base_count[trial]):
        x[events.index[k]] += events.value[k]
    for k in range(events.start[slot], events.start[slot] + events.count[slot]):
        x[events.index[k]] += events.value[k]


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def apply_columns(
    table, first_moment, second_moment, n_neurons, events, before, first, n_trials, n_ticks, grad, x, gt, step
):
    """Sum the gradient neuron by neuron over the ticks at which it has credit, and step it: for narrow layers."""
    last = table.shape[0] - 1
    zero = np.float32(0.0)
    gt[:] = zero
    for b in range(n_trials):
        trial = first + b
        for t in range(n_ticks):
            slot = b * (n_ticks + 1) + 1 + t
            alive = 0
            for j in range(n_neurons):
                alive |= grad[slot, j] != zero
            if alive == 0:
                continue
            if before.size > 1:
                n_all = before.shape[2] * (1 if before.itemsize > 1 else 8)
                get_outputs(before, (trial * n_ticks + t) * n_all, last, x)
                x[last] = np.float32(1.0)
            else:
                collect(events, trial, trial * n_ticks + t, x)
            for j in range(n_neurons):
                a = grad[slot, j]
                if a != zero:
                    for i in range(last + 1):
                        gt[j, i] += a * x[i]
    for i in range(table.shape[0]):
        for j in range(n_neurons):
            table[i, j], first_moment[i, j], second_moment[i, j] = optimiser_step(
                table[i, j], first_moment[i, j], second_moment[i, j], gt[j, i], step
            )


@njit(nogil=True)
def aligned(n_rows, width):
    """Float32 zeros whose rows start on cache lines: a vector that straddles two lines costs twice."""
    raw = np.zeros(n_rows * width + 16, np.float32)
    skip = (-(raw.ctypes.data // 4)) % 16
    return raw[skip : skip + n_rows * width].reshape((n_rows, width))


@njit(nogil=True, error_model="numpy")
def learn_block(
    table, first_moment, second_moment, seen, column, n_neurons, events, before, rows, labels, gains, error_scale,
    every_tick, learning, steps, constants, rule, n_batches, n_trials, n_ticks, outputs, rates,
):  # fmt: skip
    """Advance one block of a layer through ``n_batches`` batches, learning after each.

    Parameters
    ----------
    table, first_moment, second_moment : float32 (n_rows, width)
        weights of the block and the optimiser's moments
    column : int
        first neuron of the block; ``n_neurons`` of them are real, the rest padding
    before : (n_batches * n_trials, n_ticks, ...)
        the same input as outputs of the layer before, of the shape of ``outputs``; a single number if there is none
    rows : RowIndex whose arrays have a leading axis for the batch
    gains : float32 (n_classes, n_padded)
        the signal at the last tick, if ``error_scale`` is 0: what the neuromodulator makes of the expected class
    error_scale : float
        otherwise the signal is ``error_scale * (rate - expected)``
    steps : float32 (n_batches, 6)
        StepConstants of each batch
    outputs : float32 (n_batches * n_trials, n_ticks, n_padded), or uint8 (..., n_padded / 8), a bit for each; filled
    rates : float32 (n_batches * n_trials, n_padded), filled with the mean output over the window; or none
    """
    width = table.shape[1]
    zero = np.float32(0.0)
    v, out = np.zeros((n_ticks + 1, width), np.float32), np.zeros((n_ticks + 1, width), np.float32)
    state, current, row = aligned(3, width), aligned(n_ticks, width), aligned(2, width)
    later, rate = row[0], row[1]
    signal = np.zeros((2, width), np.float32)
    narrow = width < 64
    n_slots = n_trials * (n_ticks + 1) if learning else 1
    grad = aligned(n_slots, width)
    backwards, first = np.arange(n_ticks, 0, -1), np.zeros(n_trials, np.int64)
    x = np.zeros(table.shape[0] + 16 if narrow else 1, np.float32)
    bits = 1 if outputs.itemsize > 1 else 8
    n_all = outputs.shape[2] * bits  # neurons of the layer
    n_before = before.shape[2] * bits  # of the one before
    dense = narrow and before.size > 1
    weights = aligned((n_neurons + 3) // 4 * 4 if dense else 1, n_before if dense else 1)
    gt = np.zeros((n_neurons if narrow else 1, table.shape[0] if narrow else 1), np.float32)
    scale = np.float32(1.0) / np.float32(n_ticks)
    for k in range(n_batches):
        step = StepConstants(steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3], steps[k, 4], steps[k, 5])
        if dense and (learning or k == 0):
            for i in range(table.shape[0] - 1):
                for j in range(n_neurons):
                    weights[j, i] = table[i, j]
        for b in range(n_trials):
            trial = k * n_trials + b
            if dense:
                advance_dense(
                    weights, table[-1], before, trial * n_ticks * n_before, n_ticks, constants, state, current, v, out
                )  # fmt: skip
            else:
                advance(table, events, trial, n_ticks, constants, state, current, v, out)
            for t in range(n_ticks):
                put_outputs(outputs, (trial * n_ticks + t) * n_all + column, out, t + 1)
            if len(rates) > 0:
                for j in range(width):
                    rate[j] = zero
                for t in range(n_ticks):
                    for j in range(width):
                        rate[j] += out[t + 1, j]
                for j in range(width):
                    rate[j] *= scale
                put_outputs(rates, trial * rates.shape[1] + column, row, 1)
            if learning:
                if error_scale != zero:
                    for j in range(n_neurons):
                        expected = np.float32(1.0) if labels[trial] == column + j else zero
                        signal[0, j] = error_scale * (rates[trial, column + j] - expected)
                else:
                    for j in range(n_neurons):
                        signal[0, j] = gains[labels[trial], column + j]
                slot = b * (n_ticks + 1)
                first[b] = credit(
                    v, out, signal, every_tick, constants, rule, backwards, later, rate, grad, slot
                )
        tick = 1 if narrow or not learning else first.min()
        for b in range(n_trials if learning else 0):
            silence(grad, b * (n_ticks + 1) + tick, b * (n_ticks + 1) + first[b])
        if learning and narrow:
            apply_columns(
                table, first_moment, second_moment, n_neurons, events, before, k * n_trials, n_trials, n_ticks, grad,
                x, gt, step,
            )  # fmt: skip
        elif learning:
            batch_rows = RowIndex(rows.start[k], rows.end[k], rows.slot[k], rows.value[k])
            apply_rows(table, first_moment, second_moment, seen, batch_rows, tick - 1, grad, row, step)


@njit(nogil=True, error_model="numpy")
def learn_blocks(
    blocks, tables, first_moments, second_moments, seen, n_neurons, events, before, rows, labels, gains, error_scale,
    every_tick, learning, steps, constants, rule, n_batches, n_trials, n_ticks, outputs, rates,
):  # fmt: skip
    """Do what :func:`learn_block` does for several blocks of a layer of ``n_neurons``, one after the other.

    A call from Python, whose own data a kernel has driven out of the caches, takes about as long as a sample.
    """
    width = tables.shape[2]
    for block in range(blocks[0], blocks[1]):
        column = block * width
        learn_block(
            tables[block], first_moments[block], second_moments[block], seen[block], column,
            min(width, n_neurons - column), events, before, rows, labels, gains, error_scale, every_tick, learning,
            steps, constants, rule, n_batches, n_trials, n_ticks, outputs, rates,
        )  # fmt: skip
