"""Signs of weights against receptors and rules, shapes of arrays, absent autapses, shards without neurons."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.simcore import (
    LIF,
    AdEx,
    AllToAll,
    AvgPool2D,
    Conv2D,
    DescriptionError,
    FixedIndegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Lognormal,
    Network,
    Normal,
    OneToOne,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    Uniform,
)

pytestmark = pytest.mark.numbers

CURRENTS = [LIFExp, LIFAlpha, AdEx]
CELL = Population("c", 1, LIFCond())
TRAIN = SpikeTrain("t", 1, [10.0, 20.0], [0, 0])


def voltage(*parts, ms=50.0):
    simulation = Simulation(Network(TRAIN, CELL, *parts))
    return simulation.run(ms, Record(traces={"v": Trace(CELL)})).traces["v"].ravel()


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        (OneToOne(), -5.0),
        (AllToAll(), np.array([[-5.0]])),
        (AllToAll(), Uniform(-5.1, -4.9)),
        (FixedIndegree(1), Normal(-5.0, 0.1)),
        (FixedTotal(1), -5),
        (FromCOO([0], [0]), np.array([-5.0])),
        (Conv2D(np.full((1, 1, 1, 1), -5.0), (1, 1, 1)), 1.0),
        (AvgPool2D((1, 1, 1), 1), -5.0),
    ],
    ids=lambda v: type(v).__name__,
)
def test_negative_conductances_inhibit(rule, weight):
    projection = Projection(TRAIN, CELL, rule, weight)
    assert projection.receptor == "inh"
    v = voltage(projection)
    named = voltage(Projection(TRAIN, CELL, OneToOne(), 5.0, receptor="inh"))
    np.testing.assert_allclose(v, named, atol=0.15)
    assert v.max() <= -60.0
    # after the first spike, against scipy: g = 5 exp(-t / 10) towards -80 mV, 10 nS of leak, 200 pF
    from scipy.integrate import solve_ivp

    exact = solve_ivp(
        lambda t, v: (-10.0 * (v + 60.0) - 5.0 * np.exp(-t / 10.0) * (v + 80.0)) / 200.0,
        (0.0, 8.0),
        [-60.0],
        rtol=1e-10,
    ).y[0, -1]
    at = int(np.argmax(np.abs(named + 60.0) > 1e-3)) - 1  # the tick of arrival
    assert named[at + 80] == pytest.approx(exact, abs=0.02)


def test_negative_poisson_weights_inhibit_conductances():
    source = Poisson(CELL, rate=500.0, weight=-5.0)
    assert (source.receptor, source.weight) == ("inh", 5.0)
    v = voltage(source, ms=100.0)
    assert v.max() <= -60.0
    assert v.min() < -62.0


def refused(message, make):
    with pytest.raises(DescriptionError, match=message):
        make()


@pytest.mark.parametrize("receptor", ["exc", "inh"])
def test_negative_conductances_on_a_named_receptor_are_refused(receptor):
    message = r"weight must be >= 0, got -5.*weights of LIFCond are conductances"
    for weight in (-5.0, -5, np.array([[-5.0]])):
        refused(message, lambda w=weight: Projection(TRAIN, CELL, AllToAll(), w, receptor=receptor))
    refused(message, lambda: Poisson(CELL, 10.0, -5.0, receptor=receptor))
    drawn = Projection(TRAIN, CELL, AllToAll(), Uniform(-5.0, -4.0), receptor=receptor)
    refused("Projection 't-c': weight must be >= 0, got -4", lambda: Simulation(Network(TRAIN, CELL, drawn)))


def pre_and_post(model, n_pre=3, n_post=4):
    return SpikeTrain("pre", n_pre, [1.0], [0]), Population("post", n_post, model)


@pytest.mark.parametrize("model", [*CURRENTS, LIFCond])
def test_weights_of_both_signs_need_two_projections(model):
    pre, post = pre_and_post(model())
    signed = np.array([[1.0, -2.0, 1.0, 1.0]] * 3)
    message = r"Projection 'pre-post': weight must be >= 0, got -2 \(3 of 12 are not\)"
    refused(message, lambda: Projection(pre, post, AllToAll(), signed))
    i, j = np.divmod(np.arange(12), 4)
    refused(message, lambda: Projection(pre, post, FromCOO(i, j), signed.ravel()))
    refused("weight must be <= 0, got 2", lambda: Projection(pre, post, AllToAll(), -signed))
    kernel = np.array([1.0, -2.0]).reshape(1, 1, 1, 2)
    two = Population("post", 6, model())
    refused("weight must be", lambda: Projection(pre, two, Conv2D(kernel, (3, 1, 1)), 1.0))
    drawn = Projection(pre, post, AllToAll(), Normal(0.5, 1.0))
    refused(r"weight must be >= 0, got -.* of 12 are not", lambda: Simulation(Network(pre, post, drawn)))
    limited = Projection(pre, post, AllToAll(), Normal(0.5, 1.0, low=0.0))
    assert Simulation(Network(pre, post, limited)).synapses("pre-post").weight.min() >= 0.0


@pytest.mark.parametrize("model", CURRENTS)
def test_currents_of_both_signs_may_share_a_named_receptor(model):
    pre, post = pre_and_post(model())
    signed = np.array([[1.0, -2.0, 1.0, 1.0]] * 3)
    assert Projection(pre, post, AllToAll(), signed, receptor="inh").receptor == "inh"
    assert Projection(pre, post, AllToAll(), -5.0).receptor == "inh"
    assert Projection(pre, post, AllToAll(), -5.0, receptor="exc").receptor == "exc"
    assert Poisson(post, 10.0, -5.0).receptor == "inh"
    assert Poisson(post, 10.0, -5.0).weight == -5.0


def test_one_receptor_takes_both_signs():
    pre, post = pre_and_post(LIF())
    simulation = Simulation(Network(pre, post, Projection(pre, post, AllToAll(), Normal(0.0, 1.0))))
    simulation.set_weights("pre-post", np.linspace(-1.0, 1.0, 12))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-0.5, r"Projection 'pre-post': weight must be in \[0, 1\], got -0\.5; STDP keeps weights there"),
        (1.5, r"weight must be in \[0, 1\], got 1\.5; STDP"),
        (np.array([[0.5, 1.5, 0.2, -3.0]] * 3), r"weight must be in \[0, 1\], got -3 \(6 of 12 are not\)"),
    ],
)
def test_initial_weights_beyond_the_rules_range_are_refused(weight, message):
    pre, post = pre_and_post(LIF())
    refused(message, lambda: Projection(pre, post, AllToAll(), weight, plasticity=STDP()))


def test_drawn_weights_beyond_the_rules_range_are_counted():
    pre, post = pre_and_post(LIF(), 30, 40)
    for rule in (AllToAll(), FixedIndegree(10)):
        wide = Projection(pre, post, rule, Normal(0.5, 0.5), plasticity=STDP())
        other = Projection(pre, post, rule, Uniform(0.0, 1.0), plasticity=STDP(), name="other")
        refused(
            r"Projection 'pre-post': weight must be in \[0, 1\], got .* of \d+ are not",
            lambda w=wide, o=other: Simulation(Network(pre, post, o, w)),
        )
        far = Projection(
            pre, post, rule, Lognormal(-5.0, 0.5), plasticity=STDP()
        )  # its tail alone reaches beyond
        assert Simulation(Network(pre, post, other, far)).synapses("pre-post").weight.max() < 1.0


def test_set_weights_keeps_to_receptor_and_rule():
    def simulation(model, weight, **more):
        pre, post = pre_and_post(model)
        return Simulation(Network(pre, post, Projection(pre, post, AllToAll(), weight, **more)))

    learning = simulation(LIF(), Uniform(0.0, 1.0), plasticity=STDP())
    refused("weight must be in", lambda: learning.set_weights("pre-post", -0.5))
    refused("weight must be in", lambda: learning.set_weights("pre-post", np.full(12, 1.5)))
    for weight, receptor in ((Uniform(0.0, 1.0), "exc"), (Uniform(-1.0, -0.5), "inh")):
        conductance = simulation(LIFCond(), weight)
        assert conductance.network["pre-post"].receptor == receptor
        refused("weight must be >= 0, got -0.5", lambda s=conductance: s.set_weights("pre-post", -0.5))
        conductance.set_weights("pre-post", 0.5)
    current = simulation(LIFExp(), Uniform(0.0, 1.0))
    refused("weight must be >= 0, got -0.5", lambda: current.set_weights("pre-post", -0.5))
    current.set_delays("pre-post", 3.0)  # still chosen by sign
    refused("weight must be >= 0, got -0.5", lambda: current.set_weights("pre-post", -0.5))
    simulation(LIFExp(), Uniform(0.0, 1.0), receptor="exc").set_weights("pre-post", -0.5)
    for bad in (np.nan, "x", [1.0, 2.0], np.ones((3, 4)), None, True, 1e300):
        refused("Projection 'pre-post': weight must", lambda b=bad: current.set_weights("pre-post", b))


def test_delays_must_have_the_shape_of_the_synapses():
    pre, post = pre_and_post(LIF())
    square, n = Population("square", 4, LIF()), np.arange(1.0, 13.0)
    for delay in (n.reshape(4, 3), n, n.reshape(12, 1), np.full((4, 3), 1.0), np.ones(7)):
        refused(
            r"delay must have shape \(3, 4\), got",
            lambda d=delay: Projection(pre, post, AllToAll(), 1.0, d),
        )
    matrix = n.reshape(3, 4)
    found = Simulation(Network(pre, post, Projection(pre, post, AllToAll(), 1.0, matrix))).synapses(
        "pre-post"
    )
    np.testing.assert_array_equal(found.delay, np.round(matrix[found.pre, found.post] * 10))
    for rule, many in (
        (FromCOO([0, 1], [1, 2]), 2),
        (FixedIndegree(2), 8),
        (FixedTotal(5), 5),
    ):
        for delay in (np.ones(many + 1), np.arange(1.0, many + 2), np.ones((1, many))):
            refused(
                f"delay must have {many} values, got shape",
                lambda r=rule, d=delay: Projection(pre, post, r, 1.0, d),
            )
    refused("delay must have 4 values", lambda: Projection(square, square, OneToOne(), 1.0, [1.0, 1.0]))
    some = Projection(pre, post, FixedProbability(0.5), 1.0, np.ones(11))
    refused(r"delay must have \d values, got 11", lambda: Simulation(Network(pre, post, some)))
    # without autapses a matrix is whole, as that of the weights
    whole = np.arange(1.0, 17.0).reshape(4, 4)
    projection = Projection(square, square, AllToAll(autapses=False), whole, whole)
    found = Simulation(Network(square, projection)).synapses("square-square")
    np.testing.assert_array_equal(found.delay, np.round(whole[found.pre, found.post] * 10))
    np.testing.assert_array_equal(found.weight, whole[found.pre, found.post])
    assert len(found) == 12


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("weight", [Uniform(0.1, 1.0), np.arange(16.0).reshape(4, 4) + 1.0])
def test_autapses_that_are_not_there_stay_so(weight, threads):
    p = Population("p", 4, LIF(tau_m=1e6, v_thresh=50.0, v_reset=0.0))
    kick = SpikeTrain("kick", 4, [1.0], [2])
    network = Network(
        p,
        kick,
        Projection(p, p, AllToAll(autapses=False), weight),
        Projection(kick, p, OneToOne(), 60.0),
    )
    simulation = Simulation(network, threads=threads)
    found = simulation.synapses("p-p")
    assert len(found) == 12
    assert simulation.n_synapses == 12 + 4
    assert not np.any(found.pre == found.post)
    simulation.set_weights("p-p", 5.0)
    assert set(simulation.synapses("p-p").weight) == {5.0}
    simulation.run(5.0)
    v = simulation.state()["state/p/v"][0]
    np.testing.assert_allclose(v, [5.0, 5.0, 0.0, 5.0], rtol=1e-4)
    from tegmentum.simcore.lower.slices import slice_of

    assert len(slice_of(network, "p-p", 1, 3)) == 6


@pytest.mark.parametrize("weight", [1.5, np.array([[1.5]]), Uniform(1.5, 1.5001)])
@pytest.mark.parametrize("others", [0, 1])
def test_a_shard_without_neurons_says_what_the_weights_are(weight, others):
    c, pre = Population("c", 1, LIF()), SpikeTrain("pre", 1, [1.0], [0])
    parts = [Projection(pre, c, AllToAll(), weight)]
    if others:  # more kinds of synapses
        parts.append(Projection(pre, c, FixedTotal(3), 0.5, name="more"))
        parts.append(Projection(pre, c, FixedTotal(2), Uniform(0.7, 0.7001), name="drawn"))
    found = {}
    for threads in (1, 2, 3):
        simulation = Simulation(Network(c, pre, *parts), threads=threads)
        assert simulation.synapses("pre-c").weight == pytest.approx([1.5], abs=1e-3)
        if others:
            assert simulation.synapses("more").weight.tolist() == [0.5] * 3
            assert simulation.synapses("drawn").weight == pytest.approx([0.7] * 2, abs=1e-3)
        simulation.run(5.0)
        found[threads] = simulation.state()["state/c/v"]
        assert found[threads] == found[1]
    assert found[1] > 1.0


def test_delays_beyond_the_memory_are_refused_with_what_they_take():
    pre, post = pre_and_post(LIF())
    for rule, delay in ((AllToAll(), 1e8), (OneToOne(), 1e8), (AllToAll(), Normal(5e7, 1e7, low=1.0))):
        if isinstance(rule, OneToOne):
            post = Population("post", 3, LIF())
        network = Network(pre, post, Projection(pre, post, rule, 1.0, delay))
        refused(
            r"Projection 'pre-post': delay up to .* takes queues of [\d.]+ GiB",
            lambda n=network: Simulation(n),
        )
    for delay in (1e9, 1e30, Lognormal(20.0, 5.0)):
        network = Network(pre, post, Projection(pre, post, FixedTotal(3), 1.0, delay))
        refused("Projection 'pre-post': delay must be below|delay up to", lambda n=network: Simulation(n))
    many = Network(pre, post, Projection(pre, post, FixedTotal(10**15)))
    refused("FixedTotal makes 1e[+]15 synapses", lambda: Simulation(many))


@pytest.mark.parametrize("field", ["weight", "delay"])
def test_mirrored_distributions_draw_the_negated_numbers(field):
    u = np.linspace(0.01, 0.99, 99)
    for d in (
        Normal(-3.0, 1.0, high=-1.0),
        Normal(-3.0, 1.0, -4.0, -1.0, "redraw"),
        Uniform(-3.0, -1.0),
    ):
        np.testing.assert_allclose(d.mirrored().quantile(u), -d.quantile(1 - u), rtol=1e-9)
        low, high = d.bounds()
        assert d.mirrored().bounds() == (-high, -low)


TOML = """
[simulation]
duration = 10.0

