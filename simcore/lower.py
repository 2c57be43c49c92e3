"""Lowering: from a description to flat arrays, without objects and without compiling a model.

Neurons are numbered by kind (populations that share a model, a set of varying parameters and an update
policy), then by population. With several threads each shard owns a slice of every population.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .connect import (
    AllToAll,
    Constant,
    Distribution,
    Explicit,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from .errors import DescriptionError
from .lowered import (
    CONSTANT,
    DENSE,
    LAZY_CONSTANT,
    LAZY_WEIGHTED,
    MAX_GROUPS,
    MAX_LENGTH,
    PLASTIC,
    WEIGHTED,
    Drops,
    Kind,
    Plastic,
    Rain,
    Trains,
    Varied,
    Wind,
    Wires,
)
from .network import Network, Population, Projection, default_receptor
from .rng import STREAM_STATE, seed_key, uniform
from .sources import Current, Noise, Poisson
from .tables import alias_table, normal_table

Array = np.ndarray[Any, Any]
_RARE = 0.02  # spikes in a tick below which Poisson input is drawn spike by spike
_LAZY_EVENTS = 0.03  # events for each neuron and tick below which an update is lazy by default
_LAZY_SIZE = 1000  # neurons from which that is worth a thought
HISTORY = 32  # as in .plastic
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


def current_steps(p: Plan) -> dict[str, list[tuple[int, float, Array]]]:
    """Injected currents: for each population, (first tick, last tick + 1, amplitude of each neuron)."""
    out: dict[str, list[tuple[int, float, Array]]] = {}
    for source in p.network.sources:
        if isinstance(source, Current):
            stop = math.inf if math.isinf(source.stop) else round(source.stop / p.dt)
            amplitude = np.broadcast_to(np.asarray(source.amplitude, np.float64), source.post.size)
            # the current of [start, stop) acts on the steps that end in (start, stop]
            out.setdefault(source.post.name, []).append((round(source.start / p.dt) + 1, stop + 1, amplitude))
        elif isinstance(source, Noise):
            out.setdefault(source.post.name, []).append((0, math.inf, np.full(source.post.size, source.mean)))
    return out


def wind_of(p: Plan, shard: int, seed: int, n_trials: int, real: Any) -> Wind:
    """Return the sources of Gaussian current into one shard; the means are among the steady currents."""
    rows, std, seen = [], [], set()
    for number, source in enumerate(p.network.sources):
        if not isinstance(source, Noise) or source.std == 0:
            continue
        lo, hi = p.numbers(shard, source.post.name)
        slot = p.first_slot[shard][source.post.name]
        base = (p.n_rows - 1) * p.n_slots[shard] + slot
        rows.append((number, base, slot, lo, hi - lo, source.post.name in seen))
        std.append(source.std)
        seen.add(source.post.name)
    return Wind(
        np.array(rows, np.int64).reshape(-1, 6),
        np.array(std, real),
        np.zeros(p.n_slots[shard] if rows else 0, real),
        normal_table() if rows else np.zeros((3, 0)),
        np.zeros((n_trials if rows else 1, 256)),
        np.array(seed_key(seed), np.uint32),
    )


def rain_of(p: Plan, shard: int, seed: int, real: Any) -> Rain:
    """Poisson sources onto one shard."""
    rows, weights, limits, others = [], [], [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    offset = 0
    for number, source in enumerate(p.network.sources):
        if not isinstance(source, Poisson):
            continue
        where = f"Poisson onto {source.post.name!r}"
        if is_varied(source) or is_rare(p, source):
            continue
        mean = float(source.rate) * p.dt * 1e-3  # type: ignore[arg-type]
        if mean > 100:
            raise DescriptionError(f"{where}: rate must be below {1e5 / p.dt:g} Hz at dt = {p.dt} ms")
        row = source_row(source)
        limit, other, bits = alias_table(mean)
        lo, hi = p.numbers(shard, source.post.name)
        base = row * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, offset, bits))
        weights.append(source.weight)
        limits.append(limit)
        others.append(other)
        offset += len(limit)
    return Rain(
        np.array(rows, dtype=np.int64).reshape(-1, 6),
        np.array(weights, dtype=real),
        np.concatenate(limits),
        np.concatenate(others),
        np.array(seed_key(seed), np.uint32),
    )


def source_row(source: Poisson) -> int:
    """Return the receptor that a source acts on."""
    receptors = source.post.model.receptors
    where = f"Poisson onto {source.post.name!r}"
    return receptors.index(source.receptor or default_receptor(receptors, np.asarray(source.weight), where))


def is_varied(source: Poisson) -> bool:
    """Tell whether a source's rate differs between neurons or changes with time."""
    return callable(source.rate) or np.ndim(source.rate) > 0


