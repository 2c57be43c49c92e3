"""Lowering of what drives a network: currents, noise, Poisson input and given spikes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .build import SOURCES
from .errors import DescriptionError
from .lower import Plan, is_varied
from .lower_modulation import modulators_of
from .lowered import Drops, Rain, Trains, Varied, Wind
from .network import default_receptor
from .rng import seed_key
from .sources import Current, Noise, Poisson
from .tables import alias_table, normal_table, poisson_numbers, split

Array = np.ndarray[Any, Any]
_RARE = 0.1  # spikes in a tick below which Poisson input is drawn spike by spike
_MOST = 128  # mean number of spikes of a block of neurons that are drawn together


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


def next_change(currents: dict[str, list[tuple[int, float, Array]]], tick: int) -> int:
    """Last tick before an injected current changes."""
    changes = [
        int(edge) - 1
        for steps in currents.values()
        for first, last, _ in steps
        for edge in (first, last)
        if math.isfinite(edge) and edge - 1 > tick
    ]
    return min(changes, default=2**62)


def current_at(steps: list[tuple[int, float, Array]], tick: int) -> Array:
    """Sum of the currents into each neuron of a population that act on a tick [pA]."""
    return np.asarray(
        sum((amplitude for first, last, amplitude in steps if first <= tick < last), 0.0 * steps[0][2])
    )


def wind_of(p: Plan, shard: int, seed: int, real: Any) -> Wind:
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
        np.array(seed_key(seed), np.uint32),
    )


def sources_of(p: Plan) -> list[str]:
    """Return which of :data:`.build.SOURCES` a network has."""
    found = {"trains"} if p.network.spike_trains else set()
    for source in p.network.sources:
        if isinstance(source, Noise) and source.std != 0:
            found.add("wind")
        elif isinstance(source, Poisson):
            found.add(_form(p, source))
    if modulators_of(p.network):
        found.add("levels")
    return [name for name in SOURCES if name in found]


def _poisson(p: Plan, form: str) -> Iterator[tuple[int, Poisson]]:
    """Yield number and description of the Poisson sources drawn in one way, one of :data:`.build.SOURCES`."""
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


def rain_of(p: Plan, shard: int, seed: int, real: Any) -> Rain:
    """Poisson sources onto one shard."""
    rows, weights, rests, tables = [], [], [], _AliasTables()
    bounds, first = [np.zeros(0, np.uint16)], 0
    for number, source in _poisson(p, "rain"):
        row = source_row(source)
        told, lowest, rest = split(poisson_numbers(_mean(p, source)))
        lo, hi = p.numbers(shard, source.post.name)
        base = row * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, first, len(told), lowest))
        rests.append(tables.add(rest))
        weights.append(source.weight)
        bounds.append(np.pad(told, (0, -len(told) % 4), constant_values=2**16 - 1))
        first += len(bounds[-1])
    return Rain(
        np.array(rows, dtype=np.int64).reshape(-1, 7),
        np.array(weights, dtype=real),
        np.concatenate(bounds),
        np.array(rests, dtype=np.int64).reshape(-1, 2),
        np.concatenate(tables.limits),
        np.concatenate(tables.others),
        np.array(seed_key(seed), np.uint32),
    )


def source_row(source: Poisson) -> int:
    """Return the receptor that a source acts on."""
    receptors = source.post.model.receptors
    where = f"Poisson onto {source.post.name!r}"
    return receptors.index(source.receptor or default_receptor(receptors, np.asarray(source.weight), where))


def varied_of(p: Plan, shard: int, seed: int, real: Any) -> Varied:
    """Poisson sources of varied rates onto one shard; :func:`scales` fills in the coming ticks."""
    rows, weights, means, peaks = [], [], [np.zeros(0)], [np.zeros(0)]
    first = first_peak = 0
    for number, source in _poisson(p, "varied"):
        lo, hi = p.numbers(shard, source.post.name)
        base = source_row(source) * p.n_slots[shard] + p.first_slot[shard][source.post.name]
        rows.append((number, base, lo, hi - lo, first, first_peak))
        weights.append(source.weight)
        rate = np.ones(1) if callable(source.rate) else np.asarray(source.rate, np.float64) * p.dt * 1e-3
        mean = np.broadcast_to(rate, source.post.size)
        means.append(mean[lo:hi])
        peaks.append(np.maximum.reduceat(mean, np.arange(0, source.post.size, 256)))
        first += hi - lo
        first_peak += len(peaks[-1])
    if max(peak.max(initial=0.0) for peak in peaks) > 100:
        raise DescriptionError(f"Poisson: rates must be below {1e5 / p.dt:g} Hz at dt = {p.dt} ms")
    return Varied(
        np.array(rows, np.int64).reshape(-1, 6),
        np.array(weights, real),
        np.concatenate(means),
        np.concatenate(peaks),
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


def _form(p: Plan, source: Poisson) -> str:
    """Tell how a source is drawn: by rates that vary, spike by spike where they are rare, or tick by tick."""
    if is_varied(source):
        return "varied"
    return "drops" if source.post.name in p.lazy or _mean(p, source) < _RARE else "rain"


def drops_of(p: Plan, shard: int, seed: int, n_trials: int, real: Any) -> Drops:
    """Rare Poisson sources onto one shard."""
    rows, weights, tables, n_blocks = [], [], _AliasTables(), 0
    for number, source in _poisson(p, "drops"):
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
    return Drops(
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
