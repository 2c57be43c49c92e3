"""e-prop for adaptive neurons against a loop over ticks of its equations; the neurons against one of theirs."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegmentum.plasticity import EProp, EPropALIF, PseudoDerivative
from tegmentum.simcore import (
    ALIF,
    LIF,
    AllToAll,
    DescriptionError,
    Expected,
    Modulator,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)

ETA, TAU, TAU_A, TICKS = 0.02, 15.0, 60.0, 400
SIGNAL = np.array([0.5, -0.2, 1.0])


def network(dt: float, tau_out: float, beta: float) -> Network:
    """Connect four inputs to three adaptive neurons."""
    rng = np.random.default_rng(5)
    inputs = SpikeTrain("inputs", 4, rng.integers(1, TICKS - 5, 160) * dt, rng.integers(0, 4, 160))
    cells = Population("cells", 3, ALIF(tau_m=TAU, v_thresh=10.0, t_ref=2.0, beta=beta, tau_a=TAU_A))
    slope = Modulator("slope", 3, source=PseudoDerivative(cells, peak=10.0))
    signal = Modulator("signal", 3, tau=120.0, baseline=0.1)
    weight = rng.uniform(2.0, 4.0, (4, 3))
    rule = EPropALIF(slope, signal, tau_out=tau_out, eta=ETA)
    return Network(
        inputs, cells, Projection(inputs, cells, AllToAll(), weight, dt, plasticity=rule, name="learn")
    )


def ran(dt: float, tau_out: float, beta: float, parts=(TICKS,), threads: int = 1, precision: str = "float64"):
    """Run in parts of so many ticks, each from the state after the one before, on one and two threads in turn."""
    described = network(dt, tau_out, beta)
    simulation = Simulation(described, dt, precision=precision, threads=threads)
    simulation.release("signal", SIGNAL)
    for k, n in enumerate(parts):
        if k:
            state = simulation.state()
            simulation = Simulation(described, dt, precision=precision, threads=1 + (threads + k) % 2)
            simulation.load_state(state)
        traces = {name: Trace("cells", name) for name in ("v", "theta")}
        result = simulation.run(n * dt, Record(spikes=["cells"], traces=traces))
        simulation.synapses("learn")  # reading changes nothing
    return simulation, result


def summed(simulation: Simulation, result, dt: float, tau_out: float, beta: float) -> np.ndarray:
    """Return the weights by the equations, tick by tick."""
    v, theta = (np.concatenate([np.zeros((1, 3)), result.traces[name][0]]) for name in ("v", "theta"))
    seen, spikes = v - theta, result.spikes["cells"]
    seen[spikes.tick, spikes.neuron] = 10.0
    slope = 0.03 * np.maximum(0.0, 1.0 - np.abs(seen - 10.0) / 10.0)
    slope[0] = 0.0  # watched from the first tick on
    level = 0.1 + SIGNAL * np.exp(-np.arange(TICKS + 1) * dt / 120.0)[:, np.newaxis]
    inputs, arrived = simulation.network["inputs"], np.zeros((TICKS + 2, 4))
    np.add.at(arrived, (np.round(inputs.times / dt).astype(int) + 1, inputs.neuron), 1.0)
    alpha, rho = math.exp(-dt / TAU), math.exp(-dt / TAU_A)
    kappa = math.exp(-dt / tau_out) if tau_out else 0.0
    z, a, f = np.zeros((4, 1)), np.zeros((4, 3)), np.zeros((4, 3))
    w = np.array(simulation.network["learn"].weight, float)
    for t in range(TICKS):
        z = alpha * z + arrived[t][:, np.newaxis]
        f = kappa * f + slope[t] * (z - rho * beta * a)
        w -= ETA * dt * level[t] * f
        a = slope[t] * z + (rho - slope[t] * rho * beta) * a
    return w


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dt", "tau_out", "beta", "exact"),
    [(1.0, 30.0, 3.0, 1e-12), (0.1, 5.0, 3.0, 1e-12), (1.0, 0.0, 3.0, 1e-12), (1.0, 30.0, 26.6, 1e-9)],
)
def test_the_rule_is_the_loop_over_ticks(dt, tau_out, beta, exact):
    """Also without a filter, and with as steep a threshold as is allowed, whose maps lose the most digits."""
    simulation, result = ran(dt, tau_out, beta)
    assert len(result.spikes["cells"].tick) > 5
    w, found = summed(simulation, result, dt, tau_out, beta), simulation.synapses("learn").weight
    assert np.abs(w - simulation.network["learn"].weight).max() > 0.01
    without = summed(simulation, result, dt, tau_out, 0.0)  # the second component matters
    assert np.abs(w - without).max() > 1e-4
    np.testing.assert_allclose(found, w.ravel(), rtol=exact)


@pytest.mark.slow
def test_threads_splits_and_states_change_no_bit():
    one, _ = ran(1.0, 30.0, 3.0)
    two, _ = ran(1.0, 30.0, 3.0, (123, 77, 200), threads=2)
    here, there = one.synapses("learn"), two.synapses("learn")
    assert np.array_equal(here.weight, there.weight)
    assert here.kept.keys() == {"z", "a", "f"}
    assert all(np.array_equal(here.kept[k], there.kept[k]) for k in here.kept)
    rough, _ = ran(1.0, 30.0, 3.0, precision="float32")
    np.testing.assert_allclose(rough.synapses("learn").weight, here.weight, rtol=2e-5)


@pytest.mark.slow
def test_neurons_that_do_not_adapt_learn_by_the_rule_without():
    """Without adaptation and filter, and with a steady signal, it is EProp but for how a tick is weighed."""
    inputs = SpikeTrain("inputs", 2, np.arange(1.0, 90.0, 1.5), np.arange(60) % 2)
    found = []
    for model, rule in (
        (ALIF(tau_m=TAU, v_thresh=10.0, beta=0.0), EPropALIF),
        (LIF(tau_m=TAU, v_thresh=10.0), EProp),
    ):
        cells = Population("cells", 2, model)
        slope = Modulator("slope", 2, source=PseudoDerivative(cells))
        more = {"tau_out": 0.0} if rule is EPropALIF else {"tau_m": TAU}
        learn = rule(slope, Modulator("signal", baseline=0.3), eta=1e-6, **more)  # which leaves potentials
        first = np.array([[2.0, 3.0], [1.5, 4.0]])
        learning = Projection(inputs, cells, AllToAll(), first, 1.0, plasticity=learn, name="learn")
        simulation = Simulation(Network(inputs, cells, learning), 0.1, precision="float64")
        simulation.run(100.0)
        found.append(simulation.synapses("learn").weight - first.ravel())
    tick = -TAU * math.expm1(-0.1 / TAU)
    assert np.abs(found[1]).min() > 1e-6
    np.testing.assert_allclose(found[0] * tick / 0.1, found[1], rtol=1e-7)


GAINS = st.lists(st.tuples(st.floats(0.0, 0.03), st.floats(-2.0, 2.0)), min_size=1, max_size=30)


@given(gains=GAINS, cut=st.floats(0.0, 0.99), tau_out=st.sampled_from([0.0, 8.0, 100.0]))
def test_a_map_between_two_ticks_is_that_of_the_steps_between(gains, cut, tau_out):
    cells = Population("cells", 1, ALIF(v_thresh=10.0, tau_a=TAU_A, beta=5.0))
    slope = Modulator("slope", 1, source=PseudoDerivative(cells))
    rule = EPropALIF(slope, Modulator("signal"), tau_out=tau_out)
    assert rule.problem() is None
    f, c = rule.home(), rule.derive(0.5)
    whole, part, first = f.flow_start(c), f.flow_start(c), f.flow_start(c)
    for k, (psi, level) in enumerate(gains):
        gain = SimpleNamespace(slope=psi, signal=level)
        whole = f.flow_step(whole, gain, c)
        if k < int(cut * len(gains)):
            first = f.flow_step(first, gain, c)
        else:
            part = f.flow_step(part, gain, c)
    np.testing.assert_allclose(f.flow_between(first, whole, c), part, rtol=1e-9, atol=1e-11)


def test_a_silent_time_lasts_as_long_as_a_window_may():
    """Of the map's factors none falls below exp(-4) of what it was, as the window is made of ``flow_time``."""
    rule = network(1.0, 30.0, 20.0)["learn"].plasticity
    c, f = rule.derive(1.0), rule.home()
    m = f.flow_start(c)
    for _ in range(int(4.0 * rule.flow_time(1.0))):
        m = f.flow_step(m, SimpleNamespace(slope=0.03, signal=1.0), c)
    assert min(m.zz, m.aa, m.ff) > math.exp(-4.001)


