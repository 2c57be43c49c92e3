"""The update loop of stepped populations, and the list of neurons that fired.

A kernel template: :mod:`.modules` writes a copy for each model in which the import below is that model's.
"""

from __future__ import annotations

from typing import Any

from .binding import flow, gather, inject, load, peek, pick, reset, rows, store, take_input, threshold, window

BLOCK = 1024  # neurons whose state, input and flags stay in the first-level cache


def advance_block(fields: Any, constants: Any, inputs: Any, current: Any, fired: Any, n: int) -> None:
    """Advance ``n`` neurons by one tick: flow, receive, threshold, reset; mark those that fired."""
    for i in range(n):
        c = pick(constants, i)
        s = take_input(flow(load(fields, i), c, inject(current, i)), c, inputs, i)
        fires = threshold(s, c)
        if fires:
            s = reset(s, c)
        store(fields, i, s)
        fired[i] = fires
    for i in range(n, (n + 7) // 8 * 8):
        fired[i] = 0


def step(
    model_group: Any, trial: int, tick: int, inputs: Any, scratch: Any, active: Any, out: Any, ptr: Any
) -> None:
    """Advance all populations of a model group and append those who fired, in the order of their numbers.

    Parameters
    ----------
    inputs : real[n_rows, n_slots]
        accumulators; in the last row currents, where the model group has any
    scratch : Scratch
    active : Active
        not needed here
    out : int32[n_slots]
        sources that fired, population by population
    ptr : int64[n_populations + 1]
        where each population's begin in ``out``
    """
    current = inputs[inputs.shape[0] - 1]
    flags, eights = scratch.flags, scratch.eights
    for p in range(model_group.part.shape[0]):
        population, slot, count, source, first = model_group.part[p]
        n_out = ptr[population]
        for lo in range(0, count, BLOCK):
            hi = min(lo + BLOCK, count)
            advance_block(
                window(model_group.fields, trial, first + lo, first + hi),
                gather(model_group.table, model_group.arrays, p, first + lo, first + hi),
                rows(inputs, slot + lo, slot + hi),
                current[slot + lo : slot + hi],
                flags,
                hi - lo,
            )
            for k in range((hi - lo + 7) // 8):
                if eights[k]:  # seldom
                    for i in range(8 * k, 8 * k + 8):
                        if flags[i]:
                            out[n_out] = source + lo + i
                            n_out += 1
        ptr[population + 1] = n_out


def look(model_group: Any, field: int, trial: int, tick: int, i: int) -> Any:
    """Return one number of one neuron's state."""
    return peek(model_group.fields, field, trial, i)
