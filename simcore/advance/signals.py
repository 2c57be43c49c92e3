"""Ctrl-C and SIGTERM during a run: they wait until the chunk of ticks is complete, so that nothing is half written."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_NUMBERS = signal.SIGINT, signal.SIGTERM


class Deferred:
    """While in use, signals that Python code handles wait for :meth:`let_through` or for the end.

    Only in the main thread, which alone may set handlers; elsewhere, and for signals whose handler is not Python's,
    it does nothing.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._waiting: tuple[int, FrameType | None] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _NUMBERS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._before[number] = handler
                    signal.signal(number, self._wait)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if error is None:
            self.let_through()

    def _wait(self, number: int, frame: FrameType | None) -> None:
        self._waiting = number, frame

    @property
    def waiting(self) -> bool:
        """Whether one has arrived."""
        return self._waiting is not None

    def drop(self) -> None:
        """Forget what has arrived: it was handled otherwise."""
        self._waiting = None

    def let_through(self) -> None:
        """Handle what has arrived as it would have been without this."""
        if self._waiting is not None:
            number, frame = self._waiting
            self._waiting = None
            self._before[number](number, frame)
