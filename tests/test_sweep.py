"""Sweeps in Python: what is equal to serial runs, what is done once only, and what is refused before any run."""

from __future__ import annotations

import json
import sys
import threading
import types
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import xarray as xr
from sweep_jobs import Squares, small

from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    DeviceError,
    Network,
    Population,
    Projection,
    Record,
    RunStore,
    Simulation,
    SimulationError,
    SpikeTrain,
    StoreError,
    open_run,
    sweep,
)
from tegmentum.simcore.advance.cuda import available
from tegmentum.simcore.machine import cpu_count
from tegmentum.simcore.sweeps.drive import Quiet
from tegmentum.simcore.sweeps.folder import Folder
from tegmentum.simcore.sweeps.grid import Grid, name_of
from tegmentum.simcore.sweeps.networks import Setup
from tegmentum.simcore.sweeps.sweep import run_sweep

GRID = {"weight": [0.5, 0.6], "seed": range(3)}


def serial(ms=50.0, to=None, **parameters):
    seed = parameters.pop("seed")
    return Simulation(small(**parameters), seed=seed).run(ms, Record(spikes=["p"]), to=to)


@pytest.fixture
def squares(tmp_path):
    return Squares(str(tmp_path))


def run(job, xs, out=None, executor=None, **options):
    return run_sweep(job, Grid.of({"x": xs}), out, executor, watcher=Quiet(), **options)


# ------------------------------------------------------------------------------------------------ what comes out


def test_sums_do_not_depend_on_which_machine_has_a_device(tmp_path, monkeypatch):
    monkeypatch.setattr(available, "missing", lambda: "no CUDA device or driver is found")
    found = sweep(small, GRID, 50.0, backend="auto")
    for weight in GRID["weight"]:
        alone = Simulation(small(weight=weight), seed=1, arithmetic="fixed").run(50.0)
        assert float(found.rate.sel(weight=weight, seed=1, population="p")) == alone.rates()["p"]
    setups = [Setup(small(), 50.0, backend=backend) for backend in ("cpu", "auto", "cuda")]
    assert [s.arithmetic for s in setups] == ["float", "fixed", "fixed"]
    assert setups[0].identity != setups[1].identity == setups[2].identity


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor], ids=["here", "threads"])
def test_a_sweep_is_its_runs_one_after_another(executor):
    found = sweep(small, GRID, 50.0, executor=executor and executor(cpu_count()))
    assert found.rate.dims == ("weight", "seed", "population")
    assert found.rate.units == "Hz"
    for weight in GRID["weight"]:
        for seed in GRID["seed"]:
            one, alone = found.sel(weight=weight, seed=seed), serial(weight=weight, seed=seed)
            assert float(one.rate.sel(population="p")) == alone.rates()["p"]
            assert int(one.n_spikes.sel(population="p")) == alone.n_spikes["p"]
            assert int(one.synaptic_events) == alone.synaptic_events
            assert str(one.status.item()) == "complete"
    assert len(np.unique(found.n_spikes)) > 3


def test_every_run_has_a_store_and_the_index_opens_in_xarray(tmp_path):
    out = tmp_path / "sweep.zarr"
    found = sweep(small, GRID, 50.0, out=out, record=Record(spikes=["p"]))
    for opened in (xr.open_zarr(out), xr.open_datatree(out, engine="zarr").to_dataset()):
        for name in ("rate", "n_spikes", "wall_time", "threads"):
            np.testing.assert_array_equal(opened[name], found[name])
            assert opened[name].dims == found[name].dims
            assert opened[name].attrs == found[name].attrs
        assert {name: opened[name].values.tolist() for name in opened.coords} == {
            "weight": [0.5, 0.6],
            "seed": [0, 1, 2],
            "population": ["p"],
        }
        assert opened.attrs["complete"] == 6
        assert opened.status.values.tolist() == [["complete"] * 3] * 2
    for weight in GRID["weight"]:
        for seed in GRID["seed"]:
            store = out / str(found.run.sel(weight=weight, seed=seed).item())
            tree, alone = open_run(store), serial(weight=weight, seed=seed)
            np.testing.assert_array_equal(tree["spikes/p"].t, alone.spikes["p"].tick)
            np.testing.assert_array_equal(tree["spikes/p"].neuron, alone.spikes["p"].neuron)
            assert tree.attrs["status"] == "complete"
            assert tree.attrs["parameters"] == {"weight": weight, "seed": seed}


