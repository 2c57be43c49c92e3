"""Check a CUDA device in one go: its numbers against the CPU's, its speed, and how near that is to its memory's.

Prints a table in Markdown, ready for ``docs/gpu.md``; takes less than ten minutes on a GPU of a data centre.

    python examples/check_device.py [--scale 1.0] [--seconds 10]

Where there is no device it says what is missing and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from tegmentum.cli.workloads import workload
from tegmentum.simcore import DataError, Network, Record, Simulation
from tegmentum.simcore.advance.cuda.available import missing

EQUAL = (
    ("brunel", 0.02),
    ("cuba", 0.2),
    ("coba", 0.2),
    ("delta", 0.2),
    ("microcircuit", 0.02),
    ("stdp", 0.02),
    ("dopamine", 0.02),
)
TIMED = ("brunel", "microcircuit", "stdp", "dopamine")


def agree(name: str, scale: float, ms: float = 200.0) -> str:
    """Say whether both backends fire the same spikes in a small network and learn the same, and where they do not."""
    net = workload(name, scale)
    results, weights = [], []
    for backend in ("cpu", "cuda"):
        simulation = Simulation(net, seed=1, backend=backend, arithmetic="fixed")
        results.append(simulation.run(ms, Record(spikes=net.populations)))
        learning = [q for q in net.projections if q.plasticity is not None]
        weights.append([simulation.synapses(q).weight for q in learning])
    n = sum(results[0].n_spikes.values())
    first = np.inf
    for population in net.populations:
        one, other = (
            np.stack([found.spikes[population.name].tick, found.spikes[population.name].neuron])
            for found in results
        )
        if not np.array_equal(one, other):
            same = min(one.shape[1], other.shape[1])
            unlike = np.flatnonzero((one[:, :same] != other[:, :same]).any(axis=0))
            first = min(first, float(one[0, unlike[0]]) if len(unlike) else ms * 10)
    unlike = sum(int((one != other).sum()) for one, other in zip(*weights, strict=True))
    if unlike:
        return f"{n} spikes, {unlike} WEIGHTS DIFFER"
    return f"{n} spikes, equal" if np.isinf(first) else f"{n} spikes, EQUAL ONLY BEFORE tick {first:g}"


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


def timed(net: Network, ms: float) -> tuple[Simulation, float, float]:
    """Run a network on the device after a start of 100 ms; returns it, seconds of the run and events."""
    simulation = Simulation(net, seed=1, backend="cuda")
    simulation.run(100.0)
    result = simulation.run(ms, Record(spikes=net.populations))
    return simulation, result.run_s, result.synaptic_events


def main() -> int:
    """Check, time, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the networks that are timed")
    parser.add_argument("--seconds", type=float, default=10.0, help="of model time")
    options = parser.parse_args()
    absent = missing()
    if absent:
        print(f"no CUDA device to check: {absent}", file=sys.stderr)
        return 2
    from numba import config, cuda

    device = "Numba's simulator" if config.ENABLE_CUDASIM else str(cuda.get_current_device().name)
    print(f"device: {device}\n\n| network | scale | against the CPU |\n|---|---|---|")
    for name, scale in EQUAL:
        try:
            print(f"| {name} | {scale:g} | {agree(name, scale)} |", flush=True)
        except DataError as error:
            print(f"| {name} | {scale:g} | not run: {error} |")
    most = bandwidth()
    print(f"\ncopies at {most / 1e9:.0f} GB/s\n")
    print("| network | neurons | synapses | run [s] | real-time factor | us/tick | GB/s |")
    print("|---|---|---|---|---|---|---|")
    for name in TIMED:
        try:
            net = workload(name, options.scale)
        except DataError as error:
            print(f"| {name} | not run: {error} | | | | | |")
            continue
        simulation, seconds, events = timed(net, options.seconds * 1e3)
        n_ticks = round(options.seconds * 1e3 / simulation.dt)
        rate = moved(simulation, n_ticks, int(events)) / seconds
        print(
            f"| {name} | {sum(p.size for p in net.populations)} | {simulation.n_synapses} | {seconds:.2f} | "
            f"{seconds / options.seconds:.4f} | {seconds / n_ticks * 1e6:.2f} | {rate / 1e9:.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
