"""Rules under several neuromodulators: closed forms, published values, and the engine against a slow simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from reference import simulate
from reference_learning import Learning

from tegmentum.cli.config import network_of, read
from tegmentum.plasticity import (
    CorticostriatalSTDP,
    GatedSTDP,
    Hill,
    KernelAmplitude,
    LinearReceptor,
    RateHebb,
    SequentialSTDP,
    TwoTraceSTDP,
)
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    Course,
    DescriptionError,
    Given,
    Modulator,
    Network,
    OneToOne,
    Parrot,
    Population,
    Projection,
    Release,
    Simulation,
    SpikeTrain,
    Whole,
)
from tegmentum.simcore.describe.modulation import Subpopulations
from tegmentum.simcore.describe.plasticity import Modulation, SynapseRule

pytestmark = pytest.mark.slow  # engines of their own

DT = 0.1
QUIET = LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0)  # fires when it is kicked, at no input else


@dataclass(frozen=True)
class FourModulators(SynapseRule):
    """Dopamine times acetylcholine and, beside them, noradrenaline on an eligibility; serotonin gates each pair."""

    da: Modulator
    na: Modulator
    ht: Modulator
    ach: Modulator
    subpopulations: Subpopulations

    class Synapse(NamedTuple):
        w: float
        e: float
        b: float
        n: float

    class Pre(NamedTuple):
        x: float

    class Post(NamedTuple):
        y: float

    class Constants(NamedTuple):
        a: float

    def derive(self, dt: float) -> Any:
        return FourModulators.Constants(0.3)

    def time_constants(self) -> dict[str, float]:
        return {"x": 5.0, "y": 7.0, "e": 9.0, "b": 0.0, "n": math.inf}

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        both = (LinearReceptor(1.0, 0.02), Hill(0.4))
        return (
            Modulation((self.da, self.ach), both, self.subpopulations, name="reward"),
            Modulation(self.na, LinearReceptor(0.2), self.subpopulations, name="arousal"),
            Modulation(self.ht, Hill(0.3, scale=0.5), self.subpopulations, trace="b"),
        )

    @staticmethod
    def on_pre(s, pre, post, c):
        return FourModulators.Synapse(s.w, s.e, s.b + c.a * post.y, s.n + 1.0)

    @staticmethod
    def on_post(s, pre, post, c):
        return FourModulators.Synapse(s.w, s.e + pre.x, s.b, s.n)

    @staticmethod
    def pre_spike(pre, c):
        return FourModulators.Pre(pre.x + 1.0)

    @staticmethod
    def post_spike(post, c):
        return FourModulators.Post(post.y + 1.0)

    @staticmethod
    def drift(s, area, fade, c):
        w = s.w + s.e * (area.reward + area.arousal) - s.b * area.b
        return FourModulators.Synapse(w, s.e * fade.e, s.b * fade.b, s.n)


def lone(rule, arrivals, posts, until, w, dt=1.0):
    """One synapse in plain Python after arrivals and post spikes at given times, all in ms."""
    learning = Learning(rule, "cell", 1, [(0, 0, w)], dt)
    for tick in range(1, round(until / dt) + 1):
        learning.begin(tick)
        if round(tick * dt, 6) in arrivals:
            learning.plastic[0].arrive()
        learning.end(tick, [(tick, "cell", 0)] if round(tick * dt, 6) in posts else [], {})
    return learning.plastic[0].now()


def held(name, level=0.0, **more):
    """Return a modulator that stays at a level."""
    return Modulator(name, baseline=level, **more)


def pulse(name, t, amount, tau=20.0):
    return Modulator(name, tau=tau, given=[Given([t], amount)])


@pytest.mark.parametrize(("wait", "order"), [(300.0, 1), (1500.0, 1), (300.0, -1), (1500.0, -1)])
def test_noradrenaline_converts_the_trace_of_potentiation_serotonin_that_of_depression(wait, order):
    first, second = (10.0,), (18.0,)
    arrivals, posts = (first, second) if order > 0 else (second, first)
    na, ht = pulse("na", 18.0 + wait, 0.5), pulse("ht", 18.0 + wait, 0.4)
    none = held("none")
    rule = TwoTraceSTDP(na, ht, a_plus=1.2, a_minus=0.8, tau_plus=15.0, tau_minus=30.0, eta=0.1,
                        w_min=-9.0, w_max=9.0)  # fmt: skip
    until = 18.0 + wait + 400.0
    tau, size, amount = (
        (5000.0, 1.2 * math.exp(-8 / 15), 0.5) if order > 0 else (2500.0, 0.8 * math.exp(-8 / 30), 0.4)
    )
    kinetic = 1 / tau + 1 / 20.0
    change = 0.1 * size * math.exp(-wait / tau) * amount * -math.expm1(-400.0 * kinetic) / kinetic
    found = lone(rule, arrivals, posts, until, 0.5)
    assert found.w - 0.5 == pytest.approx(order * change, rel=1e-11)
    of_other = replace(rule, noradrenaline=none) if order > 0 else replace(rule, serotonin=none)
    assert lone(of_other, arrivals, posts, until, 0.5).w == 0.5


def test_the_trace_of_potentiation_lasts_longer():
    rule = TwoTraceSTDP(held("na"), held("ht"))
    assert rule.time_constants()["p"] > rule.time_constants()["d"]
    s = lone(rule, (10.0, 30.0), (20.0,), 3030.0, 0.5)
    at_once = math.exp(-10 / 20)
    assert s.p == pytest.approx(at_once * math.exp(-3010 / 5000), rel=1e-12)
    assert s.d == pytest.approx(at_once * math.exp(-3000 / 2500), rel=1e-12)
    assert s.p > s.d


@pytest.mark.parametrize("na", [0.0, 1.0])
@pytest.mark.parametrize("ach", [0.0, 1.0])
def test_each_gate_lets_its_own_half_of_the_window_through(na, ach):
    """Seol et al. (2007): beta-adrenergic receptors LTP alone, M1 receptors LTD alone, both the whole window."""
    rule = GatedSTDP(held("na", na), held("ach", ach), a_plus=0.02, a_minus=0.03)
    assert lone(rule, (10.0,), (17.0,), 40.0, 0.5).w - 0.5 == pytest.approx(
        na * 0.02 * math.exp(-7 / 20), rel=1e-12
    )
    assert lone(rule, (17.0,), (10.0,), 40.0, 0.5).w - 0.5 == pytest.approx(
        -ach * 0.03 * math.exp(-7 / 20), rel=1e-12
    )


@pytest.mark.parametrize(("level", "sign"), [(0.2, -1), (2.0, 1)])
def test_the_tone_of_noradrenaline_biases_the_window(level, sign):
    """Salgado et al. (2012): little noradrenaline biases it to depression, by alpha1 receptors, much to potentiation.

    The receptors' affinities are ours; pairs of both orders, each scaled by the occupancy of its own.
    """
    alpha, beta = Hill(half=0.1), Hill(half=1.0)
    rule = GatedSTDP(held("na", level), held("na", level), beta, alpha, a_plus=0.03, a_minus=0.01)
    occupied = [level**2 / (level**2 + half**2) for half in (1.0, 0.1)]
    up = lone(rule, (10.0,), (17.0,), 40.0, 0.5).w - 0.5
    down = lone(rule, (17.0,), (10.0,), 40.0, 0.5).w - 0.5
    assert up == pytest.approx(occupied[0] * 0.03 * math.exp(-7 / 20), rel=1e-9)
    assert down == pytest.approx(-occupied[1] * 0.01 * math.exp(-7 / 20), rel=1e-9)
    assert np.sign(up + down) == sign


@pytest.mark.parametrize("reward", [1.0, -1.0])
def test_a_signed_reward_turns_the_window_and_late_reward_does_nothing(reward):
    """Florian (2007), MSTDP: the reward of the moment times what pair STDP would do."""
    steady = GatedSTDP.by_reward(held("reward", reward))
    for arrivals, posts, sign in (((10.0,), (14.0,), 1), ((14.0,), (10.0,), -1)):
        change = lone(steady, arrivals, posts, 30.0, 0.5).w - 0.5
        assert change == pytest.approx(sign * reward * 0.01 * math.exp(-4 / 20), rel=1e-12)
    late = GatedSTDP.by_reward(pulse("reward", 15.0, reward))
    assert lone(late, (10.0,), (14.0,), 30.0, 0.5).w == 0.5


def test_amplitudes_of_d1_and_d2_are_the_published_ones():
    """Gurney et al. (2015): signs at low and at high dopamine, values between by the Naka-Rushton function."""
    table = {"d1": (-0.4, 1.3, -0.5, 0.0, 1.2, 6.0, 1.2), "d2": (0.3, 0.35, 0.3, -0.85, 1.4, 1.8, 1.0)}
    signs = {"d1": [(-1, -1), (1, 0)], "d2": [(1, 1), (1, -1)]}
    for kind, (plus_lo, plus_hi, minus_lo, minus_hi, rho, theta, top) in table.items():
        rule = getattr(CorticostriatalSTDP, kind)(held("da"))
        ends = [tuple(int(np.sign(r.curve(level, *r.parameters()))) for r in (rule.plus, rule.minus))
                for level in (0.0, 1e14)]  # fmt: skip
        assert ends == signs[kind]
        for level in (0.0, 3.0, 7.7, 20.0):
            alpha = top / (1.0 + (theta / level) ** rho) if level else 0.0
            for receptor, lo, hi in ((rule.plus, plus_lo, plus_hi), (rule.minus, minus_lo, minus_hi)):
                assert receptor.curve(level, *receptor.parameters()) == pytest.approx(
                    lo + alpha * (hi - lo), abs=1e-12
                )
    d1 = CorticostriatalSTDP.d1(held("da"))
    assert [d1.plus.curve(x, *d1.plus.parameters()) for x in (-1.0, 0.0, 1e3)] == [-0.4, -0.4, 1.3]


@pytest.mark.parametrize("kind", ["d1", "d2"])
@pytest.mark.parametrize("level", [3.0, 20.0])
def test_dopamine_of_the_moment_sets_the_sign_of_each_order(kind, level):
    rule = getattr(CorticostriatalSTDP, kind)(held("da", level), eta=1e-3)
    for arrivals, posts, receptor in (((10.0,), (16.0,), rule.plus), ((16.0,), (10.0,), rule.minus)):
        gain = receptor.curve(level, *receptor.parameters())
        change = 1e-3 * gain * math.exp(-6 / 20) * -300.0 * math.expm1(-500.0 / 300.0)
        assert lone(rule, arrivals, posts, 516.0, 0.5).w - 0.5 == pytest.approx(change, rel=1e-11)


def pairs(arrivals, posts, tau=10.0):
    return sorted((max(a, b), math.exp(-abs(a - b) / tau)) for a in arrivals for b in posts)


def test_acetylcholine_depresses_at_once_and_dopamine_turns_it_into_potentiation():
    """Brzosko et al. (2017): at the reward, the weight of the trial's start and a hundredth of the eligibility."""
    arrivals, posts = (10.0, 40.0, 70.0), (13.0, 36.0, 75.0)
    rule = SequentialSTDP(held("ach", 1.0), held("da"))
    s = lone(rule, arrivals, posts, 300.0, 2.0)
    depressed = 0.002 * sum(w for _, w in pairs(arrivals, posts))
    assert s.w - 2.0 == pytest.approx(-depressed, rel=1e-12)
    assert s.r == pytest.approx(depressed, rel=1e-12)
    e = sum(w * math.exp(-(1000.0 - t) / 2000.0) for t, w in pairs(arrivals, posts))
    sharp = pulse("da", 1000.0, 1.0, tau=0.5)  # whose integral is 0.5
    rewarded = replace(rule, dopamine=sharp, da_receptor=LinearReceptor(2.0))
    s = lone(rewarded, arrivals, posts, 1020.0, 2.0)
    share = 1.0 / (0.5 / 2000.0 + 1.0)  # of the eligibility, which decays as dopamine does
    assert s.w == pytest.approx(2.0 + 0.01 * e * share, rel=1e-12)
    assert s.r < 1e-20
    without = replace(rewarded, acetylcholine=held("ach", 0.0))
    assert lone(without, arrivals, posts, 1020.0, 2.0).w == pytest.approx(s.w, rel=1e-12)