def test_what_is_measured_comes_into_the_index(tmp_path):
    def first(simulation, result):
        return {"first": result.spikes["p"].t[0], "synapses": simulation.n_synapses}

    found = sweep(small, {"seed": [3, 5]}, 50.0, record=Record(spikes=["p"]), measure=first)
    assert found["first"].values.tolist() == [serial(seed=seed).spikes["p"].t[0] for seed in (3, 5)]
    with pytest.warns(UserWarning, match=r"2 of 2 runs failed: seed=3: sweep: measure returns 'rate'"):
        sweep(small, {"seed": [3, 5]}, 50.0, measure=lambda simulation, result: {"rate": 1.0})


def test_a_run_that_fails_is_named_and_stops_no_other(tmp_path):
    with pytest.warns(UserWarning, match=r"1 of 3 runs failed: weight=50\.0: .*max_rate"):
        found = sweep(small, {"weight": [0.5, 50.0, 0.6]}, 200.0, out=tmp_path / "s.zarr", max_rate=100.0)
    assert found.status.values.tolist() == ["complete", "failed", "complete"]
    assert np.isnan(found.rate.values[:, 0]).tolist() == [False, True, False]
    assert "max_rate" in str(found.error.sel(weight=50.0).item())
    record = json.loads((tmp_path / "s.zarr/runs/weight=50.0.json").read_text())
    assert record["traceback"].startswith("Traceback")


def test_rows_of_different_lengths_and_labels_of_all_kinds(squares):
    found = run(squares, [1, 3, 2]).dataset()
    assert found.square.values.tolist() == [1, 9, 4]
    assert found.powers.dims == ("x", "power")
    np.testing.assert_array_equal(found.powers, [[1, 1, np.nan], [3, 9, 27], [2, 4, np.nan]])
    assert found.power.values.tolist() == [1, 2, 3]
    grid = Grid.of({"a": [True, False], "b": [1, 2.5], "c": ["x", 1], "d": [[1, 2], [3]], "e": np.arange(2)})
    kinds = [grid.labels(name).dtype.kind for name in grid.names]
    assert kinds == ["b", "f", "U", "U", "i"]
    assert len(grid) == 32
    assert grid.points()[1] == {"a": True, "b": 1, "c": "x", "d": [1, 2], "e": 1}


def test_names_of_runs_are_readable_short_and_different():
    assert name_of({"g": 4.5, "seed": 3}) == "g=4.5,seed=3"
    strange = [{"a": "x/y"}, {"a": "x:y"}, {"a": "../z"}, {"a": "y" * 300}, {"a": "y" * 301}, {"a": [1, 2]}]
    names = [name_of(parameters) for parameters in strange]
    assert len(set(names)) == len(strange)
    assert all("/" not in name and not name.startswith(".") and len(name) < 100 for name in names)


# ------------------------------------------------------------------------------------------- once, and once only


def test_started_again_it_does_only_what_is_left(squares, tmp_path):
    out = tmp_path / "s.zarr"
    (tmp_path / "fails").write_text("2")
    first = run(squares, [1, 2, 3], out)
    assert [r["status"] for r in first.records.values()] == ["complete", "failed", "complete"]
    before = (out / "runs/x=1.json").read_bytes()
    (tmp_path / "fails").unlink()
    second = run(squares, [1, 2, 3, 4], out)  # the grid may grow
    assert second.complete_before == 2
    runs = [line for line in squares.done() if line.startswith("run")]
    assert runs == ["run 1", "run 2", "run 3", "run 4", "run 2"]  # what had failed comes last
    assert (out / "runs/x=1.json").read_bytes() == before
    found = xr.open_zarr(out).load()
    assert found.square.values.tolist() == [1, 4, 9, 16]
    assert found.attrs["failed"] == 0
    third = run(squares, [1, 2, 3, 4], out)
    assert third.complete_before == 4
    assert len(squares.done()) == len([*runs, "rehearse 1", "rehearse 4"])


