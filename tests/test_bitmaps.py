"""Rows of bits: dense synapses of one weight, stored and delivered otherwise, and nothing else changes."""

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    FixedIndegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    LIFExp,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
)
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.lower import rows
from tegmentum.simcore.lower.arrays import BITMAP
from tegmentum.simcore.lower.expanded import expanded
from tegmentum.simcore.lower.footprint import footprint

N = 700  # two lines of bits, the second not full; the last group of targets begins within the one before


@pytest.fixture
def stored(monkeypatch):
    """Return a function that has a network stored with or without rows of bits, whatever the processor."""

    def made(bits, network, **options):
        monkeypatch.setattr(rows, "has_masks", lambda: bits)
        simulation = Simulation(network, seed=3, **{"threads": 1, **options})
        forms = np.concatenate([wires.group_format for wires in simulation._wires])
        wide = simulation.threads < 7  # else a shard has too few neurons for a group of targets
        assert (BITMAP in forms) == (bits and wide)
        return simulation

    return made


def busy(model=None, n=N):
    """Two populations under input from each other, with multapses, one sparse projection and one of own weights."""
    model = LIF(t_ref=1.0) if model is None else model
    exc, inh = Population("exc", n, model), Population("inh", n // 3, model)
    many = FixedIndegree(n // 5)
    return Network(
        exc,
        inh,
        Projection(exc, exc, many, 0.1, 1.5, name="ee"),
        Projection(exc, inh, many, 0.1, 1.5, name="ei"),
        Projection(inh, exc, FixedProbability(0.3), -0.2, 1.5, name="ie"),
        Projection(inh, inh, FixedIndegree(3), -0.2, 0.4, name="ii"),
        Projection(
            inh, inh, FixedIndegree(9), Normal(0.1, 0.01), 0.9, receptor=model.receptors[0], name="own"
        ),
        *(Poisson(post, rate=30_000.0, weight=0.1) for post in (exc, inh)),
    )


def spikes_of(simulation, ms=60.0):
    result = simulation.run(ms, Record(spikes=list(simulation.network.populations)))
    found = [(s.tick, s.neuron) for s in (result.spikes[p.name] for p in simulation.network.populations)]
    assert len(found[0][0]) > 300
    return found, result.synaptic_events


def assert_same(one, other):
    (found, events), (others, other_events) = one, other
    assert events == other_events
    for a, b in zip(found, others, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threads": 3},
        {"precision": "float64", "threads": 2},
        {"arithmetic": "fixed"},
        {"threads": 5},
        {"threads": 7},
    ],
    ids=str,
)
def test_spikes_are_those_of_lists(stored, options):
    assert_same(*(spikes_of(stored(bits, busy(), **options)) for bits in (True, False)))


@pytest.mark.slow
def test_currents_of_two_receptors(stored):
    network = busy(LIFExp(tau_m=10.0, c_m=10.0, tau_exc=1.0, tau_inh=2.0, t_ref=1.0))
    strong = [
        Projection(q.pre, q.post, q.rule, 9.0 * q.weight.value, q.delay, name=q.name)
        for q in network.projections[:4]
    ]
    drive = [Poisson(p, rate=30_000.0, weight=5.0, receptor="exc") for p in network.populations]
    network = Network(*network.populations, *strong, *drive)
    assert_same(*(spikes_of(stored(bits, network)) for bits in (True, False)))


@pytest.mark.parametrize("n_spikes", [1, 8, 9, 63, 64, 150])
@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.numbers)])
def test_each_target_gets_the_sum_of_its_synapses(stored, n_spikes, precision):
    """Potentials after spikes that arrive together are what adding weights one by one gives, to the last bit."""
    rng = np.random.default_rng(n_spikes)
    n_pre, real = 150, np.dtype(precision).type
    pre, twice = rng.integers(0, n_pre, 30_000), rng.integers(0, n_pre, 3_000)
    post = rng.integers(0, N, 30_000)
    pre, post = np.append(pre, twice), np.append(post, rng.integers(0, 5, 3_000))  # often the same again
    source = SpikeTrain("in", n_pre, np.zeros(n_spikes), np.arange(n_spikes)[::-1])
    target = Population("post", N, LIF(tau_m=20.0, v_thresh=1e9))
    network = Network(target, source, Projection(source, target, FromCOO(pre, post), 0.1, 1.0, name="q"))
    simulation = stored(True, network, precision=precision)
    synapses = simulation.synapses("q")
    order = np.lexsort((post, pre))
    np.testing.assert_array_equal(synapses.pre, pre[order])
    np.testing.assert_array_equal(synapses.post, post[order])
    simulation.run(1.0)
    sums, weight = np.zeros(N, real), real(0.1)
    for j in post[pre < n_spikes]:
        sums[j] += weight
    np.testing.assert_array_equal(simulation.state()["state/post/v"][0], sums)


