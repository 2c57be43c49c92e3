"""Advance one block of a layer over a whole window of ticks.

A feed-forward network needs no clock that all its populations share: once the input of a layer is known for the
whole window, each neuron can be advanced through it alone. So the loop runs block by block (64 neurons, whose rows
of weights stay in the second-level cache), then trial by trial, then tick by tick.

A kernel template: :mod:`.templates` puts the functions of the network's own model in the place of ``DiscreteLIF``'s.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .neurons.discrete import State, flow, receive
from .neurons.discrete import fired as output
from .rowsum import add_rows


@njit(nogil=True, cache=True, error_model="numpy")
def advance(table, events, trial, n_ticks, constants, base, current, v, out):  # type: ignore[no-untyped-def]
    """Potential and output of one block of neurons in one trial.

    Parameters
    ----------
    table : float32 (n_rows, width), C-contiguous
        incoming weights, a row for each presynaptic neuron, the bias last
    events : WindowEvents
    base, current : float32 (width,)
        scratch
    v, out : float32 (n_ticks + 1, width)
        filled; row 0 is the state before the window, which is 0
    """
    width = table.shape[1]
    zero = np.float32(0.0)
    for j in range(width):
        base[j] = zero
        v[0, j] = zero
        out[0, j] = zero
    add_rows(base, table, events.index, events.value, events.base_start[trial], events.base_count[trial])
    for t in range(n_ticks):
        slot = trial * n_ticks + t
        for j in range(width):
            current[j] = base[j]
        add_rows(current, table, events.index, events.value, events.start[slot], events.count[slot])
        for j in range(width):
            s = flow(State(v[t, j], out[t, j]), constants, zero)
            s = receive(s, constants, current[j])
            v[t + 1, j] = s.v
            out[t + 1, j] = output(s, constants)
