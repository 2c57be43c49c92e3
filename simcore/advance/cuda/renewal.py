"""State with which a model's neurons begin the next trial; the counterpart of :mod:`..ticks.renewal`.

A kernel template: :mod:`.device_modules` writes a copy for each model, in which the imports below are that model's.
"""

from __future__ import annotations

from typing import Any

from numba import cuda

from ..ticks.renewal_binding import anew
from .binding import load, pick, store


def renew(group: Any, start: Any, count: Any, lo: int, hi: int, trial: int, learning: bool) -> None:
    """Put the neurons in the slots ``lo`` to ``hi - 1`` back to ``start``, as their model has it.

    Parameters
    ----------
    start : real[n_fields, 1, n]
        state of one trial
    count : int32[n_trials, n_slots]
        spikes of each neuron in the trial that has ended
    learning : bool
        whether what the model keeps changes; else the next trial begins as this one did
    """
    for p in range(group.part.shape[0]):
        slot, n, first = group.part[p, 1], group.part[p, 2], group.part[p, 4]
        at, end = max(lo, slot) + cuda.threadIdx.x, min(hi, slot + n)
        while at < end:
            i = first + at - slot
            s = load(start, 0, i)
            if learning:
                s = anew(load(group.state, trial, i), s, pick(group, p, i), count[trial, at])
            store(group.state, trial, i, s)
            at += cuda.blockDim.x
