"""Whatever ends a run, and whenever others read, the store shows a whole commit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record import layout as store_layout
from tegmentum.simcore.record.rows import Columns
from tegmentum.simcore.record.store import RunStore, read_manifest

WRITER = """
import sys
import time
import numpy as np
from tegmentum.simcore.record import layout as store_layout
from tegmentum.simcore.record.store import RunStore

store_layout.CHUNK = 4096
with RunStore.create(sys.argv[1], {"seed": 1}, commit_every=0.01) as store:
    spikes = {name: store.spikes(name, 2**20, 0.1) for name in ("exc", "inh")}
    weights = store.weights("exc-inh", np.arange(6000), np.arange(6000))
    table = store.table("", "epoch", {"accuracy": ("float64", "fraction")})
    rng = np.random.default_rng(int(sys.argv[2]))
    n = 0
    for epoch in range(1, 10**9):
        time.sleep(0.002)  # a reader reads all of it
        k = int(rng.integers(1, 9000))
        for recorder in spikes.values():
            recorder.append(np.arange(n, n + k) + 1, np.arange(n, n + k) % 2**20)
            recorder.end_trial()
        n += k
        with store.together():
            table.append(epoch=epoch, accuracy=epoch / 2)
            weights.snapshot(epoch, np.full(6000, epoch))
"""


RUNNER = """
import sys
from tegmentum.simcore import LIF, Network, Poisson, Population, Record, Simulation, Trace
from tegmentum.simcore.record import store

store.COMMIT_EVERY = 0.05
p = Population("p", 50, LIF(i_e=300.0))
record = Record(["p"], {"v": Trace("p", "v", [0, 7])}, every=1.0)
Simulation(Network(p, Poisson(p, rate=1000.0, weight=1.0))).run(1e7, record, to=sys.argv[1])
"""


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not (path / "zarr.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start_writer(path, seed):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seed)])
    wait_for(path, writer)
    return writer


def check(path):
    """Every committed number is the one that was written; return how many spikes there are."""
    with xr.open_datatree(path, engine="zarr") as tree:
        n_spikes = 0
        for name in ("exc", "inh"):
            if f"/spikes/{name}" not in tree.groups:
                return 0
            spikes = tree[f"spikes/{name}"].load()
            n = spikes.sizes["spike"]
            np.testing.assert_array_equal(spikes.t, np.arange(n) + 1)
            np.testing.assert_array_equal(spikes.neuron, np.arange(n) % 2**20)
            assert spikes.trial_offset[0] == 0
            assert spikes.trial_offset[-1] <= n
            assert (np.diff(spikes.trial_offset) > 0).all()
            n_spikes += n
        weights = tree["weights/exc-inh"].load()
        assert (weights.w == weights.snapshot).all()
        np.testing.assert_array_equal(tree.epoch, weights.snapshot)
        np.testing.assert_array_equal(weights.pre, np.arange(6000))
    with xr.open_zarr(path) as root:
        np.testing.assert_array_equal(root.accuracy, root.epoch / 2)
        np.testing.assert_array_equal(root.epoch, np.arange(root.sizes["epoch"]) + 1)
    return n_spikes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_killed_run_shows_its_last_commit(tmp_path, seed):
    path = tmp_path / "run.zarr"
    writer = start_writer(path, seed)
    time.sleep(random.Random(seed).uniform(0, 1.2))
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    check(path)
    assert read_manifest(path)["status"] == "running"


@pytest.mark.slow
def test_a_reader_of_a_running_writer_never_sees_a_torn_store(tmp_path):
    path = tmp_path / "run.zarr"
    writer = start_writer(path, seed=9)
    lengths = []
    try:
        stop = time.monotonic() + 2
        while time.monotonic() < stop:
            lengths.append(check(path))
    finally:
        writer.kill()
        writer.wait()
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]


@pytest.mark.parametrize("opens", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_reader_opens_a_running_run_again_and_again(tmp_path, opens):
    """Each time it finds a whole commit of the run itself, spikes and traces."""
    path = tmp_path / "run.zarr"
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(path)])
    try:
        wait_for(path, runner)
        done, seen = 0, 0
        deadline = time.monotonic() + 300
        while done < opens:
            assert time.monotonic() < deadline
            assert runner.poll() is None, "the run ended before it was read often enough"
            with xr.open_datatree(path, engine="zarr") as tree:
                if "/traces/v" not in tree.groups:
                    continue
                done += 1
                n = tree["traces/v"].sizes["time"]
                tail = slice(-10_000, None)  # all of it would be more each time
                spikes = tree["spikes/p"].dataset.isel(spike=tail).load()
                trace = tree["traces/v"].dataset.isel(time=tail).load()
                assert (np.diff(spikes.t) >= 0).all()
                assert spikes.neuron.size == 0 or spikes.neuron.max() < 50
                np.testing.assert_array_equal(trace.tick, np.arange(1, n + 1)[tail] * 10)
                assert np.isfinite(trace.v).all()
                assert n >= seen
                seen = n
        assert seen > 0
    finally:
        runner.kill()
        runner.wait()


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 3 MB."""
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_leaves_every_commit(small_disk):
    path = small_disk / "run.zarr"
    rng = np.random.default_rng(0)
    committed = 0
    with pytest.raises(StoreError, match="cannot write: No space left on device"):  # noqa: PT012, SIM117
        with RunStore.create(path, {}, commit_every=1e9) as store:
            spikes = store.spikes("exc", 2**32, 0.1)
            for k in range(200):
                spikes.append(np.arange(20_000) + 20_000 * k, rng.integers(0, 2**32, 20_000))
                if k % 5 == 4:
                    store.commit()
                    committed = len(spikes)
    assert committed > 0
    read = xr.open_zarr(path, group="spikes/exc").load()
    assert read.sizes["spike"] >= committed
    np.testing.assert_array_equal(read.t, np.arange(read.sizes["spike"]))


