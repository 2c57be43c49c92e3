"""Statistics on the DataTree: closed forms, NumPy, and elephant where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum import open_run
from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    LIF,
    DescriptionError,
    FixedIndegree,
    Network,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
)

pytestmark = pytest.mark.numbers

MS, TRIALS = 2_000.0, 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("statistics") / "run.zarr"
    cells, driven = Population("cells", 12, Parrot()), Population("driven", 8, LIF(tau_m=10.0, v_thresh=10.0))
    network = Network(
        cells,
        driven,
        Poisson(cells, rate=40.0, weight=1.0),
        Projection(cells, driven, FixedIndegree(6), weight=4.0, plasticity=STDP(w_max=8.0), name="learn"),
        Poisson(driven, rate=900.0, weight=1.2),
    )
    record = Record(spikes=[cells, driven])
    Simulation(network, n_trials=1, seed=1).run(
        500.0, Record(weights={"learn": 100.0}), to=path.with_name("w.zarr")
    )
    static = Network(
        cells, Poisson(cells, rate=40.0, weight=1.0), Poisson(driven, rate=900.0, weight=1.2), driven
    )
    Simulation(static, n_trials=TRIALS, seed=2).run(MS, record, to=path)
    return open_run(path).run


@pytest.fixture(scope="module")
def trains(run):
    """Times [ms] of each neuron of each population in each trial."""
    return {
        name: [[run.train(name, i, [k]).values for k in range(TRIALS)] for i in range(n)]
        for name, n in (("cells", 12), ("driven", 8))
    }


def test_intervals_and_their_regularity_are_numpys(run, trains):
    for name in trains:
        of_neuron = [np.concatenate([np.diff(t) for t in each]) for each in trains[name]]
        assert np.allclose(run.intervals(name), np.concatenate(of_neuron))
        assert np.allclose(run.cv(name), [i.std() / i.mean() for i in of_neuron])
        for found, measure in (
            (run.cv2(name), lambda a, b: 2 * abs(b - a) / (a + b)),
            (run.lv(name), lambda a, b: 3 * ((b - a) / (a + b)) ** 2),
        ):
            pairs = [
                np.concatenate([measure(np.diff(t)[:-1], np.diff(t)[1:]) for t in each])
                for each in trains[name]
            ]
            assert np.allclose(found, [p.mean() for p in pairs])


def test_poisson_is_one_throughout(run):
    """40 Hz for 8 s and 12 neurons: some 320 intervals of each neuron."""
    for measure in (run.cv("cells"), run.cv2("cells"), run.lv("cells"), run.fano("cells", bin=100.0)):
        assert abs(float(measure.mean()) - 1.0) < 0.1
    assert abs(run.synchrony("cells", bin=10.0) - 1.0) < 0.15
    off = run.correlations("cells", bin=20.0).values[np.triu_indices(12, 1)]
    assert abs(off.mean()) < 0.03


def test_counts_are_of_whole_windows(run, trains):
    counts = np.array(
        [
            np.concatenate([np.histogram(t, np.arange(0.0, MS + 1, 150.0))[0] for t in each])
            for each in trains["driven"]
        ]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.allclose(run.fano("driven", bin=150.0), counts.var(axis=1) / counts.mean(axis=1))
        assert np.allclose(run.correlations("driven", bin=150.0), np.corrcoef(counts))
    total = counts.sum(axis=0)
    assert run.synchrony("driven", bin=150.0) == pytest.approx(total.var() / total.mean())
    whole = np.array([[len(t) for t in each] for each in trains["driven"]])
    assert np.allclose(run.fano("driven"), whole.var(axis=1) / whole.mean(axis=1))


def test_weights_over_time(run):
    weights = open_run(run._tree.encoding["source"].replace("run.zarr", "w.zarr")).run
    found = weights.weight_statistics("learn")
    assert found.sizes["time"] == 6
    for k, at in enumerate(found["time"].values):
        w = weights.weights("learn", float(at)).values
        assert np.allclose(
            [found[m][k] for m in ("mean", "std", "min", "median", "max")],
            [w.mean(), w.std(), w.min(), np.median(w), w.max()],
            rtol=1e-5,
        )


@pytest.mark.parametrize(
    ("bin", "message"), [(0.0, "bin must be > 0 ms"), (0.05, "multiple"), (3_000.0, "two windows at least")]
)
def test_windows_that_are_none_are_refused(run, bin, message):
    with pytest.raises(DescriptionError, match=message):
        run.fano("cells", bin=bin)


def test_elephant_agrees(run, trains):
    statistics = pytest.importorskip("elephant.statistics")
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import correlation_coefficient
    from neo import SpikeTrain

    for name in trains:
        last = [each[-1] for each in trains[name]]
        for found, measure in (
            (run.cv(name, [TRIALS - 1]), statistics.cv),
            (run.cv2(name, [TRIALS - 1]), statistics.cv2),
            (run.lv(name, [TRIALS - 1]), statistics.lv),
        ):
            assert np.allclose(found, [measure(np.diff(t)) for t in last])
        for i, each in enumerate(trains[name]):
            assert float(run.fano(name)[i]) == pytest.approx(
                statistics.fanofactor([SpikeTrain(t, units="ms", t_stop=MS + 1) for t in each])
            )
        neo = [SpikeTrain(t[t < MS], units="ms", t_stop=MS) for t in last]
        binned = BinnedSpikeTrain(neo, bin_size=20.0 * neo[0].units, tolerance=None)
        assert np.allclose(run.correlations(name, 20.0, [TRIALS - 1]), correlation_coefficient(binned))


def test_what_was_not_recorded_is_not_counted(tmp_path):
    exc = Population("exc", 20, LIF(i_e=1000.0))
    record = Record(spikes={exc: [3, 17]})
    Simulation(Network(exc)).run(100.0, record, to=tmp_path / "some.zarr")
    run = open_run(tmp_path / "some.zarr").run
    counts = run.counts("exc")
    assert counts["neuron"].values.tolist() == [3, 17]
    assert counts.sel(neuron=17).item() == len(run.train("exc", 17)) > 0
    with pytest.raises(
        DescriptionError, match="neuron 4 of 'exc': its spikes were not recorded, only those of 2 of"
    ):
        run.train("exc", 4)


def test_weights_of_many_snapshots_are_read_once(tmp_path, monkeypatch):
    """Changes are replayed, not put together anew for each snapshot."""
    from tegmentum.simcore.record.store import RunStore

    n, n_snapshots, draw = 50, 400, np.random.default_rng(0)
    synapses = {"synapse": np.arange(n), "pre": np.arange(n), "post": np.arange(n), "delay": np.ones(n, int)}
    now, wanted = draw.random(n), []
    with RunStore.create(tmp_path / "w.zarr", {}) as store:
        kept = store.snapshots(
            "weights", "learn", synapses, {"n_pre": n, "n_post": n}, 0.1, "f8", "mV", changed=True
        )
        kept.append(0, np.arange(n), now)
        wanted.append(now.copy())
        for k in range(1, n_snapshots):
            place = draw.choice(n, 5, replace=False)
            now[place] = draw.random(5)
            kept.append(10 * k, place, now[place])
            wanted.append(now.copy())
    run = open_run(tmp_path / "w.zarr").run
    monkeypatch.setattr(type(run), "weights", None)  # which begins with the first change each time
    found = run.weight_statistics("learn")
    np.testing.assert_allclose(found["mean"], np.mean(wanted, axis=1))
    np.testing.assert_allclose(found["median"], np.median(wanted, axis=1))
