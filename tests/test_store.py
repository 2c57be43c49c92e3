"""The run store: what is appended is what plain xarray reads, exactly."""

import json
import math
import os
import re
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmentum.simcore.errors import DataError, DescriptionError, StoreError, TegmentumError
from tegmentum.simcore.installed import install_line
from tegmentum.simcore.record import layout as store_layout
from tegmentum.simcore.record.store import RunStore, open_run, read_manifest, summarise
from tegmentum.simcore.record.target import LocalTarget
from tegmentum.simcore.record.tree import Array

CONFIG = {"seed": 3, "threads": 2, "dataset": "digits"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.zarr"


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(store_layout, "CHUNK", 100)


def group(path, name):
    return xr.open_zarr(path, group=name).load()


# what is written is what is read


def test_spikes_come_back_exactly(path):
    rng = np.random.default_rng(0)
    tick = np.sort(rng.integers(0, 2**40, 5000))
    neuron = rng.integers(0, 1000, 5000)
    with RunStore.create(path, CONFIG) as store:
        spikes = store.spikes("exc", n_neurons=1000, dt=0.1)
        spikes.append(tick[:3000], neuron[:3000])
        spikes.end_trial(n_ticks=10_000)
        spikes.append(tick[3000:], neuron[3000:])
        spikes.end_trial(n_ticks=10_000)
    read = group(path, "spikes/exc")
    assert read.t.dtype == np.int64
    assert read.neuron.dtype == np.uint32
    assert read.trial_offset.dtype == np.int64
    np.testing.assert_array_equal(read.t, tick)
    np.testing.assert_array_equal(read.neuron, neuron)
    assert read.trial_offset.values.tolist() == [0, 3000, 5000]
    assert read.trial_ticks.values.tolist() == [10_000, 10_000]
    assert read.attrs == {"kind": "spikes", "n_neurons": 1000, "tick_ms": 0.1}


def test_spikes_of_neuron_zero_at_tick_zero_are_no_missing_values(path):
    with RunStore.create(path, CONFIG) as store:
        store.spikes("exc", 1, 0.1).append(np.zeros(7, int), np.zeros(7, int))
    read = group(path, "spikes/exc")
    assert read.t.values.tolist() == read.neuron.values.tolist() == [0] * 7
    assert "_FillValue" not in read.neuron.encoding


def test_a_run_without_trials_is_one_trial(path):
    with RunStore.create(path, CONFIG) as store:
        store.spikes("exc", 5, 0.1).append([1, 2], [3, 4])
        store.spikes("silent", 5, 0.1)
    assert group(path, "spikes/exc").trial_offset.values.tolist() == [0, 2]
    assert group(path, "spikes/silent").trial_offset.values.tolist() == [0, 0]
    assert group(path, "spikes/silent").t.shape == (0,)


def test_weights_come_back_with_their_synapses(path):
    pre, post = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    w = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 12)
    with RunStore.create(path, CONFIG) as store:
        weights = store.weights("in-out", pre, post, delay=15, unit="mV", n_pre=9)
        weights.snapshot(0, w[0])
        weights.snapshot(10, w[1])
    read = group(path, "weights/in-out")
    assert read.w.dtype == np.float32
    assert read.pre.dtype == read.post.dtype == np.uint32
    np.testing.assert_array_equal(read.w, w)
    np.testing.assert_array_equal(read.w.sel(snapshot=10).pre, pre)
    np.testing.assert_array_equal(read.post, post)
    assert read.delay.values.tolist() == [15] * 12
    assert read.w.attrs["units"] == "mV"
    assert (read.attrs["n_pre"], read.attrs["n_post"]) == (9, 4)


def test_modulators_are_selected_by_the_name_of_their_channel(path):
    with RunStore.create(path, CONFIG) as store:
        levels = store.modulators("hidden", ["dopamine", "ach"], 3, time_name="epoch")
        levels.append(1, [[1, 2, 3], [4, 5, 6]])
        levels.append([2, 3], 0.5)
    read = group(path, "modulators/hidden")
    assert read.level.sel(channel="ach", time=1).values.tolist() == [4, 5, 6]
    assert read.level.sel(time=3).values.tolist() == [[0.5] * 3] * 2
    assert read.time.attrs["long_name"] == "epoch"


