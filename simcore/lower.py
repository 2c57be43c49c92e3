"""Lowering: from a description to flat arrays, without objects and without compiling a model.

Neurons are numbered by kind (populations that share a model, a set of varying parameters and an update
policy), then by population. With several threads each shard owns a slice of every population.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .connect import Distribution
from .errors import DescriptionError
from .lowered import Kind
from .network import Network, Population
from .rng import STREAM_STATE, uniform
from .sources import Poisson

Array = np.ndarray[Any, Any]
_LAZY_EVENTS = 0.03  # events for each neuron and tick below which an update is lazy by default
_LAZY_SIZE = 1000  # neurons from which that is worth a thought
_ALIGN = 256  # shards begin where a block of the Poisson sampler does


@dataclass
class KindPlan:
    """Populations that share one generated update loop."""

    populations: list[Population]
    varying: tuple[str, ...]  # constants that differ between neurons
    current: bool  # whether a current is injected
    lazy: bool


@dataclass
class Plan:
    """Numbering of a network's neurons for a number of shards."""

    network: Network
    dt: float
    n_shards: int
    kinds: list[KindPlan] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)  # populations by kind, then trains
    first_source: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)  # population: borders of its shards
    first_slot: list[dict[str, int]] = field(default_factory=list)  # for each shard
    n_slots: list[int] = field(default_factory=list)
    lazy: set[str] = field(default_factory=set)  # names of lazy populations

    @property
    def populations(self) -> list[Population]:
        """Populations in the engine's order."""
        return [p for kind in self.kinds for p in kind.populations]

    @property
    def n_sources(self) -> int:
        """Neurons and trains together."""
        return sum(node.size for node in self.nodes)

    @property
    def n_rows(self) -> int:
        """Largest number of receptors of a model, and one more where currents are injected."""
        n_receptors = max((len(p.model.receptors) for p in self.populations), default=1)
        return n_receptors + any(kind.current for kind in self.kinds)

    def numbers(self, shard: int, name: str) -> tuple[int, int]:
        """Range of a population's neurons that a shard owns."""
        return self.cuts[name][shard], self.cuts[name][shard + 1]


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
    if precision not in ("float32", "float64"):
        raise DescriptionError(f"Simulation: precision must be float32 or float64, got {precision!r}")


def plan(network: Network, dt: float, n_shards: int) -> Plan:
    """Give numbers to neurons, sources and slots."""
    out = Plan(network, dt, n_shards)
    driven = {id(s.post) for s in network.sources if not isinstance(s, Poisson)}
    found: dict[Any, KindPlan] = {}
    for population in network.populations:
        varying = _varying(population, dt)
        current = id(population) in driven
        lazy = is_lazy(network, population, dt, current)
        key = (type(population.model), varying, current, lazy)
        kind = found.setdefault(key, KindPlan([], varying, current, lazy))
        kind.populations.append(population)
    # sorted, so that the order in which a network is written down needs no other kernels
    out.kinds = [found[key] for key in sorted(found, key=lambda k: (k[0].__name__, *k[1:]))]
    out.lazy = {p.name for kind in out.kinds if kind.lazy for p in kind.populations}
    out.nodes = [*out.populations, *network.spike_trains]
    first = 0
    for node in out.nodes:
        out.first_source[node.name] = first
        first += node.size
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


def _varying(population: Population, dt: float) -> tuple[str, ...]:
    """Return names of the constants that differ between the neurons of a population."""
    model = population.model
    numbers = {
        f.name: np.asarray([1.0, 2.0])
        for f in fields(model)
        if isinstance(getattr(model, f.name), Distribution) or np.ndim(getattr(model, f.name)) > 0
    }
    if not numbers:
        return ()
    constants = _resolved(population, 0, dt).derive(dt)
    return tuple(name for name, value in zip(constants._fields, constants, strict=True) if np.ndim(value) > 0)


def _resolved(population: Population, seed: int, dt: float) -> Any:
    """Return the model with distributions replaced by one number for each neuron."""
    model, drawn = population.model, {}
    for number, f in enumerate(fields(model)):
        value = getattr(model, f.name)
        if isinstance(value, Distribution):
            drawn[f.name] = _draw(value, population, seed, number)
        elif np.ndim(value) > 0:
            drawn[f.name] = np.asarray(value, dtype=np.float64)
    return type(model)(**{f.name: drawn.get(f.name, getattr(model, f.name)) for f in fields(model)})


