"""``tegmentum sweep``: files, ``train`` and ``continual`` over a grid; on processes, as an array, on Dask; killed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tegmentum.simcore import Simulation, open_run
from tegmentum.simcore.advance.cuda import available
from tegmentum.simcore.machine import cpu_count
from tegmentum.simcore.sweeps.folder import Folder

PROGRAM = [sys.executable, "-P", "-m", "tegmentum"]
FILE = """
simulation = { duration = 50.0 }
populations.p = { size = 20, model = { type = "LIF", v_thresh = 20.0, v_reset = 10.0, t_ref = 2.0 } }
poisson = [{ post = "p", rate = 2000.0, weight = 0.5 }]
"""
WEIGHTS = ("--set", "poisson.0.weight=0.5,0.6")


@pytest.fixture
def file(tmp_path):
    (tmp_path / "n.toml").write_text(FILE)
    return "n.toml"


def serial(folder, **replaced):
    """The spikes of one run of the file, by itself."""
    from tegmentum.cli.config import network_of, read, record_of

    config = read(folder / "n.toml", [f"{name}={value}" for name, value in replaced.items()])
    network = network_of(config)
    return Simulation(network, seed=config.simulation.seed).run(
        config.simulation.duration, record_of(config, network)
    )


def same(store, alone):
    """Whether a store holds the spikes of a run, bit for bit."""
    spikes = open_run(store)["spikes/p"]
    np.testing.assert_array_equal(spikes.t, alone.spikes["p"].tick)
    np.testing.assert_array_equal(spikes.neuron, alone.spikes["p"].neuron)
    return len(spikes.t) > 0


# -------------------------------------------------------------------------------------------------------- a file


def test_each_task_of_an_array_does_its_run(tegmentum, file, tmp_path):
    command = ("sweep", file, *WEIGHTS, "--seeds", "0:2", "--out", "s.zarr", "--json")
    for index in (3, 0, 1):
        done = tegmentum(*command, "--index", index)
        assert (done.code, done.document["complete"]) == (0, 1)
    index = xr.open_zarr("s.zarr")
    assert index.status.values.tolist() == [["complete", "complete"], ["pending", "complete"]]
    assert index.rate.dims == ("poisson.0.weight", "seed", "population")
    assert np.isnan(index.rate.values).ravel().tolist() == [False, False, True, False]
    program = " ".join(f"'{part}'" for part in (*PROGRAM, *command, "--index"))
    array = {**os.environ, "SLURM_ARRAY_TASK_ID": "2"}
    told = subprocess.run(
        f"{program} $SLURM_ARRAY_TASK_ID", shell=True, env=array, capture_output=True, check=True
    )
    assert json.loads(told.stdout)["complete_before"] == 0
    assert tegmentum(*command, "--index", 2).document["complete_before"] == 1
    assert tegmentum("inspect", "s.zarr", "--json").document["complete"] == 4
    index = xr.open_zarr("s.zarr").load()
    assert (index.status == "complete").all()
    for weight in (0.5, 0.6):
        for seed in (0, 1):
            alone = serial(tmp_path, **{"poisson.0.weight": weight, "simulation.seed": seed})
            one = index.sel({"poisson.0.weight": weight, "seed": seed})
            assert same(f"s.zarr/{one.run.item()}", alone)
            assert float(one.rate.sel(population="p")) == alone.rates()["p"]


@pytest.mark.slow
def test_failed_runs_are_named_and_the_others_are_done(tegmentum, file):
    strong = ("--set", "poisson.0.weight=0.5,80", "--set", "populations.p.model.t_ref=0.1")
    done = tegmentum("sweep", file, *strong, "--set", "simulation.duration=200")
    assert done.code == 1
    assert "1 of 2 runs complete, 1 failed" in done.out
    assert "failed: poisson.0.weight=80: " in done.out
    assert "max_rate" in done.out
    assert "left about" in done.err
    shown = tegmentum("inspect", "sweep.zarr").out
    assert "a sweep of network over poisson.0.weight: 1 runs complete, 1 failed" in shown
    assert "failed: poisson.0.weight=80: " in shown
    index = xr.open_zarr("sweep.zarr")
    assert index.status.values.ravel().tolist() == ["complete", "failed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--set: there is nothing to sweep"),
        (("--set", "poisson.0.weight=0.5"), "--set: there is nothing to sweep"),
        (("--set", "poisson.0.weight"), "--set: must be a name and its values"),
        (("--set", "poisson.0.weight="), "--set: must be a name and its values"),
        (("--set", "poisson.0.weight=1,,2"), "separated by commas, got '1,,2'"),
        (("--set", "poisson.0.weight={a=1}"), "--set poisson.0.weight: must be numbers, words"),
        ((*WEIGHTS, *WEIGHTS), "poisson.0.weight stands there twice"),
        (("--set", "poisson.0.weight=1,1"), "poisson.0.weight: holds 1 twice"),
        (("--set", "poisson.0.weigth=1,2"), "there is no such key; did you mean 'weight'"),
        (("--set", "poisson.0.weight=1,x"), "run poisson.0.weight=x: n.toml: poisson.0.weight: input should be"),
        (("--set", "populations.p.size=20,0"), "run populations.p.size=0: n.toml: populations.p.size: input should"),
        (("--set", "simulation.threads=1,2"), "--set simulation.threads: is set by --threads"),
        (("--set", "seed=1,2"), "--set: seed is set by --seeds"),
        (("--set", "simulation.seed=1,2", "--seeds", "0:2"), "--set simulation.seed: is set by --seeds"),
        (("--seeds", "0:0"), "--seeds: must be such as 0:10"),
        (("--seeds", "1,x"), "--seeds: must be such as 0:10"),
        (("--seeds", "-1,1"), "--seeds: must be such as 0:10"),
        (("--seeds", "0:2", "--index", 2), "--index: the grid has 2 runs, 0 to 1, got 2"),
        (("--seeds", "0:2", "--index", 1, "--force"), "--force: would delete what other tasks"),
        (("--seeds", "0:2", "--index", 1, "--workers", 1), "only one of them says where"),
        (("--seeds", "0:2", "--workers", 1000), "--workers: 1000 runs at once with 1 thread each take 1000 cores"),
        (("--seeds", "0:2", "--threads", 1000), "--workers: 1 run at once with 1000 threads each takes 1000 cores"),
        (("--seeds", "0:2", "--", "--epochs", 1), "--epochs 1: options after -- are those of train and continual"),
        (("--seeds", "0:2", "--out", "no/s.zarr", "--index", 0), "there is no folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_any_run(tegmentum, file, tmp_path, arguments, said):
    done = tegmentum("sweep", file, *arguments)
    assert done.code in (3, 4)
    assert said in done.err
    assert done.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["n.toml"]


def test_a_device_is_missed_before_any_run(tegmentum, file, tmp_path, monkeypatch):
    monkeypatch.setattr(available, "missing", lambda: "no CUDA device or driver is found")
    done = tegmentum("sweep", file, *WEIGHTS, "--backend", "cuda")
    assert (done.code, done.err.splitlines()) == (
        2,
        ["error: backend='cuda': no CUDA device or driver is found"],
    )
    assert "--backend: must be one of" in tegmentum("sweep", file, *WEIGHTS, "--backend", "gpu").err
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_interrupted_before_anything_is_written(tegmentum, file, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tegmentum.simcore.sweeps.sweep.run_sweep", interrupted)
    done = tegmentum("sweep", file, *WEIGHTS)
    assert (done.code, done.err.splitlines()[-1]) == (130, "interrupted: nothing was written")


def test_a_file_that_is_not_there(tegmentum):
    done = tegmentum("sweep", "no.toml", "--seeds", "0:2")
    assert (done.code, done.err) == (3, "error: no.toml: cannot be read: No such file or directory\n")


# ---------------------------------------------------------------------------------------------- train, continual

LITTLE = ("--epochs", 2, "--limit-train", 40, "--limit-test", 20, "--record", 0)


@pytest.mark.slow
def test_train_over_a_grid_is_each_training_by_itself(tegmentum):
    done = tegmentum("sweep", "train", "--set", "hidden=4,6", "--out", "s.zarr", "--json", "--", *LITTLE)
    assert (done.code, done.document["complete"]) == (0, 2), done.err
    index = xr.open_zarr("s.zarr").load()
    assert index.test_accuracy_by_epoch.dims == ("hidden", "epoch")
    for hidden in (4, 6):
        alone = tegmentum("train", "--hidden", hidden, *LITTLE, "--json").document
        one = index.sel(hidden=hidden)
        assert one.test_accuracy_by_epoch.values.tolist() == alone["test_accuracy_by_epoch"]
        assert float(one.test_accuracy) == alone["test_accuracy"]
        assert int(one.synaptic_events) == alone["synaptic_events"]
        own, other = open_run(f"s.zarr/{one.run.item()}"), open_run(alone["store"])
        for name in ("pixels-hidden", "hidden-output"):
            np.testing.assert_array_equal(own[f"weights/{name}"].w, other[f"weights/{name}"].w)
        assert own.attrs["parameters"] == {"hidden": hidden}
        assert own.attrs["argv"][:2] == ["tegmentum", "train"]


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_from_its_checkpoint(tegmentum, tmp_path):
    options = ("--epochs=20", "--limit-train=40", "--limit-test=20", "--record=0", "--checkpoint-every=0")
    store = Folder.create(tmp_path / "s.zarr", "train", ["hidden"]).store("hidden=6")
    own = ("--hidden=6", f"--out={store}", "--force", "--json", "--threads=1")
    with subprocess.Popen([*PROGRAM, "train", *options, *own], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        for line in process.stderr:
            if line.startswith("epoch 3:"):
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 75
    done = tegmentum("sweep", "train", "--set", "hidden=4,6", "--out", "s.zarr", "--json", "--", *options)
    assert (done.code, done.document["complete"]) == (0, 2), done.err
    one = xr.open_zarr("s.zarr").load().sel(hidden=6)
    assert len(open_run(store).attrs["resumed"]) == 1
    alone = tegmentum("train", *options, "--hidden=6", "--json").document
    assert one.test_accuracy_by_epoch.values.tolist() == alone["test_accuracy_by_epoch"]
    own, other = open_run(store), open_run(alone["store"])
    np.testing.assert_array_equal(own["weights/pixels-hidden"].w, other["weights/pixels-hidden"].w)


@pytest.mark.slow
def test_continual_over_seeds_is_each_run_by_itself(tegmentum):
    options = ("--limit-train", 10, "--rule", "slda")
    done = tegmentum("sweep", "continual", "--seeds", "3,5", "--set", "rule=slda", "--out", "s.zarr", "--json", "--",
                     *options[:2])  # fmt: skip
    assert (done.code, done.document["complete"]) == (0, 2), done.err
    index = xr.open_zarr("s.zarr").load()
    for seed in (3, 5):
        alone = tegmentum("continual", *options, "--seed", seed, "--json").document
        one = index.sel(seed=seed)
        for name in ("final_accuracy", "average_forgetting", "samples_seen", "weight_updates"):
            assert float(one[name]) == alone[name]
    assert "mixed_final_accuracy" not in index


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "--set", "hiden=4,6"), 3, "tegmentum train has no option --hiden; did you mean 'hidden'?"),
        (("train", "--set", "out=a"), 3, "nothing to sweep"),
        (("train", "--set", "out=a", "--seeds", "0:2"), 3, "--set out: is set by --out; leave it out"),
        (("train", "--set", "epochs=1,0"), 2, "Invalid value for '--epochs'"),
        (("train", "--set", "hidden=4,6", "--", "--datset", "x"), 2, "No such option: --datset"),
        (("train", "--set", "hidden=4,6", "--", "--hidden", "5"), 3, "--hidden after --: is given by --set"),
        (("train", "--set", "hidden=4,6", "--", "--seed=5"), 3, "--seed after --: is set by --seeds before it"),
        (("train", "--seeds", "0:2", "--backend", "auto"), 3, "--backend: is for network files; options of train"),
        (("continual", "--seeds", "0:2", "--", "--seeds", "1,2"), 3, "--seeds after --: is set by --seeds"),
    ],
)  # fmt: skip
def test_options_that_a_command_does_not_have(tegmentum, tmp_path, arguments, code, said):
    done = tegmentum("sweep", *arguments)
    assert done.code == code
    assert said in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_only_the_command_knows_to_be_wrong_is_said_before_any_run(tegmentum, tmp_path):
    done = tegmentum("sweep", "train", "--set", "rule=dopamine-stdp,nacca", "--", *LITTLE)
    assert done.code == 3
    assert "run rule=nacca: --rule: must be one of" in done.err
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------- killed, and Dask


def records(folder):
    return {path.name: path.read_bytes() for path in (folder / "s.zarr" / "runs").glob("*.json")}


def killed_in_the_middle(command, folder, n):
    """Start a sweep, kill it without warning when ``n`` runs have ended, and return their records."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while len(records(folder)) < n and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    ended = records(folder)
    assert n <= len(ended) < 40
    return ended