def varied_of(p: Plan, shard: int, seed: int, real: Any) -> Varied:
    """Poisson sources of varied rates onto one shard; :func:`scales` fills in the coming ticks."""
    rows, weights, means, first = [], [], [np.zeros(0)], 0
    for number, source in enumerate(p.network.sources):
        if not isinstance(source, Poisson) or not is_varied(source):
            continue
        lo, hi = p.numbers(shard, source.post.name)
        base = source_row(source) * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, first))
        weights.append(source.weight)
        rate = np.ones(1) if callable(source.rate) else np.asarray(source.rate, np.float64) * p.dt * 1e-3
        means.append(np.broadcast_to(rate, source.post.size)[lo:hi])
        first += hi - lo
    most = np.array([mean.max(initial=0.0) for mean in means[1:]])
    if most.max(initial=0.0) > 100:
        raise DescriptionError(f"Poisson: rates must be below {1e5 / p.dt:g} Hz at dt = {p.dt} ms")
    return Varied(
        np.array(rows, np.int64).reshape(-1, 5),
        np.array(weights, real),
        np.concatenate(means),
        most,
        np.zeros(1, np.int64),
        np.ones((len(rows), 0)),
        np.array(seed_key(seed), np.uint32),
    )


def scales(p: Plan, varied: Varied, tick: int, until: int) -> Varied:
    """Evaluate rates that are functions of time for the ticks after ``tick`` up to ``until``."""
    scale = np.ones((len(varied.source), until - tick))
    for row, number in zip(scale, varied.source[:, 0], strict=True):
        source = p.network.sources[number]
        assert isinstance(source, Poisson)
        if callable(source.rate):
            row[:] = [float(source.rate(t * p.dt)) * p.dt * 1e-3 for t in range(tick, until)]
            if not (row.min(initial=0.0) >= 0 and row.max(initial=0.0) <= 100):
                raise DescriptionError(
                    f"Poisson onto {source.post.name!r}: rate(t) must be in [0, {1e5 / p.dt:g}] Hz, "
                    f"got {row.min() / p.dt * 1e3:g} to {row.max() / p.dt * 1e3:g}"
                )
    return varied._replace(tick=np.array([tick + 1], np.int64), scale=scale)


def is_rare(p: Plan, source: Poisson) -> bool:
    """Tell whether a source's spikes are drawn one by one, and not tick by tick."""
    if is_varied(source):
        return False
    return source.post.name in p.lazy or float(source.rate) * p.dt * 1e-3 < _RARE  # type: ignore[arg-type]


def drops_of(p: Plan, shard: int, seed: int, n_trials: int, real: Any) -> Drops:
    """Rare Poisson sources onto one shard; their next spikes are yet to be drawn."""
    rows, rates, weights, first = [], [], [], [0]
    for number, source in enumerate(p.network.sources):
        if not isinstance(source, Poisson) or not is_rare(p, source) or source.rate == 0:
            continue
        lo, hi = p.numbers(shard, source.post.name)
        slot = p.first_slot[shard][source.post.name]
        base = source_row(source) * p.n_slots[shard] + slot
        rows.append((number, base, slot, lo, hi - lo, source.post.name in p.lazy))
        rates.append(float(source.rate) * p.dt * 1e-3)  # type: ignore[arg-type]
        weights.append(source.weight)
        first.append(first[-1] + hi - lo)
    wait = 1 / min(rates, default=1.0)
    n_buckets = 1 << min(16, max(4, math.ceil(math.log2(2 * wait))))
    return Drops(
        np.array(rows, np.int64).reshape(-1, 6),
        np.array(rates, np.float64),
        np.array(weights, real),
        np.array(first, np.int64),
        np.zeros((n_trials, first[-1])),
        np.zeros((n_trials, len(rows), n_buckets), np.int32),
        np.zeros((n_trials, first[-1]), np.int32),
        np.array(seed_key(seed), np.uint64),
    )


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


