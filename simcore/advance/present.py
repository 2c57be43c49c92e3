"""Trials: samples shown one after another, each to a network at rest.

A trial begins with the initial state of every neuron (but for what a model keeps, such as a homeostatic threshold),
empty queues and no traces. At its end the expectation sets the levels of neuromodulators for a pulse, from which
plastic synapses learn; weights go on into the next trial. Where nothing is learned the copies of a simulation with
``n_trials`` share the samples. What a trial does depends on its own events and on the trials learned before, not on
how calls are split.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..describe import checks
from ..describe.network import Population
from ..describe.plasticity import Static
from ..describe.record import Record
from ..describe.trials import Presented
from ..errors import DescriptionError
from ..lower.arrays import Trains
from ..lower.arrays import Trials as TrialArrays
from ..lower.modulation import modulators_of
from ..lower.plan import model_group_arrays
from ..lower.plastic import with_log
from ..lower.protocol import protocol_of, session, widths
from ..record.histories import Histories
from ..record.log import Log
from .guards import check_clock
from .progress import reporting
from .signals import Deferred

if TYPE_CHECKING:
    from .simulation import Simulation

Array = np.ndarray[Any, Any]


def present(
    sim: Simulation,
    events: Any,
    labels: Any = None,
    *,
    train: str | None = None,
    readout: str | None = None,
    n_classes: int | None = None,
    kinds: Any = None,
    learning: float = 0.0,
    encoder: Callable[[Any], Any] | None = None,
    record: Record | None = None,
    progress: Any = False,
) -> Presented:
    """Show samples one after another, each a trial from a network at rest.

    Parameters
    ----------
    events : Events
        spikes of the samples, such as :mod:`tegmentum.simcore.encode` makes of images; with ``trial``, ``tick``,
        ``channel``, sorted, and ``n_trials``, ``n_ticks``, ``n_channels``; or what ``encoder`` takes
    labels : array of int, optional
        class of each sample, from 0; expectations of the label, the error and the reward need it
    train : str, optional
        name of the spike train that fires; by default the only one
    readout : str, optional
        population whose spikes answer, the same number of neurons in a row for each class
    n_classes : int, optional
        by default one class for each neuron of the readout
    kinds : array of int, optional
        kind of input of each sample
    learning : float, 0.0
        factor of the pulses' width: 0 leaves all weights as they are
    encoder : callable, optional
        from intensities to events, such as ``functools.partial(encode.latency, x_max=255, n_ticks=50)``, or ``poisson``
        or ``bernoulli`` in its place
    record : Record, optional
        spikes and traces to record, in the time of the simulation
    progress : bool or callable
        as of :meth:`.Simulation.run`

    Raises
    ------
    DescriptionError
        before anything is shown: for events or labels that do not fit, if the network is not at rest after a run, where
        copies share plastic weights, where a population is lazy or a projection learns without trials, and for trials
        of more than 80 time constants of an eligibility
    """
    node = _train(sim, train)
    if encoder is not None:
        events = encoder(events)
    n, length = _checked(sim, events, node)
    answer = None if readout is None else _population(sim, readout)
    classes = 0 if answer is None else answer.size if n_classes is None else n_classes
    if answer is not None:
        checks.number(classes, "present", "n_classes", whole=True, least=1, most=answer.size)
        if answer.size % classes:
            raise DescriptionError(f"present: n_classes must divide the {answer.size} neurons of {readout!r}")
        if "v" not in answer.model.functions()["State"]._fields:
            raise DescriptionError(
                f"present: readout {readout!r} has no potential v, by which ties are decided"
            )
    checks.number(learning, "present", "learning", least=0.0)
    label = _numbers(labels, n, "labels", classes or None)
    kind = _numbers(kinds, n, "kinds", None)
    _check_sources(sim, learning, labels, kinds, answer, classes, kind)
    record = Record() if record is None else record
    if not isinstance(record, Record):
        raise DescriptionError(f"present: record must be a Record, got {checks.shown(record)}")
    record = record.of(sim.network)
    _check_record(sim, record, length)
    histories = Histories(sim, record)

    plastics = [sim._projection(name) for _, _, name in sim._learners()]
    s = session(
        sim._plan,
        n,
        length,
        sim.tick,
        sim.n_trials,
        label,
        kind,
        answer,
        classes,
        float(learning),
        widths(sim.network, plastics, learning),
        _permutations(sim, n, classes) if learning else np.zeros((0, 1), np.int64),
    )
    rounds = int((s.last - s.first).max(initial=0))
    check_clock(sim.network, sim.tick, rounds * length, sim.dt)
    _play(sim, events, node, s.first, s.last, length)
    if sim.backend == "cpu":
        _compile(sim)
    potential = np.zeros((sim.n_trials, 0 if answer is None else answer.size))
    trials, usual = [], []
    for k in range(sim._n_shards):
        sim._plastics[k] = tuple(
            with_log(plastic, sim._wires[k].target, length, projection, sim.dt) if plastic.trial else plastic
            for plastic, projection in zip(sim._plastics[k], plastics, strict=True)
        )
        usual.append(sim._trials.usual.copy())
        protocol = protocol_of(sim._plan, k, s, sim._model_groups[k], usual[k], potential)
        start = _at_first(sim, k) if learning else _at_present(sim, k)
        trials.append(TrialArrays(protocol, start))
    ticks = rounds * length
    with Deferred() as signals, reporting(progress, ticks * sim.dt) as report:
        result = sim._run(ticks, Log(sim, record, ticks), histories, signals, report, trials)
    if learning:
        sim._trials.usual = usual[0]
        sim._trials.n += n
    levels, column = {}, 0
    for modulator in modulators_of(sim.network):
        if modulator.expectation is not None and len(s.level):
            levels[modulator.name] = s.level[:, column : column + modulator.n_levels]
        column += modulator.n_levels
    return Presented(
        chosen=s.chosen,
        votes=s.votes,
        spikes={p.name: s.spikes[:, k] for k, p in enumerate(sim._plan.populations)},
        levels=levels,
        synaptic_events=result.synaptic_events,
        seconds=result.run_s,
        record=result,
    )


def _at_first(sim: Simulation, shard: int) -> tuple[Any, ...]:
    """Return the initial state of a shard's neurons."""
    return tuple(
        state(*model_group_arrays(sim._plan, kind, shard, sim.seed, 1, sim._real).fields)
        for kind, state in zip(sim._plan.model_groups, sim._state_types, strict=True)
    )