def test_dopamine_revokes_what_its_dose_suffices_for():
    """The depression that may be revoked decays as the eligibility is converted."""
    arrivals, posts = (10.0,), (13.0,)
    rule = SequentialSTDP(held("ach", 1.0), pulse("da", 200.0, 0.01), kappa=3.0, a_da=0.0)
    e, r = math.exp(-0.3), 0.002 * math.exp(-0.3)
    kinetic = 1 / 2000.0 + 1 / 20.0
    dose = 0.01 * e * math.exp(-187.0 / 2000.0) * -math.expm1(-300.0 * kinetic) / kinetic
    s = lone(rule, arrivals, posts, 500.0, 2.0)
    assert 0.1 < dose * 3.0 < 1.0
    assert s.r == pytest.approx(r * math.exp(-3.0 * dose), rel=1e-10)
    assert s.w - 2.0 == pytest.approx(-s.r, rel=1e-10)


def test_the_depression_of_an_earlier_trial_stays():
    rule = SequentialSTDP(held("ach", 1.0), pulse("da", 5000.0, 10.0, tau=1.0), tau_e=500.0)
    s = lone(rule, (10.0, 4500.0), (12.0, 4503.0), 5100.0, 2.0)
    e = sum(
        w * math.exp(-(5000.0 - t) / 500.0) for t, w in ((12.0, math.exp(-0.2)), (4503.0, math.exp(-0.3)))
    )
    e *= 10.0 / (1.0 + 1.0 / 500.0)  # the integral of dopamine, while the eligibility decays
    assert s.w == pytest.approx(2.0 - 0.002 * math.exp(-0.2) + 0.01 * e, rel=1e-10)
    low = lone(rule, (10.0,), (12.0,), 100.0, 1.001)
    assert low.w == 1.0
    assert low.r == pytest.approx(0.001)  # what the bound let through


