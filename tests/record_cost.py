"""What recording costs; run it by hand.

python tests/record_cost.py run [brunel | microcircuit] [scale] [ms] [pairs]   # CPU s with and without spikes
python tests/record_cost.py spikes [n]                                          # MB/s, bytes a spike, memory
python tests/record_cost.py traces [GB]                                         # MB/s, memory
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cost_of_a_run(
    folder: Path, name: str = "brunel", scale: float = 1.0, ms: float = 1_000.0, pairs: int = 5
):
    """Run the same network in turns with and without a store for all spikes."""
    from tegmentum.cli.workloads import workload
    from tegmentum.simcore import Record, Simulation

    network = workload(name, scale)
    simulation = Simulation(network, threads=1)
    record = Record(spikes=[p.name for p in network.populations])
    simulation.run(200.0)
    simulation.run(20.0, record, to=folder / "warm.zarr")
    cpu: dict[bool, list[float]] = {False: [], True: []}
    wall: dict[bool, list[float]] = {False: [], True: []}
    start = simulation.state()
    n_spikes = 0
    for pair in range(pairs):
        for stored in (False, True) if pair % 2 else (True, False):
            simulation.load_state(start)
            store = folder / f"run-{pair}.zarr"
            t, c = time.perf_counter(), time.process_time()
            result = simulation.run(ms, record if stored else None, to=store if stored else None)
            cpu[stored].append(time.process_time() - c)
            wall[stored].append(time.perf_counter() - t)
            n_spikes = sum(result.n_spikes.values())
    return {
        "workload": name,
        "scale": scale,
        "ms": ms,
        "n_spikes": n_spikes,
        "cpu_without": [round(c, 3) for c in cpu[False]],
        "cpu_with": [round(c, 3) for c in cpu[True]],
        "cpu_ratio_of_least": min(cpu[True]) / min(cpu[False]),
        "cpu_ratio_of_medians": statistics.median(cpu[True]) / statistics.median(cpu[False]),
        "wall_ratio_of_medians": statistics.median(wall[True]) / statistics.median(wall[False]),
        "bytes_per_spike": size(folder / "run-0.zarr") / n_spikes,
    }


def cost_of_spikes(folder: Path, n: int = 10**8, neurons: int = 10_000, per_tick: float = 50.0):
    """Append spikes as a network fires them: ``per_tick`` on the mean, in blocks of 100 ms."""
    from tegmentum.simcore.record.store import RunStore

    rng = np.random.default_rng(0)
    ticks = 1_000
    # one block of spikes, of which each later one differs by its time and a shift of its neurons
    counts = rng.poisson(per_tick, ticks)
    tick = np.repeat(np.arange(ticks), counts)
    neuron = rng.integers(0, neurons, len(tick)).astype(np.uint32)
    neuron = neuron[np.lexsort((neuron, tick))]
    done, k, cpu = 0, 0, time.process_time()
    t = time.perf_counter()
    with RunStore.create(folder / "spikes.zarr", {}) as store:
        spikes = store.spikes("exc", neurons, 0.1)
        while done < n:
            spikes.append(tick + k * ticks, (neuron + 7 * k) % np.uint32(neurons))
            done += len(tick)
            k += 1
    wall, cpu = time.perf_counter() - t, time.process_time() - cpu
    return {
        "n_spikes": done,
        "wall_s": wall,
        "cpu_s": cpu,
        "raw_mb_per_s": 16 * done / wall / 1e6,
        "bytes_per_spike": size(folder / "spikes.zarr") / done,
        "peak_mb": peak_mb(),
    }


def cost_of_traces(folder: Path, gb: float = 8.0, neurons: int = 1_000):
    """Append potentials, smooth in time and with noise, of ``neurons``, as a run does: 4 MB at a time."""
    from tegmentum.simcore.record.store import RunStore

    rng = np.random.default_rng(0)
    rows = (1 << 20) // neurons
    noise = rng.normal(0, 0.05, (8, rows, neurons)).astype(np.float32).cumsum(axis=1)
    done, k = 0, 0
    t = time.perf_counter()
    with RunStore.create(folder / "traces.zarr", {}) as store:
        trace = store.trace("v", {"v": "mV"}, np.arange(neurons), 0.1)
        while done < gb * 1e9:
            v = noise[k % 8] + np.float32(-65.0 + k % 13)
            trace.append(k * rows + np.arange(rows), v=v)
            done += v.nbytes
            k += 1
    wall = time.perf_counter() - t
    return {
        "gb": done / 1e9,
        "wall_s": wall,
        "mb_per_s": done / wall / 1e6,
        "ratio": size(folder / "traces.zarr") / done,
        "peak_mb": peak_mb(),
    }


def main() -> None:
    kind, *rest = sys.argv[1:]
    forms = {"run": (str, float, float, int), "spikes": (int, int, float), "traces": (float, int)}
    costs = {"run": cost_of_a_run, "spikes": cost_of_spikes, "traces": cost_of_traces}
    folder = Path(tempfile.mkdtemp(prefix="record-cost-"))
    try:
        arguments = [form(text) for form, text in zip(forms[kind], rest, strict=False)]
        print(json.dumps(costs[kind](folder, *arguments), indent=2))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
