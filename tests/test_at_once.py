"""Arrivals met in one pass against arrivals met event by event: the same bits; and who is met which way."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.cli.workloads import brunel
from tegmentum.plasticity import STDP, DopamineSTDP, LinearReceptor, PowerSTDP, ScaledSTDP, TripletSTDP
from tegmentum.simcore import ByPost, Modulator, Network, Projection, Record, Simulation
from tegmentum.simcore.compile import modules
from tegmentum.simcore.compile.copied import is_arithmetic


def dopamine(n):
    modulator = Modulator("dopamine", n_levels=3, tau=200.0, baseline=0.5)
    return DopamineSTDP(modulator, LinearReceptor(), ByPost(np.arange(n) % 3), tau_e=50.0, w_max=0.2)


RULES = {
    "pairs": lambda n: STDP(lam=0.05, w_max=0.2, coincident=False),
    "triplets": lambda n: TripletSTDP(a3_plus=1e-3, a2_minus=1e-3, w_max=0.2),
    "dopamine": dopamine,
}


def network(rule):
    plain = brunel(0.02)
    first, *others = plain.projections
    learns = Projection(
        first.pre, first.post, first.rule, first.weight, first.delay, plasticity=rule(first.post.size)
    )
    return Network(*plain.populations, learns, *others, *plain.sources)


def run(net, ms=200.0, **more):
    simulation = Simulation(net, seed=3, threads=1, **more)
    fired = simulation.run(ms, Record(spikes=list(net.populations))).spikes
    return simulation, {name: (s.t, s.neuron) for name, s in fired.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert np.array_equal(values, other[name]), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "precision"), [("pairs", "float32"), ("triplets", "float64"), ("dopamine", "float32")]
)
def test_both_ways_give_the_same_bits(rule, precision, monkeypatch):
    net = network(RULES[rule])
    at_once, fired = run(net, precision=precision)
    monkeypatch.setattr(modules, "_cheap", lambda rule, functions: False)
    in_turn, others = run(net, precision=precision)
    assert fired.keys() == others.keys()
    assert sum(len(t) for t, _ in fired.values()) > 500
    for name, (t, neuron) in fired.items():
        assert np.array_equal(t, others[name][0])
        assert np.array_equal(neuron, others[name][1])
    state = at_once.state()
    assert np.std(state["plastic/exc-exc/weight"]) > 0.0
    same(state, in_turn.state())


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["pairs", "dopamine"])
def test_an_earlier_state_knows_nothing_of_later_spikes(rule):
    simulation, _ = run(network(RULES[rule]), 2.0)
    early = simulation.state()
    simulation.run(1_500.0)
    simulation.load_state(early)
    simulation.run(100.0)
    straight, _ = run(network(RULES[rule]), 102.0)
    same(straight.state(), simulation.state())


def test_rules_that_call_functions_are_met_in_turn():
    cheap = {
        rule: modules._cheap(rule, rule.parts())
        for rule in (STDP(), TripletSTDP(), dopamine(3), PowerSTDP(), ScaledSTDP())
    }
    assert [cheap[rule] for rule in cheap] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("body", "arithmetic"),
    [
        ("return max(a, real(0.0)) * b + abs(a)", True),
        ("return a if a > b else S(a)", True),
        ("return math.exp(a)", False),
        ("return a ** b", False),
        ("return other(a)", False),
        ("for k in range(3):\n        a += b\n    return a", False),
    ],
)
def test_what_counts_as_arithmetic(body, arithmetic):
    assert is_arithmetic(f"class S(NamedTuple):\n    w: float\n\ndef f(a, b):\n    {body}") is arithmetic
