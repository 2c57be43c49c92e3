"""Lowering of what drives a network: currents, noise, Poisson input and given spikes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..compile.modules import SOURCES
from ..describe.sources import Noise, Poisson, SpikeTrain
from ..errors import DescriptionError
from ..random.philox import seed_key
from ..random.tables import alias_table, normal_table, poisson_numbers, split
from .arrays import Gaussian, PoissonDense, PoissonInhomogeneous, PoissonSparse, Trains
from .modulation import modulators_of
from .plan import Plan, is_inhomogeneous

Array = np.ndarray[Any, Any]
_RARE = 0.1  # spikes in a tick below which Poisson input is drawn spike by spike
_ROOM = 1 << 21  # numbers of rates that are evaluated at once
_MOST = 128  # mean number of spikes of a block of neurons that are drawn together


class Steps:
    """Currents into one population, each constant from one tick to another, in the order of the network's sources.

    Attributes
    ----------
    first, last : float64[n]
        first tick of each, and the tick after its last, in the order of sources and, within one, of time
    row : int64[n]
        its row in ``amplitude``
    amplitude : float64 [row, neuron]
        pA
    edges : float64[n]
        ticks on which something changes, sorted
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pieces: list[tuple[Array, Array, Array]] = []

    def add(self, first: Any, last: Any, amplitude: Any) -> None:
        """Append pieces; amplitudes are [piece] or [piece, neuron]."""
        amplitude = np.asarray(amplitude, np.float64)
        amplitude = amplitude[:, None] if amplitude.ndim == 1 else amplitude
        self._pieces.append((np.asarray(first, float), np.asarray(last, float), amplitude))

    def sealed(self) -> Steps:
        """Prepare for look-ups."""
        self.first = np.concatenate([first for first, _, _ in self._pieces])
        self.last = np.concatenate([last for _, last, _ in self._pieces])
        self._begin = np.cumsum([0] + [len(first) for first, _, _ in self._pieces])
        edges = np.unique(np.concatenate([self.first, self.last]))
        self.edges = edges[np.isfinite(edges)]
        return self

    def at(self, tick: int) -> Array:
        """Sum of the currents that act on a tick, for each neuron [pA]."""
        total = np.zeros(self.size)
        for k in np.flatnonzero((self.first <= tick) & (tick < self.last)):
            piece = int(np.searchsorted(self._begin, k, side="right")) - 1
            total += self._pieces[piece][2][k - self._begin[piece]]
        return total


def current_steps(p: Plan) -> dict[str, Steps]:
    """Injected currents, for each population."""
    out: dict[str, Steps] = {}
    for source in p.network.sources:
        if isinstance(source, Poisson):
            continue
        steps = out.setdefault(source.post.name, Steps(source.post.size))
        if isinstance(source, Noise):
            first = np.zeros(1)
            if source.every is not None:  # the mean in pieces, so that something changes where std does
                every = _ticks_of_step(source.every, p.dt, f"Noise into {source.post.name!r}")
                first = np.append(0.0, 1 + every * np.arange(1, len(source.std)))
            steps.add(first, np.append(first[1:], math.inf), np.full(len(first), source.mean))
            continue
        # the current of [start, stop) acts on the steps that end in (start, stop]
        start = round(source.start / p.dt) + 1
        stop = math.inf if math.isinf(source.stop) else round(source.stop / p.dt) + 1
        amplitude = np.asarray(source.amplitude, np.float64)
        if source.every is None:
            steps.add([start], [stop], amplitude[None])
            continue
        every = _ticks_of_step(source.every, p.dt, f"Current into {source.post.name!r}")
        first = start + every * np.arange(len(amplitude), dtype=float)
        last = np.minimum(np.append(first[1:], math.inf), stop)
        lasting = first < last
        steps.add(first[lasting], last[lasting], amplitude[lasting])
    return {name: steps.sealed() for name, steps in out.items()}


def _ticks_of_step(every: float, dt: float, where: str) -> int:
    """Return the length of a waveform's step in ticks."""
    n = round(every / dt)
    if n < 1:
        raise DescriptionError(f"{where}: every must be at least one tick of dt = {dt} ms, got {every}")
    return n


def next_change(currents: dict[str, Steps], tick: int) -> int:
    """Last tick before an injected current changes."""
    changes = []
    for steps in currents.values():
        k = int(np.searchsorted(steps.edges, tick + 1, side="right"))
        if k < len(steps.edges):
            changes.append(int(steps.edges[k]) - 1)
    return min(changes, default=2**62)


