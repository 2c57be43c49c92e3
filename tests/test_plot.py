"""``tegmentum plot``: the right numbers in the picture, and clear errors."""

import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tegmentum.cli.plot import plot
from tegmentum.cli.plots import raster as module
from tegmentum.cli.plots.accuracy import accuracy
from tegmentum.cli.plots.raster import raster
from tegmentum.cli.plots.weights import weights
from tegmentum.simcore.errors import StoreError, TegmentumError
from tegmentum.simcore.record.store import RunStore

CONFIG = {"seed": 7, "dataset": {"name": "digits"}, "rule": "naca"}


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(plot)

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, CONFIG) as store:
        for name, n_neurons in (("exc", 50), ("inh", 10)):
            spikes = store.spikes(name, n_neurons, 0.1)
            for first in (0, 1000):
                spikes.append(first + np.arange(100) * 10, np.arange(100) % n_neurons)
                spikes.end_trial(n_ticks=1000)
        pre, post = np.repeat(np.arange(16), 20), np.tile(np.arange(20), 16)
        projection = store.weights("in-exc", pre, post, unit="mV")
        projection.snapshot(0, np.zeros(320))
        projection.snapshot(5, np.where(post >= 4, pre, 0) / 10)
        store.weights("exc-inh", [0, 1, 2], [0, 0, 0]).snapshot(0, [-1, 0, 1])
        columns = {f"{part}_accuracy": ("float64", "fraction") for part in ("train", "test")}
        table = store.table("", "epoch", columns)
        table.append(epoch=1, train_accuracy=0.5)
        table.append(epoch=2, train_accuracy=0.75, test_accuracy=0.5)
    return path


def test_a_raster_has_a_row_for_each_population_and_a_column_for_each_trial(path):
    figure = raster(path, [], [0, -1])
    dots = [axes.collections[0].get_offsets() for axes in figure.axes]
    assert [axes.get_ylabel() for axes in figure.axes] == ["exc\nneuron", "", "inh\nneuron", ""]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["trial 0", "trial 1"]
    np.testing.assert_allclose(dots[0][:, 0], np.arange(100))  # ms
    np.testing.assert_allclose(dots[1][:, 0], 100 + np.arange(100))
    np.testing.assert_array_equal(dots[2][:, 1], np.arange(100) % 10)


def test_many_spikes_become_a_histogram_of_the_rate(path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_DOTS", 150)
    figure = raster(path, ["exc"], [0, 1])
    first, second, *_ = figure.axes
    for axes, span in ((first, (0, 100)), (second, (100, 200))):
        (image,) = axes.collections
        rate = image.get_array()
        ms_per_bin = 100 / rate.shape[1]
        assert rate.sum() * (ms_per_bin / 1000) * 50 / rate.shape[0] == pytest.approx(100)
        assert axes.get_xlim() == span


def test_weights_show_both_snapshots_and_the_units_that_changed_most(path):
    figure = weights(path, ["in-exc"])
    histogram, *rest = figure.axes
    assert histogram.get_xlabel() == "weight (mV)"
    assert [text.get_text() for text in histogram.get_legend().get_texts()] == [
        "snapshot at 0",
        "snapshot at 5",
    ]
    assert sum(patch.get_height() for patch in histogram.patches) == 2 * 320
    fields = [axes for axes in rest if axes.images and axes.get_title()]
    assert [axes.get_title() for axes in fields] == [str(unit) for unit in range(4, 20)]
    np.testing.assert_allclose(fields[0].images[0].get_array(), np.arange(16).reshape(4, 4) / 10, rtol=1e-6)


def test_a_projection_from_no_image_has_a_histogram_only(path):
    (axes,) = weights(path, ["exc-inh"]).axes
    assert sum(patch.get_height() for patch in axes.patches) == 3


def test_accuracy_is_in_percent_and_skips_what_was_not_measured(path):
    (axes,) = accuracy(path).axes
    train, test = axes.lines
    assert train.get_xydata().tolist() == [[1, 50], [2, 75]]
    assert test.get_xydata().tolist() == [[2, 50]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy (%)")


@pytest.mark.parametrize("kind", ["raster", "weights", "accuracy"])
def test_each_kind_writes_a_picture(invoke, path, kind, tmp_path):
    result = invoke(path, kind)
    assert result.exit_code == 0
    assert result.stdout == f"run-{kind}.png\n"
    assert (tmp_path / f"run-{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_the_title_names_data_rule_and_seed(invoke, path, tmp_path):
    assert invoke(path, "accuracy", "-o", "a.svg").exit_code == 0
    assert "<!-- digits, naca, seed 7 -->" in (tmp_path / "a.svg").read_text()


def test_a_run_cut_short_shows_the_spikes_after_the_last_trial(tmp_path):
    path = tmp_path / "cut.zarr"
    store = RunStore.create(path, {})
    store.spikes("exc", 5, 0.1).append([10, 20], [1, 2])
    store.commit()
    assert len(raster(path, [], [0]).axes[0].collections[0].get_offsets()) == 2


def test_an_existing_file_is_only_overwritten_by_force(invoke, path, tmp_path):
    (tmp_path / "a.png").write_text("mine")
    result = invoke(path, "accuracy", "-o", "a.png")
    assert (result.exit_code, (tmp_path / "a.png").read_text()) == (2, "mine")
    assert invoke(path, "accuracy", "-o", "a.png", "--force").exit_code == 0


@pytest.mark.parametrize("arguments", [["pie"], ["raster", "-o", "nowhere/a.png"], ["raster", "-o", "a.txt"]])
def test_a_wrong_kind_or_output_is_a_usage_error(invoke, path, arguments):
    result = invoke(path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["raster", "--population", "x"], "no spikes of 'x' were recorded; there are: exc, inh"),
        (["weights", "--projection", "x"], "no weights of 'x' were recorded; there are: exc-inh, in-exc"),
        (["raster", "--trial", "2"], "population 'exc' has 2 trials, there is no trial 2"),
        (["raster", "--trial", "-3"], "there is no trial -3"),
    ],
)
def test_what_was_not_recorded_is_a_clear_error(invoke, path, arguments, message):
    with pytest.raises(StoreError, match=message):
        invoke(path, *arguments)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("raster", "no spikes were recorded"),
        ("weights", "no weights were recorded"),
        ("accuracy", "no accuracy of any epoch"),
    ],
)
def test_an_empty_run_is_a_clear_error(invoke, tmp_path, kind, message):
    RunStore.create(tmp_path / "empty.zarr", {}).close()
    with pytest.raises(StoreError, match=message):
        invoke(tmp_path / "empty.zarr", kind)


def test_silent_populations_can_be_drawn(invoke, tmp_path):
    with RunStore.create(tmp_path / "silent.zarr", {}) as store:
        store.spikes("exc", 5, 0.1)
    assert invoke(tmp_path / "silent.zarr", "raster").exit_code == 0


def test_without_matplotlib_it_says_what_to_install(invoke, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(TegmentumError, match="pip install"):
        invoke(path, "raster")
