"""``tegmentum watch``: a run followed in the terminal while it goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tegmentum.simcore.errors import StoreError

from .options import RunStoreName, located

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from .follow import Follower, Look

_SILENT = 60.0  # s without a commit, after which a writer may have been killed
_ATTEMPTS = 5  # to read a store that is just being replaced


def watch(
    store: RunStoreName,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a store that does not exist yet.")] = False,
    every: Annotated[float, typer.Option(min=0.1, max=3600.0, help="Seconds between two looks.")] = 1.0,
) -> None:
    """Follow a run in the terminal until it ends: status, progress, rates and accuracies as they grow.

    Only what the run has committed is seen, usually five seconds old at most; the run is not disturbed. Where the
    output is no terminal, each commit is a line. Ctrl-C ends the watching, not the run. Exit code 1 says that the run
    failed or was interrupted.
    """
    from rich.console import Console

    from .follow import Follower

    at = located(store)
    _found(at, wait, every)
    console, follower = Console(highlight=False), Follower(at)
    status = (
        _in_place(console, follower, every) if console.is_terminal else _in_lines(console, follower, every)
    )
    if status != "complete":
        raise typer.Exit(1)


def _found(store: Path | str, wait: bool, every: float) -> None:
    """Return when there is a store."""
    from tegmentum.simcore.record.manifest import is_run_store, read_manifest

    if not wait and isinstance(store, Path) and not store.exists():
        raise StoreError(f"{store}: no such run store yet; --wait waits for it")
    if not wait:
        read_manifest(store)
    if wait and not is_run_store(store):
        typer.echo(f"waiting for {store}", err=True)
        while not is_run_store(store):
            time.sleep(every)


def _looked(follower: Follower) -> Look | None:
    """Look; again where the store is just being replaced by another run."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return follower.look()
        except StoreError:
            time.sleep(0.1)
    return follower.look()


def _in_place(console: Console, follower: Follower, every: float) -> str:
    """Draw one picture again and again; return how the run ended."""
    from rich.live import Live

    look = _looked(follower)
    assert look is not None
    with Live(_picture(follower.path, look), console=console, auto_refresh=False) as live:
        while look.status == "running":
            time.sleep(every)
            look = _looked(follower) or look
            live.update(_picture(follower.path, look), refresh=True)
    return look.status


def _in_lines(console: Console, follower: Follower, every: float) -> str:
    """Print a line for each commit; return how the run ended."""
    while True:
        look = _looked(follower)
        if look is not None:
            console.print(_line(look), soft_wrap=True, markup=False)
            if look.status != "running":
                return look.status
        time.sleep(every)


def _line(look: Look) -> str:
    parts = [f"{look.committed.astimezone():%H:%M:%S} {look.status}", _far(look)]
    parts += [f"{name} {100 * values[-1]:.1f} %" for name, values in look.accuracies.items()]
    parts += [f"{name} {mean:.3g} Hz" for name, (mean, _) in look.rates.items() if mean is not None]
    return ", ".join(part for part in parts if part)


def _far(look: Look) -> str:
    """Put progress into words."""
    if look.total is None:
        return f"{look.done:g} {look.unit}" if look.done else ""
    return f"{look.done:g} of {look.total:g} {look.unit} ({min(1.0, look.done / look.total):.0%})"


def _picture(path: Path | str, look: Look) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from .sparkline import sparkline

    now = datetime.now(UTC)
    head = Table.grid(padding=(0, 2))
    colour = {"running": "cyan", "complete": "green"}.get(look.status, "red")
    head.add_row("run", Text(str(path), style="bold"))
    head.add_row("status", Text(look.status + _stalled(look, now), style=colour))
    head.add_row("progress", _far(look) or "not known yet")
    if look.total:
        share = min(1.0, look.done / look.total)
        head.add_row("", ProgressBar(total=1.0, completed=share, width=48))
    head.add_row("time", _times(look, now))
    body = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("", "mean", "latest", ""):
        body.add_column(title, justify="right" if title else "left")
    for name, values in look.accuracies.items():
        percent = [100 * value for value in values]
        best = f"best {max(percent):.1f} %"
        body.add_row(Text(name), best, f"{percent[-1]:.1f} %", sparkline(percent))
    for name, (mean, recent) in look.rates.items():
        words = ["-" if rate is None else f"{rate:.3g} Hz" for rate in (mean, recent)]
        body.add_row(Text(name), *words, sparkline(look.courses.get(name, [])))
    return Group(head, Text(), body) if body.row_count else head


def _stalled(look: Look, now: datetime) -> str:
    """Say that nothing came for long; the store cannot tell a killed writer from a slow one."""
    silent = (now - look.committed).total_seconds()
    if look.status != "running" or silent < _SILENT:
        return ""
    return f", but nothing new for {_span(silent)}: the run may have been killed"


def _times(look: Look, now: datetime) -> str:
    """Say how long it has taken, and what is left at that pace."""
    spent = ((look.ended or now) - look.started).total_seconds()
    known = (look.committed - look.started).total_seconds()
    left = ""
    if look.status == "running" and look.total and 0 < look.done < look.total and known > 0:
        left = f", about {_span(max(0.0, known * look.total / look.done - spent))} left"
    return f"{_span(spent)} since the start{left}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    )
