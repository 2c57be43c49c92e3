"""``tegmentum run --plan``: what a run will take, before anything is built."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from .inspect import size_text

if TYPE_CHECKING:
    from tegmentum.simcore.advance.outlook import Outlook


def tell_plan(found: Outlook, ms: float, dt: float, n_ranks: int, threads: int, as_json: bool) -> None:
    """Print a run's outlook."""
    if as_json:
        typer.echo(json.dumps({**found.as_dict(), "ranks": n_ranks, "threads": threads}))
        return
    where = f"each of {n_ranks} MPI ranks" if n_ranks > 1 else "one process"
    kinds = ", ".join(f"{kind} {size_text(n)}" for kind, n in found.n_bytes.items() if n)
    typer.echo(f"{found.n_neurons:,} neurons, about {found.n_synapses:,.0f} synapses")
    typer.echo(f"memory of {where}: {size_text(sum(found.n_bytes.values()))} ({kinds})")
    exchanges = (
        f", {found.n_exchanges:,} exchanges of spikes, one in {found.window} ticks" if n_ranks > 1 else ""
    )
    typer.echo(f"{found.n_ticks:,} ticks of {dt:g} ms, {ms:g} ms{exchanges}")
    typer.echo(f"{found.events_per_hz:.3g} synaptic events for each Hz of the mean rate")
    typer.echo(
        f"about {found.seconds:.2g} s of computing at {found.rate:g} Hz with {threads} "
        f"{'threads' if threads > 1 else 'thread'} on {where}, without waiting; see docs/mpi.md for how it was fitted"
    )