def test_traces_take_blocks_and_single_samples(path):
    v = np.arange(12, dtype=np.float32).reshape(4, 3)
    with RunStore.create(path, CONFIG) as store:
        trace = store.trace("exc_v", {"v": "mV"}, neurons=[5, 0, 7], tick_ms=0.1)
        trace.append([0, 10, 20], v=v[:3])
        trace.append(30, v=v[3])
    read = group(path, "traces/exc_v")
    np.testing.assert_array_equal(read.v, v)
    assert read.v.sel(neuron=7, time=3.0) == 11
    assert read.v.attrs["units"] == "mV"


def test_the_root_table_is_what_open_zarr_shows(path):
    columns = {
        "accuracy": ("float64", "fraction"),
        "wall": ("float64", "seconds"),
        "confusion": ("int64", "", ("label", "prediction"), (2, 2)),
    }
    with RunStore.create(path, CONFIG) as store:
        table = store.table("", dim="epoch", columns=columns)
        table.append(epoch=1, accuracy=0.5, confusion=[[1, 2], [3, 4]])
        table.append(epoch=2, accuracy=0.75, wall=2.5, confusion=np.eye(2, dtype=int))
    read = xr.open_zarr(path)
    assert read.accuracy.sel(epoch=2) == 0.75
    assert math.isnan(read.wall.sel(epoch=1))
    assert read.wall.dtype == np.float64  # "seconds" would make it a time span
    assert read.confusion.sel(epoch=1).values.tolist() == [[1, 2], [3, 4]]


def test_the_whole_tree_opens(path):
    with RunStore.create(path, CONFIG) as store:
        store.table("", "epoch", {"accuracy": ("float64", "")}).append(epoch=1, accuracy=1)
        store.table("learning", "task", {"accuracy": ("float64", "")}).append(task=0, accuracy=1)
        store.spikes("exc", 5, 0.1).append([1], [2])
        store.modulators("exc", ["dopamine"], 1, time_name="epoch").append([1, 2], 0)
    with open_run(path) as tree, xr.open_datatree(path, engine="zarr") as plain:
        assert set(tree.groups) == {
            *("/", "/learning", "/spikes", "/spikes/exc", "/modulators", "/modulators/exc"),
        }
        xr.testing.assert_identical(tree, plain)
        assert tree.attrs["config"] == CONFIG


# buffers and chunks


@pytest.mark.usefixtures("small_chunks")
def test_only_whole_chunks_are_written_before_a_commit(path, monkeypatch):
    written = []
    write = Array.write

    def spy(array, target, first, data, also=()):
        written.append((array.name, first, len(data)))
        write(array, target, first, data, also)

    monkeypatch.setattr(Array, "write", spy)
    store = RunStore.create(path, CONFIG, commit_every=math.inf)
    spikes = store.spikes("exc", 10, 0.1)
    for n in (30, 60, 45, 250, 1, 99, 0, 15, 7):  # 507 in all, of which seven still wait
        spikes.append(np.arange(n), np.zeros(n, int))
    store.writer.wait()
    assert {(first % 100, n % 100) for _, first, n in written} == {(0, 0)}
    assert sum(n for name, _, n in written if name == "t") == 500
    store.close()
    assert group(path, "spikes/exc").sizes["spike"] == 507


