"""Waveforms of currents, and Poisson rates of each neuron in time: against closed forms and binomial statistics."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    Current,
    DescriptionError,
    Network,
    Noise,
    Poisson,
    Population,
    Record,
    Simulation,
    Trace,
)

#: counts what it receives: it neither leaks nor fires
COUNTER = LIF(tau_m=1e9, v_thresh=1e9, v_reset=0.0)
DRIVEN = LIF(tau_m=10.0, c_m=100.0, v_thresh=1e6, v_reset=0.0)


def by_hand(currents, dt=0.1):
    """Potential of DRIVEN at each tick, for the current [pA] during each."""
    v, decay = np.zeros((len(currents) + 1, *np.shape(currents)[1:])), np.exp(-dt / 10.0)
    for k, i in enumerate(currents):
        v[k + 1] = v[k] * decay + (1 - decay) * 10.0 / 100.0 * np.asarray(i)
    return v[1:]


def potential(*currents, population, parts, threads=1, **more):
    simulation = Simulation(Network(population, *currents), precision="float64", threads=threads, **more)
    record = Record(traces={"v": Trace(population)})
    rows = [np.reshape(simulation.run(ms, record).traces["v"], (-1, population.size)) for ms in parts]
    return np.concatenate(rows)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_waveform_is_what_its_steps_are(threads):
    p = Population("p", 3, DRIVEN)
    r = np.random.default_rng(0)
    each, shared = r.normal(0.0, 50.0, (40, 3)), r.normal(0.0, 50.0, 25)
    sources = (
        Current(p, each, every=0.1),
        Current(p, shared, start=1.0, stop=5.0, every=0.3),
        Current(p, 7.0, start=2.0, stop=3.0),
    )
    k = np.arange(100)
    expected = each[np.minimum(k, 39)]  # the last step goes on
    step = np.clip((k - 10) // 3, 0, 24)
    expected = expected + (shared[step] * ((k >= 10) & (k < 50)))[:, None]
    expected = expected + 7.0 * ((k >= 20) & (k < 30))[:, None]
    whole = potential(*sources, population=p, parts=[10.0], threads=threads)
    np.testing.assert_allclose(whole, by_hand(expected), rtol=1e-9, atol=1e-9)
    split = potential(*sources, population=p, parts=[0.4, 2.7, 6.9], threads=threads)
    np.testing.assert_array_equal(whole, split)


def test_a_waveform_equals_one_current_a_tick_and_joins_noise():
    p = Population("p", 2, DRIVEN)
    wave = np.random.default_rng(1).normal(0.0, 50.0, 60)
    single = [Current(p, a, 0.1 * k, 0.1 * (k + 1)) for k, a in enumerate(wave)]
    noise = Noise(p, 10.0, 3.0)  # the first of the sources, as its number counts in the draws
    one = potential(noise, Current(p, wave, stop=6.0, every=0.1), population=p, parts=[8.0])
    many = potential(noise, *single, population=p, parts=[8.0])
    np.testing.assert_array_equal(one, many)
    assert np.ptp(one[:, 0] - one[:, 1]) > 0


def test_noise_of_steps_in_time_is_that_of_each_step():
    p = Population("p", 2000, DRIVEN)

    def currents(source, parts):
        v = potential(source, population=p, parts=parts)
        before = np.concatenate([np.zeros((1, p.size)), v[:-1]])
        decay = np.exp(-0.1 / 10.0)
        return (v - before * decay) / ((1 - decay) * 10.0 / 100.0)

    std = np.array([5.0, 0.0, 20.0])
    found = currents(Noise(p, std, 3.0, every=1.0), [6.0])
    unit = currents(Noise(p, 1.0), [6.0])  # the same draws
    step = np.minimum(np.arange(60) // 10, 2)
    np.testing.assert_allclose(found, 3.0 + unit * std[step][:, None], atol=1e-9)
    assert found[:10].std() == pytest.approx(5.0, rel=0.05)
    np.testing.assert_array_equal(found, currents(Noise(p, std, 3.0, every=1.0), [0.7, 5.3]))


def totals(source, ms, parts=1, threads=1, n_trials=1, at=()):
    """Spikes that each neuron of the source's population has received at some times [ms]."""
    simulation = Simulation(
        Network(source.post, source), dt=0.5, seed=5, threads=threads, n_trials=n_trials, precision="float64"
    )
    out = []
    for _ in range(parts):
        simulation.run(ms / parts)
        out.append(np.round(simulation.state()["state/p/v"]))
    return np.array(out)


def counters(size):
    return Population("p", size, COUNTER)


def check(found, mean):
    """Poisson numbers: the sum of normalised squares, and each within 5 standard deviations."""
    z = (found - mean) / np.sqrt(np.maximum(mean, 1e-12))
    assert np.abs(z[mean > 20]).max(initial=0.0) < 5.0
    np.testing.assert_array_equal(found[mean == 0], 0)
    n = int((mean > 5).sum())
    chi2 = float((z[mean > 5] ** 2).sum())
    assert abs(chi2 - n) < 5.0 * np.sqrt(2.0 * n)


RATES = np.random.default_rng(2).uniform(0.0, 400.0, (5, 600)) * (np.arange(600) % 7 > 0)
RATES[2] = 0.0  # silence of all
RATES[3] = 8_000.0 * (np.arange(600) < 256)  # drawn by inversion in one block, none in the others


