"""One run of a sweep where an executor has put it: claimed, done, and its end written down."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import SimulationError, TegmentumError
from ..record import checkpoints
from ..record.manifest import is_run_store, update_manifest
from .folder import Folder
from .jobs import Job
from .processes import leave_with_parent

#: how many threads linear algebra takes
_BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """A run to do.

    Attributes
    ----------
    folder : Path, optional
        of the sweep; without one nothing is written, and nobody else can be at the run
    seen : str, optional
        the record that was there when the sweep began: of a run that had failed, to be tried again
    tied : bool
        whether the process is to end with the one that started it
    rehearsal : bool
        only compile
    """

    job: Job
    name: str
    parameters: Mapping[str, Any]
    identity: str
    threads: int
    folder: Path | None = None
    seen: str | None = None
    tied: bool = False
    rehearsal: bool = False


def execute(task: Task) -> dict[str, Any]:
    """Do a run, unless another process has done it, and return its record; errors of the run are in the record."""
    if task.tied:
        leave_with_parent()
    return _in_child(task) if task.job.apart else _here(task)


def _here(task: Task) -> dict[str, Any]:
    if task.folder is None or task.rehearsal:
        return _attempt(task, None)
    folder = Folder(task.folder)
    with folder.claimed(task.name):
        there = folder.record(task.name)
        if there is not None and (there["status"] == "complete" or there["id"] != task.seen):
            return there
        folder.sweep_up(task.name)
        store = folder.store(task.name)
        record = folder.end(task.name, _attempt(task, store))
        checkpoints.remove(store)
        return record


def _attempt(task: Task, store: Path | None) -> dict[str, Any]:
    """Run, and return what it came to, or why it failed."""
    began = time.perf_counter()
    record: dict[str, Any] = {
        "status": "complete",
        "parameters": dict(task.parameters),
        "identity": task.identity,
        "threads": task.threads,
        "host": socket.gethostname(),
    }
    try:
        if task.rehearsal:
            task.job.rehearse(task.parameters, task.threads)
        else:
            record["values"] = task.job.run(task.parameters, store, task.threads)
            if store is not None and is_run_store(store):
                update_manifest(store, {"parameters": dict(task.parameters)}, durable=False)
    except Exception as error:
        record |= {"status": "failed", "error": _said(error), "traceback": traceback.format_exc()}
    record["wall_time"] = time.perf_counter() - began
    return record


def _said(error: Exception) -> str:
    """Return an error in a line; ours say all, others their kind as well."""
    text = " ".join(str(error).split())
    return text if isinstance(error, TegmentumError) and text else f"{type(error).__name__}: {text}"


def _in_child(task: Task) -> dict[str, Any]:
    """Let the main thread of another process do a run, which ends when this process does."""
    command = [sys.executable, "-P", "-m", "tegmentum.simcore.sweeps.child"]
    n = str(task.threads)
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **dict.fromkeys(_BLAS, n)},
        start_new_session=True,  # Ctrl-C is for whoever waits for it
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(pickle.dumps(replace(task, tied=False)))
        child.stdin.flush()  # and stays open: its end tells the child that this process has died
        answer = child.stdout.read()
        code = child.wait()
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    if code:
        raise SimulationError(f"its process ended with {code}")
    record: dict[str, Any] = pickle.loads(answer)
    return record
