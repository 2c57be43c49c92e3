"""The ``tegmentum`` command: what each subcommand is, and what each error's exit code is.

Nothing slow is imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tegmentum.simcore.errors import DataError, DescriptionError, SimulationError, StoreError, TegmentumError

from . import config_command, datasets
from .bench import bench
from .continual import continual
from .doctor import doctor
from .inspect import inspect
from .plot import plot
from .run import run
from .train import train
from .warmup import warmup

#: Exit codes; 2, wrong usage, is Typer's own.
EXIT_FAILED, EXIT_INVALID, EXIT_STORE, EXIT_NUMERICAL, EXIT_INTERRUPTED = 1, 3, 4, 5, 130

app = typer.Typer(
    name="tegmentum",
    help="Event-driven spiking networks whose synapses learn by dopamine-modulated plasticity.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 invalid configuration or data, 4 store, 5 numerical, "
    "130 interrupted.",
)
app.command()(train)
app.command()(continual)
app.command()(inspect)
app.command()(plot)
app.command()(run)
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


def exit_code(error: TegmentumError) -> int:
    """Exit code of an error."""
    codes = {DescriptionError: EXIT_INVALID, DataError: EXIT_INVALID, StoreError: EXIT_STORE,
             SimulationError: EXIT_NUMERICAL}  # fmt: skip
    return next((code for kind, code in codes.items() if isinstance(error, kind)), EXIT_FAILED)


def main() -> None:
    """Run the command line; errors raised on purpose become one line and an exit code."""
    try:
        app()
    except TegmentumError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        typer.secho("interrupted", fg="red", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
