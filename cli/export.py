"""``tegmentum export``: a run store in the format of another program."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import RunStoreName, located


class Format(StrEnum):
    """What to write."""

    neo = "neo"
    nwb = "nwb"
    pynapple = "pynapple"
    parquet = "parquet"
    sonata = "sonata"


def export(
    store: RunStoreName,
    to: Annotated[Format, typer.Option("--to", help="The format.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="What to write: a file .nix or .pkl (neo) or .nwb, or a folder (pynapple, parquet, sonata).",
            show_default=False,
        ),
    ],
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop",
            help="Leave out what the format cannot hold: trials, weights, history (all snapshots of weights but the "
            "last), eligibility, levels, traces, tables; separated by commas. Otherwise such a store is refused.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file, or a folder that export made.")
    ] = False,
) -> None:
    """Write a run as a Neo block, NWB, pynapple, Parquet or SONATA; what a format cannot hold is refused by name."""
    from tegmentum.simcore.record.exports import export as write

    parts = [part.strip() for text in drop or () for part in text.split(",") if part.strip()]
    typer.echo(str(write(located(store), to.value, output, parts, force)))
