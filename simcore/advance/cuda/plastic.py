"""Plastic synapses on a CUDA device; the counterpart of :mod:`..ticks.plastic`, with the same functions of the rule.

A *row* is the synapses of one source with one delay onto the slots of one block of threads. The block owns all that
they keep: weights, eligibilities, a copy of their source's traces, the post traces and histories of its slots. So
nothing here is atomic but the additions to the accumulators, which are whole numbers.

A warp has a row, a thread a synapse: it lives through the post spikes that it has missed, then through the arrival. The
traces of the row change when all threads have read them. What a synapse does is done in the order of the CPU, so its
numbers are the CPU's.

A kernel template, copied once for each rule of a network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from tegmentum.simcore.lower.arrays import HISTORY, NEVER

from ..ticks.drift import drifted, moment, to_store
from ..ticks.rule_binding import (
    arriving,
    fade_post,
    faded_pre,
    listens,
    past_of,
    post_of,
    post_spike,
    pre_at,
    pre_of,
    pre_spike,
    put_early,
    put_past,
    put_post,
    put_pre,
    put_synapse,
    quanta_of,
    release_of,
    released_by,
    restore_one,
    silent_post,
    silent_pre,
    synapse_of,
    waits,
)
from .binding import whole
from .chance import arrived, fired
from .warps import divided, in_warps


def catch_up(plastic: Any, row: int, owner: int, zero: Any, own: int, width: int) -> None:
    """Live through the post spikes that the synapses of a row have missed, oldest first.

    Parameters
    ----------
    owner : int
        the row's source, counted from the first of its population
    zero : int
        tick at which the present window of integrals starts
    own, width : int
        number of this thread in its warp, and how many those are
    """
    last, since, pre = plastic.pre_tick[row], plastic.seen[row], pre_of(plastic, row)
    if not listens() or (
        waits() and last <= zero
    ):  # what waits for a trial's end has its first arrival first
        return
    soonest, mask = max(last, zero), HISTORY - 1
    s = plastic.ptr[row] + own
    while s < plastic.ptr[row + 1]:
        slot = np.int64(plastic.target[s])
        n, m = plastic.post_n[slot], 0
        while m < HISTORY - 1 and plastic.post_tick[slot, (n - 1 - m) & mask] >= since:
            m += 1
        while m > 0:
            m -= 1
            place = (n - 1 - m) & mask
            tick = np.int64(plastic.post_tick[slot, place])
            before = max(soonest, np.int64(plastic.post_tick[slot, (place - 1) & mask]))
            synapse = synapse_of(plastic, plastic.weight, 0, s)
            now = moment(plastic, zero, tick)
            synapse = drifted(plastic, synapse, slot, owner, s, before, now)
            x = pre_at(plastic, row, pre, tick - last)
            synapse = fired(plastic, synapse, x, past_of(plastic, slot, place), row, s, tick)
            put_synapse(plastic, plastic.weight, 0, s, synapse, to_store(now))
        s += width


def learn(
    plastic: Any, ring: Any, row: int, owner: int, zero: Any, bucket: int, tick: int, own: int, width: int
) -> None:
    """Deliver a row at whose source's spike arrives at ``tick`` and let its synapses learn; its traces stay."""
    catch_up(plastic, row, owner, zero, own, width)
    last, c = plastic.pre_tick[row], plastic.constants
    pre = faded_pre(plastic, pre_of(plastic, row), tick - last)
    released, now, soonest = release_of(pre, c), moment(plastic, zero, tick), max(last, zero)
    s = plastic.ptr[row] + own
    while s < plastic.ptr[row + 1]:
        slot = np.int64(plastic.target[s])
        synapse = synapse_of(plastic, plastic.weight, 0, s)
        before = max(soonest, np.int64(plastic.post_last[slot]))
        synapse = drifted(plastic, synapse, slot, owner, s, before, now)
        synapse = arrived(plastic, synapse, pre, post_of(plastic, slot), row, s, tick)
        put_synapse(plastic, plastic.weight, 0, s, synapse, to_store(now))
        mine = released_by(plastic, np.uint64(s), tick - last, released)
        number = whole(quanta_of(plastic, arriving(plastic.weight, s, synapse), mine))
        cuda.atomic.add(ring, (0, bucket, plastic.base + slot), number)
        s += width