def complete_and_equal(folder, before, duration):
    """Whether all 40 runs are there, those of before untouched, each equal to one by itself."""
    after = records(folder)
    assert len(after) == 40
    assert {name: after[name] for name in before} == before
    index = xr.open_zarr(folder / "s.zarr").load()
    assert index.status.shape == (4, 10)
    assert (index.status == "complete").all()
    for weight, seed in ((0.4, 0), (0.5, 9), (0.6, 4), (0.7, 1), (0.7, 9)):
        one = index.sel({"poisson.0.weight": weight, "seed": seed})
        replaced = {"poisson.0.weight": weight, "simulation.seed": seed, "simulation.duration": duration}
        alone = serial(folder, **replaced)
        assert same(folder / "s.zarr" / one.run.item(), alone)
        assert float(one.rate.sel(population="p")) == alone.rates()["p"]
    leftovers = [
        path.name for path in (folder / "s.zarr").rglob("*") if path.name.endswith((".partial", ".new"))
    ]
    return leftovers == []


def grid(duration):
    return [*PROGRAM, "sweep", "n.toml", "--set", "poisson.0.weight=0.4,0.5,0.6,0.7", "--set",
            f"simulation.duration={duration}", "--seeds", "0:10", "--out", "s.zarr"]  # fmt: skip