[populations.c]
size = 2
model = {{ type = "{model}" }}

[spike_trains.t]
size = 2
times = [1.0]
neuron = [0]

[[projections]]
pre = "t"
post = "c"
rule = {{ type = "FromCOO", pre = [0, 1], post = [1, 0] }}
weight = {weight}
{more}

[[poisson]]
post = "c"
rate = 10.0
weight = -2.0
"""


def from_toml(tmp_path, **parts):
    from tegmentum.cli.config import network_of, read

    path = tmp_path / "net.toml"
    path.write_text(TOML.format(**{"more": "", **parts}), encoding="utf-8")
    return network_of(read(path))


def test_toml_keeps_to_the_same_signs(tmp_path):
    for weight in ("-5.0", "[-5.0, -5.0]", '{ type = "Uniform", low = -6.0, high = -5.0 }'):
        network = from_toml(tmp_path, model="LIFCond", weight=weight)
        assert network["t-c"].receptor == "inh"
        assert Simulation(network).synapses("t-c").weight.min() >= 5.0
        assert (network.sources[0].receptor, network.sources[0].weight) == ("inh", 2.0)
    refused("1 of 2 are not", lambda: from_toml(tmp_path, model="LIFExp", weight="[1.0, -1.0]"))
    refused("1 of 2 are not", lambda: from_toml(tmp_path, model="LIFCond", weight="[1.0, -2.0]"))
    more = "plasticity = { w_max = 2.0 }"
    refused("STDP keeps weights there", lambda: from_toml(tmp_path, model="LIF", weight="-1.0", more=more))
    refused(
        "STDP keeps weights there", lambda: from_toml(tmp_path, model="LIF", weight="[1.0, 2.5]", more=more)
    )