def trains_of(p: Plan, n_trials: int) -> Trains:
    """Given spikes of all trials, sorted."""
    tick, source, trial = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for train in p.network.spike_trains:
        t = np.round(np.asarray(train.times, np.float64) / p.dt).astype(np.int64)
        n = np.asarray(train.neuron, np.int64) + p.first_source[train.name]
        if train.trial is None:
            tick.append(np.tile(t, n_trials))
            source.append(np.tile(n, n_trials))
            trial.append(np.repeat(np.arange(n_trials), len(t)))
        else:
            number = np.asarray(train.trial, np.int64)
            if number.size and not (number.min() >= 0 and number.max() < n_trials):
                raise DescriptionError(
                    f"SpikeTrain {train.name!r}: trial must be in [0, {n_trials}), "
                    f"got {number.min()} to {number.max()}"
                )
            tick.append(t)
            source.append(n)
            trial.append(number)
    t, n, r = np.concatenate(tick), np.concatenate(source), np.concatenate(trial)
    order = np.lexsort((n, t, r))
    borders = np.searchsorted(r[order], np.arange(n_trials + 1))
    return Trains(t[order], n[order].astype(np.int32), borders[:-1].copy(), borders[1:].copy())


# --------------------------------------------------------------------------------------------------- synapses


@dataclass
class Delay:
    """Delays of a projection in ticks: given, or a table to draw them from."""

    given: Array
    table: Array
    least: int
    most: int


def quantile_table(d: Distribution, scale: float = 1.0) -> Array:
    """Tabulate a quantile function: its body and its two outermost cells, for :func:`.wiring.quantile`."""
    cells = 16384
    edges = np.arange(cells + 1) / cells
    tail = edges / cells
    u = np.stack([edges, tail, 1 - tail[::-1]])
    smallest = 2.0**-34
    return np.asarray(d.quantile(np.clip(u, smallest, 1 - smallest))) * scale


def delay_of(projection: Projection, dt: float) -> Delay:
    """Delays of a projection, checked against ``dt``."""
    d, none = projection.delay, np.zeros((3, 1))
    where = f"Projection {projection.name!r}"
    if isinstance(d, Distribution) and not isinstance(d, Constant):
        table = quantile_table(d, 1 / dt)
        least, most = max(1, round(float(table.min()))), max(1, round(float(table.max())))
        return Delay(np.zeros(0), table, least, most)
    given = np.round(np.atleast_1d(d.value if isinstance(d, Constant) else d) / dt).astype(np.int64)
    if given.size and given.min() < 1:
        raise DescriptionError(
            f"{where}: delay must be at least one tick of dt = {dt} ms, got {given.min() * dt}"
        )
    if given.size > 1 and given.min() == given.max():
        given = given[:1]
    return Delay(given.ravel(), none, int(given.min(initial=1)), int(given.max(initial=1)))


def rows_of(projection: Projection, number: int, key: Array, kernels: Any) -> tuple[Array, Array, Any]:
    """Targets of each pre neuron in CSR form, and the order of listed synapses in it."""
    rule, pre, post = projection.rule, projection.pre.size, projection.post.size
    same = projection.pre is projection.post
    if isinstance(rule, FixedIndegree):
        partner = kernels.fixed_degree(post, pre, rule.k, same, rule.autapses, rule.multapses, number, key)
        return (*kernels.transpose(partner, pre), None)
    if isinstance(rule, FixedOutdegree):
        partner = kernels.fixed_degree(pre, post, rule.k, same, rule.autapses, rule.multapses, number, key)
        return np.arange(pre + 1, dtype=np.int64) * rule.k, partner.ravel(), None
    if isinstance(rule, FixedProbability):
        if rule.p == 0:
            return np.zeros(pre + 1, np.int64), np.zeros(0, np.uint32), None
        return (*kernels.fixed_probability(pre, post, rule.p, same, rule.autapses, number, key), None)
    if isinstance(rule, FixedTotal):
        return (*kernels.fixed_total(pre, post, rule.n, same, rule.autapses, number, key), None)
    if isinstance(rule, OneToOne):
        return np.arange(pre + 1, dtype=np.int64), np.arange(pre, dtype=np.uint32), None
    if isinstance(rule, Explicit):
        i, j = (np.asarray(end) for end in rule.pairs())
        i, j = i.astype(np.int64), j.astype(np.uint32)
        order = np.argsort(i, kind="stable")
        ptr = np.zeros(pre + 1, np.int64)
        np.cumsum(np.bincount(i, minlength=pre), out=ptr[1:])
        return ptr, j[order], order
    if isinstance(rule, AllToAll):
        row = np.arange(post, dtype=np.uint32)
        if same and not rule.autapses:
            rows = [np.delete(row, i) for i in range(pre)]
            return np.arange(pre + 1, dtype=np.int64) * (post - 1), np.concatenate(rows), None
        return np.arange(pre + 1, dtype=np.int64) * post, np.tile(row, pre), None
    raise DescriptionError(f"Projection {projection.name!r}: cannot build {type(rule).__name__}")


