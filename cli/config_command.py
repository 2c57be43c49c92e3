"""``tegmentum config``: the schema of network files, and their check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of network files."""
    import json

    from .config import Config

    typer.echo(json.dumps(Config.model_json_schema(), indent=2))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Network in TOML.")]) -> None:
    """Check a network file without simulating it."""
    from .config import network_of, read, record_of

    config = read(file)
    network = network_of(config)
    record_of(config, network)
    n = sum(p.size for p in network.populations)
    typer.echo(f"{file}: {n:,} neurons, about {network.n_synapses():,.0f} synapses")
