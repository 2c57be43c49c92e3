"""Recording a part: some neurons, and a window of model time; a rate is that of what was recorded."""

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
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Trace,
)

pytestmark = pytest.mark.numbers

SOME = [3, 17, 40]


def network():
    exc = Population("exc", 50, LIF())
    inh = Population("inh", 20, LIF())
    learn = Projection(exc, exc, FixedIndegree(5), weight=0.5, plasticity=STDP(), name="learn")
    return Network(
        exc,
        inh,
        learn,
        Poisson(exc, rate=3_000.0, weight=0.8),
        Poisson(inh, rate=3_000.0, weight=0.8),
    )


def run(record, parts=(90.0,), to=None, threads=1):
    simulation = Simulation(network(), seed=3, threads=threads)
    return [simulation.run(ms, record=record, to=to) for ms in parts][-1]


def whole():
    return Record(
        spikes=["exc", "inh"],
        traces={"v": Trace("exc", "v", neurons=[0, 1])},
        every=2.0,
        weights={"learn": 10.0},
    )


def part(**window):
    kept = whole()
    return Record(
        spikes={"exc": SOME, "inh": None}, traces=kept.traces, every=2.0, weights=kept.weights, **window
    )


@pytest.fixture(scope="module")
def everything():
    return run(whole())


@pytest.mark.parametrize(
    ("start", "stop"), [(0.0, np.inf), (25.0, 61.0), (20.0, 60.0), (0.0, 33.3), (71.1, 500.0)]
)
def test_a_part_is_what_lies_in_it(everything, start, stop):
    found = run(part(start=start, stop=stop))
    for name in ("exc", "inh"):
        all_of = everything.spikes[name]
        inside = (all_of.t > start + 1e-6) & (all_of.t < stop + 1e-6)
        if name == "exc":
            inside &= np.isin(all_of.neuron, SOME)
        assert inside.any()
        assert np.array_equal(found.spikes[name].tick, all_of.tick[inside])
        assert np.array_equal(found.spikes[name].neuron, all_of.neuron[inside])
    sampled = (everything.trace_tick * 0.1 > start + 1e-6) & (everything.trace_tick * 0.1 < stop + 1e-6)
    assert np.array_equal(found.trace_tick, everything.trace_tick[sampled])
    assert np.array_equal(found.traces["v"], everything.traces["v"][:, sampled])
    seen = (everything.weights["learn"].t > start - 1e-6) & (everything.weights["learn"].t < stop + 1e-6)
    assert np.array_equal(found.weights["learn"].tick, everything.weights["learn"].tick[seen])
    assert np.array_equal(found.weights["learn"].values, everything.weights["learn"].values[seen])
    assert found.n_spikes == everything.n_spikes


def test_the_window_is_of_model_time_however_a_run_is_split(everything):
    simulation, record = Simulation(network(), seed=3, threads=2), part(start=25.0, stop=61.0)
    found = [simulation.run(ms, record=record) for ms in (20.0, 33.3, 36.7)]
    together = run(record)
    assert len(found[0].spikes["inh"]) == 0
    for name in ("exc", "inh"):
        assert np.array_equal(
            np.concatenate([r.spikes[name].tick for r in found]), together.spikes[name].tick
        )
    assert np.array_equal(np.concatenate([r.traces["v"] for r in found], axis=1), together.traces["v"])


def test_a_store_tells_what_is_in_it_and_rates_are_of_that(tmp_path, everything):
    run(part(start=25.0, stop=61.0), to=tmp_path / "part.zarr")
    tree = open_run(tmp_path / "part.zarr")
    assert tree["spikes/exc"]["recorded"].values.tolist() == SOME
    assert tree["spikes/exc"].attrs["window"] == [250, 610]
    rates, n = tree.run.rates(), tree["spikes/exc"].sizes["spike"]
    assert rates.sel(population="exc").item() == pytest.approx(n / 3 / 0.036)
    course = tree.run.rates("exc", bin=10.0).values[0]
    assert np.isnan(course).tolist() == [True, True] + [False] * 5 + [True, True]
    lasted = np.array([0.005, 0.01, 0.01, 0.01, 0.001])
    assert (course[2:7] * lasted * 3).sum() == pytest.approx(n)
    assert tree["traces/v"]["tick"].values.tolist() == list(range(260, 601, 20))
    assert tree["weights/learn"]["tick"].values.tolist() == [300, 400, 500, 600]


def test_a_run_that_is_gone_on_with_records_the_same(tmp_path):
    record = part(start=25.0, stop=61.0)
    run(record, to=tmp_path / "once.zarr")
    first = Simulation(network(), seed=3)
    first.run(40.0, record=record, to=tmp_path / "twice.zarr", checkpoint_every=1e6)
    Simulation.resume(tmp_path / "twice.zarr", network(), until=90.0)
    once, twice = open_run(tmp_path / "once.zarr"), open_run(tmp_path / "twice.zarr")
    for group in ("spikes/exc", "spikes/inh", "traces/v", "weights/learn"):
        assert once[group].to_dataset().identical(twice[group].to_dataset()), group


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 5.0, "stop": 5.0}, "stop must be > start = 5.0 ms, got 5.0"),
        ({"start": -1.0}, "start must be"),
        ({"spikes": {"exc": [1, 1]}}, "different numbers"),
        ({"spikes": {"exc": 0}}, "neurons must be"),
        ({"spikes": {"exc": [0.5]}}, "neurons must be"),
        ({"spikes": {"exc": [50]}}, r"neurons must be in \[0, 50\), got 50"),
        ({"start": 0.05}, "start must be a multiple of dt"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_the_run(options, message):
    with pytest.raises(DescriptionError, match=message):
        run(Record(**{"spikes": ["exc"]} | options))


def test_a_file_says_the_same(tegmentum, tmp_path):
    (tmp_path / "net.toml").write_text(
        """
[simulation]
duration = 60.0
seed = 3
[populations.exc]
size = 50
model = { type = "LIF" }
[[poisson]]
post = "exc"
rate = 3000.0
weight = 0.8
[record]
spikes = { exc = [3, 17, 40] }
start = 20.0
stop = 50.0
"""
    )
    assert tegmentum("run", tmp_path / "net.toml", "--out", tmp_path / "out.zarr").code == 0
    group = open_run(tmp_path / "out.zarr")["spikes/exc"]
    assert set(group["neuron"].values) <= set(SOME)
    assert 20.0 < group["time"].values.min() <= group["time"].values.max() <= 50.0
    entry = tegmentum("inspect", tmp_path / "out.zarr", "--json").document["spikes"]["exc"]
    assert entry["mean_rate"] == pytest.approx(1000 * group.sizes["spike"] / 3 / 30.0)
    assert "of 3 of 50 neurons after 20 ms until 50 ms" in tegmentum("inspect", tmp_path / "out.zarr").out
    for kind in ("raster", "rates"):
        assert tegmentum("plot", tmp_path / "out.zarr", kind, "-o", tmp_path / f"{kind}.png").code == 0
