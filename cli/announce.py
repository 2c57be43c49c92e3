"""What a simulation will take, said before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .inspect import size_text

if TYPE_CHECKING:
    from tegmentum.simcore import Network
    from tegmentum.simcore.describe.record import Record


def announce(network: Network, ms: float, dt: float, precision: str) -> None:
    """Print neurons, synapses, their memory and the model time to the error stream."""
    from tegmentum.simcore.lower.footprint import footprint

    n_synapses, n_bytes = footprint(network, dt, precision)
    each = f", {n_bytes / n_synapses:.1f} bytes each" if n_synapses >= 1 else ""
    typer.echo(
        f"{sum(p.size for p in network.populations):,} neurons, about {n_synapses:,.0f} synapses in "
        f"{size_text(n_bytes)}{each}; {ms:g} ms in ticks of {dt:g} ms",
        err=True,
    )


def announce_recording(
    record: Record, network: Network, ms: float, dt: float, n_trials: int, histories: float = 0.0
) -> None:
    """Print what the recordings will take on disk: traces and whole snapshots, spikes for each Hz of the mean rate."""
    from tegmentum.simcore.record.log import ticks_between

    found = record.of(network)
    n_samples = round(ms / dt) // ticks_between(record, dt)
    traces = sum(n_samples * (4 * n_trials * len(t.numbers()) + 16) for t in found.traces.values())
    heard = sum(node.size if ids is None else len(ids) for node, ids in dict(found.spikes).items())
    per_hz = 20 * n_trials * 1e-3 * ms * heard
    typer.echo(
        f"recording: traces {size_text(traces)}, "
        + (f"histories {size_text(histories)}, " if histories else "")
        + f"spikes {size_text(per_hz)} for each Hz of the mean rate, before compression",
        err=True,
    )
