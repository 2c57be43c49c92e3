"""Advance one block of a layer over a whole window of ticks.

A feed-forward network needs no clock that all its populations share: once the input of a layer is known for the
whole window, each neuron can be advanced through it alone. So the loop runs block by block (64 neurons, whose rows
of weights stay in the second-level cache), then trial by trial, then tick by tick.

A kernel template: :mod:`.templates` puts the functions of the network's own model in the place of ``DiscreteLIF``'s.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.intrinsics.dense import sum_outputs
from tegmentum.simcore.intrinsics.rowsum import sum_base, sum_tick
from tegmentum.simcore.neurons.discrete import State, flow, receive
from tegmentum.simcore.neurons.discrete import fired as output


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def follow(t, row, constants, state, current, v, out):
    """Potential and output in tick ``t`` under ``current[row]``; arrays as of :func:`advance`.

    The state is carried in an array of its own instead of being read from the row before: LLVM vectorises the loop only
    if no array is both read and written at different rows.
    """
    for j in range(current.shape[1]):
        s = flow(State(state[1, j], state[2, j]), constants, np.float32(0.0))
        s = receive(s, constants, current[row, j])
        y = output(s, constants)
        state[1, j] = s.v
        state[2, j] = y
        v[t + 1, j] = s.v
        out[t + 1, j] = y


@njit(nogil=True, forceinline=True, _nrt=False)
def rest(state):
    """Begin a window: potential 0, no output."""
    for j in range(state.shape[1]):
        state[1, j] = np.float32(0.0)
        state[2, j] = np.float32(0.0)


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def advance_from(table, events, trial, n_ticks, constants, state, current, v, out):
    """Do what :func:`advance` does, under an input ``state[0]`` at every tick besides.

    Neurons follow tick by tick: while each waits for its own last tick, the rows of the next tick are on their way.
    """
    rest(state)
    sum_base(state, state, table, events, trial)
    for t in range(n_ticks):
        sum_tick(current, state, table, events, trial * n_ticks + t)
        follow(t, 0, constants, state, current, v, out)


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def advance_dense(weights, bias, outputs, first, n_ticks, constants, state, current, v, out):
    """Do what :func:`advance` does for few neurons, by what the layer before kept.

    Parameters
    ----------
    weights : float32 (n_neurons rounded up to 4, n_before)
        a row for each neuron
    bias : float32 (width,)
    outputs, first
        as of :func:`.sum_outputs`
    """
    rest(state)
    sum_outputs(current, weights, outputs, first)
    for t in range(n_ticks):
        for j in range(current.shape[1]):
            current[t, j] += bias[j]
        follow(t, t, constants, state, current, v, out)


@njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def advance(table, events, trial, n_ticks, constants, state, current, v, out):
    """Potential and output of one block of neurons in one trial.

    Parameters
    ----------
    table : float32 (n_rows, width), C-contiguous
        incoming weights, a row for each presynaptic neuron, the bias last
    events : WindowEvents
    state, current : float32 (3, width) and (n_ticks, width)
        scratch: the current of the base, potential and output of the last tick; currents
    v, out : float32 (n_ticks + 1, width)
        filled; row 0 is the state before the window, which is 0
    """
    for j in range(table.shape[1]):
        state[0, j] = np.float32(0.0)
    advance_from(table, events, trial, n_ticks, constants, state, current, v, out)
