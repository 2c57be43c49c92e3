"""Neuromodulators in time: levels that rise, given releases, a baseline's course; by quadrature and in slow Python."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import simulate
from reference_learning import Learning
from scipy.integrate import quad

from tegmentum.plasticity import D1, D1D2, DopamineSTDP, Hill, LinearReceptor, NacaReceptor
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    ByPre,
    BySynapse,
    Course,
    DescriptionError,
    Given,
    Modulator,
    Network,
    OneToOne,
    Parrot,
    Population,
    Projection,
    Receptor,
    Record,
    Release,
    Simulation,
    SpikeTrain,
    Whole,
)

pytestmark = pytest.mark.slow  # engines of their own

DT = 0.1


@dataclass(frozen=True)
class Bent(Receptor):
    """A parabola, or a line: one receptor, so that this file compiles one engine."""

    slope: float = 1.0
    baseline: float = 0.0
    bend: float = 0.0

    @staticmethod
    def curve(level, slope, baseline, bend):
        """Gain at a level."""
        return (level - baseline) * (slope + bend * (level - baseline))


QUIET = LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0)  # fires when it is kicked, at no input else


def one_synapse(modulator, receptor=None, dt=DT):
    """One synapse that a pair of spikes at 2 and 4 ms has made eligible; a dopamine cell fires at 12 ms."""
    da = next((r.population for r in modulator.releases), Population("da", 1, Parrot()))
    pre, kick, dose = (
        SpikeTrain(name, 1, [t], [0]) for name, t in (("pre", 1.0), ("kick", 3.0), ("dose", 11.0))
    )
    cell = Population("cell", 1, QUIET, update="stepped")
    receptor = Bent() if receptor is None else receptor
    rule = DopamineSTDP(modulator, receptor, ByPost([0]), tau_e=40.0, w_min=-50.0, w_max=50.0)
    net = Network(
        pre,
        kick,
        dose,
        cell,
        da,
        Projection(pre, cell, AllToAll(), [[1.0]], 1.0, plasticity=rule, name="learn"),
        Projection(kick, cell, OneToOne(), 1e8, 1.0),
        Projection(dose, da, OneToOne(), 1.0, 1.0),
    )
    return Simulation(net, dt=dt, precision="float64", max_rate=1e5)


def pulse(t, begin, amount, tau, rise):
    """Level above baseline that one release causes: it peaks at ``amount``."""
    if t < begin:
        return 0.0
    peak = tau * rise / (tau - rise) * math.log(tau / rise)
    top = math.exp(-peak / tau) - math.exp(-peak / rise)
    return amount / top * (math.exp(-(t - begin) / tau) - math.exp(-(t - begin) / rise))


RISING = {"tau": 30.0, "tau_rise": 6.0, "baseline": 0.02}


def rising(**more):
    da = Population("da", 1, Parrot())
    return Modulator("dopamine", 1, releases=[Release(da, 0.3, 2.0)], given=[Given([20.0, 9.0], [0.2, -0.1])],
                     **{**RISING, **more})  # fmt: skip


def level_at(t):
    """Level that :func:`rising` has, with 0.4 released by hand at 31.7 ms."""
    releases = ((14.0, 0.3), (20.0, 0.2), (9.0, -0.1), (31.7, 0.4))
    return RISING["baseline"] + sum(pulse(t, b, a, RISING["tau"], RISING["tau_rise"]) for b, a in releases)


def test_a_level_rises_to_the_amount_and_decays():
    assert Modulator("da").norm() == 1.0
    single = Modulator("da", tau=50.0, tau_rise=10.0)
    fine = np.linspace(0.0, 100.0, 100_001)
    course = single.norm() * (np.exp(-fine / 50.0) - np.exp(-fine / 10.0))
    assert course.max() == pytest.approx(1.0, abs=1e-8)
    simulation = one_synapse(rising())
    for ms in (10.0, 5.0, 16.7, 0.1, 8.2):
        simulation.run(ms)
        if simulation.tick == 317:
            simulation.release("dopamine", 0.4)
        np.testing.assert_allclose(simulation.levels("dopamine"), level_at(simulation.t), rtol=1e-12)


def test_a_linear_receptor_integrates_a_rising_level_exactly():
    simulation = one_synapse(rising(), Bent(0.7, 0.05))
    simulation.run(5.0)
    before = simulation.synapses("learn")
    simulation.run(26.7)
    simulation.release("dopamine", 0.4)
    simulation.run(168.3)  # windows of integrals end within
    assert len(simulation._plastics[0][0].gains[0].area) * DT < 200.0
    found = simulation.synapses("learn")
    borders = [5.0, 9.0, 14.0, 20.0, 31.7, 80.0, 200.0]

    def flow(t):
        return math.exp(-(t - 5.0) / 40.0) * 0.7 * (level_at(t) - 0.05)

    area = sum(quad(flow, a, b, epsabs=0.0, epsrel=1e-12)[0] for a, b in pairwise(borders))
    change = before.eligibility[0] * area
    assert abs(change) > 0.01
    np.testing.assert_allclose(found.weight - before.weight, [change], rtol=1e-9)


def test_a_curved_receptor_converges_in_the_square_of_the_tick():
    """The gain of a tick is that at the level's mean: with half the tick, a quarter of the error."""
    receptor = Bent(0.3, 0.05, 2.0)

    def flow(t):
        return math.exp(-(t - 5.0) / 40.0) * receptor.curve(level_at(t), *receptor.parameters())

    corners = (5.0, 9.0, 14.0, 20.0, 31.7, 60.0, 100.0, 200.0)
    area = sum(quad(flow, a, b, epsrel=1e-11, limit=400)[0] for a, b in pairwise(corners))
    errors = []
    for dt in (0.1, 0.05):
        simulation = one_synapse(rising(), receptor, dt=dt)
        simulation.run(5.0)
        before = simulation.synapses("learn")
        simulation.run(26.7)
        simulation.release("dopamine", 0.4)
        simulation.run(168.3)
        change = simulation.synapses("learn").weight - before.weight
        errors.append(abs(float(change[0] / (before.eligibility[0] * area)) - 1.0))
    assert max(errors) < 1e-4
    assert errors[1] < 0.3 * errors[0]