N, N_TICKS = 3, 450


def drawn(seed):
    """A network with all rules between the same neurons under four modulators; what the reference needs of it."""
    rng = np.random.default_rng(seed)

    def ticks(k):
        return [np.sort(rng.choice(np.arange(2, N_TICKS), k, replace=False)).tolist() for _ in range(N)]

    def train(name, spikes):
        flat = np.concatenate(spikes) * DT
        return SpikeTrain(
            name, len(spikes), flat, np.repeat(np.arange(len(spikes)), [len(s) for s in spikes])
        )

    trains = {"pre": ticks(40), "kick": ticks(30), "dose": ticks(6)}
    sources = {name: train(name, spikes) for name, spikes in trains.items()}
    cell, cells = Population("cell", N, QUIET), Population("cells", N, Parrot())
    onto = rng.integers(0, 2, N)

    def modulator(name, tau, amount, **more):
        release = Release(cells, amount, rng.integers(1, 20) * DT, onto=rng.integers(0, 2, N))
        by_time = Given(rng.integers(0, N_TICKS, 5) * DT, amount, rng.integers(0, 2, 5))
        return Modulator(name, 2, tau=tau, releases=[release], given=[by_time], **more)

    da = modulator("da", 12.0, 0.3, baseline=0.05)
    na = modulator("na", 8.0, 0.4, tau_rise=2.0)
    ht = modulator("ht", 5.0, 0.4, baseline=0.1)
    ach = modulator("ach", 15.0, 0.3, baseline=Course([0.0, 15.1, 30.0], [0.2, 0.0, 0.6]))
    sub = ByPost(onto)
    half = Hill(0.4, 1.5, scale=1.2)
    rules = {
        "two": TwoTraceSTDP(na, ht, LinearReceptor(0.8, 0.05), half, sub, 5.0, 7.0, 30.0, 12.0, eta=0.05),
        "gated": GatedSTDP(na, ach, half, LinearReceptor(), sub, 5.0, 7.0, 0.08, 0.08),
        "reward": GatedSTDP.by_reward(da, ltp_receptor=half, ltd_receptor=LinearReceptor(1.0, 0.3), subpopulations=sub),
        "ach": SequentialSTDP(ach, da, half, LinearReceptor(), sub, 6.0, 10.0, 0.1, 0.02, kappa=1.0, fresh=0.05),
        "d1": CorticostriatalSTDP.d1(da, subpopulations=sub, tau=6.0, tau_e=11.0, eta=0.01),
        "d2": replace(CorticostriatalSTDP.d2(da), subpopulations=sub, tau_e=11.0, eta=0.01),
        "four": FourModulators(da, na, ht, ach, sub),
    }  # fmt: skip
    rules["d2"] = replace(rules["d2"], minus=KernelAmplitude(0.3, -0.85, 1.4, 0.2, 1.0))
    learn, given, synapses, learning = [], [], [], {}
    for name, rule in rules.items():
        lo, hi = rule.weight_bounds() if name != "four" else (0.2, 0.9)
        w = rng.uniform(lo + 0.02 * (hi - lo), hi - 0.02 * (hi - lo), (N, N))
        delay = rng.integers(1, 9, (N, N))
        learn.append(Projection(sources["pre"], cell, AllToAll(), w, delay * DT, plasticity=rule, name=name))
        each = [(i, j) for i in range(N) for j in range(N)]
        learning[name] = Learning(
            rule, "cell", N, [(j, onto[j], w[i, j]) for i, j in each], DT, as_ticks=True
        )
        for (i, j), plastic in zip(each, learning[name].plastic, strict=True):
            synapses.append(("pre", i, "cell", j, 0, plastic, int(delay[i, j])))
    network = Network(*sources.values(), cell, cells, *learn,
                      Projection(sources["kick"], cell, OneToOne(), 1e8, DT),
                      Projection(sources["dose"], cells, OneToOne(), 1.0, DT))  # fmt: skip
    for i in range(N):
        synapses += [("kick", i, "cell", i, 0, 1e8, 1), ("dose", i, "cells", i, 0, 1.0, 1)]
    given = [(t, name, i) for name, spikes in trains.items() for i in range(N) for t in spikes[i]]
    return network, learning, synapses, given