def test_rates_of_each_neuron_in_time_have_their_statistics():
    p = counters(600)
    found = np.diff(totals(Poisson(p, RATES, 1.0, every=100.0), 700.0, parts=7)[:, 0], axis=0, prepend=0)
    steps = RATES[[0, 1, 2, 3, 4, 4, 4]]  # the last step goes on
    check(found, steps * 0.1)


def test_a_function_of_rates_equals_the_array():
    p = counters(600)

    def rate(t):
        return RATES[min(int(t // 100.0), 4)]

    array = totals(Poisson(p, RATES, 1.0, every=100.0), 600.0)
    for threads, parts in ((1, 1), (2, 1), (1, 3)):
        found = totals(Poisson(p, rate, 1.0), 600.0, parts=parts, threads=threads)
        np.testing.assert_array_equal(found[-1], array[-1])
    split = totals(Poisson(p, RATES, 1.0, every=100.0), 600.0, parts=4, threads=2)
    np.testing.assert_array_equal(split[-1], array[-1])


def test_a_few_ticks_at_once_equal_many(monkeypatch):
    from tegmentum.simcore.lower import inputs as lower_inputs

    p = counters(600)
    rate = Poisson(p, lambda t: 20.0 + RATES[0] * (1 + np.sin(t / 30.0)), 1.0)
    whole = totals(rate, 200.0)
    monkeypatch.setattr(lower_inputs, "_ROOM", 600 * 3)
    np.testing.assert_array_equal(totals(rate, 200.0), whole)


def test_rates_over_time_for_all_equal_a_function():
    p = counters(600)
    steps = np.array([100.0, 0.0, 3_000.0, 40.0])
    array = totals(Poisson(p, steps, 1.0, every=50.0), 300.0)
    function = totals(Poisson(p, lambda t: steps[min(int(t // 50.0), 3)], 1.0), 300.0)
    np.testing.assert_array_equal(array, function)
    check(array[0, 0], np.full(600, 0.05 * steps.sum() + 0.1 * steps[-1]))


def test_sources_of_all_kinds_do_not_disturb_each_other():
    p, q = counters(600), Population("q", 300, COUNTER)
    sources = [
        Poisson(p, lambda t: RATES[0], 1.0),
        Poisson(q, np.linspace(0.0, 100.0, 300), 1.0),
        Poisson(q, lambda t: np.linspace(0.0, 900.0, 300) * (t < 50.0), 1000.0),
        Poisson(p, RATES, 1000.0, every=20.0),
    ]
    together = Simulation(Network(p, q, *sources), dt=0.5, precision="float64")
    together.run(100.0)
    found = {name: np.round(together.state()[f"state/{name}/v"][0]).astype(int) for name in "pq"}
    check(found["p"] % 1000, RATES[0] * 0.1)
    check(found["p"] // 1000, RATES.sum(axis=0) * 0.02)
    check(found["q"] % 1000, np.linspace(0.0, 10.0, 300))
    check(found["q"] // 1000, np.linspace(0.0, 45.0, 300))


def test_rates_differ_between_trials():
    p = counters(600)
    found = totals(Poisson(p, RATES, 1.0, every=50.0), 250.0, n_trials=2)[-1]
    check(found, np.array([RATES.sum(axis=0) * 0.05] * 2))
    assert not np.array_equal(found[0], found[1])


def refused(message, make):
    with pytest.raises(DescriptionError, match=message):
        make()


def test_wrong_waveforms_and_rates_are_refused():
    p = counters(4)
    for every in (None, 1.0):
        for shape in ((3, 5), (5,), (2, 4, 4), (0,), (0, 4)):
            if every and shape == (5,):
                continue
            refused("amplitude must", lambda s=shape, e=every: Current(p, np.ones(s), every=e))
            refused("rate must", lambda s=shape, e=every: Poisson(p, np.ones(s), 1.0, every=e))
    refused("every must be > 0 ms, got -1.0", lambda: Current(p, [1.0], every=-1.0))
    refused("every goes with an array", lambda: Poisson(p, lambda t: 1.0, 1.0, every=1.0))
    refused("rate must be finite and >= 0 Hz", lambda: Poisson(p, [[1.0, 2.0, 3.0, -1.0]], 1.0, every=1.0))
    refused(r"rate\(0\.0\) fails: ZeroDivisionError", lambda: Poisson(p, lambda t: 1 / t, 1.0))
    refused(r"rate\(0\.0\) must be a number or 4", lambda: Poisson(p, lambda t: np.ones(3), 1.0))
    for std in (-1.0, [1.0, -1.0], [[1.0] * 4], 1.0, []):
        refused("std must", lambda s=std: Noise(p, s, every=1.0))
    refused("std must be a number >= 0 pA", lambda: Noise(p, [1.0, 2.0]))
    short = Network(p, Current(p, [1.0, 2.0], every=0.01))
    refused("every must be at least one tick of dt = 0.1 ms", lambda: Simulation(short))
    changing = Network(p, Poisson(p, lambda t: 1.0 if t < 5.0 else np.ones(4), 1.0))
    refused(r"rate\(5\) must have shape \(\)", lambda: Simulation(changing).run(10.0))
    negative = Network(p, Poisson(p, lambda t: np.full(4, 5.0 - t), 1.0))
    refused(r"rate must be in \[0, 1e[+]06\] Hz", lambda: Simulation(negative).run(10.0))
    lazy = Population("lazy", 4, LIF(), "lazy")
    refused(
        "rate must be one number where update is lazy",
        lambda: Simulation(Network(lazy, Poisson(lazy, [1.0] * 4, 1.0))),
    )
