"""The ``tegmentum`` command: what each subcommand is, and what each error's exit code is.

Nothing slow is imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Annotated

import typer

from tegmentum.simcore.errors import (
    DataError,
    DescriptionError,
    DeviceError,
    SimulationError,
    StoreError,
    TegmentumError,
)

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

#: Exit codes; 2, wrong usage, is Typer's own, and also that of a device that is asked for and not there.
EXIT_FAILED, EXIT_USAGE, EXIT_INVALID, EXIT_STORE, EXIT_NUMERICAL, EXIT_INTERRUPTED = 1, 2, 3, 4, 5, 130

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


def exit_code(error: TegmentumError) -> int:
    """Exit code of an error."""
    codes = {DescriptionError: EXIT_INVALID, DataError: EXIT_INVALID, StoreError: EXIT_STORE,
             SimulationError: EXIT_NUMERICAL, DeviceError: EXIT_USAGE}  # fmt: skip
    return next((code for kind, code in codes.items() if isinstance(error, kind)), EXIT_FAILED)


def main() -> None:
    """Run the command line; what a user can cause becomes one line and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Unicode still shows what it can
            stream.reconfigure(errors="backslashreplace")
    code = _run()
    try:
        if sys.stdout is not None:  # it is None where it was closed from the beginning
            sys.stdout.flush()
    except OSError as error:  # only now does a full disk, or a reader that has gone, come to light
        code = _output_failed(error)
    sys.exit(code)


def _run() -> int:
    """Run the command line and return its exit code."""
    try:
        app()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else EXIT_FAILED
    except TegmentumError as error:
        if (
            isinstance(error, OSError)
            and isinstance(error.__cause__, OSError)
            and _is_output(error.__cause__)
        ):
            return _output_failed(error.__cause__)
        return _say(f"error: {error}", exit_code(error))
    except KeyboardInterrupt:
        return _say("interrupted", EXIT_INTERRUPTED)
    except MemoryError as error:
        return _say(
            f"error: there is not enough memory: {str(error) or 'a smaller network may fit'}", EXIT_FAILED
        )
    except OSError as error:
        if _is_output(error):
            return _output_failed(error)
        where = ": ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        return _say(f"error: {where + ': ' if where else ''}{error.strerror or error}", EXIT_FAILED)
    return 0


def _is_output(error: OSError) -> bool:
    """Tell whether an error names no file, so that it came from writing to a stream."""
    return error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)


def _output_failed(error: OSError) -> int:
    """Say that the output could not be written, and let the interpreter not try again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:  # the reader has seen enough, as `head` does
        return EXIT_FAILED
    return _say(f"error: the output cannot be written: {error.strerror}", EXIT_FAILED)


def _say(text: str, code: int) -> int:
    """Print one line on the error stream, if that can be written, and return the exit code."""
    line = " ".join(text.splitlines())
    with contextlib.suppress(OSError):
        typer.secho(line, fg="red", err=True)
        sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
