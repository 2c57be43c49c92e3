"""Signals of a task against closed forms, as releases and as the firing of neurons that release."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tegmentum.plasticity import (
    Attention,
    ContextUncertainty,
    DopamineSTDP,
    Firing,
    RescorlaWagner,
    RewardRate,
    TemporalDifference,
)
from tegmentum.simcore import (
    DescriptionError,
    Modulator,
    Network,
    OneToOne,
    Parrot,
    Population,
    Projection,
    Record,
    Release,
    Simulation,
    SpikeTrain,
)


def test_one_cue_and_one_reward():
    """V is r (1 - (1 - alpha)^n); a reward left out then releases its negative."""
    model = RescorlaWagner(2, alpha=0.2, scale=0.5)
    for n in range(10):
        assert model.update(3.0, 1) == pytest.approx(0.5 * 3.0 * 0.8**n, rel=1e-12)
    assert model.values == pytest.approx([0.0, 3.0 * (1 - 0.8**10)], rel=1e-12)
    assert model.update(0.0, 1) == pytest.approx(-0.5 * 3.0 * (1 - 0.8**10), rel=1e-12)


def test_blocking_and_overshadowing():
    blocked = RescorlaWagner(2, alpha=0.3)
    for _ in range(200):
        blocked.update(1.0, 0)
    for _ in range(200):
        blocked.update(1.0, (0, 1))
    assert blocked.values == pytest.approx([1.0, 0.0], abs=1e-12)  # Kamin: what is foretold teaches nothing
    shared = RescorlaWagner(2, alpha=0.3)
    for _ in range(200):
        shared.update(1.0, (0, 1))
    assert shared.values == pytest.approx([0.5, 0.5], rel=1e-12)


def test_dopamine_moves_from_the_reward_to_the_cue():
    """Two states, cue and wait: V of the last is 1 - q^n, of the cue gamma (1 - q^n - n alpha q^(n - 1))."""
    alpha, gamma = 0.1, 0.9
    task, q = TemporalDifference(2, alpha, gamma), 1 - 0.1
    for n in range(60):
        cue, wait = gamma * (1 - q**n - n * alpha * q ** (n - 1)), 1 - q**n
        assert task.update(None, 0.0, 0) == pytest.approx(gamma * cue, rel=1e-9, abs=1e-12)  # the cue appears
        assert task.update(0, 0.0, 1) == pytest.approx(gamma * wait - cue, rel=1e-9, abs=1e-12)
        assert task.update(1, 1.0, None) == pytest.approx(q**n, rel=1e-9)  # the reward comes
    for _ in range(400):
        task.update(None, 0.0, 0), task.update(0, 0.0, 1), task.update(1, 1.0, None)
    assert task.update(None, 0.0, 0) == pytest.approx(gamma**2, rel=1e-9)
    task.update(0, 0.0, 1)
    assert task.update(1, 0.0, None) == pytest.approx(
        -1.0, rel=1e-9
    )  # Schultz: a dip where it should have come


def test_expected_uncertainty_is_the_share_of_failures():
    model, rng = ContextUncertainty(stay=1.0, right=3.0, wrong=1.0), np.random.default_rng(0)
    outcomes = rng.random(2000) < 0.7
    for outcome in outcomes:
        found = model.update(bool(outcome))
        assert not found.changed  # where contexts never change, confidence stays at 1
        assert found.noradrenaline == 0.0
    assert found.acetylcholine == pytest.approx((1 + (~outcomes).sum()) / 2004, rel=1e-12)
    assert found.acetylcholine == pytest.approx(0.3, abs=0.03)


def test_unexpected_uncertainty_by_hand():
    model = ContextUncertainty(stay=0.9, right=3.0, wrong=1.0, scale=2.0)
    found = model.update(True)  # validity 3 / 4
    first = 0.05 / (0.9 * 0.75 + 0.05)
    assert found == pytest.approx((2 * 0.2, 2 * first, False), rel=1e-12)
    before = 0.9 * (1 - first)
    found = model.update(False)  # validity 4 / 5
    second = 0.5 * (1 - before) / (before * 0.2 + 0.5 * (1 - before))
    assert found == pytest.approx((2 * 2 / 6, 2 * second, False), rel=1e-12)
    assert second > first


def test_a_context_ends_where_noradrenaline_exceeds_the_threshold_that_acetylcholine_sets():
    """Yu and Dayan: NA > ACh / (1/2 + ACh); the more a cue may fail, the more it takes."""
    seen = {True: 0, False: 0}
    for right in (1.0, 3.0, 9.0, 30.0):
        for stay in (0.5, 0.7, 0.9, 0.99):
            for n in (0, 1, 10, 100):
                model = ContextUncertainty(stay, right, 1.0)
                for _ in range(n):
                    model.update(True)
                expected, unexpected = 1 - model.validity, 1 - stay * model.confidence
                found = model.update(False)
                assert found.changed == (unexpected > expected / (0.5 + expected))
                assert model.confidence == (1.0 if found.changed else 1.0 - found.noradrenaline)
                seen[found.changed] += 1
    assert min(seen.values()) > 5


def test_a_change_after_a_reliable_cue_is_noticed_at_once():
    delay = {}
    for validity in (0.99, 0.7):
        rng, model = np.random.default_rng(1), ContextUncertainty(stay=0.99)
        for _ in range(300):
            model.update(bool(rng.random() < validity))
        delay[validity] = next(n for n in range(1, 100) if model.update(n % 2 == 0).changed)
    assert delay[0.99] < delay[0.7]


def test_reward_rate_with_regular_rewards():
    """After each of many, r / tau / (1 - exp(-T / tau)); its mean over time is r / T."""
    model, tau, period = RewardRate(1000.0, scale=5.0), 1000.0, 250.0
    level, last = 0.0, 0.0  # of a modulator with this tau and no baseline
    for _ in range(100):
        level *= math.exp(-period / tau)
        level += model.update(2.0, period)
        assert level == pytest.approx(5.0 * model.rate, rel=1e-12)
        last = model.rate
    assert last == pytest.approx(2.0 / tau / (1 - math.exp(-period / tau)), rel=1e-12)
    area = last * tau * (1 - math.exp(-period / tau))
    assert area / period == pytest.approx(2.0 / period, rel=1e-12)
    model.update(0.0, 3 * tau)
    assert model.rate == pytest.approx(last * math.exp(-3), rel=1e-12)


def test_attention_brings_the_level_where_it_wants_it():
    model, level = Attention(0.1, 0.5), 0.1
    for attention in (0.0, 1.0, 0.25):
        level += model.update(attention, level)
        assert level == pytest.approx(0.1 + 0.4 * attention, rel=1e-12)


def test_a_signal_as_firing():
    firing = Firing(200, base=5.0, gain=20.0, dt=0.1, seed=3)
    for signal, rate in ((0.0, 5.0), (1.5, 35.0), (-0.1, 3.0), (-1.0, 0.0)):
        assert firing.rate(signal) == pytest.approx(rate, rel=1e-12)
        times, neuron = firing.spikes(signal, 300.0, 2000.0)
        expected = 200 * 2.0 * rate
        assert abs(len(times) - expected) <= 4 * math.sqrt(expected)
        if rate:
            assert 300.0 < times.min() < 310.0
            assert 2290.0 < times.max() <= 2300.0 + 1e-9
            assert len(np.unique(neuron)) > 190
            assert len({*zip(np.round(times / 0.1), neuron, strict=True)}) == len(times)
    again, other = firing.spikes(1.0, 0.0, 500.0), firing.spikes(1.0, 500.0, 500.0)
    for one, two in zip(again, Firing(200, seed=3).spikes(1.0, 0.0, 500.0), strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(again[0]) != len(other[0]) or not np.array_equal(again[1], other[1])
    assert not np.array_equal(again[1], Firing(200, seed=4).spikes(1.0, 0.0, 500.0)[1])


@pytest.mark.slow
def test_released_by_hand_and_by_firing():
    """An error of prediction raises the level by itself by hand, and by gain times itself above base as firing."""
    drive = SpikeTrain("drive", 50, np.zeros(0), np.zeros(0, int))
    vta = Population("vta", 50, Parrot())
    dopamine = Modulator("dopamine", tau=100.0, releases=[Release(vta, amount=0.01)])
    relay = Projection(drive, vta, OneToOne(), plasticity=DopamineSTDP(dopamine, a_plus=0.0, a_minus=0.0))
    net = Network(drive, vta, relay)
    simulation, model = Simulation(net, precision="float64"), RescorlaWagner(1, alpha=0.5)
    simulation.release("dopamine", model.update(1.0, 0))
    simulation.release("dopamine", model.update(1.0, 0))
    assert simulation.levels("dopamine") == pytest.approx([1.5], rel=1e-12)
    firing, counts = Firing(50, base=4.0, gain=40.0, seed=1), []
    for signal in (0.0, 1.0, -1.0):
        simulation.set_spikes("drive", *firing.spikes(signal, simulation.t, 500.0))
        counts.append(simulation.run(500.0, Record(spikes=[vta])).n_spikes["vta"])
        if signal == 1.0:  # 44 Hz of 50 neurons, 0.01 each, over 100 ms
            assert simulation.levels("dopamine") == pytest.approx([50 * 0.044 * 0.01 * 100.0], rel=0.25)
    assert abs(counts[0] - 100) < 40
    assert abs(counts[1] - 1100) < 140
    assert counts[2] <= 2  # those under way


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RescorlaWagner(0), "RescorlaWagner: n_cues must be >= 1, got 0"),
        (lambda: RescorlaWagner(1, alpha=2.0), "RescorlaWagner: alpha must be >= 0 and <= 1, got 2"),
        (lambda: RescorlaWagner(1).update(1.0, 1), "RescorlaWagner: cues must be >= 0 and <= 0, got 1"),
        (lambda: RescorlaWagner(1).update(1.0, 0.5), "RescorlaWagner: cues must be whole numbers"),
        (lambda: RescorlaWagner(1).update(math.nan, 0), "RescorlaWagner: reward must be finite, got nan"),
        (lambda: TemporalDifference(2, gamma=1.5), "TemporalDifference: gamma must be >= 0 and <= 1"),
        (
            lambda: TemporalDifference(2).update(2, 0.0, None),
            "TemporalDifference: state must be >= 0 and <= 1",
        ),
        (lambda: ContextUncertainty(stay=0.0), "ContextUncertainty: stay must be > 0 and <= 1"),
        (lambda: RewardRate(0.0), "RewardRate: tau must be > 0 ms"),
        (lambda: RewardRate().update(1.0, -1.0), "RewardRate: elapsed must be >= 0 ms"),
        (lambda: Attention(1.0, 0.5), "Attention: most must be >= 1, got 0.5"),
        (lambda: Attention().update(1.5, 0.0), "Attention: attention must be >= 0 and <= 1, got 1.5"),
        (lambda: Firing(0), "Firing: size must be"),
        (lambda: Firing(1).spikes(math.inf, 0.0, 1.0), "Firing: signal must be finite"),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(DescriptionError) as error:
        make()
    assert message in str(error.value)
