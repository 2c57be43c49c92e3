"""Pictures of what is recorded: the numbers in them, also where there is too much to be seen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tegmentum.cli.plots import envelope as envelope_module
from tegmentum.cli.plots import raster as raster_module
from tegmentum.cli.plots import traces as traces_module
from tegmentum.cli.plots import weight_matrix as matrix_module
from tegmentum.cli.plots.connectivity import connectivity
from tegmentum.cli.plots.envelope import envelope
from tegmentum.cli.plots.matrix import matrix
from tegmentum.cli.plots.psth import psth
from tegmentum.cli.plots.raster import raster
from tegmentum.cli.plots.rates import rates
from tegmentum.cli.plots.registry import MEANS, TAKES, Kind
from tegmentum.cli.plots.traces import traces
from tegmentum.cli.plots.trains import begins_of, bins_of, trains_of
from tegmentum.cli.plots.weight_change import weight_change
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.layout import open_committed
from tegmentum.simcore.record.store import RunStore

NETWORK = {
    "populations": {"exc": {"size": 40}, "inh": {"size": 10}},
    "spike_trains": {"in": {"size": 5}},
    "projections": {
        "in-exc": {"pre": "in", "post": "exc", "rule": {"type": "AllToAll"}, "weight": {"value": 1.0},
                   "plasticity": {"type": "PairSTDP"}},
        "inh-inh": {"pre": "inh", "post": "inh", "rule": {"type": "AllToAll", "autapses": False},
                    "weight": {"type": "Constant", "value": -1.0}, "plasticity": None},
        "exc-inh": {"pre": "exc", "post": "inh", "rule": {"type": "FromCOO"}, "weight": "array of shape (99,)",
                    "plasticity": None},
    },
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    """Two populations in three trials of 100 ticks of 0.5 ms; spikes at 1 to 100, as runs write them."""
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {"network": NETWORK, "seed": 1, "ms": 50.0}) as store:
        for name, n in (("exc", 40), ("inh", 10)):
            spikes = store.spikes(name, n, 0.5, trial=("label",))
            for trial in range(3):
                times = np.repeat(np.arange(1, 101), trial + 1)
                spikes.append(times, times % n)
                spikes.end_trial(100, label=trial % 2)
        trace = store.trace("exc_v", {"v": "mV"}, [3, 7], 0.5, n_trials=2)
        values = np.arange(100.0)[:, None, None] + np.array([[0, 100], [200, 300]])
        trace.append(np.arange(100), v=values)
        weights = store.weights("in-exc", [0, 0, 1, 4, 4], [0, 0, 2, 39, 39], unit="mV", n_pre=5, n_post=40)
        weights.snapshot(0, [1, 3, 1, 1, 1])
        weights.snapshot(7, [1, 3, 2, 0, 0])
    return path


def test_every_kind_has_its_help_and_its_options():
    assert set(MEANS) == set(TAKES) == set(Kind)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "ending"),
    [(kind, "png") for kind in ("rates", "psth", "traces", "weight-change", "matrix", "connectivity")]
    + [(kind, ending) for kind in ("traces", "matrix") for ending in ("svg", "pdf")],  # lines and an image
)
def test_each_kind_is_written(tegmentum, path, tmp_path, kind, ending):
    done = tegmentum("plot", path, kind, "-o", f"a.{ending}")
    assert (done.code, done.out) == (0, f"a.{ending}\n"), done.err
    heads = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(heads[ending])


def test_bins_hold_whole_ticks_from_the_first_to_the_last(path):
    bins = bins_of(trains_of(path, []), 10.0)
    assert (bins.width, bins.n_ticks, bins.shift, len(bins)) == (20, 100, 1, 5)
    figure = rates(path, ["exc"], [0], 10.0)
    (course,) = figure.axes[0].patches
    np.testing.assert_allclose(course.get_data().values, 20 / 40 / 10e-3)
    np.testing.assert_allclose(course.get_data().edges, [0, 10, 20, 30, 40, 50])


def test_bins_that_do_not_divide_a_trial_end_with_it(path):
    (course,) = rates(path, ["exc"], [2], 15.0).axes[0].patches
    np.testing.assert_allclose(course.get_data().values, 3 / 40 / 0.5e-3)
    np.testing.assert_allclose(course.get_data().edges, [0, 15, 30, 45, 50])


@pytest.mark.parametrize(
    ("offsets", "begins"),
    [((0, 0), [0, 0]), ((0, 100), [0, 100]), ((500, 500), [500, 500])],
    ids=["of each trial", "of the first trial", "of an earlier run"],
)
def test_when_trials_began_is_told_by_their_spikes(tmp_path, offsets, begins):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 1, 1.0)
        for offset in offsets:
            spikes.append(offset + np.array([5, 100]), [0, 0])
            spikes.end_trial(100)
    found, n_ticks, shift = begins_of(trains_of(tmp_path / "run.zarr", []))
    assert (found.tolist(), n_ticks, shift) == (begins, 100, 1)


def test_neurons_are_spread_by_their_rates(path):
    spread = rates(path, ["inh"], [0, 1, 2], None).axes[1]
    assert spread.patches[0].get_data().values.sum() == 10
    assert spread.get_title(loc="left") == "mean 400 Hz, 0% silent"


def test_a_psth_is_the_mean_of_all_trials_and_of_each_label(path):
    axes = psth(path, ["exc"], 10.0).axes[0]
    lines = {line.get_label(): line.get_data().values for line in axes.patches}
    rate = 20 / 40 / 10e-3
    np.testing.assert_allclose(lines["all"], 2 * rate)
    np.testing.assert_allclose(lines["0"], 2 * rate)  # trials 0 and 2: once and three times
    np.testing.assert_allclose(lines["1"], 2 * rate)
    (band,) = [line.get_data() for line in axes.patches if line.get_fill()]
    np.testing.assert_allclose(band.values - 2 * rate, rate * np.std([1, 2, 3], ddof=1) / np.sqrt(3))


def test_a_trial_counts_in_the_bins_of_a_psth_that_it_lasts_through(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        for name, lengths in (("exc", (100, 50, 75)), ("inh", (100, 100))):
            spikes = store.spikes(name, 1, 1.0, trial=("label",))
            for k, length in enumerate(lengths):
                spikes.append(np.arange(1, length + 1), np.zeros(length, int))
                spikes.end_trial(length, label=k)
    figure = psth(tmp_path / "run.zarr", [], 25.0)
    lines = {line.get_label(): line.get_data().values for line in figure.axes[0].patches}
    np.testing.assert_allclose(lines["all"], 1000.0)
    np.testing.assert_allclose(lines["1"], [1000, 1000, np.nan, np.nan])
    assert figure.axes[0].get_title(loc="left").startswith("mean of 2 to 3 trials")


def test_a_psth_of_one_trial_says_what_to_draw_instead(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        store.spikes("exc", 1, 1.0).append([5, 6], [0, 0])
    with pytest.raises(StoreError, match="`rates` draws it"):
        psth(tmp_path / "run.zarr", [], None)


def test_millions_of_spikes_are_counted_in_blocks(tmp_path):
    n = 5 * 2**20 // 2
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 1000, 0.1)
        spikes.append(np.arange(n) // 100 + 1, np.arange(n) % 1000)
        spikes.end_trial(n // 100 + 1)
    figure = raster(tmp_path / "run.zarr", [], [0])
    (image,) = figure.axes[0].collections
    corners = image.get_coordinates()
    ms, neurons = np.diff(corners[0, :, 0]), np.diff(corners[:, 0, 1])
    assert (image.get_array() * ms / 1000 * neurons[:, None]).sum() == pytest.approx(n)
    assert image.get_array().size < 200_000
    assert n > raster_module._MOST_DOTS


def test_traces_are_lines_of_neurons_or_an_image(path, monkeypatch):
    figure = traces(path, [], [], [1])
    lines = [axes.lines[0] for axes in figure.axes]
    assert [line.get_ydata()[0] for line in lines] == [200, 300]
    assert [axes.get_ylabel() for axes in figure.axes] == ["3", "7"]
    assert figure.axes[0].get_title(loc="left") == "exc_v, trial 1: 2 neurons"
    assert len(traces(path, [], [7], [0]).axes) == 1
    monkeypatch.setattr(traces_module, "_MOST_LINES", 1)
    image = traces(path, [], [], [0]).axes[0].collections[0].get_array()
    np.testing.assert_allclose(image, np.arange(100) + np.array([[0], [100]]))
    for wrong, message in (
        ([], "have 2 trials, there is no trial 5"),
        ([4], "hold no neuron 4; they hold 3, 7"),
    ):
        with pytest.raises(StoreError, match=message):
            traces(path, [], wrong, [0 if wrong else 5])


def test_an_envelope_keeps_every_extreme(tmp_path, monkeypatch):
    monkeypatch.setattr(envelope_module, "_BLOCK", 1000)
    values = np.random.default_rng(0).normal(size=(10_001, 3)).astype(np.float32)
    values[5555, 1], values[7] = 40, np.nan
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        store.trace("exc_v", {"v": "mV"}, [0, 1, 2], 0.1).append(np.arange(10_001), v=values)
    array = open_committed(tmp_path / "run.zarr")["traces/exc_v/v"]
    found = envelope(array, [], [1, 2])
    assert found.per == 6
    padded = np.full((1667 * 6 + 6, 2), np.nan)[: 1667 * 6]
    padded[: len(values)] = values[:, 1:]
    bins = padded.reshape(1667, 6, 2)
    np.testing.assert_allclose(found.low, np.nanmin(bins, axis=1))
    np.testing.assert_allclose(found.high, np.nanmax(bins, axis=1))
    np.testing.assert_allclose(found.mean, np.nanmean(bins, axis=1), atol=1e-6)
    means = envelope(array, [], None, groups=2).mean
    assert means.shape == (1667, 2)
    np.testing.assert_allclose(means[1:, 1], np.nanmean(bins[1:, :, 1], axis=1), atol=1e-6)


def test_a_matrix_holds_the_mean_weight_of_each_pair(path):
    (image,) = matrix(path, [], -1).axes[0].images
    cells = image.get_array()
    assert cells.shape == (5, 40)
    assert (cells[0, 0], cells[1, 2], cells[4, 39]) == (2, 2, 0)
    assert np.isnan(np.ma.filled(cells, np.nan)).sum() == 200 - 3
    assert matrix(path, [], 0).axes[0].images[0].get_array()[1, 2] == 1
    with pytest.raises(StoreError, match="2 snapshots, there is no snapshot 2"):
        matrix(path, [], 2)


def test_a_large_matrix_is_binned(path, monkeypatch):
    monkeypatch.setattr(matrix_module, "_MOST_CELLS", 4)
    axes = matrix(path, [], 0).axes[0]
    cells = axes.images[0].get_array()
    assert cells.shape == (3, 4)
    assert cells[0, 0] == pytest.approx(5 / 3)  # of three synapses
    assert axes.get_title(loc="left") == "in-exc at snapshot 0: 5 synapses, means of 2 x 10 neurons"


def test_changes_of_weights_are_since_the_first_snapshot(path):
    course, spread = weight_change(path, []).axes
    size, mean = course.lines[:2]
    np.testing.assert_allclose(size.get_ydata(), [0, 3 / 5])
    np.testing.assert_allclose(mean.get_ydata(), [0, -1 / 5])
    assert sum(bar.get_height() for bar in spread.patches) == 3
    assert spread.get_title(loc="left") == "40.0% of 5 unchanged"


def test_connections_are_a_graph_with_mean_in_degrees(path):
    graph, degrees = connectivity(path).axes
    texts = {text.get_text() for text in graph.texts}
    assert {"exc\n40", "inh\n10", "in\n5", "0.125", "9"} <= texts  # of in-exc all synapses are recorded
    assert sum(bar.get_height() for bar in degrees.patches) == 40
    assert degrees.get_title(loc="left") == "in-exc: 40 neurons, 0.125 on average"


def test_many_populations_are_a_table(tmp_path):
    names = [f"layer {k}" for k in range(12)]
    projections = {
        f"{a}-{b}": {"pre": a, "post": b, "rule": {"type": "FixedIndegree", "k": 7}, "plasticity": None,
                     "weight": {"type": "Normal", "mean": -1.0, "std": 0.1}}
        for a, b in pairwise(names)
    }  # fmt: skip
    network = {"populations": {name: {"size": 30} for name in names}, "projections": projections}
    RunStore.create(tmp_path / "run.zarr", {"network": network}).close()
    axes = connectivity(tmp_path / "run.zarr").axes[0]
    table = axes.images[0].get_array()
    assert table[0, 1] == -7  # inhibition
    assert np.count_nonzero(~np.isnan(np.ma.filled(table, np.nan))) == 11


def test_an_option_of_another_kind_is_wrong_usage(tegmentum, path):
    done = tegmentum("plot", path, "connectivity", "--trial", 1)
    assert (done.code, "--trial is not for connectivity, which takes no option" in done.err) == (2, True)
    done = tegmentum("plot", path, "psth", "--trial", 1)
    assert (done.code, "which takes --population, --bin" in done.err) == (2, True)
    assert tegmentum("plot", path, "rates", "--bin", 0).code == 2


def test_an_error_tells_what_there_is_and_what_it_can_be_drawn_as(tegmentum, path):
    done = tegmentum("plot", path, "levels")
    assert done.code == 4
    for words in (
        "no modulators were recorded",
        "spikes of exc, inh",
        "weights of in-exc",
        "draw raster, rates, psth",
    ):
        assert words in done.err
    RunStore.create("empty.zarr", {}).close()
    assert "it holds nothing to draw yet" in tegmentum("plot", "empty.zarr", "connectivity").err


def test_a_picture_of_a_run_that_goes_on_says_so(tegmentum, tmp_path):
    store = RunStore.create(tmp_path / "run.zarr", {"seed": 3})
    store.spikes("exc", 5, 0.1).append([10, 20], [1, 2])
    store.commit()
    assert tegmentum("plot", "run.zarr", "raster", "-o", "a.svg").code == 0
    assert "seed 3, not finished" in (tmp_path / "a.svg").read_text()
    store.close()


def test_a_population_without_projections_is_told(tegmentum, tmp_path):
    network = {"populations": {"exc": {"size": 40}}, "projections": {}}
    RunStore.create(tmp_path / "run.zarr", {"network": network}).close()
    (axes,) = connectivity(tmp_path / "run.zarr").axes
    assert "there are no projections" in axes.get_title()


def test_few_synapses_of_many_neurons_are_dots(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        weights = store.weights("few", [3, 700], [5, 100], n_pre=800, n_post=800)
        weights.snapshot(0, [1.0, 2.0])
    axes = matrix(tmp_path / "run.zarr", [], -1).axes[0]
    (dots,) = axes.collections
    np.testing.assert_allclose(dots.get_offsets(), [[4.5, 2.5], [100.5, 700.5]])  # cells of 2 x 2 neurons


@pytest.mark.parametrize("kind", ["trajectories", "distribution"])
def test_a_single_snapshot_is_seen(tegmentum, tmp_path, kind):
    from tegmentum.cli.plots.registry import draw

    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        store.weights("in", [0, 1], [0, 1]).snapshot(0, [1.0, 1.0])
    figure = draw(Kind(kind), tmp_path / "run.zarr", {"kind": "weights", "projections": [], "n_synapses": 50})
    assert all(line.get_marker() == "o" for line in figure.axes[0].lines)
