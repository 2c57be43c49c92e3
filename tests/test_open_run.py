"""``tree.run``: rates, spike trains, trials and weights of a store, held against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.simcore.errors import DescriptionError, StoreError
from tegmentum.simcore.record import trials as blocks
from tegmentum.simcore.record.store import RunStore, open_run

xr = pytest.importorskip("xarray", reason="xarray, of the extra [analysis], is not installed")
TICK, N, LENGTHS, LABELS = 0.5, 6, [100, 60, 100], [3, 5, 3]


@pytest.fixture(scope="module")
def recorded():
    rng = np.random.default_rng(1)
    ticks = [np.sort(np.concatenate([[20, 20 + n], rng.integers(20, 21 + n, 50)])) for n in LENGTHS]
    return [(tick, rng.integers(0, N, len(tick))) for tick in ticks]


@pytest.fixture(scope="module", params=[None, 7], ids=["whole chunks", "blocks of 7"])
def tree(tmp_path_factory, recorded, request):
    """Three trials from tick 20 on; read at once, and in small blocks."""
    path = tmp_path_factory.mktemp("open") / "run.zarr"
    with RunStore.create(path, {"start_tick": 20}) as store:
        spikes = store.spikes("exc", N, TICK, trial=["label"])
        for (tick, neuron), length, label in zip(recorded, LENGTHS, LABELS, strict=True):
            spikes.append(tick, neuron)
            spikes.end_trial(length, label=label)
        store.spikes("silent", 2, TICK).end_trial(100)
        whole = store.weights("dense", [0, 0, 1, 1], [0, 1, 0, 0], unit="mV", n_pre=2, n_post=3)
        whole.snapshot(0, [1, 2, 3, 4])
        whole.snapshot(5, [5, 6, 7, 8])
        synapses = {"synapse": [0, 2, 4], "pre": [0, 1, 1], "post": [1, 0, 1], "delay": [1, 1, 2]}
        sizes = {"n_pre": 2, "n_post": 2}
        changes = store.snapshots("weights", "sparse", synapses, sizes, TICK, "float32", "mV", changed=True)
        changes.append(20, [0, 1, 2], [1.0, 2.0, 3.0])
        changes.append(40, [], [])
        changes.append(60, [2, 0], [4.0, 5.0])
        changes.append(80, [2], [6.0])
        store.snapshots("eligibility", "sparse", synapses, sizes, TICK, "float64").append(20, [7, 8, 9])
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr(blocks, "BLOCK", request.param)
        with open_run(path) as tree:
            yield tree


def test_what_was_recorded(tree):
    assert tree.run.populations == ("exc", "silent")
    assert tree.run.projections == ("dense", "sparse")


def test_trials_by_label(tree):
    found = tree.run.trials("exc", label=3)
    assert found["trial"].values.tolist() == [0, 2]
    assert found["duration"].values.tolist() == [50.0, 50.0]
    assert found["duration"].attrs["units"] == "ms"
    assert tree.run.trials(label=[3, 5])["n_spikes"].values.tolist() == [52, 52, 52]
    assert tree.run.trials("exc", label=9).sizes["trial"] == 0


def test_the_train_of_a_neuron(tree, recorded):
    train = tree.run.train("exc", 2)
    expected = [(t, k) for k, (tick, neuron) in enumerate(recorded) for t in tick[neuron == 2]]
    assert [*zip(train["tick"].values, train["trial"].values, strict=True)] == expected
    np.testing.assert_array_equal(train, np.array([t for t, _ in expected]) * TICK)
    chosen = tree.run.train("exc", 2, tree.run.trials("exc", label=3)["trial"])
    assert [*zip(chosen["tick"].values, chosen["trial"].values, strict=True)] == [
        e for e in expected if e[1] != 1
    ]
    assert tree.run.train("silent", 1).size == 0


def test_spikes_of_a_trial_and_a_span_are_lazy(tree, recorded):
    for k, (tick, neuron) in enumerate(recorded):
        found = tree.run.spikes("exc", k)
        assert not found["t"].variable._in_memory
        np.testing.assert_array_equal(found["t"], tick)
        np.testing.assert_array_equal(found["neuron"], neuron)
        for start, stop in (
            (None, None),
            (15.0, 40.0),
            (10.2, 10.6),
            (0.0, 10.5),
            (99.0, 200.0),
            (40.0, 15.0),
        ):
            mine = (tick * TICK >= (start or 0)) & (tick * TICK < (stop or 1e9))
            found = tree.run.spikes("exc", k, start, stop)
            np.testing.assert_array_equal(found["t"], tick[mine])
    assert tree.run.spikes("exc", -1).sizes["spike"] == 52


def test_counts_by_trial_and_neuron(tree, recorded):
    counts = tree.run.counts("exc")
    for k, (_, neuron) in enumerate(recorded):
        np.testing.assert_array_equal(counts[k], np.bincount(neuron, minlength=N))
    by_label = counts.groupby("label").mean()
    np.testing.assert_array_equal(by_label.sel(label=3), (counts[0] + counts[2]) / 2)


def test_mean_rates(tree):
    rates = tree.run.rates()
    assert rates.sel(population="exc") == pytest.approx(3 * 52 / (N * 0.130))
    assert rates.sel(population="silent") == 0
    assert rates.attrs["units"] == "Hz"
    assert tree.run.rates("exc", trials=1).item() == pytest.approx(52 / (N * 0.030))


def test_rates_in_bins_count_every_spike_once(tree, recorded):
    """Trials last 100, 60 and 100 ticks; bins of 40: the third is covered half by two, and a fifth bin by none."""
    rates = tree.run.rates(["exc", "silent"], bin=20.0)
    assert rates["time"].values.tolist() == [10.0, 30.0, 50.0]
    counts, lasted = np.zeros(3), np.zeros(3)
    for (tick, _), length in zip(recorded, LENGTHS, strict=True):
        for t in tick:
            counts[min((t - 20) // 40, -(-length // 40) - 1)] += 1
        lasted += np.clip(length - np.arange(3) * 40, 0, 40) * TICK / 1000
    assert counts.sum() == 156
    np.testing.assert_allclose(rates.sel(population="exc"), counts / lasted / N)
    assert (rates.sel(population="silent") == 0).all()


def test_weights_at_snapshots(tree):
    run = tree.run
    assert run.weights("dense").values.tolist() == [5, 6, 7, 8]
    assert run.weights("dense", at=0)["pre"].values.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(run.matrix("dense", 0), [[1, 2, np.nan], [7, np.nan, np.nan]])
    assert run.matrix("dense").attrs["units"] == "mV"
    sparse = run.sparse("dense", 0)
    assert (sparse.shape, sparse.nnz) == ((2, 3), 4)
    np.testing.assert_array_equal(sparse.toarray(), [[1, 2, 0], [7, 0, 0]])


def test_weights_are_put_together_from_changes(tree):
    for at, expected in (
        (10.0, [1, 2, 3]),
        (20.0, [1, 2, 3]),
        (30.0, [5, 2, 4]),
        (40.0, [5, 2, 6]),
        (None, [5, 2, 6]),
    ):
        found = tree.run.weights("sparse", at)
        assert found.values.tolist() == expected
    assert found["time"] == 40.0
    assert found["post"].values.tolist() == [1, 0, 1]
    assert tree.run.weights("sparse", kind="eligibility").values.tolist() == [7, 8, 9]
    np.testing.assert_array_equal(tree.run.matrix("sparse", 30.0), [[np.nan, 5], [2, 4]])


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda run: run.rates("inh"), StoreError, "no spikes of 'inh' were recorded; there are spikes of 'exc'"),
        (lambda run: run.train("exc", 6), DescriptionError, r"neuron of 'exc': must lie in \[0, 6\), got 6"),
        (lambda run: run.train("exc", 0, 3), DescriptionError, r"trials of 'exc': must lie in \[-3, 3\), got 3"),
        (lambda run: run.train("exc", 0, 0.5), DescriptionError, "must be whole numbers, got 0.5"),
        (lambda run: run.rates(bin=0.7), DescriptionError, "bin must be a multiple of dt = 0.5 ms, got 0.7"),
        (lambda run: run.rates(bin=0), DescriptionError, "bin must be > 0 ms, got 0"),
        (lambda run: run.trials("exc", colour=1), StoreError, "no 'colour' of trials was recorded; there are"),
        (lambda run: run.matrix("x"), StoreError, "no weights of 'x' were recorded; there are: 'dense', 'sparse'"),
        (lambda run: run.weights("sparse", 12.0), StoreError, "no snapshot at 12 ms; the nearest are at 10, 20, 30 ms"),
        (lambda run: run.weights("dense", kind="w"), DescriptionError, "must be weights or eligibility, got 'w'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(tree, ask, error, says):
    with pytest.raises(error, match=says):
        ask(tree.run)


def test_only_the_root_of_a_run_has_the_accessor(tree):
    with pytest.raises(StoreError, match="not the root of a run store"):
        _ = xr.DataTree().run


def test_a_run_that_goes_on(tmp_path):
    store = RunStore.create(tmp_path / "run.zarr", {})
    spikes = store.spikes("exc", 2, 1.0)
    spikes.append([5, 10, 19, 20], [0, 1, 0, 0])
    store.commit()
    spikes.append([30], [1])
    with open_run(tmp_path / "run.zarr") as tree:
        assert tree.attrs["status"] == "running"
        assert np.isnan(tree.run.trials()["duration"].item())
        assert tree.run.rates().item() == pytest.approx(4 / 2 / 0.020)
        np.testing.assert_allclose(tree.run.rates(bin=10.0)[0], [1 / 2 / 0.010, 3 / 2 / 0.010])
        assert tree.run.train("exc", 0).values.tolist() == [5.0, 19.0, 20.0]
    store.close()


def test_lengths_that_were_not_recorded(tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        store.spikes("exc", 2, 1.0).append([5], [0])
    with (
        open_run(tmp_path / "run.zarr") as tree,
        pytest.raises(StoreError, match="length of trial 0 was not"),
    ):
        tree.run.rates()


def test_one_neuron_of_many_spikes_takes_little_memory(tmp_path, monkeypatch):
    """Four chunks of spikes, 48 MB: the train of one neuron never holds them all."""
    import tracemalloc

    monkeypatch.setattr(blocks, "BLOCK", 2**20)  # the fixture above may still have its own
    n = 4 * 2**20
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 2**20, 0.1)
        spikes.append(np.arange(n), np.arange(n) % 2**20)
        spikes.end_trial(n)
    with open_run(tmp_path / "run.zarr") as tree:
        tree.run.train("exc", 1)  # imports
        tracemalloc.start()
        train = tree.run.train("exc", 77)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert train["tick"].values.tolist() == [77, 77 + 2**20, 77 + 2**21, 77 + 3 * 2**20]
    assert peak < 40e6
