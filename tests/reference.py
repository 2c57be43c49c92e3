"""The simulator again: one heap, Python floats, slow and obvious; every engine is held against it.

Events are (tick, phase, emission, ...) in one heap. Within a tick: arrivals add up, every neuron flows and
receives, those at threshold fire; a spike becomes one arrival for each synapse. Models are the plain
functions of their files. Sums are exact where weights are dyadic, as the tests choose them, so their order
does not matter here.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Any

import numpy as np


def simulate(
    models: dict[str, Any],
    sizes: dict[str, int],
    synapses: list[tuple[str, int, str, int, int, float, int]],
    given: list[tuple[int, str, int]],
    n_ticks: int,
    dt: float,
    currents: dict[str, Any] | None = None,
    state: dict[str, list[Any]] | None = None,
    learning: Any = None,
) -> tuple[list[tuple[int, str, int]], dict[str, list[Any]]]:
    """Spikes (tick, population, neuron) in order, and the final state.

    Parameters
    ----------
    models : population name to model
    sizes : population or train name to number of neurons
    synapses : (pre, i, post, j, receptor, weight, delay in ticks)
    given : (tick, train, i)
    currents : population name to function of the tick that returns pA
    state : population name to initial states, where not the models'
    learning : plastic synapses, as :mod:`.reference_learning` has them: each is the weight of a synapse here
    """
    home = {name: model.home() for name, model in models.items()}
    constants = {name: model.derive(dt) for name, model in models.items()}
    state = dict(state or {})
    for name, model in models.items():
        state.setdefault(name, [model.initial()] * sizes[name])
        state[name] = list(state[name])
    targets = defaultdict(list)
    for pre, i, post, j, receptor, weight, delay in synapses:
        targets[pre, i].append((post, j, receptor, weight, delay))
    heap: list[tuple[int, int, Any]] = []
    n_pushed = 0

    def emit(tick: int, pre: str, i: int) -> None:
        nonlocal n_pushed
        for post, j, receptor, weight, delay in targets[pre, i]:
            heapq.heappush(heap, (tick + delay, n_pushed, (post, j, receptor, weight)))
            n_pushed += 1

    spikes = []
    by_tick = defaultdict(list)
    for tick, train, i in given:
        by_tick[tick].append((train, i))
    for train, i in by_tick[0]:
        emit(0, train, i)
    for tick in range(1, n_ticks + 1):
        if learning is not None:
            learning.begin(tick)
        gathered: dict[Any, float] = defaultdict(float)
        while heap and heap[0][0] == tick:
            _, _, (post, j, receptor, weight) = heapq.heappop(heap)
            gathered[post, j, receptor] += weight.arrive() if hasattr(weight, "arrive") else weight
        fired = []
        for name, model in models.items():
            here, c = home[name], constants[name]
            current = currents[name](tick) if currents and name in currents else 0.0
            for j in range(sizes[name]):
                x = [gathered[name, j, r] for r in range(len(model.receptors))]
                s = here.receive(here.flow(state[name][j], c, current), c, *x)
                if here.threshold(s, c):
                    fired.append((tick, name, j))
                    s = here.reset(s, c)
                state[name][j] = s
        spikes += fired
        if learning is not None:
            learning.end(tick, fired, state)
        for _, name, j in fired:
            emit(tick, name, j)
        for train, i in by_tick[tick]:
            emit(tick, train, i)
    return spikes, state


def as_arrays(state: dict[str, list[Any]], name: str) -> dict[str, np.ndarray[Any, Any]]:
    """State of a population as arrays by field."""
    rows = state[name]
    return {field: np.array([getattr(s, field) for s in rows], dtype=np.float64) for field in rows[0]._fields}
