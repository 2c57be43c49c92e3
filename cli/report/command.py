"""``tegmentum report``: write the page of a run store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tegmentum.simcore.errors import TegmentumError

from ..options import RunStoreName, located, stem_of


def report(
    store: RunStoreName,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write (.html); by default <store>.html.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
) -> None:
    """Write one HTML page of a run: plots that zoom, numbers, the manifest and the command that repeats it.

    The page needs no network and no other file. Its size is bounded, whatever the store's. A store that is still being
    written is shown as its last commit left it.
    """
    from tegmentum.simcore.record.manifest import read_manifest

    at = located(store)
    read_manifest(at)
    file = _output(output or Path(f"{stem_of(at)}.html"), force)
    _require_extra()
    from tegmentum.simcore.record.measures import add_measures
    from tegmentum.simcore.record.reader import reading, summarise

    from ..inspect import size_text
    from .page import page
    from .sections import sections

    with reading(at):
        summary = add_measures(at, summarise(at))
        found = sections(at)
    text = page(summary, found).encode()
    _write(file, text)
    typer.echo(f"{file} ({size_text(len(text))})")


def _output(file: Path, force: bool) -> Path:
    """Refuse, before any work, a page that cannot or must not be written."""
    if file.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{file}: the name must end in .html")
    if file.is_dir():
        raise typer.BadParameter(f"{file}: is a folder; give the name of a page in it")
    if not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"{file}: there is no folder {file.absolute().parent}; create it first")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file}: exists; overwrite it with --force")
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise typer.BadParameter(f"{file}: cannot be written: permission denied")
    return file


def _write(file: Path, text: bytes) -> None:
    """Write the page whole or not at all."""
    from tegmentum.simcore.record.manifest import replace_file

    try:
        replace_file(file, text, durable=False)
    except OSError as error:
        raise typer.BadParameter(f"{file}: cannot be written: {error.strerror}") from error


def _require_extra() -> None:
    from importlib.util import find_spec

    from .page import library_file

    missing = [] if library_file() else ["plotly"]
    missing += ["matplotlib"] if find_spec("matplotlib") is None else []
    if missing:
        from tegmentum.simcore.installed import install_line

        raise TegmentumError(f"reports need {' and '.join(missing)}: {install_line('report')}")
