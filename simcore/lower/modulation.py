"""Lowering of neuromodulators: their levels, who releases them, and the windows in which synapses integrate gains."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..describe.modulation import ByPost, ByPre, BySynapse, Modulator, Whole
from ..describe.network import Network, Projection
from ..describe.plasticity import Modulation
from ..describe.releases import Course
from ..errors import DescriptionError
from .arrays import Channel, Factor, Gain
from .plan import Plan

Array = np.ndarray[Any, Any]

_ROOM = 1 << 22  # integrals of a window: 32 MiB


def modulators_of(network: Network) -> list[Modulator]:
    """Return the neuromodulators of a network's plastic synapses, each once, in the order of projections."""
    found: list[Modulator] = []
    for projection in network.projections:
        found += [m for m in projection.modulators if all(m is not other for other in found)]
    names = [m.name for m in found]
    for name in names:
        if names.count(name) > 1:
            raise DescriptionError(f"Network: two modulators are called {name!r}; rename one")
    return found


def channels_of(p: Plan) -> tuple[Channel, ...]:
    """Return the levels of all neuromodulators, all at their baselines, for one shard."""
    return tuple(_channel(p, modulator) for modulator in modulators_of(p.network))


def _channel(p: Plan, modulator: Modulator) -> Channel:
    n, course = modulator.n_levels, modulator.baseline
    times, values = (course.times, course.values) if isinstance(course, Course) else ([0.0], [course])
    released, longest = _by_spikes(p, modulator)
    rise = modulator.tau_rise
    tau = math.inf if modulator.watch is not None else modulator.tau  # potentials alone move it then
    channel = Channel(
        level=np.zeros(n),
        fast=np.zeros(0 if rise is None else n),
        rest=np.zeros(1),
        decay=np.array([math.exp(-p.dt / time) for time in (tau, rise) if time is not None]),
        coming=np.zeros((1 << longest.bit_length(), n)),
        **released,
        **_given(modulator, p.dt),
        course_tick=np.round(np.asarray(times, np.float64) / p.dt).astype(np.int64),
        course_rest=np.asarray(values, np.float64),
        next=np.zeros(2, np.int64),
    )
    seek(channel, 0)
    for k in range(channel.next[0]):  # what is given at time 0
        onto = channel.given_onto[k]
        raise_levels(channel, channel.given_amount[k], slice(None) if onto < 0 else onto)
    return channel


def _by_spikes(p: Plan, modulator: Modulator) -> tuple[dict[str, Array], int]:
    """Return the fields of a channel that populations release into, and their longest delay [ticks]."""
    release, amount, onto = [], [], [np.zeros(0, np.int64)]
    longest, n_onto = 1, 0
    for r in modulator.releases:
        where = f"Modulator {modulator.name!r}: release by {r.population.name!r}"
        if r.population not in p.populations:
            raise DescriptionError(f"{where}: this population is not in the network")
        delay = max(1, round(r.delay / p.dt))
        if delay > 1 << 20:
            raise DescriptionError(f"{where}: delay must be at most {(1 << 20) * p.dt:g} ms, got {r.delay}")
        longest = max(longest, delay)
        number = p.populations.index(r.population)
        release.append((number, p.first_source[r.population.name], delay, -1 if r.onto is None else n_onto))
        amount.append(float(r.amount) * modulator.norm())
        if r.onto is not None:
            onto.append(np.asarray(r.onto, np.int64))
            n_onto += r.population.size
    fields = {
        "release": np.array(release, np.int64).reshape(-1, 4),
        "amount": np.array(amount, np.float64),
        "onto": np.concatenate(onto),
    }
    return fields, longest


def _given(modulator: Modulator, dt: float) -> dict[str, Array]:
    """Return the fields of a channel's given releases, in the order of ticks."""
    columns = [given.columns() for given in modulator.given]
    times, amounts, onto = (np.concatenate([c[k] for c in columns] or [np.zeros(0)]) for k in range(3))
    tick = np.round(times / dt).astype(np.int64)
    order = np.argsort(tick, kind="stable")
    return {
        "given_tick": tick[order],
        "given_onto": onto[order].astype(np.int64),
        "given_amount": amounts[order] * modulator.norm(),
    }


