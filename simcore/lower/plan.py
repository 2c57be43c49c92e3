"""Lowering: from a description to flat arrays, without objects and without compiling a model.

Neurons are numbered by model group (populations that share a model, a set of varying parameters and an update
policy), then by population. With several threads each shard owns a slice of every population.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from ..describe.connectivity import Distribution
from ..describe.network import MOST_NEURONS, Network, Population
from ..describe.sources import Poisson
from ..errors import DescriptionError
from ..neurons.base import fires_late, numbers_of
from ..random.draws import uniform_of
from ..random.philox import STREAM_STATE
from .arrays import ModelGroup

Array = np.ndarray[Any, Any]
PRECISIONS = "float32", "float64", "mixed"
_LAZY_EVENTS = 0.03  # events for each neuron and tick below which an update is lazy by default
_LAZY_SIZE = 1000  # neurons from which that is worth a thought
_ALIGN = 256  # shards begin where a block of the Poisson sampler does


@dataclass
class ModelGroupPlan:
    """Populations that share one generated update loop."""

    populations: list[Population]
    varying: tuple[str, ...]  # constants that differ between neurons
    current: bool  # whether a current is injected
    lazy: bool
    silent: tuple[str, ...] = ()  # receptors that nothing reaches, and whose state is 0


@dataclass
class Plan:
    """Numbering of a network's neurons for a number of shards."""

    network: Network
    dt: float
    n_shards: int
    seed: int = 0
    model_groups: list[ModelGroupPlan] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)  # populations by model group, then trains
    first_source: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)  # population: borders of its shards
    first_slot: list[dict[str, int]] = field(default_factory=list)  # for each shard
    n_slots: list[int] = field(default_factory=list)
    lazy: set[str] = field(default_factory=set)  # names of lazy populations

    @property
    def populations(self) -> list[Population]:
        """Populations in the engine's order."""
        return [p for model_group in self.model_groups for p in model_group.populations]

    @property
    def n_sources(self) -> int:
        """Neurons and trains together."""
        return sum(node.size for node in self.nodes)

    @property
    def n_rows(self) -> int:
        """Largest number of receptors of a model, and one more where currents are injected."""
        n_receptors = max((len(p.model.receptors) for p in self.populations), default=1)
        return n_receptors + any(model_group.current for model_group in self.model_groups)

    def numbers(self, shard: int, name: str) -> tuple[int, int]:
        """Range of a population's neurons that a shard owns."""
        return self.cuts[name][shard], self.cuts[name][shard + 1]

    def part(self, first: int, n: int) -> Plan:
        """Return the plan of ``n`` shards alone, the ``first`` of which becomes shard 0: those of an MPI rank."""
        return replace(
            self,
            n_shards=n,
            cuts={name: cuts[first : first + n + 1] for name, cuts in self.cuts.items()},
            first_slot=self.first_slot[first : first + n],
            n_slots=self.n_slots[first : first + n],
        )

    def own(self, name: str) -> tuple[int, int]:
        """Range of a population's neurons that the shards own together: all, but in an MPI rank."""
        return self.cuts[name][0], self.cuts[name][-1]


def ticks(ms: float, dt: float, what: str) -> int:
    """Convert a time to ticks, refusing what is no multiple of ``dt``."""
    n = round(ms / dt)
    if not math.isclose(n * dt, ms, rel_tol=1e-9, abs_tol=1e-9 * dt):
        raise DescriptionError(f"{what} must be a multiple of dt = {dt} ms, got {ms}")
    return n


def check(dt: float, precision: str) -> None:
    """Refuse a tick that is no time and a precision that is none."""
    if not (dt > 0 and math.isfinite(dt)):
        raise DescriptionError(f"Simulation: dt must be > 0 ms, got {dt}")
    if precision not in PRECISIONS:
        raise DescriptionError(
            f"Simulation: precision must be {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, got {precision!r}"
        )


def real_of(precision: str) -> np.dtype[Any]:
    """Return the type of state and sums."""
    return np.dtype("float32" if precision == "mixed" else precision)


