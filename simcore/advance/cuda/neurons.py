"""The update of a model group by one block of threads, and its samples; the counterpart of :mod:`..ticks.stepped`.

A kernel template: :mod:`.device_modules` writes a copy for each model in which the import below is that model's.
"""

from __future__ import annotations

from typing import Any

from numba import cuda

from .binding import flow, inject, load, peek, pick, reset, store, take_input, threshold


def step(
    group: Any,
    current: Any,
    ring: Any,
    tape: Any,
    block: int,
    lo: int,
    hi: int,
    trial: int,
    tick: int,
    now: int,
) -> None:
    """Advance the neurons in the slots ``lo`` to ``hi - 1`` by one tick, and write who fired on the tape.

    Parameters
    ----------
    current : real[n_trials, n_slots]
        injected currents
    now : int
        which of the launch's ticks this is
    """
    n_threads, bucket = cuda.blockDim.x, tick & (ring.shape[1] - 1)
    p = 0
    while p < group.part.shape[0]:
        slot, count, source, first = group.part[p, 1], group.part[p, 2], group.part[p, 3], group.part[p, 4]
        at, end = max(lo, slot) + cuda.threadIdx.x, min(hi, slot + count)
        while at < end:
            i = first + at - slot
            c = pick(group, p, i)
            s = flow(load(group.state, trial, i), c, inject(current, trial, at))
            s = take_input(s, c, ring, trial, bucket, at, current.shape[1], group.quantum, p)
            if threshold(s, c):
                s = reset(s, c)
                n = cuda.atomic.add(tape.count, (trial, now), 1)
                tape.source[trial, tape.base[trial, block] + n] = source + at - slot
            store(group.state, trial, i, s)
            at += n_threads
        p += 1


def look(group: Any, field: int, trial: int, i: int) -> Any:
    """Return one number of one neuron's state."""
    return peek(group.state, field, trial, i)