def test_a_given_release_is_one_by_hand_and_a_course_a_change_of_the_baseline():
    """Bit for bit, whatever the tick and the split: what a protocol says, and what is done between runs."""
    for kinetics in ({}, {"tau_rise": 2.0}):
        given = [Given([0.0, 12.3, 12.3, 40.0], [0.3, 0.1, 0.2, 0.5], [0, 1, 1, 0]), Given([25.0], 0.25)]
        protocol = one_synapse(Modulator("dopamine", 2, tau=20.0, given=given, **kinetics))
        by_hand = one_synapse(Modulator("dopamine", 2, tau=20.0, **kinetics))
        for ms, amounts in ((0.0, [0.3, 0.0]), (12.3, [0.0, 0.1 + 0.2]), (12.7, 0.25), (15.0, [0.5, 0.0])):
            by_hand.run(ms)
            by_hand.release("dopamine", amounts)
        by_hand.run(10.0)
        protocol.run(50.0)
        np.testing.assert_array_equal(protocol.levels("dopamine"), by_hand.levels("dopamine"))
        np.testing.assert_array_equal(protocol.synapses("learn").weight, by_hand.synapses("learn").weight)
        assert protocol.synapses("learn").weight[0] > 1.01
        protocol.reset(keep=())
        protocol.run(50.0)
        np.testing.assert_array_equal(protocol.synapses("learn").weight, by_hand.synapses("learn").weight)


def test_a_course_is_the_baseline_from_its_times_on():
    simulation = one_synapse(Modulator("dopamine", baseline=Course([0.0, 30.0, 60.0], [0.0, 0.5, -0.2])))
    weights, levels = [], []
    for _ in range(10):
        simulation.run(10.0)
        weights.append(simulation.synapses("learn").weight[0])
        levels.append(simulation.levels("dopamine")[0])
    assert levels == [0.0, 0.0, 0.5, 0.5, 0.5, -0.2, -0.2, -0.2, -0.2, -0.2]
    e = simulation.synapses("learn").eligibility[0] * math.exp(100.0 / 40.0)  # as if from time 0
    area = [40.0 * (math.exp(-a / 40.0) - math.exp(-b / 40.0)) for a, b in ((30, 60), (60, 100))]
    assert weights[2] == 1.0
    np.testing.assert_allclose(weights[5], 1.0 + 0.5 * e * area[0], rtol=1e-12)
    np.testing.assert_allclose(weights[9], weights[5] - 0.2 * e * area[1], rtol=1e-12)


