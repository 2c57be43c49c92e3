"""Dopamine STDP in the event queue: against NEST, a slow closed form, and itself over threads, splits, saves, reads."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmentum.plasticity import D1, D1D2, DopamineSTDP, Hill, LinearReceptor, NacaReceptor
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    ByPre,
    BySynapse,
    DescriptionError,
    FixedIndegree,
    FromCOO,
    Modulator,
    Network,
    OneToOne,
    Parrot,
    Poisson,
    Population,
    Projection,
    Release,
    Simulation,
    SpikeTrain,
    Uniform,
    Whole,
)
from tegmentum.simcore.lower.modulation import window_length

DT = 0.1
QUIET = LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0)  # fires when it is kicked, at no input else


def slow(rule, arrivals, posts, releases, w, until, tau, baseline):
    """Weight and eligibility of one synapse at ``until``, event by event in closed form; all times in ms.

    Arrivals come before post spikes, releases before both; the receptor is the level itself. Weights are cut at spikes
    and where a window of integrals ends.
    """
    window = window_length(rule.tau_e, rule.modulator.n_levels, DT) * DT
    events = sorted(
        [(t, 0, a) for t, a in releases]
        + [(t, 1, 1.0) for t in arrivals]
        + [(t, 2, 1.0) for t in posts]
        + [(k * window, -1, 0.0) for k in range(1, int(until / window) + 1)]
    )
    x = y = e = n = last = 0.0
    for t, kind, amount in [*events, (until, 3, 0.0)]:
        if t > until:
            continue
        h, both = t - last, 1 / rule.tau_e + 1 / tau
        w += -e * n * math.expm1(-h * both) / both - baseline * e * rule.tau_e * math.expm1(-h / rule.tau_e)
        if kind != 0:
            w = min(max(w, rule.w_min), rule.w_max)
        x, y = x * math.exp(-h / rule.tau_plus), y * math.exp(-h / rule.tau_minus)
        e, n, last = e * math.exp(-h / rule.tau_e), n * math.exp(-h / tau), t
        if kind == 0:
            n += amount
        elif kind == 1:
            e -= rule.a_minus * y
            x += 1.0
        elif kind == 2:
            e += rule.a_plus * x
            y += 1.0
    return w, e


def network(rules, arrivals, posts, doses, weights, dopamine_cells):
    """All-to-all synapses between given trains, of one rule or several; arrivals, posts and doses are ticks by neuron.

    Each of several rules has a projection of its name.
    """
    if not isinstance(rules, dict):
        rules = {"learn": rules}

    def train(name, ticks):
        flat = np.concatenate([np.asarray(t, float) for t in ticks]) * DT
        return SpikeTrain(name, len(ticks), flat, np.repeat(np.arange(len(ticks)), [len(t) for t in ticks]))

    earlier = [[t - 1 for t in ticks] for ticks in arrivals]
    pre, kick, dose = (
        train("pre", earlier),
        train("kick", [[t - 1 for t in ticks] for ticks in posts]),
        train("dose", [[t - 1 for t in ticks] for ticks in doses]),
    )
    cell = Population("cell", len(posts), QUIET)
    return Network(
        pre,
        kick,
        dose,
        cell,
        dopamine_cells,
        *(
            Projection(pre, cell, AllToAll(), weights, DT, plasticity=rule, name=name)
            for name, rule in rules.items()
        ),
        Projection(kick, cell, OneToOne(), 1e8, DT),
        Projection(dose, dopamine_cells, OneToOne(), 1.0, DT),
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", ["dopamine_b0", "dopamine_clipped_max"])
def test_weights_are_those_that_nest_delivered(case):
    values = json.loads((Path(__file__).parent / "nest_values.json").read_text())
    p, expected = values["cases"][case]["params"], values["cases"][case]["w_delivered"]
    da = Population("da", 1, Parrot())
    tick = lambda times, shift: [[round((t + shift) / DT) for t in times]]  # noqa: E731
    rule = DopamineSTDP(
        Modulator("dopamine", tau=p["tau_n"], releases=[Release(da, 1 / p["tau_n"], delay=1.0)]),
        tau_plus=p["tau_plus"],
        tau_minus=20.0,
        tau_e=p["tau_c"],
        a_plus=p["A_plus"],
        a_minus=p["A_minus"],
        w_min=p["Wmin"],
        w_max=p["Wmax"],
    )
    arrivals = [*values["pre"], values["sim_ms"] - 5.0]
    net = network(
        rule, tick(arrivals, 0.0), tick(values["post"], 1.0), tick(values["dopamine"], 0.0), [[1.0]], da
    )
    simulation = Simulation(net, dt=DT, precision="float64", max_rate=1e4)
    got = []
    for t in arrivals:
        simulation.run(round((t - simulation.t) / DT) * DT)
        got.append(simulation.synapses("learn").weight[0])
    np.testing.assert_allclose(got, np.array(expected, float), rtol=1e-9)


trains = st.lists(st.lists(st.integers(2, 3000), max_size=60, unique=True), min_size=3, max_size=3)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(arrivals=trains, posts=trains, doses=trains, seed=st.integers(0, 9))
def test_every_synapse_equals_the_closed_form(arrivals, posts, doses, seed):
    """Whatever its level goes by: nothing, the post neuron, the pre neuron, or itself."""
    rng = np.random.default_rng(seed)
    choice, one_by_one = rng.integers(0, 3, 3), rng.integers(0, 3, 9)
    levels = {  # of synapse k, from i to j
        "whole": (Whole(1), lambda i, j, k: 1),
        "post": (ByPost(choice), lambda i, j, k: choice[j]),
        "pre": (ByPre(choice), lambda i, j, k: choice[i]),
        "synapse": (BySynapse(one_by_one), lambda i, j, k: one_by_one[k]),
    }
    da = Population("da", 3, Parrot())
    dopamine = Modulator(
        "dopamine", 3, tau=15.0, baseline=-0.01, releases=[Release(da, 0.05, 0.7, onto=[0, 1, 2])]
    )
    rules = {
        kind: DopamineSTDP(
            dopamine, subpopulations=groups, tau_e=12.0, w_min=0.9, w_max=1.1, a_plus=0.1, a_minus=0.15
        )
        for kind, (groups, _) in levels.items()
    }
    w = rng.uniform(0.9, 1.1, (3, 3))
    simulation = Simulation(
        network(rules, arrivals, posts, doses, w, da), dt=DT, precision="float64", max_rate=1e5
    )
    for ms in (100.0, 57.3, 142.7):
        simulation.run(ms)
        for kind, (_, level) in levels.items():
            got = simulation.synapses(kind)
            for k, (i, j) in enumerate(zip(got.pre, got.post, strict=True)):
                expected = slow(
                    rules[kind],
                    [t * DT for t in arrivals[i]],
                    [t * DT for t in posts[j]],
                    [(t * DT + 0.7, 0.05) for t in doses[level(i, j, k)]],
                    w[i, j],
                    simulation.t + 1e-9,
                    15.0,
                    -0.01,
                )
                np.testing.assert_allclose(
                    (got.weight[k], got.eligibility[k]), expected, rtol=1e-8, atol=1e-10
                )


def learning_network():
    neuron = LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0)
    exc, da = Population("exc", 300, neuron), Population("da", 20, neuron)
    dopamine = Modulator("dopamine", 5, tau=30.0, releases=[Release(da, 0.02, 1.0, onto=np.arange(20) % 5)])
    rule = DopamineSTDP(
        dopamine,
        LinearReceptor(1.0, 0.1),
        ByPost(np.arange(300) % 5),
        tau_e=40.0,
        a_plus=0.02,
        a_minus=0.02,
        w_max=0.8,
    )
    return Network(
        exc,
        da,
        Projection(
            exc, exc, FixedIndegree(30), Uniform(0.2, 0.6), Uniform(1.0, 3.0), plasticity=rule, name="learn"
        ),
        Poisson(exc, rate=3_000.0, weight=0.4),
        Poisson(da, rate=4_000.0, weight=0.4),
    )


@pytest.mark.slow
def test_threads_splits_and_reads_change_no_bit():
    found = []
    for threads, parts in ((1, [200.0]), (2, [200.0]), (3, [50.0, 0.1, 63.3, 86.6])):
        simulation = Simulation(learning_network(), seed=3, threads=threads)
        for ms in parts:
            simulation.run(ms)
            simulation.synapses("learn")
        synapses = simulation.synapses("learn")
        found.append((synapses.weight, synapses.eligibility, simulation.levels("dopamine")))
    assert np.unique(found[0][0]).size > 2000
    assert np.ptp(found[0][2]) > 0
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_state_holds_eligibility_levels_and_integrals():
    whole = Simulation(learning_network(), seed=3)
    whole.run(77.0)
    saved = whole.state()
    whole.run(123.0)
    for threads in (1, 2):
        other = Simulation(learning_network(), seed=3, threads=threads)
        other.load_state(saved)
        other.run(123.0)
        for name in ("weight", "eligibility"):
            np.testing.assert_array_equal(
                getattr(other.synapses("learn"), name), getattr(whole.synapses("learn"), name)
            )


@pytest.mark.slow
def test_released_by_hand_at_levels_of_ones_own():
    da = Population("da", 1, Parrot())
    rule = DopamineSTDP(Modulator("dopamine", 2, tau=50.0), subpopulations=ByPost([0, 1]), tau_e=30.0)
    net = network(rule, [[20]], [[40], [40]], [[1]], [[1.0, 1.0]], da)
    simulation = Simulation(net, dt=DT, precision="float64")
    simulation.run(10.0)
    simulation.release("dopamine", 0.3, level=1)
    np.testing.assert_allclose(simulation.levels("dopamine"), [0.0, 0.3])
    simulation.run(20.0)
    np.testing.assert_allclose(simulation.levels("dopamine"), [0.0, 0.3 * math.exp(-20 / 50)])
    expected = slow(rule, [2.0], [4.0], [(10.0, 0.3)], 1.0, 30.0, 50.0, 0.0)[0]
    got = simulation.synapses("learn").weight
    np.testing.assert_allclose(got, [1.0, expected], rtol=1e-10)
    assert got[1] > 1.05
    simulation.set_weights("learn", [0.5, 0.6])
    np.testing.assert_allclose(simulation.synapses("learn").weight, [0.5, 0.6])


def test_receptors_turn_levels_into_signed_gains():
    levels = np.linspace(-0.1, 1.3, 57)
    for receptor, sign in ((NacaReceptor(0.45, 1.3), -1), (LinearReceptor(2.0, 0.3), 1), (D1(0.4), 1)):
        by_level = [receptor.curve(level, *receptor.parameters()) for level in levels]
        np.testing.assert_allclose(by_level, sign * receptor.gain(levels), rtol=1e-12, atol=1e-15)
    both = D1D2(tonic=0.4, d1=2.0, d2=3.0)
    gains = [both.curve(level, *both.parameters()) for level in (0.0, 0.2, 0.4, 0.7, 1.0)]
    np.testing.assert_allclose(gains, [-3.0, -1.5, 0.0, 1.0, 2.0], atol=1e-15)
    hill = Hill(half=0.5, exponent=2.0, tonic=0.5, scale=4.0)
    np.testing.assert_allclose([hill.curve(x, *hill.parameters()) for x in (0.0, 0.5, 1e9)], [-2.0, 0.0, 2.0])


@pytest.mark.slow
def test_any_receptor_equals_a_sum_over_ticks():
    """Tick by tick: what the weight gains while nothing fires, under a level that falls through the whole curve."""
    receptors = {"naca": NacaReceptor(), "both": D1D2(), "hill": Hill(tonic=0.2), "d1": D1(0.3)}
    dopamine = Modulator("dopamine", tau=8.0, baseline=0.1)
    rules = {
        name: DopamineSTDP(dopamine, r, tau_e=20.0, w_min=-50.0, w_max=50.0) for name, r in receptors.items()
    }
    net = network(rules, [[20]], [[40]], [[1]], [[1.0]], Population("da", 1, Parrot()))
    simulation = Simulation(net, dt=DT, precision="float64")
    simulation.run(10.0)
    before = {name: simulation.synapses(name) for name in receptors}
    simulation.release("dopamine", 1.0)
    simulation.run(60.0)
    for name, receptor in receptors.items():
        w, e, n, parameters = before[name].weight[0], before[name].eligibility[0], 1.0, receptor.parameters()
        rest, fine = receptor.curve(0.1, *parameters), 1.0 / 20.0 + 1.0 / 8.0
        for _ in range(600):
            away = receptor.curve(0.1 + n, *parameters) - rest
            w += e * (rest * 20.0 * -math.expm1(-DT / 20.0) + away * -math.expm1(-DT * fine) / fine)
            e, n = e * math.exp(-DT / 20.0), n * math.exp(-DT / 8.0)
        np.testing.assert_allclose(simulation.synapses(name).weight, [w], rtol=1e-11)
        assert abs(w - before[name].weight[0]) > 0.01


def test_errors():
    with pytest.raises(DescriptionError, match="tau must be > 0 ms"):
        Modulator("dopamine", tau=0.0)
    for wrong in ({"n_levels": 70_000}, {"n_levels": 2.0}, {"baseline": "1"}, {"releases": 3}, {"releases": [1]},
                  {"releases": [Release("da")]}, {"tau": float("nan")}):  # fmt: skip
        with pytest.raises(DescriptionError, match="Modulator 'dopamine'"):
            Modulator("dopamine", **wrong)
    pre, post = Population("a", 3, LIF()), Population("b", 2, LIF())
    rule = DopamineSTDP(Modulator("dopamine", 2), subpopulations=ByPost([0, 1, 1]))
    with pytest.raises(DescriptionError, match="ByPost: levels must be 2 whole numbers"):
        Projection(pre, post, AllToAll(), plasticity=rule)
    with pytest.raises(DescriptionError, match=r"levels must be in \[0, 2\)"):
        Projection(
            pre, post, AllToAll(), plasticity=DopamineSTDP(Modulator("dopamine", 2), subpopulations=Whole(2))
        )
    outside = Modulator("dopamine", releases=[Release(Population("da", 1, Parrot()))])
    with pytest.raises(DescriptionError, match="release by 'da': this population is not in the network"):
        Simulation(Network(pre, post, Projection(pre, post, AllToAll(), plasticity=DopamineSTDP(outside))))
    simulation = Simulation(
        Network(
            pre,
            post,
            Projection(pre, post, FromCOO([0], [1]), plasticity=DopamineSTDP(Modulator("dopamine"))),
        )
    )
    with pytest.raises(DescriptionError, match="no modulator 'dopamin'"):
        simulation.release("dopamin", 1.0)


@pytest.mark.slow
def test_a_file_describes_modulators(tegmentum):
    """A file's network is the one that Python describes: the same weights, bit for bit."""
    from tegmentum.cli.config import network_of, read

    file = Path(__file__).parent.parent / "examples" / "dopamine.toml"
    network = network_of(read(file))
    rule = network["learn"].plasticity
    assert rule.receptor == D1D2(tonic=0.5, d1=1e-3, d2=1e-3)
    assert (rule.modulator.n_levels, rule.modulator.tau, rule.modulator.baseline) == (5, 200.0, 0.5)
    assert rule.modulator.releases[0].population is network["da"]
    simulation = Simulation(network, seed=1)
    simulation.run(50.0)
    assert np.ptp(simulation.levels("dopamine")) > 0
    assert np.ptp(simulation.synapses("learn").weight) > 0

    check = ("config", "check", file, "--set")
    for value, problem in {
        "projections.0.plasticity.modulator=dopamin": "no modulator 'dopamin'; did you mean 'dopamine'?",
        "projections.0.plasticity.receptor.tonik=1": "did you mean 'tonic'?",
        "projections.0.plasticity.subpopulations.level=7": "levels must be in [0, 5)",
        "modulators.dopamine.tau=-1": "Modulator 'dopamine': tau must be > 0 ms",
        "modulators.dopamine.releases.0.population=dd": "there is no population 'dd'",
    }.items():
        outcome = tegmentum(*check, value)
        assert outcome.code == 3, value
        assert problem in " ".join(outcome.err.split()), outcome.err


@pytest.mark.slow
def test_the_rule_that_the_page_on_learning_writes(tmp_path, monkeypatch):
    """Nearest neighbours: of two arrivals before a post spike the later counts, of two post spikes as well."""
    page = (Path(__file__).parent.parent / "docs" / "learning.md").read_text()
    (tmp_path / "nearest_rule.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    monkeypatch.syspath_prepend(tmp_path)
    rule = importlib.import_module("nearest_rule").NearestSTDP(Modulator("dopamine"), a_plus=1.0, a_minus=0.5)
    arrivals, posts = [[100, 200, 350]], [[290, 300]]
    net = network(rule, arrivals, posts, [[]], np.ones((1, 1)), Population("da", 1, Parrot()))
    simulation = Simulation(net, dt=DT, precision="float64")
    simulation.run(40.0)
    pairs = [(29.0, 9.0, 1.0), (30.0, 10.0, 1.0), (35.0, 5.0, -0.5)]
    expected = sum(a * math.exp(-gap / 20.0 - (40.0 - t) / rule.tau_e) for t, gap, a in pairs)
    assert simulation.synapses("learn").eligibility[0] == pytest.approx(expected, rel=1e-9)