@pytest.mark.slow
def test_a_checkpoint_resumes_where_rows_are_stored_otherwise(stored):
    whole = stored(True, busy())
    spikes_of(whole, 30.0)
    rest = spikes_of(whole, 30.0)
    for first, second in ((True, False), (False, True)):
        begun = stored(first, busy())
        spikes_of(begun, 30.0)
        state = begun.state()
        resumed = stored(second, busy(), threads=2)
        resumed.load_state(state)
        assert_same(spikes_of(resumed, 30.0), rest)


@pytest.mark.parametrize("threads", [1, 3])
def test_synapses_are_listed_alike(stored, threads):
    lists, bits = (stored(b, busy(), threads=threads) for b in (False, True))
    for name in ("ee", "ei", "ie", "ii"):
        one, other = lists.synapses(name), bits.synapses(name)
        for field in ("pre", "post", "delay", "weight"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    assert lists.n_synapses == bits.n_synapses
    for k in range(threads):
        found = []
        for simulation in (lists, bits):
            wires = simulation._wires[k]
            part = expanded(wires, np.arange(len(wires.segment_entry)))
            owner = np.searchsorted(wires.segment_ptr, part.segment, side="right")
            order = np.lexsort((part.weight, part.at, owner))
            found.append((owner[order], part.at[order], part.weight[order]))
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)


def test_weights_stay_one_number_until_they_are_given(stored):
    simulation = stored(True, busy())
    with pytest.raises(DescriptionError, match="stored as one number"):
        simulation.set_weights("ee", 0.2)
    simulation.set_delays("ee", 2.0)
    assert set(simulation.synapses("ee").delay) == {20}


@pytest.mark.parametrize(
    "rule",
    [FixedIndegree(150), FixedIndegree(150, multapses=False), FixedTotal(200_000), FixedProbability(0.7)],
)
def test_memory_is_told_before(stored, rule):
    p, q = (Population(name, n, LIF(), update="stepped") for name, n in (("p", 1_000), ("q", 2_000)))
    network = Network(p, q, Projection(p, q, rule, 0.1, 1.0), Projection(p, p, rule, 0.1, 1.0))
    simulation = stored(True, network)
    n_synapses, n_bytes = footprint(network)
    assert simulation.n_synapses == pytest.approx(n_synapses, rel=0.01)
    assert simulation.synapse_bytes == pytest.approx(n_bytes, rel=0.1)
    assert n_bytes < 1.9 * n_synapses


def test_what_is_sparse_or_spread_over_delays_stays_a_list(monkeypatch):
    monkeypatch.setattr(rows, "has_masks", lambda: True)
    p = Population("p", 2_000, LIF(), update="stepped")
    for rule, delay in ((FixedProbability(0.05), 1.0), (FixedProbability(0.5), Normal(2.0, 0.5, low=0.1))):
        simulation = Simulation(Network(p, Projection(p, p, rule, 0.1, delay)), threads=1)
        assert BITMAP not in simulation._wires[0].group_format