def plan(network: Network, dt: float, n_shards: int, seed: int = 0) -> Plan:
    """Give numbers to neurons, sources and slots.

    Raises
    ------
    DescriptionError
        where parameters or initial states, as ``seed`` draws them, are none that a model can have
    """
    out = Plan(network, dt, n_shards, seed)
    driven = {id(s.post) for s in network.sources if not isinstance(s, Poisson)}
    found: dict[Any, ModelGroupPlan] = {}
    for population in network.populations:
        check_population(population, dt, seed)
        varying = _varying(population, dt, seed)
        current = id(population) in driven
        lazy = is_lazy(network, population, dt, current, seed)
        key = (type(population.model), varying, current, lazy)
        model_group = found.setdefault(key, ModelGroupPlan([], varying, current, lazy))
        model_group.populations.append(population)
    # sorted, so that the order in which a network is written down needs no other kernels
    out.model_groups = [found[key] for key in sorted(found, key=lambda k: (k[0].__name__, *k[1:]))]
    for model_group in out.model_groups:
        model_group.silent = _silent(network, model_group, seed)
    out.lazy = {
        p.name for model_group in out.model_groups if model_group.lazy for p in model_group.populations
    }
    out.nodes = [*out.populations, *network.spike_trains]
    first = 0
    for node in out.nodes:
        out.first_source[node.name] = first
        first += node.size
    if first > MOST_NEURONS:
        raise DescriptionError(f"Network: at most {MOST_NEURONS} neurons can be numbered, got {first}")
    for p in out.populations:
        inner = [round(p.size * k / n_shards / _ALIGN) * _ALIGN for k in range(1, n_shards)]
        if p.size < 2 * _ALIGN * n_shards:
            inner = [round(p.size * k / n_shards) for k in range(1, n_shards)]
        out.cuts[p.name] = [0, *inner, p.size]
    for k in range(n_shards):
        slot, slots = 0, {}
        for p in out.populations:
            slots[p.name] = slot
            lo, hi = out.numbers(k, p.name)
            slot += hi - lo
        out.first_slot.append(slots)
        out.n_slots.append(slot)
    return out


def check_population(population: Population, dt: float, seed: int) -> None:
    """Refuse a model that never fires, a tick too long for it, and what was drawn out of range."""
    where, model = f"Population {population.name!r}", population.model
    if not model.spiking:
        raise DescriptionError(
            f"{where}: a {type(model).__name__} never fires; it is for networks that learn window by window "
            "(plasticity.Learner), a simulation needs a spiking model such as LIF()"
        )
    problem = resolved(population, seed).check_tick(dt)
    if problem:
        raise DescriptionError(f"{where}: {problem}; choose a shorter dt")
    if any(isinstance(value, Distribution) for value in population.initial.values()):
        initial_of(population, seed)


def _silent(network: Network, model_group: ModelGroupPlan, seed: int) -> tuple[str, ...]:
    """Return receptors of a model group that nothing can reach, and whose state variables are 0."""
    model = model_group.populations[0].model
    poisson = [source for source in network.sources if isinstance(source, Poisson)]
    ends = [(q.post, q.receptor) for q in network.projections] + [(s.post, s.receptor) for s in poisson]
    reached = {receptor for post, receptor in ends if post in model_group.populations}
    silent = [receptor for receptor in model.receptors if receptor not in reached]
    if not model.moved_by(silent):
        return tuple(silent)
    states = [initial_of(population, seed) for population in model_group.populations]
    return tuple(
        receptor
        for receptor in silent
        if not any(np.any(state[name]) for state in states for name in model.moved_by([receptor]))
    )


def _varying(population: Population, dt: float, seed: int) -> tuple[str, ...]:
    """Return names of the constants that differ between the neurons of a population."""
    model = population.model
    if not any(
        isinstance(getattr(model, f.name), Distribution) or np.ndim(getattr(model, f.name)) > 0
        for f in fields(model)
    ):
        return ()
    constants = resolved(population, seed).derive(dt)
    return tuple(name for name, value in zip(constants._fields, constants, strict=True) if np.ndim(value) > 0)


