"""The commands of ``tegmentum``: what each is. Nothing slow is imported here; each imports what it needs."""

from __future__ import annotations

from typing import Annotated

import typer

from . import config_command, datasets
from .bench import bench
from .continual import continual
from .doctor import doctor
from .export import export
from .inspect import inspect
from .plot import plot
from .report.command import report
from .resume import resume
from .run import run
from .sweep.command import sweep
from .train import train
from .warmup import warmup
from .watch import watch

app = typer.Typer(
    name="tegmentum",
    help="Event-driven spiking networks whose synapses learn by dopamine-modulated plasticity.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 usage or no device, 3 invalid configuration or data, 4 store, 5 numerical, "
    "75 interrupted, to be gone on with by `tegmentum resume`, 130 interrupted.",
)
app.command()(train)
app.command()(continual)
app.command()(inspect)
app.command()(plot)
app.command()(report)
app.command()(watch)
app.command()(export)
app.command()(run)
app.command()(resume)
app.command()(sweep)
app.command()(bench)
app.add_typer(config_command.app, name="config", help="Schema and check of network files.")
app.add_typer(datasets.app, name="datasets", help="List, download and verify data sets.")
app.command()(doctor)
app.command()(warmup)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"tegmentum {version('tegmentum')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Event-driven spiking networks whose synapses learn by dopamine-modulated plasticity."""