def _at_present(sim: Simulation, shard: int) -> tuple[Any, ...]:
    """Return the state that a shard's neurons are in, at rest: the same in all copies of the network."""
    return tuple(
        type(kind.fields)(*(field[:1].copy() for field in kind.fields)) for kind in sim._model_groups[shard]
    )


def _train(sim: Simulation, name: str | None) -> Any:
    trains = sim.network.spike_trains
    if name is None and len(trains) == 1:
        return trains[0]
    found = [t for t in trains if t.name == name]
    if not found:
        known = ", ".join(t.name for t in trains) or "none"
        raise DescriptionError(
            f"present: train must name one of the network's spike trains: {known}; got {name!r}"
        )
    return found[0]


def _population(sim: Simulation, name: str) -> Population:
    for population in sim._plan.populations:
        if population.name == name:
            return population
    known = ", ".join(p.name for p in sim._plan.populations)
    raise DescriptionError(
        f"present: there is no population {checks.shown(name)} to read out; there are {known}"
    )


def _checked(sim: Simulation, events: Any, node: Any) -> tuple[int, int]:
    """Return the number of samples and the ticks of a trial, if events and simulation fit."""
    for field in ("trial", "tick", "channel", "n_trials", "n_ticks", "n_channels"):
        if not hasattr(events, field):
            raise DescriptionError(
                f"present: events must have {field}, such as those of tegmentum.simcore.encode, got "
                f"{checks.shown(events)}"
            )
    if events.n_channels != node.size:
        raise DescriptionError(
            f"present: events have {events.n_channels} channels, but spike train {node.name!r} has {node.size} neurons"
        )
    trial, tick, channel = (np.asarray(getattr(events, f)) for f in ("trial", "tick", "channel"))
    if not trial.shape == tick.shape == channel.shape:
        raise DescriptionError("present: trial, tick and channel of events must be of equal length")
    for values, most, name in (
        (trial, events.n_trials, "trial"),
        (tick, events.n_ticks, "tick"),
        (channel, node.size, "channel"),
    ):
        if values.size and not (values.min() >= 0 and values.max() < most):
            raise DescriptionError(f"present: {name} of events must be in [0, {most}), got {values.max()}")
    code = (trial.astype(np.int64) * events.n_ticks + tick) * node.size + channel
    if np.any(np.diff(code) <= 0):
        raise DescriptionError("present: events must be sorted by (trial, tick, channel), each at most once")
    length = int(events.n_ticks)
    if length < 2:
        raise DescriptionError(f"present: a trial must have at least 2 ticks, got {length}")
    if not sim._at_rest:
        raise DescriptionError("present: the network is not at rest after run; call reset() first")
    lazy = [p.name for p in sim._plan.populations if p.name in sim._plan.lazy]
    if lazy:
        raise DescriptionError(f"present: population {lazy[0]!r} is lazy; say update='stepped'")
    return int(events.n_trials), length


