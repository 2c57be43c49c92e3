"""Pair STDP against a slow pairwise simulation, over threads, histories that overflow, and splits."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity.stdp import STDP, Post, Pre, Synapse, on_post, on_pre
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    FixedIndegree,
    FromCOO,
    Network,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Uniform,
)


def slow(rule, pre, post, delay, w, dt, n_ticks):
    """Weight of one synapse after given spikes, event by event in time; arrivals come before post spikes."""
    c = rule.derive(dt)
    tau = tuple(rule.time_constants().values())
    events = sorted([(t + delay, 0) for t in pre] + [(t, 1) for t in post])
    x, last = [0.0, 0.0], [0, 0]
    for t, which in events:
        if t > n_ticks:
            break
        other = 1 - which
        trace = x[other] * np.exp(-(t - last[other]) * dt / tau[other])
        w = (on_post if which else on_pre)(Synapse(w), Pre(trace), Post(trace), c).w
        x[which] = 1.0 + (1.0 - c.reset) * x[which] * np.exp(-(t - last[which]) * dt / tau[which])
        last[which] = t
    return w


@pytest.mark.parametrize(
    "rule",
    [
        STDP(lam=0.01, w_max=2.0),
        STDP(lam=0.01, w_max=2.0, mu=0.0, tau_plus=15.0, tau_minus=30.0),
        STDP(lam=0.01, w_max=2.0, nearest=1.0),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_weights_equal_the_slow_simulation(rule, threads):
    rng = np.random.default_rng(1)
    n, n_ticks = 6, 4000
    # post neurons 0 to 2 fire often enough to overflow their histories, pre neuron 0 never fires
    pre = [np.sort(rng.choice(np.arange(1, n_ticks), size=k, replace=False)) for k in (0, 5, 40, 200, 30, 90)]
    post = [
        np.sort(rng.choice(np.arange(2, n_ticks), size=k, replace=False)) for k in (700, 350, 100, 20, 3, 0)
    ]
    train = SpikeTrain("pre", n, np.concatenate(pre) * 0.1, np.repeat(np.arange(n), [len(t) for t in pre]))
    kick = SpikeTrain(
        "kick", n, (np.concatenate(post) - 1) * 0.1, np.repeat(np.arange(n), [len(t) for t in post])
    )
    relay = Population("relay", n, Parrot())
    w = rng.uniform(0.2, 1.8, (n, n))
    delays = rng.integers(1, 30, (n, n))
    # weights of learning synapses are too small to make a relay fire, as they are taken off again
    quiet = LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0)
    cell = Population("cell", n, quiet)
    i, j = np.divmod(np.arange(n * n), n)
    network = Network(
        train,
        kick,
        relay,
        cell,
        Projection(
            train,
            cell,
            FromCOO(i, j),
            weight=w.ravel(),
            delay=delays.ravel() * 0.1,
            plasticity=rule,
            name="learn",
        ),
        Projection(kick, cell, FromCOO(np.arange(n), np.arange(n)), weight=1e8, delay=0.1),
    )
    simulation = Simulation(network, precision="float64", threads=threads, max_rate=1e5)
    record = Record(spikes=[cell])
    spikes = [simulation.run(ms, record).spikes["cell"] for ms in (100.0, 17.0, 283.0)]
    fired = [np.concatenate([s.tick[s.neuron == k] for s in spikes]) for k in range(n)]
    for k in range(n):
        np.testing.assert_array_equal(fired[k], post[k])
    got = simulation.synapses("learn")
    assert got.find(3, 4).tolist() == [int(np.flatnonzero((got.pre == 3) & (got.post == 4))[0])]
    expected = [
        slow(rule, pre[a], post[b], delays[a, b], w[a, b], 0.1, n_ticks)
        for a, b in zip(got.pre, got.post, strict=True)
    ]
    np.testing.assert_allclose(got.weight, expected, rtol=1e-11)
    assert np.ptp(got.weight - w[got.pre, got.post]) > 0.1


def learning_network():
    neuron = LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0)
    exc = Population("exc", 300, neuron)
    return Network(
        exc,
        Projection(exc, exc, FixedIndegree(30), Uniform(0.2, 0.6), 1.5, plasticity=STDP(lam=0.02, w_max=0.8)),
        Poisson(exc, rate=3_000.0, weight=0.4),
    )


def test_threads_and_splits_change_no_bit_of_the_weights():
    weights = []
    for threads, parts in ((1, [200.0]), (2, [200.0]), (3, [50.0, 0.1, 149.9])):
        simulation = Simulation(learning_network(), seed=3, threads=threads)
        for ms in parts:
            simulation.run(ms)
            simulation.synapses("exc-exc")  # reading in between changes nothing
        weights.append(simulation.synapses("exc-exc").weight)
    assert np.unique(weights[0]).size > 2000
    for other in weights[1:]:
        np.testing.assert_array_equal(weights[0], other)


def test_state_holds_weights_and_traces():
    whole = Simulation(learning_network(), seed=3)
    whole.run(77.0)
    saved = whole.state()
    whole.run(123.0)
    for threads in (1, 2):
        other = Simulation(learning_network(), seed=3, threads=threads)
        other.load_state(saved)
        other.run(123.0)
        np.testing.assert_array_equal(other.synapses("exc-exc").weight, whole.synapses("exc-exc").weight)


def test_reset_keeps_weights_or_not():
    simulation = Simulation(learning_network(), seed=3)
    start = simulation.synapses("exc-exc").weight
    simulation.run(100.0)
    learned = simulation.synapses("exc-exc").weight
    simulation.reset()
    np.testing.assert_array_equal(simulation.synapses("exc-exc").weight, learned)
    simulation.reset(keep=())
    np.testing.assert_array_equal(simulation.synapses("exc-exc").weight, start)
    simulation.set_weights("exc-exc", learned)
    np.testing.assert_array_equal(simulation.synapses("exc-exc").weight, learned)


def test_errors():
    p = Population("p", 3, LIF())
    with pytest.raises(DescriptionError, match=r"STDP: tau_plus must be > 0 ms, got -1\.0"):
        Projection(p, p, AllToAll(), plasticity=STDP(tau_plus=-1.0))
    with pytest.raises(DescriptionError, match="n_trials must be 1"):
        Simulation(learning_network(), n_trials=2)
