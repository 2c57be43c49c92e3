"""Advance one block of a layer over a whole window of ticks.

A feed-forward network needs no clock that all its populations share: once the input of a layer is known for the
whole window, each neuron can be advanced through it alone. So the loop runs block by block (64 neurons, whose rows
of weights stay in the second-level cache), then trial by trial, then tick by tick.

A kernel template: :mod:`.templates` puts the functions of the network's own model in the place of ``DiscreteLIF``'s.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tegmentum.simcore.intrinsics.rowsum import add_rows
from tegmentum.simcore.neurons.discrete import State, flow, receive
from tegmentum.simcore.neurons.discrete import fired as output


@njit(nogil=True, error_model="numpy")
def advance(table, events, trial, n_ticks, constants, scratch, v, out):
    """Potential and output of one block of neurons in one trial.

    Parameters
    ----------
    table : float32 (n_rows, width), C-contiguous
        incoming weights, a row for each presynaptic neuron, the bias last
    events : WindowEvents
    scratch : Scratch
    v, out : float32 (n_ticks + 1, width)
        filled; row 0 is the state before the window, which is 0

    Notes
    -----
    The state is carried in arrays of its own instead of being read from the row before: LLVM vectorises the loop only
    if no array is both read and written at different rows.
    """
    width = table.shape[1]
    zero = np.float32(0.0)
    base, current, state_v, state_out = scratch.base, scratch.current, scratch.v, scratch.out
    for j in range(width):
        base[j] = zero
        state_v[j] = zero
        state_out[j] = zero
    add_rows(base, table, events.index, events.value, events.base_start[trial], events.base_count[trial])
    for t in range(n_ticks):
        slot = trial * n_ticks + t
        for j in range(width):
            current[j] = base[j]
        add_rows(current, table, events.index, events.value, events.start[slot], events.count[slot])
        v_now, out_now = v[t + 1], out[t + 1]
        for j in range(width):
            s = flow(State(state_v[j], state_out[j]), constants, zero)
            s = receive(s, constants, current[j])
            y = output(s, constants)
            state_v[j] = s.v
            state_out[j] = y
            v_now[j] = s.v
            out_now[j] = y