def note(plastic: Any, row: int, tick: int) -> None:
    """Let the traces of a row live through an arrival."""
    if plastic.ptr[row] < plastic.ptr[row + 1]:
        since = tick - plastic.pre_tick[row]
        pre = faded_pre(plastic, pre_of(plastic, row), since)
        put_early(plastic, row, pre, since)
        put_pre(plastic, row, pre_spike(pre, plastic.constants))
        plastic.pre_tick[row] = tick
        plastic.seen[row] = tick


def once(source: Any, n_sources: int) -> Any:
    """Return a source that stands on the tape, whichever of its spikes in one tick this is."""
    while source >= n_sources:
        source -= n_sources
    return source


def mark(tape: Any, block: int, tick: int, at: Any) -> None:
    """Note where the spikes of a tick begin."""
    tape.begin[block, tick & (tape.begin.shape[1] - 1)] = at


def begin_of(tape: Any, block: int, tick: int, start: int) -> Any:
    """Return where the spikes of a tick begin, among those of this launch or among those before it."""
    if tick <= start:
        return tape.past_ptr[tick - start + tape.past_ptr.shape[0] - 2]
    return tape.begin[block, tick & (tape.begin.shape[1] - 1)]


def end_of(tape: Any, block: int, tick: int, start: int) -> Any:
    """Return where the spikes of a tick end."""
    if tick <= start:
        return tape.past_ptr[tick - start + tape.past_ptr.shape[0] - 1]
    return tape.begin[block, (tick + 1) & (tape.begin.shape[1] - 1)]


def owner_of(plastic: Any, tape: Any, k: int, tick: int, start: int, turn: int, n_sources: int) -> Any:
    """Return whose the spike ``k`` is, counted from the first of the pre population; -1 if not one of this turn."""
    source = tape.past[k] if tick <= start else tape.source[0, k]
    owner = np.int64(source) - turn * n_sources - plastic.first
    return owner if owner >= 0 and owner < plastic.n_pre else -1


def take_arrivals(
    plastic: Any,
    ring: Any,
    tape: Any,
    n_sources: int,
    n_blocks: int,
    block: int,
    start: int,
    since: Any,
    tick: int,
    width: int,
) -> None:
    """Deliver all rows of a block at which spikes of after ``since`` arrive at ``tick``.

    A spike that is given several times in one tick arrives as often, in one turn after another.
    """
    n_delays, zero, bucket = plastic.delays.shape[0], plastic.window[block], tick & (ring.shape[1] - 1)
    warp, own, n_warps = in_warps(width)
    turn = 0
    while turn < tape.turns:  # ranges would hold registers through the tick
        which = 0
        while which < n_delays:
            then = tick - plastic.delays[which]
            k, end = begin_of(tape, block, then, start) + warp, end_of(tape, block, then, start)
            while k < end and then > since:
                owner = owner_of(plastic, tape, k, then, start, turn, n_sources)
                if owner >= 0:
                    row = (owner * n_delays + which) * n_blocks + block
                    learn(plastic, ring, row, owner, zero, bucket, tick, own, width)
                k += n_warps
            which += 1
        cuda.syncthreads()
        which = 0
        while which < n_delays:
            then = tick - plastic.delays[which]
            k = begin_of(tape, block, then, start) + cuda.threadIdx.x
            end = end_of(tape, block, then, start)
            while k < end and then > since:
                owner = owner_of(plastic, tape, k, then, start, turn, n_sources)
                if owner >= 0:
                    note(plastic, (owner * n_delays + which) * n_blocks + block, tick)
                k += cuda.blockDim.x
            which += 1
        cuda.syncthreads()
        turn += 1


