"""``tegmentum run``: simulate a network that a TOML file describes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from .announce import announce, announce_recording
from .interrupts import Interrupts, stop_interrupted
from .options import check_disk, check_store, history_bytes, one_of, trace_bytes


def run(
    file: Annotated[Path, typer.Argument(help="Network in TOML; see `tegmentum config schema`.")],
    out: Annotated[
        Path | None, typer.Option(help=r"Run store to write \[FILE with .zarr].", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace an existing run store.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=1024, help=r"Threads \[the file's, or 1 for small networks].", show_default=False
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=r"Seed \[the file's].", show_default=False)] = None,
    backend: Annotated[
        str, typer.Option(help="cpu, cuda, or auto: a CUDA device if there is one that can run it.")
    ] = "cpu",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Replace a value: --set simulation.duration=100, --set projections.0.weight=0.2."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate a network described in TOML and write what it recorded to a run store."""
    from .config import read, rehearsed

    one_of("--backend", backend, ("cpu", "cuda", "auto"))
    config = read(file, overrides)
    s = config.simulation
    store = file.with_suffix(".zarr") if out is None else out
    check_store(store, force)
    network, record, _ = rehearsed(config, seed)
    if backend != "cpu":
        from tegmentum.simcore.advance.backends import chosen_backend

        backend = chosen_backend(backend, network)
    histories = history_bytes(record, network, s.duration, s.precision)
    check_disk(store, trace_bytes(record, s.duration, s.dt, s.n_trials, s.precision) + histories)
    n_neurons = sum(p.size for p in network.populations)
    announce(network, s.duration, s.dt, s.precision)
    from tegmentum.simcore import Simulation
    from tegmentum.simcore.advance.progress import reporting
    from tegmentum.simcore.describe.plasticity import Static

    started = time.perf_counter()
    announce_recording(record, network, s.duration, s.dt, s.n_trials, histories)
    done = -1.0

    def report(now: float, total: float) -> None:
        nonlocal done
        done = now
        draw(now, total)

    with Interrupts():
        try:
            simulation = Simulation(
                network,
                dt=s.dt,
                seed=s.seed if seed is None else seed,
                threads=s.threads if threads is None else threads,
                n_trials=s.n_trials,
                precision=s.precision,
                backend=backend,
            )
            with reporting(True, s.duration) as draw:
                result = simulation.run(s.duration, record=record, to=store, force=force, progress=report)
        except KeyboardInterrupt:
            if done < 0:
                stop_interrupted("before the first tick; nothing was recorded")
            at = simulation.t
            stop_interrupted(f"at {at:g} of {s.duration:g} ms; what was recorded until then is in {store}")
    learnt = {
        str(q.name): float(w.mean())
        for q in network.projections
        if q.plasticity is not None
        and not isinstance(q.plasticity, Static)
        and (w := simulation.synapses(q).weight).size
    }
    summary = {
        "store": str(store),
        "n_neurons": n_neurons,
        "n_synapses": simulation.n_synapses,
        "bytes_per_synapse": simulation.synapse_bytes / max(simulation.n_synapses, 1),
        "sim_ms": s.duration,
        "seed": simulation.seed,
        "threads": simulation.threads,
        "backend": simulation.backend,
        "build_s": simulation.build_s,
        "run_s": result.run_s,
        "wall_s": time.perf_counter() - started,
        "rates_hz": result.rates(),
        "n_spikes": result.n_spikes,
        "synaptic_events": result.synaptic_events,
        "update": simulation.policies,
        "mean_weights": learnt,
    }
    if as_json:
        typer.echo(json.dumps(summary))
        return
    for name, rate in result.rates().items():
        typer.echo(f"{name}: {rate:.2f} Hz")
    for name, weight in learnt.items():
        typer.echo(f"{name}: mean weight {weight:.4g}")
    typer.echo(f"{result.synaptic_events:,} synaptic events in {result.run_s:.2f} s; wrote {store}")