class Together:
    """Several rules' synapses, which learn side by side."""

    def __init__(self, parts):
        self.parts = parts

    def begin(self, tick):
        for part in self.parts:
            part.begin(tick)

    def end(self, tick, fired, state):
        for part in self.parts:
            part.end(tick, fired, state)


def found(simulation, names):
    """Weights and all else that synapses keep, by projection."""
    out = {}
    for name in names:
        synapses = simulation.synapses(name)
        out[name] = {"w": synapses.weight, **synapses.kept}
    return out


@pytest.mark.parametrize("seed", [0, 1])
def test_all_rules_equal_the_slow_simulation_over_threads_splits_and_states(seed):
    network, learning, synapses, given = drawn(seed)
    start = {name: np.array([p.synapse.w for p in rule.plastic]) for name, rule in learning.items()}
    models, sizes = (
        {"cell": QUIET, "cells": Parrot()},
        dict.fromkeys(("pre", "kick", "dose", "cell", "cells"), N),
    )
    simulate(models, sizes, synapses, given, N_TICKS, DT, learning=Together(list(learning.values())))
    kept, saved = [], None
    for threads, parts in ((1, [45.0]), (2, [13.3, 0.1, 20.0, 11.6])):
        simulation = Simulation(network, dt=DT, precision="float64", threads=threads, max_rate=1e5)
        for ms in parts:
            simulation.run(ms)
            found(simulation, learning)  # reading changes nothing
            if simulation.tick == 134:
                saved = simulation.state()
        kept.append(found(simulation, learning))
    other = Simulation(network, dt=DT, precision="float64", threads=1, max_rate=1e5)
    other.load_state(saved)
    other.run(31.6)
    kept.append(found(other, learning))
    listed = {name: simulation.synapses(name) for name in learning}
    order = {name: synapses.pre * N + synapses.post for name, synapses in listed.items()}
    moved = {}
    for name, rule in learning.items():
        for field, values in kept[0][name].items():
            for same in kept[1:]:
                np.testing.assert_array_equal(same[name][field], values, err_msg=f"{name}: {field}")
            expected = [getattr(rule.plastic[k].now(), field) for k in order[name]]
            np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12, err_msg=f"{name}: {field}")
        moved[name] = float(np.abs(kept[0][name]["w"] - start[name][order[name]]).max())
    assert min(moved.values()) > 0.02, moved


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda m: TwoTraceSTDP(m, 0.3), "TwoTraceSTDP: serotonin must be a Modulator, got 0.3"),
        (lambda m: TwoTraceSTDP(m, m, tau_ltp=0.0), "TwoTraceSTDP: tau_ltp must be > 0 ms, got 0.0"),
        (lambda m: GatedSTDP(m, m, ltp_receptor=m), "GatedSTDP: ltp_receptor must be a receptor such as"),
        (lambda m: GatedSTDP(m, m, w_max=0.0), "GatedSTDP: w_min must be < w_max, got 0.0 and 0.0"),
        (
            lambda m: SequentialSTDP(m, m, subpopulations=3),
            r"SequentialSTDP: subpopulations must be Whole\(\)",
        ),
        (lambda m: SequentialSTDP(m, m, subpopulations=Whole(2)), "SequentialSTDP: Whole: levels must be in"),
        (lambda m: SequentialSTDP(m, m, kappa=-1.0), "SequentialSTDP: kappa must be >= 0, got -1.0"),
        (lambda m: CorticostriatalSTDP(None), "CorticostriatalSTDP: dopamine must be a Modulator, got None"),
    ],
)
def test_what_is_wrong_is_said(rule, message):
    a, b = Population("a", 2, LIF()), Population("b", 2, LIF())
    with pytest.raises(DescriptionError, match=message):
        Projection(a, b, AllToAll(), 1.5, plasticity=rule(Modulator("m")))


