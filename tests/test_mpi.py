"""One network on several MPI ranks: what one process does, bit for bit, and an end of all where one ends."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mpi_jobs
import numpy as np
import pytest
import zarr

from tegmentum.plasticity import DopamineSTDP
from tegmentum.simcore import (
    DescriptionError,
    FixedIndegree,
    Modulator,
    Network,
    Population,
    Projection,
    Release,
    Simulation,
    Uniform,
)
from tegmentum.simcore.advance import machine
from tegmentum.simcore.advance.exchange import window_of
from tegmentum.simcore.advance.outlook import outlook
from tegmentum.simcore.compile import modules
from tegmentum.simcore.lower.plan import plan
from tegmentum.simcore.lower.rows import PLACING, WIRING, delay_of, draws_of, rows_for

HERE = Path(__file__).parent
MPIEXEC = shutil.which(
    "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
)
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpiexec and mpi4py: pip install mpi4py mpich",
)
NETWORK = """
[simulation]
duration = 100.0
seed = 2
[populations.p]
size = 100
model = { type = "LIF", tau_m = 20.0, v_thresh = 20.0, v_reset = 10.0 }
[[projections]]
pre = "p"
post = "p"
rule = { type = "FixedIndegree", k = 20 }
weight = 0.1
delay = 1.5
[[poisson]]
post = "p"
rate = 11000.0
weight = 0.1
[record]
spikes = ["p"]
"""


def mpi(n: int, *command: object, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run a command on ``n`` ranks, of which each may wait for the others' processor."""
    environment = {**os.environ, "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    return subprocess.run(
        [MPIEXEC, "-n", str(n), sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
    )


def jobs(n: int, threads: int, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return mpi(n, HERE / "mpi_jobs.py", folder, threads, *names)


def arrays(group: zarr.Group, path: str = "") -> dict[str, np.ndarray]:
    found = {}
    for name, part in group.members():
        if isinstance(part, zarr.Array):
            found[path + name] = part[...]
        else:
            found |= arrays(part, f"{path}{name}/")
    return found


def stored(path: Path) -> dict[str, np.ndarray]:
    found = arrays(zarr.open_group(path, mode="r"))
    found.pop("run_time")
    return found


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert np.asarray(values).tobytes() == np.asarray(found[key]).tobytes(), key


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process comes to: arrays by job, and the folder with the stores."""
    folder = tmp_path_factory.mktemp("alone")
    return folder, {job: mpi_jobs.outcome(job, folder, 1) for job in mpi_jobs.NETWORKS}


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("n", "threads"), [(2, 1), (2, 2), (3, 1), (4, 1)])
def test_ranks_do_what_one_process_does(n, threads, alone, tmp_path):
    folder, expected = alone
    done = jobs(n, threads, tmp_path, *expected)
    assert done.returncode == 0, done.stderr
    for job, values in expected.items():
        with np.load(tmp_path / f"{job}.npz") as found:
            assert_equal({key: found[key] for key in found.files}, values)
        assert_equal(stored(tmp_path / f"{job}.zarr"), stored(folder / f"{job}.zarr"))
    assert sum(len(expected["static"][f"{name}/tick"]) for name in ("exc", "inh", "one")) > 500
    assert len(expected["static"]["one/tick"]) > 5


@needs_mpi
@pytest.mark.slow
def test_what_is_changed_between_runs_is_changed_on_all(tmp_path):
    done = jobs(2, 1, tmp_path, "changed")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "changed.npz") as found:
        assert_equal({key: found[key] for key in found.files}, mpi_jobs.changed())


@needs_mpi
@pytest.mark.slow
def test_what_ranks_do_not_do_is_refused_by_name_on_all(tmp_path):
    done = jobs(2, 1, tmp_path, "refused")
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "refused.txt").read_text().splitlines()
    assert len(said) == 10
    for line, part in zip(
        said,
        (
            "Turnover, structural plasticity, does not run on 2 MPI ranks yet",
            "weight must be a number or a distribution where FixedIndegree is drawn by several ranks",
            "n_trials=2 does not run on 2 MPI ranks yet",
            "arithmetic='fixed' does not run on 2 MPI ranks yet",
            "threads must be equal on all MPI ranks, got 1, 2",
            "Simulation: seed must be equal on all MPI ranks, got 0, 1",
            "Simulation: network must be equal on all MPI ranks",
            "run: ms must be equal on all MPI ranks, got 10.0, 11.0",
            "run: record must be equal on all MPI ranks",
            "more than max_rate = 100 Hz",
        ),
        strict=True,
    ):
        assert part in line


@needs_mpi
@pytest.mark.slow
def test_a_rank_that_fails_ends_all(tmp_path):
    done = jobs(2, 1, tmp_path, "broken")
    assert done.returncode == 1
    assert "rank 1 of 2 stopped, and so all" in done.stderr
    assert "on this rank alone" in done.stderr


@needs_mpi
@pytest.mark.slow
def test_a_killed_run_is_gone_on_with_by_any_number_of_ranks(tmp_path):
    done = jobs(2, 1, tmp_path, "killed")
    assert done.returncode != 0
    assert list((tmp_path / "killed.zarr.checkpoints").glob("*.npz"))
    again = tmp_path / "again"
    for part in ("killed.zarr", "killed.zarr.checkpoints"):
        shutil.copytree(tmp_path / part, again / part)
    mpi_jobs.go_on(tmp_path / "killed.zarr")
    assert jobs(3, 1, again, "resumed").returncode == 0
    network = mpi_jobs.plastic(True)
    Simulation(network, seed=3).run(140.0, mpi_jobs.record("dopamine", network), to=tmp_path / "whole.zarr")
    expected = stored(tmp_path / "whole.zarr")
    assert_equal(stored(tmp_path / "killed.zarr"), expected)
    assert_equal(stored(again / "killed.zarr"), expected)


@needs_mpi
@pytest.mark.slow
def test_the_command_line_on_two_ranks(tmp_path, tegmentum):
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(NETWORK)
    one = tegmentum("run", "one.toml", "--json")
    command = ("-m", "tegmentum.cli.main", "run", tmp_path / "two.toml", "--json")
    two = mpi(2, *command)
    assert two.returncode == 0, two.stderr
    said = json.loads(two.stdout)
    assert said["ranks"] == 2
    same = ("n_spikes", "synaptic_events", "n_synapses", "rates_hz")
    assert {key: said[key] for key in same} == {key: one.document[key] for key in same}
    assert sum(said["n_spikes"].values()) > 100
    assert_equal(stored(tmp_path / "two.zarr"), stored(tmp_path / "one.zarr"))
    assert two.stderr.count("100 neurons") == 1
    again = mpi(2, *command)
    assert again.returncode == 4
    assert again.stderr.count("two.zarr: exists") == 1


class TestPlan:
    """What is told before anything is built."""

    def test_it_tells_of_ranks_and_builds_nothing(self, tegmentum, tmp_path):
        (tmp_path / "net.toml").write_text(NETWORK)
        one = tegmentum("run", "net.toml", "--plan", "--json").document
        four = tegmentum("run", "net.toml", "--plan", "--ranks", 4, "--rate", 10.0, "--json").document
        assert (one["n_neurons"], one["n_synapses"], one["n_ticks"]) == (100, 2000, 1000)
        assert (one["window"], one["n_exchanges"], one["ranks"], one["rate"]) == (0, 0, 1, 5.0)
        assert (four["window"], four["n_exchanges"], four["ranks"], four["rate"]) == (15, 67, 4, 10.0)
        assert (
            four["events_per_hz"] == one["events_per_hz"] == pytest.approx(200.0)
        )  # 2,000 synapses for 0.1 s
        assert four["n_bytes"]["targets"] == one["n_bytes"]["targets"] / 4 == 1000
        assert not (tmp_path / "net.zarr").exists()
        told = tegmentum("run", "net.toml", "--plan", "--ranks", 4).out
        assert "memory of each of 4 MPI ranks" in told
        assert "67 exchanges of spikes, one in 15 ticks" in told

    def test_time_grows_with_all_that_is_counted(self):
        network = mpi_jobs.plastic(False)
        one = outlook(network, 1_000.0)
        assert outlook(network, 2_000.0).seconds == pytest.approx(2 * one.seconds)
        assert outlook(network, 1_000.0, rate=50.0).seconds > one.seconds
        assert outlook(network, 1_000.0, threads=2).seconds < one.seconds
        assert outlook(network, 1_000.0, n_ranks=2).n_exchanges == 667

    def test_what_is_for_a_plan_alone(self, tegmentum, tmp_path):
        (tmp_path / "net.toml").write_text(NETWORK)
        found = tegmentum("run", "net.toml", "--ranks", 4)
        assert found.code == 3
        assert "--ranks and --rate are for --plan" in found.err


class TestOnePart:
    """What a rank builds and refuses, seen without ranks."""

    @pytest.mark.parametrize("name", [q.name for q in mpi_jobs.static().projections])
    @pytest.mark.parametrize("cuts", [(0, 17, 40, 64), (0, 0, 64)])
    def test_its_rows_are_those_of_the_whole(self, name, cuts):
        network = mpi_jobs.static()
        number = next(k for k, q in enumerate(network.projections) if q.name == name)
        projection, key = network.projections[number], np.array([3, 0], np.uint64)
        size = projection.post.size
        edges = [min(cut, size) for cut in cuts[:-1]] + [size]
        wiring = modules.kernel_module("lower.wiring_kernel", WIRING)
        placing = modules.kernel_module("lower.placing_kernel", PLACING)
        delay = delay_of(projection, 0.1)

        def listed(rows, lo, hi):
            """Count by (pre, delay), and sums of weights that are exact for few numbers."""
            count = np.zeros((projection.pre.size, delay.most - delay.least + 1), np.int64)
            draws = draws_of(
                number, rows.delay, rows.weights, rows.weight_table, key, rows.start, rows.number
            )
            placing.count_delays(rows.ptr, rows.post, lo, hi, delay.least, count, draws)
            begin = (np.cumsum(count.ravel()) - count.ravel()).reshape(count.shape)
            target, weight = np.empty(count.sum(), np.uint32), np.empty(count.sum())
            none = np.empty(0, np.uint32)
            placing.place(
                rows.ptr, rows.post, lo, hi, 0, delay.least, begin.copy(), target, weight, none, draws
            )
            return count, target, weight

        whole = rows_for(projection, number, delay, key, wiring)
        lower, n_targets = np.zeros(projection.pre.size, np.int64), 0

        def before(counts):
            told = lower.copy()
            lower[:] += counts
            return told

        for lo, hi in itertools.pairwise(edges):
            part = rows_for(projection, number, delay, key, wiring, own=(lo, hi), before=before)
            n_targets += len(part.post)
            assert np.all((part.post >= lo) & (part.post < hi))
            for found, expected in zip(listed(part, lo, hi), listed(whole, lo, hi), strict=True):
                np.testing.assert_array_equal(found, expected)
        assert n_targets == len(whole.post) > 0

    @pytest.mark.parametrize(
        ("delays", "release", "ticks"),
        [
            ((1.5, 2.0), 1.6, 15),
            ((1.5, Uniform(0.4, 2.0)), 1.6, 4),
            ((9.0, 2.0), 0.3, 3),
            ((1.5, 0.1), 5.0, 1),
        ],
    )
    def test_a_window_is_the_shortest_delay(self, delays, release, ticks):
        p = Population("p", 40, mpi_jobs.NEURON)
        rule = DopamineSTDP(Modulator("d", tau=50.0, releases=[Release(p, delay=release)]), w_max=1.0)
        network = Network(
            p,
            Projection(p, p, FixedIndegree(3), weight=0.1, delay=delays[0], name="a"),
            Projection(
                p, p, FixedIndegree(3), weight=Uniform(0.1, 0.2), delay=delays[1], plasticity=rule, name="b"
            ),
        )
        found = [delay_of(q, 0.1) for q in network.projections]
        assert window_of(plan(network, 0.1, 2), found) == ticks

    def test_what_does_not_fit_a_rank_is_refused_with_the_bytes(self, monkeypatch):
        network = mpi_jobs.static()
        n_bytes = sum(outlook(network, 1.0, n_ranks=2).n_bytes.values())

        ranks = SimpleNamespace(
            rank=0,
            size=2,
            neighbours=lambda: 2,
            told=lambda value: [value, value],
            sharing_errors=contextlib.nullcontext,
        )
        monkeypatch.setattr(machine, "machine_memory", lambda: 1.8 * n_bytes)
        share, memory = n_bytes / 2**30, 0.9 * n_bytes / 2**30
        said = f"{share:.3g} GiB on each of 2 MPI ranks, more than a rank's {memory:.3g} GiB of memory"
        with pytest.raises(DescriptionError, match=re.escape(said)):
            machine.Machine(network, 0.1, 0, 1, 1, "float32", ranks=ranks)

    def test_no_communicator(self):
        with pytest.raises(DescriptionError, match="comm must be a communicator of mpi4py"):
            Simulation(mpi_jobs.static(), comm=3)

    def test_nothing_imports_mpi4py(self):
        code = (
            "import sys, tegmentum.simcore, tegmentum.cli.main, tegmentum.cli.run, tegmentum.simcore.advance.ranks; "
            "sys.exit('mpi4py' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_mpiexec_without_mpi4py(self, tegmentum, monkeypatch, tmp_path):
        monkeypatch.setenv("PMI_SIZE", "2")
        monkeypatch.setenv("PMI_RANK", "0")
        monkeypatch.setitem(sys.modules, "mpi4py", None)
        (tmp_path / "net.toml").write_text(NETWORK)
        found = tegmentum("run", "net.toml")
        assert found.code == 2
        assert "2 MPI ranks were started, but mpi4py cannot be used" in found.err
        assert "pip install" in found.err