action = st.one_of(st.integers(0, 350), st.sampled_from(["commit", "end_trial"]))


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=30, deadline=None)
@given(actions=st.lists(action, max_size=12))
def test_any_way_of_appending_gives_the_same_arrays(actions, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run.zarr"
    n, edges = 0, [0]
    with RunStore.create(path, CONFIG) as store:
        spikes = store.spikes("exc", 2**32, 0.1)
        for act in actions:
            if act == "commit":
                store.commit()
                assert group(path, "spikes/exc").sizes["spike"] == n
            elif act == "end_trial":
                spikes.end_trial()
                edges.append(n)
            else:
                spikes.append(np.arange(n, n + act), np.arange(n, n + act) * 7)
                n += act
    read = group(path, "spikes/exc")
    np.testing.assert_array_equal(read.t, np.arange(n))
    np.testing.assert_array_equal(read.neuron, np.arange(n) * 7)
    assert read.trial_offset.values.tolist() == (edges if len(edges) > 1 else [0, n])


def test_codecs_and_chunks_are_those_that_were_measured(path):
    with RunStore.create(path, CONFIG) as store:
        store.spikes("exc", 5, 0.1)
        store.weights("a-b", [0, 1], [0, 1]).snapshot(0, [1, 2])
    root = store_layout.open_committed(path)
    forms = {}
    for name in ("spikes/exc/t", "spikes/exc/neuron", "weights/a-b/w"):
        (codec,) = root[name].compressors
        form = codec.to_dict()["configuration"]  # the fields themselves are enums in some versions of zarr
        forms[name] = root[name].chunks, form["cname"], form["shuffle"]
    assert forms == {
        "spikes/exc/t": ((2**17,), "zstd", "shuffle"),
        "spikes/exc/neuron": ((2**17,), "lz4", "bitshuffle"),
        "weights/a-b/w": ((1, 2), "lz4", "bitshuffle"),
    }
    assert store_layout.chunk_shape(1, (3 * 2**20,)) == (1, 2**20)
    assert store_layout.chunk_shape(16, (4, 2**20)) == (16, 1, 2**16)


def test_appending_commits_once_the_last_commit_is_old(path):
    store = RunStore.create(path, CONFIG, commit_every=0)
    spikes = store.spikes("exc", 5, 0.1)
    spikes.append([1, 2], [3, 4])
    store.writer.wait()
    assert group(path, "spikes/exc").t.values.tolist() == [1, 2]


def test_what_belongs_together_is_committed_at_once(path):
    with RunStore.create(path, CONFIG, commit_every=0) as store:
        weights = store.weights("a-b", [0], [0])
        table = store.table("", "epoch", {"accuracy": ("float64", "fraction")})
        with store.together():
            table.append(epoch=1, accuracy=0.5)
            assert xr.open_zarr(path).sizes == {}
            weights.snapshot(1, [1.0])
            assert "/weights" not in xr.open_datatree(path, engine="zarr").groups
        assert xr.open_zarr(path).sizes == {"epoch": 1}
        assert group(path, "weights/a-b").sizes["snapshot"] == 1
        with pytest.raises(ZeroDivisionError), store.together():  # noqa: PT012
            table.append(epoch=2, accuracy=1 / 2)
            weights.snapshot(2, [1 / 0])
        assert xr.open_zarr(path).sizes == {"epoch": 1}
        table.append(epoch=3, accuracy=0.5)
        store.writer.wait()
        assert xr.open_zarr(path).sizes == {"epoch": 3}


def test_a_durable_store_holds_the_same_and_leaves_no_temporary_files(path):
    with RunStore.create(path, CONFIG, durable=True) as store:
        spikes = store.spikes("exc", 5, 0.1)
        spikes.append([1, 2], [3, 4])
        store.commit()
        spikes.append([5], [0])
    assert group(path, "spikes/exc").t.values.tolist() == [1, 2, 5]
    assert read_manifest(path)["status"] == "complete"
    assert not list(path.rglob("*.partial"))


def test_a_durable_commit_syncs_data_before_it_shows_them(path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def spy_sync(descriptor):
        done.append("sync")
        fsync(descriptor)

    def spy_replace(source, to):
        done.append(os.path.relpath(to, path))
        replace(source, to)

    with RunStore.create(path, CONFIG, durable=True) as store:
        monkeypatch.setattr(os, "fsync", spy_sync)
        monkeypatch.setattr(os, "replace", spy_replace)
        store.spikes("exc", 5, 0.1).append([1], [2])
        store.commit()
        monkeypatch.undo()
    files = [entry for entry in done if entry != "sync"]
    assert files[-1] == "zarr.json"
    assert {"spikes/exc/t/c.0", "spikes/exc/t/zarr.json"} <= set(files[:-1])
    for k, entry in enumerate(done):  # the file before its name, the name's folder after it
        if entry != "sync":
            assert done[k - 1] == done[k + 1] == "sync"


# the manifest


def test_the_manifest_tells_what_ran_and_how_it_ended(path):
    with RunStore.create(path, CONFIG):
        assert read_manifest(path)["status"] == "running"
    manifest = read_manifest(path)
    assert manifest["status"] == "complete"
    assert manifest["config"] == CONFIG
    assert (manifest["seed"], manifest["threads"]) == (3, 2)
    assert manifest["started"] <= manifest["ended"]
    assert manifest["argv"] == sys.argv
    assert manifest["versions"]["numpy"] == np.__version__
    json.dumps(manifest, allow_nan=False)


def test_paths_and_numpy_numbers_in_a_configuration_become_json(path, tmp_path):
    RunStore.create(path, {"dir": tmp_path, "lr": np.float32(0.5), "sizes": np.arange(2)}).close()
    assert read_manifest(path)["config"] == {"dir": str(tmp_path), "lr": 0.5, "sizes": [0, 1]}


@pytest.mark.parametrize("value", [math.nan, object(), {1, 2}])
def test_a_configuration_that_json_cannot_hold_is_refused_before_any_work(path, value):
    with pytest.raises(DescriptionError, match="config cannot be stored as JSON"):
        RunStore.create(path, {"a": value})
    assert not path.exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "interrupted"), (ValueError("no"), "failed: ValueError: no")],
)
def test_an_exception_keeps_what_was_recorded_and_says_how_the_run_ended(path, error, status):
    def run():
        with RunStore.create(path, CONFIG) as store:
            store.spikes("exc", 5, 0.1).append([1, 2], [3, 4])
            raise error

    with pytest.raises(type(error)):
        run()
    assert read_manifest(path)["status"] == status
    assert group(path, "spikes/exc").t.values.tolist() == [1, 2]


