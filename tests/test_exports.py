"""Runs in other formats, read back by each format's own library and held against the store, bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tegmentum.simcore.errors import DescriptionError, StoreError, TegmentumError
from tegmentum.simcore.record.exports import FORMATS, export, to_neo
from tegmentum.simcore.record.exports import content as contents
from tegmentum.simcore.record.reader import open_run
from tegmentum.simcore.record.store import RunStore

pytest.importorskip("xarray", reason="xarray, of the extra [analysis], is not installed")
TICK, N, LENGTHS = 0.1, {"exc": 30, "inh": 7}, (400, 250, 400)
NAMES = {"neo": "out.pkl", "nwb": "out.nwb"}


def library(name, extra):
    return pytest.importorskip(name, reason=f"{name}, of the extra [{extra}], is not installed")


@pytest.fixture(scope="module")
def spikes():
    """Ticks and neurons by population and trial; some at 0, some at the very end, several at once."""
    rng, found = np.random.default_rng(3), {}
    for name, n in N.items():
        for k, length in enumerate(LENGTHS):
            tick = np.sort(np.concatenate([[0, length], rng.integers(0, length + 1, 90)]))
            found[name, k] = (
                tick,
                rng.integers(0, n - 1, len(tick)).astype(np.uint32),
            )  # the last neuron is silent
    return found


def write_spikes(store, spikes, trials=range(3), labels=("label",)):
    for name, n in N.items():
        group = store.spikes(name, n, TICK, trial=labels)
        for k in trials:
            group.append(*spikes[name, k])
            group.end_trial(LENGTHS[k], **dict.fromkeys(labels, 5 - k))


@pytest.fixture(scope="module")
def trials(tmp_path_factory, spikes):
    """A store with nothing but spikes in three trials."""
    path = tmp_path_factory.mktemp("trials") / "run.zarr"
    with RunStore.create(path, {"seed": 4}) as store:
        write_spikes(store, spikes)
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory, spikes):
    """A store with one trial and everything else."""
    path = tmp_path_factory.mktemp("full") / "run.zarr"
    rng = np.random.default_rng(5)
    with RunStore.create(path, {"seed": 4}) as store:
        write_spikes(store, spikes, [0], ())
        pre, post = rng.integers(0, 30, 50), rng.integers(0, 7, 50)
        weights = store.weights("exc-inh", pre, post, 15 * TICK, "mV", 30, 7)
        for epoch in range(3):
            weights.snapshot(epoch, rng.random(50).astype(np.float32))
        store.levels("dopamine", 2, TICK).append(10, [0.25, 0.5])
        store.trace("v", {"v": "mV"}, [3, 4], TICK).append([1, 2], v=rng.random((2, 2)))
        store.table("", "epoch", {"accuracy": ("float64", "")}).append(epoch=1, accuracy=0.5)
    return path


def written(store, to, tmp_path, **options):
    return export(store, to, tmp_path / NAMES.get(to, "out"), **options)


# ------------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("name", ["out.pkl", "out.nix"])
def test_neo(trials, spikes, tmp_path, name):
    neo = library("neo", "neo")
    library("nixio", "neo")
    export(trials, "neo", path := tmp_path / name)
    if name.endswith("pkl"):
        block = neo.io.PickleIO(str(path)).read_block()
    else:
        with neo.io.NixIO(str(path), "ro") as file:
            block = file.read_block()
    assert json.loads(block.annotations["tegmentum"])["config"] == {"seed": 4}
    assert [segment.annotations["label"] for segment in block.segments] == [5, 4, 3]
    for k, segment in enumerate(block.segments):
        assert len(segment.spiketrains) == sum(N.values())
        for train in segment.spiketrains:
            tick, neuron = spikes[train.annotations["population"], k]
            assert train.units.dimensionality.string == "ms"
            assert (float(train.t_start), float(train.t_stop)) == (0.0, LENGTHS[k] * TICK)
            expected = tick[neuron == train.annotations["neuron"]] * TICK
            np.testing.assert_array_equal(train.magnitude, expected, strict=True)


def end_to_end(spikes, name, neuron):
    """Ticks of one neuron, trials a tick apart."""
    starts = np.concatenate([[0], np.cumsum(np.array(LENGTHS) + 1)[:-1]])
    return np.concatenate(
        [spikes[name, k][0][spikes[name, k][1] == neuron] + s for k, s in enumerate(starts)]
    )


def test_nwb(trials, spikes, tmp_path):
    pynwb = library("pynwb", "nwb")
    path = written(trials, "nwb", tmp_path)
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        assert json.loads(file.notes)["config"] == {"seed": 4}
        units = file.units.to_dataframe()
        table = file.trials.to_dataframe()
    assert len(units) == sum(N.values())
    for row in units.itertuples():
        tick = end_to_end(spikes, row.population, row.neuron)
        np.testing.assert_array_equal(row.spike_times, tick * TICK / 1000)
        np.testing.assert_array_equal(np.rint(row.spike_times / (TICK / 1000)).astype(int), tick)
        np.testing.assert_array_equal(row.obs_intervals, table[["start_time", "stop_time"]])
    assert table["label"].tolist() == [5, 4, 3]
    assert (table["start_time"].values == np.array([0, 401, 652]) * TICK / 1000).all()


def test_pynapple(trials, spikes, tmp_path):
    nap = library("pynapple", "pynapple")
    path = written(trials, "pynapple", tmp_path)
    for name, n in N.items():
        group = nap.load_file(str(path / f"{name}.npz"))
        assert list(group.keys()) == list(range(n))
        for neuron in range(n):
            tick = end_to_end(spikes, name, neuron)
            times = group[neuron].times()
            np.testing.assert_array_equal(times, tick * TICK / 1000)
            np.testing.assert_array_equal(np.rint(times / (TICK / 1000)).astype(int), tick)
    found = nap.load_file(str(path / "trials.npz"))
    assert found["label"].tolist() == [5, 4, 3]
    first = nap.load_file(str(path / "exc.npz")).restrict(found[1])
    assert sum(len(first[k]) for k in first) == len(spikes["exc", 1][0])


def test_parquet_of_trials(trials, spikes, tmp_path):
    parquet = library("pyarrow.parquet", "parquet")
    path = written(trials, "parquet", tmp_path)
    for name in N:
        table = parquet.read_table(path / "spikes" / name / "spike.parquet")
        assert table.schema.field("time").metadata[b"units"] == b"ms"
        tick, neuron = (np.concatenate([spikes[name, k][i] for k in range(3)]) for i in (0, 1))
        np.testing.assert_array_equal(table["t"].to_numpy(), tick, strict=True)
        np.testing.assert_array_equal(table["neuron"].to_numpy(), neuron, strict=True)
        np.testing.assert_array_equal(table["time"].to_numpy(), tick * TICK)
        np.testing.assert_array_equal(table["trial"].to_numpy(), np.repeat(range(3), 92))
        of_trials = parquet.read_table(path / "spikes" / name / "trial.parquet")
        assert of_trials["label"].to_pylist() == [5, 4, 3]
        assert of_trials["trial_ticks"].to_pylist() == list(LENGTHS)


def test_parquet_holds_every_number_of_a_store(full, tmp_path):
    parquet = library("pyarrow.parquet", "parquet")
    path, seen = written(full, "parquet", tmp_path), 0
    with open_run(full) as tree:
        for node in tree.subtree:
            for name, variable in node.to_dataset(inherit=False).variables.items():
                dims = "-".join(variable.dims) or "scalars"
                column = parquet.read_table(path / node.path.strip("/") / f"{dims}.parquet")[name]
                if variable.dtype.kind == "f" or variable.dtype.kind in "iu":
                    np.testing.assert_array_equal(column.to_numpy(), variable.values.ravel(), strict=True)
                else:
                    assert column.to_pylist() == variable.values.ravel().tolist()
                seen += 1
    assert seen > 20
    assert json.loads((path / "manifest.json").read_text())["config"] == {"seed": 4}


def test_sonata(full, spikes, tmp_path):
    library("h5py", "sonata")
    libsonata = library("libsonata", "test")
    path = written(full, "sonata", tmp_path, drop=["history", "levels", "traces", "tables"])
    reader = libsonata.SpikeReader(str(path / "spikes.h5"))
    for name in N:
        tick, neuron = spikes[name, 0]
        found = reader[name]
        assert found.time_units == "ms"
        assert found.sorting == "by_time"
        assert found.get() == list(zip(neuron, tick * TICK, strict=True))
        assert libsonata.NodeStorage(str(path / "nodes.h5")).open_population(name).size == N[name]
    edges = libsonata.EdgeStorage(str(path / "edges.h5")).open_population("exc-inh")
    assert (edges.source, edges.target, edges.size) == ("exc", "inh", 50)
    everything = edges.select_all()
    with open_run(full) as tree:
        w = tree.run.weights("exc-inh")
        np.testing.assert_array_equal(edges.get_attribute("syn_weight", everything), w.values, strict=True)
        np.testing.assert_array_equal(edges.source_nodes(everything), w["pre"])
        np.testing.assert_array_equal(edges.target_nodes(everything), w["post"])
    assert set(edges.get_attribute("delay", everything)) == {15 * TICK}
    config = libsonata.CircuitConfig.from_file(str(path / "circuit_config.json"))
    assert config.node_populations == set(N)


def test_sonata_of_trials_laid_end_to_end(trials, spikes, tmp_path):
    h5py = library("h5py", "sonata")
    path = written(trials, "sonata", tmp_path, drop=["trials"])
    with h5py.File(path / "spikes.h5") as file:
        times, nodes = file["spikes/exc/timestamps"][:], file["spikes/exc/node_ids"][:]
    assert (np.diff(times) >= 0).all()
    for neuron in range(N["exc"]):
        np.testing.assert_array_equal(times[nodes == neuron], end_to_end(spikes, "exc", neuron) * TICK)


# -------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("to", ["neo", "nwb", "pynapple", "sonata"])
def test_what_a_format_cannot_hold_is_refused_by_name(full, tmp_path, to):
    if to == "sonata":
        library("h5py", to)
    else:
        library({"nwb": "pynwb"}.get(to, to), to)
    lost = ["history", "levels", "traces", "tables"] + (["weights"] if to != "sonata" else [])
    with pytest.raises(StoreError, match=f"{to} cannot hold") as caught:
        written(full, to, tmp_path)
    for part in lost:
        assert f"{part} (" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    written(full, to, tmp_path, drop=lost)
    assert [path.name for path in tmp_path.iterdir()] == [NAMES.get(to, "out")]


def test_trials_are_refused_by_sonata(trials, tmp_path):
    library("h5py", "sonata")
    with pytest.raises(StoreError, match=r"sonata cannot hold trials \(3 of 'exc', label\)"):
        written(trials, "sonata", tmp_path)


def test_unknown_formats_suffixes_and_parts(trials, tmp_path):
    with pytest.raises(DescriptionError, match="one of neo, nwb, pynapple, parquet, sonata, got 'csv'"):
        export(trials, "csv", tmp_path / "out")
    with pytest.raises(DescriptionError, match=r"ends in \.nix or \.pkl, got 'out\.h5'"):
        export(trials, "neo", tmp_path / "out.h5")
    with pytest.raises(DescriptionError, match="must be some of trials, weights"):
        contents.content(trials, "parquet", [], ["wieghts"])


@pytest.mark.parametrize("to", FORMATS)
def test_a_missing_library_is_told_with_the_line_to_type(trials, tmp_path, to, monkeypatch):
    import sys

    for name in ("neo", "nixio", "pynwb", "pynapple", "pyarrow", "h5py"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(TegmentumError, match=rf"exporting to {to} needs .*\[{to}\]|needs .*pip install"):
        written(trials, to, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_without_force_and_never_a_strange_folder(trials, tmp_path):
    library("pyarrow", "parquet")
    out = written(trials, "parquet", tmp_path)
    with pytest.raises(StoreError, match="--force"):
        written(trials, "parquet", tmp_path)
    (out / "mark").touch()
    written(trials, "parquet", tmp_path, force=True)
    assert not (out / "mark").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(StoreError, match="not an export"):
        export(trials, "parquet", tmp_path / "mine", force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "mine"}


def test_a_failure_midway_leaves_what_was_there(trials, tmp_path, monkeypatch):
    library("pyarrow", "parquet")
    out = written(trials, "parquet", tmp_path)
    before = sorted(path.name for path in out.rglob("*"))
    module = __import__("tegmentum.simcore.record.exports.parquet", fromlist=["write_about"])
    monkeypatch.setattr(module, "write_about", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(StoreError, match="No space left"):
        written(trials, "parquet", tmp_path, force=True)
    assert sorted(path.name for path in out.rglob("*")) == before
    assert list(tmp_path.iterdir()) == [out]


def test_the_command(tegmentum, trials, full, tmp_path):
    library("pyarrow", "parquet")
    library("h5py", "sonata")
    assert tegmentum("export", trials, "--to", "parquet", "-o", "out").code == 0
    assert tegmentum("export", trials, "--to", "parquet", "-o", "out").code == 4
    assert tegmentum("export", trials, "--to", "parquet", "-o", "out", "--force").code == 0
    refused = tegmentum("export", full, "--to", "sonata", "-o", "so")
    assert (refused.code, "--drop levels,traces,history,tables" in refused.err) == (4, True)
    assert (
        tegmentum("export", full, "--to", "sonata", "-o", "so", "--drop", "history,levels,traces,tables").code
        == 0
    )
    assert tegmentum("export", full, "--to", "sonata", "-o", "so2", "--drop", "wights").code == 3
    assert tegmentum("export", trials, "--to", "csv", "-o", "x").code == 2


def test_a_run_that_goes_on_is_exported_as_the_last_commit_left_it(tmp_path):
    library("neo", "neo")
    store = RunStore.create(tmp_path / "run.zarr", {"start_tick": 100})
    group = store.spikes("exc", 3, TICK)
    group.append([101, 150], [0, 2])
    store.commit()
    group.append([170], [1])
    (segment,) = to_neo(tmp_path / "run.zarr").segments
    assert [len(train) for train in segment.spiketrains] == [1, 0, 1]
    assert (float(segment.t_start), float(segment.t_stop)) == (10.0, 15.0)
    store.close()
