"""Lowering of plastic projections: what their synapses and neurons keep, and the tables by which traces fade."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..describe.modulation import BySynapse
from ..describe.network import Projection
from ..errors import DescriptionError
from ..random.philox import STREAM_SYNAPSE, seed_key
from ..vectors import LANES
from .arrays import HISTORY, NEVER, PLASTIC, RECENT, SPAN, Chance, Channel, Plastic, TrialLog, Wires
from .entries import group_of, length_of
from .modulation import decay, gains_of, levels_by_place, modulators_of
from .plan import Plan
from .rows import Delay, Group, has_rows, order_of

Array = np.ndarray[Any, Any]
LONGEST_FADE = 1 << 26  # ticks that the table of a trace's decay may have
#: Time constants of its eligibility that a trial may last: exp(88) is more than a float32 holds.
MOST_FADED = 80.0


def plastics_of(
    p: Plan,
    shard: int,
    groups: list[Group],
    wires: Wires,
    real: Any,
    rules: list[Any],
    waits: list[bool],
    channels: tuple[Channel, ...],
    quanta: Array | None = None,
) -> tuple[Any, ...]:
    """Return the state of the plastic projections onto one shard, all traces and eligibilities 0.

    ``rules`` are the generated modules, whose tuples kernels know; ``waits`` tells of each whether its synapses learn
    at the end of trials, see :func:`learns_in_trials`; ``channels`` are the levels that rules read; ``quanta`` are
    those of fixed arithmetic, see :func:`.grid.quanta_of`.
    """
    out: list[Plastic] = []
    named = {m.name: channel for m, channel in zip(modulators_of(p.network), channels, strict=True)}
    done = 0
    for number, group in enumerate(order_of(groups)):
        if group.format != PLASTIC:
            continue
        projection, module = p.network.projections[group.members[0]], rules[len(out)]
        rule, post = projection.plasticity, projection.post
        mine = np.flatnonzero(group_of(wires.segment_entry) == number)
        length = length_of(wires.segment_entry[mine])
        most = int(length.max(initial=0))
        begin = wires.plastic_begin[done : done + len(mine)]
        done += len(mine)
        short = projection.short_term
        parts = [rule] if short is None or short.varying else [rule, short]
        taus = {name: tau for part in parts for name, tau in part.time_constants().items()}
        for name, tau in taus.items():
            if name in module.KEPT or tau == math.inf:  # no table of its decay
                continue
            if -math.log(1e-12) * tau / p.dt > LONGEST_FADE:
                longest = LONGEST_FADE * p.dt / -math.log(1e-12)
                raise DescriptionError(
                    f"Projection {projection.name!r}: {type(rule).__name__}: time constants must be below "
                    f"{longest:g} ms at dt = {p.dt} ms, got {tau:g}"
                )
        lo, hi = p.numbers(shard, post.name)
        slot, n_slots, n = p.first_slot[shard][post.name], p.n_slots[shard], len(mine)
        owner = (
            np.searchsorted(wires.segment_ptr, mine, side="right") - 1 - p.first_source[projection.pre.name]
        )
        modulations, n_synapses = rule.modulations, int(length.sum())
        decays = list(rule.decays().values())
        quantum = 1.0 if quanta is None else quanta[p.populations.index(post), group.row]
        which = [levels_by_place(m, projection, slot, n_slots, lo, hi, owner) for m in modulations]
        gains = gains_of(modulations, named, taus, which, p.dt, real, rule.flow_time(p.dt))
        out.append(
            Plastic(
                constants=module.Constants(*(real(c) for part in parts for c in part.derive(p.dt))),
                fade_pre=tuple(
                    np.append(_fading(taus[f], p.dt), float(taus[f] == math.inf)).astype(real)
                    for f in module.Pre._fields
                ),
                fade_post=tuple(_fading(taus[f], p.dt).astype(real)[1] for f in module.Post._fields),
                fades=_decays(decays, p.dt).astype(real),
                first=np.array([begin.min(initial=2**40) if n else 0], np.int64),
                begin=begin,
                length=length,
                pre=module.Pre(*(np.zeros(n, real) for _ in module.Pre._fields)),
                early=module.Pre(*(np.zeros(0 if rule.coincident else n, real) for _ in module.Pre._fields)),
                pre_tick=np.zeros(n, np.int64),
                seen=np.zeros(n, np.int64),
                ends=np.array(
                    [p.populations.index(post), p.first_source[post.name] + lo, slot, hi - lo], np.int64
                ),
                post=module.Post(*(np.zeros(n_slots, real) for _ in module.Post._fields)),
                past=module.Post(*(np.zeros((n_slots, HISTORY), real) for _ in module.Post._fields)),
                recent=np.full(n_slots * RECENT, NEVER, np.int32),
                post_tick=np.full((n_slots, HISTORY), NEVER, np.int32),
                post_n=np.zeros(n_slots, np.int64),
                settled=np.zeros(n_slots, np.int64),
                missed=np.zeros((3, HISTORY, most + LANES), np.int32),
                n_missed=np.zeros(HISTORY, np.int64),
                ticks=np.zeros(most + LANES, np.int32),
                kept=tuple(np.zeros(n_synapses, real) for _ in module.KEPT),
                gains=gains,
                window=np.zeros(1, np.int64),
                trial=_no_log(module.Pre, real) if waits[len(out)] else (),
                grid=np.array([1.0 / quantum, quantum], real),
                chance=_chance(p, group.members[0], wires, mine, begin, length, owner, lo - slot)
                if rule.draws
                else (),
                flow=_flow(rule, gains, p.dt),
            )
        )
    return tuple(out)


def last_spikes(plastic: Plastic) -> Array:
    """Return the tick of each neuron's last spike, int32[n_slots], a view."""
    return np.asarray(plastic.recent[::RECENT])


