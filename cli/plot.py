"""``tegmentum plot``: a run store as a picture."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Annotated

import typer

from tegmentum.simcore.errors import TegmentumError

from .options import RunStoreName, located, stem_of
from .plots.registry import MEANS, TAKES, Kind

_KINDS = "; ".join(f"{kind.value}: {means}" for kind, means in MEANS.items()) + "."


def plot(
    store: RunStoreName,
    kind: Annotated[Kind, typer.Argument(help=_KINDS, show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write (.png, .pdf, .svg); by default <store>-<kind>.png."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    population: Annotated[
        list[str] | None, typer.Option("--population", help="Populations of spikes; by default all.")
    ] = None,
    projection: Annotated[
        list[str] | None, typer.Option("--projection", help="Projections of weights; by default all.")
    ] = None,
    trial: Annotated[
        list[int] | None,
        typer.Option(
            "--trial", help=r"Trials of raster, rates or traces; -1 is the last \[0].", show_default=False
        ),
    ] = None,
    bin_ms: Annotated[
        float | None,
        typer.Option("--bin", help="Bins of rates and psth, ms; by default about 200 or 80 of them."),
    ] = None,
    trace: Annotated[list[str] | None, typer.Option("--trace", help="Which traces; by default all.")] = None,
    neuron: Annotated[
        list[int] | None,
        typer.Option("--neuron", help="Neurons of traces, a line each; by default all, or an image of many."),
    ] = None,
    snapshot: Annotated[
        int | None,
        typer.Option(
            "--snapshot", help=r"Number of the snapshot of a matrix \[-1, the last].", show_default=False
        ),
    ] = None,
    eligibility: Annotated[
        bool,
        typer.Option("--eligibility", help="Trajectories or distribution of eligibilities, not weights."),
    ] = False,
    synapses: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help=r"How many trajectories, at most \[50].", show_default=False),
    ] = None,
    modulator: Annotated[
        list[str] | None, typer.Option("--modulator", help="Neuromodulators of levels; by default all.")
    ] = None,
) -> None:
    """Draw a run store as a picture; what is too much to be seen becomes an image, an envelope or bins."""
    from tegmentum.simcore.record.manifest import read_manifest, replace_file
    from tegmentum.simcore.record.reader import reading

    if bin_ms is not None and not (0 < bin_ms < float("inf")):
        raise typer.BadParameter(f"--bin: must be above 0 ms, got {bin_ms:g}")
    given = {
        "populations": ("--population", population, []),
        "projections": ("--projection", projection, []),
        "trials": ("--trial", trial, [0]),
        "bin_ms": ("--bin", bin_ms, None),
        "names": ("--trace", trace, []),
        "neurons": ("--neuron", neuron, []),
        "snapshot": ("--snapshot", snapshot, -1),
        "kind": ("--eligibility", "eligibility" if eligibility else None, "weights"),
        "n_synapses": ("--synapses", synapses, 50),
        "modulators": ("--modulator", modulator, []),
    }
    for name, (option, value, _) in given.items():
        if value and name not in TAKES[kind]:
            takes = ", ".join(given[known][0] for known in TAKES[kind]) or "no option"
            raise typer.BadParameter(f"{option} is not for {kind.value}, which takes {takes}")
    options = {name: usual if value is None else value for name, (_, value, usual) in given.items()}
    at = located(store)
    manifest = read_manifest(at)
    file = _output(output or Path(f"{stem_of(at)}-{kind.value}.png"), force)
    _require_matplotlib()
    import matplotlib as mpl

    from .plots.canvas import STYLE, title_of
    from .plots.registry import draw

    with mpl.rc_context(STYLE):
        with reading(at):
            figure = draw(kind, at, options)
        figure.suptitle(title_of(manifest["config"], manifest["argv"], manifest["status"]))
        picture = io.BytesIO()
        figure.savefig(picture, dpi=150, format=file.suffix[1:].lower())
        try:
            replace_file(file, picture.getbuffer(), durable=False)
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
