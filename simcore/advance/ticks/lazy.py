"""The update of lazy populations: a neuron advances only when an event reaches it, in closed form.

A kernel template, the counterpart of :mod:`.stepped`: ``step`` has the same name and arguments, so that the
tick loop does not know which kind it advances.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.memory import prefetch

from .binding import (
    flow,
    foresee_state,
    gather,
    hear,
    leap,
    load,
    pick,
    real,
    reset,
    rows,
    store,
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


def step(kind: Any, trial: int, tick: int, inputs: Any, scratch: Any, touch: Any, out: Any, ptr: Any) -> None:
    """Advance the touched neurons of a kind to ``tick`` and append those who fired, in the order of their numbers.

    The arguments are those of :func:`.stepped.step`; ``touch`` lists the slots that an event reached.
    """
    n_parts = kind.part.shape[0]
    last = kind.last[trial]
    begin = kind.part[0, 1]
    n_here = kind.part[n_parts - 1, 4] + kind.part[n_parts - 1, 2]
    fields = window(kind.fields, trial, 0, n_here)
    heard = rows(inputs, begin, begin + n_here)
    for p in range(n_parts):
        population, slot, count, source, first = kind.part[p]
        n_out = ptr[population]
        c = gather(kind.table, kind.arrays, p, 0, n_here)
        for k in range(touch.count[trial]):
            if k + AHEAD < touch.count[trial]:
                ahead = touch.slot[trial, k + AHEAD]
                foresee_state(fields, ahead - begin)
                prefetch(last, ahead - begin)
            at = touch.slot[trial, k]
            if slot <= at < slot + count:
                i = at - begin
                own = pick(c, i)
                s = leap(load(fields, i), own, real(tick - last[i] - 1))
                s = hear(flow(s, own, real(0)), own, heard, i)
                if threshold(s, own):
                    s = reset(s, own)
                    out[n_out] = source + i - first
                    n_out += 1
                store(fields, i, s)
                last[i] = tick
                touch.mark[trial, at] = 0
        sort(out, ptr[population], n_out)
        ptr[population + 1] = n_out


def look(kind: Any, field: int, trial: int, tick: int, i: int) -> Any:
    """One number of one neuron's state at ``tick``, without changing it."""
    p = 0
    while p + 1 < kind.part.shape[0] and kind.part[p + 1, 4] <= i:
        p += 1
    own = pick(gather(kind.table, kind.arrays, p, 0, kind.last.shape[1]), i)
    s = load(window(kind.fields, trial, 0, kind.last.shape[1]), i)
    s = leap(s, own, real(tick - kind.last[trial, i]))
    return s[field]
