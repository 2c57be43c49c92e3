"""Stages that pass chunks of trials on to each other, each one chunk behind the stage before.

A stage is a function ``tasks(chunk, number) -> list of callables``; the callables of all stages that are busy in one
wave touch different memory, so they may run in any order and at once. Threads wait passively: a spinning pool
collapses on a shared machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

Task = Callable[[], Any]
Stage = Callable[[Any, int], list[Task]]


def flow_through(stages: Sequence[Stage], chunks: Sequence[Any], threads: int) -> Iterator[int]:
    """Drive ``chunks`` through ``stages``; yields the number of each chunk that has left the last stage.

    A stage that writes slot ``number % 2`` does so while the next stage reads the other slot; what the stage after
    that still reads needs three slots. What a chunk left behind must be used before the generator is advanced.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="tegmentum") if threads > 1 else None
    try:
        for wave in range(len(chunks) + len(stages) - 1):
            tasks: list[Task] = []
            for behind in range(
                len(stages) - 1, -1, -1
            ):  # the narrow last stage first: it is the longest task
                if 0 <= wave - behind < len(chunks):
                    tasks += stages[behind](chunks[wave - behind], wave - behind)
            if pool is None:
                for task in tasks:
                    task()
            else:
                futures = [pool.submit(task) for task in tasks]
                wait(futures)
                for future in futures:
                    future.result()
            finished = wave - (len(stages) - 1)
            if finished >= 0:
                yield finished
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
