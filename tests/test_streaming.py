"""Recordings with a store take memory that does not depend on the length of the run, and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.simcore import LIF, Network, Population, Record, Simulation, Trace
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.record import log
from tegmentum.simcore.record.log import Log
from tegmentum.simcore.record.store import RunStore

xr = pytest.importorskip("xarray")


def simulation(n_trials=1):
    return Simulation(Network(Population("p", 5, LIF(i_e=1000.0))), n_trials=n_trials)


def record(every=None):
    return Record(
        spikes=["p"], traces={"v": Trace("p"), "late": Trace("p", "refractory", [4, 1])}, every=every
    )


@pytest.mark.parametrize("n_trials", [1, 3])
def test_buffers_do_not_grow_with_the_run(tmp_path, n_trials):
    sizes = set()
    for n in (10**6, 10**9):
        with RunStore.create(tmp_path / f"{n}.zarr", {}) as store:
            books = Log(simulation(n_trials), record(), n, store)
            recording = books.recording
            if books.spool is not None:
                books.spool.close(complete=True)
            sizes.add(sum(a.nbytes for a in (recording.trace, recording.tick, recording.source)))
    assert len(sizes) == 1
    assert sizes.pop() < 64e6


@pytest.mark.parametrize("n_trials", [1, 2])
@pytest.mark.parametrize("every", [None, 0.7])
def test_what_streams_is_what_a_result_holds(tmp_path, monkeypatch, n_trials, every):
    """The buffer is made small, so that many windows of it follow each other, over two runs."""
    monkeypatch.setattr(log, "TRACE_BUFFER", 7 * 13 * n_trials)
    here, there = simulation(n_trials), simulation(n_trials)
    for part, ms in enumerate((60.3, 90.0)):
        whole = here.run(ms, record(every))
        streamed = there.run(ms, record(every), to=tmp_path / f"{part}.zarr")
        assert not streamed.traces
        with xr.open_datatree(tmp_path / f"{part}.zarr", engine="zarr") as tree:
            for name, state in (("v", "v"), ("late", "refractory")):
                group = tree[f"traces/{name}"]
                np.testing.assert_array_equal(group["tick"].values, whole.trace_tick)
                got = group[state].values.reshape(len(whole.trace_tick), n_trials, -1)
                np.testing.assert_array_equal(got, whole.traces[name].transpose(1, 0, 2))
            np.testing.assert_array_equal(tree["spikes/p"]["t"].values, whole.spikes["p"].tick)
            np.testing.assert_array_equal(tree["spikes/p"]["neuron"].values, whole.spikes["p"].neuron)


def test_names_and_objects_are_the_same_to_a_record():
    s = simulation()
    p = s.network["p"]
    by_name = s.run(50.0, Record(["p"], {"v": Trace("p", "v", [1])}))
    s.reset()
    by_object = s.run(50.0, Record([p], {"v": Trace(p, "v", [1])}))
    np.testing.assert_array_equal(by_name.spikes["p"].tick, by_object.spikes["p"].tick)
    np.testing.assert_array_equal(by_name.traces["v"], by_object.traces["v"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda p: Record(p),
            "Record: spikes must be a list of populations or of their names, got Population 'p'",
        ),
        (lambda p: Record("p"), "Record: spikes must be a list"),
        (lambda p: Record(["q"]), "Record: 'q' is not in the network; there is 'p'"),
        (lambda p: Record([3]), "Record: 3 is not in the network"),
        (lambda p: Record([Population("p", 5, LIF())]), "Record: 'p' is not in the network"),
        (lambda p: Record(traces={"v": p}), "Record: trace 'v' must be a Trace, got Population 'p'"),
        (lambda p: Record(traces=Trace(p)), "Record: traces must map names to Traces"),
        (lambda p: Record(traces={"v": Trace("q")}), "Record: 'q' is not in the network"),
        (lambda p: Record(traces={"v": Trace("p", "x")}), "Trace of 'p': no state 'x'"),
        (lambda p: Record(traces={"v": Trace("p", "v", [7])}), r"neurons must be in \[0, 5\)"),
        (lambda p: Record(traces={"v": Trace(p, "v", [0.5])}), "neurons must be whole numbers"),
        (
            lambda p: Record(traces={"v": Trace(5)}),
            "population must be a Population or the name of one, got 5",
        ),
        (lambda p: Record(every="1"), "Record: every must be a number"),
        (lambda p: [p], "run: record must be a Record"),
    ],
)
def test_wrong_records_are_refused(tmp_path, make, message):
    s = simulation()
    with pytest.raises(DescriptionError, match=message):
        s.run(10.0, make(s.network["p"]), to=tmp_path / "run.zarr")
    assert not (tmp_path / "run.zarr").exists()


def test_durations_are_numbers_and_no_time_has_no_rate():
    s = simulation()
    for ms in ("100 ms", None, float("nan"), float("inf"), True):
        expected = "finite" if isinstance(ms, float) else "a number"
        with pytest.raises(DescriptionError, match=f"run: ms must be {expected}, got"):
            s.run(ms)
    nothing = s.run(0.0)
    with pytest.raises(DescriptionError, match="0 ms has no rates"):
        nothing.rates()
    assert "0 to 0 ms" in repr(nothing)


def test_a_result_is_shown_in_few_words():
    result = simulation().run(100.0, Record(["p"]))
    assert repr(result).splitlines() == [
        "Result: 0 to 100 ms, 0 synaptic events",
        f"  p, 5 neurons, {result.n_spikes['p']} spikes, {result.rates()['p']:.3g} Hz",
    ]
    assert f"<td>{result.n_spikes['p']} spikes</td>" in result._repr_html_()


def test_a_result_says_where_what_is_not_in_it_went(tmp_path):
    s = simulation()
    kept = s.run(10.0, Record(["p"], {"v": Trace("p", "v", [0])}))
    with pytest.raises(KeyError, match="no spikes of 'q' were kept; there is 'p'"):
        kept.spikes["q"]
    with pytest.raises(KeyError, match="no weights of 'w' were kept; there is nothing"):
        kept.weights["w"]
    stored = s.run(10.0, Record(["p"], {"v": Trace("p", "v", [0])}), to=tmp_path / "run.zarr")
    for what in (stored.spikes, stored.traces):
        with pytest.raises(KeyError, match=r"went to the store: open_run\('.*run\.zarr'\)"):
            what["p"]
    assert dict(stored.spikes) == {}
