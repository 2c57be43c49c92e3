"""Trials: against a slow closed form, dense and sparse synapses alike, over threads, copies, splits and saves."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmentum.plasticity import D1D2, STDP, DopamineSTDP, RateHebb
from tegmentum.simcore import (
    AllToAll,
    ByPost,
    ByPre,
    BySynapse,
    Course,
    DescriptionError,
    Expected,
    FromCOO,
    Given,
    HomeostaticLIF,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    one_hot,
    random_table,
)

N_IN, N_HIDDEN, N_OUT, TICKS = 12, 9, 3, 30
HIDDEN = HomeostaticLIF(v_thresh=0.3, rate=0.02, target=0.4, least=0.05, tau_s=5.0)
OUTPUT = HomeostaticLIF(v_thresh=0.5, drive=0.06, floor=-0.5)
LABELS = np.arange(N_HIDDEN) % N_OUT


def samples(n, seed=0):
    """Spikes of samples: each channel fires with probability 0.6, at a time of its own."""
    rng = np.random.default_rng(seed)
    fires = rng.random((n, N_IN)) < 0.6
    trial, channel = np.nonzero(fires)
    tick = rng.integers(0, 15, len(trial))
    order = np.lexsort((channel, tick, trial))
    return SimpleNamespace(
        trial=trial[order],
        tick=tick[order],
        channel=channel[order],
        n_trials=n,
        n_ticks=TICKS,
        n_channels=N_IN,
    ), rng.integers(0, N_OUT, n)


def part(events, lo, hi):
    mine = (events.trial >= lo) & (events.trial < hi)
    return SimpleNamespace(
        trial=events.trial[mine] - lo,
        tick=events.tick[mine],
        channel=events.channel[mine],
        n_trials=hi - lo,
        n_ticks=events.n_ticks,
        n_channels=events.n_channels,
    )


def network(on_hidden=None, subpopulations=None, sparse=0.0, general=False, plastic=True, seed=1, **expected):
    """Connect pixels, hidden and output neurons, a share of pairs listed where ``sparse``.

    Where ``general``, a level is chosen for each synapse, and learning takes the path of continuous time.
    """
    rng = np.random.default_rng(seed)
    pixels = SpikeTrain("pixels", N_IN, np.zeros(0), np.zeros(0, int))
    hidden = Population("hidden", N_HIDDEN, HIDDEN, update="stepped")
    output = Population("output", N_OUT, OUTPUT, update="stepped")
    error = Expected(**{"signal": "error", "table": one_hot(N_OUT), "scale": 1.0, "beta": 0.7, **expected})
    of_hidden = Modulator("dopamine", error.n_levels, baseline=0.5, source=error)
    of_output = Modulator(
        "dopamine-output", N_OUT, baseline=0.5, source=Expected("error", one_hot(N_OUT), beta=0.7)
    )
    groups = ByPost(LABELS) if subpopulations is None else subpopulations
    rule = on_hidden or DopamineSTDP(
        of_hidden, D1D2(), groups, tau_plus=8.0, tau_minus=12.0, tau_e=60.0, a_plus=0.02, a_minus=0.008, w_min=0.0,
        w_max=0.6, soft=True,
    )  # fmt: skip
    last = DopamineSTDP(
        of_output, D1D2(), ByPost(np.arange(N_OUT)), tau_e=60.0, a_plus=0.03, a_minus=0.0, w_max=1.0
    )
    delay = np.repeat(rng.integers(1, 5, N_IN).astype(float)[:, None], N_HIDDEN, axis=1)

    def connect(weight, delay):
        if not sparse:
            return {"rule": AllToAll(), "weight": weight, "delay": delay}
        kept = np.flatnonzero(np.random.default_rng(seed + 6).random(weight.size) < sparse)
        delay = np.broadcast_to(delay, weight.shape).ravel()[kept]
        pairs = FromCOO(*np.divmod(kept, weight.shape[1]))
        return {"rule": pairs, "weight": weight.ravel()[kept], "delay": delay}

    first = connect(rng.uniform(0, 0.6, (N_IN, N_HIDDEN)), delay)
    post = np.tile(np.arange(N_HIDDEN), N_IN) if not sparse else first["rule"].post
    if general:
        rule = replace(rule, subpopulations=BySynapse(LABELS[np.asarray(post)]))
    return Network(
        pixels, hidden, output,
        Projection(pixels, hidden, **first, receptor="exc", name="first",
                   plasticity=rule if plastic else None),
        Projection(hidden, hidden, AllToAll(), weight=-0.02, delay=1.0, receptor="inh", name="lateral"),
        Projection(hidden, output, **connect(rng.uniform(0, 0.4, (N_HIDDEN, N_OUT)), 2.0), receptor="exc",
                   name="second", plasticity=last if plastic else None),
    )  # fmt: skip


def simulation(net=None, **options):
    return Simulation(net or network(), **{"dt": 1.0, "precision": "float64", "max_rate": 1e6, **options})


def learn(sim, events, labels, learning=1.0, **options):
    return sim.present(events, labels, readout="output", learning=learning, **options)


def state(sim):
    return [sim.synapses(name).weight for name in ("first", "second")] + [
        sim.state()["state/hidden/theta"].copy()
    ]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def synapses_of(projection):
    """Return the synapses of a projection as {(pre, post): (weight, delay in ticks)}."""
    size = projection.pre.size, projection.post.size
    listed = isinstance(projection.rule, FromCOO)
    pre, post = (projection.rule.pre, projection.rule.post) if listed else np.indices(size).reshape(2, -1)
    shape = len(pre) if listed else size
    weight = np.broadcast_to(getattr(projection.weight, "value", projection.weight), shape).ravel().tolist()
    delay = (
        np.broadcast_to(getattr(projection.delay, "value", projection.delay), shape)
        .ravel()
        .astype(int)
        .tolist()
    )
    pairs = zip(np.asarray(pre).tolist(), np.asarray(post).tolist(), strict=True)
    return dict(zip(pairs, zip(weight, delay, strict=True), strict=True))


def slow(net, events, labels=None, groups=LABELS):
    """Weights, thresholds, answers, levels and spike counts after trials, from the description alone.

    Without ``labels`` nothing is learned.
    """
    q = {p.name: synapses_of(p) for p in net.projections}
    w1, w2 = ({pair: w for pair, (w, _) in q[name].items()} for name in ("first", "second"))
    theta = [HIDDEN.v_thresh] * N_HIDDEN
    answers, levels, n_spikes = [], [], []
    for n in range(events.n_trials):
        mine = events.trial == n
        given = [
            (int(t) + 1, "pixels", int(i))
            for t, i in zip(events.tick[mine], events.channel[mine], strict=True)
        ]
        synapses = [("pixels", i, "hidden", j, 0, w, q["first"][i, j][1]) for (i, j), w in w1.items()]
        synapses += [("hidden", i, "hidden", j, 1, w, d) for (i, j), (w, d) in q["lateral"].items()]
        synapses += [("hidden", i, "output", j, 0, w, 2) for (i, j), w in w2.items()]
        first = HIDDEN.initial()
        spikes, end = reference.simulate(
            {"hidden": HIDDEN, "output": OUTPUT},
            {"pixels": N_IN, "hidden": N_HIDDEN, "output": N_OUT},
            synapses,
            given,
            TICKS,
            1.0,
            state={"hidden": [first._replace(theta=t) for t in theta]},
        )
        times = {(p, j): [t for t, q_, k in spikes if (q_, k) == (p, j)] for p, j in
                 [("hidden", j) for j in range(N_HIDDEN)] + [("output", j) for j in range(N_OUT)]}  # fmt: skip
        counts = [len(times["output", k]) for k in range(N_OUT)]
        v = [s.v for s in end["output"]]
        answers.append(max(range(N_OUT), key=lambda k: (counts[k], v[k])))
        n_spikes.append(sum(len(times["hidden", j]) for j in range(N_HIDDEN)))
        if labels is None:
            continue
        total = sum(math.exp(0.7 * c) for c in counts)
        delta = [(k == labels[n]) - math.exp(0.7 * counts[k]) / total for k in range(N_OUT)]
        levels.append([min(max(0.5 + d, 0.0), 1.0) for d in delta])

        def gain(level):
            return 2.0 * (level - 0.5)

        def eligibility(arrivals, posts, tau_plus, tau_minus, a_plus, a_minus):
            e = 0.0
            for a in arrivals:
                for b in posts:
                    if b >= a:
                        e += a_plus * math.exp(-(b - a) / tau_plus - (TICKS - b) / 60.0)
                    else:
                        e -= a_minus * math.exp(-(a - b) / tau_minus - (TICKS - a) / 60.0)
            return e

        for i, j in w1:
            d = q["first"][i, j][1]
            arrivals = [t + d for t, _, k in given if k == i and t + d <= TICKS]
            level = min(max(0.5 + delta[groups[j]], 0.0), 1.0)
            dw = gain(level) * eligibility(arrivals, times["hidden", j], 8.0, 12.0, 0.02, 0.008)
            dw *= (0.6 - w1[i, j] if dw > 0 else w1[i, j]) * 2 / 0.6
            w1[i, j] = min(max(w1[i, j] + dw, 0.0), 0.6)
        for j, k in w2:
            arrivals = [t + 2 for t in times["hidden", j] if t + 2 <= TICKS]
            level = min(max(0.5 + 0.5 * delta[k], 0.0), 1.0)
            dw = gain(level) * eligibility(arrivals, times["output", k], 20.0, 20.0, 0.03, 0.0)
            w2[j, k] = min(max(w2[j, k] + dw, 0.0), 1.0)
        for j in range(N_HIDDEN):
            theta[j] = max(theta[j] + 0.02 * ((len(times["hidden", j]) > 0) - 0.4), 0.05)
    return list(w1.values()), list(w2.values()), theta, answers, levels, n_spikes


@pytest.mark.slow
def test_trials_follow_the_equations():
    n = 12
    w1, w2, theta, answers, levels, _ = slow(network(), *samples(n))
    sim = simulation()
    before = state(sim)
    shown = learn(sim, *samples(n))
    assert shown.chosen.tolist() == answers
    np.testing.assert_allclose(shown.levels["dopamine"], levels, rtol=1e-12)
    assert shown.spikes["hidden"].sum() > 3 * n
    assert shown.votes.sum() > n
    after = state(sim)
    np.testing.assert_allclose(after[0], w1, rtol=1e-9)
    np.testing.assert_allclose(after[1], w2, rtol=1e-9)
    np.testing.assert_allclose(after[2][0], theta, rtol=1e-12)
    assert np.abs(after[0] - before[0]).max() > 0.01
    assert np.abs(after[1] - before[1]).max() > 0.01


def spike_trains(n, rate, seed):
    """Spikes at ``rate`` a channel and tick, a channel's as many as come, and a label for each of ``n`` trials."""
    rng = np.random.default_rng(seed)
    trial, tick, channel = np.nonzero(rng.random((n, TICKS, N_IN)) < rate)
    events = SimpleNamespace(
        trial=trial, tick=tick, channel=channel, n_trials=n, n_ticks=TICKS, n_channels=N_IN
    )
    return events, rng.integers(0, N_OUT, n)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    st.builds(spike_trains, st.integers(1, 6), st.floats(0.01, 0.15), st.integers(0, 999)),
    st.lists(st.integers(0, N_OUT - 1), min_size=N_HIDDEN, max_size=N_HIDDEN),
    st.floats(0.2, 1.0),
    st.integers(0, 999),
    st.integers(2, 4),
)
def test_drawn_networks_learn_and_answer_as_slow_python(shown, groups, share, seed, n_copies):
    """Online with plastic synapses, and over the trial axis without."""
    events, labels = shown
    drawn = {"subpopulations": ByPost(np.array(groups)), "sparse": share, "seed": seed}
    net = network(**drawn)
    w1, w2, theta, answers, levels, n_spikes = slow(net, events, labels, groups)
    sim = simulation(net)
    found = learn(sim, events, labels)
    assert found.chosen.tolist() == answers
    assert found.spikes["hidden"].tolist() == n_spikes
    np.testing.assert_allclose(found.levels["dopamine"], levels, rtol=1e-12)
    for got, expected in zip(state(sim), (w1, w2, [theta]), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-15)
    fixed = network(plastic=False, **drawn)
    *_, answers, _, n_spikes = slow(fixed, events)
    tested = simulation(fixed, n_trials=n_copies).present(events, readout="output")
    assert tested.chosen.tolist() == answers
    assert tested.spikes["hidden"].tolist() == n_spikes


