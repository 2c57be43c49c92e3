"""Lowering of neuromodulators: their levels, who releases them, and the windows in which synapses integrate gains."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..describe.modulation import ByPost, ByPre, BySynapse, Modulator, Whole
from ..describe.network import Network, Projection
from ..describe.plasticity import Modulation
from ..errors import DescriptionError
from .arrays import Channel
from .plan import Plan

Array = np.ndarray[Any, Any]

_ROOM = 1 << 22  # integrals of a window: 32 MiB


def modulators_of(network: Network) -> list[Modulator]:
    """Return the neuromodulators of a network's plastic synapses, each once, in the order of projections."""
    found: list[Modulator] = []
    for projection in network.projections:
        modulation = projection.modulation
        if modulation is not None and all(m is not modulation.modulator for m in found):
            found.append(modulation.modulator)
    names = [m.name for m in found]
    for name in names:
        if names.count(name) > 1:
            raise DescriptionError(f"Network: two modulators are called {name!r}; rename one")
    return found


def channels_of(p: Plan) -> tuple[Channel, ...]:
    """Return the levels of all neuromodulators, all at their baselines, for one shard."""
    return tuple(_channel(p, modulator) for modulator in modulators_of(p.network))


def _channel(p: Plan, modulator: Modulator) -> Channel:
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
        amount.append(float(r.amount))
        if r.onto is not None:
            onto.append(np.asarray(r.onto, np.int64))
            n_onto += r.population.size
    return Channel(
        level=np.zeros(modulator.n_levels),
        decay=np.array([math.exp(-p.dt / modulator.tau)]),
        coming=np.zeros((1 << longest.bit_length(), modulator.n_levels)),
        release=np.array(release, np.int64).reshape(-1, 4),
        amount=np.array(amount, np.float64),
        onto=np.concatenate(onto),
    )


def window_length(tau_e: float, n_levels: int, dt: float) -> int:
    """Return how many ticks a window has: a power of two.

    The discounted integral loses as many digits as exp(window / tau_e) has: with four time constants two of sixteen.
    """
    longest = min(4.0 * tau_e / dt, _ROOM / n_levels)
    return 1 << max(3, int(math.log2(max(longest, 1.0))))


def gains_of(
    modulation: Modulation | None,
    channels: dict[str, Channel],
    taus: dict[str, float],
    n_synapses: int,
    which: Array,
    dt: float,
) -> dict[str, Any]:
    """Return the fields of :class:`.Plastic` that a neuromodulator needs, empty where there is none."""
    none = np.zeros(0)
    if modulation is None:
        keys = ("level", "rest", "share", "rise", "fall")
        return dict.fromkeys(keys, none) | {
            "which": np.zeros(0, np.uint16),
            "receptor": (),
            "window": np.zeros(0, np.int64),
            "area": np.zeros((0, 0)),
        }
    modulator = modulation.modulator
    tau = taus["e"]
    n = window_length(tau, modulator.n_levels, dt)
    both = 1.0 / tau + 1.0 / modulator.tau
    ticks = np.arange(n + 1) * dt / tau
    return {
        "which": which,
        "level": channels[modulator.name].level,
        "rest": np.array([float(modulator.baseline)]),
        "receptor": modulation.receptor.parameters(),
        "share": np.array([-tau * math.expm1(-dt / tau), -math.expm1(-dt * both) / both]),
        "window": np.zeros(1, np.int64),
        "area": np.zeros((n + 1, modulator.n_levels)),
        "rise": np.exp(ticks),
        "fall": np.exp(-ticks),
    }


def levels_by_place(
    modulation: Modulation, projection: Projection, slot: int, n_slots: int, lo: int, hi: int, owner: Array
) -> Array:
    """Return the number of the level by slot or by segment, or one for all: uint16; by synapse is filled in later.

    Parameters
    ----------
    slot, lo, hi
        first slot of the post population, and its neurons in this shard
    owner : int64[n_segments]
        pre neuron of each segment
    """
    groups = modulation.subpopulations
    if isinstance(groups, ByPost):
        which = np.zeros(n_slots, np.uint16)
        which[slot : slot + hi - lo] = np.asarray(groups.levels)[lo:hi]
        return which
    if isinstance(groups, ByPre):
        return np.asarray(groups.levels)[owner].astype(np.uint16)
    if isinstance(groups, BySynapse):
        return np.zeros(0, np.uint16)
    assert isinstance(groups, Whole)
    return np.array([groups.level], np.uint16)
