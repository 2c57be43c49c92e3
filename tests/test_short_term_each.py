"""Short-term plasticity whose parameters differ from synapse to synapse, against the recurrences of each."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tegmentum.plasticity import STDP, DopamineSTDP, LinearReceptor, TsodyksMarkram
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    Modulator,
    Network,
    Normal,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    Turnover,
    Uniform,
    Whole,
)
from tegmentum.simcore.lower.footprint import by_kind

pytestmark = pytest.mark.slow  # engines of their own

DT, N = 0.1, 4
SPIKES = np.random.default_rng(4).integers(1, 2500, 60) * DT
NEURON = np.random.default_rng(5).integers(0, 3, 60)


def network(short_term, **plasticity) -> Network:
    """Connect three inputs to four neurons that never fire and forget within a tick, so that traces show deliveries."""
    inputs = SpikeTrain("inputs", 3, SPIKES, NEURON)
    cells = Population("cells", N, LIF(tau_m=0.002, v_thresh=1e6))
    learn = [
        Projection(inputs, cells, AllToAll(), 2.0, DT, plasticity=rule, short_term=short_term, name=name)
        for name, rule in (plasticity or {"learn": None}).items()
    ]
    return Network(inputs, cells, *learn)


def deliveries(short_term, parts=(260.0,), threads=1, precision="float64", **plasticity):
    """Return what each neuron received in each tick, and the simulation; through a state after each part."""
    made = []
    simulation = Simulation(network(short_term, **plasticity), DT, 3, precision=precision, threads=threads)
    for ms in parts:
        cells = simulation.network["cells"]
        made.append(simulation.run(ms, Record(traces={"v": Trace(cells, "v")})).traces["v"][0])
        state = simulation.state()
        simulation = Simulation(
            network(short_term, **plasticity), DT, 3, precision=precision, threads=threads
        )
        simulation.load_state(state)
    return np.concatenate(made), simulation


def by_hand(jump, tau_rec, tau_fac) -> np.ndarray:
    """Return the same in plain Python; parameters by synapse, in the order of (pre, post)."""
    out = np.zeros((2600, N))
    for pre in range(3):
        for post in range(N):
            s = pre * N + post
            u, x, last = 0.0, 1.0, 0
            for tick in np.sort(np.round(SPIKES[pre == NEURON] / DT).astype(int) + 1):
                h, last = (tick - last) * DT, tick
                u = u * math.exp(-h / tau_fac[s]) if tau_fac[s] > 0 and h > 0 else u * (tau_fac[s] > 0)
                x = 1.0 - (1.0 - x) * math.exp(-h / tau_rec[s])
                u += jump[s] * (1.0 - u)
                out[tick - 1, post] += 2.0 * u * x
                x -= u * x
    return out


GIVEN = {
    "U": np.linspace(0.05, 0.95, 3 * N),
    "tau_rec": np.linspace(20.0, 900.0, 3 * N)[::-1],
    "tau_fac": np.where(np.arange(3 * N) % 3 == 0, 0.0, np.linspace(10.0, 500.0, 3 * N)),
}


@pytest.fixture(scope="module")
def given():
    return deliveries(TsodyksMarkram(**GIVEN))


def test_each_synapse_releases_by_its_own_numbers(given):
    found, simulation = given
    np.testing.assert_allclose(found, by_hand(*GIVEN.values()), rtol=1e-11, atol=1e-12)
    kept = simulation.synapses("learn").kept
    assert np.array_equal(kept["jump"], GIVEN["U"])
    np.testing.assert_allclose(DT / kept["recovery"], GIVEN["tau_rec"], rtol=1e-15)


def test_threads_splits_and_states_change_no_bit(given):
    again, simulation = deliveries(TsodyksMarkram(**GIVEN), parts=(30.0, 101.3, 128.7), threads=2)
    assert np.array_equal(again, given[0])
    here, there = simulation.synapses("learn").kept, given[1].synapses("learn").kept
    assert all(np.array_equal(here[name], there[name]) for name in there)


def test_drawn_parameters_are_of_the_seed_and_keep_to_their_range():
    drawn = TsodyksMarkram(U=Normal(0.5, 0.5), tau_rec=Uniform(100.0, 200.0))
    found, simulation = deliveries(drawn)
    kept = simulation.synapses("learn").kept
    assert np.all((kept["jump"] > 0.0) & (kept["jump"] <= 1.0))
    assert len(np.unique(kept["recovery"])) == 3 * N
    tau_rec = DT / kept["recovery"]
    assert np.all((tau_rec > 100.0) & (tau_rec < 200.0))
    np.testing.assert_allclose(found, by_hand(kept["jump"], tau_rec, np.zeros(3 * N)), rtol=1e-11, atol=1e-12)
    other = Simulation(network(drawn), DT, 4, precision="float64").synapses("learn").kept
    assert not np.any(np.isclose(other["recovery"], kept["recovery"], rtol=1e-4))
    two = Simulation(network(drawn), DT, 3, precision="float64", threads=2).synapses("learn").kept
    assert np.array_equal(two["jump"], kept["jump"])


def test_equal_numbers_by_synapse_are_those_of_the_projection():
    """Beside rules that learn, with one eligibility and with none: what each releases is what all release."""
    da = Modulator("da", tau=50.0, baseline=0.3)
    rules = {
        "pairs": STDP(lam=0.1, w_max=4.0),
        "dopamine": DopamineSTDP(da, LinearReceptor(1.0), Whole(), a_plus=0.1, a_minus=0.1, w_max=4.0),
    }
    one = TsodyksMarkram(U=0.3, tau_rec=200.0, tau_fac=100.0)
    each = TsodyksMarkram(U=[0.3] * 3 * N, tau_rec=200.0, tau_fac=100.0)
    (found, here), (expected, there) = (deliveries(short, **rules) for short in (each, one))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    for name in rules:
        ours, theirs = here.synapses(name), there.synapses(name)
        np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-12)
        assert set(ours.kept) > set(theirs.kept)


def test_bytes_are_said_before_the_run_and_reset_restores():
    short = TsodyksMarkram(U=Uniform(0.1, 0.9))
    one, each = (by_kind(network(s))[1]["kept by rules"] for s in (TsodyksMarkram(U=0.5), short))
    assert each - one == 5 * 4 * 3 * N
    simulation = Simulation(network(short), DT, 3, precision="float64")
    assert not np.any(simulation.synapses("learn").kept["spent"])
    first = simulation.run(200.0, Record(traces={"v": Trace(simulation.network["cells"], "v")})).traces["v"]
    assert np.all(simulation.synapses("learn").kept["spent"] > 0.0)
    simulation.reset()
    again = simulation.run(200.0, Record(traces={"v": Trace(simulation.network["cells"], "v")})).traces["v"]
    assert np.array_equal(first, again)


def test_what_cannot_be_is_refused():
    with pytest.raises(DescriptionError, match="U must have 12 values, got 3"):
        network(TsodyksMarkram(U=[0.5, 0.6, 0.7]))
    with pytest.raises(DescriptionError, match=r"U must be > 0 and <= 1, got 1\.5"):
        network(TsodyksMarkram(U=[0.5] * 11 + [1.5]))
    with pytest.raises(DescriptionError, match="tau_psc must be 0 where tau_rec differs"):
        network(TsodyksMarkram(tau_rec=Uniform(10.0, 20.0), tau_psc=3.0))
    inputs, cells = SpikeTrain("in", 1, [1.0], [0]), Population("cells", 2, LIF())
    with pytest.raises(DescriptionError, match="a new contact has none"):
        Projection(
            inputs,
            cells,
            AllToAll(),
            1.0,
            1.0,
            plasticity=STDP(w_max=2.0),
            short_term=TsodyksMarkram(U=Uniform(0.1, 0.2)),
            structure=Turnover(every=10.0, indegree=1, below=0.1, weight=0.2),
        )
