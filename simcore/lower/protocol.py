"""Lowering of trials: what a shard needs to run, judge and modulate them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..describe.network import Network, Population
from ..describe.trials import SIGNALS
from .arrays import ModelGroup, Protocol
from .modulation import modulators_of
from .plan import Plan

Array = np.ndarray[Any, Any]


@dataclass
class TrialState:
    """What outlasts trials, besides weights and what models keep.

    Attributes
    ----------
    usual : float64[n_modulators]
        mean reward of late
    n : int
        trials that were learned from
    """

    usual: Array
    n: int = 0


@dataclass
class Session:
    """Samples of one call, shared by all shards."""

    length: int  # ticks
    origin: int  # tick before the first trial
    first: Array  # int64[n_trials]
    last: Array
    label: Array
    kind: Array
    permutation: Array
    readout: Population | None
    n_classes: int
    learning: float
    width: Array  # float64[n_plastics]
    chosen: Array
    votes: Array
    spikes: Array
    level: Array


def session(
    p: Plan,
    n_samples: int,
    length: int,
    origin: int,
    n_copies: int,
    labels: Array,
    kinds: Array,
    readout: Population | None,
    n_classes: int,
    learning: float,
    width: Array,
    permutation: Array,
) -> Session:
    """Spread samples over the copies of a network, as evenly as they come, with room for what comes out."""
    border = np.minimum(np.arange(n_copies + 1) * -(-n_samples // n_copies), n_samples)
    n_levels = sum(m.n_levels for m in modulators_of(p.network))
    return Session(
        length=length,
        origin=origin,
        first=border[:-1].copy(),
        last=border[1:].copy(),
        label=labels,
        kind=kinds,
        permutation=permutation,
        readout=readout,
        n_classes=n_classes,
        learning=learning,
        width=width,
        chosen=np.full(n_samples, -1, np.int32),
        votes=np.zeros((n_samples, n_classes), np.int32),
        spikes=np.zeros((n_samples, len(p.populations)), np.int32),
        level=np.zeros((n_samples if np.any(width) else 0, n_levels)),
    )


def protocol_of(
    p: Plan, shard: int, s: Session, groups: tuple[ModelGroup, ...], usual: Array, potential: Array
) -> Protocol:
    """Return the protocol of one shard; ``potential`` is shared, ``usual`` its own."""
    modulators = modulators_of(p.network)
    sources = [m.expectation for m in modulators]
    n_codes = max([s.n_classes, *(q.n_codes for q in sources if q is not None)], default=1)
    membrane = np.zeros((len(s.first), 0), groups[0].table.dtype)
    readout = np.zeros(7, np.int64)
    if s.readout is not None:
        lo, _ = p.numbers(shard, s.readout.name)
        number = p.populations.index(s.readout)
        readout[:5] = number, p.first_source[s.readout.name], s.readout.size, s.n_classes, lo
        for group in groups:
            for population, _, count, _, first in group.part:
                if population == number:
                    membrane, readout[5:] = group.fields.v, (first, count)

    def each(name: str) -> Array:
        return np.array([0.0 if q is None else float(getattr(q, name)) for q in sources])

    return Protocol(
        length=np.array([s.length], np.int64),
        origin=np.array([s.origin], np.int64),
        first=s.first,
        last=s.last,
        readout=readout,
        label=s.label,
        kind=s.kind,
        permutation=s.permutation,
        count=np.zeros((len(s.first), p.n_sources), np.int32),
        potential=potential,
        membrane=membrane,
        sums=np.zeros((2, max(1, s.n_classes))),
        code=np.zeros((2, max(1, n_codes))),
        signal=np.array([-1 if q is None else SIGNALS.index(q.signal) for q in sources], np.int64),
        shuffled=np.array([q is not None and q.shuffled for q in sources], np.uint8),
        table=tuple(
            np.zeros((1, 1)) if q is None else np.ascontiguousarray(q.table, np.float64) for q in sources
        ),
        tonic=each("tonic"),
        scale=each("scale"),
        odds=_odds(each("beta"), 0 if s.readout is None else s.readout.size // s.n_classes * s.length),
        usual=usual,
        learning=np.array([s.learning]),
        width=s.width,
        chosen=s.chosen,
        votes=s.votes,
        spikes=s.spikes,
        level=s.level,
    )


def _odds(betas: Array, most: int) -> Array:
    """Return exp(-beta k) for each beta and all k up to ``most``, or as far as one of them is not 0."""
    n = 1 + int(max((min(most, 746.0 / beta) if beta else most for beta in betas), default=0))
    return np.array([[math.exp(-beta * k) for k in range(n)] for beta in betas]).reshape(len(betas), n)


def widths(network: Network, plastics: list[Any], learning: float) -> Array:
    """Return the duration of the pulse for each plastic projection, scaled by ``learning``; 0 without a source [ms]."""
    out = np.zeros(len(plastics))
    for n, projection in enumerate(plastics):
        for modulator in projection.modulators:
            if modulator.expectation is not None:
                out[n] = learning * modulator.expectation.width
    return out
