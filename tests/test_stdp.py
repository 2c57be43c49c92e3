"""Pair STDP against a slow pairwise simulation, over threads, histories that overflow, and splits."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity.rules.power_stdp import PowerSTDP
from tegmentum.plasticity.rules.stdp import STDP
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
    c, do = rule.derive(dt), rule.functions()
    tau = tuple(rule.time_constants().values())
    events = sorted([(t + delay, 0) for t in pre] + [(t, 1) for t in post])
    x, last = [0.0, 0.0], [0, 0]
    for t, which in events:
        if t > n_ticks:
            break
        other = 1 - which
        trace = x[other] * np.exp(-(t - last[other]) * dt / tau[other])
        s, pre, post = do["Synapse"](w), do["Pre"](trace), do["Post"](trace)
        w = do["on_post" if which else "on_pre"](s, pre, post, c).w
        faded = x[which] * np.exp(-(t - last[which]) * dt / tau[which])
        x[which] = (
            do["post_spike"](do["Post"](faded), c).y if which else do["pre_spike"](do["Pre"](faded), c).x
        )
        last[which] = t
    return w


@pytest.mark.parametrize(
    "rule",
    [
        STDP(lam=0.01, w_max=2.0),
        STDP(lam=0.01, w_max=2.0, mu=0.0, tau_plus=15.0, tau_minus=30.0),
        STDP(lam=0.01, w_max=2.0, nearest=True),
        PowerSTDP(lam=0.01, w_max=2.0, mu_plus=0.4, mu_minus=0.7),
        PowerSTDP(lam=0.01, w_max=2.0, mu_plus=0.4, mu_minus=0.7, nearest=True),
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


@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_powers_and_the_linear_mixture_agree_at_both_ends(mu):
    linear, power = STDP(mu=mu, w_max=2.0), PowerSTDP(mu_plus=mu, mu_minus=mu, w_max=2.0)
    for name in ("on_pre", "on_post"):
        for w in (0.0, 0.3, 1.7, 2.0):
            found = []
            for r in (linear, power):
                do = r.functions()
                after = do[name](do["Synapse"](w), do["Pre"](0.8), do["Post"](0.8), r.derive(0.1))
                found.append(after.w)
            assert found[0] == pytest.approx(found[1], abs=1e-15)


def test_a_power_step_by_hand():
    rule = PowerSTDP(lam=0.1, alpha=2.0, mu_plus=0.5, mu_minus=2.0, w_max=4.0)
    do, c = rule.functions(), rule.derive(0.1)
    s, pre, post = do["Synapse"](3.0), do["Pre"](1.0), do["Post"](1.0)
    assert do["on_post"](s, pre, post, c).w == pytest.approx(3.0 + 0.1 * 4.0 * 0.25**0.5)
    assert do["on_pre"](s, pre, post, c).w == pytest.approx(3.0 - 0.2 * 4.0 * 0.75**2)


def test_a_post_spike_in_the_tick_of_an_arrival_potentiates_in_full():
    pre, cell = SpikeTrain("pre", 1, [5.0], [0]), Population("cell", 1, LIF(v_thresh=10.0, tau_m=1.0))
    kick = SpikeTrain("kick", 1, [5.0], [0])
    parts = (pre, kick, cell, Projection(kick, cell, AllToAll(), weight=1e4))
    for delay, lag in ((1.0, 0.0), (0.5, 0.5)):  # the cell fires at 6 ms
        learn = Projection(pre, cell, AllToAll(), Uniform(0.5, 0.50001), delay, plasticity=STDP(lam=0.1))
        simulation = Simulation(Network(*parts, learn), precision="float64")
        assert simulation.run(20.0).n_spikes["cell"] == 1
        expected = 0.5 + 0.1 * 0.5 * np.exp(-lag / 20.0)
        assert simulation.synapses("pre-cell").weight == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mu": 5.0}, "STDP: mu must be >= 0 and <= 1, got 5.0"),
        ({"mu": -0.1}, "STDP: mu must be >= 0"),
        ({"nearest": 2.5}, "STDP: nearest must be True or False, got 2.5"),
        ({"nearest": "yes"}, "STDP: nearest must be True or False, got 'yes'"),
        ({"nearest": np.ones(2)}, "STDP: nearest must be True or False"),
        ({"lam": float("nan")}, "STDP: lam must be >= 0 and finite, got nan"),
        ({"alpha": True}, "STDP: alpha must be a number"),
        ({"w_max": 0.0}, "STDP: w_max must be > 0"),
    ],
)
def test_parameters_out_of_their_range_are_refused(wrong, message):
    p = Population("p", 3, LIF())
    with pytest.raises(DescriptionError, match=message):
        Projection(p, p, AllToAll(), 0.5, plasticity=STDP(**wrong))


def test_errors():
    p = Population("p", 3, LIF())
    with pytest.raises(DescriptionError, match=r"STDP: tau_plus must be > 0 ms, got -1\.0"):
        Projection(p, p, AllToAll(), plasticity=STDP(tau_plus=-1.0))
    with pytest.raises(DescriptionError, match="n_trials must be 1"):
        Simulation(learning_network(), n_trials=2)


def test_coincident_spikes_pair_or_not():
    """As NEST: a post spike in the tick of an arrival meets earlier arrivals only; bit for bit also through a state."""
    arrivals, posts = [10, 30, 50, 70], [30, 50, 90]

    def make(threads=1):
        earlier, kicks = (np.array(ticks) - 1 for ticks in (arrivals, posts))
        pre, kick = SpikeTrain("pre", 1, earlier * 0.1, [0] * 4), SpikeTrain("kick", 1, kicks * 0.1, [0] * 3)
        cell = Population("cell", 1, LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0))
        rule = STDP(lam=0.1, w_max=2.0, coincident=False)
        learn = Projection(pre, cell, AllToAll(), [[0.5]], 0.1, plasticity=rule, name="learn")
        net = Network(pre, kick, cell, learn, Projection(kick, cell, AllToAll(), 1e8, 0.1))
        return Simulation(net, precision="float64", max_rate=1e5, threads=threads)

    w, d = 0.5, np.exp(-0.1 / 20.0)
    for t in sorted({*arrivals, *posts}):
        if t in arrivals:
            w = max(w - 1.05 * 0.1 * w * sum(d ** (t - s) for s in posts if s < t), 0.0)
        if t in posts:
            w = min(w + 0.1 * (2.0 - w) * sum(d ** (t - s) for s in arrivals if s < t), 2.0)
    whole = make()
    whole.run(5.0)
    saved = whole.state()  # in the tick of a coincidence
    whole.run(5.0)
    assert whole.synapses("learn").weight[0] == pytest.approx(w, rel=1e-12)
    other = make(threads=2)
    other.load_state(saved)
    other.run(5.0)
    np.testing.assert_array_equal(other.synapses("learn").weight, whole.synapses("learn").weight)
