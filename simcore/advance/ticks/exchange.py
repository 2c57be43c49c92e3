"""Spikes between the ranks of an MPI run: kept during a window of ticks, exchanged, then emitted tick by tick.

No delay is shorter than a window, so that a spike arrives after the exchange that tells of it; and as spikes are
emitted in the order of their ticks, populations and neurons, every queue is what it is without ranks.

A kernel template.
"""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.intrinsics.memory import call_out


def keep(exchange: Any, source: Any, ptr: Any, k: int, tick: int) -> None:
    """Keep the spikes of a shard's tick until the exchange."""
    n, own = exchange.n[k], exchange.own[k]
    own_ptr = exchange.own_ptr[k, (tick - 1) % exchange.window[0]]
    for p in range(len(own_ptr)):
        own_ptr[p] = n + ptr[p]
    count = ptr[len(own_ptr) - 1]
    for f in range(count):
        own[n + f] = source[f]
    exchange.n[k] = n + count


def is_due(exchange: Any, tick: int, until: int) -> Any:
    """Tell whether a window ends with ``tick``."""
    return tick == until or tick % exchange.window[0] == 0


def swap(exchange: Any, tick: int) -> None:
    """Tell the other ranks what is kept, and be told."""
    exchange.tick[0] = tick
    exchange.failed[0] = call_out(exchange.call[0])


def unpack(exchange: Any, trial: int, tick: int) -> None:
    """Show the spikes of all shards in a tick."""
    parity = tick & 1
    all_ptr, fired = exchange.all_ptr[(tick - 1) % exchange.window[0]], exchange.fired
    for j in range(all_ptr.shape[0]):
        first, last = all_ptr[j, 0], all_ptr[j, all_ptr.shape[1] - 1]
        ptr, source = fired.ptr[trial, parity, j], fired.source[trial, parity, j]
        for p in range(all_ptr.shape[1]):
            ptr[p] = all_ptr[j, p] - first
        for f in range(first, last):
            source[f - first] = exchange.all[f]