@dataclass
class Group:
    """Projections whose synapses are stored alike and whose segments are merged."""

    format: int
    row: int
    weight: float = 0.0
    members: list[int] = field(default_factory=list)  # numbers of projections
    start: int = 0


def _is_dense(projection: Projection, delay: Delay, lazy: set[str]) -> bool:
    return (
        projection.post.name not in lazy
        and projection.plasticity is None
        and isinstance(projection.rule, AllToAll)
        and delay.given.size == 1
        and projection.post.size <= MAX_LENGTH
        and not (isinstance(projection.weight, Constant) and not projection.rule.autapses)
    )


def groups_of(network: Network, delays: list[Delay], lazy: set[str]) -> list[Group]:
    """Assign every projection to a group; two between the same populations never share one."""
    groups: list[Group] = []
    for number, (projection, delay) in enumerate(zip(network.projections, delays, strict=True)):
        row = projection.post.model.receptors.index(str(projection.receptor))
        constant = isinstance(projection.weight, Constant)
        weight = projection.weight.value if isinstance(projection.weight, Constant) else 0.0
        dense = _is_dense(projection, delay, lazy)
        form = DENSE if dense else CONSTANT if constant else WEIGHTED
        if projection.post.name in lazy:
            form = LAZY_CONSTANT if constant else LAZY_WEIGHTED
        if projection.plasticity is not None:
            form = PLASTIC
        for group in groups:
            pairs = {(id(network.projections[m].pre), id(network.projections[m].post)) for m in group.members}
            dense = dense or form == PLASTIC  # these never share a group
            alike = (group.format, group.row, group.weight) == (form, row, weight) and not dense
            if alike and (id(projection.pre), id(projection.post)) not in pairs:
                group.members.append(number)
                break
        else:
            groups.append(Group(form, row, weight, [number]))
    if len(groups) > MAX_GROUPS:
        raise DescriptionError(f"Network: {len(groups)} kinds of synapses; at most {MAX_GROUPS} are possible")
    return groups


@dataclass
class Rows:
    """Synapses of a projection before they are placed."""

    ptr: Array
    post: Array
    weights: Array  # one, all, or none where drawn
    weight_table: Array
    delay: Delay


def _weights(projection: Projection, order: Any, n: int) -> tuple[Array, Array]:
    """Given weights in the order of rows, and the table to draw them from otherwise."""
    w = projection.weight
    if isinstance(w, Constant):
        return np.array([w.value]), np.zeros((3, 1))
    if isinstance(w, Distribution):
        return np.zeros(0), quantile_table(w)
    flat = np.asarray(w, np.float64)
    where = f"Projection {projection.name!r}"
    if isinstance(projection.rule, AllToAll):
        shape = (projection.pre.size, projection.post.size)
        if flat.shape != shape:
            raise DescriptionError(f"{where}: weight must have shape {shape}, got {flat.shape}")
        if n < flat.size:  # without autapses
            flat = flat[~np.eye(shape[0], dtype=bool)]
    elif flat.shape != (n,):
        raise DescriptionError(f"{where}: weight must have {n} values, got shape {flat.shape}")
    flat = flat.ravel() if order is None else flat[order]
    if flat.size == 1:
        flat = np.repeat(flat, 2)  # length 1 would mean a constant
    return flat, np.zeros((3, 1))


