"""Histories: what a run looked at is what a reader finds at that moment, and looking changes nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tegmentum.plasticity import STDP, BennaFusiSTDP, DopamineSTDP, LinearReceptor
from tegmentum.simcore import (
    LIF,
    ByPost,
    DescriptionError,
    FixedIndegree,
    Modulator,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Release,
    Simulation,
    Snapshots,
    Uniform,
)
from tegmentum.simcore.record.histories import NEVER, Histories

xr = pytest.importorskip("xarray")
pytestmark = pytest.mark.slow
N = 60


def network():
    neuron = LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0)
    exc, da, out = Population("exc", N, neuron), Population("da", 6, neuron), Population("out", N, neuron)
    releases = (Release(da, 0.02, 1.0, onto=np.arange(6) % 3),)
    dopamine = Modulator("dopamine", 3, tau=30.0, baseline=0.1, releases=releases)
    rule = DopamineSTDP(
        dopamine, LinearReceptor(1.0, 0.1), ByPost(np.arange(N) % 3), tau_e=40.0, a_plus=0.02, a_minus=0.02,
        w_max=0.8,
    )  # fmt: skip
    return Network(
        exc, da, out,
        Projection(exc, exc, FixedIndegree(10), Uniform(0.2, 0.6), Uniform(1.0, 3.0), plasticity=rule, name="learn"),
        Projection(exc, out, FixedIndegree(10), 0.3, 1.5, plasticity=STDP(lam=0.05), name="pair"),
        Projection(exc, exc, FixedIndegree(2), 0.1, 1.5, name="fixed"),
        Poisson(exc, rate=1_500.0, weight=0.6),
        Poisson(out, rate=1_000.0, weight=0.6),
        Poisson(da, rate=3_000.0, weight=0.4),
    )  # fmt: skip


def simulation(**more):
    return Simulation(network(), seed=3, **more)


SOME = [5, 0, 77, 599]
RECORD = Record(
    weights={"learn": 20.0, "pair": Snapshots(30.0, synapses=SOME)},
    eligibility={"learn": Snapshots(25.0, synapses=7)},
    modulators={"dopamine": 0.7},
)


@pytest.fixture(scope="module")
def looked():
    """A run that is stopped and read by hand wherever RECORD looks."""
    s = simulation()
    w, pair, e, levels = {}, {}, {}, {}
    moments = {t for every in (200, 300, 250, 7) for t in range(0, 1501, every)}
    for tick in sorted(moments):
        s.run((tick - s.tick) * s.dt)
        if tick % 200 == 0:
            w[tick] = s.synapses("learn").weight
        if tick % 300 == 0:
            pair[tick] = s.synapses("pair").weight[SOME]
        if tick % 250 == 0:
            e[tick] = s.synapses("learn").eligibility[np.arange(7) * 600 // 7]
        if tick % 7 == 0:
            levels[tick] = s.levels("dopamine")
    s.run(150.0 - s.t)
    return {"learn": w, "pair": pair, "e": e, "dopamine": levels}


def check(history, by_hand):
    assert history.tick.tolist() == list(by_hand)
    np.testing.assert_allclose(history.t, history.tick * 0.1)
    np.testing.assert_array_equal(history.values, np.array(list(by_hand.values())))


@pytest.mark.parametrize("threads", [1, 2])
def test_histories_hold_what_a_reader_finds(looked, threads):
    s = simulation(threads=threads)
    result = s.run(150.0, RECORD)
    check(result.weights["learn"], looked["learn"])
    check(result.weights["pair"], looked["pair"])
    check(result.eligibility["learn"], looked["e"])
    check(result.modulators["dopamine"], looked["dopamine"])
    assert np.unique(result.weights["learn"].values[-1]).size > 300
    assert np.unique(result.weights["pair"].values[-1]).size > 1
    assert np.ptp(result.modulators["dopamine"].values[-1]) > 0
    pair, all_pairs = result.weights["pair"], s.synapses("pair")
    np.testing.assert_array_equal(pair.synapse, SOME)
    np.testing.assert_array_equal(pair.pre, all_pairs.pre[SOME])
    np.testing.assert_array_equal(pair.post, all_pairs.post[SOME])
    assert "weights of learn, pair, eligibility of learn, levels of dopamine" in repr(result)


def test_looking_changes_no_bit():
    seen, unseen = simulation(), simulation()
    both = [s.run(150.0, record) for s, record in ((seen, RECORD), (unseen, Record()))]
    assert both[0].n_spikes == both[1].n_spikes
    assert both[0].synaptic_events == both[1].synaptic_events
    assert both[0].weights["learn"].values.dtype == np.float32
    a, b = seen.state(), unseen.state()
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def joined(parts):
    """Snapshots of runs one after another; one at a border is in both."""
    ticks = np.concatenate([part.tick for part in parts])
    values = np.concatenate([part.values for part in parts])
    kept = np.concatenate([[True], np.diff(ticks) > 0])
    np.testing.assert_array_equal(values[~kept], values[np.flatnonzero(~kept) - 1])
    return ticks[kept], values[kept]


def test_runs_may_be_split_anywhere(looked):
    s = simulation()
    parts = [s.run(ms, RECORD) for ms in (33.3, 26.7, 0.1, 89.9)]
    assert [len(part.weights["learn"]) for part in parts] == [
        2,
        2,
        1,
        4,
    ]  # 60 ms is the end of one run, and a start
    for kind, name, key in (
        ("weights", "learn", "learn"), ("weights", "pair", "pair"), ("eligibility", "learn", "e"),
        ("modulators", "dopamine", "dopamine"),
    ):  # fmt: skip
        ticks, values = joined([getattr(part, kind)[name] for part in parts])
        assert ticks.tolist() == list(looked[key])
        np.testing.assert_array_equal(values, np.array(list(looked[key].values())))


def test_a_run_without_a_moment_has_an_empty_history():
    s = simulation()
    s.run(1.0)
    result = s.run(2.0, RECORD)
    assert result.weights["learn"].values.shape == (0, 600)
    assert result.weights["pair"].values.shape == (0, 4)
    assert len(result.modulators["dopamine"]) == 3


@pytest.mark.parametrize("synapses", [None, SOME, 50])
def test_changes_add_up_to_whole_snapshots(synapses, tmp_path):
    def record(changed):
        return Record(
            weights={"pair": Snapshots(5.0, synapses, changed)},
            eligibility={"learn": Snapshots(50.0, synapses, changed)},
        )

    whole, changes = (simulation().run(150.0, record(changed)) for changed in (False, True))
    a, b = whole.weights["pair"], changes.weights["pair"]
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(whole.eligibility["learn"].values, changes.eligibility["learn"].values)
    n = a.values.shape[1]
    assert len(b.value) == n + np.count_nonzero(a.values[1:] != a.values[:-1])
    assert n < len(b.value) < 0.8 * a.values.size
    simulation().run(150.0, record(True), to=tmp_path / "run.zarr")
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        group = tree["weights/pair"]
        np.testing.assert_array_equal(group["place"], b.place)
        np.testing.assert_array_equal(group["snapshot"], b.snapshot)
        np.testing.assert_array_equal(group["w"], b.value)
        np.testing.assert_array_equal(group["n_changes"], np.bincount(b.snapshot, minlength=31))
        np.testing.assert_array_equal(group["synapse"], b.synapse)
        np.testing.assert_array_equal(group["time"], b.t)


def test_what_streams_is_what_a_result_holds(tmp_path, monkeypatch):
    """Chunks are made small, so that many follow each other."""
    from tegmentum.simcore.record import layout

    monkeypatch.setattr(layout, "CHUNK", 1500)
    kept = simulation().run(150.0, RECORD)
    streamed = simulation().run(150.0, RECORD, to=tmp_path / "run.zarr")
    assert not streamed.weights
    assert not streamed.modulators
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        for kind, variable in (("weights", "w"), ("eligibility", "e")):
            for name, history in getattr(kept, kind).items():
                group = tree[f"{kind}/{name}"]
                assert group[variable].dims == ("time", "synapse")
                np.testing.assert_array_equal(group[variable], history.values)
                np.testing.assert_array_equal(group["tick"], history.tick)
                for column in ("synapse", "pre", "post"):
                    np.testing.assert_array_equal(group[column], getattr(history, column))
        w = tree["weights/pair"]["w"]
        assert w.attrs["units"] == "mV"
        np.testing.assert_array_equal(w.sel(time=90.0, synapse=77), kept.weights["pair"].values[3, 2])
        level = tree["modulators/dopamine"]["level"]
        np.testing.assert_array_equal(level.sel(channel="dopamine"), kept.modulators["dopamine"].values)
        assert level.sel(time=2.1)["tick"] == 21


def test_objects_are_their_names():
    s = simulation()
    learn = s.network["learn"]
    modulator = learn.plasticity.modulator
    by_object = s.run(40.0, Record(weights={learn: 20.0}, modulators={modulator: 10.0}))
    assert by_object.weights.keys() == {"learn"}
    assert by_object.modulators.keys() == {"dopamine"}


def test_whoever_advances_asks_when_to_look(looked):
    """The seam of other protocols: advance to ``due``, then ``look``, as often as one likes."""
    s = simulation()
    record = RECORD.of(s.network)
    histories = Histories(s, record)
    assert [histories.due(tick) for tick in (0, 6, 7, 199)] == [7, 7, 14, 200]
    assert Histories(s, Record()).due(0) == NEVER
    histories.look(s)
    while s.tick < 1500:
        s.run((min(histories.due(s.tick), 1500) - s.tick) * s.dt)
        histories.look(s)
        histories.look(s)
    result = histories.into(s, s.run(0.0))
    check(result.weights["learn"], looked["learn"])
    check(result.modulators["dopamine"], looked["dopamine"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Record(weights={"x": 1.0}), "Record: weights: there is no projection 'x'; there are: 'learn'"),
        (lambda: Record(weights={"fixed": 1.0}), "'fixed' is not plastic; plastic are: 'learn', 'pair'"),
        (lambda: Record(eligibility={"pair": 1.0}), "'pair' has none called e: STDP keeps nothing besides the weight"),
        (lambda: Record(modulators={"x": 1.0}), "no modulator 'x'; there are: 'dopamine'"),
        (lambda: Record(weights={"learn": 0.25}), "weights of 'learn': every must be a multiple of dt"),
        (lambda: Record(weights={"learn": 0.01}), "every must be a multiple of dt"),
        (lambda: Record(modulators={"dopamine": 0.25}), "modulators: 'dopamine': every must be a multiple of dt"),
        (lambda: Record(weights={"learn": Snapshots(1.0, [600])}), r"must be in \[0, 600\), got 600"),
        (lambda: Record(weights={"learn": Snapshots(1.0, [-1])}), "must be ids >= 0, got -1"),
        (lambda: Record(weights={"learn": Snapshots(1.0, [0.5])}), "synapses must be a number or a list of ids"),
        (lambda: Record(weights={"learn": Snapshots(1.0, 0)}), "synapses must be >= 1, got 0"),
        (lambda: Record(weights={"learn": Snapshots(1.0, [])}), "synapses must be a list of ids"),
        (lambda: Record(weights={"learn": Snapshots(1.0, changed=1)}), "changed must be True or False, got 1"),
        (lambda: Record(weights={"learn": Snapshots(0.0)}), "Snapshots: every must be > 0 ms, got 0"),
        (lambda: Record(weights={"learn": "1"}), "weights of 'learn': must be the time between snapshots"),
        (lambda: Record(weights={"learn": True}), "weights of 'learn': must be the time between snapshots"),
        (lambda: Record(modulators={"dopamine": -1.0}), "time between samples must be > 0 ms"),
        (lambda: Record(weights=["learn"]), "weights must be a mapping such as"),
        (lambda: Record(weights={3: 1.0}), "weights must map names"),
    ],
)  # fmt: skip
def test_wrong_histories_are_refused_before_a_store_is_there(tmp_path, make, message):
    s = simulation()
    with pytest.raises(DescriptionError, match=message):
        s.run(10.0, make(), to=tmp_path / "run.zarr")
    assert s.tick == 0
    assert not list(tmp_path.iterdir())


def test_ids_are_spaced_evenly():
    assert Snapshots(1.0, 4).ids(10, "").tolist() == [0, 2, 5, 7]
    assert Snapshots(1.0, 12).ids(10, "").tolist() == list(range(10))
    assert all(np.unique(Snapshots(1.0, k).ids(37, "")).size == k for k in range(1, 38))
    for n, k in itertools.product((0, 1), (1, 3)):
        assert Snapshots(1.0, k).ids(n, "").size == n


def test_whatever_a_rule_keeps_is_recorded_by_its_name(tmp_path):
    """What a consolidating rule has of slower variables, and the two eligibilities of another are not called ``e``."""
    exc = Population("exc", N, LIF(tau_m=10.0, v_thresh=10.0))
    rule = BennaFusiSTDP(a_plus=0.05, a_minus=0.05, tau=50.0)
    learn = Projection(exc, exc, FixedIndegree(10), Uniform(0.2, 0.6), 1.5, plasticity=rule, name="learn")
    net = Network(exc, learn, Poisson(exc, rate=1_500.0, weight=0.6))
    record = Record(eligibility={"learn": Snapshots(20.0, synapses=SOME, kept="m3")})
    together = Simulation(net, seed=3).run(60.0, record=record).eligibility["learn"]
    Simulation(net, seed=3).run(60.0, record=record, to=tmp_path / "kept.zarr")
    stored = xr.open_datatree(tmp_path / "kept.zarr", engine="zarr")["eligibility/learn"]
    looked = Simulation(net, seed=3)
    for k in range(4):
        now = looked.synapses("learn").kept["m3"][SOME]
        assert np.array_equal(together.values[k], now)
        assert np.array_equal(stored["e"].values[k], now)
        looked.run(20.0)
    assert np.any(together.values[-1])
    with pytest.raises(DescriptionError, match="keeps m2, m3, m4; say Snapshots"):
        Simulation(net).run(1.0, record=Record(eligibility={"learn": 20.0}))
