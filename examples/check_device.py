"""Check a CUDA device in one go: its numbers against the CPU's, its speed, and how near that is to its memory's.

Prints tables in Markdown, ready for ``docs/gpu.md``, within ten minutes: what there is no time left for is said to be
left out. First small networks and a training on the digits run on both backends, which must agree in every number:
spikes, states, weights, traces, levels. Where they do not, it says in which tick or sample they part, and in what.

    python examples/check_device.py [--scale 1.0] [--seconds 10] [--minutes 7]

Exit codes: 0 all agree, 1 something differs, 2 there is no device; then it says what is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tegmentum.cli.workloads import workload
from tegmentum.datasets import load
from tegmentum.plasticity import OnlineLearner
from tegmentum.plasticity.learning.dopamine_classifier import parameters_for
from tegmentum.simcore import DataError, Network, Record, Simulation
from tegmentum.simcore.advance.cuda.available import missing
from tegmentum.simcore.advance.cuda.geometry import LAUNCHES

EQUAL = (
    ("brunel", 0.02),
    ("cuba", 0.2),
    ("coba", 0.2),
    ("delta", 0.2),
    ("microcircuit", 0.02),
    ("stdp", 0.02),
    ("dopamine", 0.02),
)
TIMED = ("microcircuit", "brunel", "stdp", "dopamine", "quiet")
TRAINED = (("digits", 1438), ("mnist", 2000))  # data sets, and of how many samples
TESTED = 500  # samples that are told apart afterwards
LENGTH = 200.0  # ms of model time of a comparison
STEP = 20.0  # ms of model time between two looks at whether states are equal
WARM = 100.0  # ms of model time of a start


def differences(one: Simulation, other: Simulation) -> list[str]:
    """Say in what the states of two simulations differ, a line for each array."""
    theirs, ours, lines = one.state(), other.state(), []
    for key in theirs:
        values, found = np.atleast_1d(theirs[key]), np.atleast_1d(ours[key])
        if values.shape != found.shape:
            lines.append(f"{key}: {len(values)} numbers on {one.backend}, {len(found)} on {other.backend}")
        elif not np.array_equal(values, found):
            at = tuple(int(k[0]) for k in np.nonzero(values != found))
            lines.append(
                f"{key}: {int((values != found).sum())} of {values.size} numbers, the first at {at}: "
                f"{values[at]} on {one.backend}, {found[at]} on {other.backend}"
            )
    return lines


def parted(one: Simulation, other: Simulation, ms: float) -> tuple[int, list[str]] | None:
    """Run two simulations for ``ms`` and return the tick in which they part and what differs then; None if never."""
    for _ in range(round(ms / STEP)):
        before = one.state()
        one.run(STEP)
        other.run(STEP)
        if not differences(one, other):
            continue
        one.load_state(before)
        other.load_state(before)
        everyone = Record(spikes=one.network.populations)
        for _ in range(round(STEP / one.dt)):
            fired = [simulation.run(one.dt, everyone).spikes for simulation in (one, other)]
            lines = differences(one, other)
            for name, spikes in fired[0].items():
                for k in np.setxor1d(spikes.neuron, fired[1][name].neuron)[:5]:
                    where = one.backend if k in spikes.neuron else other.backend
                    lines.append(f"neuron {k} of {name!r} fired on {where} alone")
            if lines:
                return one.tick, lines
        return one.tick, [f"runs of {STEP:g} ms differ, but not those of single ticks from their beginning"]
    return None


@contextmanager
def launched(what: str) -> Iterator[None]:
    """Have devices launch a kernel for a ``run`` or for each half of a ``tick``."""
    before = os.environ.get(LAUNCHES)
    os.environ[LAUNCHES] = what
    try:
        yield
    finally:
        os.environ.pop(LAUNCHES)
        if before is not None:
            os.environ[LAUNCHES] = before


def agree(name: str, scale: float) -> tuple[str, list[str]]:
    """Run a small network on both backends, launched in both ways; returns a verdict, and what differs."""
    net = workload(name, scale)
    for what in ("run", "tick"):
        with launched(what):
            one, other = (Simulation(net, seed=1, backend=b, arithmetic="fixed") for b in ("cpu", "cuda"))
            found = parted(one, other, LENGTH)
        if found is not None:
            return f"DIFFERS FROM TICK {found[0]} ON, launched for each {what}", found[1]
    return f"{int(one.state()['n_spikes'].sum())} spikes in {LENGTH:g} ms, all equal", []


def train(name: str, n: int, at_once: int = 100) -> tuple[str, list[str], float, float]:
    """Learn ``n`` samples by dopamine STDP on both backends; returns a verdict, what differs, and the seconds."""
    data = load(name)
    n = min(n, len(data.x_train))
    sims = [
        OnlineLearner(data.n_features, data.n_classes, parameters_for(name), backend=b, arithmetic="fixed")
        for b in ("cpu", "cuda")
    ]
    seconds = np.zeros(2)
    for learner in sims:  # compile, and show nothing that teaches
        learner.predict(data.x_train[:1], data.x_max)
    for first in range(0, n, at_once):
        x, y = data.x_train[first : first + at_once], data.y_train[first : first + at_once]
        before = sims[0].simulation.state()
        shown = [learner.show(x, data.x_max, y, learning=1.0) for learner in sims]
        seconds += [result.seconds for result in shown]
        if not differences(*(learner.simulation for learner in sims)):
            continue
        for learner in sims:
            learner.simulation.load_state(before)
        for k in range(len(x)):
            for learner in sims:
                learner.show(x[k : k + 1], data.x_max, y[k : k + 1], learning=1.0)
            lines = differences(*(learner.simulation for learner in sims))
            if lines:
                return f"DIFFERS FROM SAMPLE {first + k} ON", lines, *seconds
    chosen = [learner.predict(data.x_test[:TESTED], data.x_max) for learner in sims]
    unlike = int((chosen[0] != chosen[1]).sum())
    lines = [f"{unlike} of {len(chosen[0])} test samples get other classes"] if unlike else []
    accuracy = 100.0 * float((chosen[1] == data.y_test[:TESTED]).mean())
    verdict = "ANSWERS DIFFER" if unlike else f"{n} samples, all equal; {accuracy:.1f} % of {len(chosen[1])}"
    return verdict, lines, *seconds


def bandwidth() -> float:
    """Measure how fast the device copies its own memory, reading and writing [bytes/s]."""
    from numba import cuda

    one = cuda.to_device(np.zeros(1 << 28, np.float32))
    other = cuda.device_array_like(one)
    other.copy_to_device(one)
    cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(10):
        other.copy_to_device(one)
    cuda.synchronize()
    return 10 * 2 * one.size * 4 / (time.perf_counter() - begun)


def moved(simulation: Simulation, n_ticks: int, events: int) -> float:
    """Estimate the bytes that a run moves: states and accumulators in each tick, and synapses with each spike.

    Synapses that learn move more, with histories and eligibilities; they are counted as the others.
    """
    neurons = sum(
        2 * field.nbytes for groups in simulation._model_groups for group in groups for field in group.fields
    )
    accumulators = sum(2 * inputs.nbytes for inputs in simulation._inputs)
    return n_ticks * (neurons + accumulators) + events * (1 + 4 + 4 + 2 * 4)


def timed(net: Network, backend: str, ms: float, room: float) -> tuple[Simulation, float, float, float]:
    """Run a network for ``ms``, or as far as ``room`` seconds go, after two starts.

    Returns the simulation, model time [ms], seconds and events.
    """
    simulation = Simulation(net, seed=1, backend=backend)
    simulation.run(WARM)
    speed = WARM / simulation.run(WARM).run_s
    ms = min(ms, max(WARM, WARM * round(room * speed / WARM)))
    result = simulation.run(ms, Record(spikes=net.populations))
    return simulation, ms, result.run_s, result.synaptic_events


def main() -> int:
    """Check, time, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the networks that are timed")
    parser.add_argument("--seconds", type=float, default=10.0, help="of model time")
    parser.add_argument("--minutes", type=float, default=7.0, help="after which nothing more is begun")
    options = parser.parse_args()
    absent = missing()
    if absent:
        print(f"no CUDA device to check: {absent}", file=sys.stderr)
        return 2
    from numba import config, cuda

    end = time.monotonic() + 60.0 * options.minutes
    device = "Numba's simulator" if config.ENABLE_CUDASIM else str(cuda.get_current_device().name)
    print(f"device: {device}\n\n| network | scale | against the CPU |\n|---|---|---|")
    wrong: list[str] = []
    for name, scale in EQUAL:
        verdict, lines = _tried(end, agree, name, scale)
        wrong += [f"{name}: {line}" for line in lines]
        print(f"| {name} | {scale:g} | {verdict} |", flush=True)
    print("\n| training | against the CPU | CPU [s] | device [s] | ratio |\n|---|---|---|---|---|")
    for name, n in TRAINED:
        verdict, lines, *seconds = _tried(end, train, name, n)
        wrong += [f"{name}: {line}" for line in lines]
        columns = [f"{s:.2f}" for s in seconds] + (
            [f"{seconds[0] / seconds[1]:.2f}"] if seconds else [""] * 3
        )
        print(f"| {name} | {verdict} | {' | '.join(columns)} |", flush=True)
    for line in wrong:
        print(f"\n    {line}", flush=True)
    print(f"\ncopies at {bandwidth() / 1e9:.0f} GB/s\n")
    heads = (
        "network",
        "neurons",
        "synapses",
        "model time [s]",
        "run [s]",
        "real-time factor",
        "us/tick",
        "in two launches a tick",
        "GB/s",
    )
    print(f"| {' | '.join(heads)} | CPU / device |\n{'|---' * (len(heads) + 1)}|")
    for k, name in enumerate(TIMED):
        print(
            _tried(end, row, name, options.scale, options.seconds * 1e3, end, len(TIMED) - k)[0], flush=True
        )
    return int(bool(wrong))