def build_rows(
    network: Network, delays: list[Delay], lazy: set[str], seed: int, kernels: Any
) -> list[Rows | None]:
    """Rows of every projection that is not dense."""
    key = np.array(seed_key(seed), dtype=np.uint64)
    out: list[Rows | None] = []
    for number, (projection, delay) in enumerate(zip(network.projections, delays, strict=True)):
        if _is_dense(projection, delay, lazy):
            out.append(None)
            continue
        ptr, post, order = rows_of(projection, number, key, kernels)
        weights, table = _weights(projection, order, len(post))
        if delay.given.size > 1:
            if delay.given.size != len(post):
                raise DescriptionError(
                    f"Projection {projection.name!r}: delay must have {len(post)} values, "
                    f"got {delay.given.size}"
                )
            if order is not None:
                delay = Delay(delay.given[order], delay.table, delay.least, delay.most)
        out.append(Rows(ptr, post, weights, table, delay))
    return out


def wires_of(
    p: Plan,
    shard: int,
    groups: list[Group],
    rows: list[Rows | None],
    delays: list[Delay],
    seed: int,
    real: Any,
    kernels: Any,
) -> Wires:
    """Synapses onto one shard."""
    network, key = p.network, np.array(seed_key(seed), dtype=np.uint64)
    index = np.uint16 if p.n_slots[shard] <= 65536 else np.uint32
    weighted = (WEIGHTED, LAZY_WEIGHTED, PLASTIC)
    ordered = order_of(groups)
    ptr = np.zeros(p.n_sources + 1, np.int64)
    counts = _count(p, shard, ordered, rows, delays, key, ptr, kernels)
    np.cumsum(ptr, out=ptr)
    delay, entry = np.zeros(ptr[-1], np.int32), np.zeros(ptr[-1], np.int64)
    fill = np.zeros(p.n_sources, np.int64)
    start, n_weighted = 0, 0
    for (number, name), (count, least) in counts.items():
        start = kernels.fill_segments(
            count, least, start, number, p.first_source[name], ptr, delay, entry, fill
        )
        n_weighted = start if ordered[number].format in weighted else n_weighted
    target, weight = np.zeros(start, index), np.zeros(n_weighted, real)
    dense: list[Array] = [np.zeros(0, real)]
    base, n_dense = [], 0
    for number, group in enumerate(ordered):
        base.append(group.row * p.n_slots[shard])
        for m in group.members:
            projection, r = network.projections[m], rows[m]
            lo, hi = p.numbers(shard, projection.post.name)
            slot = p.first_slot[shard][projection.post.name]
            if r is None:
                base[number] += slot
                block = np.zeros(projection.pre.size * (hi - lo), real)
                weights, table = _weights(projection, None, projection.pre.size * projection.post.size)
                diagonal = projection.pre is projection.post and not projection.rule.autapses  # type: ignore[attr-defined]
                kernels.fill_dense(
                    projection.pre.size, projection.post.size, lo, hi, weights, table, diagonal, block, m, key
                )
                s = p.first_source[projection.pre.name] + np.arange(projection.pre.size)
                at = ptr[s] + fill[s]
                delay[at] = delays[m].given[0]
                begin = n_dense + np.arange(projection.pre.size, dtype=np.int64) * (hi - lo)
                entry[at] = begin << 28 | (hi - lo) << 8 | number
                fill[s] += 1
                dense.append(block)
                n_dense += len(block)
            else:
                count, least = counts[number, projection.pre.name]
                kernels.place(
                    r.ptr,
                    r.post,
                    lo,
                    hi,
                    slot - lo,
                    r.delay.given,
                    r.delay.table,
                    least,
                    r.weights,
                    r.weight_table,
                    count,
                    target,
                    weight if group.format in weighted else weight[:0],
                    m,
                    key,
                )
    plastic = [g.members[0] for g in ordered if g.format == PLASTIC]
    numbers = [plastic.index(g.members[0]) if g.format == PLASTIC else -1 for g in ordered]
    begins = [np.zeros(0, np.int64)]
    for number, group in enumerate(ordered):
        if (
            group.format == PLASTIC
        ):  # an entry names the segment, whose traces are needed, and not its first synapse
            mine = np.flatnonzero(entry & 255 == number)
            begins.append(entry[mine] >> 28)
            entry[mine] = np.arange(len(mine)) << 28 | entry[mine] & (1 << 28) - 1
    return Wires(
        ptr,
        delay,
        entry,
        np.array([g.format for g in ordered] or [0], np.int64),
        np.array(base or [0], np.int64),
        np.array([g.weight for g in ordered] or [0], real),
        np.array(numbers or [-1], np.int64),
        np.concatenate(begins),
        target,
        weight,
        np.concatenate(dense),
    )