def test_amplitudes_need_a_curve():
    for field in ("exponent", "half", "top"):
        with pytest.raises(DescriptionError, match=f"KernelAmplitude: {field} must be > 0, got 0"):
            KernelAmplitude(**{field: 0.0})


FILE = """
[simulation]
duration = 10.0
[populations.a]
size = 2
model = { type = "LIF" }
[modulators.ach]
baseline = 0.5
[modulators.da]
n_levels = 2
baseline = 0.0
"""
TABLES = {
    """type = "TwoTraceSTDP"
    noradrenaline = "da"
    serotonin = "ach"
    ltp_receptor = { type = "Hill", half = 0.3 }
    tau_ltp = 900.0""": lambda da, ach: TwoTraceSTDP(da, ach, Hill(half=0.3), tau_ltp=900.0),
    """type = "CorticostriatalSTDP"
    dopamine = "da"
    minus = { type = "KernelAmplitude", low = 0.3, high = -0.85, exponent = 1.4, half = 1.8, top = 1.0 }
    subpopulations = { type = "Whole", level = 1 }
    """: lambda da, ach: CorticostriatalSTDP(
        da, minus=CorticostriatalSTDP.d2(da).minus, subpopulations=Whole(1)
    ),
    """type = "SequentialSTDP"
    acetylcholine = "ach"
    dopamine = "da"
    kappa = 7.0
    w_min = 0.0""": lambda da, ach: SequentialSTDP(ach, da, kappa=7.0, w_min=0.0),
    """type = "GatedSTDP"
    ltp = "da"
    ltd = "da" """: lambda da, ach: GatedSTDP.by_reward(da),
}


