"""Rules whose synapses change between spikes: consolidation and scaling, against exact flows and a walk by ticks."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.linalg import expm

from tegmentum.plasticity import BennaFusiSTDP, CentredSTDP, ScaledSTDP
from tegmentum.simcore import LIF, FromCOO, Network, Population, Projection, Simulation, SpikeTrain
from tegmentum.simcore.lower.arrays import SPAN

pytestmark = pytest.mark.slow  # engines of their own

DT = 0.1
RULES = {
    "chain": BennaFusiSTDP(tau=30.0, a_plus=0.02, a_minus=0.015),
    "centred": CentredSTDP(lam=0.05, mu=0.5),
    "scaled": ScaledSTDP(tau_rate=80.0, target=20.0, beta=0.05),
}


def fades(rule, ticks: float):
    """Return a rule's decays over some ticks, as ``drift`` takes them."""
    found = {name: math.exp(-ticks * DT / tau) for name, tau in rule.decays().items()}
    return SimpleNamespace(**found) if found else 1.0


def test_the_chain_flows_as_its_matrix_says():
    """From any start: the variables before and after are those of what a synapse keeps."""
    rule = BennaFusiSTDP(tau=50.0, w_min=-9.0, w_max=9.0, rest=0.25)
    f, c = rule.home(), rule.derive(DT)
    s = f.Synapse(0.95, -0.2, 0.1, 0.05)
    start = rule.variables(*s)
    assert np.all(start != 0.0)
    assert start[0] == pytest.approx(0.7, abs=1e-15)
    for ticks in (1.0, 37.0, 4000.0, 1e6):
        there = rule.variables(*f.drift(s, ticks, fades(rule, ticks), c))
        np.testing.assert_allclose(there, expm(rule.chain() * ticks * DT) @ start, rtol=1e-10, atol=1e-13)


def test_a_change_of_the_weight_leaves_the_slower_variables():
    rule = BennaFusiSTDP(tau=50.0)
    f = rule.home()
    s = f.Synapse(0.7, 0.02, -0.05, 0.01)
    moved = s._replace(w=0.4)
    np.testing.assert_allclose(rule.variables(*moved)[1:], rule.variables(*s)[1:], rtol=1e-13)
    assert not np.any(rule.variables(0.9, 0.0, 0.0, 0.0)[1:].round(15))


def test_a_single_change_fades_as_a_power_of_time():
    rule = BennaFusiSTDP(tau=50.0)
    f, c = rule.home(), rule.derive(DT)
    times = [k * 50.0 / DT for k in (2.0, 8.0, 32.0)]
    left = [f.drift(f.Synapse(0.6, 0.0, 0.0, 0.0), k, fades(rule, k), c).w - 0.5 for k in times]
    slopes = np.diff(np.log(left)) / math.log(4.0)
    assert np.all(np.abs(slopes + 0.5) < 0.15)


def test_a_weight_that_was_held_comes_back():
    rule = BennaFusiSTDP(tau=50.0)
    f, c = rule.home(), rule.derive(DT)
    s = f.Synapse(0.9, 0.0, 0.0, 0.0)
    for _ in range(1000):
        s = f.drift(s, 50.0, fades(rule, 50.0), c)._replace(w=0.9)
    dropped = f.drift(s._replace(w=0.5), 200.0 / DT, fades(rule, 200.0 / DT), c)
    assert dropped.w > 0.6


def test_weights_decay_over_any_time_by_tables():
    """The engine's decays over 1 tick up to more than its two tables span, against the exponential."""
    rule = BennaFusiSTDP(tau=4000.0, a_plus=0.0, a_minus=0.0)
    gaps = np.array([1, 511, 512, 513, 40_000, SPAN * SPAN - 1, SPAN * SPAN, SPAN * SPAN + 70_001])
    ticks = np.cumsum(gaps) + 10
    pre = SpikeTrain("pre", 1, np.array([10, *ticks]) * DT, np.zeros(len(gaps) + 1, int))
    post = Population("post", 1, LIF(v_thresh=1e6))
    learn = Projection(pre, post, FromCOO([0], [0]), 0.9, DT, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, post, learn), DT, precision="float64")
    f, c, s, now = rule.home(), rule.derive(DT), rule.home().Synapse(0.9, 0.0, 0.0, 0.0), 0
    for tick in (11, *(ticks + 1)):
        simulation.run((tick - now) * DT)
        s, now = f.drift(s, float(tick - now), fades(rule, tick - now), c), tick
        found = simulation.synapses("learn")
        np.testing.assert_allclose([*found.weight, *np.ravel(list(found.kept.values()))], s, rtol=1e-11)


