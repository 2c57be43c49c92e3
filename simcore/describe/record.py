"""What to record, as a value, and what came out of a run."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np

from ..errors import DescriptionError
from . import checks
from .histories import ChangeHistory, LevelHistory, SynapseHistory, as_snapshots, evenly
from .network import Network, Population
from .plasticity import SynapseRule

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """A state variable of some neurons over time.

    Parameters
    ----------
    population : Population or str
        the population, or its name
    state : str
        name of the state variable, such as ``v``
    neurons : sequence of int, optional
        by default all
    """

    population: Population | str
    state: str = "v"
    neurons: Sequence[int] | Array | None = None

    def __post_init__(self) -> None:
        if isinstance(self.population, str):
            return  # checked where the network is known
        if not isinstance(self.population, Population):
            raise DescriptionError(
                f"Trace: population must be a Population or the name of one, got {self.population!r}"
            )
        names = self.population.model.functions()["State"]._fields
        where = f"Trace of {self.population.name!r}"
        if self.state not in names:
            raise DescriptionError(f"{where}: no state {self.state!r}; there are {', '.join(names)}")
        chosen = np.zeros(0, np.int64) if self.neurons is None else self.numbers()
        if chosen.ndim != 1:
            raise DescriptionError(f"{where}: neurons must be a list of numbers, got {self.neurons!r}")
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < self.population.size):
            raise DescriptionError(f"{where}: neurons must be in [0, {self.population.size})")

    def numbers(self) -> Array:
        """Return the numbers of the neurons."""
        if self.neurons is None:
            assert isinstance(self.population, Population)
            return np.arange(self.population.size)
        chosen = np.asarray(self.neurons)
        if chosen.size and chosen.dtype.kind not in "iu":
            raise DescriptionError(
                f"Trace of {getattr(self.population, 'name', self.population)!r}: neurons must be whole numbers, "
                f"got {self.neurons!r}"
            )
        return chosen.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Record:
    """What a run records.

    Parameters
    ----------
    spikes : sequence of Population, SpikeTrain or name of one, or mapping of one to neurons
        whose spikes; of a mapping the values are numbers of neurons, how many (evenly spaced), or None for all
    traces : mapping of name to Trace
    every : float, ms, optional
        time between samples of traces; by default one tick
    weights, eligibility : mapping of projection to Snapshots or ms
        plastic projections, or their names; a number is the time between snapshots of all synapses [ms]. Eligibility
        is what a rule keeps as ``e``, or whatever else it keeps by the name of ``Snapshots(kept=)``.
    modulators : mapping of neuromodulator to ms
        neuromodulators, or their names, and the time between samples of their levels [ms]
    start, stop : float, ms
        the window of model time in which all of that is recorded: spikes and samples at ``start < t <= stop``, and
        snapshots and levels at ``start`` as well

    Notes
    -----
    Weights, eligibilities and levels are taken at the multiples of their intervals from time 0 on that lie in a run,
    its start and its end included, after all that happens in that tick. Looking changes nothing, but a run pauses to
    look: 0.2 to 0.5 ms of wall time each, and a pass over the projection's synapses.
    """

    spikes: Sequence[Any] | Mapping[Any, Any] = ()
    traces: Mapping[str, Trace] = field(default_factory=dict)
    every: float | None = None
    weights: Mapping[Any, Any] = field(default_factory=dict)
    eligibility: Mapping[Any, Any] = field(default_factory=dict)
    modulators: Mapping[Any, Any] = field(default_factory=dict)
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        if isinstance(self.spikes, str) or not isinstance(self.spikes, Iterable):
            raise DescriptionError(
                f"Record: spikes must be a list of populations or of their names, got {_short(self.spikes)}; "
                "for one, write spikes=[...]"
            )
        for name, trace in _items(self.traces):
            if not isinstance(trace, Trace):
                raise DescriptionError(f"Record: trace {name!r} must be a Trace, got {_short(trace)}")
        if isinstance(self.spikes, Mapping):
            for node, neurons in self.spikes.items():
                _check_neurons(neurons, f"Record: spikes of {getattr(node, 'name', node)!r}")
        checks.number(self.start, "Record", "start", "ms", least=0.0)
        checks.number(self.stop, "Record", "stop", "ms", infinite=True)
        if not self.start < self.stop:
            raise DescriptionError(f"Record: stop must be > start = {self.start} ms, got {self.stop}")
        if self.every is not None and not isinstance(self.every, numbers.Real):
            raise DescriptionError(f"Record: every must be a number [ms], got {self.every!r}")
        for kind in ("weights", "eligibility"):
            given = _named(getattr(self, kind), kind, "{'exc-exc': 1000.0}")
            made = {name: as_snapshots(value, f"Record: {kind} of {name!r}") for name, value in given.items()}
            object.__setattr__(self, kind, made)
        levels = _named(self.modulators, "modulators", "{'dopamine': 10.0}")
        for name, every in levels.items():
            checks.number(every, f"Record: modulators: {name!r}", "time between samples", "ms", above=0.0)
        object.__setattr__(self, "modulators", levels)

    def within(self, ms: float) -> float:
        """Return how much of a run of ``ms`` from time 0 on is recorded [ms]."""
        return max(0.0, min(ms, self.stop) - self.start)

    def of(self, network: Network) -> Record:
        """Look up names in a network; refuse what is not in it, and weights that do not learn."""
        by_name = {node.name: node for node in network.nodes()}
        traced = {p.name: p for p in network.populations}
        self._check_histories(network)
        spikes: dict[Any, Array | None] = {}
        for wanted in self.spikes:
            node = _found(wanted, by_name)
            neurons = self.spikes[wanted] if isinstance(self.spikes, Mapping) else None
            spikes[node] = _numbers_of(neurons, node.size, f"Record: spikes of {node.name!r}")
        traces = {
            name: replace(trace, population=_found(trace.population, traced))
            for name, trace in self.traces.items()
        }
        return replace(self, spikes=spikes, traces=traces)

    def _check_histories(self, network: Network) -> None:
        projections = {str(q.name): q for q in network.projections}
        for kind in ("weights", "eligibility"):
            for name in getattr(self, kind):
                _known(name, projections, f"{kind}: there is no projection")
                if projections[name].plasticity is None:
                    plastic = [q for q, other in projections.items() if other.plasticity is not None]
                    there = ", ".join(map(repr, plastic)) or "none"
                    raise DescriptionError(
                        f"Record: {kind}: projection {name!r} is not plastic; plastic are: {there}"
                    )
        for name, snapshots in self.eligibility.items():
            rule = projections[name].plasticity
            kept = rule.functions()["Synapse"]._fields[1:] if isinstance(rule, SynapseRule) else ()
            if snapshots.kept not in kept:
                there = ", ".join(kept) or "nothing besides the weight"
                raise DescriptionError(
                    f"Record: eligibility: projection {name!r} has none called {snapshots.kept}: "
                    f"{type(rule).__name__} keeps {there}"
                    + (f"; say Snapshots(every, kept={kept[0]!r})" if kept else "")
                )
        acting = {m.name: m for q in network.projections for m in q.modulators}
        for name in self.modulators:
            _known(name, acting, "modulators: synapses are under no modulator")


def _check_neurons(neurons: Any, where: str) -> None:
    """Refuse what does not say which neurons of a population."""
    if neurons is None:
        return
    if np.ndim(neurons) == 0:
        checks.number(neurons, where, "neurons", whole=True, least=1)
        return
    found = checks.array(
        neurons, where, "neurons", kinds="iu", what="a number or a list of numbers of neurons"
    )
    if found.ndim != 1 or not found.size or found.min() < 0 or len(np.unique(found)) < found.size:
        raise DescriptionError(
            f"{where}: neurons must be a list of different numbers >= 0, got {_short(neurons)}"
        )


def _numbers_of(neurons: Any, size: int, where: str) -> Array | None:
    """Return the neurons that are meant, in order, or None for all."""
    if neurons is None:
        return None
    if np.ndim(neurons) == 0:
        return evenly(int(neurons), size)
    found = np.sort(np.asarray(neurons, np.int64))
    if found[-1] >= size:
        raise DescriptionError(f"{where}: neurons must be in [0, {size}), got {found[-1]}")
    return found


def _known(name: str, there: Iterable[str], what: str) -> None:
    if name not in there:
        known = ", ".join(map(repr, there)) or "none"
        raise DescriptionError(f"Record: {what} {name!r}; there are: {known}")


def _named(given: Any, kind: str, example: str) -> dict[str, Any]:
    """Return a mapping by name whose keys may be the objects themselves."""
    if not isinstance(given, Mapping):
        raise DescriptionError(f"Record: {kind} must be a mapping such as {example}, got {_short(given)}")
    out = {}
    for key, value in given.items():
        name = key if isinstance(key, str) else getattr(key, "name", None)
        if not isinstance(name, str):
            raise DescriptionError(f"Record: {kind} must map names such as {example}, got {_short(key)}")
        out[name] = value
    return out


def _found(wanted: Any, nodes: Mapping[str, Any]) -> Any:
    """Return the node that is meant by itself or by its name."""
    name = wanted if isinstance(wanted, str) else getattr(wanted, "name", None)
    node = nodes.get(name) if isinstance(name, str) else None
    if node is None or (node is not wanted and not isinstance(wanted, str)):
        there = ", ".join(map(repr, nodes)) or "nothing"
        raise DescriptionError(
            f"Record: {_short(wanted) if name is None else repr(name)} is not in the network; there is {there}"
        )
    return node


def _items(traces: Any) -> list[tuple[str, Any]]:
    if not isinstance(traces, Mapping):
        raise DescriptionError(
            f'Record: traces must map names to Traces, such as {{"v": Trace(p)}}, got {_short(traces)}'
        )
    return list(traces.items())


def _short(value: Any) -> str:
    """Say what a value is, in few words."""
    name = getattr(value, "name", None)
    return f"{type(value).__name__} {name!r}" if isinstance(name, str) else repr(value)[:80]


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


class _Kept(dict[str, Any]):
    """What a run keeps in memory, by name; says of what is not there where it went."""

    def __init__(self, kept: Mapping[str, Any], what: str, store: str | None) -> None:
        super().__init__(kept)
        self.what, self.store = what, store

    def __missing__(self, name: Any) -> Any:
        if self.store is not None:
            raise KeyError(f"{self.what} went to the store: open_run({self.store!r})")
        raise KeyError(
            f"no {self.what} of {name!r} were kept; there is {', '.join(map(repr, self)) or 'nothing'}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Outcome of one :meth:`~tegmentum.simcore.Simulation.run`.

    Attributes
    ----------
    spikes : dict of population name to Spikes
    traces : dict of trace name to array (trial, sample, neuron)
    trace_tick : array of int64
        when the samples were taken
    weights, eligibility : dict of projection name to SynapseHistory or ChangeHistory
    modulators : dict of neuromodulator name to LevelHistory
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
    weights: dict[str, SynapseHistory | ChangeHistory] = field(default_factory=dict)
    eligibility: dict[str, SynapseHistory | ChangeHistory] = field(default_factory=dict)
    modulators: dict[str, LevelHistory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("spikes", "traces", "weights", "eligibility", "modulators"):
            object.__setattr__(self, what, _Kept(getattr(self, what), what, self.store))

    def rates(self) -> dict[str, float]:
        """Return each population's mean rate [Hz], over neurons, trials and the run.

        Raises
        ------
        DescriptionError
            for a run of 0 ms, which has no rate
        """
        seconds = (self.stop - self.start) * self.dt * 1e-3 * self.n_trials
        if seconds == 0:
            raise DescriptionError("Result: a run of 0 ms has no rates; simulate for longer")
        return {name: n / (self.sizes[name] * seconds) for name, n in self.n_spikes.items()}

    def __repr__(self) -> str:
        return "\n".join([self._head(), *("  " + ", ".join(row) for row in self._rows())])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("population", "neurons", "spikes", "rate"))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()
        )
        return f"<p>{escape(self._head())}</p><table><tr>{head}</tr>{body}</table>"

    def _head(self) -> str:
        trials = f", {self.n_trials} trials" if self.n_trials > 1 else ""
        where = f", in {self.store}" if self.store else ""
        kinds = ("traces", self.traces), ("weights of", self.weights), ("eligibility of", self.eligibility)
        named = (*kinds, ("levels of", self.modulators))
        held = "".join(f", {what} {', '.join(names)}" for what, names in named if names)
        return (
            f"Result: {self.start * self.dt:g} to {self.stop * self.dt:g} ms{trials}, "
            f"{self.synaptic_events:,} synaptic events{held}{where}"
        )

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Name, size, spikes and rate of each population."""
        rates = self.rates() if self.stop > self.start else {}
        return [
            (
                name,
                f"{self.sizes[name]:,} neurons",
                f"{n:,} spikes",
                f"{rates[name]:.3g} Hz" if rates else "-",
            )
            for name, n in self.n_spikes.items()
        ]