@pytest.mark.slow
def test_sparse_synapses_learn_as_dense_ones():
    """Those that are listed take the path of dense ones, or where levels go by synapse that of continuous time."""

    def learned(**options):
        sim = simulation(network(**options))
        learn(sim, *samples(10))
        return state(sim)

    assert same(learned(sparse=1.0), learned())
    for a, b in zip(learned(sparse=0.6), learned(sparse=0.6, general=True), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.slow
def test_trials_may_be_longer_than_a_window_of_integrals():
    """A window of continuous time is at most four time constants long, here 128 ticks."""
    rng = np.random.default_rng(0)
    trial, tick, channel = np.nonzero(rng.random((6, 300, N_IN)) < 0.02)
    events = SimpleNamespace(
        trial=trial, tick=tick, channel=channel, n_trials=6, n_ticks=300, n_channels=N_IN
    )
    found = []
    for general in (False, True):
        sim = simulation(network(sparse=1.0, general=general))
        learn(sim, events, np.arange(6) % N_OUT)
        found.append(state(sim))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    events.n_ticks = 4801
    with pytest.raises(
        DescriptionError, match="'first': a trial must be at most 80 tau_e, 4800 ms, got 4801"
    ):
        learn(simulation(), events, np.zeros(6, int))


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [{}, {"sparse": 0.6}, {"sparse": 0.6, "general": True}])
def test_threads_splits_and_saves_change_no_bit(sparse):
    events, labels = samples(9)
    whole = simulation(network(**sparse), threads=1)
    shown, rest = learn(whole, events, labels), []
    for threads in (2, 3):
        sim = simulation(network(**sparse), threads=threads)
        learn(sim, part(events, 0, 4), labels[:4])
        sim.synapses("first")  # reading changes nothing
        sim.present(part(events, 3, 6), readout="output")  # nor does a test
        other = simulation(network(**sparse), threads=threads - 1)
        other.load_state(sim.state())
        rest += [(s, learn(s, part(events, 4, 9), labels[4:])) for s in (sim, other)]
    for sim, r in rest:
        assert same(state(sim), state(whole))
        assert r.chosen.tolist() == shown.chosen[4:].tolist()
        assert np.array_equal(r.levels["dopamine"], shown.levels["dopamine"][4:])


