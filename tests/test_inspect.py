"""``tegmentum inspect``: the summary as a table, or as one JSON object."""

import json
import re

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tegmentum.cli.inspect import inspect, size_text
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.layout import open_committed
from tegmentum.simcore.record.measures import add_measures, isi_cv
from tegmentum.simcore.record.store import RunStore, summarise


@pytest.fixture
def invoke(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    app = typer.Typer()
    app.command()(inspect)

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.stdout

    return run


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {"seed": 5, "note": "[bold]"}) as store:
        spikes = store.spikes("exc", 1000, 0.1)
        spikes.append(np.arange(2000), np.arange(2000) % 1000)
        spikes.end_trial(n_ticks=10_000)
        store.weights("[in]-exc", [0, 1], [1, 0], unit="mV").snapshot(3, [1, 2])
        store.modulators("exc", ["dopamine"], 1).append(0, 1)
        store.trace("exc_v", {"v": "mV"}, [0, 1], 0.1).append(0, v=[1, 2])
        store.table("", "epoch", {"accuracy": ("float64", "")}).append(epoch=1, accuracy=0.5)
    return path


def test_the_table_names_everything_recorded(invoke, path):
    text = re.sub(" +", " ", invoke(path))
    for line in (
        "status complete",
        "seed, threads 5, -",
        "spikes exc 2,000 spikes of 1,000 neurons in 1 trial, 2 Hz on average",
        "weights [in]-exc 1 snapshot (3) of 2 synapses, in mV",
        "modulators exc dopamine at 1 subpopulation, 1 sample",
        "traces exc_v v (mV) of 2 neurons, 1 sample",
        "tables (root) 1 epoch; last: accuracy 0.5",
    ):
        assert line in text


def test_json_is_one_object_and_the_summary_with_measures(invoke, path):
    found = json.loads(invoke(path, "--json"))
    assert found == add_measures(path, summarise(path))
    assert found.keys() - summarise(path).keys() == {"curve", "cost"}


def test_intervals_within_trials_have_their_cv(tmp_path):
    ticks = {0: [0, 10, 20, 30], 1: [0, 10, 40], 2: [5, 6]}  # intervals 10, 10, 10; 10, 30; one only
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 4, 0.1)
        rows = sorted((t, n) for n, times in ticks.items() for t in times)
        for trial in range(2):
            spikes.append([t + 100 * trial for t, _ in rows], [n for _, n in rows])
            spikes.end_trial(100)
    root = open_committed(tmp_path / "run.zarr")
    np.testing.assert_allclose(isi_cv(root["spikes/exc"]), [0, 0.5, 0, np.nan])
    np.testing.assert_allclose(isi_cv(root["spikes/exc"], most=7), [0, np.nan, np.nan, np.nan])


def test_intervals_go_on_from_one_block_to_the_next(tmp_path):
    rng = np.random.default_rng(3)
    n = 3 * 2**20 // 2
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 1000, 0.1)
        tick, neuron = np.sort(rng.integers(0, 10**9, n)), rng.integers(0, 1000, n)
        spikes.append(tick, neuron)
    cv = isi_cv(open_committed(tmp_path / "run.zarr")["spikes/exc"])
    for k in (0, 17, 999):
        intervals = np.diff(tick[neuron == k])
        assert cv[k] == pytest.approx(intervals.std() / intervals.mean())
    assert cv.mean() == pytest.approx(1, abs=0.02)  # Poisson


def test_learning_and_its_cost_are_told(invoke, tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        columns = {"test_accuracy": ("float64", "fraction"), "synaptic_events": ("int64", ""),
                   "learning_time": ("float64", "s")}  # fmt: skip
        table = store.table("", "epoch", columns)
        for epoch, accuracy in enumerate([0.5, np.nan, 0.9, 0.8]):
            table.append(epoch=epoch, test_accuracy=accuracy, synaptic_events=1000, learning_time=0.5)
    text = re.sub(" +", " ", invoke(tmp_path / "run.zarr"))
    assert "50.0 to 80.0 %, best 90.0 %" in text
    assert "4,000 synaptic events, 2e+03 a second, 2 s of learning" in text
    found = json.loads(invoke(tmp_path / "run.zarr", "--json"))
    assert found["curve"] == {"test_accuracy": [0.5, None, 0.9, 0.8]}
    assert found["cost"]["synaptic_events"] == 4000


def test_a_run_that_has_not_ended_may_have_been_killed(invoke, tmp_path):
    RunStore.create(tmp_path / "run.zarr", {}).commit()
    assert "running, or killed; last commit 20" in invoke(tmp_path / "run.zarr")


def test_no_run_is_a_clear_error(invoke, tmp_path):
    with pytest.raises(StoreError, match="no such run store"):
        invoke(tmp_path / "run.zarr")


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2e9, "2.0 GB"), (3e15, "3000.0 TB")]
)
def test_sizes_in_words(n_bytes, text):
    assert size_text(n_bytes) == text
