"""Runs whose stores are at URLs are stopped, killed and gone on with as those on disk are."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from kill_and_resume import NETWORK, arrays

from tegmentum.simcore import LIF, Network, Poisson, Population, Record, Simulation, Trace
from tegmentum.simcore.advance import progress
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record import checkpoints, saved
from tegmentum.simcore.record.manifest import committed_nodes, read_manifest
from tegmentum.simcore.record.store import RunStore
from tegmentum.simcore.record.target import LocalTarget, UrlTarget

pytest.importorskip("xarray")
fsspec = pytest.importorskip("fsspec", reason="needs tegmentum[remote]")
pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:(moto|boto|werkzeug|s3fs|aiobotocore|aiohttp|fsspec).*"
)

RECORD = Record(spikes=["exc"], traces={"v": Trace("exc", "v", [0, 5])}, every=0.5)


class Dropped(BaseException):
    """A process that ends between two instructions."""


def network():
    exc = Population("exc", 200, LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0))
    return Network(exc, Poisson(exc, rate=1_500.0, weight=0.5))


def cut(store, at, how, n_trials=1, ms=200.0):
    """Run, but stop, or be killed, once so much model time is over; checkpoints at every chance."""

    def press(done, total):
        if done >= at:
            raise how

    with pytest.raises(how):
        Simulation(network(), n_trials=n_trials, seed=3).run(
            ms, RECORD, to=store, progress=press, checkpoint_every=0.0
        )


def killed(store, at, n_trials=1):
    """Run until all writing suddenly ends, in the middle of a chunk: what follows is as if it had never been."""
    with pytest.MonkeyPatch.context() as patch:
        put, write = UrlTarget.put, saved.write
        left = [at]

        def dying(target, key, data):
            if left[0] <= 0:
                raise Dropped
            put(target, key, data)

        def counting(*arguments, **about):
            write(*arguments, **about)
            left[0] -= 1

        patch.setattr(UrlTarget, "put", dying)
        patch.setattr(saved, "write", counting)
        with pytest.raises(Dropped):
            Simulation(network(), n_trials=n_trials, seed=3).run(
                200.0, RECORD, to=store, checkpoint_every=0.0
            )
    assert read_manifest(store)["status"] == "running"


def same(one, other):
    first, second = arrays(one), arrays(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.fixture(autouse=True)
def every_report(monkeypatch):
    monkeypatch.setattr(progress, "_EVERY", 0.0)


@pytest.fixture(params=["memory", "s3"])
def url(request):
    name = request.node.name.replace("[", "-").strip("]")
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/{name}.zarr"
    return f"memory://{name}.zarr"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.zarr"
    simulation = Simulation(network(), seed=3)
    simulation.run(200.0, RECORD, to=path)
    return path, simulation.state()


@pytest.mark.parametrize("how", [KeyboardInterrupt, "killed"])
def test_a_run_at_a_url_goes_on(url, whole, how):
    killed(url, 6) if how == "killed" else cut(url, 60.0, how)
    assert len(checkpoints.numbers(checkpoints.folder_of(url))) == checkpoints.KEPT
    simulation, _ = Simulation.resume(url, network(), threads=2, checkpoint_every=1e9)
    same(whole[0], url)
    for key, values in simulation.state().items():
        np.testing.assert_array_equal(values, whole[1][key], err_msg=key)
    assert read_manifest(url)["status"] == "complete"
    Simulation.resume(url, network(), until=220.0)
    assert RunStore.reopen(url).close() is None


def test_what_a_kill_leaves_at_a_url_is_cleared_away(whole):
    url = "memory://left.zarr"
    killed(url, 3)
    target, folder = UrlTarget(url), checkpoints.folder_of(url)
    last = UrlTarget(folder).get(f"{checkpoints.numbers(folder)[-1]:08d}.npz")
    UrlTarget(folder).put(f"{checkpoints.numbers(folder)[-1] + 1:08d}.npz", last[: len(last) // 2])
    target.put("spikes/exc/t/c.99", b"of a chunk beyond the end")
    target.put("orphan/zarr.json", b"{}")
    target.put("spikes/orphan/c.0", b"")
    Simulation.resume(url, network())
    same(whole[0], url)
    nodes = committed_nodes(url)
    found = {key.rpartition("/")[0] for key in target.all_keys() if key.endswith("zarr.json")} - {""}
    assert found == nodes.keys()
    assert not [key for key in target.all_keys() if "orphan" in key or key.endswith("c.99")]


def test_spikes_of_several_trials_are_put_aside_at_the_url(tmp_path):
    one, url = tmp_path / "one.zarr", "memory://trials.zarr"
    Simulation(network(), n_trials=3, seed=3).run(200.0, RECORD, to=one)
    killed(url, 6, n_trials=3)
    pieces = UrlTarget(f"{checkpoints.folder_of(url)}/spikes")
    assert pieces.all_keys()
    pieces.put(f"{10**9:020d}", b"of a checkpoint that was lost")
    Simulation.resume(url, network(), threads=2)
    same(one, url)
    assert pieces.empty()
    with pytest.raises(StoreError, match="a complete run of several trials cannot be gone on with"):
        Simulation.resume(url, network(), until=400.0)


def test_a_state_is_saved_at_a_url_and_damage_is_told(tmp_path):
    simulation = Simulation(network(), seed=3)
    simulation.run(20.0)
    simulation.save("memory://states/at-20.npz")
    other = Simulation.load("memory://states/at-20.npz", network())
    for key, values in simulation.state().items():
        np.testing.assert_array_equal(values, other.state()[key], err_msg=key)
    data = bytearray(UrlTarget("memory://states").get("at-20.npz"))
    draw = np.random.default_rng(0)
    for at in draw.integers(len(data), size=60):
        changed = data.copy()
        changed[at] ^= 0xFF
        UrlTarget("memory://states").put("changed.npz", bytes(changed))
        try:
            found, _ = saved.read("memory://states/changed.npz")
        except StoreError:
            continue
        for key, values in simulation.state().items():  # a byte that says nothing: a date, say
            np.testing.assert_array_equal(values, found[key], err_msg=key)
    with pytest.raises(StoreError, match=r"memory://states/none\.npz: no such file"):
        Simulation.load("memory://states/none.npz", network())


def test_a_new_store_at_a_url_takes_the_old_ones_checkpoints_away():
    url = "memory://anew.zarr"
    cut(url, 20.0, KeyboardInterrupt)
    assert checkpoints.latest(url) is not None
    Simulation(network()).run(10.0, to=url, force=True)
    assert checkpoints.latest(url) is None
    assert UrlTarget(checkpoints.folder_of(url)).empty()


def test_files_are_listed_and_deleted_alike_wherever_they_are(tmp_path):
    for target in (LocalTarget(tmp_path / "a", durable=False), UrlTarget("memory://alike")):
        for key in ("zarr.json", "a/zarr.json", "a/b/c.0", "a/b/c.1"):
            target.put(key, b"x")
        target.delete(["a/b/c.1", "a/b/c.0"])
        assert target.all_keys() == ["a/zarr.json", "zarr.json"]
        target.put("a/b/c.0", b"y")
        assert target.get("a/b/c.0") == b"y"
        target.clear()
        assert target.all_keys() == []
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_the_command_line_goes_on_at_a_url(s3, tmp_path, tegmentum):
    """In processes of their own, one of which is killed."""
    url = f"{s3}/killed.zarr"
    (tmp_path / "net.toml").write_text(NETWORK)
    assert tegmentum("run", "net.toml", "--out", "whole.zarr", "--json").code == 0
    command = [sys.executable, "-P", "-m", "tegmentum.cli.main"]
    child = subprocess.Popen(
        [*command, "run", "net.toml", "--out", url, "--checkpoint-every", "0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        while child.poll() is None and (
            UrlTarget(url).get("zarr.json") is None or not checkpoints.numbers(checkpoints.folder_of(url))
        ):
            continue
    finally:
        child.kill()
        child.wait()
    found = tegmentum("resume", url, "--json")
    assert found.code == 0
    assert found.document["sim_ms"] == 2000.0
    same(tmp_path / "whole.zarr", url)
    again = tegmentum("resume", url)
    assert again.code == 3
    assert "is complete; to go on beyond 2000 ms" in again.err


def test_a_buckets_root_has_nothing_beside_it(s3):
    import s3fs

    s3fs.S3FileSystem().mkdir("root")
    root = s3.replace("bucket", "root")
    with pytest.raises(StoreError, match="has no place beside it for checkpoints"):
        Simulation(network()).run(10.0, to=root, checkpoint_every=1.0)
    Simulation(network()).run(10.0, to=root, force=True)
    assert read_manifest(root)["status"] == "complete"
