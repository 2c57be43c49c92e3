"""A store has one writer at a time; who was killed is none."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.store import RunStore, read_manifest

HOLDER = """
import sys, time
from tegmentum.simcore.record.store import RunStore
store = RunStore.create(sys.argv[1], {"seed": 1})
store.spikes("p", 5, 0.1).append([1, 2], [3, 4])
store.commit()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    path = tmp_path / "run.zarr"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        yield path, process
        process.kill()
        process.wait()


def test_a_second_writer_is_refused_by_the_name_of_the_first(holder):
    path, process = holder
    by = f"is being written by process {process.pid} on {platform.node()}"
    with pytest.raises(StoreError, match=by):
        RunStore.create(path, {}, force=True)
    with pytest.raises(StoreError, match=by):
        RunStore.reopen(path)
    assert read_manifest(path)["status"] == "running"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_the_lock_of_a_killed_writer_locks_nothing(holder):
    path, process = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (path.parent / ".run.zarr.lock").exists()
    RunStore.reopen(path).close()
    assert read_manifest(path)["status"] == "complete"
    RunStore.create(path, {}, force=True).close()
    assert os.listdir(path.parent) == ["run.zarr"]


def test_the_same_process_is_no_exception(tmp_path):
    path = tmp_path / "run.zarr"
    store = RunStore.create(path, {})
    with pytest.raises(StoreError, match=f"is being written by process {os.getpid()}"):
        RunStore.create(path, {}, force=True)
    store.close()
    RunStore.create(path, {}, force=True).close()


def test_a_store_that_is_forgotten_is_free_and_its_thread_ends(tmp_path):
    import gc
    import threading

    path = tmp_path / "run.zarr"
    others = set(threading.enumerate())  # of other tests, whose stores may not be collected yet
    store = RunStore.create(path, {})
    store.spikes("p", 5, 0.1).append([1], [2])
    store.commit()
    (thread,) = [t for t in threading.enumerate() if t.name == "run store" and t not in others]
    del store
    gc.collect()
    deadline = time.monotonic() + 10
    while thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not thread.is_alive()
    RunStore.create(path, {}, force=True).close()
