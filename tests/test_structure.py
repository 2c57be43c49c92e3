"""Turnover of synapses: ids that stay, what is lost and grown, threads, splits and states."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity import STDP, DopamineSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    BySynapse,
    DescriptionError,
    FixedIndegree,
    LIFExp,
    Modulator,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Snapshots,
    Turnover,
)
from tegmentum.simcore.lower.synapses import Synapses
from tegmentum.simcore.lower.turnover import grown, lost

DOPAMINE = Modulator("dopamine", tau=100.0)
NEURON = LIFExp(tau_m=10.0, c_m=100.0, v_thresh=10.0)


def network(**turnover):
    exc = Population("exc", 40, NEURON)
    pair = STDP(lam=0.2, w_max=40.0)
    dopamine = DopamineSTDP(DOPAMINE, tau_e=100.0, a_plus=2.0, a_minus=2.0, w_max=40.0)
    structure = Turnover(
        **{"every": 20.0, "indegree": 10, "below": 4.0, "weight": 15.0, "delay": 2.0} | turnover
    )
    return Network(
        exc,
        Projection(exc, exc, FixedIndegree(10), 12.0, 1.5, plasticity=pair, name="pair", structure=structure),
        Projection(
            exc, exc, FixedIndegree(5), 12.0, 1.0, plasticity=dopamine, name="dopamine", structure=structure
        ),
        Projection(exc, exc, FixedIndegree(5), 3.0, 1.0, name="fixed"),
        Poisson(exc, 4000.0, 60.0),
    )


def begun(threads=1, **turnover):
    simulation = Simulation(network(**turnover), seed=3, threads=threads, max_rate=1e4)
    simulation.release("dopamine", -0.5)
    return simulation


def same(a, b):
    for name in ("pair", "dopamine"):
        x, y = a.synapses(name), b.synapses(name)
        for field in ("pre", "post", "delay", "weight", "ids"):
            np.testing.assert_array_equal(getattr(x, field), getattr(y, field), err_msg=f"{name} {field}")
    one, other = a.state(), b.state()
    assert one.keys() == other.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(values, other[key], err_msg=key)


@pytest.mark.slow
def test_threads_splits_states_and_forks_change_no_bit(tmp_path):
    whole = begun()
    first = whole.synapses("pair")
    spikes = whole.run(130.0, Record(spikes=["exc"])).spikes["exc"]
    turned = whole.synapses("pair")
    assert len(np.setdiff1d(first.ids, turned.ids)) > 20
    assert np.all(np.bincount(turned.post, minlength=40) == 10)
    two = begun(2)
    two.run(130.0)
    same(whole, two)
    split = begun(2)
    parts = [split.run(ms, Record(spikes=["exc"])).spikes["exc"] for ms in (7.0, 33.0, 20.0)]
    saved = tmp_path / "saved"
    split.save(saved)
    loaded = Simulation.load(saved, network(), threads=1)
    forked = split.fork()
    for simulation in (split, loaded, forked):
        rest = [simulation.run(ms, Record(spikes=["exc"])).spikes["exc"] for ms in (0.1, 69.9)]
        same(whole, simulation)
        np.testing.assert_array_equal(np.concatenate([s.tick for s in parts + rest]), spikes.tick)


@pytest.mark.slow
def test_ids_stay_and_are_never_used_again():
    simulation, known, gone, end = begun(), {}, set(), 0
    for _ in range(8):
        found = simulation.synapses("pair")
        now = dict(zip(found.ids.tolist(), zip(found.pre, found.post, found.delay, strict=True), strict=True))
        assert len(now) == len(found)
        assert not gone & now.keys()
        assert all(now[i] == known[i] for i in now.keys() & known.keys())
        assert min(now.keys() - known.keys(), default=end) >= end
        gone |= known.keys() - now.keys()
        known |= now
        end = max(known) + 1
        simulation.run(20.0)
    assert len(gone) > 50


@pytest.mark.slow
def test_histories_follow_their_synapses():
    simulation = begun()
    ids = simulation.synapses("pair").ids
    record = Record(weights={"pair": 10.0, "dopamine": Snapshots(10.0, synapses=[3, 7, 50], changed=True)})
    result = simulation.run(100.0, record)
    history, after = result.weights["pair"], simulation.synapses("pair")
    np.testing.assert_array_equal(history.synapse, ids)
    stayed = np.isin(ids, after.ids)
    assert 0 < stayed.sum() < len(ids)
    np.testing.assert_array_equal(np.isnan(history.values[-1]), ~stayed)
    order = np.argsort(after.ids)
    at = order[np.searchsorted(after.ids[order], ids[stayed])]
    np.testing.assert_array_equal(history.values[-1, stayed], after.weight[at].astype(np.float32))
    lost_at = np.isnan(history.values)
    assert np.all(lost_at[1:] >= lost_at[:-1])  # what is lost does not come back
    assert result.weights["dopamine"].values.shape == (11, 3)
    with pytest.raises(DescriptionError, match=f"there is no synapse {ids[~stayed][0]} now"):
        simulation.run(1.0, Record(weights={"pair": Snapshots(1.0, synapses=[int(ids[~stayed][0])])}))
    plain = begun()
    plain.run(100.0)  # looking changes nothing
    same(simulation, plain)


@pytest.mark.slow
def test_homeostasis_brings_neurons_to_their_rate():
    """Contacts from a steady input; neurons that are too slow grow them, those too fast lose them."""
    src, cell = Population("src", 200, LIF(v_thresh=15.0)), Population("cell", 30, NEURON)
    rates = {}
    for start in (5, 120):
        structure = Turnover(every=200.0, rate=20.0, growth=4.0, weight=30.0)
        learn = Projection(
            src, cell, FixedIndegree(start), 30.0, plasticity=STDP(lam=0.0, w_max=40.0), structure=structure
        )
        simulation = Simulation(Network(src, cell, learn, Poisson(src, 2000.0, 1.0)), seed=1, max_rate=1e4)
        before = simulation.run(200.0).rates()["cell"]
        simulation.run(8000.0)
        rates[start] = before, simulation.run(1000.0).rates()["cell"], len(simulation.synapses(learn)) / 30
    assert rates[5][0] < 5 < 60 < rates[120][0]
    assert abs(rates[5][1] - 20.0) < 6.0, rates
    assert abs(rates[120][1] - 20.0) < 6.0, rates
    assert abs(rates[5][2] - rates[120][2]) < 0.35 * rates[5][2], rates


def drawn(seed):
    rng = np.random.default_rng(seed)
    n = 60
    pre, post = rng.integers(0, 12, n), rng.integers(0, 8, n)
    order = np.lexsort((post, pre))
    return Synapses(
        pre[order], post[order], np.ones(n, np.int64), rng.uniform(-1, 1, n), {}, rng.permutation(n)
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_is_lost_and_grown_against_slow_python(seed):
    found, rule = drawn(seed), Turnover(every=1.0, indegree=6, below=0.2)
    want = np.random.default_rng(seed).integers(0, 11, 8)
    gone = lost(rule, found, found.ids, want)
    expected = set()
    for j in range(8):
        mine = sorted((abs(found.weight[s]), found.ids[s], s) for s in range(60) if found.post[s] == j)
        weak = [s for w, _, s in mine if w < 0.2]
        strong = [s for w, _, s in mine if w >= 0.2]
        expected |= {*weak, *strong[: max(len(strong) - want[j], 0)]}
    assert set(np.flatnonzero(gone)) == expected
    pre, post = grown(rule, found, gone, want, 12, True, seed, (1, 2))
    before = set(zip(found.pre, found.post, strict=True))
    new = list(zip(pre, post, strict=True))
    assert len(set(new)) == len(new)
    assert not before & set(new)
    assert np.all(pre != post)
    for j in range(8):
        free = 12 - len({p for p, q in before if q == j} | {j})
        have = np.sum((found.post == j) & ~gone)
        assert np.sum(post == j) == min(max(want[j] - have, 0), free)


def test_contacts_grow_from_all_pre_neurons_alike():
    none = Synapses(*np.zeros((3, 0), np.int64), np.zeros(0))
    rule, want = Turnover(every=1.0, indegree=5), np.full(4000, 5)
    pre, _ = grown(rule, none, np.zeros(0, bool), want, 20, False, 7, (0, 0))
    counts = np.bincount(pre, minlength=20)
    assert np.sum((counts - 1000.0) ** 2 / 1000.0) < 36.2  # 99 % of chi-squared with 19 degrees of freedom
    other, _ = grown(rule, none, np.zeros(0, bool), want, 20, False, 7, (0, 1))
    assert np.mean(pre != other) > 0.5


CELL = Population("p", 3, LIF())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"structure": Turnover(10.0), "plasticity": STDP()}, "needs indegree or rate, one of them"),
        (
            {"structure": Turnover(10.0, 3, rate=5.0), "plasticity": STDP()},
            "needs indegree or rate, one of them",
        ),
        ({"structure": Turnover(0.0, 3), "plasticity": STDP()}, "every must be > 0 ms"),
        ({"structure": Turnover(10.0, 3, below=-1.0), "plasticity": STDP()}, "below must be >= 0"),
        (
            {"structure": Turnover(10.0, 3, weight=2.0), "plasticity": STDP()},
            r"weight of Turnover must be in \[0, 1\]",
        ),
        ({"structure": Turnover(10.0, 3)}, "structure is for synapses that learn"),
        ({"structure": 5, "plasticity": STDP()}, r"structure must be Turnover\(\.\.\.\), got 5"),
        (
            {
                "structure": Turnover(10.0, 3),
                "plasticity": DopamineSTDP(DOPAMINE, subpopulations=BySynapse([0] * 9)),
            },
            "structure cannot go with BySynapse",
        ),
    ],
)
def test_what_is_wrong_is_named(more, message):
    with pytest.raises(DescriptionError, match=message):
        Projection(CELL, CELL, AllToAll(), 0.5, **more)


@pytest.mark.slow
def test_reset_and_what_has_no_structure():
    simulation = begun()
    first = simulation.synapses("pair")
    simulation.run(60.0)
    turned = simulation.synapses("pair")
    with pytest.raises(DescriptionError, match="'fixed' has no structure"):
        simulation.restructure("fixed")
    simulation.reset()
    np.testing.assert_array_equal(simulation.synapses("pair").ids, turned.ids)
    simulation.reset(keep=())
    again = simulation.synapses("pair")
    np.testing.assert_array_equal(again.pre, first.pre)
    np.testing.assert_array_equal(again.weight, first.weight)
    np.testing.assert_array_equal(again.ids, first.ids)


def test_a_file_names_the_turnover(tmp_path):
    from tegmentum.cli.config import network_of, read

    file = tmp_path / "net.toml"
    file.write_text(
        '[simulation]\nduration = 1.0\n\n[populations.p]\nsize = 5\nmodel = { type = "LIF" }\n\n[[projections]]\n'
        'pre = "p"\npost = "p"\nrule = { type = "AllToAll" }\nweight = 0.5\nplasticity = { type = "STDP" }\n'
        "structure = { every = 100.0, indegree = 3, below = 0.1, weight = 0.2 }\n"
    )
    assert network_of(read(file))["p-p"].structure == Turnover(100.0, 3, below=0.1, weight=0.2)