def test_a_half_written_store_is_replaced(tmp_path):
    out = tmp_path / "s.zarr"
    folder = Folder.create(out, "network", ["weight", "seed"])
    store = folder.store("weight=0.5,seed=1")
    RunStore.create(store, {"half": "written"})
    left = store.with_name(f".{store.name}.123.new")
    left.mkdir()
    sweep(small, GRID, 50.0, out=out, record=Record(spikes=["p"]))
    assert open_run(store).attrs["status"] == "complete"
    np.testing.assert_array_equal(open_run(store)["spikes/p"].t, serial(weight=0.5, seed=1).spikes["p"].tick)
    assert not left.exists()


@pytest.mark.parametrize("changed", [{}, {"ms": 90.0}, {"network_of": lambda: small(2100.0)}])
def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(tmp_path, changed):
    """One of another description, which has no record yet that could tell, is begun anew."""
    out = tmp_path / "s.zarr"
    store = Folder.create(out, "network", ["seed"]).store("seed=1")
    was = Setup(small(), 80.0, seed=1, record=Record(spikes=["p"]))

    def stop(done, total):
        if done > 0.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        was.simulation(1).run(
            80.0, was.record, store, progress=stop, checkpoint_every=60.0, notes={"identity": was.identity}
        )
    assert 0 < open_run(store).model_time < 80.0
    asked = {"network_of": small, "ms": 80.0, **changed}
    sweep(grid={"seed": [0, 1]}, out=out, record=Record(spikes=["p"]), checkpoint_every=60.0, **asked)
    tree = open_run(store)
    assert (len(tree.attrs.get("resumed", [])) == 1) == (not changed)
    alone = Simulation(asked["network_of"](), seed=1).run(asked["ms"], Record(spikes=["p"]))
    np.testing.assert_array_equal(tree["spikes/p"].t, alone.spikes["p"].tick)
    np.testing.assert_array_equal(tree["spikes/p"].neuron, alone.spikes["p"].neuron)
    assert xr.open_zarr(out).n_spikes.sel(seed=1).values.tolist() == [alone.n_spikes["p"]]
    assert [path.name for path in (out / "runs").iterdir() if "checkpoints" in path.name] == []


def test_two_sweeps_at_once_share_the_runs(squares, tmp_path):
    out, errors = tmp_path / "s.zarr", []

    def one():
        try:
            run(squares, list(range(12)), out)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    runs = sorted(line for line in squares.done() if line.startswith("run"))
    assert runs == sorted(f"run {x}" for x in range(12))
    assert int((xr.open_zarr(out).status == "complete").sum()) == 12


def test_a_run_that_another_process_is_at_is_waited_for_and_not_done_again(squares, tmp_path):
    out = tmp_path / "s.zarr"
    folder = Folder.create(out, "squares", ["x"])
    with folder.claimed("x=5") as mine:
        assert mine
        waiting = threading.Thread(target=run, args=(squares, [5], out))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        ended = {
            "status": "complete",
            "parameters": {"x": 5},
            "identity": "1 {'x': 5}",
            "values": {"square": 25},
        }
        folder.end("x=5", ended)
    waiting.join()
    assert squares.done() == []
    assert float(xr.open_zarr(out).square[0]) == 25


def test_the_first_of_each_kind_is_compiled_before_any_runs(tmp_path):
    job = Squares(str(tmp_path), kinds=True)
    run(job, [1, 2], executor=ThreadPoolExecutor(cpu_count()))
    assert job.done()[0] == "rehearse 1"
    assert set(job.done()[:2]) == {"rehearse 1", "rehearse 2"}
    assert set(job.done()[2:]) == {"run 1", "run 2"}
    out = tmp_path / "s.zarr"
    with pytest.raises(DescriptionError, match="run x=14: 14 cannot be compiled"):
        run(job, [1, 2, 14], out)
    assert not out.exists()
    assert [line for line in job.done()[4:] if line.startswith("run")] == []


def test_a_run_that_kills_its_process_is_named_and_what_is_left_is_done_next_time(squares, tmp_path):
    out = tmp_path / "s.zarr"
    (tmp_path / "kills").write_text("2")
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(SimulationError, match=r"have died.*2 of 3 runs are left, start again"),
    ):
        run(squares, [1, 2, 3], out, pool)
    assert xr.open_zarr(out).status.values.tolist() == ["complete", "failed", "pending"]
    (tmp_path / "kills").unlink()
    assert run(squares, [1, 2, 3], out).complete_before == 1
    assert [line for line in squares.done() if line.startswith("run")] == ["run 1", "run 2", "run 3", "run 2"]