def _draw(d: Distribution, population: Population, seed: int, number: int) -> Array:
    """Values for each neuron of a population, functions of (seed, population's name, number, neuron)."""
    entity = (sum(population.name.encode()) * 31 + len(population.name)) % 65521 * 256 + number
    return d.quantile(uniform(population.size, seed, STREAM_STATE, entity) * (1 - 2.0**-52) + 2.0**-54)


def state_of(p: Plan, kind: KindPlan, seed: int, real: Any) -> list[Array]:
    """Return the initial state of a kind: one array of all its neurons for each field."""
    parts: dict[str, list[Array]] = {}
    for population in kind.populations:
        initial = _resolved(population, seed, p.dt).initial()._asdict()
        for number, (name, value) in enumerate({**initial, **population.initial}.items()):
            if isinstance(value, Distribution):
                value = _draw(value, population, seed, 128 + number)
            parts.setdefault(name, []).append(np.broadcast_to(np.asarray(value, real), population.size))
    return [np.concatenate(arrays) for arrays in parts.values()]


def kind_arrays(p: Plan, kind: KindPlan, shard: int, seed: int, n_trials: int, real: Any) -> Kind:
    """State, constants and currents of a kind's neurons in one shard."""
    pieces: list[Any] = []
    part, tables = [], []
    arrays: dict[str, list[Array]] = {name: [] for name in kind.varying}
    first = 0
    for population in kind.populations:
        lo, hi = p.numbers(shard, population.name)
        constants = _resolved(population, seed, p.dt).derive(p.dt)
        row = []
        for name, value in zip(constants._fields, constants, strict=True):
            if name in arrays:
                arrays[name].append(np.broadcast_to(np.asarray(value, real), population.size)[lo:hi])
            row.append(0.0 if name in arrays else float(value))
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
    state = state_of(p, kind, seed, real)
    functions = kind.populations[0].model.functions()
    offsets = np.cumsum([0] + [q.size for q in kind.populations])
    owned = np.concatenate(
        [np.arange(o + lo, o + hi) for o, (_, lo, hi, _) in zip(offsets, pieces, strict=False)]
    )
    return Kind(
        fields=functions["State"](*(np.ascontiguousarray(np.tile(a[owned], (n_trials, 1))) for a in state)),
        table=np.array(tables, dtype=real),
        arrays=tuple(np.ascontiguousarray(np.concatenate(arrays[name])) for name in kind.varying),
        last=np.zeros((n_trials, first if kind.lazy else 0), dtype=np.int64),
        part=np.array(part, dtype=np.int64).reshape(-1, 5),
    )


def is_varied(source: Poisson) -> bool:
    """Tell whether a source's rate differs between neurons or changes with time."""
    return callable(source.rate) or np.ndim(source.rate) > 0


def is_lazy(network: Network, population: Population, dt: float, current: bool) -> bool:
    """Choose the update policy of a population by its model, its input and what the user said.

    A lazily updated event costs about ten times a stepped neuron's tick, so that *lazy* pays below 0.05 to
    0.2 events for each neuron and tick. Recurrent activity is not known yet and taken as 1 Hz.
    """
    if population.update == "stepped":
        return False
    functions = population.model.functions()
    problem = None
    if "leap" not in functions:
        problem = f"{type(population.model).__name__} defines no leap"
    elif any(q.plasticity is not None and q.post is population for q in network.projections):
        problem = "synapses onto it are plastic"
    elif current:
        problem = "a current is injected"
    elif "next_spike" in functions and _fires_alone(population, dt):
        problem = "its neurons fire without input"
    if population.update == "lazy":
        if problem:
            raise DescriptionError(f"Population {population.name!r}: update cannot be lazy, as {problem}")
        return True
    if problem or population.size < _LAZY_SIZE:
        return False
    events = 0.0
    for projection in network.projections:
        if projection.post is population:
            events += (
                projection.rule.expected(projection.pre.size, population.size) / population.size * dt * 1e-3
            )
    for source in network.sources:
        if isinstance(source, Poisson) and source.post is population:
            if is_varied(source):
                return False
            events += float(source.rate) * dt * 1e-3  # type: ignore[arg-type]
    return events < _LAZY_EVENTS


def _fires_alone(population: Population, dt: float) -> bool:
    """Tell whether some neuron reaches its threshold without input, from its reset."""
    functions = population.model.functions()
    constants = _resolved(population, 0, dt).derive(dt)
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, float)) for c in constants))
    for values in np.unique(np.stack(columns, axis=1), axis=0)[:1000]:
        c = functions["Constants"](*(float(v) for v in values))
        s = functions["State"](*(0.0 for _ in functions["State"]._fields))
        if math.isfinite(functions["next_spike"](functions["reset"](s, c), c)):
            return True
    return False
