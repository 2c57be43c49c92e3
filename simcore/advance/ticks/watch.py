"""Levels that follow membrane potentials, see :mod:`..describe.watch`.

Each shard watches its own neurons: they are the post neurons of the synapses that have their levels.

A kernel template, copied once for each source that watches.
"""

from __future__ import annotations

from typing import Any

from .watch_binding import level_of_neuron, load_watched, store_watched, watch_neuron


def watch(watched: Any, source: Any, ptr: Any, trial: int) -> None:
    """Bring the levels to the end of a tick, in which the neurons ``source`` fired."""
    population, first_source, first_level = watched.ends
    v, seen, peak, c = watched.membrane[trial], watched.seen, watched.peak[0], watched.constants
    moving = watched.moving[trial]
    for i in range(len(seen)):
        seen[i] = v[i]
    for i in range(len(moving)):
        seen[i] -= moving[i]
    if peak == peak:  # else neurons are seen as they were reset
        for f in range(ptr[population], ptr[population + 1]):
            seen[source[f] - first_source] = peak
    place, n = watched.place[0], len(watched.past)
    for i in range(len(seen)):
        before = watched.past[place, i] if n > 0 else seen[i]
        s = watch_neuron(load_watched(watched.fields, i), before, c)
        store_watched(watched.fields, i, s)
        watched.level[first_level + i] = level_of_neuron(s, seen[i], c)
        if n > 0:
            watched.past[place, i] = seen[i]
    watched.place[0] = place + 1 if place + 1 < n else 0