def test_an_explicit_status_wins_over_leaving_the_context(path):
    with RunStore.create(path, CONFIG) as store:
        store.close("stopped early")
    assert read_manifest(path)["status"] == "stopped early"


# creating and overwriting


def test_an_existing_run_is_only_replaced_by_force(path):
    RunStore.create(path, {"seed": 1}).close()
    with pytest.raises(StoreError, match=r"run\.zarr: exists; overwrite it with force"):
        RunStore.create(path, {"seed": 2})
    assert read_manifest(path)["seed"] == 1
    RunStore.create(path, {"seed": 2}, force=True).close()
    assert read_manifest(path)["seed"] == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["run.zarr"]


def test_force_deletes_nothing_but_run_stores_and_empty_directories(tmp_path):
    import zarr

    full, file, foreign = tmp_path / "full", tmp_path / "file", tmp_path / "foreign.zarr"
    full.mkdir()
    (full / "thesis.tex").write_text("years")
    file.write_text("work")
    zarr.create_group(foreign, attributes={"a": 1})
    RunStore.create(tmp_path / "run.zarr", CONFIG).close()
    link = tmp_path / "link.zarr"
    link.symlink_to(tmp_path / "run.zarr")
    for path in (full, file, foreign, link):
        with pytest.raises(StoreError, match="exists and is not a Tegmentum run store"):
            RunStore.create(path, CONFIG, force=True)
    assert (full / "thesis.tex").read_text() == "years"
    assert file.read_text() == "work"
    assert zarr.open_group(foreign, mode="r").attrs["a"] == 1
    assert read_manifest(link)["config"] == CONFIG

    (tmp_path / "empty").mkdir()
    RunStore.create(tmp_path / "empty", CONFIG, force=True).close()