def current_at(steps: Steps, tick: int) -> Array:
    """Sum of the currents into each neuron of a population that act on a tick [pA]."""
    return steps.at(tick)


def gaussian_of(p: Plan, shard: int, seed: int, real: Any) -> Gaussian:
    """Return the sources of Gaussian current into one shard; the means are among the steady currents."""
    rows, std, seen = [], [], set()
    for number, source in enumerate(p.network.sources):
        if not isinstance(source, Noise) or not np.any(source.std):
            continue
        lo, hi = p.numbers(shard, source.post.name)
        slot = p.first_slot[shard][source.post.name]
        base = (p.n_rows - 1) * p.n_slots[shard] + slot
        rows.append((number, base, slot, lo, hi - lo, source.post.name in seen))
        std.append(std_at(source, p.dt, 1))
        seen.add(source.post.name)
    return Gaussian(
        np.array(rows, np.int64).reshape(-1, 6),
        np.array(std, real),
        np.zeros(p.n_slots[shard] if rows else 0, real),
        normal_table() if rows else np.zeros((3, 0)),
        np.array(seed_key(seed), np.uint32),
    )


def std_at(source: Noise, dt: float, tick: int) -> float:
    """Return the standard deviation of a source of noise during the step that ends in ``tick`` [pA]."""
    if source.every is None:
        return float(source.std)
    every = _ticks_of_step(source.every, dt, f"Noise into {source.post.name!r}")
    return float(source.std[min((tick - 1) // every, len(source.std) - 1)])


def sources_of(p: Plan) -> list[str]:
    """Return which of :data:`.modules.SOURCES` a network has."""
    found = {"trains"} if p.network.spike_trains else set()
    for source in p.network.sources:
        if isinstance(source, Noise) and np.any(source.std):
            found.add("gaussian")
        elif isinstance(source, Poisson):
            found.add(_form(p, source))
    if modulators_of(p.network):
        found.add("levels")
    return [name for name in SOURCES if name in found]


def _poisson(p: Plan, form: str) -> Iterator[tuple[int, Poisson]]:
    """Yield number and description of the Poisson sources drawn in one way, one of :data:`.modules.SOURCES`."""
    for number, source in enumerate(p.network.sources):
        if isinstance(source, Poisson) and _form(p, source) == form:
            yield number, source


class _AliasTables:
    """Tables of several distributions, one after another."""

    def __init__(self) -> None:
        self.limits, self.others = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
        self.length = 0

    def add(self, p: Array) -> tuple[int, int]:
        """Append the tables of a distribution; returns where they begin and the logarithm of their length."""
        limit, other, bits = alias_table(p)
        self.limits.append(limit)
        self.others.append(other)
        self.length += len(limit)
        return self.length - len(limit), bits


def poisson_dense_of(p: Plan, shard: int, seed: int, real: Any) -> PoissonDense:
    """Poisson sources onto one shard."""
    rows, weights, rests, tables = [], [], [], _AliasTables()
    bounds, first = [np.zeros(0, np.uint16)], 0
    for number, source in _poisson(p, "poisson_dense"):
        row = source_row(source)
        told, lowest, rest = split(poisson_numbers(_mean(p, source)))
        lo, hi = p.numbers(shard, source.post.name)
        base = row * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, first, len(told), lowest))
        rests.append(tables.add(rest))
        weights.append(source.weight)
        bounds.append(np.pad(told, (0, -len(told) % 4), constant_values=2**16 - 1))
        first += len(bounds[-1])
    return PoissonDense(
        np.array(rows, dtype=np.int64).reshape(-1, 7),
        np.array(weights, dtype=real),
        np.concatenate(bounds),
        np.array(rests, dtype=np.int64).reshape(-1, 2),
        np.concatenate(tables.limits),
        np.concatenate(tables.others),
        np.array(seed_key(seed), np.uint32),
    )


def most_in_a_tick(p: Plan, source: Poisson) -> int:
    """Return more spikes than any neuron can have of a source in one tick."""
    form = _form(p, source)
    if form == "poisson_dense":
        return len(poisson_numbers(_mean(p, source)))
    return 256 if form == "poisson_sparse" else 1024  # as many as a block of neurons can have


def source_row(source: Poisson) -> int:
    """Return the receptor that a source acts on."""
    return source.post.model.receptors.index(str(source.receptor))


def poisson_inhomogeneous_of(p: Plan, shard: int, seed: int, real: Any) -> PoissonInhomogeneous:
    """Poisson sources of rates that vary onto one shard; :func:`scales` fills in the coming ticks."""
    rows, weights, means, peaks = [], [], [np.zeros(0)], [np.zeros(0)]
    first = first_peak = 0
    for number, source in _poisson(p, "poisson_inhomogeneous"):
        if source.post.name in p.lazy:
            raise DescriptionError(
                f"Poisson onto {source.post.name!r}: rate must be one number where update is lazy; "
                "update='stepped' takes rates that vary"
            )
        lo, hi = p.numbers(shard, source.post.name)
        base = source_row(source) * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, first, first_peak, -(-source.post.size // 256)))
        weights.append(source.weight)
        mean, peak = _means(source, _lasting(source, p.dt), lo, hi)
        means.append(mean)
        peaks.append(peak)
        first += len(mean)
        first_peak += len(peak)
    source_rows = np.array(rows, np.int64).reshape(-1, 7)
    moving = [_moves(p.network.sources[number]) for number in source_rows[:, 0]]
    source_rows[moving, 4:6] = first, first_peak  # theirs come after what stays
    return PoissonInhomogeneous(
        source_rows,
        np.array(weights, real),
        np.concatenate(means),
        np.concatenate(peaks),
        np.zeros(1, np.int64),
        np.ones((len(rows), 0)),
        np.zeros((len(rows), 0), np.int64),
        np.array(seed_key(seed), np.uint32),
    )


def _moves(source: Any) -> bool:
    """Tell whether a function gives a rate for each neuron, so that nothing of it lasts longer than a tick."""
    return isinstance(source, Poisson) and callable(source.rate) and source.by_neuron


def _lasting(source: Poisson, dt: float) -> Array:
    """Return means in a tick that stay as they are, [step, neuron]: 1 where :func:`scales` gives all neurons one rate.

    A function that returns one rate for each neuron has none; they are evaluated for the coming ticks alone.
    """
    size = source.post.size
    if not source.by_neuron:
        return np.ones((1, size))
    if callable(source.rate):
        return np.zeros((0, size))
    return _in_ticks(source, np.asarray(source.rate, np.float64).reshape(-1, size), dt)


def _in_ticks(source: Poisson, rate: Array, dt: float) -> Array:
    """Turn rates into means of a tick, refusing those that are too high or none."""
    mean = rate * dt * 1e-3
    if not (mean.min(initial=0.0) >= 0 and mean.max(initial=0.0) <= 100):
        raise DescriptionError(
            f"Poisson onto {source.post.name!r}: rate must be in [0, {1e5 / dt:g}] Hz at dt = {dt} ms, "
            f"got {np.min(rate):g} to {np.max(rate):g}"
        )
    return mean


def _means(source: Poisson, mean: Array, lo: int, hi: int) -> tuple[Array, Array]:
    """Return the means of neurons ``lo`` to ``hi - 1`` in each step, and the largest of each block of 256 neurons."""
    peak = np.maximum.reduceat(mean, np.arange(0, source.post.size, 256), axis=1)
    return mean[:, lo:hi].ravel(), peak.ravel()


def scales(p: Plan, inhomogeneous: PoissonInhomogeneous, tick: int, until: int) -> PoissonInhomogeneous:
    """Evaluate rates that depend on time for the ticks after ``tick`` up to ``until``."""
    n_ticks, n_sources = until - tick, len(inhomogeneous.source)
    scale, step = np.ones((n_sources, n_ticks)), np.zeros((n_sources, n_ticks), np.int64)
    places = inhomogeneous.source.copy()
    sources = [p.network.sources[number] for number in places[:, 0]]
    moving = [_moves(source) for source in sources]
    # what was evaluated last time comes after what stays
    first = int(places[moving, 4].min(initial=len(inhomogeneous.mean)))
    first_peak = int(places[moving, 5].min(initial=len(inhomogeneous.peak)))
    means, peaks = [inhomogeneous.mean[:first]], [inhomogeneous.peak[:first_peak]]
    for r, source in enumerate(sources):
        assert isinstance(source, Poisson)
        if source.every is not None:
            every = _ticks_of_step(source.every, p.dt, f"Poisson onto {source.post.name!r}")
            at = np.minimum(np.arange(tick, until) // every, len(source.rate) - 1)  # type: ignore[arg-type]
            if source.by_neuron:
                step[r] = at
            else:
                scale[r] = _in_ticks(source, np.asarray(source.rate, np.float64)[at], p.dt)
        elif callable(source.rate):
            rate = _in_ticks(source, _called(source, p.dt, tick, until), p.dt)
            if not source.by_neuron:
                scale[r] = rate
                continue
            lo, count = places[r, 2], places[r, 3]
            mean, peak = _means(source, rate, lo, lo + count)
            step[r] = np.arange(n_ticks)
            places[r, 4:6] = first, first_peak
            first, first_peak = first + len(mean), first_peak + len(peak)
            means.append(mean)
            peaks.append(peak)
    return inhomogeneous._replace(
        source=places,
        mean=np.concatenate(means),
        peak=np.concatenate(peaks),
        tick=np.array([tick + 1], np.int64),
        scale=scale,
        step=step,
    )


def _called(source: Poisson, dt: float, tick: int, until: int) -> Array:
    """Return what a function gives for the coming ticks: one rate each, or one for each neuron [Hz]."""
    assert callable(source.rate)
    shape = (source.post.size,) if source.by_neuron else ()
    out = np.empty((until - tick, *shape))
    for k in range(until - tick):
        rate = np.asarray(source.rate((tick + k) * dt), np.float64)
        if rate.shape != shape:
            raise DescriptionError(
                f"Poisson onto {source.post.name!r}: rate({(tick + k) * dt:g}) must have shape {shape}, as rate(0.0) "
                f"has, got {rate.shape}"
            )
        out[k] = rate
    return out


def longest(p: Plan) -> int:
    """Return for how many ticks at once rates that a function gives for each neuron may be evaluated."""
    sizes = [source.post.size for source in p.network.sources if _moves(source)]
    return max(1, _ROOM // sum(sizes)) if sizes else 2**62


def _form(p: Plan, source: Poisson) -> str:
    """Tell how a source is drawn: by rates that vary, spike by spike where they are rare, or tick by tick."""
    if is_inhomogeneous(source):
        return "poisson_inhomogeneous"
    return "poisson_sparse" if source.post.name in p.lazy or _mean(p, source) < _RARE else "poisson_dense"


def poisson_sparse_of(p: Plan, shard: int, seed: int, n_trials: int, real: Any) -> PoissonSparse:
    """Rare Poisson sources onto one shard."""
    rows, weights, tables, n_blocks = [], [], _AliasTables(), 0
    for number, source in _poisson(p, "poisson_sparse"):
        mean = _mean(p, source)
        if mean == 0:
            continue
        doublings = max(0, math.floor(math.log2(_MOST / mean)))  # of one neuron's tick, to a block's window
        shift = min((source.post.size - 1).bit_length(), doublings)
        span = min(6, doublings - shift)
        offset, bits = tables.add(poisson_numbers(mean * 2 ** (shift + span)))
        lo, hi = p.numbers(shard, source.post.name)
        slot = p.first_slot[shard][source.post.name]
        base = source_row(source) * p.n_slots[shard] + slot
        lazy = source.post.name in p.lazy
        rows.append((number, base, slot, lo, hi - lo, lazy, shift, span, offset, bits, n_blocks))
        weights.append(source.weight)
        n_blocks += ((hi - 1) >> shift) - (lo >> shift) + 1
    return PoissonSparse(
        np.array(rows, np.int64).reshape(-1, 11),
        np.array(weights, real),
        np.concatenate(tables.limits),
        np.concatenate(tables.others),
        np.full((n_trials, n_blocks), -1),
        np.zeros((n_trials, n_blocks, 65), np.int32),
        np.zeros((n_trials, n_blocks, 256), np.uint32),
        np.array(seed_key(seed), np.uint32),
    )


def _mean(p: Plan, source: Poisson) -> float:
    """Spikes of a source in a tick."""
    mean = float(source.rate) * p.dt * 1e-3  # type: ignore[arg-type]
    if mean > 100:
        raise DescriptionError(
            f"Poisson onto {source.post.name!r}: rate must be below {1e5 / p.dt:g} Hz at dt = {p.dt} ms"
        )
    return mean


def trains_of(p: Plan, n_trials: int, given: Mapping[str, SpikeTrain] | None = None) -> Trains:
    """Given spikes of all trials, sorted; those of ``given`` in place of the network's trains of the same name."""
    tick, source, trial = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for described in p.network.spike_trains:
        train = (given or {}).get(described.name, described)
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