@pytest.mark.slow
def test_adaptive_neurons_are_their_recurrence():
    model = ALIF(
        tau_m=12.0, v_thresh=8.0, v_reset=-1.0, v_rest=0.5, beta=2.5, tau_a=40.0, t_ref=0.7, i_e=120.0
    )
    cells = Population("cells", 5, model)
    simulation = Simulation(Network(cells, Poisson(cells, 4000.0, 0.4)), 0.1, seed=2, precision="float64")
    traces = {name: Trace(cells, name) for name in ("v", "theta")}
    result = simulation.run(200.0, Record(spikes=[cells], traces=traces))
    v, theta, spikes = result.traces["v"][0], result.traces["theta"][0], result.spikes["cells"]
    fired = np.zeros((2001, 5), bool)
    fired[spikes.tick, spikes.neuron] = True
    assert fired.sum() > 40
    expected = np.zeros(5)
    for tick in range(1, 2001):
        expected = expected * math.exp(-0.1 / 40.0) + 2.5 * fired[tick]
        np.testing.assert_allclose(theta[tick - 1], expected, rtol=1e-12)
    assert np.all(v[fired[1:]] == -1.0)
    assert np.all((v < 8.0 + theta)[~fired[1:]])
    gaps = np.diff(np.flatnonzero(fired[:, 0]))
    assert gaps.min() >= 8  # refractory for 7 ticks
    free = ALIF(v_thresh=8.0, i_e=1000.0, beta=4.0, tau_a=1e3)  # a steady current: its spikes thin out
    cell = Population("cell", 1, free)
    again = Simulation(Network(cell), 0.1).run(300.0, Record(spikes=[cell])).spikes["cell"]
    between = np.diff(again.tick)
    assert np.all(np.diff(between[:6]) > 0)