def described(plasticity, tmp_path):
    file = tmp_path / "net.toml"
    head = '[[projections]]\npre = "a"\npost = "a"\nweight = 0.5\nrule = { type = "AllToAll" }'
    file.write_text(f"{FILE}{head}\n[projections.plasticity]\n{plasticity}\n")
    return network_of(read(file))


@pytest.mark.parametrize(("text", "rule"), TABLES.items())
def test_files_name_the_modulators_of_a_rule(text, rule, tmp_path):
    found = described(text, tmp_path).projections[0].plasticity
    modulators = {m.name: m for modulation in found.modulations for m, _ in modulation.factors}
    expected = rule(modulators.get("da"), modulators.get("ach"))
    assert type(found) is type(expected)
    for field in fields(expected):
        if field.name != "subpopulations":
            assert getattr(found, field.name) == getattr(expected, field.name), field.name
    assert found.subpopulations.level == expected.subpopulations.level


def test_files_with_a_wrong_modulator_say_where(tmp_path):
    wrong = 'type = "SequentialSTDP"\nacetylcholine = "ach"\ndopamine = "dopa"'
    message = r"projections\.0\.plasticity\.dopamine: there is no modulator 'dopa'; did you mean 'da'"
    with pytest.raises(DescriptionError, match=message):
        described(wrong, tmp_path)
    with pytest.raises(DescriptionError, match=r"projections\.0\.plasticity\.dopamine: is missing"):
        described('type = "SequentialSTDP"\nacetylcholine = "ach"', tmp_path)


