"""Synapses as arrays: from the engine's memory to pre, post, delay and weight in a stable order, and back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..describe import checks
from ..describe.connectivity import Constant, FromCOO
from ..errors import DescriptionError
from .arrays import BITMAP, DENSE, HALF, NEVER, OF_ONE_WEIGHT, PLASTIC
from .bitmaps import unpacked
from .entries import begin_of, group_of, length_of
from .halves import LARGEST, target_of, value_of
from .plastic import last_spikes
from .rows import without_diagonal

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses of a projection, ordered by (pre, delay, post).

    Attributes
    ----------
    pre, post : int64[n]
    delay : int64[n], ticks
    weight : float[n]
    kept : dict of float[n]
        what else the rule keeps of them, by name: eligibilities and the like
    ids : int64[n]
        the positions 0, 1, ..., which never change; under a :class:`.Turnover` numbers of their own, never used again
    """

    pre: Array
    post: Array
    delay: Array
    weight: Array
    kept: dict[str, Array] = field(default_factory=dict)
    ids: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def eligibility(self) -> Array | None:
        """What the rule keeps as ``e``, float[n], or None."""
        return self.kept.get("e")

    def find(self, pre: int, post: int) -> Array:
        """Return the positions of the synapses from one neuron to another."""
        lo, hi = np.searchsorted(self.pre, [pre, pre + 1])
        return np.asarray(lo + np.flatnonzero(self.post[lo:hi] == post))

    def __len__(self) -> int:
        return len(self.pre)


@dataclass(frozen=True, eq=False)
class Places:
    """Where the synapses of a projection lie: shard and position, in the order of their ids."""

    pre: Array
    post: Array
    delay: Array
    shard: Array
    position: Array
    form: int
    constant: float
    halves: tuple[bool, ...]  # by shard, whether they lie in words with their targets
    rounded: bool  # whether weights are of half precision, wherever they lie

    def at(self, ids: Array) -> Places:
        """Return the places of some synapses."""
        names = ("pre", "post", "delay", "shard", "position")
        return dataclasses.replace(self, **{name: getattr(self, name)[ids] for name in names})


def locate(
    p: Any,
    all_wires: list[Any],
    plastics: list[tuple[Any, ...]] | None,
    n_groups: int,
    group: int,
    projection: Any,
    rounded: bool = False,
) -> Places:
    """Find the synapses of a projection, of the ``group``-th of ``n_groups`` groups, in all shards.

    ``plastics`` are the traces of plastic projections, or None before there are any; ``rounded`` is as in
    :class:`.Places`.
    """
    columns: list[list[Array]] = [[], [], [], [], []]
    halves = tuple(_format(wires, n_groups, group)[0] == HALF for wires in all_wires)
    form, constant = _format(all_wires[0], n_groups, group)
    first, size = p.first_source[projection.pre.name], projection.pre.size
    for k, wires in enumerate(all_wires):
        lo, hi = p.numbers(k, projection.post.name)
        slot = p.first_slot[k][projection.post.name]
        segments = np.arange(wires.segment_ptr[first], wires.segment_ptr[first + size])
        part = group_of(wires.segment_entry[segments])
        mine = part // (len(wires.group_format) // n_groups) == group
        segments, part = segments[mine], part[mine]
        entry = wires.segment_entry[segments]
        begin, length = begin_of(entry), length_of(entry)
        if form == PLASTIC:
            if plastics is None:
                skipped = _segments_before(wires, group)
                begin = wires.plastic_begin[skipped + begin]
            else:
                begin = plastics[k][wires.group_plastic[group]].begin[begin]
        owner = np.searchsorted(wires.segment_ptr, segments, side="right") - 1 - first
        own, _ = _format(wires, n_groups, group)  # few neurons of a shard have no rows of bits
        position = np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
        if form == DENSE:
            post = lo + position - np.repeat(begin, length)
        else:
            if own == HALF:
                target = target_of(wires.word[position])
            else:
                target = unpacked(wires, segments) if own == BITMAP else wires.target[position]
            post = target + np.repeat(wires.group_slot[part], length) - slot + lo
        mine = (post >= lo) & (post < hi)
        if form == DENSE and without_diagonal(projection):  # a matrix has places for autapses, always 0
            mine &= np.repeat(owner, length) != post
        parts = (
            np.repeat(owner, length),
            post,
            np.repeat(wires.segment_delay[segments], length),
            None,
            position,
        )
        for column, part in zip(columns, parts, strict=True):
            column.append(np.full(mine.sum(), k) if part is None else np.asarray(part, np.int64)[mine])
    pre, post, delay, shard, position = (np.concatenate(column) for column in columns)
    order = np.lexsort((position, post, delay, pre))
    return Places(
        pre[order],
        post[order],
        delay[order],
        shard[order],
        position[order],
        form,
        constant,
        halves,
        rounded,
    )


