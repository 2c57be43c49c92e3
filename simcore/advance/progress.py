"""How far a run is, shown while it goes on: a bar in a terminal or a notebook, or a function of one's own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

#: Called with the model time done and the whole of it [ms].
Report = Callable[[float, float], None]

_EVERY = 0.1  # s between two reports


@contextlib.contextmanager
def reporting(progress: bool | Report, total: float) -> Iterator[Report]:
    """Give a function that a run calls after each chunk; it passes ten reports a second on, and the last one.

    Parameters
    ----------
    progress : bool or callable
        whether to draw a bar on the error stream (nothing is drawn where that is neither a terminal nor a
        notebook), or what to call with the model time done and the whole of it [ms]
    total : float, ms
    """
    if progress is False:
        yield lambda done, total: None
    elif progress is True:
        with _bar(total) as report:
            yield _thinned(report)
    else:
        yield _thinned(progress)


def _thinned(report: Report) -> Report:
    last = -_EVERY

    def pass_on(done: float, total: float) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last >= _EVERY or done >= total:
            last = now
            report(done, total)

    return pass_on


@contextlib.contextmanager
def _bar(total: float) -> Iterator[Report]:
    """Model time, wall time, time left and the rate: seconds of model time for each second of the clock."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_jupyter:  # rich would need ipywidgets, and warn
        yield _cell(total)
        return
    if not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} ms"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[speed]}"),
    )
    began = time.perf_counter()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total, speed="")

        def report(done: float, total: float) -> None:
            rate = 1e-3 * done / max(time.perf_counter() - began, 1e-9)
            bar.update(task, completed=done, speed=f"{rate:.3g} x real time")

        yield report


def _cell(total: float) -> Report:
    """Write the same as one line below a notebook's cell, by what every notebook can show."""
    from IPython.display import display

    began = time.perf_counter()
    handle = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def report(done: float, total: float) -> None:
        spent = time.perf_counter() - began
        filled = round(30 * done / total) if total else 30
        left = spent * (total - done) / done if done else 0.0
        told = f"{done:,.0f} of {total:,.0f} ms, {spent:.0f} s, left {left:.0f} s"
        speed = f"{1e-3 * done / max(spent, 1e-9):.3g} x real time"
        handle.update({"text/plain": f"[{'=' * filled:<30}] {told}, {speed}"}, raw=True)

    report(0.0, total)
    return report
