"""Does cost follow events? Run ``quiet`` at two rates and with a tick ten times finer, and print ratios.

Usage: ``python examples/cost_of_events.py [--scale 0.1] [--sim-ms 1000] [--repeat 3]``

Lazy populations advance a neuron only when an event reaches it. So the time of a run should be proportional to the
events (synaptic events and kicks), and nearly the same for a finer ``dt``. The runs take turns, one thread, CPU time
after 200 ms of model time; the least of the repeats counts, as other programs can only add to it.
"""

from __future__ import annotations

import argparse
import time

from tegmentum.cli.workloads import quiet
from tegmentum.simcore import Simulation

RUNS = {"as published": (8.0, 0.1), "half the kicks": (4.0, 0.1), "dt ten times finer": (8.0, 0.01)}


def measure(scale: float, rate: float, dt: float, ms: float) -> tuple[float, float]:
    """Return the CPU seconds of a run and its events."""
    network = quiet(scale, rate=rate)
    simulation = Simulation(network, dt=dt, seed=0, threads=1)
    simulation.run(200.0)
    began = time.process_time()
    result = simulation.run(ms)
    took = time.process_time() - began
    kicks = rate * 1e-3 * ms * sum(p.size for p in network.populations)
    return took, result.synaptic_events + kicks


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=0.1, help="of a million neurons")
    parser.add_argument("--sim-ms", type=float, default=1_000.0, help="model time of each run")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, tuple[float, float]] = {}
    for _ in range(options.repeat):
        for name, (rate, dt) in RUNS.items():
            took, events = measure(options.scale, rate, dt, options.sim_ms)
            found[name] = min(found.get(name, (took, events)), (took, events))
    base_time, base_events = found["as published"]
    print(f"{'':20}{'CPU s':>8}{'events':>12}{'ns/event':>10}{'time':>8}{'events':>8}")
    for name, (took, events) in found.items():
        print(
            f"{name:20}{took:8.3f}{events:12.0f}{took / events * 1e9:10.1f}"
            f"{took / base_time:7.2f}x{events / base_events:7.2f}x"
        )


if __name__ == "__main__":
    main()