@pytest.mark.parametrize("n", [40, 100, 250], ids=["less than a chunk", "a chunk", "several"])
@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_an_interrupt_after_a_chunk_was_given_away_leaves_all_columns_equally_long(
    tmp_path, monkeypatch, n, failing
):
    monkeypatch.setattr(store_layout, "CHUNK", 100)
    write = Columns._write
    calls = 0

    def interrupted(columns, first, data):
        nonlocal calls
        calls += 1
        write(columns, first, data)
        if calls == failing:
            raise KeyboardInterrupt

    path = tmp_path / "run.zarr"

    def run():
        with RunStore.create(path, {}, commit_every=1e9) as store:
            spikes = store.spikes("exc", 2**20, 0.1)
            monkeypatch.setattr(Columns, "_write", interrupted)
            for first in range(0, 100 * n, n):
                spikes.append(np.arange(first, first + n), np.arange(first, first + n))

    with pytest.raises(KeyboardInterrupt):
        run()
    read = xr.open_zarr(path, group="spikes/exc").load()
    assert read_manifest(path)["status"] == "interrupted"
    np.testing.assert_array_equal(read.t, np.arange(read.sizes["spike"]))
    np.testing.assert_array_equal(read.neuron, read.t)
    assert read.trial_offset.values.tolist() == [0, read.sizes["spike"]]


def test_an_interrupt_while_a_group_is_made_leaves_no_half_of_it(tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    store_array = store_layout.store_array

    def interrupted(group, name, *args, **kwargs):
        if name == "post":
            raise KeyboardInterrupt
        store_array(group, name, *args, **kwargs)

    monkeypatch.setattr(store_layout, "store_array", interrupted)

    def run():
        with RunStore.create(path, {}) as store:
            store.spikes("exc", 5, 0.1).append([1], [2])
            store.weights("a-b", [1, 2], [3, 4])

    with pytest.raises(KeyboardInterrupt):
        run()
    with xr.open_datatree(path, engine="zarr") as tree:
        assert tree["spikes/exc"].sizes["spike"] == 1
        assert "/weights/a-b" not in tree.groups