def _numbers(values: Any, n: int, what: str, most: int | None) -> Array:
    if values is None:
        return np.full(n, -1, np.int64)
    found = checks.array(values, "present", what, "iu", "whole numbers (dtype int)")
    if found.shape != (n,):
        raise DescriptionError(f"present: {what} must be {n}, one for each sample, got shape {found.shape}")
    if n and (found.min() < 0 or (most is not None and found.max() >= most)):
        bounds = ">= 0" if most is None else f"in [0, {most})"
        raise DescriptionError(f"present: {what} must be {bounds}, got {found.min()} to {found.max()}")
    return found.astype(np.int64)


def _check_sources(
    sim: Simulation, learning: float, labels: Any, kinds: Any, answer: Any, classes: int, kind: Array
) -> None:
    """Refuse to learn where an expectation lacks what it depends on, and to show where learning cannot be switched."""
    for _, _, name in sim._learners():
        projection = sim._projection(name)
        if isinstance(projection.plasticity, Static):
            continue
        modulators = projection.modulators
        if len(modulators) != 1 or len(projection.modulations) != 1 or modulators[0].expectation is None:
            raise DescriptionError(
                f"present: projection {name!r} learns as time goes on; its rule needs one modulator whose source is "
                "an Expected"
            )
        source, dopamine = modulators[0].expectation, modulators[0].name
        if not learning:
            continue
        if source.signal in ("error", "reward") and answer is None:
            raise DescriptionError(f"present: {dopamine!r} depends on the {source.signal}: name a readout")
        if source.signal in ("error", "label", "reward") and labels is None:
            raise DescriptionError(f"present: {dopamine!r} depends on the {source.signal}: give labels")
        if source.signal == "kind" and kinds is None:
            raise DescriptionError(f"present: {dopamine!r} depends on the kind of input: give kinds")
        if source.signal == "kind" and len(kind) and kind.max() >= source.n_codes:
            raise DescriptionError(f"present: kinds must be in [0, {source.n_codes}), got {kind.max()}")
        if source.signal in ("error", "label") and answer is not None and source.n_codes != classes:
            raise DescriptionError(
                f"present: the table of {dopamine!r} has {source.n_codes} rows, but there are {classes} classes"
            )


def _check_record(sim: Simulation, record: Record, length: int) -> None:
    """Refuse to look at synapses within a trial, where they wait for its end."""
    for kind in ("eligibility", "modulators"):
        if getattr(record, kind):
            raise DescriptionError(
                f"present: record: {kind} are as at rest between trials; the levels at the pulses are in what present "
                "returns"
            )
    if record.start > 0.0 or math.isfinite(record.stop):
        raise DescriptionError("present: record: start and stop are of a run; trials are recorded whole")
    for name, snapshots in record.weights.items():
        ticks = snapshots.every / sim.dt
        if abs(ticks / length - round(ticks / length)) > 1e-9:
            raise DescriptionError(
                f"present: record: weights of {name!r}: every must be a multiple of a trial's {length * sim.dt:g} ms, "
                f"got {snapshots.every:g}"
            )


def _permutations(sim: Simulation, n: int, classes: int) -> Array:
    """Return, for shuffled signals, an order of classes for each trial: a function of seed and trial alone."""
    sources = [m.expectation for m in modulators_of(sim.network)]
    if not any(s is not None and s.shuffled for s in sources):
        return np.zeros((0, 1), np.int64)
    width = max(classes, *(s.n_codes for s in sources if s is not None))
    key = np.array([sim.seed, 0x5E0FF1E], np.uint64)
    return np.array(
        [
            np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, sim._trials.n + i])).permutation(
                width
            )
            for i in range(n)
        ],
        np.int64,
    ).reshape(n, width)


def _play(sim: Simulation, events: Any, node: Any, first: Array, last: Array, length: int) -> None:
    """Give the train of each copy the spikes of its samples, from the next tick on."""
    trial = np.asarray(events.trial, np.int64)
    copy = np.searchsorted(last, trial, side="right")
    tick = sim.tick + 1 + (trial - first[copy]) * length + np.asarray(events.tick, np.int64)
    source = (np.asarray(events.channel) + sim._plan.first_source[node.name]).astype(np.int32)
    border = np.searchsorted(trial, np.append(first, events.n_trials))
    sim._trains = Trains(tick, source, border[:-1].copy(), border[1:].copy())
    sim._make_room()


def _compile(sim: Simulation) -> None:
    """Compile the tick loop with trials, once."""
    if sim._trial_engine is not None:
        return
    from ..compile import modules as build

    renewals = [
        build.renewal_module(kind.populations[0].model, kind.varying, kind.current, sim._real_name)
        for kind in sim._plan.model_groups
    ]
    sim._trial_engine = build.engine_module(
        sim._modules,
        sim._rules,
        sim._real_name,
        [*sim._sources, "trials"],
        renewals,
        sim._watch_modules,
        sim._bitmaps,
        sim._halves,
    )
