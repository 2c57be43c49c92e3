"""How many blocks of threads share a network."""

from __future__ import annotations

import os
from typing import NamedTuple

from ...compile.device_modules import LARGE_THREADS, THREADS
from ...errors import DescriptionError

LAUNCHES = "TEGMENTUM_CUDA_LAUNCHES"  # what a launch is: ``run``, many ticks, or ``tick``, half of one
SLOTS = 256  # neurons of a block below which more blocks do not pay


class Geometry(NamedTuple):
    """Blocks of threads for each trial, lanes of trials, threads of a block, and whether one launch does many ticks."""

    n_blocks: int
    n_lanes: int
    n_threads: int
    width: int  # threads of a warp
    persistent: bool


def geometry(n_slots: int, n_trials: int, n_multiprocessors: int, large: bool = False) -> Geometry:
    """Divide a network among the multiprocessors of a device, one block on each."""
    n_blocks = max(1, min(n_multiprocessors, -(-n_slots // SLOTS)))
    n_lanes = max(1, min(n_trials, n_multiprocessors // n_blocks))
    n_threads = min(LARGE_THREADS if large else THREADS, max(128, -(-n_slots // n_blocks // 32) * 32))
    return Geometry(n_blocks, n_lanes, n_threads, 32, persistent())


def persistent() -> bool:
    """Return whether one launch does many ticks: yes, unless the environment has ``TEGMENTUM_CUDA_LAUNCHES=tick``.

    Raises
    ------
    DescriptionError
        where it has anything but ``run`` and ``tick`` there
    """
    asked = os.environ.get(LAUNCHES, "run")
    if asked not in ("run", "tick"):
        raise DescriptionError(f"environment: {LAUNCHES} must be run or tick, got {asked!r}")
    return asked == "run"