def _fading(tau: float, dt: float) -> Array:
    """Decay over 0, 1, ... ticks, down to 1e-12; none, over two ticks, of what stays."""
    if tau == math.inf:
        return np.ones(2)
    return np.asarray(np.exp(-np.arange(max(2, math.ceil(-math.log(1e-12) * tau / dt))) * dt / tau))


def _decays(taus: list[float], dt: float) -> Array:
    """Decays over few ticks, and over many in steps: one of each multiplied is the decay over any number."""
    rates = np.array([dt / tau for tau in taus])
    ticks = np.arange(SPAN) * np.array([[1], [SPAN]])
    return np.asarray(np.exp(-ticks[:, :, np.newaxis] * rates))


def _chance(
    p: Plan, number: int, wires: Wires, mine: Array, begin: Array, length: Array, pre: Array, shift: int
) -> Chance:
    """Return who the synapses of a projection are; ``mine`` are its segments, ``shift`` leads from slots to neurons.

    All contacts of two neurons lie in one shard, in the order of their delays and then as they were listed: so their
    numbers do not depend on shards.
    """
    from ..random.philox_block import LANES  # loads the compiler

    projection, n = p.network.projections[number], int(length.sum())
    first = begin.min(initial=2**40) if len(begin) else 0
    at = np.repeat(begin - first - np.cumsum(length) + length, length) + np.arange(n)
    source, delay, post = np.zeros((3, n), np.int64)
    source[at], delay[at] = np.repeat(pre, length), np.repeat(wires.segment_delay[mine], length)
    post[:] = wires.target[first : first + n].astype(np.int64) + shift
    order = np.lexsort((np.arange(n), delay, post, source))
    new = np.diff(source[order], prepend=-1) | np.diff(post[order], prepend=-1)
    start = np.maximum.accumulate(np.where(new != 0, np.arange(n), 0))
    contact = np.empty(n, np.int64)
    contact[order] = np.arange(n) - start
    if (int(contact.max(initial=0)) + 1) * projection.post.size > 2**32:
        raise DescriptionError(
            f"Projection {projection.name!r}: {type(projection.plasticity).__name__} draws, and numbers at most "
            f"{2**32 // projection.post.size} contacts of two neurons here, got {int(contact.max()) + 1}"
        )
    stride = -(-max(1, int(length.max(initial=0))) // LANES) * LANES
    stream = STREAM_SYNAPSE | np.uint64(number << 8)
    return Chance(
        key=np.array([*seed_key(p.seed), stream], np.uint64),
        number=(post + projection.post.size * contact).astype(np.uint32),
        pre=pre.astype(np.uint32),
        again=np.zeros(len(begin), np.int64),
        who=np.zeros(stride, np.uint32),
        when=np.zeros(stride, np.uint32),
        words=np.zeros(4 * stride, np.uint32),
    )


def _flow(rule: Any, gains: tuple[Any, ...], dt: float) -> Array | tuple[()]:
    """Return room for the maps of a window, the first of them that over no time; nothing for a rule without maps."""
    functions = rule.functions()
    if "Flow" not in functions:
        return ()
    start = functions["flow_start"](rule.derive(dt))
    out = np.zeros((*gains[0].area.shape, len(start)))
    out[0] = start
    return out


def _no_log(traces: Any, real: Any) -> TrialLog:
    none = np.zeros(0, np.uint32)
    return TrialLog(
        none,
        none,
        none,
        none,
        np.zeros(3, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.int32),
        traces(*(np.zeros(0, real) for _ in traces._fields)),
        np.zeros((0, 0), real),
        np.zeros(0, real),
        *np.zeros((4, 0), np.int64),
    )


def _runs(plastic: Plastic, target: Array) -> tuple[Array, ...]:
    """Return the runs of neighbouring targets of all segments: ``run_ptr`` and what follows it in the log."""
    slot = plastic.ends[2]
    counts, runs = [0], [np.zeros((3, 0), np.int64)]
    for begin, length in zip(plastic.begin.tolist(), plastic.length.tolist(), strict=True):
        post = target[begin : begin + length].astype(np.int64) - slot
        at = np.flatnonzero(np.diff(post, prepend=-2) != 1)
        counts.append(len(at))
        runs.append(np.stack([at, post[at], np.diff(at, append=length)]))
    return (np.cumsum(counts), *np.ascontiguousarray(np.concatenate(runs, axis=1)))


def with_log(plastic: Plastic, target: Array, length: int, projection: Projection, dt: float) -> Plastic:
    """Return plastic synapses with room for a trial of ``length`` ticks in which everything fires.

    ``target`` are those of the shard's synapses. A trial is one window of :mod:`..advance.ticks.drift`, so the factors
    of its ticks reach as far.

    Raises
    ------
    DescriptionError
        for a trial so long that an eligibility of its first tick has faded beyond what numbers hold
    """
    n, n_post, real = len(plastic.begin), int(plastic.ends[3]), plastic.kept[0].dtype
    log = plastic.trial
    if len(log.arrived) == n * length and len(log.row) == n:
        return plastic
    tau = projection.plasticity.time_constants()["e"]
    if length * dt > MOST_FADED * tau:
        raise DescriptionError(
            f"Projection {projection.name!r}: a trial must be at most {MOST_FADED:g} tau_e, {MOST_FADED * tau:g} ms, "
            f"got {length * dt:g}"
        )
    (gain,) = plastic.gains
    if len(gain.fall) <= length:
        ticks = np.arange(length + 1) * dt / tau
        plastic = plastic._replace(gains=(gain._replace(**decay(ticks, real)),))
    run_ptr, run_at, run_post, run_length = _runs(plastic, target)
    log = log._replace(
        arrived=np.zeros(n * length, np.uint32),
        arrived_at=np.zeros(n * length, np.uint32),
        fired=np.zeros(n_post * length, np.uint32),
        fired_at=np.zeros(n_post * length, np.uint32),
        row=np.full(n, -1, np.int32),
        segment=np.zeros(n, np.int32),
        pre=type(log.pre)(*(np.zeros(n, real) for _ in log.pre)),
        eligibility=np.zeros((n, int(plastic.length.max())), real),
        by_post=np.zeros(n_post, real),
        run_ptr=run_ptr,
        run_at=run_at,
        run_post=run_post,
        run_length=run_length,
    )
    return plastic._replace(trial=log)


def learns_in_trials(projection: Projection, delay: Delay) -> bool:
    """Tell whether a projection's synapses may wait for a trial's end, see :mod:`..advance.ticks.trial_plastic`."""
    rule, modulations = projection.plasticity, projection.modulations
    if len(modulations) != 1 or projection.short_term is not None or not rule.coincident or rule.draws:
        return False
    (modulation,) = modulations
    (modulator, receptor), *others = modulation.factors
    if others or modulator.expectation is None or isinstance(modulation.subpopulations, BySynapse):
        return False
    fields = rule.functions()["Synapse"]._fields
    if fields != ("w", "e") or rule.time_constants()["e"] == 0.0 or not has_rows(projection, delay):
        return False
    at_rest = receptor.curve(float(modulator.baseline), *receptor.parameters())
    return at_rest == 0.0 and _keeps_weights(rule)


def _keeps_weights(rule: Any) -> bool:
    """Tell whether a rule's spikes change eligibilities alone, as far as some numbers show."""
    f, c = rule.functions(), rule.derive(1.0)
    for w, x in ((0.3, 0.7), (-1.5, 2.0), (40.0, 0.1)):
        s = f["Synapse"](w, 0.5)
        pre, post = f["Pre"](*(x for _ in f["Pre"]._fields)), f["Post"](*(x for _ in f["Post"]._fields))
        if f["on_pre"](s, pre, post, c).w != w or f["on_post"](s, pre, post, c).w != w:
            return False
    return True
