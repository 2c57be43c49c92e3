"""A pool of threads that survives what ordinary ones do not: a fork, a pickle, a copy."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Workers:
    """``n`` threads, made when first asked for; 0 are none.

    Threads do not outlive a fork: a pool from before it waits for ever in the child, which therefore makes its own.
    """

    def __init__(self, n: int) -> None:
        self.n, self._owner = n, 0
        self._pool: ThreadPoolExecutor | None = None

    @property
    def pool(self) -> ThreadPoolExecutor | None:
        """The pool of this process, or None where there are no threads."""
        if self.n < 1:
            return None
        if self._pool is None or self._owner != os.getpid():
            self._pool = ThreadPoolExecutor(self.n, thread_name_prefix="tegmentum")
            self._owner = os.getpid()
        return self._pool

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["n"])  # type: ignore[misc]