def seek(channel: Channel, tick: int) -> None:
    """Let what is given in time go on after ``tick``; the baseline becomes that of ``tick``."""
    for k, ticks in enumerate((channel.given_tick, channel.course_tick)):
        channel.next[k] = np.searchsorted(ticks, tick, side="right")
    channel.rest[0] = channel.course_rest[channel.next[1] - 1]


def raise_levels(channel: Channel, amount: Any, which: Any) -> None:
    """Release ``amount``, with the norm of the kinetics, onto some levels."""
    channel.level[which] += amount
    if len(channel.fast):
        channel.fast[which] += amount


def window_length(tau_e: float, n_levels: int, dt: float) -> int:
    """Return how many ticks a window has: a power of two.

    The discounted integral loses as many digits as exp(window / tau_e) has: with four time constants two of sixteen.
    """
    longest = min(4.0 * tau_e / dt, _ROOM / n_levels)
    return 1 << max(3, int(math.log2(max(longest, 1.0))))


def gains_of(
    modulations: tuple[Modulation, ...],
    channels: dict[str, Channel],
    taus: dict[str, float],
    which: list[Array],
    dt: float,
    real: Any,
    flow_time: float = math.inf,
) -> tuple[Gain, ...]:
    """Return the gains that a projection's neuromodulators have on its eligibilities; their windows are equal."""
    lengths = [window_length(min(taus[m.trace] or math.inf, flow_time), m.n_levels, dt) for m in modulations]
    return tuple(
        _gain(m, channels, taus[m.trace], numbers, min(lengths), dt, real)
        for m, numbers in zip(modulations, which, strict=True)
    )


def _gain(
    modulation: Modulation,
    channels: dict[str, Channel],
    tau: float,
    which: Array,
    n: int,
    dt: float,
    real: Any,
) -> Gain:
    ticks = np.zeros(n + 1) if tau == 0.0 else np.arange(n + 1) * dt / tau
    share, factors = np.ones(2), []
    for modulator, receptor in modulation.factors:
        channel, mean = channels[modulator.name], np.ones(2)
        if tau > 0.0:
            share[:] = -tau * math.expm1(-dt / tau)
            both = [
                1.0 / tau + 1.0 / other
                for other in (math.inf if modulator.watch else modulator.tau, modulator.tau_rise)
                if other is not None
            ]
            moving = np.array([-math.expm1(-dt * rate) / rate for rate in both])
            if len(channel.fast) or len(modulation.factors) > 1:  # a tick's gain is that at the levels' means
                mean = np.resize(moving / share[0], 2)
            else:
                share[1] = moving[0]
        if not len(channel.fast):
            mean[1] = 0.0
        factors.append(Factor(channel.level, channel.fast, channel.rest, receptor.parameters(), mean))
    return Gain(
        which=which,
        factors=tuple(factors),
        share=share,
        area=np.zeros((n + 1, modulation.n_levels)),
        **decay(ticks, real),
        pulse=np.zeros(modulation.n_levels),
    )


def decay(ticks: Array, real: Any) -> dict[str, Array]:
    """Return the fields of a gain that say how eligibility decays; ``ticks`` are times in its time constant."""
    return {"fall": np.exp(-ticks), "both": np.exp(np.outer(ticks, [-1.0, 1.0])).astype(real).ravel()}


def levels_by_place(
    modulation: Modulation, projection: Projection, slot: int, n_slots: int, lo: int, hi: int, owner: Array
) -> Array:
    """Return the number of the level by slot or by segment, or one for all; by synapse is filled in later.

    Parameters
    ----------
    slot, lo, hi
        first slot of the post population, and its neurons in this shard
    owner : int64[n_segments]
        pre neuron of each segment
    """
    groups = modulation.subpopulations
    if isinstance(groups, ByPost):
        small = modulation.n_levels <= 256  # for many to lie in the nearest cache
        which = np.zeros(n_slots + 3, np.uint8 if small else np.uint32)[:n_slots]
        which[slot : slot + hi - lo] = np.asarray(groups.levels)[lo:hi]
        return which
    if isinstance(groups, ByPre):
        return np.asarray(groups.levels)[owner].astype(np.uint16)
    if isinstance(groups, BySynapse):
        return np.zeros(0, np.uint16)
    assert isinstance(groups, Whole)
    return np.array([groups.level], np.uint16)
