"""What this machine lends a process: threads, memory and room on a disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

#: Variables that say how many threads a job may use; the smallest valid number holds.
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def one_blas_thread(function: Decorated) -> Decorated:
    """Let a function multiply and factorise matrices on one thread.

    Their last bits then depend on no number of threads, and a BLAS takes no CPU from threads of our own.
    """
    wrapped: Decorated = threadpool_limits.wrap(limits=1, user_api="blas")(function)
    return wrapped


def cpu_count() -> int:
    """CPUs that this process may use: those of its affinity, where the system knows one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """Return how many threads to use where the user names no number.

    The CPUs of the process's affinity, or fewer if one of :data:`THREAD_VARIABLES` says so. ``OMP_NUM_THREADS`` may
    be a list for nested levels, of which the first counts. What is no whole number >= 1 is ignored, as OpenMP does.
    """
    asked = (os.environ.get(name, "").partition(",")[0].strip() for name in THREAD_VARIABLES)
    numbers = (int(text) for text in asked if text.isascii() and text.isdigit() and len(text) < 10)
    return min([cpu_count(), *(n for n in numbers if n >= 1)])


def memory() -> int:
    """Bytes of memory of this machine; 0 if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def free_disk(path: Path) -> int | None:
    """Bytes free where a path is, or would be created; None if unknown."""
    try:
        return shutil.disk_usage(path.absolute().parent).free
    except OSError:
        return None
