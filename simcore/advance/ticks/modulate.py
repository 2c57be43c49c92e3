"""Levels of neuromodulators: decay, release by the spikes of populations and at given times, the baseline's course.

Every shard keeps the levels itself and sees all spikes in the one order of emission, so all hold the same bits and none
waits for another.

A kernel template.
"""

from __future__ import annotations

from typing import Any


def relax(levels: Any, tick: int) -> None:
    """Let all levels decay to ``tick`` and take what is released in time; the baseline becomes that of ``tick``."""
    for m in range(len(levels)):
        relax_one(levels[m], tick)


def relax_one(channel: Any, tick: int) -> None:
    """Let the levels of one modulator decay to ``tick`` and take what is released in time."""
    coming = channel.coming[tick & (len(channel.coming) - 1)]
    give(channel, coming, tick)
    for k in range(len(channel.level)):
        relax_level(channel, coming, k)


def relax_level(channel: Any, coming: Any, k: Any) -> None:
    """Let one level decay by a tick and take what is ``coming``."""
    channel.level[k] = channel.level[k] * channel.decay[0] + coming[k]
    if len(channel.decay) > 1:  # else there is no ``fast``, on a device a row without effect
        channel.fast[k] = channel.fast[k] * channel.decay[1] + coming[k]
    coming[k] = 0.0


def give(channel: Any, coming: Any, tick: int) -> None:
    """Add the given releases of ``tick``, and take the baseline's next step where it is due."""
    released, changed = channel.next[0], channel.next[1]
    while released < len(channel.given_tick) and channel.given_tick[released] <= tick:
        onto = channel.given_onto[released]
        for k in range(len(coming)):
            if onto < 0 or onto == k:
                coming[k] += channel.given_amount[released]
        released += 1
    while changed < len(channel.course_tick) and channel.course_tick[changed] <= tick:
        channel.rest[0] = channel.course_rest[changed]
        changed += 1
    channel.next[0], channel.next[1] = released, changed


def release(levels: Any, fired: Any, trial: int, tick: int) -> None:
    """Let the spikes of ``tick`` release."""
    now = tick & (fired.ptr.shape[1] - 1)
    for m in range(len(levels)):
        channel = levels[m]
        mask = len(channel.coming) - 1
        for r in range(len(channel.amount)):
            population, first_source, delay, onto = channel.release[r]
            coming, amount = channel.coming[(tick + delay) & mask], channel.amount[r]
            for j in range(fired.ptr.shape[2]):
                for f in range(
                    fired.ptr[trial, now, j, population], fired.ptr[trial, now, j, population + 1]
                ):
                    if onto >= 0:
                        coming[channel.onto[onto + fired.source[trial, now, j, f] - first_source]] += amount
                    else:
                        for k in range(len(coming)):
                            coming[k] += amount
