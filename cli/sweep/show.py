"""What a sweep shows: how many runs have ended, the time left, and who failed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tegmentum.simcore.sweeps.drive import Record, Watcher


class Lines:
    """A line on the error stream for each run that ends: for logs."""

    def rehearses(self, n: int) -> None:
        """Say that code is compiled."""
        typer.echo(
            "compiling, or loading compiled code" + (f", for {n} kinds of runs" if n > 1 else ""), err=True
        )

    def begins(self, n: int, there: int) -> None:
        """Say how many runs there are."""
        self.n, self.there, self.done, self.began = n, there, 0, time.monotonic()
        before = f", {there} of them complete before" if there else ""
        typer.echo(f"{n} run{'s' * (n != 1)}{before}", err=True)

    def ended(self, name: str, record: Record) -> None:
        """Say how a run ended, and the time left at this rate."""
        self.done += 1
        left = self.n - self.there - self.done
        span = (time.monotonic() - self.began) / self.done * left
        how = record.get("error") or f"{record['wall_time']:.1f} s"
        rest = f"; left about {_span(span)}" if left else ""
        typer.echo(f"{self.there + self.done}/{self.n} {name}: {record['status']}, {how}{rest}", err=True)


class Bar:
    """A bar over runs in a terminal; a line above it for each that fails."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.n_failed = bar, 0

    def rehearses(self, n: int) -> None:
        """Show that code is compiled."""
        self.task = self.bar.add_task("compiling", total=None, n_failed="")

    def begins(self, n: int, there: int) -> None:
        """Show the runs; time left is reckoned from those that are done now."""
        for task in self.bar.task_ids:
            self.bar.remove_task(task)
        if there:
            self.bar.console.print(f"{there} of {n} runs complete before")
        self.task = self.bar.add_task("runs", total=n - there, n_failed="")

    def ended(self, name: str, record: Record) -> None:
        """Advance."""
        if record["status"] == "failed":
            self.n_failed += 1
            self.bar.console.print(f"{name} failed: {record['error']}", style="red", markup=False)
        self.bar.update(self.task, advance=1, n_failed=f"{self.n_failed} failed" if self.n_failed else "")


@contextlib.contextmanager
def watching() -> Iterator[Watcher]:
    """Give what shows the progress of a sweep on the error stream."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False),
               TextColumn("{task.fields[n_failed]}", style="red"))  # fmt: skip
    with Progress(*columns, console=console, speed_estimate_period=3600.0) as bar:
        yield Bar(bar)


def printed(result: dict[str, Any]) -> None:
    """Print what a sweep came to."""
    before = f", {result['complete_before']} of them before" if result["complete_before"] else ""
    failed = result["failed"]
    typer.echo(
        f"{result['complete']} of {result['n_runs']} runs complete{before}"
        + (f", {len(failed)} failed" if failed else "")
        + f"; {result['wall_s']:.1f} s; {result['store']}"
    )
    for name, error in failed.items():
        typer.echo(f"failed: {name}: {error}")


def _span(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
