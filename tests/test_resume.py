"""A run that was stopped goes on from its last checkpoint as if nothing had been, bit for bit."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from kill_and_resume import arrays

from tegmentum.plasticity import STDP, DopamineSTDP, LinearReceptor
from tegmentum.simcore import (
    LIF,
    DescriptionError,
    FixedIndegree,
    Modulator,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Snapshots,
    StoreError,
    Trace,
    Turnover,
    Uniform,
)
from tegmentum.simcore.advance import progress
from tegmentum.simcore.record import checkpoints
from tegmentum.simcore.record.manifest import committed_nodes, read_manifest, update_manifest
from tegmentum.simcore.record.store import RunStore

pytestmark = pytest.mark.numbers

CELL = LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0)


def network(weight=0.05):
    exc = Population("exc", 200, CELL)
    dopamine = Modulator("dopamine", tau=200.0, baseline=0.002)
    rule = DopamineSTDP(dopamine, LinearReceptor(0.1), tau_e=1_000.0, a_plus=1e-3, a_minus=1e-3, w_max=0.1)
    return Network(
        exc,
        Projection(exc, exc, FixedIndegree(20), weight=weight, delay=1.5, plasticity=rule, name="learn"),
        Poisson(exc, rate=1_500.0, weight=0.5),
    )


def static():
    exc = Population("exc", 200, CELL)
    return Network(exc, Poisson(exc, rate=1_500.0, weight=0.5))


RECORD = Record(
    spikes=["exc"],
    traces={"v": Trace("exc", "v", [0, 5])},
    every=0.5,
    weights={"learn": Snapshots(20.0, changed=True)},
    eligibility={"learn": Snapshots(30.0, synapses=10)},
    modulators={"dopamine": 1.0},
)


def interrupted(simulation, path, at, ms, record, **options):
    """Run, but press Ctrl-C once so much model time is over."""

    def press(done, total):
        if done >= at:
            raise KeyboardInterrupt

    options = {"checkpoint_every": 1e9} | options
    start = simulation.tick
    with pytest.raises(KeyboardInterrupt):
        simulation.run(ms, record, to=path, progress=press, **options)
    assert start < simulation.tick < start + round(ms / simulation.dt)


def same_stores(one, other):
    first, second = arrays(one), arrays(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.fixture(autouse=True)
def every_report(monkeypatch):
    """Let each chunk be reported, however fast it was, so that a run is cut where it is meant to be."""
    monkeypatch.setattr(progress, "_EVERY", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.zarr"
    simulation = Simulation(network(), seed=3)
    return path, simulation, simulation.run(300.0, RECORD, to=path)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_goes_on_from_where_it_was_interrupted(tmp_path, whole, threads):
    path = tmp_path / "run.zarr"
    interrupted(Simulation(network(), seed=3), path, 100.0, 300.0, RECORD)
    assert read_manifest(path)["status"] == "interrupted"
    simulation, result = Simulation.resume(path, network(), threads=threads)
    same_stores(whole[0], path)
    assert (result.n_spikes, result.synaptic_events) == (whole[2].n_spikes, whole[2].synaptic_events)
    assert result.rates() == whole[2].rates()
    wanted = whole[1].state()
    for key, values in simulation.state().items():
        np.testing.assert_array_equal(values, wanted[key], err_msg=key)
    manifest = read_manifest(path)
    assert manifest["status"] == "complete"
    assert len(manifest["resumed"]) == 1


def test_a_run_is_interrupted_again_and_made_longer(tmp_path, whole):
    path = tmp_path / "run.zarr"
    interrupted(Simulation(network(), seed=3), path, 20.0, 100.0, RECORD)
    Simulation.resume(path, network())
    with pytest.raises(DescriptionError, match="is complete; to go on beyond 100 ms"):
        Simulation.resume(path, network())
    with pytest.raises(DescriptionError, match="is at 100 ms already"):
        Simulation.resume(path, network(), until=50.0)
    with pytest.raises(DescriptionError, match="multiple of dt"):
        Simulation.resume(path, network(), until=150.03)
    Simulation.resume(path, network(), until=200.0)
    Simulation.resume(path, network(), until=300.0)
    same_stores(whole[0], path)


def test_spikes_of_several_trials(tmp_path):
    record = Record(spikes=["exc"])
    one, other = tmp_path / "one.zarr", tmp_path / "other.zarr"
    Simulation(static(), n_trials=3, seed=1).run(300.0, record, to=one)
    interrupted(Simulation(static(), n_trials=3, seed=1), other, 50.0, 300.0, record)
    Simulation.resume(other, static(), threads=2)
    same_stores(one, other)
    before = (other / "zarr.json").read_bytes()
    with pytest.raises(StoreError, match="a complete run of several trials cannot be gone on with"):
        Simulation.resume(other, static(), until=400.0)
    assert (other / "zarr.json").read_bytes() == before


def test_a_later_run_of_a_simulation_goes_on_too(tmp_path):
    """What was done to a simulation before is in its first checkpoint."""
    stores = []
    for name in ("whole.zarr", "cut.zarr"):
        simulation = Simulation(network(), seed=3)
        simulation.run(20.0)
        simulation.set_weights("learn", np.full(4000, 0.08))
        stores.append(tmp_path / name)
        if name == "whole.zarr":
            simulation.run(150.0, RECORD, to=stores[0], checkpoint_every=1e9)
        else:
            interrupted(simulation, stores[1], 0.0, 150.0, RECORD, checkpoint_every=1e9)
    _, result = Simulation.resume(stores[1], network())
    same_stores(*stores)
    assert result.start == 200


def test_killed_before_the_first_checkpoint_it_begins_anew(tmp_path, whole):
    path = tmp_path / "run.zarr"
    interrupted(Simulation(network(), seed=3), path, 100.0, 300.0, RECORD)
    checkpoints.remove(path)
    Simulation.resume(path, network())
    same_stores(whole[0], path)
    update_manifest(
        path, {"config": read_manifest(path)["config"] | {"fresh": False}, "status": "running"}, False
    )
    checkpoints.remove(path)
    with pytest.raises(StoreError, match="stopped before its first checkpoint; run it again"):
        Simulation.resume(path, network())


def test_what_a_kill_leaves_is_cleared_away(tmp_path, whole):
    """Chunks beyond the commit, groups without one, files half written, and a checkpoint that is damaged."""
    path = tmp_path / "run.zarr"
    interrupted(Simulation(network(), seed=3), path, 20.0, 300.0, RECORD, checkpoint_every=0.0)
    folder = checkpoints.folder_of(path)
    assert len(checkpoints.numbers(folder)) == checkpoints.KEPT
    latest = folder / f"{checkpoints.numbers(folder)[-1]:08d}.npz"
    latest.write_bytes(latest.read_bytes()[:1000])
    (path / "zarr.json.0.partial").write_text("{")
    shutil.copytree(path / "spikes", path / "spikes" / "orphan")
    shutil.copytree(path / "modulators", path / "orphan")
    Simulation.resume(path, network(), checkpoint_every=1e9)
    same_stores(whole[0], path)
    assert not list(path.rglob("*.partial"))
    there = {p.parent.relative_to(path).as_posix() for p in path.rglob("zarr.json")} - {"."}
    assert there == committed_nodes(path).keys()


def test_what_cannot_be_gone_on_with_is_left_as_it_is(tmp_path):
    path = tmp_path / "run.zarr"
    with pytest.raises(StoreError, match="no such run store"):
        Simulation.resume(path, network())
    interrupted(Simulation(network(), seed=3), path, 20.0, 300.0, RECORD)
    before = (path / "zarr.json").read_bytes()
    with pytest.raises(DescriptionError, match="is the run of another network"):
        Simulation.resume(path, network(weight=0.04))
    (latest,) = checkpoints.numbers(checkpoints.folder_of(path))[-1:]
    saved = checkpoints.folder_of(path) / f"{latest:08d}.npz"
    with np.load(saved) as found:
        parts = dict(found)
    about = json.loads(str(parts.pop("saved")))
    np.savez(saved, saved=np.array(json.dumps(about | {"tegmentum": "0.0.1"})), **parts)
    for number in checkpoints.numbers(saved.parent)[:-1]:
        (saved.parent / f"{number:08d}.npz").unlink()
    with pytest.raises(StoreError, match=r"saved by Tegmentum 0\.0\.1"):
        Simulation.resume(path, network())
    assert (path / "zarr.json").read_bytes() == before
    simulation, _ = Simulation.resume(path, network(), until=60.0, force=True)
    assert simulation.t == 60.0
    plain = tmp_path / "plain.zarr"
    RunStore.create(plain, {"a": 1}).close()
    with pytest.raises(StoreError, match="no store of a run that can be gone on with"):
        Simulation.resume(plain, network())


def test_a_new_store_takes_the_old_ones_checkpoints_away(tmp_path):
    path = tmp_path / "run.zarr"
    interrupted(Simulation(network(), seed=3), path, 20.0, 300.0, RECORD)
    assert checkpoints.latest(path) is not None
    Simulation(static()).run(10.0, to=path, force=True)
    assert checkpoints.latest(path) is None
    assert not checkpoints.folder_of(path).exists()


def test_checkpoints_need_a_store():
    with pytest.raises(DescriptionError, match=r"checkpoint_every needs a store .* give to="):
        Simulation(static()).run(10.0, checkpoint_every=1.0)
    with pytest.raises(DescriptionError, match="checkpoint_every"):
        Simulation(static()).run(10.0, checkpoint_every=-1.0)


def growing():
    exc = Population("exc", 100, CELL)
    turnover = Turnover(every=20.0, indegree=20, below=0.04, weight=0.05, delay=1.5)
    rule = STDP(lam=0.1, w_max=0.1)
    learns = Projection(
        exc,
        exc,
        FixedIndegree(20),
        Uniform(0.02, 0.08),
        1.5,
        plasticity=rule,
        name="learn",
        structure=turnover,
    )
    return Network(exc, learns, Poisson(exc, rate=1_500.0, weight=1.0))


@pytest.mark.slow
@pytest.mark.parametrize("synapses", [None, [0, 7, 1999]])
def test_histories_follow_the_synapses_with_which_the_run_began(tmp_path, synapses):
    record = Record(spikes=["exc"], weights={"learn": Snapshots(10.0, synapses=synapses, changed=True)})
    one, other = tmp_path / "one.zarr", tmp_path / "other.zarr"
    simulation = Simulation(growing(), seed=1)
    simulation.run(150.0, record, to=one)
    assert not np.isin(np.arange(2000), simulation.synapses("learn").ids).all()
    interrupted(Simulation(growing(), seed=1), other, 70.0, 150.0, record)
    Simulation.resume(other, growing(), threads=2)
    same_stores(one, other)
