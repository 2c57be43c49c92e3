"""State with which a model's neurons begin the next trial.

A kernel template: :mod:`.modules` writes a copy for each model, in which the import below is that model's.
"""

from __future__ import annotations

from typing import Any

from .binding import gather, load, pick, store, window
from .renewal_binding import anew


def renew(kind: Any, start: Any, trial: int, count: Any, learning: bool) -> None:
    """Put all populations of a kind back to ``start``, the state of one trial, as their model has it.

    Parameters
    ----------
    count : int32[n_sources]
        spikes of each neuron in the trial that has ended
    learning : bool
        whether what the model keeps changes; else the next trial begins as this one did
    """
    for p in range(kind.part.shape[0]):
        _, _, n, source, first = kind.part[p]
        fields = window(kind.fields, trial, first, first + n)
        at_first = window(start, 0, first, first + n)
        constants = gather(kind.table, kind.arrays, p, first, first + n)
        for i in range(n):
            s = load(at_first, i)
            if learning:
                s = anew(load(fields, i), s, pick(constants, i), count[source + i])
            store(fields, i, s)
