"""Rules under levels that follow potentials: e-prop and Clopath's, against sums over the recorded potentials."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tegmentum.plasticity import ClopathSTDP, EProp, PseudoDerivative
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    DescriptionError,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)

DT, ETA, TAU = 0.1, 0.02, 15.0
SIGNAL = np.array([0.5, -0.2, 1.0])


def network() -> Network:
    """Connect four inputs to three neurons by each rule."""
    rng = np.random.default_rng(5)
    inputs = SpikeTrain("inputs", 4, rng.uniform(1.0, 190.0, 160), rng.integers(0, 4, 160))
    one = Population("one", 3, LIF(tau_m=TAU, v_thresh=10.0, t_ref=0.5))
    two = Population("two", 3, LIF(tau_m=TAU, v_rest=-70.6, v_thresh=-50.0, v_reset=-70.6, t_ref=0.5))
    slope = Modulator("slope", 3, source=PseudoDerivative(one))
    signal = Modulator("signal", 3, tau=120.0, baseline=0.1)
    e_prop = EProp(slope, signal, tau_m=TAU, eta=ETA)
    weight = rng.uniform(2.0, 4.0, (4, 3))
    clopath = ClopathSTDP(two, a_ltd=4e-3, a_ltp=2e-3, theta_minus=-68.0, peak=20.0, w_max=20.0)
    return Network(
        inputs,
        one,
        two,
        Projection(inputs, one, AllToAll(), weight, 1.0, plasticity=e_prop, name="e-prop"),
        Projection(inputs, two, AllToAll(), 2.0 * weight, 1.5, plasticity=clopath, name="clopath"),
    )


@pytest.fixture(scope="module")
def runs():
    """Return simulations on one and two threads, split differently, one through a state, and what was recorded."""
    out = []
    for threads, parts in ((1, (200.0,)), (2, (60.0, 33.3, 106.7))):
        simulation = Simulation(network(), DT, precision="float64", threads=threads)
        simulation.release("signal", SIGNAL)
        results = []
        for ms in parts:
            both = [simulation.network["one"], simulation.network["two"]]
            traces = {p.name: Trace(p, "v") for p in both}
            results.append(simulation.run(ms, record=Record(spikes=both, traces=traces)))
            simulation.synapses("clopath")
            if threads == 2:
                state = simulation.state()
                simulation = Simulation(network(), DT, precision="float64", threads=1 + len(results) % 2)
                simulation.load_state(state)
        out.append((simulation, results))
    return out


def arrivals(simulation: Simulation, delay: float) -> np.ndarray:
    """Return how many spikes of each input arrive at each tick, (n_ticks + 1, 4)."""
    train = simulation.network["inputs"]
    out = np.zeros((2001, 4))
    tick = np.round(np.asarray(train.times) / DT).astype(int) + round(delay / DT)
    np.add.at(out, (tick[tick <= 2000], np.asarray(train.neuron)[tick <= 2000]), 1.0)
    return out


def potentials(simulation: Simulation, result, name: str) -> np.ndarray:
    """Return the potential at the end of each tick, the first of them at time 0, (n_ticks + 1, 3)."""
    rest = simulation.network[name].model.v_rest
    return np.concatenate([np.full((1, 3), rest), result.traces[name][0]])


@pytest.mark.slow
def test_threads_splits_and_states_change_no_bit(runs):
    (one, _), (two, _) = runs
    for name in ("e-prop", "clopath"):
        here, there = one.synapses(name), two.synapses(name)
        assert np.array_equal(here.weight, there.weight)
        assert all(np.array_equal(here.kept[k], there.kept[k]) for k in here.kept)
    assert np.array_equal(one.levels("two LTD"), two.levels("two LTD"))


def test_e_prop_is_the_sum_over_ticks(runs):
    simulation, (result,) = runs[0]
    v = potentials(simulation, result, "one")
    assert result.n_spikes["one"] > 5
    slope = 0.03 * np.maximum(0.0, 1.0 - np.abs(v - 10.0) / 10.0)
    slope[0] = 0.0  # watched from the first tick on
    steady = -TAU * math.expm1(-DT / TAU)
    both = 1.0 / TAU + 1.0 / 120.0
    mean = -math.expm1(-DT * both) / both / steady
    level = 0.1 + SIGNAL * np.exp(-np.arange(2001) * DT / 120.0)[:, np.newaxis] * mean
    arrived, e = arrivals(simulation, 1.0), np.zeros(4)
    w = simulation.network["e-prop"].weight.copy()
    for tick in range(2000):
        e = e * math.exp(-DT / TAU) * (tick > 0) + arrived[tick]
        w -= ETA * steady * np.outer(e, slope[tick] * level[tick])
    assert np.abs(w - simulation.network["e-prop"].weight).max() > 0.05
    np.testing.assert_allclose(simulation.synapses("e-prop").weight, w.ravel(), rtol=1e-10)


def test_clopath_is_the_sum_over_ticks(runs):
    simulation, (result,) = runs[0]
    rule = simulation.network["clopath"].plasticity
    u = potentials(simulation, result, "two")
    spikes = result.spikes["two"]
    u[spikes.tick, spikes.neuron] = 20.0
    assert len(spikes.tick) > 5
    low, high = np.full(3, -70.6), np.full(3, -70.6)
    ltd, ltp = np.zeros((2001, 3)), np.zeros((2001, 3))
    for tick in range(1, 2001):
        low += -math.expm1(-DT / rule.tau_minus) * (u[tick] - low)
        high += -math.expm1(-DT / rule.tau_plus) * (u[tick] - high)
        ltd[tick] = np.maximum(low - rule.theta_minus, 0.0)
        ltp[tick] = np.maximum(u[tick] - rule.theta_plus, 0.0) * np.maximum(high - rule.theta_minus, 0.0)
    arrived, x = arrivals(simulation, 1.5), np.zeros(4)
    first = simulation.network["clopath"].weight
    w, steady = first.copy(), -rule.tau_x * math.expm1(-DT / rule.tau_x)
    for tick in range(2000):
        x = x * math.exp(-DT / rule.tau_x) + arrived[tick]
        w += rule.a_ltp / rule.tau_x * steady * np.outer(x, ltp[tick]) - rule.a_ltd * np.outer(
            arrived[tick], ltd[tick]
        )
    assert w.min() > 0.0
    assert w.max() < 20.0
    assert np.abs(w - first).max() > 0.2
    np.testing.assert_allclose(simulation.synapses("clopath").weight, w.ravel(), rtol=1e-9)


def test_levels_that_follow_potentials_are_not_released(runs):
    with pytest.raises(DescriptionError, match="follow membrane potentials"):
        runs[0][0].release("slope", 1.0)


def test_levels_belong_to_the_post_neurons():
    one, two = (Population(name, 3, LIF()) for name in ("one", "two"))
    slope = Modulator("slope", 3, source=PseudoDerivative(one))
    rule = EProp(slope, Modulator("signal", 3))
    with pytest.raises(DescriptionError, match="not of the post population"):
        Projection(one, two, AllToAll(), 1.0, plasticity=rule)
    with pytest.raises(DescriptionError, match="n_levels must be 3"):
        Modulator("slope", 4, source=PseudoDerivative(one))
    with pytest.raises(DescriptionError, match="mean nothing"):
        Modulator("slope", 3, source=PseudoDerivative(one), tau_rise=1.0)
    with pytest.raises(DescriptionError, match="signal must have 1 or 3 levels"):
        Projection(one, one, AllToAll(), 1.0, plasticity=EProp(slope, Modulator("signal", 2)))
    assert isinstance(rule.modulation.subpopulations, ByPost)


def test_files_describe_rules_that_follow_potentials(tmp_path):
    from tegmentum.cli.config import network_of, read

    file = tmp_path / "net.toml"
    file.write_text("""
[simulation]
duration = 10.0
[populations.a]
size = 4
model = { type = "LIF" }
[populations.b]
size = 3
model = { type = "AdEx" }
[modulators.error]
n_levels = 4
baseline = 0.0
[[projections]]
pre = ["a", "b"]
post = "a"
rule = { type = "AllToAll" }
plasticity = { type = "EProp", signal = "error", eta = 0.1 }
[[projections]]
pre = ["a", "b"]
post = "b"
rule = { type = "AllToAll" }
plasticity = { type = "ClopathSTDP", theta_plus = -40.0, peak = 20.0 }
[[projections]]
pre = "a"
post = "b"
name = "again"
rule = { type = "AllToAll" }
plasticity = { type = "ClopathSTDP" }
""")
    network = network_of(read(file))
    first, second, third, fourth, fifth = network.projections
    assert first.plasticity is second.plasticity
    assert first.plasticity.eta == 0.1
    assert first.plasticity.slope.watch.population is network["a"]
    assert third.plasticity is fourth.plasticity
    assert (third.plasticity.theta_plus, third.plasticity.peak) == (-40.0, 20.0)
    assert fifth.plasticity.peak is None
    names = {m.name for q in network.projections for m in q.modulators}
    assert len(names) == 6
