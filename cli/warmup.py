"""``tegmentum warmup``: compile ahead of time, so that the first run starts at once."""

from __future__ import annotations

import time

import typer


def warmup() -> None:
    """Compile the kernels of every rule into the cache."""
    from tegmentum.plasticity.naca import RULES
    from tegmentum.plasticity.warmup import compile_rule
    from tegmentum.simcore.build import cache_dir

    start = time.perf_counter()
    for rule in RULES:
        typer.echo(f"{rule}: {compile_rule(rule):.1f} s", err=True)
    typer.echo(f"compiled in {time.perf_counter() - start:.1f} s into {cache_dir()}", err=True)
