"""Ctrl-C and SIGTERM, held back while something must not be cut in two."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any, NoReturn

import typer

#: Exit code of a command that was interrupted.
EXIT_INTERRUPTED = 130


def stop_interrupted(kept: str) -> NoReturn:
    """Say that a command was interrupted and what is kept, and exit."""
    typer.secho(f"interrupted: {kept}", fg="red", err=True)
    raise typer.Exit(EXIT_INTERRUPTED)


class Interrupts:
    """While in use, SIGINT and SIGTERM raise KeyboardInterrupt, but not inside :meth:`held`: there they wait.

    Only the first is let through: a second one must not cut short how the first one is handled.
    A job that its scheduler stops with SIGTERM so closes its store like one that a user stops.
    """

    def __init__(self) -> None:
        self._holding = self._pending = self._raised = False

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
            self._pending = True
        elif not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Finish what is inside before an interrupt is let through."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._pending:
            self._pending, self._raised = False, True
            raise KeyboardInterrupt
