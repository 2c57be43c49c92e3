"""Ctrl-C and SIGTERM, held back while something must not be cut in two."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer

#: Exit code of a command that was interrupted and cannot be gone on with.
EXIT_INTERRUPTED = 130
#: Exit code of one that `tegmentum resume` goes on with: EX_TEMPFAIL of sysexits.h, at which schedulers run it again.
EXIT_RESUMABLE = 75


def stop_interrupted(kept: str, store: Path | str | None = None) -> NoReturn:
    """Say that a command was interrupted, what is kept and how to go on, and exit."""
    typer.secho(f"interrupted: {kept}", fg="red", err=True)
    if store is None:
        raise typer.Exit(EXIT_INTERRUPTED)
    typer.echo(f"go on with: tegmentum resume {shlex.quote(str(store))}", err=True)
    raise typer.Exit(EXIT_RESUMABLE)


class Interrupts:
    """While in use, SIGINT and SIGTERM raise KeyboardInterrupt, but not inside :meth:`held`: there they wait.

    Only the first is let through: a second one must not cut short how the first one is handled.
    A job that its scheduler stops with SIGTERM so closes its store like one that a user stops.
    """

    def __init__(self) -> None:
        self._holding = self._pending = self._raised = False
        self._told = ""

    def __enter__(self) -> Interrupts:
        self._before = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self._holding:
            if self._told and not self._pending:
                os.write(2, f"\n{self._told}\n".encode())
            self._pending = True
        elif not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self, told: str = "") -> Iterator[None]:
        """Finish what is inside before an interrupt is let through; ``told`` is said when one arrives."""
        self._holding, self._told = True, told
        try:
            yield
        finally:
            self._holding, self._told = False, ""
        self.let_through()

    @property
    def pending(self) -> bool:
        """Whether one waits."""
        return self._pending

    def let_through(self) -> None:
        """Raise KeyboardInterrupt if one waits, also within :meth:`held`."""
        if self._pending:
            self._pending, self._raised = False, True
            raise KeyboardInterrupt