def test_no_more_runs_are_handed_out_than_are_done_at_once(squares):
    class Counting(ThreadPoolExecutor):
        flying = most = 0

        def submit(self, *args, **kwargs):
            self.flying += 1
            self.most = max(self.most, self.flying)
            future = super().submit(*args, **kwargs)
            future.add_done_callback(lambda done: setattr(self, "flying", self.flying - 1))
            return future

    with Counting(1) as pool:
        run(squares, list(range(6)), executor=pool)
        assert pool.most <= 2  # a callback may come after the driver has seen the run end


def test_an_executor_of_any_kind_will_do(squares):
    class Strange(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            threading.Thread(target=lambda: future.set_result(fn(*args, **kwargs))).start()
            return future

    assert run(squares, [1, 2, 3], executor=Strange()).dataset().square.values.tolist() == [1, 4, 9]


# -------------------------------------------------------------------------------------- refused before any run


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "grid must map names to values"),
        ([1, 2], "grid must map names to values"),
        ({"weight": []}, "weight: has no values"),
        ({"weight": 0.5}, "weight: must be a list of values, got 0.5"),
        ({"weight": "abc"}, "weight: must be a list of values"),
        ({"weight": [0.5, 0.5]}, "weight: holds 0.5 twice"),
        ({"weight": [1, 1.0]}, "weight: holds 1.0 twice"),
        ({"weight": [float("nan")]}, "weight: must be numbers, text, or true or false"),
        ({"weight": [object()]}, "weight: must be numbers, text, or true or false"),
        ({"status": [1]}, "the index needs the name 'status' itself"),
        ({"rate": [1]}, "the index needs the name 'rate' itself"),
        ({"a/b": [1]}, "the name of a parameter must be printable text"),
        ({"strength": [1]}, r"small\(.*\) .*does not take the grid's parameters \(strength\)"),
        ({"weight": [0.5, "x"]}, "run weight=x: .*weight must be"),
        ({"seed": [0, -1]}, "run seed=-1: sweep: seed must be >= 0"),
        ({"seed": range(3_000_000)}, "seed: has 3,000,000 values"),
    ],
)  # fmt: skip
def test_grids_that_are_none(grid, said, tmp_path):
    with pytest.raises(DescriptionError, match=said):
        sweep(small, grid, 50.0, out=tmp_path / "s.zarr")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"network_of": 3}, "network_of must be a function that returns a Network, got 3"),
        ({"network_of": lambda seed: seed}, "must return a Network, got 0"),
        ({"ms": -1.0}, "ms must be > 0 ms"),
        ({"ms": 0.05}, "run seed=0: run: ms must be"),
        ({"dtt": 0.1}, "there is no option 'dtt'; there are dt"),
        ({"record": ["p"]}, "record must be a Record"),
        ({"record": Record(spikes=["q"]), "out": "s.zarr"}, "run seed=0: Record: 'q' is not in the network"),
        ({"record": Record(spikes=["p"])}, "record needs out"),
        ({"backend": "gpu"}, "run seed=0: Simulation: backend must be one of cpu, cuda, auto, got 'gpu'"),
        ({"executor": "dask"}, "executor must be one of concurrent.futures, got 'dask'"),
        ({"executor": ThreadPoolExecutor(1000)}, "ThreadPoolExecutor: 1000 runs at once with 1 thread each take"),
        ({"checkpoint_every": 1.0}, "checkpoint_every needs out"),
        ({"workers": 1000}, "1000 runs at once with 1 thread each take 1000 cores"),
        ({"threads": 1000}, "1 run at once with 1000 threads each takes 1000 cores, .* and fewer threads would do"),
        ({"threads": 0}, "threads must be >= 1"),
        ({"workers": 1, "executor": ThreadPoolExecutor(1)}, "an executor or a number of workers, not both"),
        ({"workers": 1, "network_of": lambda: small()}, "processes cannot be sent what to do"),
    ],
)  # fmt: skip
def test_arguments_that_are_none(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"network_of": small, "grid": {"seed": [0]}, "ms": 50.0, **options}
    with pytest.raises(DescriptionError, match=said):
        sweep(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_missed_before_any_run(tmp_path, monkeypatch):
    monkeypatch.setattr(available, "missing", lambda: "no CUDA device or driver is found")
    with pytest.raises(DeviceError, match="no CUDA device"):
        sweep(small, {"seed": range(2)}, 50.0, out=tmp_path / "s.zarr", backend="cuda")
    assert list(tmp_path.iterdir()) == []


def test_functions_typed_into_a_notebook_are_refused_for_processes(monkeypatch, tmp_path):
    typed = types.ModuleType("__main__")
    exec("def network_of(seed):\n    raise AssertionError", typed.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", typed)
    with pytest.raises(DescriptionError, match="they would not find functions that were typed in"):
        sweep(typed.network_of, {"seed": [0]}, 50.0, workers=1)


def test_wrong_input_anywhere_is_found_before_any_run(squares, tmp_path):
    with pytest.raises(DescriptionError, match="run x=13: x: must not be 13"):
        run(squares, [1, 2, 13], tmp_path / "s.zarr")
    assert squares.done() == []


def test_more_memory_than_there_is_for_all_at_once(tmp_path):
    job = Squares(str(tmp_path), n_bytes=1e15)
    with pytest.raises(DescriptionError, match=r"1 run at once takes up to 1,000,000 GB of memory"):
        run(job, [1, 2], tmp_path / "s.zarr")


def test_a_folder_that_holds_something_else(squares, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("")
    RunStore.create(tmp_path / "run.zarr", {}).close()
    for name, said in (("file", "is no folder"), ("folder", "is no sweep"), ("run.zarr", "is no sweep")):
        for force in (False, True):
            with pytest.raises(StoreError, match=said):
                run(squares, [1], tmp_path / name, force=force)
    with pytest.raises(StoreError, match="there is no folder"):
        run(squares, [1], tmp_path / "nowhere" / "s.zarr")
    assert (tmp_path / "folder" / "precious").exists()
    assert squares.done() == []


def test_a_sweep_of_something_else_is_replaced_only_by_force(squares, tmp_path):
    out = tmp_path / "s.zarr"
    run(squares, [1, 2], out)
    changed = Squares(squares.folder, version=2)
    with pytest.raises(StoreError, match="its run x=1 was another one, for the description has changed"):
        run(changed, [1, 2], out)
    with pytest.raises(StoreError, match="is a sweep whose parameters are x, now x, y"):
        run_sweep(squares, Grid.of({"x": [1], "y": [1]}), out, None)
    with pytest.raises(StoreError, match="is a sweep whose kind is squares, now network"):
        sweep(lambda x: small(), {"x": [1]}, 50.0, out=out)
    with Folder(out).claimed("x=2"), pytest.raises(StoreError, match="its run x=2 goes on at this moment"):
        run(changed, [1, 2], out, force=True)
    assert run(changed, [1, 3], out, force=True).complete_before == 0
    assert sorted(path.name for path in (out / "runs").glob("*.json")) == ["x=1.json", "x=3.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"status": "done"}'])
def test_a_damaged_record_is_named(squares, tmp_path, text):
    out = tmp_path / "s.zarr"
    run(squares, [1, 2], out)
    (out / "runs/x=2.json").write_text(text)
    with pytest.raises(StoreError, match=r"x=2\.json: damaged.*delete it to do the run again"):
        run(squares, [1, 2], out)


def test_the_network_is_told_from_another(tmp_path):
    out = tmp_path / "s.zarr"
    sweep(small, {"seed": [0]}, 50.0, out=out)
    sweep(small, {"seed": [0, 1]}, 50.0, out=out, threads=1)
    for changed in ({"ms": 60.0}, {"dt": 0.2}, {"precision": "float64"}, {"record": Record(spikes=["p"])},
                    {"network_of": lambda: small(2500.0)}):  # fmt: skip
        arguments = {"network_of": small, "ms": 50.0, **changed}
        with pytest.raises(StoreError, match="its run seed=0 was another one"):
            sweep(grid={"seed": [0, 1]}, out=out, **arguments)


def test_given_spikes_are_told_from_as_many_others():
    def identity(times):
        p = Population("p", 2, LIF())
        spikes = SpikeTrain("in", 2, times, [0, 1])
        return Setup(Network(p, spikes, Projection(spikes, p, AllToAll())), 5.0).identity

    assert identity([1.0, 2.0]) == identity([1.0, 2.0]) != identity([1.0, 3.0])