def resolved(population: Population, seed: int) -> Any:
    """Return the model with distributions replaced by one number for each neuron.

    Raises
    ------
    DescriptionError
        if numbers are drawn that the model cannot have, as ``tau_m must be > 0 ms, but 212 of 1000 drawn values
        are not (least -9.3)``
    """
    model, drawn = population.model, set()
    numbers: dict[str, Any] = {}
    for f in fields(model):
        value = getattr(model, f.name)
        if isinstance(value, Distribution):
            numbers[f.name] = _draw(value, population, seed, "parameter", f.name)
            drawn.add(f.name)
        elif np.ndim(value) > 0:
            numbers[f.name] = np.asarray(value, dtype=np.float64)
        elif isinstance(value, (np.generic, np.ndarray)) and value.dtype.kind in "fiu":
            numbers[f.name] = float(value)  # else a float32 would make all constants float32
    if not numbers:
        return model
    found = type(model)(**{f.name: numbers.get(f.name, getattr(model, f.name)) for f in fields(model)})
    problem = found.problem(drawn) if drawn else None  # what was given has been checked
    if problem:
        raise DescriptionError(f"Population {population.name!r}: {problem}")
    return found


def _draw(d: Distribution, population: Population, seed: int, what: str, name: str) -> Array:
    """Values for each neuron of a population, functions of (seed, population's name, what, name, neuron)."""
    u = uniform_of(population.size, seed, STREAM_STATE, population.name, what, name)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused afterwards
        return d.quantile(u)


def initial_of(population: Population, seed: int) -> dict[str, Any]:
    """Return the initial state of a population by name: numbers, or arrays with one for each neuron."""
    state: dict[str, Any] = resolved(population, seed).initial()._asdict()
    for name, value in population.initial.items():
        drawn = isinstance(value, Distribution)
        number = _draw(value, population, seed, "initial", name) if drawn else np.asarray(value, np.float64)
        if not np.all(np.isfinite(number)):
            n = np.count_nonzero(~np.isfinite(number))
            raise DescriptionError(
                f"Population {population.name!r}: initial {name} must be finite, but {n} of {number.size} "
                "values are not"
            )
        # models count the refractory time down to 0, in whole ticks: so does a lazy neuron's leap
        state[name] = np.ceil(np.maximum(number, 0.0)) if name == "refractory" else number
    return state


def _as_real(value: Any, real: Any, population: Population, name: str) -> Array:
    """Return a number for each neuron in a simulation's precision, refusing what has no place in it."""
    numbers = numbers_of(value)
    if numbers is None or np.any(np.isnan(numbers)):
        raise DescriptionError(f"Population {population.name!r}: {name} is no number with these parameters")
    with np.errstate(over="ignore"):
        out = np.broadcast_to(numbers.astype(real), population.size)
    if np.any(np.isinf(out) & np.isfinite(numbers)):
        most = float(np.abs(numbers[np.isfinite(numbers)] if numbers.ndim else numbers).max())
        raise DescriptionError(
            f"Population {population.name!r}: {name} = {most:g} is too large for {np.dtype(real).name}; "
            "use precision='float64'"
        )
    return out


def state_of(p: Plan, model_group: ModelGroupPlan, seed: int, real: Any) -> list[Array]:
    """Return the initial state of a model group: one array of all its neurons for each field."""
    parts: dict[str, list[Array]] = {}
    for population in model_group.populations:
        for name, value in initial_of(population, seed).items():
            parts.setdefault(name, []).append(_as_real(value, real, population, f"initial {name}"))
    return [np.concatenate(arrays) for arrays in parts.values()]


