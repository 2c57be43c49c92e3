"""``tegmentum warmup``: compile ahead of time, so that the first run starts at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer


def warmup(
    file: Annotated[
        Path | None,
        typer.Argument(help=r"Network in TOML, for whose kernels to compile \[those of every learning rule].",
                       show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Compile the kernels of every learning rule, or of a network file, into the cache."""
    from tegmentum.simcore.compile.modules import cache_dir

    start = time.perf_counter()
    if file is None:
        from tegmentum.plasticity.learning.warmup import compile_columns, compile_online, compile_rule
        from tegmentum.plasticity.rules.naca import RULES

        typer.echo(f"dopamine-stdp: {compile_online():.1f} s", err=True)
        typer.echo(f"dopamine-columns: {compile_columns():.1f} s", err=True)
        for rule in RULES:
            typer.echo(f"{rule}: {compile_rule(rule):.1f} s", err=True)
    else:
        _compile_network(file)
    typer.echo(f"compiled in {time.perf_counter() - start:.1f} s into {cache_dir()}", err=True)


def _compile_network(file: Path) -> None:
    """Build a network and simulate one tick: which kernels it needs is known when its synapses are."""
    from .config import read, rehearsed

    config = read(file)
    network, record, _ = rehearsed(config)
    s = config.simulation
    from tegmentum.simcore import Simulation

    simulation = Simulation(network, s.dt, s.seed, s.threads, s.n_trials, s.precision)
    simulation.run(s.dt, record=record)
    typer.echo(f"{file}: its network built in {simulation.build_s:.1f} s", err=True)