def test_scaling_is_the_integral_of_the_rate():
    rule = RULES["scaled"]
    f, c = rule.home(), rule.derive(DT)
    h, r = 70.0, 2.5  # ms since the last spike, and the rate's trace after it
    now = f.Post(0.0, r * math.exp(-h / 80.0))
    found = f.on_pre(f.drift(f.Synapse(0.3, r), h / DT, 1.0, c), f.Pre(0.0), now, c).w
    grid = (np.arange(7_000_000) + 0.5) * 1e-5
    integral = np.sum(20e-3 - r / 80.0 * np.exp(-grid / 80.0)) * 1e-5
    assert found == pytest.approx(0.3 * math.exp(0.05 * integral), rel=1e-9)


def network(seed: int) -> Network:
    """Connect three inputs to two neurons, whose spikes are given, by both rules."""
    rng = np.random.default_rng(seed)
    inputs = SpikeTrain("inputs", 3, rng.uniform(1.0, 300.0, 40), rng.integers(0, 3, 40))
    driver = SpikeTrain("driver", 2, rng.uniform(1.0, 300.0, 30), rng.integers(0, 2, 30))
    nodes: list[object] = [inputs, driver]
    pre, post = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    for name, rule in RULES.items():
        cells = Population(
            name, 2, LIF(v_thresh=200.0, v_reset=0.0, t_ref=0.0)
        )  # the driver alone makes it fire
        low = np.linspace(0.3, 0.45, 6)
        learn = Projection(inputs, cells, FromCOO(pre, post), low, 1.0, plasticity=rule, name=f"to {name}")
        nodes += [cells, learn]
        nodes.append(Projection(driver, cells, FromCOO([0, 1], [0, 1]), 1e4, 1.0, name=f"drive {name}"))
    return Network(*nodes)  # type: ignore[arg-type]


def walked(rule, arrivals, posts, w: float, n_ticks: int) -> list[float]:
    """Return what a synapse keeps after a walk tick by tick."""
    f, c, taus = rule.home(), rule.derive(DT), rule.time_constants()
    s = f.Synapse(w, *(0.0 for _ in f.Synapse._fields[1:]))
    pre, post = f.Pre(*(0.0 for _ in f.Pre._fields)), f.Post(*(0.0 for _ in f.Post._fields))
    for tick in range(1, n_ticks + 1):
        s = f.drift(s, 1.0, fades(rule, 1.0), c)
        pre = f.Pre(*(v * math.exp(-DT / taus[k]) for k, v in pre._asdict().items()))
        post = f.Post(*(v * math.exp(-DT / taus[k]) for k, v in post._asdict().items()))
        for _ in range(np.count_nonzero(arrivals == tick)):
            s, pre = f.on_pre(s, pre, post, c), f.pre_spike(pre, c)
        if tick in posts:
            s, post = f.on_post(s, pre, post, c), f.post_spike(post, c)
    return list(s)


def test_the_engine_walks_as_one_tick_by_tick_would():
    found = {}
    for threads, split in ((1, (400.0,)), (2, (150.0, 33.3, 216.7))):
        simulation = Simulation(network(3), DT, precision="float64", threads=threads)
        for ms in split:
            simulation.run(ms)
            simulation.synapses("to chain")  # reading changes nothing
        state = simulation.state()
        again = Simulation(network(3), DT, precision="float64", threads=3 - threads)
        again.load_state(state)
        for name in RULES:
            there, here = simulation.synapses(f"to {name}"), again.synapses(f"to {name}")
            values = np.stack([there.weight, *there.kept.values()])
            assert np.array_equal(values, np.stack([here.weight, *here.kept.values()]))
            assert np.array_equal(values, found.setdefault(name, values))
    described = network(3)
    inputs, driver = described["inputs"], described["driver"]
    arrival = np.round(np.asarray(inputs.times) / DT).astype(int) + round(1.0 / DT)
    spike = np.round(np.asarray(driver.times) / DT).astype(int) + round(1.0 / DT)
    for name, rule in RULES.items():
        for i in range(6):
            pre, post = divmod(i, 2)
            arrivals, posts = arrival[inputs.neuron == pre], set(spike[driver.neuron == post])
            expected = walked(rule, arrivals, posts, float(np.linspace(0.3, 0.45, 6)[i]), 4000)
            np.testing.assert_allclose(found[name][:, i], expected, rtol=1e-9, atol=1e-12)


def test_centred_pairs_are_those_of_neighbours():
    """By hand: each arrival with the last post spike before it and the first one after it."""
    rng = np.random.default_rng(2)
    arrivals = np.unique(rng.integers(1, 3000, 25))
    posts = np.setdiff1d(rng.integers(1, 3000, 25), arrivals)
    rule = CentredSTDP(lam=1e-3, mu=0.0, tau_plus=15.0, tau_minus=30.0)
    expected = 0.5
    for tick in arrivals:
        before, after = posts[posts < tick], posts[posts > tick]
        if len(before):
            expected -= 1.05e-3 * math.exp(-(tick - before[-1]) * DT / 30.0)
        if len(after):
            expected += 1e-3 * math.exp(-(after[0] - tick) * DT / 15.0)
    found = walked(rule, arrivals, set(posts.tolist()), 0.5, 3000)
    assert found[0] == pytest.approx(expected, rel=1e-12)