def model_group_arrays(
    p: Plan, model_group: ModelGroupPlan, shard: int, seed: int, n_trials: int, real: Any
) -> ModelGroup:
    """State, constants and currents of a model group's neurons in one shard."""
    pieces: list[Any] = []
    part, tables = [], []
    arrays: dict[str, list[Array]] = {name: [] for name in model_group.varying}
    first = 0
    for population in model_group.populations:
        lo, hi = p.numbers(shard, population.name)
        if model_group.lazy and seed != p.seed and fires_alone(population, p.dt, seed):
            raise DescriptionError(
                f"Population {population.name!r}: seed {seed} draws neurons that fire without input, which must "
                "not be lazy; say update='stepped'"
            )
        constants = resolved(population, seed).derive(p.dt)
        row = []
        for name, value in zip(constants._fields, constants, strict=True):
            numbers = _as_real(value, real, population, name)
            if name in arrays:
                arrays[name].append(numbers[lo:hi])
            row.append(0.0 if name in arrays else float(numbers[0]))
        tables.append(row)
        number = p.populations.index(population)
        part.append(
            (
                number,
                p.first_slot[shard][population.name],
                hi - lo,
                p.first_source[population.name] + lo,
                first,
            )
        )
        pieces.append((population, lo, hi, first))
        first += hi - lo
    state = state_of(p, model_group, seed, real)
    functions = model_group.populations[0].model.functions()
    offsets = np.cumsum([0] + [q.size for q in model_group.populations])
    owned = np.concatenate(
        [np.arange(o + lo, o + hi) for o, (_, lo, hi, _) in zip(offsets, pieces, strict=False)]
    )
    return ModelGroup(
        fields=functions["State"](*(np.ascontiguousarray(np.tile(a[owned], (n_trials, 1))) for a in state)),
        table=np.array(tables, dtype=real),
        arrays=tuple(np.ascontiguousarray(np.concatenate(arrays[name])) for name in model_group.varying),
        last=np.zeros((n_trials, first if model_group.lazy else 0), dtype=np.int64),
        part=np.array(part, dtype=np.int64).reshape(-1, 5),
    )


def is_inhomogeneous(source: Poisson) -> bool:
    """Tell whether a source's rate differs between neurons or changes with time."""
    return callable(source.rate) or np.ndim(source.rate) > 0


def is_lazy(network: Network, population: Population, dt: float, current: bool, seed: int) -> bool:
    """Choose the update policy of a population by its model, its input and what the user said.

    A lazily updated event costs about ten times a stepped neuron's tick, so that *lazy* pays below 0.05 to
    0.2 events for each neuron and tick. Recurrent activity is not known yet and taken as 1 Hz.

    A lazy neuron is looked at when an event reaches it, and at no other time. So a population is lazy only where
    none of its neurons, with the parameters and the initial state that ``seed`` draws, fires at another.
    """
    if population.update == "stepped":
        return False
    if population.update == "lazy":
        problem = _not_lazy(network, population, current) or fires_alone(population, dt, seed)
        if problem:
            raise DescriptionError(f"Population {population.name!r}: update cannot be lazy, as {problem}")
        return True
    if population.size < _LAZY_SIZE or _not_lazy(network, population, current):
        return False
    events = 0.0
    for projection in network.projections:
        if projection.post is population:
            events += (
                projection.rule.expected(projection.pre.size, population.size) / population.size * dt * 1e-3
            )
    for source in network.sources:
        if isinstance(source, Poisson) and source.post is population:
            if is_inhomogeneous(source):
                return False
            events += float(source.rate) * dt * 1e-3  # type: ignore[arg-type]
    return events < _LAZY_EVENTS and fires_alone(population, dt, seed) is None


def _not_lazy(network: Network, population: Population, current: bool) -> str | None:
    """Say why a population cannot be lazy, whatever the numbers; None if it can."""
    if "leap" not in population.model.functions():
        return f"{type(population.model).__name__} defines no leap"
    if any(q.plasticity is not None and q.post is population for q in network.projections):
        return "synapses onto it are plastic"
    return "a current is injected" if current else None


def fires_alone(
    population: Population, dt: float, seed: int, state: Iterable[Any] | None = None
) -> str | None:
    """Say why neurons of a model with ``leap`` may fire in a tick that no event reaches; None if none does.

    Parameters
    ----------
    state : arrays, one for each state variable, optional
        where it is not the initial state
    """
    functions = population.model.functions()
    constants = resolved(population, seed).derive(dt)
    if state is None:
        initial = initial_of(population, seed)
        state = [initial[name] for name in functions["State"]._fields]
    s = functions["State"](*(np.asarray(x, np.float64) for x in state))
    c = functions["Constants"](*(np.asarray(x, np.float64) for x in constants))
    if population.model.fires_alone(s, c):
        return "its neurons fire without input"
    one = [float(x.flat[0]) for x in (*s, *c)]
    if fires_late(functions, functions["State"](*one[: len(s)]), functions["Constants"](*one[len(s) :])):
        return "its neurons may fire later than their input arrives"
    return None
