r"""Kernels of the class-continual networks: gated, with logistic currents, a batch at a time.

.. math::
    I_t = \sigma(W x_t), \quad V_t = \rho V_{t-1} (1 - S_{t-1}) + I_t, \quad S_t = g\,[V_t > \theta]

with a gate g on each neuron's output. Backwards, :math:`a_t = \partial L / \partial V_t` and
:math:`\delta_t = [V_t > \theta - \ell] - S_{t-1}`,

.. math::
    a_t = (s_t - \rho V_t a_{t+1})\, g\, \delta_t + \rho (1 - S_t)\, a_{t+1}, \qquad
    \Delta W = \sum_t a_t\, \sigma'(W x_t)\, x_t^\top

Two things differ from :mod:`.credit_kernel`, so these networks have kernels of their own: credit needs the slope of
the current, and a batch is worth computing only for the few neurons (of a thousand, ten) whose gate is open. What
reaches the layer, and the sum over it, are shared: :mod:`tegmentum.simcore.advance.windows.events_kernel`, ``rowsum``.

A kernel template, see :mod:`tegmentum.simcore.compile.templates`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.intrinsics.rowsum import add_rows

#: Numba counts references to every slice of an array by atomic increments, 20 cycles each: up to two thirds of the time
#: of a loop that takes slices of few elements. Such a kernel makes no arrays but is given scratch, and copies none
#: (``a[:] = b``). The kernels of a learner's layers take slices too rarely to gain.
kernel = njit(nogil=True, error_model="numpy", _nrt=False)


@njit(nogil=True, error_model="numpy", inline="always")
def logistic(x):
    """1 / (1 + exp(-x)), with exp(z) = exp(z / 256)^256 by Taylor: unlike math.exp, LLVM makes vectors of it.

    Relative error of the exponential 2e-9; beyond +-40 the result is that at +-40.
    """
    z = np.float64(x)
    z = 40.0 if z > 40.0 else z
    z = -40.0 if z < -40.0 else z
    z *= -1.0 / 256.0
    e = 1.0 + z * (1.0 + z * (1 / 2 + z * (1 / 6 + z * (1 / 24 + z * (1 / 120 + z * (1 / 720 + z / 5040))))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return np.float32(1.0 / (1.0 + e))


@kernel
def advance_hidden(table, events, first, last, n_ticks, gate, rho, theta, column, scratch, v, s):
    """Potential and gated output of one block of hidden neurons in trials ``first`` to ``last``.

    Parameters
    ----------
    table : float32 (n_inputs + 1, width), the last row 0: there is no bias
    gate : float32 (n_trials or 1, width)
    scratch : float32 (4, width)
    v, s : float32 (n_trials, n_ticks + 1, n_columns), tick 0 is the state before the window, 0
    """
    width = table.shape[1]
    zero, one = np.float32(0.0), np.float32(1.0)
    base, current, v_now, s_now = scratch[0], scratch[1], scratch[2], scratch[3]
    for b in range(first, last):
        g = gate[b if gate.shape[0] > 1 else 0]
        for j in range(width):
            base[j] = zero
            v_now[j] = zero
            s_now[j] = zero
        add_rows(base, table, events.index, events.value, events.base_start[b], events.base_count[b])
        for t in range(n_ticks):
            slot = b * n_ticks + t
            for j in range(width):
                current[j] = base[j]
            add_rows(current, table, events.index, events.value, events.start[slot], events.count[slot])
            v_keep, s_keep = v[b, t + 1, column : column + width], s[b, t + 1, column : column + width]
            for j in range(width):
                u = rho * v_now[j] * (one - s_now[j]) + logistic(current[j])
                v_now[j] = u
                s_now[j] = g[j] if u > theta else zero
            for j in range(width):
                v_keep[j] = v_now[j]
                s_keep[j] = s_now[j]


@kernel
def advance_output(table, bias, s, first, last, rho, theta, scratch, v_out, s_out, rates):
    """Advance the output layer, ungated: ``table`` float32 (n_columns, width), ``s`` as above; rates (n_trials, width).

    ``scratch`` is float32 (2, width). Returns the events: non-zero outputs of hidden neurons.
    """
    n_ticks, n, width = s.shape[1] - 1, s.shape[2], table.shape[1]
    zero, one = np.float32(0.0), np.float32(1.0)
    current, rate = scratch[0], scratch[1]
    events = 0
    for b in range(first, last):
        rate[:] = zero
        for t in range(n_ticks):
            now = s[b, t + 1]
            for c in range(width):
                current[c] = bias[c]
            for j in range(n):
                x = now[j]
                if x != zero:
                    events += 1
                    w = table[j]
                    for c in range(width):
                        current[c] += x * w[c]
            for c in range(width):
                u = rho * v_out[b, t, c] * (one - s_out[b, t, c]) + logistic(current[c])
                fired = one if u > theta else zero
                v_out[b, t + 1, c] = u
                s_out[b, t + 1, c] = fired
                rate[c] += fired
        for c in range(width):
            rates[b, c] = rate[c] / np.float32(n_ticks)
    return events


@kernel
def credit_output(v, s, signal, every_tick, rho, level, first, last, credit):
    """Fill ``credit`` float32 (n_trials, n_ticks, width) with dL/dI of the output layer for ``signal`` = dL/dS."""
    n_ticks, width = v.shape[1] - 1, v.shape[2]
    one, zero = np.float32(1.0), np.float32(0.0)
    for b in range(first, last):
        for c in range(width):
            later = zero
            for t in range(n_ticks, 0, -1):
                seed = signal[b, c] if every_tick or t == n_ticks else zero
                delta = (one if v[b, t, c] > level else zero) - s[b, t - 1, c]
                later = (seed - rho * v[b, t, c] * later) * delta + rho * (one - s[b, t, c]) * later
                i = v[b, t, c] - rho * v[b, t - 1, c] * (one - s[b, t - 1, c])
                credit[b, t - 1, c] = later * i * (one - i)


@kernel
def gradient_output(s, credit, first, last, gradient):
    """Sum ``gradient[j] = sum over trials and ticks of s_j * credit`` for hidden neurons ``first`` to ``last``."""
    n_trials, n_ticks, width = credit.shape
    zero = np.float32(0.0)
    for j in range(first, last):
        for c in range(width):
            gradient[j, c] = zero
    for b in range(n_trials):
        for t in range(n_ticks):
            a, now = credit[b, t], s[b, t + 1]
            for j in range(first, last):
                x = now[j]
                if x != zero:
                    sums = gradient[j]
                    for c in range(width):
                        sums[c] += x * a[c]


@kernel
def credit_hidden(v, s, gate, signal, credit, table_t, rho, level, column, scratch, grad, rows, gradient):
    """Gradient of one block of hidden neurons.

    Parameters
    ----------
    signal : float32 (n_trials, n_columns)
        dL/dS at the last tick: the gain of the expected class, if ``table_t`` is empty
    credit, table_t : float32 (n_trials, n_ticks, n_classes_padded), (n_classes_padded or 0, n_columns)
        otherwise dL/dI of the output layer and its weights, transposed: credit that arrives at every tick
    scratch, grad : float32 (3, width), (n_trials * (n_ticks + 1), width)
        room to work in
    rows : RowIndex of the batch
    gradient : float32 (n_inputs, width), filled
    """
    n_trials, n_ticks, width = v.shape[0], v.shape[1] - 1, gradient.shape[1]
    zero, one = np.float32(0.0), np.float32(1.0)
    later, total, seed = scratch[0], scratch[1], scratch[2]
    for b in range(n_trials):
        g = gate[b if gate.shape[0] > 1 else 0]
        slot = b * (n_ticks + 1)
        for j in range(width):
            later[j] = zero
            total[j] = zero
        for t in range(n_ticks, 0, -1):
            for j in range(width):
                seed[j] = zero
            if table_t.shape[0]:
                for c in range(table_t.shape[0]):
                    a = credit[b, t - 1, c]
                    if a != zero:
                        w = table_t[c, column : column + width]
                        for j in range(width):
                            seed[j] += a * w[j]
            elif t == n_ticks:
                for j in range(width):
                    seed[j] = signal[b, column + j]
            keep = grad[slot + t]
            v_now, v_before = v[b, t, column : column + width], v[b, t - 1, column : column + width]
            s_now, s_before = s[b, t, column : column + width], s[b, t - 1, column : column + width]
            for j in range(width):
                delta = (one if v_now[j] > level else zero) - s_before[j]
                a = (seed[j] - rho * v_now[j] * later[j]) * g[j] * delta + rho * (one - s_now[j]) * later[j]
                i = v_now[j] - rho * v_before[j] * (one - s_before[j])
                later[j] = a
                now = a * i * (one - i)
                keep[j] = now
                total[j] += now
        for j in range(width):
            grad[slot, j] = total[j]
    for i in range(gradient.shape[0]):
        sums = gradient[i]
        for j in range(width):
            sums[j] = zero
        add_rows(sums, grad, rows.slot, rows.value, rows.start[i], rows.start[i + 1] - rows.start[i])
