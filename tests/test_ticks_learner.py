"""Learning by the tick engine: against windows, against a slow sum over single synapses, and on digits."""

import copy
import pickle

import numpy as np
import pytest

from tegmentum import datasets
from tegmentum.plasticity import (
    SGD,
    Adam,
    Dopamine,
    ErrorDriven,
    Expectation,
    Frozen,
    Learner,
    LinearReceptor,
    Modulated,
    NacaReceptor,
    Slope,
    StateDifference,
    naca,
)
from tegmentum.simcore import (
    AllToAll,
    Conv2D,
    DescriptionError,
    DiscreteLIF,
    FixedIndegree,
    FixedProbability,
    FromCOO,
    GradedUnit,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
    Uniform,
)
from tegmentum.simcore.encode import bernoulli
from tegmentum.simcore.random import philox as rng

N_IN, STEP, LOCAL = 20, SGD(0.0625), StateDifference()


def samples(n, n_classes=4, seed=0):
    r = np.random.default_rng(seed)
    x = r.integers(0, 256, (n, N_IN), dtype=np.uint8)
    x[r.random(x.shape) < 0.3] = 0
    x[r.random(x.shape) < 0.15] = 255
    return x, r.integers(0, n_classes, n)


def chain(hidden=(70, 5), n_classes=4, rho=0.5, receptor=None, table="zeros", every_tick=True):
    """A dense chain whose gains are 1, so that no product rounds."""
    modulated = Modulated(
        Dopamine(Expectation(n_classes), table=table),
        receptor or LinearReceptor(baseline=-1.0),
        LOCAL,
        STEP,
    )
    inp = SpikeTrain("input", N_IN, [], [])
    layers = [Population(f"h{k}", n, DiscreteLIF(rho=rho)) for k, n in enumerate((*hidden, n_classes))]
    rules = [*[modulated] * len(hidden), ErrorDriven(LOCAL, STEP, every_tick=every_tick)]
    pairs = zip([inp, *layers[:-1]], layers, rules, strict=True)
    return Network(inp, *layers, *(Projection(a, b, AllToAll(), Uniform(-0.5, 0.5), plasticity=r)
                                   for a, b, r in pairs))  # fmt: skip


def both(network, **options):
    return [Learner(network, engine=engine, **options) for engine in ("windows", "ticks")]


def dense(layer):
    """Weights (n_pre, n_post) and biases, of either engine."""
    weights, bias = layer.weights()
    return weights.reshape(layer.n_pre, layer.n_post), bias


def weights_of(learner):
    return [part for layer in learner.layers for part in layer.weights()]


def assert_equal(one, other):
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


