"""Lowering of projections: rows of targets, weights and delays, and how synapses are grouped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..describe.connectivity import AllToAll, Constant, Distribution, FromCOO
from ..describe.network import Network, Projection
from ..errors import DescriptionError
from ..random.philox import seed_key
from ..vectors import has_masks
from .arrays import (
    BITMAP,
    CONSTANT,
    DENSE,
    HALF,
    LAZY_CONSTANT,
    LAZY_WEIGHTED,
    MAX_GROUPS,
    MAX_LENGTH,
    PLASTIC,
    WEIGHTED,
    Draws,
)
from .bitmaps import pay
from .halves import LARGEST, SMALLEST
from .placing_kernel import TICK_BITS
from .plan import Plan
from .targets import Before, Builder

Array = np.ndarray[Any, Any]
_WHOLE, _NO_NUMBERS = np.zeros(0, np.int64), np.zeros(0, np.uint32)
EDGE = 2.0**-34  # of the quantiles that are drawn, the smallest
SURE = 1e-6  # ticks; delays nearer than that to the border between two are rounded with all their bits
LONGEST = 2**31  # ticks; a segment's delay is 4 bytes
#: Kernels of :mod:`.wiring_kernel` and :mod:`.placing_kernel`.
WIRING = (
    *("fixed_degree", "count_partners", "transpose", "fixed_probability"),
    *("split", "count_pre", "deal"),
)
PLACING = ("count_delays", "place", "take", "fill_dense", "fill_segments", "count_segments", "pack")


@dataclass
class Delay:
    """Delays of a projection in ticks: given, or a table to draw them from."""

    given: Array
    table: Array
    least: int
    most: int
    n: int | None = None  # how many an array gives, though all be equal; none where a number or drawn


def quantile_table(d: Distribution, scale: float = 1.0) -> Array:
    """Tabulate a quantile function: its body and its two outermost cells, for :func:`.placing_kernel.quantile`."""
    cells = 16384
    edges = np.arange(cells + 1) / cells
    tail = edges / cells
    u = np.stack([edges, tail, 1 - tail[::-1]])
    return np.asarray(d.quantile(np.clip(u, EDGE, 1 - EDGE))) * scale


def ticks_by_bits(delay: Delay) -> Array:
    """Tabulate delays [ticks] by the first bits of a drawn word: 0 where these do not tell, none where not drawn."""
    if delay.given.size or delay.table.shape[1] == 1:  # given, if only for no synapses
        return np.zeros(0, np.int32)
    edges = delay.table[0]
    step = (len(edges) - 1) >> TICK_BITS
    cells = np.stack([edges[k : len(edges) - step + k : step] for k in range(step + 1)])
    least, most = (np.rint(x).astype(np.int32) for x in (cells.min(axis=0) - SURE, cells.max(axis=0) + SURE))
    ticks = np.where(least == most, np.maximum(least, 1), 0)
    ticks[[0, -1]] = 0  # the outermost have tables of their own
    return ticks


def delay_of(projection: Projection, dt: float) -> Delay:
    """Delays of a projection, checked against ``dt``."""
    d, none = projection.delay, np.zeros((3, 1))
    where = f"Projection {projection.name!r}"
    if isinstance(d, Distribution) and not isinstance(d, Constant):
        table = quantile_table(d, 1 / dt)
        if not np.all(np.abs(table) < LONGEST):
            raise DescriptionError(
                f"{where}: delay must be below {LONGEST * dt:g} ms, but {d} reaches beyond"
            )
        least, most = max(1, round(float(table.min()))), max(1, round(float(table.max())))
        return Delay(np.zeros(0), table, least, most)
    value = np.asarray(d.value if isinstance(d, Constant) else d, np.float64)
    if value.size and value.max() / dt >= LONGEST:
        raise DescriptionError(f"{where}: delay must be below {LONGEST * dt:g} ms, got {value.max():g}")
    given = np.round(np.atleast_1d(value) / dt).astype(np.int64)
    if given.size and given.min() < 1:
        raise DescriptionError(
            f"{where}: delay must be at least one tick of dt = {dt} ms, got {given.min() * dt}"
        )
    n = value.size if value.ndim else None
    if isinstance(projection.rule, AllToAll) and value.ndim == 2 and without_diagonal(projection):
        given = given[~np.eye(len(given), dtype=bool)]
        n = given.size
    if given.size > 1 and given.min() == given.max():
        given = given.ravel()[:1]
    return Delay(given.ravel(), none, int(given.min(initial=1)), int(given.max(initial=1)), n)


def without_diagonal(projection: Projection) -> bool:
    """Tell whether no neuron of an all-to-all projection is its own partner."""
    return projection.pre is projection.post and not getattr(projection.rule, "autapses", True)


@dataclass
class Group:
    """Projections whose synapses are stored alike and whose segments are merged."""

    format: int
    row: int
    weight: float = 0.0
    members: list[int] = field(default_factory=list)  # numbers of projections


def row_delays(projection: Projection, delay: Delay) -> Array | None:
    """Return the delay of each pre neuron of an all-to-all projection, or None where it has several [ticks]."""
    n_pre, n_post = projection.pre.size, projection.post.size
    if not isinstance(projection.rule, AllToAll) or without_diagonal(projection):
        return None
    if delay.given.size == 1:
        return np.broadcast_to(delay.given, n_pre)
    if delay.given.size != n_pre * n_post:
        return None
    by_row = delay.given.reshape(n_pre, n_post)
    return by_row[:, 0].copy() if np.all(by_row == by_row[:, :1]) else None


def has_rows(projection: Projection, delay: Delay) -> bool:
    """Tell whether all synapses of a pre neuron have one delay, and each its own target, listed in their order."""
    if not isinstance(projection.rule, FromCOO):
        return row_delays(projection, delay) is not None
    pre, post = (np.asarray(end, np.int64) for end in projection.rule.pairs())
    if not delay.given.size:
        return False
    order = np.argsort(pre, kind="stable")
    ascending = bool(np.all(np.diff(pre[order] * projection.post.size + post[order]) > 0))
    if delay.given.size == 1:
        return ascending
    same = (np.diff(delay.given[order]) == 0) | (np.diff(pre[order]) > 0)
    return ascending and delay.given.size == len(pre) and bool(np.all(same))


def is_dense(projection: Projection, delay: Delay, lazy: set[str]) -> bool:
    """Tell whether a projection is stored as a matrix, without a list of targets."""
    return (
        projection.post.name not in lazy
        and projection.plasticity is None
        and isinstance(projection.rule, AllToAll)
        and (delay.given.size == 1 or row_delays(projection, delay) is not None)
        and projection.post.size <= MAX_LENGTH
        and not (isinstance(projection.weight, Constant) and not projection.rule.autapses)
    )


def fits_bits(p: Plan, delays: list[Delay], members: list[int]) -> bool:
    """Tell whether projections of one weight and one pre population may be stored as rows of bits."""
    projections = [p.network.projections[m] for m in members]
    at = [delays[m] for m in members]
    one_delay = all(d.given.size == 1 and d.most == at[0].most for d in at)
    n = sum(q.rule.expected(q.pre.size, q.post.size) for q in projections)
    return one_delay and pay(n, projections[0].pre.size, reach_of(p, members))


def fits_half(projection: Projection) -> bool:
    """Tell whether weights are drawn, and so that half precision holds them."""
    weight = projection.weight
    if not isinstance(weight, Distribution) or isinstance(weight, Constant):
        return False
    with np.errstate(all="ignore"):
        ends = np.abs(np.asarray(weight.quantile(np.array([EDGE, 1 - EDGE])), np.float64))
    return bool(SMALLEST <= ends.max() <= LARGEST)


def reach_of(p: Plan, members: list[int]) -> int:
    """Return how many neurons there are from the first to the last that projections may reach."""
    first = [p.first_source[p.network.projections[m].post.name] for m in members]
    last = [begin + p.network.projections[m].post.size for begin, m in zip(first, members, strict=True)]
    return max(last) - min(first)


def groups_of(p: Plan, delays: list[Delay], bitmaps: bool | None = None, halves: bool = False) -> list[Group]:
    """Assign every projection to a group; two between the same populations never share one.

    Those of rows of bits are from one population. ``bitmaps`` says whether there may be such; by default where the
    processor is quick with them. No result depends on it. With ``halves`` drawn weights of static synapses are of half
    precision.
    """
    bitmaps = has_masks() if bitmaps is None else bitmaps
    network, lazy = p.network, p.lazy
    groups: list[Group] = []
    for number, (projection, delay) in enumerate(zip(network.projections, delays, strict=True)):
        row = projection.post.model.receptors.index(str(projection.receptor))
        constant = isinstance(projection.weight, Constant)
        weight = projection.weight.value if isinstance(projection.weight, Constant) else 0.0
        dense = is_dense(projection, delay, lazy)
        form = DENSE if dense else CONSTANT if constant else WEIGHTED
        if projection.post.name in lazy:
            form = LAZY_CONSTANT if constant else LAZY_WEIGHTED
        if halves and form == WEIGHTED and projection.plasticity is None and fits_half(projection):
            form = HALF
        if bitmaps and form == CONSTANT and projection.plasticity is None and fits_bits(p, delays, [number]):
            form = BITMAP
        if projection.plasticity is not None:
            form = PLASTIC
        for group in groups:
            pairs = {(id(network.projections[m].pre), id(network.projections[m].post)) for m in group.members}
            dense = dense or form == PLASTIC  # these never share a group
            alike = (group.format, group.row, group.weight) == (form, row, weight) and not dense
            if form == BITMAP:
                same = projection.pre is network.projections[group.members[0]].pre
                alike = alike and same and fits_bits(p, delays, [*group.members, number])
            if alike and (id(projection.pre), id(projection.post)) not in pairs:
                group.members.append(number)
                break
        else:
            groups.append(Group(form, row, weight, [number]))
    if len(groups) > MAX_GROUPS and bitmaps:
        return groups_of(p, delays, bitmaps=False, halves=halves)
    if len(groups) > MAX_GROUPS:
        raise DescriptionError(f"Network: {len(groups)} kinds of synapses; at most {MAX_GROUPS} are possible")
    return groups


@dataclass
class TargetRows:
    """Synapses of a projection before they are placed."""

    ptr: Array
    post: Array
    weights: Array  # one, all, or none where drawn
    weight_table: Array
    delay: Delay
    n_post: int  # neurons onto which there are synapses here: those of a rank, or all
    start: Array  # as in Draws
    number: Array


def given_weights(projection: Projection, order: Any, n: int) -> tuple[Array, Array]:
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
    flat = flat.ravel() if order is None else flat.ravel()[order]
    if flat.size == 1:
        flat = np.repeat(flat, 2)  # length 1 would mean a constant
    return flat, np.zeros((3, 1))


def rows_for(
    projection: Projection,
    number: int,
    delay: Delay,
    key: Array,
    kernels: Any,
    spread: Any = map,
    own: tuple[int, int] | None = None,
    before: Before | None = None,
    kind: Any = np.uint32,
) -> TargetRows:
    """Rows of one projection, the ``number``-th of its network.

    ``own``, ``before`` and ``kind`` are as in :class:`.Builder`.
    """
    builder = Builder(projection, number, key, kernels, spread, own, before, kind)
    ptr, post, order = builder.targets()
    n = len(post) if builder.n is None else builder.n
    weights, table = given_weights(projection, order, n)
    if delay.n is not None and delay.n != n:
        raise DescriptionError(f"Projection {projection.name!r}: delay must have {n} values, got {delay.n}")
    if delay.given.size > 1 and order is not None:
        delay = Delay(delay.given[order], delay.table, delay.least, delay.most)
    n_post = builder.hi - builder.lo
    return TargetRows(ptr, post, weights, table, delay, n_post, builder.start, builder.row_number)


def build_rows(
    network: Network,
    delays: list[Delay],
    lazy: set[str],
    seed: int,
    kernels: Any,
    spread: Any = map,
    own: Mapping[str, tuple[int, int]] | None = None,
    before: Before | None = None,
) -> list[TargetRows | None]:
    """Rows of every projection that is not dense; ``spread`` may be the ``map`` of a pool of threads.

    ``own`` gives the neurons of each population that a rank owns, where it builds no others; ``before`` as in
    :class:`.Builder`.
    """
    key = np.array(seed_key(seed), dtype=np.uint64)
    narrow = all(population.size <= 1 << 16 for population in network.populations)
    return [
        None
        if is_dense(projection, delay, lazy)
        else rows_for(
            projection,
            number,
            delay,
            key,
            kernels,
            spread,
            None if own is None else own[projection.post.name],
            before,
            np.uint16 if narrow else np.uint32,  # one for all: kernels are compiled for each
        )
        for number, (projection, delay) in enumerate(zip(network.projections, delays, strict=True))
    ]


def draws_of(
    number: int,
    delay: Delay,
    weights: Array,
    table: Array,
    key: Array,
    start: Array = _WHOLE,
    row_number: Array = _NO_NUMBERS,
    half: bool = False,
) -> Draws:
    """Return what the kernels need to know of a projection's delays and weights, and their scratch."""
    return Draws(
        delays=delay.given,
        delay_table=delay.table,
        delay_ticks=ticks_by_bits(delay),
        weights=weights,
        weight_table=table,
        delay_words=np.zeros(256, np.uint32),
        weight_words=np.zeros(256, np.uint32),
        counters=np.zeros(64, np.uint32),
        own=np.zeros(256, np.int64),
        drawn=np.zeros(256, np.int64),
        tick=np.zeros(256, np.int64),
        value=np.zeros(256),
        projection=number,
        key=key,
        start=start,
        number=row_number,
        half=half,
    )


def dense_weights(
    projection: Projection, number: int, delay: Delay, lo: int, hi: int, key: Array, real: Any, kernels: Any
) -> Array:
    """Rows of an all-to-all projection onto the targets ``lo`` to ``hi - 1``, one after another."""
    n_pre, n_post = projection.pre.size, projection.post.size
    out = np.zeros(n_pre * (hi - lo), real)
    draws = draws_of(number, delay, *given_weights(projection, None, n_pre * n_post), key)
    kernels.fill_dense(n_pre, n_post, lo, hi, without_diagonal(projection), out, draws)
    return out


def order_of(groups: list[Group]) -> list[Group]:
    """Sort groups as they lie in memory: those with weights first, those of bits last."""
    weighted = (WEIGHTED, LAZY_WEIGHTED, PLASTIC, HALF)
    return sorted(groups, key=lambda g: 0 if g.format in weighted else 2 if g.format == BITMAP else 1)