@pytest.mark.slow
def test_killed_and_started_again_it_is_complete_and_equal_to_serial_runs(file, tmp_path):
    command = grid(20_000)
    before = killed_in_the_middle(command, tmp_path, 6)
    again = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True)
    told = json.loads(again.stdout)
    assert told["complete"] == 40
    assert told["complete_before"] >= len(before)
    assert complete_and_equal(tmp_path, before, 20_000)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_interrupted_it_says_how_to_go_on(file, tmp_path):
    process = subprocess.Popen(grid(20_000), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while len(records(tmp_path)) < 3 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 75
    assert "of 40 runs are complete in s.zarr; the same command goes on" in said
    assert "Traceback" not in said
    n = len(records(tmp_path))
    time.sleep(1.0)
    assert len(records(tmp_path)) == n < 40  # its processes have ended, too


CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
IN_PYTHON = """
import sys
from distributed import Client
from tegmentum.simcore import LIF, Network, Poisson, Population, sweep

def local():
    def network_of(weight):
        p = Population("p", 20, LIF(v_thresh=20.0, v_reset=10.0, t_ref=2.0))
        return Network(p, Poisson(p, rate=2000.0, weight=weight))
    return network_of

with Client(sys.argv[1], set_as_default=False) as client:
    found = sweep(local(), {"weight": [0.5, 0.6], "seed": range(2)}, 50.0, executor=client.get_executor())
    alone = sweep(local(), {"weight": [0.5, 0.6], "seed": range(2)}, 50.0)
    assert (found.n_spikes == alone.n_spikes).all() and found.n_spikes.min() > 0
    try:
        sweep(local(), {"weight": [0.5]}, 50.0, executor=client.get_executor(), threads=1000)
    except ValueError as error:
        print(error)
"""


@pytest.fixture
def cluster(tmp_path):
    """Address of a Dask cluster of two workers, in processes of its own."""
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("Dask is not installed")
    if cpu_count() < 2:
        pytest.skip("two workers need two cores")
    (tmp_path / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen([sys.executable, "cluster.py"], cwd=tmp_path, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.mark.slow
def test_a_grid_on_dask_killed_and_started_again(file, tmp_path, cluster):
    command = [*grid(20_000), "--dask", cluster]
    before = killed_in_the_middle(command, tmp_path, 6)
    again = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True)
    told = json.loads(again.stdout)
    assert told["complete"] == 40
    assert told["complete_before"] >= len(before)
    assert complete_and_equal(tmp_path, before, 20_000)
    (tmp_path / "python.py").write_text(IN_PYTHON)
    done = subprocess.run(
        [sys.executable, "python.py", cluster], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "do 2 runs at once with 1000 threads each, it has" in done.stdout


def test_no_scheduler(tegmentum, file):
    if importlib.util.find_spec("distributed") is None:
        done = tegmentum("sweep", file, "--seeds", "0:2", "--dask", "tcp://127.0.0.1:1")
        assert (done.code, "--dask needs Dask: pip install" in done.err) == (1, True)
        return
    done = tegmentum("sweep", file, "--seeds", "0:2", "--dask", "nonsense://here")
    assert done.code == 3
    assert "--dask nonsense://here: no scheduler answers there" in done.err


@pytest.mark.slow
@pytest.mark.skipif(cpu_count() < 2, reason="its two workers need two cores")
def test_the_program_of_the_documentation_runs(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "sweeps.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(from tegmentum.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "page.py").write_text(block)
    done = subprocess.run([sys.executable, "-P", "page.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rates = [float(rate) for rate in done.stdout.strip().strip("[]").split()]
    assert len(rates) == 3
    assert rates == sorted(rates, reverse=True)  # the stronger the inhibition
    assert 5.0 < rates[-1] < rates[0] < 200.0