def settle(plastic: Any, bounds: Any, block: int, tick: int, width: int) -> None:
    """Let all synapses of a block live through the post spikes before ``tick``. Changes no synapse's future."""
    n_delays, n_blocks, zero = plastic.delays.shape[0], bounds.shape[0] - 1, plastic.window[block]
    warp, own, n_warps = in_warps(width)
    n, q = plastic.n_pre * n_delays, warp
    while q < n:
        catch_up(plastic, q * n_blocks + block, divided(q, n_delays)[0], zero, own, width)
        q += n_warps
    cuda.syncthreads()
    q = np.int64(cuda.threadIdx.x)
    while q < n:
        row = q * n_blocks + block
        plastic.seen[row] = max(plastic.seen[row], tick)
        q += cuda.blockDim.x
    _, _, slot, count = plastic.ends
    at, end = max(bounds[block], slot) + cuda.threadIdx.x, min(bounds[block + 1], slot + count)
    while at < end:
        plastic.settled[at] = plastic.post_n[at]
        at += cuda.blockDim.x
    cuda.syncthreads()


def rest(plastic: Any, bounds: Any, block: int, start: int, tick: int) -> None:
    """Forget all traces of a block at the end of ``tick``, with which a trial ends that began after ``start``."""
    n_delays, n_blocks, q = plastic.delays.shape[0], bounds.shape[0] - 1, np.int64(cuda.threadIdx.x)
    while q < plastic.n_pre * n_delays:
        row = q * n_blocks + block
        if plastic.pre_tick[row] > start:
            put_pre(plastic, row, silent_pre())
            put_early(plastic, row, silent_pre(), 1)
        plastic.seen[row] = tick + 1
        for s in range(plastic.ptr[row], plastic.ptr[row + 1]):
            restore_one(plastic, s)
        q += cuda.blockDim.x
    _, _, slot, count = plastic.ends
    at, end = max(bounds[block], slot) + cuda.threadIdx.x, min(bounds[block + 1], slot + count)
    while at < end:
        put_post(plastic, at, silent_post())
        plastic.post_last[at] = NEVER
        plastic.settled[at] = plastic.post_n[at]
        at += cuda.blockDim.x
    cuda.syncthreads()


def fade(plastic: Any, bounds: Any, block: int) -> None:
    """Let the post traces of a block's slots fade by one tick."""
    _, _, slot, count = plastic.ends
    at, end = max(bounds[block], slot) + cuda.threadIdx.x, min(bounds[block + 1], slot + count)
    while at < end:
        fade_post(plastic, at, at + 1)
        at += cuda.blockDim.x


def remember(
    plastic: Any, bounds: Any, tape: Any, block: int, base: int, n: int, tick: int, width: int
) -> None:
    """Take down the post spikes of ``tick``, which are ``n`` on the tape from ``base`` on."""
    if not listens():
        return
    _, first, slot, count = plastic.ends
    lo, hi = max(bounds[block], slot), min(bounds[block + 1], slot + count)
    k = base + cuda.threadIdx.x
    while k < base + n:
        at = slot + np.int64(tape.source[0, k]) - first
        if lo <= at and at < hi and plastic.post_n[at] - plastic.settled[at] >= HISTORY - 1:
            plastic.full[block] = 1
        k += cuda.blockDim.x
    cuda.syncthreads()
    full = plastic.full[block]
    cuda.syncthreads()
    if full != 0:
        settle(plastic, bounds, block, tick, width)
        plastic.full[block] = 0
    k = base + cuda.threadIdx.x
    while k < base + n:
        at = slot + np.int64(tape.source[0, k]) - first
        if lo <= at and at < hi:
            number, post = plastic.post_n[at], post_of(plastic, at)
            put_past(plastic, at, number & (HISTORY - 1), post)
            put_post(plastic, at, post_spike(post, plastic.constants))
            plastic.post_tick[at, number & (HISTORY - 1)] = tick
            plastic.post_last[at] = tick
            plastic.post_n[at] = number + 1
        k += cuda.blockDim.x
    cuda.syncthreads()