def test_files_with_a_modulator_that_nobody_releases_are_refused(tmp_path):
    file = tmp_path / "net.toml"
    for line, refused in (("", True), ("baseline = 0.0", False), ("given = [{ times = [1.0] }]", False)):
        file.write_text(FILE.replace("baseline = 0.0", line))
        if refused:
            with pytest.raises(
                DescriptionError, match=r"modulators\.da: nobody releases it.*given or baseline"
            ):
                network_of(read(file))
        else:
            network_of(read(file))


@pytest.mark.parametrize("tau", [math.inf, 5e4])
def test_counts_last_as_long_as_the_rule_says(tau):
    """Two arrivals, and post spikes a second and a minute later: an infinite time constant keeps all pairs whole."""
    pre, post = SpikeTrain("pre", 1, [0.0, 1.0], [0, 0]), SpikeTrain("kick", 1, [1e3, 6e4], [0, 0])
    cell, never = Population("cell", 1, QUIET), Modulator("never", baseline=0.0)
    learns = Projection(
        pre, cell, OneToOne(), 0.5, plasticity=RateHebb(never, a=0.25, tau=tau, tau_e=1e12), name="p"
    )
    kick = Projection(post, cell, OneToOne(), 2e6, name="kick")
    simulation = Simulation(Network(pre, post, cell, learns, kick), dt=1.0, seed=1, precision="float64")
    simulation.run(6.1e4)
    fade = (math.exp(-gap / tau) for late in (1e3, 6e4) for gap in (late, late - 1.0))
    wanted = 0.25 * sum(fade)
    np.testing.assert_allclose(simulation.synapses("p").eligibility, wanted, rtol=1e-7)


def test_a_time_constant_of_counts_that_is_none_is_refused():
    with pytest.raises(DescriptionError, match=r"RateHebb: tau must be > 0 ms, got 0"):
        Projection(
            Population("a", 1, QUIET),
            Population("b", 1, QUIET),
            OneToOne(),
            plasticity=RateHebb(Modulator("never"), tau=0.0),
        )