def test_what_it_cannot_do_is_said():
    lif, alif = Population("lif", 2, LIF()), Population("alif", 2, ALIF())
    signal, inputs = Modulator("signal"), SpikeTrain("inputs", 1, [1.0], [0])

    def learn(post, slope, **more):
        return Projection(inputs, post, AllToAll(), 1.0, plasticity=EPropALIF(slope, signal, **more))

    def slope_of(post, **more):
        return Modulator("slope", 2, source=PseudoDerivative(post, **more))

    learn(alif, slope_of(alif))
    with pytest.raises(DescriptionError, match=r"must be ALIF\(\), got LIF; EProp is for LIF"):
        learn(lif, slope_of(lif))
    with pytest.raises(DescriptionError, match=r"source is PseudoDerivative\(post\)"):
        learn(alif, Modulator("slope", 2))
    with pytest.raises(DescriptionError, match=r"must be at most 0\.8, got 1"):
        learn(alif, slope_of(alif, gamma=10.0))
    at_ends = Modulator("error", baseline=0.5, source=Expected("label", np.ones((2, 1))))
    with pytest.raises(DescriptionError, match="must not be set at the end of trials"):
        Projection(inputs, alif, AllToAll(), 1.0, plasticity=EPropALIF(slope_of(alif), at_ends))
    with pytest.raises(DescriptionError, match="tau_out must be"):
        learn(alif, slope_of(alif), tau_out=-1.0)
    varied = Population("varied", 2, ALIF(beta=np.array([1.0, 2.0])))
    with pytest.raises(DescriptionError, match="one beta"):
        learn(varied, slope_of(varied))
