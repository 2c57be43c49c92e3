"""What a store tells: times in ms, units, labels of trials, what a run did; and stores of schema 1."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
import zarr

from tegmentum.simcore import LIF, Network, Population, Record, Simulation, Trace
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.store import RunStore, open_run, summarise
from tegmentum.simcore.store_layout import commit, store_array


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    cells = Population("cells", 3, LIF(i_e=300.0))
    record = Record(
        spikes=[cells], traces={"v": Trace(cells), "left": Trace(cells, "refractory", [1])}, every=0.5
    )
    path = tmp_path_factory.mktemp("store") / "run.zarr"
    result = Simulation(Network(cells), dt=0.1).run(60.0, record, to=path)
    return path, result


def test_traces_are_selected_by_ms(run):
    with open_run(run[0]) as tree:
        v = tree["traces/v"]["v"]
        assert v.sel(time=50.0).tick.item() == 500
        np.testing.assert_allclose(v.time, v.tick * 0.1)
        assert v.time.attrs["units"] == "ms"


def test_every_array_has_units(run):
    with open_run(run[0]) as tree:
        units = {
            f"{group.path}/{name}".replace("//", "/"): array.attrs.get("units")
            for group in tree.subtree
            for name, array in group.dataset.variables.items()
            if array.dtype.kind in "iuf"
        }
    assert units["/traces/v/v"] == "mV"
    assert units["/traces/left/refractory"] == "tick"
    assert units["/rate"] == "Hz"
    assert units["/spikes/cells/t"] == "tick"
    assert [name for name, unit in units.items() if unit is None] == []


def test_the_root_says_what_populations_did(run):
    path, result = run
    root = xr.open_zarr(path)
    assert root.n_spikes.sel(population="cells") == result.n_spikes["cells"] > 0
    assert root.rate.sel(population="cells") == result.rates()["cells"]
    assert root.n_neurons.values.tolist() == [3]
    assert root.attrs["synaptic_events"] == 0
    assert root.attrs["run_s"] > 0
    assert root.attrs["status"] == "complete"


def test_labels_are_coordinates_of_trials(tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        spikes = store.spikes("hidden", 4, 1.0, of_trials=("label", "prediction"))
        for k, label in enumerate([7, 3]):
            spikes.append([k], [0])
            spikes.end_trial(20, label=label, prediction=k)
    with open_run(path) as tree:
        lengths = tree["spikes/hidden"]["trial_ticks"]
        assert lengths.label.values.tolist() == [7, 3]
        assert lengths.prediction.values.tolist() == [0, 1]


def test_levels_are_along_time_or_along_what_they_depend_on(tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        store.modulators("a", ["dopamine"], 2, dim="expected_class").append([0, 1], 0.5)
        store.modulators("b", ["dopamine"], 2, tick_ms=0.1).append([0, 5], 0.5)
        with pytest.raises(DescriptionError, match="tick_ms goes with dim='time'"):
            store.modulators("c", ["dopamine"], 2)
    with open_run(path) as tree:
        assert tree["modulators/a/level"].dims[0] == "expected_class"
        assert tree["modulators/b/level"].sel(time=0.5).tick == 5
    assert summarise(path)["modulators"]["a"]["dim"] == "expected_class"


def test_stores_of_schema_1_are_read(tmp_path, tegmentum):
    """As version 0.1 wrote them: ticks as the coordinate ``time``, also where a class was meant; no root."""
    path = tmp_path / "old.zarr"
    with RunStore.create(path, {"seed": 3}) as store:
        spikes = store.spikes("exc", 2, 0.1)
        spikes.append([1, 2], [0, 1])
        spikes.end_trial(10)
    root = zarr.open_group(path, mode="r+", use_consolidated=False)

    def array(group, name, values, dims, **attrs):
        store_array(group, name, values, dims, attrs)

    trace = root.create_group("traces/v", attributes={"kind": "traces", "tick_ms": 0.1, "n_neurons": 1})
    array(trace, "neuron", np.zeros(1, np.uint32), ["neuron"])
    array(trace, "time", np.array([1, 2]), ["time"], units="tick", tick_ms=0.1)
    array(trace, "v", np.ones((2, 1), np.float32), ["time", "neuron"])
    group = root.create_group("modulators/exc", attributes={"kind": "modulators", "n_subpopulations": 1})
    array(group, "channel", np.array(["dopamine"], dtype="<U8"), ["channel"])
    array(group, "time", np.arange(2), ["time"], long_name="expected class")
    array(group, "level", np.ones((2, 1, 1), np.float32), ["time", "channel", "subpopulation"])
    commit(root)
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["tegmentum_schema"] = 1
    (path / "zarr.json").write_text(json.dumps(document))

    summary = summarise(path)
    assert summary["traces"]["v"]["n_samples"] == 2
    assert summary["modulators"]["exc"]["n_samples"] == 2
    assert tegmentum("inspect", path).code == 0
    assert tegmentum("plot", path, "raster", "--output", tmp_path / "r.png").code == 0
    with open_run(path) as tree:
        assert tree["traces/v/v"].sel(time=2).item() == 1.0