def learning_network():
    """A network whose levels spikes, a protocol and a course of the baseline move, all in one."""
    rng = np.random.default_rng(5)
    ticks = np.sort(rng.choice(np.arange(1, 2000), 400, replace=False))
    drive = SpikeTrain("drive", 20, ticks * DT, rng.integers(0, 20, 400))
    cells, da = (
        Population("cells", 20, LIF(tau_m=10.0, v_thresh=1.0, v_reset=0.0, t_ref=1.0)),
        Population("da", 20, Parrot()),
    )
    dopamine = Modulator(
        "dopamine",
        3,
        tau=30.0,
        tau_rise=4.0,
        baseline=Course([0.0, 50.0, 120.0], [0.01, 0.05, 0.0]),
        releases=[Release(da, 0.02, 3.0, onto=np.arange(20) % 3)],
        given=[Given(np.arange(0.0, 200.0, 7.3), 0.01, np.arange(28) % 3)],
    )
    rule = DopamineSTDP(dopamine, Bent(1.0, 0.02), ByPost(np.arange(20) % 3), tau_e=40.0, a_plus=0.02,
                        a_minus=0.02, w_max=0.1)  # fmt: skip
    return Network(
        drive,
        cells,
        da,
        Projection(drive, cells, OneToOne(), 2.0, 1.0),
        Projection(drive, da, OneToOne(), 1.0, 1.0),
        Projection(
            cells,
            cells,
            AllToAll(autapses=False),
            np.full((20, 20), 0.03),
            1.5,
            plasticity=rule,
            name="learn",
        ),
    )


def test_threads_splits_and_states_change_no_bit():
    found, saved = [], None
    for threads, parts in ((1, [200.0]), (2, [120.0, 80.0]), (1, [50.0, 0.1, 63.3, 86.6])):
        simulation = Simulation(learning_network(), threads=threads, precision="float64")
        for ms in parts:
            simulation.run(ms)
            if ms == 120.0:
                saved = simulation.state()
        found.append(simulation)
    restored = Simulation(learning_network(), threads=1, precision="float64")
    restored.run(30.0)
    restored.load_state(saved)
    restored.run(80.0)
    first = found[0].synapses("learn")
    assert np.unique(first.weight).size > 100
    for simulation in (*found[1:], restored):
        other = simulation.synapses("learn")
        np.testing.assert_array_equal(other.weight, first.weight)
        np.testing.assert_array_equal(other.eligibility, first.eligibility)
        np.testing.assert_array_equal(simulation.levels("dopamine"), found[0].levels("dopamine"))


N, N_TICKS = 3, 300
trains = st.lists(st.lists(st.integers(1, N_TICKS - 2), max_size=12, unique=True), min_size=N, max_size=N)


