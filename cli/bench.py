"""``tegmentum bench``: simulate a standard network and say how long it took."""

from __future__ import annotations

import json
import math
import resource
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .announce import announce
from .options import Backend, check_backend


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="brunel, cuba, coba, delta, stdp, dopamine, microcircuit or quiet; or rules, for what each plasticity "
            "rule costs beside pair STDP."
        ),
    ],
    scale: Annotated[float, typer.Option(help="Share of the full number of neurons.")] = 1.0,
    sim_ms: Annotated[float, typer.Option(help=r"Model time to measure \[ms].")] = 1_000.0,
    warm_ms: Annotated[float, typer.Option(help=r"Model time simulated before \[ms].")] = 100.0,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Threads.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    precision: Annotated[str, typer.Option(help="float32, float64 or mixed.")] = "float32",
    backend: Backend = "cpu",
    dt: Annotated[float, typer.Option(help=r"Length of a tick \[ms].")] = 0.1,
    data_dir: Annotated[Path | None, typer.Option(help="Where microcircuit's JSON is.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate a standard network and measure building, compiling and running."""
    check_backend(backend)
    if name == "rules":
        if backend != "cpu":
            raise DescriptionError(f"--backend: rules are compared on the CPU, got {backend}")
        _rules(scale, sim_ms, seed, as_json)
        return
    from tegmentum.simcore.advance.backends import chosen_backend
    from tegmentum.simcore.advance.rehearsal import rehearse

    from .workloads import workload

    network = workload(name, scale, data_dir)
    for option, ms in (("--sim-ms", sim_ms), ("--warm-ms", warm_ms)):
        if not 0 <= ms < math.inf:
            raise DescriptionError(f"{option}: must be >= 0 ms and finite, got {ms}")
    for ms in (sim_ms, warm_ms):
        rehearse(network, dt, seed, precision=precision, ms=ms or None)
    backend = chosen_backend(backend, network)
    announce(network, sim_ms, dt, precision)
    result = measure(name, scale, sim_ms, warm_ms, threads, seed, precision, dt, data_dir, backend)
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        shown = (
            f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
        )
        typer.echo(f"{key:18} {shown}")


def _rules(scale: float, sim_ms: float, seed: int, as_json: bool) -> None:
    """Print the table of costs of the rules, one thread, five stretches that make up ``sim_ms``."""
    from .rule_costs import costs, rules

    ms = max(1.0, round(sim_ms / 5))
    found = []
    if not as_json:
        typer.echo(f"{'rule':24} {'x STDP':>7} {'bytes a synapse':>16} {'rate [Hz]':>10}")
    for cost in costs(list(rules()), scale, ms, 5, seed):
        found.append(cost._asdict())
        if not as_json:
            typer.echo(
                f"{cost.rule:24} {cost.ratio:7.2f} {cost.bytes_per_synapse:16.2f} {cost.rate_hz:10.2f}"
            )
    if as_json:
        typer.echo(json.dumps({"scale": scale, "sim_ms": sim_ms, "seed": seed, "rules": found}))


def measure(
    name: str,
    scale: float = 1.0,
    sim_ms: float = 1_000.0,
    warm_ms: float = 100.0,
    threads: int = 1,
    seed: int = 0,
    precision: str = "float32",
    dt: float = 0.1,
    data_dir: Path | None = None,
    backend: str = "cpu",
) -> dict[str, Any]:
    """Build, compile, warm up and run a workload; returns what ``tegmentum bench --json`` prints.

    ``run_s`` is elapsed time, ``run_cpu_s`` the CPU time of all threads, both for ``sim_ms`` of model time.
    """
    from tegmentum.simcore import Simulation

    from .workloads import workload

    network = workload(name, scale, data_dir)
    simulation = Simulation(network, dt=dt, seed=seed, threads=threads, precision=precision, backend=backend)
    started = time.perf_counter()
    simulation.run(dt)  # Numba compiles at the first call
    compile_s = simulation.compile_s + time.perf_counter() - started
    simulation.run(warm_ms)
    cpu = time.process_time()
    result = simulation.run(sim_ms)
    cpu = time.process_time() - cpu
    n_neurons = sum(p.size for p in network.populations)
    n_spikes = sum(result.n_spikes.values())
    n_synapses = simulation.n_synapses
    return {
        "workload": name,
        "scale": scale,
        "n_neurons": n_neurons,
        "n_synapses": n_synapses,
        "sim_ms": sim_ms,
        "threads": threads,
        "seed": seed,
        "precision": precision,
        "backend": simulation.backend,
        "build_s": simulation.build_s,
        "compile_s": compile_s,
        "run_s": result.run_s,
        "run_cpu_s": cpu,
        "real_time_factor": result.run_s / (sim_ms * 1e-3),
        "n_spikes": n_spikes,
        "rate_hz": n_spikes / n_neurons / (sim_ms * 1e-3),
        "rates_hz": result.rates(),
        "synaptic_events": result.synaptic_events,
        "bytes_per_synapse": simulation.synapse_bytes / max(n_synapses, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
