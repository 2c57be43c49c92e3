"""Poisson input: the tables hold the distribution, and what neurons receive follows it."""

import numpy as np
import pytest
from scipy import stats

from tegmentum.simcore import LIF, Network, Poisson, Population, Record, Simulation
from tegmentum.simcore.random.tables import alias_table, poisson_numbers, split


@pytest.mark.parametrize("mean", [0.03, 0.4, 2.0, 17.0, 100.0])
def test_bounds_and_rest_together_are_the_distribution(mean):
    p = poisson_numbers(mean)
    np.testing.assert_allclose(p, stats.poisson.pmf(np.arange(len(p)), mean), rtol=1e-8, atol=1e-16)
    bounds, lowest, rest = split(p)
    told = np.zeros(len(p))
    told[lowest : lowest + len(bounds)] = np.diff(bounds.astype(np.int64), prepend=0) / 2**16
    left = 1 - told.sum()
    np.testing.assert_allclose(told + left * rest, p, atol=1e-15)
    assert 0 < left < (len(bounds) + 2) / 2**16


def test_alias_table_returns_its_distribution():
    p = np.array([0.1, 0.0, 0.65, 0.2, 0.05])
    limit, other, bits = alias_table(p)
    q = np.zeros(8)
    for column in range(1 << bits):
        share = limit[column] / 2 ** (32 - bits)
        q[column] += share / 8
        q[other[column]] += (1 - share) / 8
    np.testing.assert_allclose(q[:5], p, atol=1e-9)


@pytest.mark.numbers
@pytest.mark.parametrize("mean", [0.002, 0.05, 0.7, 2.5, 60.0])
def test_numbers_follow_the_distribution_in_body_and_tail(mean):
    """One tick's input, at a time constant that keeps it; 20 trials of 40,000 neurons."""
    counter = LIF(tau_m=1e12, v_thresh=1e9)
    p = Population("p", 40_000, counter)
    network = Network(p, Poisson(p, rate=mean * 1e4, weight=1.0))
    simulation = Simulation(network, precision="float64", n_trials=20, max_rate=np.inf, seed=11)
    simulation.run(0.1)
    n = np.round(simulation.state()["state/p/v"].ravel()).astype(int)
    expected = stats.poisson.pmf(np.arange(n.max() + 1), mean) * n.size
    found = np.bincount(n)
    keep = expected >= 5
    if mean > 1:  # values rarer than 16 bits can tell are among these
        assert expected[keep].min() < n.size / 2**16
    pooled = (
        np.append(found[keep], n.size - found[keep].sum()),
        np.append(expected[keep], n.size - expected[keep].sum()),
    )
    assert stats.chisquare(*pooled).pvalue > 1e-3


@pytest.mark.numbers
@pytest.mark.parametrize("mean", [0.003, 0.06])
def test_rare_spikes_of_neurons_and_ticks_are_independent(mean):
    """Counts of neurons over time, and of all neurons in each tick, have the variance of Poisson numbers."""
    n, ticks = 5_000, 400
    p = Population("p", n, LIF(tau_m=1e12, v_thresh=1e9))
    simulation = Simulation(Network(p, Poisson(p, rate=mean * 1e4, weight=1.0)), precision="float64", seed=4)
    levels = [np.zeros(n)]
    for _ in range(ticks):
        simulation.run(0.1)
        levels.append(np.round(simulation.state()["state/p/v"][0]))
    counts = np.diff(levels, axis=0)
    for sums in (counts.sum(axis=0), counts.sum(axis=1)):
        spread = sums.var() / sums.mean()
        assert spread == pytest.approx(1.0, abs=5 * np.sqrt(2 / len(sums)))
    assert counts.sum() == pytest.approx(mean * n * ticks, abs=5 * np.sqrt(mean * n * ticks))


def assert_threads_change_nothing(network):
    """Spikes and potentials of a network of one population ``p``, on one thread and on more."""

    def run(threads):
        simulation = Simulation(network, seed=1, threads=threads, max_rate=np.inf)
        spikes = simulation.run(20.0, Record(spikes=network.populations)).spikes["p"]
        return spikes.tick, spikes.neuron, simulation.state()["state/p/v"]

    one = run(1)
    assert len(one[0]) > 100
    for threads in (2, 5):
        for a, b in zip(one, run(threads), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("update", ["stepped", "lazy"])
@pytest.mark.parametrize("rate", [5.0, 400.0, 20_000.0])
def test_input_does_not_depend_on_threads(update, rate):
    p = Population("p", 3_000, LIF(tau_m=10.0, v_thresh=15.0), update=update)
    assert_threads_change_nothing(Network(p, Poisson(p, rate=rate, weight=20_000.0 / rate)))


@pytest.mark.numbers
@pytest.mark.parametrize("mean", [0.02, 0.4, 1.5, 30.0])
def test_varied_rates_follow_the_distribution(mean):
    """Neurons of three rates side by side; 8 trials of 30,000 neurons."""
    rates = np.tile([mean, 0.0, 0.3 * mean], 10_000)
    p = Population("p", len(rates), LIF(tau_m=1e12, v_thresh=1e9))
    simulation = Simulation(
        Network(p, Poisson(p, rates * 1e4, 1.0)), precision="float64", n_trials=8, max_rate=np.inf, seed=3
    )
    simulation.run(0.1)
    n = np.round(simulation.state()["state/p/v"]).astype(int)
    assert n[:, 1::3].max() == 0
    for own, rate in ((n[:, ::3].ravel(), mean), (n[:, 2::3].ravel(), 0.3 * mean)):
        expected = stats.poisson.pmf(np.arange(own.max() + 1), rate) * own.size
        keep, found = expected >= 5, np.bincount(own)
        rest = own.size - found[keep].sum(), own.size - expected[keep].sum()
        assert (
            stats.chisquare(np.append(found[keep], rest[0]), np.append(expected[keep], rest[1])).pvalue > 1e-3
        )


@pytest.mark.parametrize("rate", [300.0, 9_000.0, 60_000.0])
def test_varied_input_does_not_depend_on_threads(rate):
    p = Population("p", 3_000, LIF(tau_m=10.0, v_thresh=15.0))
    rates = rate * (1 + np.arange(3_000) / 3_000)
    sources = (Poisson(p, rates, 3e4 / rate), Poisson(p, lambda t: rate * (t < 10.0), 3e3 / rate))
    assert_threads_change_nothing(Network(p, *sources))
