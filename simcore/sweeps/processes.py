"""Processes of this machine that do runs, and that end when whoever started them does, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection, wait

from ..errors import DescriptionError
from ..machine import cpu_count


@contextmanager
def processes(n: int) -> Iterator[ProcessPoolExecutor]:
    """Give ``n`` processes; those that still run at the end, as after Ctrl-C, are ended."""
    context = multiprocessing.get_context("spawn")
    listening, held = context.Pipe(duplex=False)
    with listening:
        pool = ProcessPoolExecutor(n, context, _begin, (listening,))
        try:
            yield pool
        except BaseException:
            held.close()  # its end tells them
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            held.close()


def _begin(listening: Connection) -> None:
    """Leave Ctrl-C to whoever started this process, and end with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _leave_when(listening)


@cache
def leave_with_parent() -> None:
    """End this process, if another one started it for an executor, as soon as that one dies."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        _leave_when(parent.sentinel)


def _leave_when(ends: Connection | int) -> None:
    def watch() -> None:
        wait([ends])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def places(executor: Executor, threads: int) -> int | None:
    """Return how many runs an executor does at once, None where that is not this machine's affair.

    Raises
    ------
    DescriptionError
        if with ``threads`` each they took more than the cores of this machine
    """
    if not isinstance(executor, (ProcessPoolExecutor, ThreadPoolExecutor)):
        return None
    n: int = getattr(executor, "_max_workers")  # noqa: B009 - the standard library tells it nowhere else
    check_cores(n, threads, type(executor).__name__)
    return n


def check_cores(workers: int, threads: int, where: str) -> None:
    """Refuse more threads than cores."""
    cores = cpu_count()
    if workers * threads > cores:
        most = max(1, cores // threads)
        raise DescriptionError(
            f"{where}: {at_once(workers)} with {threads} thread{'s' * (threads > 1)} each take"
            f"{'s' * (workers == 1)} {workers * threads} cores, there are {cores}; at most {most} at once "
            f"{'would do' if threads <= cores else 'and fewer threads would do'}"
        )


def at_once(n: int) -> str:
    """Say how many runs."""
    return f"{n} run{'s' * (n > 1)} at once"