def order_of(groups: list[Group]) -> list[Group]:
    """Sort groups as they lie in memory: those with weights first."""
    return sorted(groups, key=lambda g: g.format not in (WEIGHTED, LAZY_WEIGHTED, PLASTIC))


def plastics_of(
    p: Plan, shard: int, groups: list[Group], wires: Wires, real: Any, rules: list[Any]
) -> tuple[Any, ...]:
    """Return the traces of the plastic projections onto one shard, all 0.

    ``rules`` are the generated modules, whose ``Constants`` kernels know.
    """
    out: list[Plastic] = []
    done = 0
    for number, group in enumerate(order_of(groups)):
        if group.format != PLASTIC:
            continue
        projection = p.network.projections[group.members[0]]
        rule, post = projection.plasticity, projection.post
        mine = np.flatnonzero(wires.segment_entry & 255 == number)
        length = (wires.segment_entry[mine] >> 8) & MAX_LENGTH
        begin = wires.plastic_begin[done : done + len(mine)]
        done += len(mine)
        constants = rules[len(out)].Constants(*(real(c) for c in rule.derive(p.dt)))
        tables = []
        for tau in rule.time_constants():
            n = math.ceil(-math.log(1e-12) * tau / p.dt)
            tables.append(np.exp(-np.arange(n) * p.dt / tau).astype(real))
        lo, hi = p.numbers(shard, post.name)
        ends = [
            p.populations.index(post),
            p.first_source[post.name] + lo,
            p.first_slot[shard][post.name],
            hi - lo,
        ]
        n_slots, n = p.n_slots[shard], len(mine)
        never = -(2**30)
        out.append(
            Plastic(
                constants=constants,
                fade_pre=tables[0],
                fade_post=tables[1],
                begin=begin,
                length=length,
                pre_x=np.zeros(n, real),
                pre_tick=np.zeros(n, np.int64),
                seen=np.zeros(n, np.int64),
                post=np.array(ends, np.int64),
                post_x=np.zeros(n_slots, real),
                post_last=np.full(n_slots, never, np.int32),
                post_tick=np.full((n_slots, HISTORY), never, np.int32),
                post_n=np.zeros(n_slots, np.int64),
                settled=np.zeros(n_slots, np.int64),
                level=np.zeros((HISTORY, int(length.max(initial=0)) + 1), np.int32),
                n_level=np.zeros(HISTORY, np.int64),
            )
        )
    return tuple(out)


def _count(
    p: Plan,
    shard: int,
    ordered: list[Group],
    rows: list[Rows | None],
    delays: list[Delay],
    key: Array,
    ptr: Array,
    kernels: Any,
) -> dict[tuple[int, str], tuple[Array, int]]:
    """Count synapses by (group, pre population): [neuron, delay], and segments by source in ``ptr``."""
    counts: dict[tuple[int, str], tuple[Array, int]] = {}
    for number, group in enumerate(ordered):
        by_pre: dict[str, list[int]] = {}
        for m in group.members:
            by_pre.setdefault(p.network.projections[m].pre.name, []).append(m)
        for name, members in by_pre.items():
            first = p.first_source[name]
            size = p.network.projections[members[0]].pre.size
            if group.format == DENSE:
                ptr[first + 1 : first + size + 1] += 1
                continue
            least, most = min(delays[m].least for m in members), max(delays[m].most for m in members)
            count = np.zeros((size, most - least + 1), np.int64)
            for m in members:
                r = rows[m]
                assert r is not None
                lo, hi = p.numbers(shard, p.network.projections[m].post.name)
                kernels.count_delays(
                    r.ptr, r.post, lo, hi, r.delay.given, r.delay.table, least, count, m, key
                )
            kernels.count_segments(count, first, ptr)
            counts[number, name] = (count, least)
    return counts
