"""What to record, as a value, and what came out of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import DescriptionError
from .network import Population

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """A state variable of some neurons over time.

    Parameters
    ----------
    population : Population
    state : str
        name of the state variable, such as ``v``
    neurons : sequence of int, optional
        by default all
    """

    population: Population
    state: str = "v"
    neurons: Sequence[int] | Array | None = None

    def __post_init__(self) -> None:
        names = self.population.model.functions()["State"]._fields
        where = f"Trace of {self.population.name!r}"
        if self.state not in names:
            raise DescriptionError(f"{where}: no state {self.state!r}; there are {', '.join(names)}")
        chosen = np.zeros(0, np.int64) if self.neurons is None else self.numbers()
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < self.population.size):
            raise DescriptionError(f"{where}: neurons must be in [0, {self.population.size})")

    def numbers(self) -> Array:
        """Return the numbers of the neurons."""
        if self.neurons is None:
            return np.arange(self.population.size)
        return np.asarray(self.neurons, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Record:
    """What a run records.

    Parameters
    ----------
    spikes : sequence of Population or SpikeTrain
    traces : mapping of name to Trace
    every : float, ms, optional
        time between samples of traces; by default one tick
    """

    spikes: Sequence[Any] = ()
    traces: Mapping[str, Trace] = field(default_factory=dict)
    every: float | None = None


@dataclass(frozen=True)
class Spikes:
    """Spikes of a population, ordered by (trial, tick, neuron)."""

    tick: Array  # int64
    neuron: Array  # uint32
    trial: Array  # int32
    dt: float

    @property
    def t(self) -> Array:
        """Times [ms]."""
        return self.tick * self.dt

    def __len__(self) -> int:
        return len(self.tick)


@dataclass(frozen=True, eq=False)
class Result:
    """Outcome of one :meth:`~tegmentum.simcore.Simulation.run`.

    Attributes
    ----------
    spikes : dict of population name to Spikes
    traces : dict of trace name to array (trial, sample, neuron)
    trace_tick : array of int64
        when the samples were taken
    n_spikes : dict of population name to int
        of all populations, recorded or not
    synaptic_events : int
        synapses that delivered a spike
    """

    start: int
    stop: int
    dt: float
    n_trials: int
    sizes: dict[str, int]
    spikes: dict[str, Spikes]
    traces: dict[str, Array]
    trace_tick: Array
    n_spikes: dict[str, int]
    synaptic_events: int
    run_s: float
    store: str | None = None

    def rates(self) -> dict[str, float]:
        """Return each population's mean rate [Hz], over neurons, trials and the run."""
        seconds = (self.stop - self.start) * self.dt * 1e-3 * self.n_trials
        return {name: n / (self.sizes[name] * seconds) for name, n in self.n_spikes.items()}
