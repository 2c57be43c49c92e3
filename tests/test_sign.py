"""Projections with a sign: rules learn magnitudes of negative weights, and no weight crosses zero."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity import (
    BCM,
    STDP,
    Adam,
    BennaFusiSTDP,
    Dopamine,
    DopamineSTDP,
    ErrorDriven,
    Expectation,
    Learner,
    Modulated,
    NacaReceptor,
    StateDifference,
    TsodyksMarkram,
)
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    DiscreteLIF,
    FixedIndegree,
    LIFCond,
    LIFExp,
    Modulator,
    Network,
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

DT = 0.1
QUIET = LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0)  # fires when it is kicked, at no input else
DOPAMINE = Modulator("dopamine", tau=100.0)
RULES = {
    "pair": (STDP(lam=0.05), None),
    "dopamine": (DopamineSTDP(DOPAMINE, tau_e=50.0, a_plus=0.01, a_minus=0.008, w_max=1.0), None),
    "sliding": (BCM(eta=1e-4, tau_theta=300.0), None),
    "chain": (BennaFusiSTDP(tau=30.0, a_plus=0.02, a_minus=0.015), TsodyksMarkram()),
}


def train(name, seed, n):
    rng = np.random.default_rng(seed)
    times = (
        np.concatenate([np.sort(rng.choice(np.arange(2, 1500), 12, replace=False)) for _ in range(n)]) * DT
    )
    return SpikeTrain(name, n, times, np.repeat(np.arange(n), 12))


def network(sign, threads=1):
    pre, kick, cell = train("pre", 1, 5), train("kick", 2, 4), Population("cell", 4, QUIET)
    w = np.random.default_rng(3).uniform(0.2, 0.8, (5, 4)) * (sign or 1)
    learning = [
        Projection(pre, cell, AllToAll(), w, DT, plasticity=rule, short_term=short, name=name, sign=sign)
        for name, (rule, short) in RULES.items()
    ]
    net = Network(pre, kick, cell, *learning, Projection(kick, cell, OneToOne(), 1e8, DT))
    return Simulation(net, DT, precision="float64", max_rate=1e5, threads=threads)


@pytest.mark.slow
def test_magnitudes_learn_as_positive_weights_do():
    """With the same trains, whatever the threads and splits, and through a state."""
    found = {}
    for key, threads, parts in (
        ((None, 1), 1, (160.0,)),
        ((-1, 1), 1, (160.0,)),
        ((-1, 2), 2, (60.0, 0.1, 99.9)),
        ((1, 1), 1, (160.0,)),
    ):
        simulation = network(key[0], threads)
        simulation.release("dopamine", 0.5)
        for ms in parts:
            simulation.run(ms)
        again = network(key[0], 3 - threads)
        again.load_state(simulation.state())
        found[key] = {name: simulation.synapses(name) for name in RULES}
        for name in RULES:
            np.testing.assert_array_equal(again.synapses(name).weight, found[key][name].weight)
    for name in RULES:
        plain = found[None, 1][name]
        assert np.unique(plain.weight).size >= 10
        assert np.abs(plain.weight - network(None).synapses(name).weight).max() > 1e-3, name
        np.testing.assert_array_equal(found[1, 1][name].weight, plain.weight)
        for threads in (1, 2):
            signed = found[-1, threads][name]
            np.testing.assert_array_equal(signed.weight, -plain.weight, err_msg=name)
            for field, values in plain.kept.items():
                np.testing.assert_array_equal(signed.kept[field], values)


@pytest.mark.slow
def test_plastic_inhibition_inhibits():
    """Excitatory and inhibitory synapses of one rule, each arrival of the one against one of the other."""
    pre, cell = train("pre", 1, 1), Population("cell", 1, LIF(v_thresh=1e6, v_reset=0.0))

    def potential(excitation):
        parts = [
            Projection(pre, cell, AllToAll(), w, DT, plasticity=STDP(lam=0.0), sign=s, name=str(s))
            for w, s in ((excitation, 1), (-0.5, -1))
        ]
        record = Record(traces={"v": Trace(cell)})
        return Simulation(Network(pre, cell, *parts), DT).run(160.0, record).traces["v"]

    assert np.all(potential(0.5) == 0.0)
    assert potential(0.0).min() < -0.4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["STDP", "DopamineSTDP"])
def test_one_rule_on_excitation_and_inhibition(kind):
    """Recurrent populations whose four projections all learn, inhibition in [-w_max, 0]."""
    rules = {
        "STDP": STDP(lam=0.2, w_max=80.0),
        "DopamineSTDP": DopamineSTDP(DOPAMINE, tau_e=100.0, a_plus=2.0, a_minus=2.0, w_max=80.0),
    }
    neuron = LIFExp(tau_m=10.0, c_m=100.0, v_thresh=10.0)
    exc, inh = Population("exc", 80, neuron), Population("inh", 20, neuron)
    projections = [
        Projection(pre, post, FixedIndegree(10), Uniform(*sorted((5.0 * s, 40.0 * s))), 1.5,
                   plasticity=rules[kind], sign=s)
        for pre, s in ((exc, 1), (inh, -1)) for post in (exc, inh)
    ]  # fmt: skip
    net = Network(exc, inh, *projections, Poisson(exc, 4000.0, 60.0), Poisson(inh, 4000.0, 60.0))
    assert [q.receptor for q in net.projections] == ["exc", "exc", "inh", "inh"]
    simulation = Simulation(net, seed=2)
    before = {q.name: simulation.synapses(q.name).weight for q in net.projections}
    for amount in (0.5, -1.0, 1.0):
        if kind != "STDP":
            simulation.release("dopamine", amount)
        simulation.run(100.0)
    for q in net.projections:
        w = simulation.synapses(q.name).weight * q.sign
        assert 0.0 <= w.min() <= w.max() <= 80.0
        assert np.mean(np.abs(w - before[q.name] * q.sign)) > 0.5


def dale_network(n_in, n_classes):
    """Pixels onto excitatory and inhibitory neurons, both onto the output, and inhibition of the excitatory ones."""
    local, optimiser = StateDifference(), Adam(lr=3e-3)
    naca = Modulated(Dopamine(Expectation(n_classes)), NacaReceptor(), local, optimiser)
    error = ErrorDriven(local, optimiser)
    pixels = SpikeTrain("pixels", n_in, [], [])
    exc, inh = Population("exc", 120, DiscreteLIF()), Population("inh", 60, DiscreteLIF())
    out = Population("out", n_classes, DiscreteLIF())
    return Network(
        pixels, exc, inh, out,
        Projection(pixels, exc, FixedIndegree(20), Uniform(0.0, 0.2), plasticity=naca, sign=1),
        Projection(pixels, inh, FixedIndegree(20), Uniform(0.0, 0.2), plasticity=naca, sign=1),
        Projection(inh, exc, FixedIndegree(5), Uniform(-0.3, 0.0), plasticity=naca, sign=-1),
        Projection(exc, out, AllToAll(), Uniform(0.0, 0.03), plasticity=error, sign=1),
        Projection(inh, out, AllToAll(), Uniform(-0.03, 0.0), plasticity=error, sign=-1),
    )  # fmt: skip


@pytest.mark.slow
def test_naca_trains_a_network_under_dales_law():
    from tegmentum.datasets import load

    digits = load("digits")
    found = []
    for threads in (1, 2):
        net = dale_network(digits.n_features, digits.n_classes)
        learner = Learner(net, n_ticks=12, batch=32, threads=threads)
        first = {layer.name: layer.weights()[0] for layer in learner.layers}
        for epoch in (1, 2, 3):
            learner.learn(digits.x_train, digits.y_train, digits.x_max, epoch)
        found.append({layer.name: layer.weights()[0] for layer in learner.layers})
    for q in net.projections:
        w = found[0][q.name] * q.sign
        assert w.min() == 0.0  # some were cut
        assert w.max() > 0.05
        assert np.abs(found[0][q.name] - first[q.name]).mean() > 1e-3
        np.testing.assert_array_equal(found[0][q.name], found[1][q.name])
    accuracy = (learner.predict(digits.x_test, digits.x_max) == digits.y_test).mean()
    assert accuracy > 0.7


CELL = Population("p", 3, LIF())


@pytest.mark.parametrize(
    ("weight", "more", "message"),
    [
        (
            0.5,
            {"sign": -1, "plasticity": STDP()},
            r"weight must be in \[-1, 0\], got 0\.5; STDP keeps weights there, of",
        ),
        (-0.5, {"sign": 1, "plasticity": STDP()}, r"weight must be in \[0, 1\], got -0\.5"),
        (-0.5, {"sign": 2, "plasticity": STDP()}, "sign must be 1 or -1, got 2"),
        (-0.5, {"sign": True, "plasticity": STDP()}, "sign must be 1 or -1, got True"),
        (-0.5, {"sign": -1}, "sign is for weights that learn"),
        (
            -0.5,
            {"sign": -1, "plasticity": DopamineSTDP(DOPAMINE, w_min=-1.0)},
            "must keep magnitudes, in bounds from 0",
        ),
    ],
)
def test_what_is_wrong_is_named(weight, more, message):
    with pytest.raises(DescriptionError, match=message):
        Projection(CELL, CELL, AllToAll(), weight, **more)


def test_conductances_and_windows_take_no_sign():
    with pytest.raises(DescriptionError, match="sign must be 1 onto LIFCond"):
        Projection(CELL, Population("q", 3, LIFCond()), AllToAll(), 0.5, plasticity=STDP(), sign=-1)
    net = dale_network(4, 2)
    with pytest.raises(DescriptionError, match="windows"):
        Learner(net, engine="windows")
    q = net.projections[2]
    with pytest.raises(DescriptionError, match=r"weight must be <= 0, as its sign is -1"):
        Projection(q.pre, q.post, AllToAll(), Uniform(-0.1, 0.1), plasticity=q.plasticity, sign=-1)


def test_a_file_names_the_sign(tmp_path):
    from tegmentum.cli.config import network_of, read

    file = tmp_path / "net.toml"
    file.write_text(
        '[simulation]\nduration = 1.0\n\n[populations.p]\nsize = 5\nmodel = { type = "LIF" }\n\n[[projections]]\n'
        'pre = "p"\npost = "p"\nrule = { type = "AllToAll" }\nweight = -0.5\nsign = -1\n'
        'plasticity = { type = "STDP" }\n'
    )
    found = network_of(read(file))["p-p"]
    assert (found.sign, found.weight.value) == (-1, -0.5)
