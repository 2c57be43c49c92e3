"""Gaussian currents: moments, independence, closed forms, and no dependence on threads or splits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest

from tegmentum.simcore import LIF, Current, Network, Noise, Population, Simulation
from tegmentum.simcore.advance.ticks.gaussian import normals
from tegmentum.simcore.random.tables import normal_table

FREE = LIF(tau_m=1e9, c_m=1e9, v_thresh=1e9)  # adds up its current: 1 pA for 1 ms is 1e-9 mV


def summed(*sources, n=5000, ms=0.1, **options):
    """Currents, added up over the ticks of a run, of a population of leakless neurons."""
    p = Population("p", n, FREE)
    simulation = Simulation(Network(p, *(make(p) for make in sources)), precision="float64", **options)
    simulation.run(ms)
    return simulation.state()["state/p/v"] * 1e9 / 0.1


def test_words_become_quantiles_of_the_normal_distribution():
    words = np.concatenate([np.arange(2000), np.random.default_rng(0).integers(2**32, size=20_000)])
    words = np.append(words, [2**31 - 1, 2**31, 2**32 - 1]).astype(np.uint32)
    z = np.zeros(len(words))
    normals(words, z, z.view(np.int64), normal_table())
    m = (words & np.uint32(0x7FFFFFFF)).astype(np.float64)
    expected = -ndtri((m + 0.5) * 2.0**-32) * np.where(words < 2**31, 1.0, -1.0)
    np.testing.assert_allclose(z, expected, rtol=0, atol=2e-7)


def test_moments_and_independence():
    rows = [summed(lambda p: Noise(p, std=30.0, mean=5.0), seed=s)[0] for s in (1, 2)]
    trials = summed(lambda p: Noise(p, std=30.0, mean=5.0), seed=1, n_trials=2, threads=2)
    assert np.array_equal(trials[0], rows[0])
    long = summed(lambda p: Noise(p, std=30.0, mean=5.0), seed=1, ms=40.0)[0]
    n = long.size
    for x in (*rows, trials[1]):
        assert kstest((x - 5.0) / 30.0, "norm").pvalue > 1e-3
    first, second = rows
    for x, y in ((first, second), (first, trials[1]), (first, long - first), (first[1:], first[:-1])):
        assert abs(np.corrcoef(x, y)[0, 1]) < 4.5 / np.sqrt(n)
    assert long.mean() == pytest.approx(400 * 5.0, abs=4.5 * 30.0 * 20 / np.sqrt(n))
    assert long.std() == pytest.approx(30.0 * 20, rel=4.5 / np.sqrt(2 * n))


@pytest.mark.numbers
def test_sources_add_up():
    several = (
        lambda p: Noise(p, std=30.0),
        lambda p: Noise(p, std=40.0, mean=2.0),
        lambda p: Current(p, np.arange(5000.0)),
    )
    x = summed(*several)[0] - np.arange(5000) - 2.0
    assert x.std() == pytest.approx(50.0, rel=4.5 / np.sqrt(10_000))
    assert np.all(summed(lambda p: Noise(p, std=0.0, mean=7.0)) == pytest.approx(7.0))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_threads_and_splits_change_no_bit(precision):
    quiet, driven = Population("quiet", 700, LIF()), Population("driven", 1300, LIF(v_thresh=1.0))
    network = Network(quiet, driven, Noise(driven, std=900.0, mean=200.0), Noise(driven, std=100.0))
    states = []
    for threads, parts in ((1, [20.0]), (2, [7.3, 12.7]), (3, [0.1, 19.9])):
        simulation = Simulation(network, seed=9, threads=threads, precision=precision)
        for ms in parts:
            simulation.run(ms)
        states.append(simulation.state())
    assert states[0]["n_spikes"].sum() > 1000
    for state in states[1:]:
        for key, value in states[0].items():
            np.testing.assert_array_equal(value, state[key])


@pytest.mark.numbers
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_variance_of_the_membrane_is_the_closed_form(dt):
    n, std = 20_000, 500.0
    p = Population("p", n, LIF(tau_m=10.0, c_m=250.0, v_thresh=1e9))
    simulation = Simulation(Network(p, Noise(p, std, mean=100.0)), dt=dt, precision="float64")
    simulation.run(150.0)
    v = simulation.state()["state/p/v"][0]
    resistance = 10.0 / 250.0
    variance = (resistance * std) ** 2 * np.tanh(dt / 20.0)
    assert v.mean() == pytest.approx(resistance * 100.0, abs=4.5 * np.sqrt(variance / n))
    assert v.var() == pytest.approx(variance, rel=4.5 * np.sqrt(2 / n))
