"""Stops by a signal, a guard or an exception: what was recorded by then is in the store, and the status says why."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tegmentum.cli.interrupts import Interrupts
from tegmentum.simcore import LIF, Network, Population, Record, Simulation, SimulationError, Trace
from tegmentum.simcore.advance.signals import Deferred
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.record.manifest import read_manifest
from tegmentum.simcore.record.store import RunStore

xr = pytest.importorskip("xarray")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
TOML = """
[simulation]
duration = 1e8
[populations.p]
size = 5
model = { type = "LIF", i_e = 1000.0 }
[record.traces.v]
population = "p"
"""


def busy(**options):
    """Five neurons that fire at 130 Hz."""
    p = Population("p", 5, LIF(i_e=1000.0))
    return Simulation(Network(p), **options)


def record():
    return Record(spikes=["p"], traces={"v": Trace("p", "v", [0, 3])}, every=0.5)


class Stop(Exception):
    """What a callback raises."""


@pytest.mark.parametrize("n_trials", [1, 2])
@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (Stop("now"), "failed: Stop: now")]
)
def test_a_stop_keeps_spikes_and_traces_until_then(tmp_path, n_trials, error, status):
    whole = busy(n_trials=n_trials).run(300.0, record())

    def stop(done, total):
        raise error

    simulation = busy(n_trials=n_trials)
    with pytest.raises(type(error)):
        simulation.run(300.0, record(), to=tmp_path / "run.zarr", progress=stop)
    assert 0 < simulation.tick < 3000
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        assert tree.attrs["status"] == status
        check_prefix(tree, whole, simulation.tick, n_trials)


def test_a_guard_keeps_spikes_and_traces_until_then(tmp_path):
    for n_trials in (1, 2):
        whole = busy(n_trials=n_trials).run(100.0, record())
        simulation = busy(n_trials=n_trials, max_rate=100.0)
        path = tmp_path / f"{n_trials}.zarr"
        with pytest.raises(SimulationError, match="max_rate"):
            simulation.run(100.0, record(), to=path)
        with xr.open_datatree(path, engine="zarr") as tree:
            assert tree.attrs["status"].startswith("failed: SimulationError: Population 'p': fires at")
            check_prefix(tree, whole, simulation.tick, n_trials)


def check_prefix(tree, whole, tick, n_trials):
    """Spikes and traces are those of an undisturbed run up to a tick, and no more."""
    spikes, edges = tree["spikes/p"], tree["spikes/p"]["trial_offset"].values
    assert spikes["trial_ticks"].values.tolist() == [tick] * n_trials
    assert edges[-1] == spikes.sizes["spike"] > 0
    for trial in range(n_trials):
        mine = (whole.spikes["p"].trial == trial) & (whole.spikes["p"].tick <= tick)
        part = slice(edges[trial], edges[trial + 1])
        np.testing.assert_array_equal(spikes["t"].values[part], whole.spikes["p"].tick[mine])
        np.testing.assert_array_equal(spikes["neuron"].values[part], whole.spikes["p"].neuron[mine])
    n = tick // 5
    v = tree["traces/v"]["v"].values.reshape(n, n_trials, 2)
    np.testing.assert_array_equal(v, whole.traces["v"][:, :n].transpose(1, 0, 2))
    assert tree["n_spikes"].values[0] == edges[-1]


@pytest.mark.parametrize("split", [[200.0], [10.0] * 20, [35.0, 165.0], [0.1, 99.9, 100.0]])
def test_the_rate_guard_does_not_depend_on_how_a_run_is_split(split):
    """A regular rate above the limit stops at the end of the first window, one below never does."""
    simulation = busy(max_rate=90.0)
    with pytest.raises(SimulationError, match=r"between t = 0 and 100 ms"):
        run_all(simulation, split)
    assert simulation.t == pytest.approx(100.0)
    simulation = busy(max_rate=200.0)
    run_all(simulation, split)
    assert simulation.t == pytest.approx(200.0)


def run_all(simulation, split):
    """Run one part after the other."""
    for ms in split:
        simulation.run(ms)


@pytest.mark.parametrize("value", [float("nan"), 0.0, -1.0, "500", None, True])
def test_max_rate_is_a_positive_number(value):
    with pytest.raises(DescriptionError, match=r"max_rate must be (a number )?> 0 Hz"):
        busy(max_rate=value)


def test_progress_is_called_in_order_and_changes_nothing():
    calls = []
    simulation = busy()
    told = simulation.run(500.0, Record(["p"]), progress=lambda done, total: calls.append((done, total)))
    silent = busy().run(500.0, Record(["p"]), progress=True)
    assert calls[-1] == (500.0, 500.0)
    assert calls == sorted(calls)
    np.testing.assert_array_equal(told.spikes["p"].tick, silent.spikes["p"].tick)
    with pytest.raises(DescriptionError, match="progress must be"):
        simulation.run(1.0, progress="yes")


@posix
def test_signals_wait_for_the_end_of_a_chunk():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        reached = False
        with pytest.raises(KeyboardInterrupt), Deferred() as signals:  # noqa: PT012
            os.kill(os.getpid(), signal.SIGINT)
            reached = True
            signals.let_through()
        assert reached
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_store_is_made_still_closes_it(tmp_path, number):
    """As `train` does: between the making of the store and the first epoch."""
    path = tmp_path / "run.zarr"
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:  # noqa: PT012, SIM117
        with contextlib.ExitStack() as stack:
            with interrupts.held():
                store = stack.enter_context(RunStore.create(path, {}))
                os.kill(os.getpid(), number)
            store.commit()
    assert read_manifest(path)["status"] == "interrupted"


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_run_says_what_is_kept(tmp_path, number):
    (tmp_path / "net.toml").write_text(TOML)
    path = tmp_path / "net.zarr"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tegmentum.cli.main", "run", "net.toml"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        try:
            until = time.monotonic() + 400
            while not list(path.glob("traces/v/v/c*")) and time.monotonic() < until:
                assert child.poll() is None, child.communicate()[1]
                time.sleep(0.05)
            child.send_signal(number)
            _, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 75, err
    assert "go on with: tegmentum resume net.zarr" in err
    assert "interrupted: at " in err
    assert "what was recorded until then is in net.zarr" in err
    assert "Traceback" not in err
    with xr.open_datatree(path, engine="zarr") as tree:
        assert tree.attrs["status"] == "interrupted"
        assert tree["traces/v"].sizes["time"] == tree["spikes/p"]["trial_ticks"].values[0] > 0
