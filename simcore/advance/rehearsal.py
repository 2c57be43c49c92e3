"""Everything about a simulation that can be refused before its synapses are built and its kernels compiled."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..describe.connectivity import AllToAll, Distribution, FixedProbability
from ..describe.network import Network, Projection
from ..describe.record import Record
from ..errors import DescriptionError
from ..lower.footprint import footprint
from ..lower.inputs import (
    current_steps,
    gaussian_of,
    poisson_dense_of,
    poisson_inhomogeneous_of,
    poisson_sparse_of,
    trains_of,
)
from ..lower.plan import check, model_group_arrays, plan, real_of, ticks
from ..lower.rows import Delay, delay_of, given_weights, is_dense
from ..machine import memory
from .guards import check_clock

_NEURON = 64  # bytes of a neuron's state, constants and queues, at least
_BUCKET = 520  # bytes of the queue of one tick
_LONGEST = 2**31  # ticks that a delay may take
_MOST_TICKS = 2**53  # up to which ticks are told apart as numbers of milliseconds


def rehearse(
    network: Network,
    dt: float = 0.1,
    seed: int = 0,
    n_trials: int = 1,
    precision: str = "float32",
    record: Record | None = None,
    ms: float | None = None,
    n_ranks: int = 1,
) -> tuple[float, float]:
    """Try all of a simulation that needs neither synapses nor compiled code.

    Parameters
    ----------
    network : Network
    dt : float, ms
    seed, n_trials, precision
        as of :class:`~tegmentum.simcore.Simulation`
    record : Record, optional
    ms : float, ms, optional
        how long it is to run
    n_ranks : int
        MPI ranks that share the network, each on a machine like this one at best

    Returns
    -------
    The expected number of synapses and of their bytes, as :func:`.footprint.footprint`.

    Raises
    ------
    DescriptionError
        where something cannot be simulated, or needs more memory than this machine has
    """
    check(dt, precision)
    if n_trials < 1:
        raise DescriptionError(f"Simulation: n_trials must be >= 1, got {n_trials}")
    if not network.populations:
        raise DescriptionError("Simulation: the network has no population")
    if n_trials > 1 and any(q.plasticity is not None for q in network.projections):
        raise DescriptionError(
            "Simulation: n_trials must be 1 where synapses are plastic, short-term or long-term"
        )
    if record is not None:
        record = record.of(network)
    _check_duration(dt, ms, record)
    if ms is not None:
        check_clock(network, 0, ticks(ms, dt, "run: ms"), dt)
    n_neurons = n_trials * sum(node.size for node in network.nodes())
    _check_memory(_NEURON * float(n_neurons) / n_ranks, f"{n_neurons:,} neurons in all trials")
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            delays = [_delay(projection, dt) for projection in network.projections]
            n_synapses, n_bytes = footprint(network, dt, precision)
            _check_memory(n_bytes / n_ranks, f"about {n_synapses:,.0f} synapses")
            _check_memory(
                _waiting(network, delays, n_trials),
                "spikes that wait for delays as long, or as spread, as these",
            )
            _check_weights(network, delays)
            _check_recorded(network, delays, record)
            p, real = plan(network, dt, 1), real_of(precision).type
            _check_neurons(network, dt, seed, real)
            for lowered in (poisson_dense_of, poisson_inhomogeneous_of, gaussian_of):
                lowered(p, 0, seed, real)
            poisson_sparse_of(p, 0, seed, 1, real)
            trains_of(p, n_trials)
            current_steps(p)
    except ArithmeticError as error:
        # an overflow on the way from parameters to constants, seldom the fault of one of them alone
        raise DescriptionError(
            f"Network: some parameter, weight, delay or time is too large or too small to compute with ({error})"
        ) from error
    return n_synapses, n_bytes


def _check_duration(dt: float, ms: float | None, record: Record | None) -> None:
    """Refuse a duration or an interval that is no positive number of ticks."""
    spans = [("run: ms", ms)]
    if record is not None:
        spans.append(("Record: every", record.every))
        spans += [("Record: start", record.start or None)]
        spans += [("Record: stop", None if math.isinf(record.stop) else record.stop)]
        for kind in ("weights", "eligibility"):
            spans += [(f"Record: {kind} of {q!r}: every", s.every) for q, s in getattr(record, kind).items()]
        spans += [(f"Record: modulators: {m!r}: every", every) for m, every in record.modulators.items()]
    for what, span in spans:
        if span is None:
            continue
        if not (math.isfinite(span) and span > 0):
            raise DescriptionError(f"{what} must be > 0 ms and finite, got {span}")
        if span / dt >= _MOST_TICKS:
            raise DescriptionError(f"{what} must be below {_MOST_TICKS * dt:g} ms, got {span}")
        if ticks(span, dt, what) < 1:
            raise DescriptionError(f"{what} must be at least one tick of dt = {dt} ms, got {span}")


def _check_memory(n_bytes: float, what: str) -> None:
    room = memory()
    if room and n_bytes > room:
        raise DescriptionError(
            f"Network: {what} need about {n_bytes / 1e9:,.0f} GB of memory, this machine has {room / 1e9:,.0f} GB"
        )


def _delay(projection: Any, dt: float) -> Delay:
    """Return the delays of a projection, those that no tick can number refused."""
    try:
        delay = delay_of(projection, dt)
    except ArithmeticError:
        delay = None
    if delay is None or not 0 < delay.most < _LONGEST:
        raise DescriptionError(
            f"Projection {projection.name!r}: delay must be below {_LONGEST * dt:g} ms, got {projection.delay}"
        )
    return delay


def _waiting(network: Network, delays: list[Delay], n_trials: int) -> float:
    """Return the bytes of the queues of spikes, and of the counts by delay that building takes."""
    longest = max((d.most for d in delays), default=1)
    spread = max(
        (8.0 * q.pre.size * (d.most - d.least + 1) for q, d in zip(network.projections, delays, strict=True)),
        default=0.0,
    )
    return float(n_trials * _BUCKET * (1 << longest.bit_length())) + spread


def _check_weights(network: Network, delays: list[Delay]) -> None:
    """Refuse arrays of weights and delays of a wrong length, wherever the number of synapses is known."""
    for projection, delay in zip(network.projections, delays, strict=True):
        n = _number_of_synapses(projection, delay)
        if n is None:
            continue
        given_weights(projection, None, n)
        if delay.given.size > 1 and delay.given.size != n:
            raise DescriptionError(
                f"Projection {projection.name!r}: delay must have {n} values, got {delay.given.size}"
            )


def _number_of_synapses(projection: Projection, delay: Delay) -> int | None:
    """Return the number of synapses, None where it is a matter of chance."""
    rule = projection.rule
    if isinstance(rule, FixedProbability):
        return None
    n = round(rule.expected(projection.pre.size, projection.post.size))
    if isinstance(rule, AllToAll) and projection.pre is projection.post and not rule.autapses:
        n -= 0 if is_dense(projection, delay, set()) else projection.pre.size
    return n


def _check_recorded(network: Network, delays: list[Delay], record: Record | None) -> None:
    """Refuse ids of synapses that are not there, wherever the number of synapses is known."""
    counts = {
        str(q.name): _number_of_synapses(q, d) for q, d in zip(network.projections, delays, strict=True)
    }
    for kind in ("weights", "eligibility") if record is not None else ():
        for name, snapshots in getattr(record, kind).items():
            n = counts[name]
            if n is not None:
                snapshots.ids(n, f"Record: {kind} of {name!r}")


def _check_neurons(network: Network, dt: float, seed: int, real: Any) -> None:
    """Refuse parameters and states that, drawn and derived, are no finite numbers."""
    for population in network.populations:
        values = [
            *(getattr(population.model, f.name) for f in fields(population.model)),
            *population.initial.values(),
        ]
        if not any(isinstance(value, Distribution) or np.ndim(value) for value in values):
            population = replace(population, size=1)  # one neuron stands for all
        p = plan(Network(population), dt, 1)
        arrays = model_group_arrays(p, p.model_groups[0], 0, seed, 1, real)
        for part, numbers in (("a state", arrays.fields), ("constants", (arrays.table, *arrays.arrays))):
            if not all(np.all(np.isfinite(v)) for v in numbers):
                raise DescriptionError(
                    f"Population {population.name!r}: parameters lead to {part} that are not finite at dt = {dt} ms"
                )