class TestTicksAreWindows:
    @pytest.mark.parametrize("every_tick", [True, False])
    @pytest.mark.parametrize("hidden", [(70,), (5,), (70, 5)])
    def test_bit_for_bit_where_no_sum_rounds(self, hidden, every_tick):
        """Weights in quarters, T, batch and classes powers of two, gains of 1: spikes, rates and weights are equal."""
        learners = both(chain(hidden, every_tick=every_tick), n_ticks=4, batch=8, seed=5)
        r = np.random.default_rng(1)
        for k, layer in enumerate(learners[0].layers):
            weights = r.integers(-2, 3, (layer.n_pre, layer.n_post)) / 4
            bias = r.integers(-2, 3, layer.n_post) / 4
            for learner in learners:
                learner.layers[k].set_weights(weights, bias)
        before = [part.copy() for part in weights_of(learners[0])]
        x, y = samples(8)
        for a, b in zip(*(learner.spikes(x, 255) for learner in learners), strict=True):
            assert 0 < a.mean() < 1
            np.testing.assert_array_equal(a, b)
        work = [learner.learn(x, y, 255, 0) for learner in learners]
        assert work[0].correct == work[1].correct
        for a, b in zip(learners[0].layers, learners[1].layers, strict=True):
            for p, q in zip(dense(a), dense(b), strict=True):
                np.testing.assert_array_equal(p, q)
        assert all((a != b).any() for a, b in zip(before[::2], weights_of(learners[0])[::2], strict=True))
        np.testing.assert_array_equal(*(learner.rates(x, 255) for learner in learners))

    @pytest.mark.numbers
    @pytest.mark.parametrize("rule", ["naca", "frozen"])
    def test_one_draw_of_weights_and_levels_and_the_same_learning(self, rule):
        network = naca(N_IN, (70, 12), 4, rule=rule, optimiser=Adam(1e-2, epsilon=1e-3), hidden_gain=3.0)
        windows, ticks = both(network, n_ticks=7, batch=4, seed=3)
        for a, b in zip(windows.layers, ticks.layers, strict=True):
            assert (a.name, a.n_pre, a.n_post) == (b.name, b.n_pre, b.n_post)
            np.testing.assert_array_equal(a.levels, b.levels)
            for p, q in zip(dense(a), dense(b), strict=True):
                np.testing.assert_array_equal(p, q)
        x, y = samples(26)
        start = [dense(layer)[0] for layer in windows.layers]
        for epoch in range(2):
            one, other = (learner.learn(x, y, 255, epoch) for learner in (windows, ticks))
            assert one.correct == other.correct
        for a, b, w in zip(windows.layers, ticks.layers, start, strict=True):
            assert (np.abs(dense(a)[0] - w).max() > 1e-3) == a.learns
            for p, q in zip(dense(a), dense(b), strict=True):
                np.testing.assert_allclose(p, q, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(windows.predict(x, 255), ticks.predict(x, 255))

    def test_windows_run_dense_graphs_of_aligned_windows_and_ticks_all_others(self):
        assert Learner(chain()).engine == "windows"
        assert Learner(tangled()).engine == "ticks"
        network = chain((5,))
        (train,), (hidden, out), (first, second) = (
            network.spike_trains,
            network.populations,
            network.projections,
        )
        slower = Projection(hidden, out, AllToAll(), delay=2.0, plasticity=second.plasticity)
        spread = Projection(hidden, out, AllToAll(), delay=Uniform(1.0, 3.4), plasticity=second.plasticity)
        assert Learner(Network(train, hidden, out, first, slower)).engine == "windows"
        assert Learner(Network(train, hidden, out, first, spread)).engine == "ticks"
        assert Learner(naca(4, [3], 2, rule="naca-ann")).engine == "windows"


def tangled(optimiser=STEP, n_hidden=12, n_classes=4, table="uniform"):
    """Sparse, delayed, recurrent, with a short cut to the output and feedback that does not learn."""
    modulated = Modulated(Dopamine(Expectation(n_classes), table=table), NacaReceptor(), LOCAL, optimiser)
    error = ErrorDriven(LOCAL, optimiser)
    inp, hidden = SpikeTrain("input", N_IN, [], []), Population("hidden", n_hidden, DiscreteLIF())
    out = Population("output", n_classes, DiscreteLIF(rho=0.5))
    return Network(
        inp, hidden, out,
        Projection(hidden, hidden, FixedIndegree(3), Uniform(-0.6, 0.6), Uniform(1.0, 3.4), plasticity=modulated),
        Projection(out, hidden, FixedIndegree(2), 0.25, 2.0, plasticity=Frozen()),
        Projection(hidden, out, AllToAll(), Uniform(-0.5, 0.5), Uniform(1.0, 3.4), plasticity=error),
        Projection(inp, hidden, FixedProbability(0.4), Uniform(-0.5, 0.5), Uniform(2.0, 4.4), plasticity=modulated),
        Projection(inp, out, FromCOO([0, 3, 3, 7], [1, 0, 2, 3]), 0.5, [9.0, 6.0, 7.0, 7.0], plasticity=error),
    )  # fmt: skip


class Slow:
    """Every tick and every synapse one by one, in float64."""

    def __init__(self, learner):
        self.learner = learner
        self.sizes = {p.name: p.size for p in (*learner.network.populations, *learner.network.spike_trains)}
        self.onset = {"input": 0}
        while len(self.onset) < len(self.sizes) or self._shorten():
            self._shorten()

    def _shorten(self):
        changed = False
        for layer in self.learner.layers:
            if layer.pre_name in self.onset:
                at = self.onset[layer.pre_name] + layer.synapses.delay.min()
                changed |= at < self.onset.get(layer.post.name, 10**6)
                self.onset[layer.post.name] = min(at, self.onset.get(layer.post.name, at))
        return changed

    def present(self, given):
        """Spikes and potentials of each population by tick; ``given`` (T, n_inputs)."""
        n_ticks = self.learner.n_ticks
        end = max(self.onset.values()) + n_ticks
        spikes = {name: np.zeros((end + 20, n)) for name, n in self.sizes.items()}
        v = {name: np.zeros((end, n)) for name, n in self.sizes.items()}
        spikes["input"][:n_ticks] = given
        for t in range(1, end):
            for p in self.learner.network.populations:
                now = p.model.rho * v[p.name][t - 1] * (1 - spikes[p.name][t - 1])
                for layer in self.learner.layers:
                    if layer.post.name != p.name:
                        continue
                    s = layer.synapses
                    for i, j, d, w in zip(s.pre, s.post, s.delay, layer.weight, strict=True):
                        now[j] += w * (spikes[layer.pre_name][t - d, i] if t >= d else 0)
                    if len(layer.bias) and 0 <= t - self.onset[p.name] < n_ticks:
                        now += layer.bias
                v[p.name][t], spikes[p.name][t] = now, now > p.model.v_thresh
        return spikes, v

    def gradients(self, given, label):
        """Of weights and biases, for each layer."""
        n_ticks, n_classes = self.learner.n_ticks, self.learner.n_classes
        spikes, v = self.present(given)
        found = []
        for layer in self.learner.layers:
            name, onset, rho = layer.post.name, self.onset[layer.post.name], layer.post.model.rho
            s, u = spikes[name][onset : onset + n_ticks], v[name][onset : onset + n_ticks]
            every = isinstance(layer.rule, ErrorDriven)
            if every:
                error = 2 * (s.mean(axis=0) - np.eye(n_classes)[label])
                signal = error / (n_ticks * n_classes * self.learner.batch)
            else:
                signal = layer.gains[label] if layer.learns else np.zeros(layer.n_post)
            a = np.zeros((n_ticks + 1, layer.n_post))
            for t in reversed(range(n_ticks)):
                before = s[t - 1] if t else np.zeros(layer.n_post)
                seed = signal if every or t == n_ticks - 1 else 0.0
                a[t] = (seed - rho * u[t] * a[t + 1]) * ((u[t] > 0.0) - before)
            g = np.zeros(len(layer.weight))
            for k, (i, j, d) in enumerate(
                zip(layer.synapses.pre, layer.synapses.post, layer.synapses.delay, strict=True)
            ):
                for t in range(n_ticks):
                    if onset + t >= d:
                        g[k] += spikes[layer.pre_name][onset + t - d, i] * a[t, j]
            found.append((g, a.sum(axis=0)[: len(layer.bias)]))
        return found


@pytest.mark.numbers
class TestAnyShape:
    def test_equals_the_sum_over_single_synapses(self):
        learner = Learner(tangled(), n_ticks=6, batch=4, seed=2)
        for layer in learner.layers:  # no current rounds
            layer.set_weights(np.round(layer.weight * 32) / 32, np.round(layer.bias * 32) / 32)
        slow = Slow(learner)
        assert slow.onset == {"input": 0, "hidden": 2, "output": 3}
        assert [layer.name for layer in learner.layers] == [
            "input-hidden", "input-output", "hidden-hidden", "output-hidden", "hidden-output",
        ]  # fmt: skip
        assert [len(layer.bias) for layer in learner.layers] == [12, 4, 0, 0, 0]
        x, y = samples(4)
        order = rng.permutation(4, 2, rng.STREAM_SHUFFLE, 0)
        e = bernoulli(x[order], 255, 6, 2, 0, rng.STREAM_ENCODE_TRAIN)
        given = np.zeros((4, 6, N_IN))
        given[e.trial, e.tick, e.channel] = 1
        parts = [slow.gradients(g, label) for g, label in zip(given, y[order], strict=True)]
        before = [layer.weights() for layer in learner.layers]
        learner.learn(x, y, 255, 0)
        for k, (layer, (w, b)) in enumerate(zip(learner.layers, before, strict=True)):
            g_w, g_b = (sum(part[k][q] for part in parts) for q in (0, 1))
            assert (np.abs(g_w).max() > 1e-3) == layer.learns
            np.testing.assert_allclose(layer.weight, w - 0.0625 * g_w, rtol=0, atol=1e-6)
            np.testing.assert_allclose(layer.bias, b - 0.0625 * g_b, rtol=0, atol=1e-6)

    def test_spikes_are_those_of_the_slow_sum_and_rates_their_mean(self):
        learner = Learner(tangled(), n_ticks=6, batch=4, seed=2)
        for layer in learner.layers:
            layer.set_weights(np.round(layer.weight * 32) / 32, np.round(layer.bias * 32) / 32)
        slow, (x, _) = Slow(learner), samples(7)
        e = bernoulli(x, 255, 6, 2)
        given = np.zeros((7, 6, N_IN))
        given[e.trial, e.tick, e.channel] = 1
        expected = [slow.present(g)[0] for g in given]
        outputs = learner.spikes(x, 255)
        for layer, found in zip(learner.layers, outputs, strict=True):
            onset = slow.onset[layer.post.name]
            wanted = [s[layer.post.name][onset : onset + 6] for s in expected]
            assert 0 < np.mean(wanted) < 1
            np.testing.assert_array_equal(found, wanted)
        rates = learner.rates(x, 255)
        np.testing.assert_allclose(rates, outputs[-1].mean(axis=1), rtol=1e-6)
        np.testing.assert_array_equal(learner.rates(x[3:4], 255), rates[3:4])
        assert learner.rates(x[:0], 255).shape == (0, 4)
        assert learner.spikes(x[:0], 255)[0].shape == (0, 6, 12)

    def test_first_weights_are_those_of_the_description(self):
        """Given, constant, a kernel's, or drawn as a simulation of the same synapses draws them."""
        inp, a = SpikeTrain("input", 6, [], []), Population("a", 6, DiscreteLIF())
        b, out = Population("b", 16, DiscreteLIF()), Population("output", 4, DiscreteLIF())
        kernel = np.arange(1.0, 10.0).reshape(3, 3, 1, 1) / 8
        given = np.arange(36.0).reshape(6, 6) / 32

        def network(rule):
            return Network(
                inp, a, b, out,
                Projection(inp, a, AllToAll(), given, Uniform(1.0, 5.0), plasticity=rule),
                Projection(a, b, FixedProbability(0.5), Normal(0.0, 0.3), 2.0, plasticity=rule),
                Projection(b, b, Conv2D(kernel, (4, 4, 1), padding=1), delay=3.0, plasticity=rule, name="conv"),
                Projection(b, out, FromCOO([0, 1, 2, 3], [3, 2, 1, 0]), [0.5, 0.25, 1.0, 2.0], plasticity=rule),
                Projection(b, b, AllToAll(autapses=False), -0.25, plasticity=rule),
            )  # fmt: skip

        learner = Learner(network(Frozen()), n_ticks=2, batch=3, seed=9, engine="ticks")
        drawn = Simulation(network(None), dt=1.0, seed=9)
        for layer in learner.layers:
            synapses = drawn.synapses(layer.name)
            np.testing.assert_array_equal(layer.synapses.pre, synapses.pre)
            np.testing.assert_array_equal(layer.synapses.post, synapses.post)
            np.testing.assert_array_equal(layer.synapses.delay, synapses.delay)
            np.testing.assert_array_equal(layer.weight, synapses.weight.astype(np.float32))

    @pytest.mark.parametrize("batch", [1, 6])
    def test_threads_decide_nothing(self, batch):
        x, y = samples(24)
        learners = [
            Learner(tangled(Adam(1e-2)), n_ticks=6, batch=batch, seed=1, threads=threads)
            for threads in (1, 2, 3)
        ]
        works = [[learner.learn(x, y, 255, epoch) for epoch in range(2)][-1] for learner in learners]
        for learner, work in zip(learners[1:], works[1:], strict=True):
            assert_equal(learners[0], learner)
            assert (work.correct, work.synaptic_events) == (works[0].correct, works[0].synaptic_events)

    def test_learners_pickle_with_weights_and_moments(self):
        x, y = samples(24)
        learner = Learner(tangled(Adam(1e-2)), n_ticks=6, batch=6, seed=1)
        learner.learn(x, y, 255, 0)
        others = pickle.loads(pickle.dumps(learner)), copy.deepcopy(learner)
        learner.learn(x, y, 255, 1)
        for other in others:
            assert (np.asarray(other.layers[0].weight) != learner.layers[0].weight).any()
            other.learn(x, y, 255, 1)
            assert_equal(learner, other)

    @pytest.mark.slow
    def test_a_sparse_delayed_layer_learns_the_digits(self):
        data = datasets.load("digits")
        learner = Learner(sparse_digits(), n_ticks=20, batch=32, seed=0, threads=2)
        before = (learner.predict(data.x_test, data.x_max) == data.y_test).mean()
        for epoch in range(6):
            learner.learn(data.x_train, data.y_train, data.x_max, epoch)
        after = (learner.predict(data.x_test, data.x_max) == data.y_test).mean()
        assert learner.engine == "ticks"
        assert before < 0.3
        assert after > 0.9


def sparse_digits(n_hidden=300, lr=4e-3):
    optimiser = Adam(lr)
    modulated = Modulated(Dopamine(Expectation(10)), NacaReceptor(), LOCAL, optimiser)
    inp, out = SpikeTrain("input", 64, [], []), Population("output", 10, DiscreteLIF())
    hidden = Population("hidden", n_hidden, DiscreteLIF())
    return Network(
        inp, hidden, out,
        Projection(inp, hidden, FixedProbability(0.3), Uniform(-0.25, 0.25), Uniform(1.0, 4.0), plasticity=modulated),
        Projection(hidden, out, FixedProbability(0.5), Uniform(-0.1, 0.1), Uniform(1.0, 3.0),
                   plasticity=ErrorDriven(LOCAL, optimiser)),
    )  # fmt: skip


def with_parts(*more, error=None, hidden=None, first=None):
    """A small sparse network, with parts exchanged or added; functions of its populations."""
    inp, out = SpikeTrain("input", 6, [], []), Population("output", 2, DiscreteLIF())
    hidden = hidden or Population("hidden", 5, DiscreteLIF())
    rule = error or ErrorDriven(LOCAL, STEP)
    return Network(
        inp, hidden, out,
        Projection(inp, hidden, FixedProbability(0.9 if first is None else first), plasticity=Frozen()),
        Projection(hidden, out, FixedProbability(0.9), plasticity=rule),
        *(part(inp, hidden, out) for part in more),
    )  # fmt: skip


SIDE = Population("side", 3, DiscreteLIF())


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (
                lambda: with_parts(
                    hidden=Population("hidden", 5, GradedUnit()), error=ErrorDriven(Slope(), STEP)
                ),
                "Population 'hidden': GradedUnit does not spike, so ticks cannot run it; use DiscreteLIF, or a chain",
            ),
            (
                lambda: with_parts(lambda i, h, o: SIDE),
                "Population 'side': no spike of the input can reach it",
            ),
            (lambda: with_parts(first=0.0), "Population 'hidden': no spike .*: a projection has no synapse"),
            (
                lambda: with_parts(
                    lambda i, h, o: SIDE,
                    lambda i, h, o: Projection(h, SIDE, AllToAll(), plasticity=ErrorDriven(LOCAL, STEP)),
                ),
                "exactly one population must be the output, .*; found 'output', 'side'",
            ),
            (
                lambda: with_parts(
                    lambda i, h, o: Projection(o, h, AllToAll(), plasticity=Frozen()), error=Frozen()
                ),
                "exactly one population must be the output, .*; found none",
            ),
            (
                lambda: with_parts(error=Modulated(Dopamine(Expectation(3)), NacaReceptor(), LOCAL, STEP)),
                "'hidden-output': the expectation is of 3 classes, but the output 'output' has 2",
            ),
            (
                lambda: with_parts(
                    hidden=Population("hidden", 5, DiscreteLIF(), initial={"v": Normal(0.0, 1.0)})
                ),
                "Population 'hidden': every window starts from 0; initial must be empty",
            ),
            (
                lambda: with_parts(lambda i, h, o: Projection(h, h, AllToAll())),
                "'hidden-hidden': plasticity must be Modulated, ErrorDriven or Frozen, got None",
            ),
            (
                lambda: with_parts(lambda i, h, o: Poisson(h, 10.0, 1.0)),
                "Learner: the network must have exactly one input, a SpikeTrain, and no other source",
            ),
        ],
    )
    def test_networks_that_ticks_cannot_learn(self, make, message):
        with pytest.raises(DescriptionError, match=message):
            Learner(make())

    def test_engine(self):
        with pytest.raises(DescriptionError, match="Learner: engine must be one of auto, windows, ticks"):
            Learner(chain(), engine="cuda")
        with pytest.raises(DescriptionError, match=r"'.*': windows need AllToAll, got \w+; engine='ticks'"):
            Learner(tangled(), engine="windows")
        with pytest.raises(DescriptionError, match="GradedUnit does not spike"):
            Learner(naca(4, [3], 2, rule="naca-ann"), engine="ticks")
