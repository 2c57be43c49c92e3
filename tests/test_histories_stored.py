"""Histories in a store: memory that does not grow with a run, a killed process, files, and pictures."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from tegmentum.cli.plots.distribution import distribution
from tegmentum.cli.plots.levels import levels
from tegmentum.cli.plots.trajectories import trajectories
from tegmentum.simcore import Snapshots
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.replay import frames
from tegmentum.simcore.record.store import RunStore, summarise

xr = pytest.importorskip("xarray")
pytestmark = pytest.mark.slow

RUN = """
import functools, resource, sys
from tegmentum.plasticity import STDP
from tegmentum.simcore import LIF, FixedIndegree, Network, Poisson, Population, Projection, Record, Simulation
from tegmentum.simcore.record import store

ms, path, commit_every = float(sys.argv[1]), sys.argv[2], float(sys.argv[3])
store.RunStore.create = functools.partial(store.RunStore.create, commit_every=commit_every)
exc = Population("exc", 300, LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0))
learn = Projection(exc, exc, FixedIndegree(100), 0.02, 1.5, plasticity=STDP(w_max=0.04), name="learn")
s = Simulation(Network(exc, learn, Poisson(exc, rate=1_300.0, weight=0.6)), dt=0.1, seed=1)
s.run(ms, Record(weights={"learn": 5.0}), to=path)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def start(ms, path, commit_every):
    arguments = [sys.executable, "-c", RUN, str(ms), str(path), str(commit_every)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_memory_does_not_grow_with_the_run(tmp_path):
    """Ten times the run writes 240 MB of snapshots instead of 24; in memory they would double the process."""
    peaks = []
    for ms in (1_000, 10_000):
        out, _ = start(ms, tmp_path / f"{ms}.zarr", 5.0).communicate(timeout=300)
        peaks.append(int(out))
        with xr.open_datatree(tmp_path / f"{ms}.zarr", engine="zarr") as tree:
            assert tree["weights/learn"]["w"].shape == (ms // 5 + 1, 30_000)
    assert peaks[1] < 1.1 * peaks[0], peaks


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_run_keeps_its_snapshots(tmp_path):
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    start(500, whole, 5.0).communicate(timeout=300)
    deadline, found = time.monotonic() + 200, 0
    with start(1e6, cut, 0.05) as writer:
        try:
            while found < 60:
                assert writer.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
                if (cut / "zarr.json").exists():
                    with xr.open_datatree(cut, engine="zarr") as tree:
                        found = tree["weights/learn"].sizes["time"] if "/weights/learn" in tree.groups else 0
        finally:
            writer.kill()
    with xr.open_datatree(cut, engine="zarr") as killed, xr.open_datatree(whole, engine="zarr") as tree:
        a, b = killed["weights/learn"], tree["weights/learn"]
        assert killed.attrs["status"] == "running"
        assert len(a["tick"]) >= found
        n = min(len(a["tick"]), len(b["tick"]))
        np.testing.assert_array_equal(a["tick"][:n], b["tick"][:n])
        np.testing.assert_array_equal(a["w"][:n], b["w"][:n])
        assert np.isfinite(a["w"].values).all()


FILE = """
[simulation]
duration = 60.0

[populations.p]
size = 20
model = { type = "LIF", i_e = { type = "Uniform", low = 500.0, high = 1500.0 } }

[populations.da]
size = 2
model = { type = "LIF", i_e = 800.0 }

[modulators.dopamine]
n_levels = 3
releases = [{ population = "da", amount = 0.001 }]

[[projections]]
name = "learn"
pre = "p"
post = "p"
rule = { type = "FixedIndegree", k = 5 }
weight = 0.2
delay = 1.5
plasticity = { type = "DopamineSTDP", modulator = "dopamine" }

[[projections]]
pre = "p"
post = "da"
rule = { type = "AllToAll" }
weight = 0.0
delay = 1.5

[record.weights]
learn = 5.0

[record.eligibility]
learn = { every = 10.0, synapses = [3, 50], changed = true }

[record.modulators]
dopamine = 0.5
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(FILE)
    return path


def test_a_file_says_what_to_look_at(tegmentum, file, tmp_path):
    done = tegmentum("run", file)
    assert done.code == 0, done.err
    assert "histories" in done.err
    with xr.open_datatree(tmp_path / "net.zarr", engine="zarr") as tree:
        assert tree["weights/learn"]["w"].shape == (13, 100)
        assert np.ptp(tree["weights/learn"]["w"].values[-1]) > 0
        assert tree["eligibility/learn"]["synapse"].values.tolist() == [3, 50]
        assert tree["modulators/dopamine"]["level"].shape == (121, 1, 3)
    shown = tegmentum("inspect", "net.zarr").out
    assert "13 snapshots (0 to 60 ms) of 100 synapses, in mV" in shown
    assert "7 snapshots (0 to 60 ms) of 2 synapses, " in shown
    assert "dopamine at 3 subpopulations, 121 samples" in shown
    summary = json.loads(tegmentum("inspect", "net.zarr", "--json").out)
    assert summary["weights"]["learn"]["first_and_last"] == [0.0, 60.0]
    assert summary["eligibility"]["learn"]["n_changes"] >= 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("record.weights.lern=5.0", "record.weights: there is no plastic projection 'lern'; did you mean 'learn'?"),
        ("record.weights.p-da=5.0", "there is no plastic projection 'p-da'"),
        ("record.eligibility.p-da=5.0", "no projection under a neuromodulator called 'p-da'"),
        ("record.modulators.dopamin=5.0", "did you mean 'dopamine'?"),
        ("record.weights.learn=0.25", "weights of 'learn': every must be a multiple of dt"),
        ("record.modulators.dopamine=0.25", "'dopamine': every must be a multiple of dt"),
        ("record.weights.learn={ every = 5.0, synapses = [100] }", "synapses must be in [0, 100), got 100"),
        ("record.weights.learn={ every = 5.0, synapse = 3 }", "did you mean 'synapses'?"),
        ("record.weights.learn=-5.0", "record.weights.learn"),
    ],
)  # fmt: skip
def test_a_file_is_checked_before_anything_is_built(tegmentum, file, change, message):
    outcome = tegmentum("config", "check", file, "--set", change)
    assert outcome.code == 3
    assert message in " ".join(outcome.err.split())


@pytest.fixture
def store(tmp_path):
    """Three synapses of which one rises, whole and as changes; a level that jumps, and another modulator's many."""
    path = tmp_path / "run.zarr"
    synapses = {"synapse": [4, 5, 6], "pre": [0, 0, 1], "post": [1, 2, 0], "delay": [15, 15, 15]}
    sizes = {"n_pre": 2, "n_post": 3}
    with RunStore.create(path, {"seed": 7, "ms": 400.0}) as store:
        whole = store.snapshots("weights", "a-b", synapses, sizes, 0.1, "float32", "mV")
        changes = store.snapshots("weights", "c-d", synapses, sizes, 0.1, "float64", changed=True)
        eligibility = store.snapshots("eligibility", "a-b", synapses, sizes, 0.1, "float32")
        dopamine, many = store.levels("dopamine", 2, 0.1), store.levels("serotonin", 12, 0.1)
        changes.append(0, [0, 1, 2], [1.0, 2.0, 3.0])
        for k in range(5):
            whole.append(1000 * k, [1.0, 2.0, 3.0 + k])
            eligibility.append(1000 * k, [0.0, 0.0, 0.1 * k])
            dopamine.append(10 * k, [0.1, 0.1 + 0.2 * (k > 2)])
            many.append(10 * k, np.arange(12))
        for k in range(1, 5):
            changes.append(1000 * k, [2], [3.0 + k])
    return path


def test_changes_are_replayed_as_snapshots(store):
    import zarr

    root = zarr.open_group(store, mode="r")
    for name in ("a-b", "c-d"):
        got = [now.tolist() for now in frames(root[f"weights/{name}"], [0, 2, 3])]
        assert got == [[1, 2, 3], [1, 2, 5], [1, 2, 6]]
    assert summarise(store)["weights"]["c-d"]["n_changes"] == 7


@pytest.mark.parametrize("name", ["a-b", "c-d"])
def test_trajectories_are_those_recorded_with_their_mean(store, name):
    (axes,) = trajectories(store, "weights", [name], 2).axes
    *lines, mean = axes.lines
    assert [line.get_ydata().tolist() for line in lines] == [[1] * 5, [2] * 5]
    np.testing.assert_allclose(mean.get_ydata(), (6 + np.arange(5)) / 3)
    np.testing.assert_allclose(mean.get_xdata(), 100 * np.arange(5))
    assert axes.get_ylabel() == ("weight (mV)" if name == "a-b" else "weight")


def test_the_distribution_counts_every_synapse_at_every_time(store):
    figure = distribution(store, "weights", ["c-d"])
    axes = figure.axes[0]
    counts = axes.collections[0].get_array()
    assert counts.shape == (80, 5)
    assert counts.sum(axis=0).tolist() == [3] * 5
    medians = next(line for line in axes.lines if line.get_label() == "median")
    assert medians.get_ydata().tolist() == [2.0] * 5


def test_levels_are_lines_or_an_image_where_there_are_many(store):
    figure = levels(store, [])
    few, many = figure.axes[:2]
    np.testing.assert_allclose([line.get_ydata()[-1] for line in few.lines], [0.1, 0.3])
    assert many.collections[0].get_array().shape == (12, 5)
    assert (few.get_xlabel(), many.get_ylabel()) == ("time (ms)", "subpopulation")


@pytest.mark.parametrize("arguments", [
    ["trajectories"], ["trajectories", "--eligibility", "--synapses", "1"], ["distribution", "--projection", "c-d"],
    ["levels", "--modulator", "dopamine"], ["weights"],
])  # fmt: skip
def test_each_picture_is_written(tegmentum, store, tmp_path, arguments):
    done = tegmentum("plot", store, *arguments)
    assert done.code == 0, done.err
    assert (tmp_path / f"run-{arguments[0]}.png").read_bytes().startswith(b"\x89PNG")


def test_weights_over_epochs_have_trajectories_too(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        weights = store.weights("in-out", [0, 1], [0, 0])
        for epoch in range(3):
            weights.snapshot(epoch, [epoch, -epoch])
        store.weights("late", [0], [0])
        store.modulators("out", ["dopamine", "gain"], 9, "expected class", dim="expected_class").append(
            [0, 1], 0.5
        )
    (axes,) = trajectories(tmp_path / "run.zarr", "weights", ["in-out"], 9).axes
    assert axes.lines[0].get_ydata().tolist() == [0, 1, 2]
    assert axes.get_xlabel() == "epoch"
    first, second, *_ = levels(tmp_path / "run.zarr", []).axes
    assert (first.get_xlabel(), second.get_title(loc="left")) == ("expected class", "out, gain")
    for draw in (distribution, lambda *a: trajectories(*a, 5)):
        with pytest.raises(StoreError, match="'late': there are no synapses or no snapshot yet"):
            draw(tmp_path / "run.zarr", "weights", ["late"])
    with pytest.raises(StoreError, match="no eligibility were recorded"):
        distribution(tmp_path / "run.zarr", "eligibility", [])


def test_the_disk_that_snapshots_take_is_told(file):
    from tegmentum.cli.config import read, rehearsed
    from tegmentum.cli.options import history_bytes

    network, record, _ = rehearsed(read(file))
    assert history_bytes(record, network, 60.0, "float32") == 12 * (400 + 16) + 120 * (24 + 16)
    assert Snapshots(1.0, 8).count(5) == 5
    assert Snapshots(1.0, [1, 2]).count(5) == 2