@pytest.mark.slow
def test_copies_share_samples_that_teach_nothing():
    events, _ = samples(7)
    one = simulation(network(plastic=False)).present(events, readout="output")
    for n_trials, threads in ((3, 2), (10, 1)):
        many = simulation(network(plastic=False), n_trials=n_trials, threads=threads).present(
            events, readout="output"
        )
        assert many.votes.shape == one.votes.shape
        assert np.all(many.chosen >= 0)
        assert np.array_equal(many.votes, one.votes)
        assert np.array_equal(many.chosen, one.chosen)


@pytest.mark.slow
def test_a_test_teaches_nothing_and_no_sample_depends_on_another():
    sim, (events, labels) = simulation(), samples(8)
    learn(sim, events, labels)
    before = state(sim)
    shown = sim.present(events, readout="output")
    assert same(state(sim), before)
    assert not shown.levels
    alone = [sim.present(part(events, k, k + 1), readout="output").votes[0] for k in (5, 2, 7)]
    assert np.array_equal(alone, shown.votes[[5, 2, 7]])


@pytest.mark.slow
def test_record_gives_the_spikes_of_each_sample():
    sim = simulation()
    shown = sim.present(samples(4)[0], readout="output", record=Record(spikes=["hidden", "output"]))
    for name in ("hidden", "output"):
        tick = shown.record.spikes[name].tick
        assert np.bincount((tick - 1) // TICKS, minlength=4).tolist() == shown.spikes[name].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["label", "kind", "reward"])
def test_levels_of_other_signals(signal):
    n = 12
    table = np.ones((1, 1)) if signal == "reward" else random_table(N_OUT, 4, seed=3)
    groups = ByPost(np.arange(N_HIDDEN) % table.shape[1])
    sim = simulation(network(subpopulations=groups, signal=signal, table=table, scale=0.4))
    events, labels = samples(n)
    kinds = (labels + 1) % N_OUT
    shown = learn(sim, events, labels, kinds=kinds)
    if signal == "reward":
        usual, expected = 0.0, []
        for right in shown.chosen == labels:
            expected.append([np.clip(0.5 + 0.4 * (right - usual), 0, 1)])
            usual += 0.01 * (right - usual)
    else:
        expected = np.clip(0.5 + 0.4 * table[labels if signal == "label" else kinds], 0, 1)
    np.testing.assert_allclose(shown.levels["dopamine"], expected, rtol=1e-12)


@pytest.mark.slow
def test_shuffled_levels_are_those_of_other_classes_and_do_not_depend_on_the_split():
    events, labels = samples(10)
    plain, mixed, split = (simulation(network(shuffled=k)) for k in (False, True, True))
    mixed.present(events, readout="output")  # a test shuffles nothing
    a, b = learn(plain, events, labels), learn(mixed, events, labels)
    c = [learn(split, part(events, 0, 3), labels[:3]), learn(split, part(events, 3, 10), labels[3:])]
    first = a.levels["dopamine"][0], b.levels["dopamine"][0]
    assert sorted(first[0]) == sorted(first[1])
    assert not np.array_equal(a.levels["dopamine"], b.levels["dopamine"])
    assert np.array_equal(b.levels["dopamine"], np.concatenate([x.levels["dopamine"] for x in c]))
    assert same(state(mixed), state(split))


@pytest.mark.slow
def test_rate_hebb_counts_pairs_whatever_their_order():
    error = Expected("label", np.full((N_OUT, 1), 1.0), scale=0.5)
    dopamine = Modulator("dopamine", 1, baseline=0.5, source=error)
    rule = RateHebb(dopamine, D1D2(), ByPre(np.zeros(N_IN, int)), a=0.001, tau_e=1e6, w_max=9.0)
    sim = simulation(network(on_hidden=rule))
    before = sim.synapses("first")
    events, labels = samples(1)
    shown = learn(sim, events, labels, record=Record(spikes=["hidden"]))
    posts = np.bincount(shown.record.spikes["hidden"].neuron, minlength=N_HIDDEN)
    pres = np.bincount(events.channel, minlength=N_IN)
    gained = (sim.synapses("first").weight - before.weight).reshape(N_IN, N_HIDDEN)
    np.testing.assert_allclose(gained, 0.001 * np.outer(pres, posts), rtol=0.01, atol=1e-12)
    assert posts.sum() > 3


@pytest.mark.slow
def test_what_cannot_be_shown_is_refused_before_it_begins():
    events, labels = samples(3)
    sim = simulation()

    def refused(text, *args, **options):
        with pytest.raises(DescriptionError, match=text):
            sim.present(*args, **{"readout": "output", **options})

    refused("events must have trial", np.zeros((3, N_IN)))
    refused("labels must be 3", events, labels[:2])
    refused(r"labels must be in \[0, 3\)", events, labels + 3)
    refused("give labels", events, learning=1.0)
    refused("name a readout", events, labels, learning=1.0, readout=None)
    refused("no population 'hiden'", events, labels, readout="hiden")
    refused("n_classes must divide", events, labels, n_classes=2)
    refused("12 neurons", SimpleNamespace(**{**vars(events), "n_channels": 5}))
    refused("sorted", SimpleNamespace(**{**vars(events), "tick": events.tick[::-1]}))
    refused("one of the network's spike trains", events, train="pixel")
    refused("learning must be", events, labels, learning=-1.0)
    with pytest.raises(DescriptionError, match="use present"):
        sim.run(10.0)
    still = simulation(network(plastic=False))
    still.run(10.0)
    with pytest.raises(DescriptionError, match="not at rest"):
        still.present(events, readout="output")
    still.reset()
    assert len(still.present(events, readout="output").chosen) == 3
    kinds = simulation(network(signal="kind", table=one_hot(N_OUT)))
    with pytest.raises(DescriptionError, match="give kinds"):
        learn(kinds, events, labels)
    with pytest.raises(DescriptionError, match=r"kinds must be in \[0, 3\)"):
        learn(kinds, events, labels, kinds=labels + 2)
    ordinary = simulation(network(on_hidden=STDP(w_max=1.0)))
    with pytest.raises(DescriptionError, match="'first' learns as time goes on"):
        learn(ordinary, events, labels)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"signal": "hope"}, "signal must be one of"),
        ({"table": np.ones(3)}, "two dimensions"),
        ({"signal": "reward"}, "one row"),
        ({"tonic": 2.0}, "tonic must be"),
        ({"width": 0.0}, "width must be"),
        ({"shuffled": 1}, "shuffled must be"),
    ],
)
def test_expectations_that_cannot_be(options, text):
    with pytest.raises(DescriptionError, match=text):
        Expected(**{"signal": "error", "table": one_hot(3), **options})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_levels": 2}, "n_levels must be 3"),
        ({"baseline": 0.2}, "baseline must be 0.5"),
        ({"source": 3}, "an Expected"),
        ({"tau_rise": 5.0}, "tau_rise and source exclude each other"),
        ({"given": [Given([1.0])]}, "given and source exclude each other"),
        ({"baseline": Course([0.0], [0.5])}, "a Course of the baseline and source exclude each other"),
    ],
)
def test_modulators_that_do_not_fit_their_source(options, text):
    with pytest.raises(DescriptionError, match=text):
        Modulator(
            **{
                "name": "d",
                "n_levels": 3,
                "baseline": 0.5,
                "source": Expected("error", one_hot(3)),
                **options,
            }
        )