def test_a_parent_that_is_missing_or_a_file_is_a_clear_error(tmp_path):
    with pytest.raises(StoreError, match="cannot be created: No such file"):
        RunStore.create(tmp_path / "nowhere" / "run.zarr", CONFIG)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be created: Not a directory"):
        RunStore.create(tmp_path / "file" / "run.zarr", CONFIG)


# errors of the recorders


@pytest.mark.parametrize(
    ("tick", "neuron", "message"),
    [
        ([1], [5], r"neurons must lie in \[0, 5\), got 5 to 5"),
        ([1], [-1], r"neurons must lie in \[0, 5\), got -1"),
        ([1.5], [1], "column 't': expected integers, got float64"),
        ([1, 2], [1], "must be equally long"),
        ([[1]], [1], r"column 't': expected the shape \(n\), got \(1, 1\)"),
    ],
)
def test_spikes_that_cannot_be_are_refused_and_leave_no_trace(path, tick, neuron, message):
    with RunStore.create(path, CONFIG) as store:
        spikes = store.spikes("exc", 5, 0.1)
        with pytest.raises(DataError, match=message):
            spikes.append(tick, neuron)
    assert group(path, "spikes/exc").sizes["spike"] == 0


def test_columns_must_be_known_and_complete(path):
    with RunStore.create(path, CONFIG) as store:
        table = store.table("", "epoch", {"hits": ("int64", ""), "loss": ("float64", "")})
        with pytest.raises(
            DataError,
            match=re.escape("expected the columns ['epoch', 'hits', 'loss'], got ['epoch', 'loss']"),
        ):
            table.append(epoch=1)
        with pytest.raises(DataError, match="column 'x': expected"):
            store.table("more", "row", {"x": "float64"})
        with pytest.raises(StoreError, match="leave out 'since'"):
            store.table("more", "row", {"x": ("float64", "days since 1970-01-01")})
        store.table("more", "row", {"x": ("float64", "days")})  # the failures left nothing behind


def test_a_group_is_declared_once_and_named_sensibly(path):
    with RunStore.create(path, CONFIG) as store:
        store.spikes("exc", 5, 0.1)
        with pytest.raises(StoreError, match="'spikes/exc' is already being recorded"):
            store.spikes("exc", 5, 0.1)
        for name in ("", "..", "a/../b", "__x", "a\\b", "a\n", "zarr.json"):
            with pytest.raises(StoreError, match="cannot be the name"):
                store.spikes(name, 5, 0.1)


def test_a_dimension_that_xarray_could_not_align_is_refused(path):
    with RunStore.create(path, CONFIG) as store:
        store.table("", "epoch", {"accuracy": ("float64", "", ("label",), (3,))})
        with pytest.raises(StoreError, match="both have a dimension 'epoch'"):
            store.table("learning", "epoch", {"accuracy": ("float64", "")})
        with pytest.raises(StoreError, match="both have a dimension 'label'"):
            store.table("learning", "task", {"accuracy": ("float64", "", ("label",), (4,))})
        store.table("learning", "task", {"accuracy": ("float64", "", ("label",), (3,))})
    open_run(path).close()


def test_a_closed_store_takes_nothing_more(path):
    store = RunStore.create(path, CONFIG)
    spikes = store.spikes("exc", 5, 0.1)
    store.close()
    store.close()
    for act in (lambda: spikes.append([1], [1]), spikes.end_trial, store.commit):
        with pytest.raises(StoreError, match="is closed"):
            act()


def test_a_full_disk_is_a_clear_error_beside_the_one_that_ended_the_run(path, monkeypatch):
    def full(target, path, data):
        raise OSError(28, "No space left on device")

    def run():
        with RunStore.create(path, CONFIG) as store:
            spikes = store.spikes("exc", 5, 0.1)
            monkeypatch.setattr(LocalTarget, "_write", full)
            spikes.append([1], [1])
            store.commit()

    with pytest.raises(StoreError, match="cannot write: No space left on device") as caught:
        run()
    assert "the run store could not be closed" in caught.value.__notes__[0]


# readers