def _segments_before(wires: Any, group: int) -> int:
    """Return how many segments the plastic groups before one have."""
    of = wires.segment_entry & 255
    return int(np.sum((of < group) & (wires.group_format[of] == PLASTIC)))


def _format(wires: Any, n_groups: int, group: int) -> tuple[int, float]:
    """Return how a group is stored, and its weight if all have the same."""
    part = group * (len(wires.group_format) // n_groups)
    return int(wires.group_format[part]), float(wires.group_weight[part])


def read(places: Places, all_wires: list[Any]) -> Array:
    """Return the weights in the order of ids."""
    if places.form in OF_ONE_WEIGHT:
        return np.full(len(places.pre), places.constant)
    out = np.empty(len(places.pre))
    for k, (wires, half) in enumerate(zip(all_wires, places.halves, strict=True)):
        mine = places.shard == k
        at = places.position[mine]
        out[mine] = value_of(wires.word[at]) if half else _weights(wires, places)[at]
    return out


def _weights(wires: Any, places: Places) -> Array:
    """Return where weights of their own lie, in other words than those of half precision."""
    return np.asarray(wires.dense if places.form == DENSE else wires.weight)


def at_places(places: Places, by_shard: list[Array]) -> Array:
    """Return numbers that lie by shard and position in the order of ids."""
    out = np.empty(len(places.pre))
    for k, values in enumerate(by_shard):
        mine = places.shard == k
        out[mine] = values[places.position[mine]]
    return out


def peeked(
    places: Places, all_wires: list[Any], plastics: list[Any], rule: Any, tick: int
) -> tuple[Array, dict[str, Array]]:
    """Return weights and what else synapses keep at ``tick`` in the order of ids, post spikes being worked in."""
    names = "w", *rule.KEPT
    out = np.empty((len(names), len(places.pre)))
    for k, (wires, plastic) in enumerate(zip(all_wires, plastics, strict=True)):
        mine = places.shard == k
        first, n = plastic.first[0], int(plastic.length.sum())
        found = (wires.weight[first : first + n].copy(), *(values.copy() for values in plastic.kept))
        rule.peek(plastic, wires, tick, found[0], found[1:])
        for row, values in zip(out, found, strict=True):
            row[mine] = values[places.position[mine] - first]
    return out[0], dict(zip(names[1:], out[1:], strict=True))


def kept_of(places: Places, plastics: list[Any], rule: Any) -> dict[str, Array]:
    """Return what synapses keep besides their weights, as it is stored, in the order of ids."""
    out = {}
    for n, name in enumerate(rule.KEPT):
        by_shard = [np.concatenate([np.zeros(p.first[0], p.kept[n].dtype), p.kept[n]]) for p in plastics]
        out[name] = at_places(places, by_shard)
    return out


def weights_for(places: Places, weights: Any, projection: Any, n: int | None = None) -> Array:
    """Return one weight for each synapse, checked: number, shape, and sign against receptor and rule.

    ``n`` is how many there are, where others than those of ``places`` are on other ranks.
    """
    where = f"Projection {projection.name!r}"
    if places.form in OF_ONE_WEIGHT:
        raise DescriptionError(
            f"{where}: its weights are stored as one number; give weight as an array to change them"
        )
    values = checks.array(weights, where, "weight", what="a number or an array").astype(np.float64)
    n = len(places.pre) if n is None else n
    if values.ndim and values.shape != (n,):
        raise DescriptionError(f"{where}: weight must have {n} values, got shape {values.shape}")
    if places.rounded and np.abs(values).max(initial=0.0) > LARGEST:
        raise DescriptionError(
            f"{where}: weight must be between -{LARGEST:g} and {LARGEST:g} in half precision (precision='mixed'), got "
            f"{np.abs(values).max():g}"
        )
    projection.check_weights(values)
    return np.broadcast_to(values, n)


def write(places: Places, all_wires: list[Any], values: Array) -> None:
    """Set the weights in the order of ids."""
    if places.rounded:
        values = values.astype(np.float32).astype(np.float16)
    for k, wires in enumerate(all_wires):
        mine = places.shard == k
        at = places.position[mine]
        if places.halves[k]:
            bits = values[mine].view(np.uint16).astype(np.uint32)
            wires.word[at] = target_of(wires.word[at]) | bits << np.uint32(16)
        else:
            _weights(wires, places)[at] = values[mine]


def with_delays(projection: Any, synapses: Synapses, delays: Any) -> Any:
    """Return a projection that lists these synapses with other delays [ms]."""
    where = f"Projection {projection.name!r}"
    delays = checks.array(delays, where, "delay", what="a number or an array [ms]").astype(np.float64)
    if delays.ndim and delays.shape != synapses.pre.shape:
        raise DescriptionError(f"{where}: delay must have {len(synapses)} values, got shape {delays.shape}")
    weight = projection.weight if isinstance(projection.weight, Constant) else synapses.weight
    rule = FromCOO(synapses.pre, synapses.post)
    new = dataclasses.replace(
        projection,
        rule=rule,
        weight=weight,
        delay=np.broadcast_to(delays, synapses.pre.shape),
        sharing=None,  # the simulation knows it from the network as it was described
    )
    object.__setattr__(new, "_by_sign", projection._by_sign)
    return new


def listed(projection: Any, pre: Array, post: Array, delay: Array, weight: Array, dt: float) -> Any:
    """Return a projection that lists its synapses, as :func:`with_delays` left it; delays in ticks."""
    return with_delays(projection, Synapses(pre, post, delay, weight), delay * dt)


def label(places: Places, plastics: list[Any], levels: Any, name: str, gain: int) -> list[Any]:
    """Return the plastics of a projection whose synapses choose their level of one gain, told here by id."""
    numbers = np.asarray(levels)
    if len(numbers) != len(places.pre):
        raise DescriptionError(
            f"Projection {name!r}: BySynapse: levels must hold {len(places.pre)} numbers, one for each synapse, "
            f"got {len(numbers)}"
        )
    out = []
    for k, plastic in enumerate(plastics):
        mine = places.shard == k
        which = np.zeros(int(plastic.length.sum()), np.uint16)
        which[places.position[mine] - plastic.first[0]] = numbers[mine]
        gains = list(plastic.gains)
        gains[gain] = gains[gain]._replace(which=which)
        out.append(plastic._replace(gains=tuple(gains)))
    return out


def scatter_kept(places: Places, plastics: list[Any], name: int, values: Any) -> None:
    """Set one of the things that synapses keep, a number for all or one for each by id."""
    values = np.broadcast_to(values, len(places.pre))
    for k, plastic in enumerate(plastics):
        mine = places.shard == k
        plastic.kept[name][places.position[mine] - plastic.first[0]] = values[mine]


def save_gains(places: Places, plastics: list[Any], rule: Any, modulations: Any) -> dict[str, Array]:
    """Return what synapses keep besides their weights by id, as stored, and the integrals of the present window."""
    out = {_key("eligibility", name, "e"): values for name, values in kept_of(places, plastics, rule).items()}
    if hasattr(rule, "peek"):
        out["window"] = plastics[0].window.copy()
    for g, modulation in enumerate(modulations):
        out[_key("area", modulation.label, "e")] = _area(plastics, g, modulation)
    if len(plastics[0].flow):
        out["flow"] = _own(plastics, [plastic.flow for plastic in plastics])
    return out


def _area(plastics: list[Any], g: int, modulation: Any) -> Array:
    """Return the integrals of a gain: all shards hold the same, but where each watches its own neurons' potentials."""
    if all(modulator.watch is None for modulator, _ in modulation.factors):
        return np.array(plastics[0].gains[g].area)
    return _own(plastics, [plastic.gains[g].area for plastic in plastics])


def _own(plastics: list[Any], tables: list[Array]) -> Array:
    """Return tables by row and post neuron, each neuron's from the shard that watches it."""
    columns = []
    for plastic, table in zip(plastics, tables, strict=True):
        begin = plastic.ends[1] - plastics[0].ends[1]
        columns.append(table[:, begin : begin + plastic.ends[3]])
    return np.concatenate(columns, axis=1)


def load_gains(
    places: Places, plastics: list[Any], rule: Any, modulations: Any, saved: dict[str, Array]
) -> None:
    """Set what :func:`save_gains` returned."""
    for k, plastic in enumerate(plastics):
        mine = places.shard == k
        for name, values in zip(rule.KEPT, plastic.kept, strict=True):
            values[places.position[mine] - plastic.first[0]] = saved[_key("eligibility", name, "e")][mine]
        if hasattr(rule, "peek"):
            plastic.window[:] = saved["window"]
        for modulation, gain in zip(modulations, plastic.gains, strict=True):
            gain.area[:] = saved[_key("area", modulation.label, "e")]
        if len(plastic.flow):
            plastic.flow[:] = saved["flow"]


def gain_shapes(plastic: Any, rule: Any, modulations: Any) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """Return keys, shapes and kinds of what :func:`save_gains` returns."""
    out: dict[str, tuple[tuple[int | None, ...], str]] = {
        _key("eligibility", name, "e"): ((None,), "f") for name in rule.KEPT
    }
    if hasattr(rule, "peek"):
        out["window"] = (1,), "iu"
    for modulation, gain in zip(modulations, plastic.gains, strict=True):
        out |= {_key("area", modulation.label, "e"): (gain.area.shape, "f")}
    if len(plastic.flow):
        out["flow"] = plastic.flow.shape, "f"
    return out


def _key(kind: str, name: str, usual: str) -> str:
    """Return the key of one of several: that of the usual one is its kind alone."""
    return kind if name == usual else f"{kind}/{name}"


def save_traces(all_wires: list[Any], plastics: list[Any], group: int) -> dict[str, Array]:
    """Return the traces of a plastic projection, independent of shards; synapses must be settled.

    ``pre``: source, delay, tick of the last arrival and traces by segment; ``post``: last spike and traces by neuron.
    """
    rows, post = [], []
    for wires, plastic in zip(all_wires, plastics, strict=True):
        source, delay = _segments(wires, group)
        rows.append(np.stack([source, delay, plastic.pre_tick, *plastic.pre, *_kept(plastic.early)], axis=1))
        _, _, slot, count = plastic.ends
        here = slice(slot, slot + count)
        post.append(np.stack([last_spikes(plastic)[here], *(trace[here] for trace in plastic.post)]))
    table = np.unique(np.concatenate(rows).astype(np.float64), axis=0)
    return {"pre": table, "post": np.concatenate(post, axis=1).astype(np.float64)}


def load_traces(
    all_wires: list[Any],
    plastics: list[Any],
    group: int,
    saved: dict[str, Array],
    tick: int,
    at: int = 0,
) -> None:
    """Set the traces of a plastic projection from what :func:`save_traces` returned.

    ``at`` is the first post neuron here.
    """
    known = {(int(source), int(delay)): rest for source, delay, *rest in saved["pre"]}
    silent = [tick, *np.zeros(saved["pre"].shape[1] - 3)]  # a segment that has just grown
    for wires, plastic in zip(all_wires, plastics, strict=True):
        for s, pair in enumerate(zip(*_segments(wires, group), strict=True)):
            plastic.pre_tick[s], *values = known.get(pair, silent)
            for trace, value in zip((*plastic.pre, *_kept(plastic.early)), values, strict=True):
                trace[s] = value
        plastic.seen[:] = tick + 1
        _, _, slot, count = plastic.ends
        here = slice(slot, slot + count)
        plastic.recent[:], plastic.post_tick[:] = NEVER, NEVER
        last = last_spikes(plastic)
        last[here], *values = saved["post"][:, at : at + count]
        for trace, value in zip(plastic.post, values, strict=True):
            trace[here] = value
        plastic.post_n[here] = last[here] >= 0
        plastic.post_tick[here, 0] = last[here]
        plastic.settled[:] = plastic.post_n
        at += count


def _kept(early: Any) -> tuple[Array, ...]:
    """Return the traces before the last arrivals, none where the rule pairs coincident spikes."""
    return tuple(early) if early and len(early[0]) else ()


def _segments(wires: Any, group: int) -> tuple[list[int], list[int]]:
    """Return source and delay of a group's segments, in their order."""
    mine = np.flatnonzero(group_of(wires.segment_entry) == group)
    source = np.searchsorted(wires.segment_ptr, mine, side="right") - 1
    return source.tolist(), wires.segment_delay[mine].tolist()