@settings(max_examples=8, deadline=None)
@given(
    kicks=trains,
    doses=trains,
    protocol=st.lists(
        st.tuples(st.integers(0, N_TICKS), st.floats(-0.1, 0.1), st.integers(0, 1)), max_size=6
    ),
    rise=st.sampled_from([None, 0.3, 2.0, 7.9]),
    course=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_recurrent_network_learns_as_the_slow_simulation(kicks, doses, protocol, rise, course, seed):
    rng = np.random.default_rng(seed)

    def train(name, ticks):
        flat = np.concatenate([np.asarray(t, float) for t in ticks]) * DT
        return SpikeTrain(name, N, flat, np.repeat(np.arange(N), [len(t) for t in ticks]))

    kick, dose = train("kick", kicks), train("dose", doses)
    models = {"cell": LIF(tau_m=10.0, v_thresh=1.0, v_reset=0.0, t_ref=0.5), "da": Parrot()}
    cell, da = (Population(name, N, model) for name, model in models.items())
    dopamine = Modulator(
        "dopamine",
        2,
        tau=8.0,
        tau_rise=rise,
        baseline=Course([0.0, 11.3, 20.0], [0.01, -0.02, 0.03]) if course else -0.01,
        releases=[Release(da, 0.05, 0.7, onto=np.array([0, 1, 1])), Release(cell, 0.01, 0.4)],
        given=[
            Given([t * DT for t, _, _ in protocol], [a for _, a, _ in protocol], [k for _, _, k in protocol])
        ]
        if protocol
        else [],
    )
    onto = rng.integers(0, 2, N)
    rule = DopamineSTDP(dopamine, Bent(1.0, 0.02), ByPost(onto), tau_e=4.0, tau_plus=5.0, tau_minus=7.0,
                        a_plus=0.3, a_minus=0.2, w_min=0.0, w_max=1.2)  # fmt: skip
    w, delay = rng.uniform(0.2, 1.0, (N, N)), rng.integers(1, 9, (N, N)) * DT
    net = Network(
        kick,
        dose,
        cell,
        da,
        Projection(cell, cell, AllToAll(), w, delay, plasticity=rule, name="learn"),
        Projection(kick, cell, OneToOne(), 1.5, DT),
        Projection(dose, da, OneToOne(), 1.0, DT),
    )
    simulation = Simulation(net, dt=DT, precision="float64", max_rate=1e5)
    learning = Learning(rule, "cell", N, [(j, onto[j], w[i, j]) for i in range(N) for j in range(N)], DT)
    synapses = [("kick", i, "cell", i, 0, 1.5, 1) for i in range(N)] + [
        ("dose", i, "da", i, 0, 1.0, 1) for i in range(N)
    ]
    synapses += [
        ("cell", i, "cell", j, 0, learning.plastic[i * N + j], round(delay[i, j] / DT))
        for i in range(N)
        for j in range(N)
    ]
    given_spikes = [
        (t, name, i) for name, ticks in (("kick", kicks), ("dose", doses)) for i in range(N) for t in ticks[i]
    ]
    expected, _ = simulate(models, {"cell": N, "da": N, "kick": N, "dose": N}, synapses, given_spikes, N_TICKS, DT,
                           learning=learning)  # fmt: skip
    spikes = [simulation.run(ms, Record(spikes=[cell])).spikes["cell"] for ms in (10.0, 0.7, 19.3)]
    found = [(int(t), int(i)) for s in spikes for t, i in zip(s.tick, s.neuron, strict=True)]
    assert found == [(t, i) for t, name, i in expected if name == "cell"]
    got = simulation.synapses("learn")
    now = [learning.plastic[i * N + j].now() for i, j in zip(got.pre, got.post, strict=True)]
    np.testing.assert_allclose(got.weight, [s.w for s in now], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got.eligibility, [s.e for s in now], rtol=1e-9, atol=1e-12)


def test_errors():
    for wrong, message in (
        ({"tau_rise": 0.0}, "tau_rise must be > 0 ms"),
        ({"tau_rise": 199.0}, "tau_rise must be > 0 ms and <= 198 ms, got 199"),
        ({"given": 3}, "given must be a list of Given"),
        ({"given": [3.0]}, "given must be Given"),
        ({"given": [Given([-1.0])]}, "Given: times must be >= 0 ms"),
        ({"given": [Given(5.0)]}, "Given: times must be one-dimensional"),
        ({"given": [Given(["a"])]}, "Given: times must be numbers"),
        ({"given": [Given([1.0, 2.0], [1.0])]}, "amounts must be one number or 2"),
        ({"given": [Given([1.0], float("nan"))]}, "amounts must be finite"),
        ({"given": [Given([1.0], 1.0, [0, 0])]}, "onto must be one level or 1"),
        ({"given": [Given([1.0], 1.0, 0.5)]}, "onto must be whole numbers"),
        ({"given": [Given([1.0], 1.0, 1)]}, r"onto must be in \[0, 1\)"),
        ({"baseline": Course([1.0], [0.0])}, "Course: times must increase from 0 ms"),
        ({"baseline": Course([0.0, 0.0], [0.0, 1.0])}, "Course: times must increase from 0 ms"),
        ({"baseline": Course([0.0], [0.0, 1.0])}, "times and values must be one-dimensional"),
        ({"baseline": Course([], [])}, "times and values must be one-dimensional, not empty"),
    ):
        with pytest.raises(DescriptionError, match=f"Modulator 'dopamine': .*{message}"):
            Modulator("dopamine", **wrong)


FILE = """
[simulation]
duration = 20.0
[populations.a]
size = 2
model = { type = "Parrot" }
[modulators.dopamine]
n_levels = 3
tau = 50.0
tau_rise = 5.0
baseline = { times = [0, 10.0], values = [0.1, 0.3] }
releases = [{ population = "a", amount = 0.5, delay = 1.0, onto = [0, 2] }]
given = [{ times = [1.0, 4.0], amounts = [0.1, 0.2], onto = 1 }, { times = [7.0] }]
[[projections]]
pre = "a"
post = "a"
rule = { type = "AllToAll" }
weight = 0.4
plasticity = { type = "DopamineSTDP", modulator = "dopamine", receptor = %s, subpopulations = %s }
"""
RECEPTORS = {
    '{ type = "LinearReceptor", slope = 0.1, baseline = 0.2 }': LinearReceptor(0.1, 0.2),
    '{ type = "D1D2", tonic = 0.3, d1 = 2, d2 = 0 }': D1D2(0.3, 2.0, 0.0),
    '{ type = "Hill", half = 0.2, exponent = 3, tonic = 0.1, scale = -1.0 }': Hill(0.2, 3.0, 0.1, -1.0),
    '{ type = "NacaReceptor", lambda_inv = 0.6, theta_max = 1.1 }': NacaReceptor(0.6, 1.1),
    '{ type = "D1", threshold = 0.2 }': D1(0.2),
}
SUBPOPULATIONS = {
    '{ type = "Whole", level = 2 }': Whole(2),
    '{ type = "ByPost", levels = [0, 2] }': ByPost([0, 2]),
    '{ type = "ByPre", levels = [1, 2] }': ByPre([1, 2]),
    '{ type = "BySynapse", levels = [0, 1, 2, 0] }': BySynapse([0, 1, 2, 0]),
}


def test_a_file_describes_kinetics_receptors_and_subpopulations(tmp_path):
    """Every receptor with every way to say who has which level, and all kinetics of a modulator."""
    from tegmentum.cli.config import network_of, read

    file = tmp_path / "network.toml"
    for receptor, wanted in RECEPTORS.items():
        for groups, of in SUBPOPULATIONS.items():
            file.write_text(FILE % (receptor, groups))
            rule = network_of(read(file))["a-a"].plasticity
            assert rule.receptor == wanted
            assert type(rule.subpopulations) is type(of)
            for name, value in vars(of).items():
                np.testing.assert_array_equal(getattr(rule.subpopulations, name), value)
    m = rule.modulator
    assert (m.tau, m.tau_rise, m.n_levels) == (50.0, 5.0, 3)
    assert (list(m.baseline.times), list(m.baseline.values)) == ([0.0, 10.0], [0.1, 0.3])
    first, second = ([list(column) for column in part.columns()] for part in m.given)
    assert first == [[1.0, 4.0], [0.1, 0.2], [1, 1]]
    assert second == [[7.0], [1.0], [-1]]
    for key, problem in {
        "tau_rise=60": "tau_rise must be > 0 ms and <= 49.5 ms, got 60",
        "given.0.time=3": "there is no such key; did you mean 'times'?",
        "given.0.onto=7": "Given: onto must be in [0, 3)",
        "baseline.values=[1.0]": "baseline: Course: times and values",
        "baseline=low": "modulators.dopamine.baseline",
    }.items():
        with pytest.raises(DescriptionError, match=r".*") as caught:
            network_of(read(file, [f"modulators.dopamine.{key}"]))
        assert problem in str(caught.value)


def test_the_text_of_the_schema_lists_modulators(tegmentum):
    text = " ".join(tegmentum("config", "schema").out.split())
    for part in (
        "[modulators.NAME]",
        "tau_rise",
        "[[modulators.NAME.given]]",
        "values",
        "NacaReceptor",
        "BySynapse",
    ):
        assert part in text


def test_the_network_of_a_file_rewards_one_synapse(tegmentum):
    """In examples/distal_reward.toml: the detector fires for the pair in order, and the chosen synapse grows."""
    import xarray as xr

    from tegmentum import open_run

    file = Path(__file__).parent.parent / "examples" / "distal_reward.toml"
    changes = ("simulation.duration=300000.0", 'record.spikes=["exc", "da"]', "record.weights.learn=100000.0")
    grown = {}
    for amount in (0.5, 0.0):
        store, release = f"{amount}.zarr", f"modulators.dopamine.releases.0.amount={amount}"
        sets = [word for change in (*changes, release) for word in ("--set", change)]
        outcome = tegmentum("run", file, *sets, "--out", store, "--json")
        assert outcome.code == 0, outcome.err
        weights = outcome.document["mean_weights"]
        assert weights.keys() == {"chosen", "learn", "exc-inh"}
        assert 0.3 < weights["learn"] < 1.1
        grown[amount] = weights["chosen"]
        spikes = open_run(store).spikes
        tick, neuron = spikes["exc"]["t"].values, spikes["exc"]["neuron"].values
        first, second = tick[neuron == 0], tick[neuron == 1]
        lag = second[:, None] - first[None, :]
        in_order = second[np.any((lag > 1) & (lag < 19), axis=1)]
        near = second[np.any((lag >= 0) & (lag <= 20), axis=1)]
        rewarded = spikes["da"]["t"].values
        assert len(in_order) >= 5
        assert len(rewarded) <= len(near)
        for t in in_order:  # a spike of the detector comes when both spikes have reached it
            assert np.any((rewarded > t) & (rewarded <= t + 12 + 20))
    assert grown[0.5] > 1.0
    assert grown[0.0] < 0.2
    tree = xr.open_datatree("0.5.zarr", engine="zarr")
    assert tree["weights/chosen"]["w"].values[-1] == pytest.approx(grown[0.5], rel=1e-6)
    level = tree["modulators/dopamine"]["level"].values.ravel()
    assert level.min() == pytest.approx(0.002)
    assert level.max() > 0.002
