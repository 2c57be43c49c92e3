"""``tegmentum watch``: a store followed while it grows."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.cli import watch as module
from tegmentum.cli.follow import Follower
from tegmentum.cli.sparkline import sparkline
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.store import RunStore


@pytest.fixture
def meanwhile(monkeypatch):
    """Let a writer do its next step whenever the watcher sleeps."""

    def let(*steps):
        left = iter(steps)
        monkeypatch.setattr(module.time, "sleep", lambda seconds: next(left)())

    return let


def spikes(store, recorder, begin, n):
    recorder.append(begin + np.arange(n), np.arange(n) % 10)
    store.commit()


def test_a_look_tells_progress_and_rates_since_the_last_one(tmp_path):
    store = RunStore.create(tmp_path / "run.zarr", {"ms": 200.0})
    recorder, follower = store.spikes("exc", 10, 1.0), Follower(tmp_path / "run.zarr")
    store.commit()
    first = follower.look()
    assert (first.status, first.done, first.total, first.unit) == ("running", 0, 200, "ms")
    assert first.rates == {"exc": (None, None)}
    assert follower.look() is None  # nothing new
    recorder.append([10, 100], [0, 1])
    store.commit()
    second = follower.look()
    assert (second.done, second.rates) == (100, {"exc": (pytest.approx(2), pytest.approx(2))})
    recorder.append([110, 120, 199, 200], [0, 1, 2, 2])
    store.commit()
    third = follower.look()
    assert (third.done, third.rates) == (200, {"exc": (pytest.approx(3), pytest.approx(4))})
    assert third.courses["exc"] == pytest.approx([2, 4])
    store.close("failed: no more")
    assert follower.look().status == "failed: no more"


def test_epochs_and_tasks_are_progress_too(tmp_path):
    with RunStore.create(tmp_path / "train.zarr", {"epochs": 4}) as store:
        table = store.table("", "epoch", {"test_accuracy": ("float64", "fraction")})
        table.append(epoch=1, test_accuracy=0.5)
        table.append(epoch=2)
    look = Follower(tmp_path / "train.zarr").look()
    assert (look.done, look.total, look.unit) == (2, 4, "epochs")
    assert look.accuracies == {"test accuracy": [0.5]}
    with RunStore.create(tmp_path / "tasks.zarr", {}) as store:
        columns = {"accuracy": ("float64", "fraction", ("task",), (3,))}
        store.table("learning", "after", columns).append(after=0, accuracy=[0.9, 0.1, 0.1])
    look = Follower(tmp_path / "tasks.zarr").look()
    assert (look.done, look.total, look.unit) == (1, 3, "tasks")
    assert look.accuracies == {"accuracy so far": [0.9]}


def test_each_commit_is_a_line_until_the_run_ends(tegmentum, tmp_path, meanwhile):
    store = RunStore.create(tmp_path / "run.zarr", {"ms": 100.0})
    recorder = store.spikes("exc", 10, 1.0)
    store.commit()
    meanwhile(lambda: spikes(store, recorder, 1, 50), lambda: None, store.close)
    done = tegmentum("watch", "run.zarr")
    first, second, last = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert first.endswith("running, 0 of 100 ms (0%)")
    assert second.endswith("running, 50 of 100 ms (50%), exc 100 Hz")
    assert "complete" in last


def test_a_run_that_failed_is_an_exit_code(tegmentum, tmp_path):
    RunStore.create(tmp_path / "run.zarr", {}).close("failed: SimulationError: too fast")
    done = tegmentum("watch", "run.zarr")
    assert (done.code, "failed: SimulationError: too fast" in done.out) == (1, True)


def test_a_store_that_is_not_there_is_waited_for_on_demand(tegmentum, tmp_path, meanwhile):
    done = tegmentum("watch", "run.zarr")
    assert (done.code, "--wait" in done.err) == (4, True)
    meanwhile(lambda: None, lambda: RunStore.create(tmp_path / "run.zarr", {}).close())
    done = tegmentum("watch", "run.zarr", "--wait")
    assert (done.code, done.err) == (0, "waiting for run.zarr\n")
    (tmp_path / "other").mkdir()
    assert tegmentum("watch", "other").code == 4


def test_a_store_that_another_run_replaces_is_followed_on(tegmentum, tmp_path, meanwhile):
    path = tmp_path / "run.zarr"
    RunStore.create(path, {})
    meanwhile(lambda: path.rename(tmp_path / "away.zarr"), lambda: RunStore.create(path, {"seed": 2}).close())
    done = tegmentum("watch", "run.zarr")
    assert (done.code, len(done.out.splitlines())) == (0, 2)
    meanwhile(*[lambda: None] * 9)
    path.rename(tmp_path / "gone.zarr")
    with pytest.raises(StoreError, match="no such run store"):
        module._looked(Follower(path))


def test_ctrl_c_ends_the_watching_only(tegmentum, tmp_path, meanwhile):
    store = RunStore.create(tmp_path / "run.zarr", {})

    def interrupt():
        raise KeyboardInterrupt

    meanwhile(interrupt)
    assert tegmentum("watch", "run.zarr").code == 130
    store.close()
    assert tegmentum("watch", "run.zarr").code == 0


def test_in_a_terminal_one_picture_grows(tmp_path, meanwhile):
    from rich.console import Console

    store = RunStore.create(tmp_path / "run.zarr", {"ms": 100.0})
    recorder = store.spikes("exc", 10, 1.0)
    store.commit()
    console = Console(force_terminal=True, record=True, width=100)
    meanwhile(lambda: spikes(store, recorder, 1, 50), lambda: spikes(store, recorder, 51, 25), store.close)
    assert module._in_place(console, Follower(tmp_path / "run.zarr"), 1.0) == "complete"
    text = console.export_text()
    assert "50 of 100 ms (50%)" in text
    assert "100 Hz" in text
    assert "complete" in text


@pytest.mark.parametrize(("values", "line"), [([], ""), ([5], "▁"), ([0, 1], "▁█"), (range(80), 40)])
def test_curves_in_a_line(values, line):
    found = sparkline(list(values))
    assert found == line or len(found) == line