@pytest.mark.slow
def test_weights_are_recorded_between_trials():
    events, labels = samples(6)
    sim, steps = simulation(), simulation()
    shown = learn(sim, events, labels, record=Record(weights={"first": 2.0 * TICKS}))
    found = shown.record.weights["first"]
    expected = [steps.synapses("first").weight]
    for k in (0, 2, 4):
        learn(steps, part(events, k, k + 2), labels[k : k + 2])
        expected.append(steps.synapses("first").weight)
    assert np.array_equal(found.values, expected)
    assert found.values.dtype == np.float64
    with pytest.raises(DescriptionError, match="multiple of a trial's 30 ms"):
        learn(sim, events, labels, record=Record(weights={"first": 20.0}))
    with pytest.raises(DescriptionError, match="modulators are as at rest"):
        learn(sim, events, labels, record=Record(modulators={"dopamine": 30.0}))


def test_sizes_that_numpy_counted_are_sizes_like_any_other():
    n = np.unique([0, 1, 2, 2]).max() + 1
    inputs, out = SpikeTrain("inputs", n, [], []), Population("out", 2 * n, OUTPUT, update="stepped")
    assert type(inputs.size) is type(out.size) is int
    simulation = Simulation(Network(inputs, out, Projection(inputs, out, AllToAll(), 1.0, 1.0)), dt=1.0)
    shown = SimpleNamespace(
        trial=np.array([0]),
        tick=np.array([0]),
        channel=np.array([1]),
        n_trials=1,
        n_ticks=TICKS,
        n_channels=n,
    )
    assert simulation.present(shown, readout="out", n_classes=n).votes.shape == (1, 3)
