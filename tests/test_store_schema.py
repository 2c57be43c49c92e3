"""The layout of schema 3: times in ms, units, names; stores of schema 1 and damaged ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from tegmentum.simcore import LIF, Izhikevich, LIFCond, LIFExp, Network, Population, Record, Simulation, Trace
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.manifest import read_manifest
from tegmentum.simcore.record.store import RunStore, open_run, summarise

xr = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "run.zarr"
    p, q = Population("p", 5, LIF(i_e=1000.0)), Population("q", 2, LIF())
    result = Simulation(Network(p, q)).run(100.0, Record(["p"], {"v": Trace("p")}), to=path)
    return path, result


def test_times_are_ms_beside_exact_ticks(run):
    path, _ = run
    with open_run(path) as tree:
        trace = tree["traces/v"]
        assert trace["time"].attrs["units"] == "ms"
        at = trace["v"].sel(time=50.3)
        assert at["tick"] == 503
        assert trace["tick"].dtype == np.int64
        np.testing.assert_allclose(trace["time"], trace["tick"] * 0.1)
        spikes = tree["spikes/p"]
        assert "time" in spikes.coords
        np.testing.assert_allclose(spikes["time"], spikes["t"] * 0.1)


def test_the_root_of_a_run_shows_rates_counts_and_cost(run):
    path, result = run
    with xr.open_zarr(path) as root:
        assert root["population"].values.tolist() == ["p", "q"]
        assert root["n_spikes"].sel(population="p") == result.n_spikes["p"]
        assert root["rate"].sel(population="p") == pytest.approx(result.rates()["p"])
        assert root["rate"].attrs["units"] == "Hz"
        assert {"synaptic_events", "run_time", "model_time"} <= set(root)
        assert root["model_time"] == 100.0
    assert summarise(path)["populations"]["q"] == {"n_neurons": 2, "n_spikes": 0, "mean_rate": 0.0}


def undescribed(path):
    """Names of the arrays that do not say what they are, or, of numbers, in which unit."""
    root = zarr.open_group(path, mode="r")
    return [
        name
        for name, node in root.members(max_depth=None)
        if isinstance(node, zarr.Array)
        and not (
            node.attrs.get("long_name")
            and (node.metadata.data_type.to_native_dtype().kind not in "iuf" or node.attrs.get("units"))
        )
    ]


def test_every_array_of_a_run_has_a_unit_and_a_description(run):
    path, _ = run
    assert undescribed(path) == []
    assert zarr.open_group(path, mode="r")["traces/v/v"].attrs["units"] == "mV"


def test_so_have_those_of_every_recorder(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        store.spikes("p", 3, 1.0, trial=("label",))
        store.weights("a-b", [0], [0], delay=[1])
        store.modulators("p", ["dopamine"], 2)
        store.levels("q", 2, 0.1)
        known = {name: [0] for name in ("synapse", "pre", "post", "delay")}
        store.snapshots("weights", "c", known, {"n_pre": 1, "n_post": 1}, 0.1, np.float32)
        store.snapshots("eligibility", "c", known, {"n_pre": 1, "n_post": 1}, 0.1, np.float32, changed=True)
        store.trace("v", {"v": "mV"}, [0], 0.1)
        store.table("learning", "task", {"accuracy": ("float64", "fraction")})
    assert undescribed(tmp_path / "run.zarr") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("train", "--rule", "dopamine-stdp", "--hidden", "20", "--epochs", "1"),
        ("train", "--rule", "naca", "--hidden", "20", "--epochs", "1"),
        ("train", "--rule", "dopamine-columns", "--epochs", "1"),
        ("continual", "--dataset", "digits", "--rule", "naca", "--limit-train", "40"),
    ],
)
def test_so_have_those_of_training(tegmentum, tmp_path, command):
    limits = ("--limit-train", "40", "--limit-test", "20") if command[0] == "train" else ()
    done = tegmentum(*command, *limits, "--out", tmp_path / "run.zarr", "--threads", 1)
    assert done.code == 0, done.err
    assert undescribed(tmp_path / "run.zarr") == []


@pytest.mark.parametrize(
    ("model", "state", "unit"),
    [
        (LIFExp, "i_exc", "pA"),
        (LIFCond, "g_inh", "nS"),
        (LIFExp, "v", "mV"),
        (LIF, "refractory", "tick"),
        (Izhikevich, "u", "mV/ms"),
    ],
)
def test_models_know_the_units_of_their_state(model, state, unit):
    assert model.unit(state) == unit


def test_trials_have_their_labels_as_coordinates(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("p", 3, 1.0, trial=("label", "prediction"))
        for label in (4, 7):
            spikes.append([1, 2], [0, 2])
            spikes.end_trial(20, label=label, prediction=label + 1)
        store.modulators("p", ["dopamine"], 2, time_name="expected class", dim="expected_class").append(
            [0, 1], 1
        )
    with open_run(tmp_path / "run.zarr") as tree:
        assert tree["spikes/p"].coords["label"].values.tolist() == [4, 7]
        assert tree["spikes/p"].coords["prediction"].values.tolist() == [5, 8]
        assert tree["modulators/p"]["level"].dims == ("expected_class", "channel", "subpopulation")
        assert tree["modulators/p"]["level"].sel(expected_class=1).shape == (1, 2)


def old_store(path):
    """Write a store as schema 1 had it: ticks under ``time``, for traces and modulators alike."""
    root = zarr.open_group(path, mode="w", zarr_format=3)
    manifest = {
        "tegmentum_schema": 1, "status": "complete", "started": "2026-01-01T00:00:00+00:00", "ended": None,
        "seed": 1, "threads": 1, "argv": [], "versions": {}, "platform": "", "config": {},
    }  # fmt: skip
    root.update_attributes(manifest)

    def put(group, name, data, dims, **attrs):
        array = group.create_array(name, data=np.asarray(data), dimension_names=dims)
        array.update_attributes(attrs)

    trace = root.require_group("traces/v")
    trace.update_attributes({"kind": "traces", "tick_ms": 0.1, "n_neurons": 2})
    put(trace, "v", np.ones((3, 2), np.float32), ["time", "neuron"])
    put(trace, "time", np.array([1, 2, 3]), ["time"], units="tick", tick_ms=0.1)
    put(trace, "neuron", np.array([0, 1], np.uint32), ["neuron"])
    levels = root.require_group("modulators/p")
    levels.update_attributes({"kind": "modulators", "n_subpopulations": 2})
    put(levels, "level", np.ones((2, 1, 2), np.float32), ["time", "channel", "subpopulation"], units="1")
    put(levels, "time", np.array([0, 1]), ["time"], long_name="expected class")
    names = levels.create_array(
        "channel", shape=(1,), chunks=(1,), dtype=str, dimension_names=["channel"], fill_value=""
    )
    names[:] = np.array(["dopamine"])
    spikes = root.require_group("spikes/p")
    spikes.update_attributes({"kind": "spikes", "n_neurons": 2, "tick_ms": 0.1})
    put(spikes, "t", np.array([1, 2]), ["spike"], units="tick")
    put(spikes, "neuron", np.array([0, 1], np.uint32), ["spike"])
    put(spikes, "trial_offset", np.array([0, 2]), ["trial_edge"])
    put(spikes, "trial_ticks", np.array([10]), ["trial"])
    zarr.consolidate_metadata(root.store)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_stores_of_schema_1_still_read(tmp_path, tegmentum):
    path = tmp_path / "old.zarr"
    old_store(path)
    assert read_manifest(path)["tegmentum_schema"] == 1
    summary = summarise(path)
    assert summary["traces"]["v"]["n_samples"] == 3
    assert summary["traces"]["v"]["variables"].keys() == {"v"}
    assert summary["modulators"]["p"] | {"bytes": 0} == {
        "channels": ["dopamine"], "n_subpopulations": 2, "n_samples": 2, "time": "expected class", "bytes": 0,
    }  # fmt: skip
    with open_run(path) as tree:
        assert tree["traces/v"]["time"].values.tolist() == [1, 2, 3]
    assert tegmentum("inspect", path).code == 0
    assert tegmentum("plot", path, "raster").code == 0
    from tegmentum.cli.plots.traces import traces

    np.testing.assert_allclose(traces(path, [], [], [0]).axes[0].lines[0].get_xdata(), [0.1, 0.2, 0.3])
    assert tegmentum("watch", path).code == 0


@pytest.mark.slow
def test_damaged_chunks_are_errors_of_the_store(run, tmp_path, tegmentum):
    """Each chunk in turn truncated, overwritten and emptied."""
    import shutil

    path, _ = run
    copy = tmp_path / "copy.zarr"
    codes = set()
    chunks = sorted(f.relative_to(path) for f in path.rglob("*") if f.is_file() and f.name != "zarr.json")
    for chunk in chunks:
        for damage, read in (
            (lambda b: b[: len(b) // 2], ["inspect", copy]),
            (lambda b: b"\xff" * len(b), ["plot", copy, "raster", "--force"]),
            (lambda b: b"", ["inspect", copy]),
        ):
            shutil.copytree(path, copy, dirs_exist_ok=True)
            (copy / chunk).write_bytes(damage((path / chunk).read_bytes()))
            outcome = tegmentum(*read)
            codes.add(outcome.code)
            assert outcome.code in (0, 4), outcome.err
            assert outcome.code == 0 or "damaged" in outcome.err
    assert codes == {0, 4}
    text = json.loads((path / "zarr.json").read_text())
    text["consolidated_metadata"]["metadata"]["spikes/p/t"]["shape"] = "x"
    (copy / "zarr.json").write_text(json.dumps(text))
    with pytest.raises(StoreError, match="damaged"):
        summarise(copy)
