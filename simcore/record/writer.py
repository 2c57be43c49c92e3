"""A thread that compresses and writes what a run records, while the run goes on.

It runs jobs one after the other in the order in which they were given, none of them a kernel of Numba's. What waits is
bounded: who gives it more than it can write has to wait.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]

#: Bytes that may wait to be written.
ROOM = 1 << 26


class _Waiting:
    """Jobs that wait, shared by the thread and who gives them to it."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[int, Job]] = deque()
        self.n_bytes = 0
        self.error: BaseException | None = None
        self.stopped = False
        self.changed = threading.Condition()


class Writer:
    """The thread; it starts with the first job, and ends with :meth:`stop` or with this object.

    After a job has failed no other is run: nothing that was to follow it, a commit above all, may happen without it.
    """

    def __init__(self) -> None:
        self._waiting = _Waiting()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, _stop, self._waiting).atexit = False

    def do(self, job: Job, n_bytes: int = 0) -> None:
        """Let a job be done that holds ``n_bytes``; raises what an earlier one failed with."""
        waiting = self._waiting
        with waiting.changed:
            while waiting.error is None and waiting.jobs and waiting.n_bytes + n_bytes > ROOM:
                waiting.changed.wait()
            if waiting.error is not None:
                raise waiting.error
            waiting.n_bytes += n_bytes
            waiting.jobs.append((n_bytes, job))
            waiting.changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(waiting,), daemon=True, name="run store")
            self._thread.start()

    def wait(self) -> None:
        """Wait until all is done; raises what a job failed with."""
        waiting = self._waiting
        with waiting.changed:
            while waiting.error is None and waiting.jobs:
                waiting.changed.wait()
            if waiting.error is not None:
                raise waiting.error

    def stop(self) -> None:
        """End the thread after the job it is at; what else waits is forgotten."""
        _stop(self._waiting)
        if self._thread is not None:
            self._thread.join()


def _stop(waiting: _Waiting) -> None:
    with waiting.changed:
        waiting.stopped = True
        waiting.changed.notify_all()


def _work(waiting: _Waiting) -> None:
    while True:
        with waiting.changed:
            while not waiting.jobs and not waiting.stopped:
                waiting.changed.wait()
            if waiting.stopped:
                return
            n_bytes, job = waiting.jobs[0]  # it counts as waiting until it is done
        try:
            job()
        except BaseException as error:
            with waiting.changed:
                waiting.error = error
                waiting.jobs.clear()
                waiting.changed.notify_all()
            return
        with waiting.changed:
            waiting.jobs.popleft()
            waiting.n_bytes -= n_bytes
            waiting.changed.notify_all()