def row(name: str, scale: float, ms: float, end: float, n_left: int) -> tuple[str, list[str]]:
    """Time one of ``n_left`` networks on both backends until ``end``; returns a row of the table."""
    net, room = workload(name, scale), max(1.0, end - time.monotonic()) / n_left / 5
    simulation, ms, seconds, events = timed(net, "cuda", ms, room)
    n_ticks, factor = round(ms / simulation.dt), 1e3 * seconds / ms
    rate = moved(simulation, n_ticks, int(events)) / seconds
    with launched("tick"):
        again, short, halves, _ = timed(net, "cuda", min(ms, 1e3), room)
    columns = [
        name,
        str(sum(p.size for p in net.populations)),
        str(simulation.n_synapses),
        f"{ms / 1e3:g}",
        f"{seconds:.2f}",
        f"{factor:.4f}",
        f"{seconds / n_ticks * 1e6:.2f}",
        f"{halves * again.dt / short * 1e6:.2f}",
        f"{rate / 1e9:.0f}",
    ]
    del simulation, again
    simulation, ms, seconds, _ = timed(net, "cpu", min(ms, 1e3), room)
    ratio = f"{1e3 * seconds / ms / factor:.1f} with {simulation.threads} threads"
    return f"| {' | '.join(columns)} | {ratio} |", []


def _tried(end: float, part: Any, name: str, *arguments: Any) -> tuple[Any, ...]:
    """Do a part of the check, or say why it is not done."""
    if time.monotonic() > end:
        return f"{name}: not run, the time is over", []
    try:
        found: tuple[Any, ...] = part(name, *arguments)
    except DataError as error:
        return f"{name}: not run, {error}", []
    return found


if __name__ == "__main__":
    sys.exit(main())