def test_the_summary_counts_and_averages(path):
    with RunStore.create(path, CONFIG) as store:
        spikes = store.spikes("exc", 10, 0.1)
        for _ in range(2):
            spikes.append(np.arange(50), np.arange(50) % 10)
            spikes.end_trial(n_ticks=5000)
        store.spikes("unknown", 10, 0.1).append([1], [1])
        store.weights("in-exc", [0, 1], [1, 0], unit="mV").snapshot(4, [1, 2])
        store.modulators("exc", ["dopamine"], 2).append(0, 1)
        store.trace("exc_v", {"v": "mV"}, [0, 1], 0.1).append(0, v=[1, 2])
        store.table("", "epoch", {"accuracy": ("float64", "fraction")}).append(epoch=1, accuracy=0.5)
    summary = summarise(path)
    json.dumps(summary, allow_nan=False)
    assert summary["status"] == "complete"
    assert summary["bytes"] == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    for kind in ("spikes", "weights", "modulators", "traces", "tables"):
        for entry in summary[kind].values():
            assert entry.pop("bytes") > 0
    assert summary["spikes"]["exc"] == {
        **{
            "n_neurons": 10,
            "n_recorded": 10,
            "window_ms": None,
            "tick_ms": 0.1,
            "n_spikes": 100,
            "n_trials": 2,
        },
        **{"duration_ms": 1000.0, "mean_rate": 10.0},
    }
    assert summary["spikes"]["unknown"]["mean_rate"] is None
    assert summary["weights"]["in-exc"] == {
        **{
            "n_synapses": 2,
            "n_pre": 2,
            "n_post": 2,
            "unit": "mV",
            "n_snapshots": 1,
            "first_and_last": [4, 4],
        },
    }
    assert summary["modulators"]["exc"]["channels"] == ["dopamine"]
    assert summary["traces"]["exc_v"]["variables"] == {"v": "mV"}
    assert summary["tables"][""]["last"] == {"epoch": 1, "accuracy": 0.5}


def rewrite(path, change):
    root = json.loads((path / "zarr.json").read_text())
    change(root)
    (path / "zarr.json").write_text(json.dumps(root))


@pytest.mark.parametrize("read", [open_run, read_manifest, summarise])
def test_what_is_no_readable_run_is_a_clear_error(read, tmp_path, path):
    with pytest.raises(StoreError, match="no such run store"):
        read(path)
    with pytest.raises(StoreError, match="not a Zarr v3 store"):
        read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="not a Zarr v3 store"):
        read(tmp_path / "file")

    RunStore.create(path, CONFIG).close()
    rewrite(path, lambda root: root["attributes"].update(tegmentum_schema=99))
    with pytest.raises(StoreError, match=r"store schema 99, .* reads schemas up to 3"):
        read(path)
    rewrite(path, lambda root: root["attributes"].update(tegmentum_schema="x"))
    with pytest.raises(StoreError, match="damaged, tegmentum_schema"):
        read(path)
    rewrite(path, lambda root: root["attributes"].pop("tegmentum_schema"))
    with pytest.raises(StoreError, match="a Zarr store, but not a Tegmentum run"):
        read(path)
    rewrite(path, lambda root: root.update(node_type="array"))
    with pytest.raises(StoreError, match="not the root of a Zarr v3 store"):
        read(path)
    (path / "zarr.json").write_text('{"zarr_for')
    with pytest.raises(StoreError, match=r"damaged, zarr\.json is not valid JSON"):
        read(path)


def test_damaged_array_metadata_is_a_clear_error(path):
    with RunStore.create(path, CONFIG) as store:
        store.spikes("exc", 5, 0.1)
    rewrite(path, lambda root: root["consolidated_metadata"]["metadata"]["spikes/exc/t"].pop("shape"))
    with pytest.raises(StoreError, match="damaged"):
        summarise(path)


def test_without_xarray_opening_says_what_to_install(path, monkeypatch):
    RunStore.create(path, CONFIG).close()
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(TegmentumError, match=re.escape(install_line("analysis"))):
        open_run(path)
