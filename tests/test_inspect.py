"""``tegmentum inspect``: the summary as a table, or as one JSON object."""

import json
import re

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tegmentum.cli.inspect import inspect, size_text
from tegmentum.simcore.errors import StoreError
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


def test_json_is_one_object_and_the_summary(invoke, path):
    assert json.loads(invoke(path, "--json")) == summarise(path)


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
