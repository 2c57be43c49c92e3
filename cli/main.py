"""The ``tegmentum`` command: begun, and what each error's exit code is.

Little is imported here, so that Ctrl-C is quiet from early on: what the command line is, is in :mod:`.app`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

from tegmentum.simcore.errors import (
    DataError,
    DescriptionError,
    DeviceError,
    SimulationError,
    StoreError,
    TegmentumError,
)

if TYPE_CHECKING:
    import typer

#: Exit codes; 2, wrong usage, is Typer's own, and also that of a device that is asked for and not there.
EXIT_FAILED, EXIT_USAGE, EXIT_INVALID, EXIT_STORE, EXIT_NUMERICAL, EXIT_INTERRUPTED = 1, 2, 3, 4, 5, 130


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
    code = _run(_commands())
    try:
        if sys.stdout is not None:  # it is None where it was closed from the beginning
            sys.stdout.flush()
    except OSError as error:  # only now does a full disk, or a reader that has gone, come to light
        code = _output_failed(error)
    sys.exit(code)


def _commands() -> typer.Typer:
    """Load the commands; Ctrl-C meanwhile ends the process as it does any other, without a traceback of imports."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from .app import app
    finally:
        signal.signal(signal.SIGINT, before)
    return app


def _run(app: typer.Typer) -> int:
    """Run the command line and return its exit code."""
    try:
        app()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else EXIT_FAILED
    except TegmentumError as error:
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
    import typer

    line = " ".join(text.splitlines())
    with contextlib.suppress(OSError):
        typer.secho(line, fg="red", err=True)
        sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
