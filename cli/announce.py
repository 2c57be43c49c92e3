"""What a simulation will take, said before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .inspect import size_text

if TYPE_CHECKING:
    from tegmentum.simcore import Network


def announce(network: Network, ms: float, dt: float, precision: str) -> None:
    """Print neurons, synapses, their memory and the model time to the error stream."""
    from tegmentum.simcore.footprint import footprint

    n_synapses, n_bytes = footprint(network, dt, precision)
    typer.echo(
        f"{sum(p.size for p in network.populations):,} neurons, about {n_synapses:,.0f} synapses in "
        f"{size_text(n_bytes)}, {n_bytes / max(n_synapses, 1.0):.1f} bytes each; "
        f"{ms:g} ms in ticks of {dt:g} ms",
        err=True,
    )
