"""Levels of neuromodulators: decay, and release by the spikes of populations.

Every shard keeps the levels itself and sees all spikes in the one order of emission, so all hold the same bits and none
waits for another.

A kernel template.
"""

from __future__ import annotations

from typing import Any


def relax(levels: Any, tick: int) -> None:
    """Let all levels decay to ``tick`` and take what was released in time."""
    for m in range(len(levels)):
        channel = levels[m]
        place = tick & (len(channel.coming) - 1)
        for k in range(len(channel.level)):
            channel.level[k] = channel.level[k] * channel.decay[0] + channel.coming[place, k]
            channel.coming[place, k] = 0.0


def release(levels: Any, fired: Any, trial: int, tick: int) -> None:
    """Let the spikes of ``tick`` release."""
    parity = tick & 1
    for m in range(len(levels)):
        channel = levels[m]
        mask = len(channel.coming) - 1
        for r in range(len(channel.amount)):
            population, first_source, delay, onto = channel.release[r]
            coming, amount = channel.coming[(tick + delay) & mask], channel.amount[r]
            for j in range(fired.ptr.shape[2]):
                for f in range(
                    fired.ptr[trial, parity, j, population], fired.ptr[trial, parity, j, population + 1]
                ):
                    if onto >= 0:
                        coming[channel.onto[onto + fired.source[trial, parity, j, f] - first_source]] += (
                            amount
                        )
                    else:
                        for k in range(len(coming)):
                            coming[k] += amount
