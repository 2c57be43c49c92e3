"""The update of lazy populations: a neuron advances only when an event reaches it, in closed form.

A kernel template, the counterpart of :mod:`.stepped`: ``step`` has the same name and arguments, so that the
tick loop does not know which update it calls.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.memory import prefetch

from .binding import (
    flow,
    gather,
    leap,
    load,
    pick,
    prefetch_state,
    real,
    reset,
    rows,
    store,
    take_input,
    threshold,
    window,
)

AHEAD = 8  # neurons between the prefetch of a state and its update


def sort(a: Any, lo: int, hi: int) -> None:
    """Sort ``a[lo:hi]``; a tick has few spikes, most of them in order."""
    for i in range(lo + 1, hi):
        x, j = a[i], i
        while j > lo and a[j - 1] > x:
            a[j] = a[j - 1]
            j -= 1
        a[j] = x


def step(
    model_group: Any, trial: int, tick: int, inputs: Any, scratch: Any, active: Any, out: Any, ptr: Any
) -> None:
    """Advance the active neurons of a model group to ``tick`` and append those who fired, in order of number.

    The arguments are those of :func:`.stepped.step`; ``active`` lists the slots that an event reached.
    """
    n_parts = model_group.part.shape[0]
    last = model_group.last[trial]
    begin = model_group.part[0, 1]
    n_here = model_group.part[n_parts - 1, 4] + model_group.part[n_parts - 1, 2]
    fields = window(model_group.fields, trial, 0, n_here)
    gathered = rows(inputs, begin, begin + n_here)
    for p in range(n_parts):
        population, slot, count, source, first = model_group.part[p]
        n_out = ptr[population]
        c = gather(model_group.table, model_group.arrays, p, 0, n_here)
        for k in range(active.count[trial]):
            if k + AHEAD < active.count[trial]:
                ahead = active.slot[trial, k + AHEAD]
                prefetch_state(fields, ahead - begin)
                prefetch(last, ahead - begin)
            at = active.slot[trial, k]
            if slot <= at < slot + count:
                i = at - begin
                own = pick(c, i)
                s = leap(load(fields, i), own, real(tick - last[i] - 1))
                s = take_input(flow(s, own, real(0)), own, gathered, i)
                if threshold(s, own):
                    s = reset(s, own)
                    out[n_out] = source + i - first
                    n_out += 1
                store(fields, i, s)
                last[i] = tick
                active.mark[trial, at] = 0
        sort(out, ptr[population], n_out)
        ptr[population + 1] = n_out


def look(model_group: Any, field: int, trial: int, tick: int, i: int) -> Any:
    """One number of one neuron's state at ``tick``, without changing it."""
    p = 0
    while p + 1 < model_group.part.shape[0] and model_group.part[p + 1, 4] <= i:
        p += 1
    own = pick(gather(model_group.table, model_group.arrays, p, 0, model_group.last.shape[1]), i)
    s = load(window(model_group.fields, trial, 0, model_group.last.shape[1]), i)
    s = leap(s, own, real(tick - model_group.last[trial, i]))
    return s[field]
