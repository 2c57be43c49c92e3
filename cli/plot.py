"""``tegmentum plot``: a run store as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tegmentum.simcore.errors import TegmentumError

from .plots.registry import Kind


def plot(
    store: Annotated[Path, typer.Argument(help="The run store, for example run.zarr.", show_default=False)],
    kind: Annotated[Kind, typer.Argument(help="What to draw.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write (.png, .pdf, .svg); by default <store>-<kind>.png."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    population: Annotated[
        list[str] | None, typer.Option("--population", help="Populations of a raster; by default all.")
    ] = None,
    projection: Annotated[
        list[str] | None, typer.Option("--projection", help="Projections of weights; by default all.")
    ] = None,
    trial: Annotated[
        list[int] | None, typer.Option("--trial", help="Trials of a raster, side by side; -1 is the last.")
    ] = None,
    eligibility: Annotated[
        bool,
        typer.Option("--eligibility", help="Trajectories or distribution of eligibilities, not weights."),
    ] = False,
    synapses: Annotated[
        int, typer.Option("--synapses", min=1, max=1000, help="How many trajectories, at most.")
    ] = 50,
    modulator: Annotated[
        list[str] | None, typer.Option("--modulator", help="Neuromodulators of levels; by default all.")
    ] = None,
) -> None:
    """Draw spikes, weights, histories or the accuracy of a run, or what continual learning kept and forgot."""
    from tegmentum.simcore.record.manifest import read_manifest
    from tegmentum.simcore.record.reader import reading

    manifest = read_manifest(store)
    file = _output(output or Path(f"{store.resolve().stem}-{kind.value}.png"), force)
    _require_matplotlib()
    import matplotlib as mpl

    from .plots.canvas import STYLE, title_of
    from .plots.registry import draw

    options = {
        "populations": population or [],
        "projections": projection or [],
        "trials": trial or [0],
        "kind": "eligibility" if eligibility else "weights",
        "n_synapses": synapses,
        "modulators": modulator or [],
    }
    with mpl.rc_context(STYLE):
        with reading(store):
            figure = draw(kind, store, options)
        figure.suptitle(title_of(manifest["config"], manifest["argv"]))
        try:
            figure.savefig(file, dpi=150)
        except OSError as error:
            raise typer.BadParameter(f"{file}: cannot be written: {error.strerror}") from error
    typer.echo(str(file))


def _output(file: Path, force: bool) -> Path:
    """Refuse, before any work, a file that cannot or must not be written."""
    if file.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise typer.BadParameter(f"{file}: the name must end in .png, .pdf or .svg")
    if file.is_dir() or not file.parent.is_dir():
        raise typer.BadParameter(f"{file}: cannot be written: no such directory, or a directory itself")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file}: exists; overwrite it with --force")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise typer.BadParameter(f"{file}: cannot be written: permission denied")
    return file


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        from tegmentum.simcore.installed import install_line

        raise TegmentumError(f"plots need matplotlib: {install_line('analysis')}") from error
