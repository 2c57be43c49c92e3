"""``tegmentum config``: the schema of network files, and their check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def schema(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON Schema, for editors and programs.")
    ] = False,
) -> None:
    """Say what may stand in a network file: every table, model, rule, source and parameter."""
    from .config import Config

    if as_json:
        import json

        from .schema_text import json_schema

        typer.echo(json.dumps(json_schema(Config), indent=2))
        return
    from .schema_text import schema_text

    typer.echo(schema_text())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Network in TOML.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value: --set projections.0.weight=0.2.")
    ] = None,
) -> None:
    """Check a network file: all that can be told without building its synapses."""
    from .config import read, rehearsed
    from .inspect import size_text

    network, _, (n_synapses, n_bytes) = rehearsed(read(file, overrides))
    n = sum(p.size for p in network.populations)
    typer.echo(f"{file}: {n:,} neurons, about {n_synapses:,.0f} synapses in {size_text(n_bytes)}")
