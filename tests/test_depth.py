"""Learning from the error of the expectation, and dense graphs: against chains, ticks and a slow sum in float64."""

import copy
import dataclasses

import numpy as np
import pytest

from tegmentum import datasets
from tegmentum.plasticity import (
    SGD,
    Adam,
    Anticipation,
    Dopamine,
    ErrorDriven,
    ErrorModulated,
    Expectation,
    Frozen,
    Homeostasis,
    Learner,
    LinearReceptor,
    Modulated,
    NacaReceptor,
    NearThreshold,
    StateDifference,
    naca,
)
from tegmentum.plasticity.learning.loop import Loop
from tegmentum.plasticity.learning.windows import Windows
from tegmentum.simcore import (
    AllToAll,
    DescriptionError,
    DiscreteLIF,
    Network,
    Population,
    Projection,
    SpikeTrain,
    Uniform,
)
from tegmentum.simcore.encode import bernoulli
from tegmentum.simcore.random import philox as rng

N_IN, STEP = 20, SGD(0.0625)


def samples(n=24, n_classes=4, seed=0):
    r = np.random.default_rng(seed)
    x = r.integers(0, 256, (n, N_IN), dtype=np.uint8)
    x[r.random(x.shape) < 0.3] = 0
    return x, r.integers(0, n_classes, n)


def deep(rule="naca-error", hidden=(70, 12), optimiser=STEP, shortcuts=True, **options):
    network = naca(N_IN, hidden, 4, rule=rule, optimiser=optimiser, hidden_gain=3.0, shortcuts=shortcuts)
    return Learner(network, **({"n_ticks": 6, "batch": 4, "seed": 3, "threads": 1} | options))


def weights_of(learner):
    return [part.copy() for layer in learner.layers for part in layer.weights()]


def assert_equal(one, other):
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


class TestDenseGraphs:
    @pytest.mark.slow
    def test_a_chain_learns_what_windows_learn(self):
        """NACA by the path that waits for the output, which it does not need.

        Sums over the layer before a narrow one run in another order, so weights differ in their last digits; spikes,
        and so rates, do not here.
        """
        network = naca(N_IN, (70, 12, 64), 4, optimiser=STEP, hidden_gain=3.0)
        x, y = samples(24)
        batches = np.arange(24).reshape(6, 4)
        found = []
        for path in (Windows, Loop):
            run = path(network, 6, 4, 3, 1, 1.0)
            start = [layer.weights()[0] for layer in run.layers]
            rates = [
                rates.copy() for epoch in (0, 1) for _, rates in run.flow(x, y, 255, batches, epoch, True)
            ]
            assert all((layer.weights()[0] != w).any() for layer, w in zip(run.layers, start, strict=True))
            found.append((np.concatenate(rates), run.n_events, *weights_of(run)))
        for a, b in zip(*(part[:2] for part in found), strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(*(part[2:] for part in found), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)

    @pytest.mark.slow
    def test_short_cuts_learn_by_windows_what_they_learn_by_ticks(self):
        network = naca(N_IN, (70, 12), 4, optimiser=Adam(1e-2, epsilon=1e-3), hidden_gain=3.0, shortcuts=True)
        windows, ticks = (
            Learner(network, engine=engine, n_ticks=7, batch=4, seed=3) for engine in ("windows", "ticks")
        )
        assert [layer.name for layer in windows.layers] == [layer.name for layer in ticks.layers]
        for a, b in zip(windows.layers, ticks.layers, strict=True):
            np.testing.assert_array_equal(a.levels, b.levels)
        x, y = samples(26)
        for a, b in zip(windows.spikes(x, 255), ticks.spikes(x, 255), strict=True):
            assert 0 < a.mean() < 1
            np.testing.assert_array_equal(a, b)
        for epoch in range(2):
            one, other = (learner.learn(x, y, 255, epoch) for learner in (windows, ticks))
            assert (one.correct, one.synaptic_events) == (other.correct, other.synaptic_events)
        for p, q in zip(weights_of(windows), weights_of(ticks), strict=True):
            np.testing.assert_allclose(p.ravel(), q, rtol=0, atol=1e-6)

    def test_which_engine(self):
        assert deep("naca").engine == deep(shortcuts=False).engine == "windows"
        for learner in (deep("naca"), deep(shortcuts=False)):
            assert isinstance(learner._path, Loop)

    @pytest.mark.slow
    def test_the_same_on_any_threads_and_in_any_batch(self):
        one, two = deep(), deep(threads=2)
        x, y = samples(30)
        for learner in (one, two):
            learner.learn(x, y, 255, 0)
        assert_equal(one, two)
        rates = one.rates(x, 255)
        order = np.random.default_rng(1).permutation(30)
        np.testing.assert_array_equal(two.rates(x[order], 255), rates[order])
        np.testing.assert_array_equal(one.rates(x[7:8], 255), rates[7:8])

    @pytest.mark.slow
    def test_goes_on_from_a_state(self, monkeypatch):
        monkeypatch.setattr("tegmentum.plasticity.learning.learner._AT_ONCE", 8)
        x, y = samples(24)
        whole, cut, states = deep(optimiser=Adam(1e-2)), deep(optimiser=Adam(1e-2)), []
        whole.learn(x, y, 255, 0)
        cut.learn(x, y, 255, 0, on_state=lambda: states.append(copy.deepcopy(cut.state())))
        assert len(states) == 3
        other = deep(optimiser=Adam(1e-2))
        other.load_state(states[0])
        work = other.learn(x, y, 255, 0)
        assert work.n_samples == 24
        assert_equal(whole, other)


class Slow:
    """Window, credit and step of a dense graph from the formulas alone, in float64."""

    def __init__(self, learner, lens=0.5, rho=0.2, theta=0.5):
        self.learner, self.kept, self.lens, self.rho, self.theta = learner, Homeostasis(), lens, rho, theta

    def present(self, x):
        """Outputs and potentials (n, T, size) by population, from those of the input."""
        out, v = {"input": x.astype(float)}, {}
        for name, onto in self.onto().items():
            drive = sum(out[p.pre_name] @ p.weights()[0].astype(float) for p in onto)
            drive = drive + next(p.weights()[1] for p in onto if len(p.weights()[1]))
            out[name], v[name] = np.zeros_like(drive), np.zeros_like(drive)
            for t in range(drive.shape[1]):
                left = self.rho * v[name][:, t - 1] * (1 - out[name][:, t - 1]) if t else 0.0
                v[name][:, t] = left + drive[:, t]
                out[name][:, t] = v[name][:, t] > self.theta
        return out, v

    def onto(self):
        found = {}
        for p in self.learner.layers:
            found.setdefault(p.post.name, []).append(p)
        return {name: found[name] for name in sorted(found)}  # hidden1, hidden2, output

    def gradients(self, x, labels):
        """By projection name and, as 'bias', by population."""
        out, v = self.present(x)
        expected = np.eye(self.learner.n_classes)[labels]
        p = out["output"].mean(axis=1)
        found = {}
        for name, onto in self.onto().items():
            if name == "output":
                signal = 2 * (p - expected) / (x.shape[1] * p.size)
            else:
                rates = out[name].mean(axis=1)
                signal = (expected - p) @ onto[0].gains + self.kept.strength * (rates - self.kept.rate)
            a, later = np.zeros_like(v[name]), 0.0
            for t in reversed(range(x.shape[1])):
                slope = (abs(v[name][:, t] - self.theta) < self.lens) / (2 * self.lens)
                leak = self.rho * (1 - out[name][:, t])
                later = a[:, t] = (signal - later * self.rho * v[name][:, t]) * slope + later * leak
            for q in onto:
                found[q.name] = np.einsum("bti,btj->ij", out[q.pre_name], a)
            found[name] = a.sum(axis=(0, 1))
        return found


def test_a_step_is_the_formula():
    """One batch by SGD: every weight and bias moves against the slow gradient."""
    learner = deep(batch=8, seed=5)
    x, y = samples(8)
    e = bernoulli(x, 255, 6, 5, 0, rng.STREAM_ENCODE_TRAIN, 1.0)
    given = np.zeros((8, 6, N_IN))
    given[e.trial, e.tick, e.channel] = 1
    gradients = Slow(learner).gradients(given, y)
    before = [layer.weights() for layer in learner.layers]
    learner.learn(x, y, 255, 0)
    for layer, (w, b) in zip(learner.layers, before, strict=True):
        now, bias = layer.weights()
        assert np.abs(gradients[layer.name]).max() > 1e-3
        np.testing.assert_allclose((w - now) / 0.0625, gradients[layer.name], rtol=0, atol=2e-5)
        if len(b):
            np.testing.assert_allclose((b - bias) / 0.0625, gradients[layer.post.name], rtol=0, atol=2e-5)


def one_layer(homeostasis, optimiser=STEP, local=None):
    local = local or NearThreshold()
    inner = ErrorModulated(
        Dopamine(Expectation(4)), NacaReceptor(), local, optimiser, homeostasis=homeostasis
    )
    inp, hidden = SpikeTrain("input", N_IN, [], []), Population("hidden", 70, DiscreteLIF())
    out = Population("output", 4, DiscreteLIF())
    return Network(
        inp, hidden, out,
        Projection(inp, hidden, AllToAll(), Uniform(-0.6, 0.6), plasticity=inner),
        Projection(hidden, out, AllToAll(), Uniform(-0.3, 0.3), plasticity=ErrorDriven(local, optimiser)),
    )  # fmt: skip


@pytest.mark.numbers
def test_what_was_expected_teaches_nothing():
    """An output that fires at every tick for the expected class alone: the error is 0, and no weight moves."""
    learner = Learner(one_layer(None), n_ticks=6, batch=2, seed=1)
    w, _ = learner.layers[1].weights()
    learner.layers[1].set_weights(np.zeros_like(w), np.array([-1.0, -1.0, 2.0, -1.0]))
    before = weights_of(learner)
    x, _ = samples()
    learner.learn(x, np.full(len(x), 2), 255, 0)
    for a, b in zip(before, weights_of(learner), strict=True):
        np.testing.assert_array_equal(a, b)
    learner.learn(x, np.full(len(x), 1), 255, 0)
    assert (before[0] != weights_of(learner)[0]).any()


@pytest.mark.numbers
class TestAnticipation:
    def learner(self, **options):
        network = naca(
            N_IN,
            (70, 12),
            4,
            rule="naca-error",
            optimiser=STEP,
            hidden_gain=3.0,
            anticipation=Anticipation(**options),
        )
        return Learner(network, n_ticks=6, batch=4, seed=3, threads=1)

    @pytest.mark.parametrize("source", ["own", "label"])
    def test_of_no_strength_changes_nothing(self, source):
        """The weights are those without; an expectation of one's own takes a second window."""
        x, y = samples()
        plain, other = deep(shortcuts=False), self.learner(strength=0.0, source=source)
        work = [learner.learn(x, y, 255, 0) for learner in (plain, other)]
        assert_equal(plain, other)
        assert work[1].synaptic_events == work[0].synaptic_events * (2 if source == "own" else 1)

    def test_shifts_the_input_by_the_gains_of_what_is_expected(self):
        """A class expected with certainty in a window of its own, as a bias: the same spikes as by the formula."""
        x, _ = samples(6)
        learner = self.learner(strength=0.25, source="own")
        first = self.learner(strength=0.0, source="own").rates(x, 255)
        again = self.learner(strength=0.0, source="own")
        for k in range(len(x)):
            for layer, drawn in zip(again.layers, learner.layers, strict=True):
                w, b = drawn.weights()
                shift = 0.25 * (first[k] @ layer.gains) if layer.levels.size else 0.0
                layer.set_weights(w, b - shift)
            np.testing.assert_array_equal(
                again.spikes(x[k : k + 1], 255)[0], learner.spikes(x, 255)[0][k : k + 1]
            )
        assert (learner.spikes(x, 255)[0] != self.learner(strength=0.0).spikes(x, 255)[0]).any()

    def test_without_a_label_nothing_is_expected(self):
        """Tested, a network that learned under its labels is one without anticipation."""
        x, y = samples()
        learner, plain = self.learner(strength=0.25, source="label"), deep(shortcuts=False)
        learner.learn(x, y, 255, 0)
        for layer, other in zip(learner.layers, plain.layers, strict=True):
            other.set_weights(*layer.weights())
        np.testing.assert_array_equal(learner.rates(x, 255), plain.rates(x, 255))

    def test_a_prediction_does_not_depend_on_its_batch(self):
        x, y = samples(30)
        learner = self.learner(strength=0.25)
        learner.learn(x, y, 255, 0)
        rates = learner.rates(x, 255)
        order = np.random.default_rng(1).permutation(30)
        np.testing.assert_array_equal(learner.rates(x[order], 255), rates[order])
        np.testing.assert_array_equal(learner.rates(x[7:8], 255), rates[7:8])


@pytest.mark.numbers
def test_homeostasis_holds_rates():
    """With nothing else to learn, rates near the threshold come closer to the target, from either side."""
    for target in (0.05, 0.6):
        learner = Learner(one_layer(Homeostasis(target, 1.0), SGD(0.002)), n_ticks=10, batch=4, seed=1)
        w, _ = learner.layers[1].weights()
        learner.layers[1].set_weights(np.zeros_like(w), np.array([-1.0, -1.0, 2.0, -1.0]))
        x, _ = samples()
        before = learner.spikes(x, 255)[0].mean()
        for epoch in range(5):
            learner.learn(x, np.full(len(x), 2), 255, epoch)
        after = learner.spikes(x, 255)[0].mean()
        assert abs(after - target) < 0.5 * abs(before - target)


@pytest.mark.slow
def test_learns_the_digits_through_three_layers():
    data = datasets.load("digits")
    network = naca(64, (100, 100, 100), 10, rule="naca-error", optimiser=Adam(1e-3), shortcuts=True)
    learner = Learner(network, n_ticks=10, batch=32, seed=0)
    for epoch in range(6):
        learner.learn(data.x_train, data.y_train, data.x_max, epoch)
    assert (learner.predict(data.x_test, data.x_max) == data.y_test).mean() > 0.9


class Var:
    """A node of a tape: reverse-mode differentiation of arrays in float64, by the chain rule alone."""

    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = np.asarray(value, float), parents, 0.0

    def __add__(self, other):
        return Var(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        return Var(
            self.value * other.value, [(self, lambda g: g * other.value), (other, lambda g: g * self.value)]
        )

    def __matmul__(self, other):
        return Var(
            self.value @ other.value,
            [(self, lambda g: g @ other.value.T), (other, lambda g: self.value.T @ g)],
        )

    def scaled(self, by, plus=0.0):
        return Var(by * self.value + plus, [(self, lambda g: by * g)])

    def plus_row(self, other):
        return Var(self.value + other.value, [(self, lambda g: g), (other, lambda g: g.sum(axis=0))])

    def spike(self, theta, lens):
        near = (abs(self.value - theta) < lens) / (2 * lens)
        return Var(self.value > theta, [(self, lambda g: g * near)])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            for parent, pull in node.parents:
                parent.grad = parent.grad + pull(node.grad)


def taped_gradients(learner, given, labels, rho):
    """Gradients of the mean squared error of the rates, by name of projection and of population (its bias)."""
    onto = Slow(learner).onto()
    weights = {p.name: Var(p.weights()[0]) for p in learner.layers}
    bias = {p.post.name: Var(p.weights()[1]) for p in learner.layers if p.biased}
    n_ticks = given.shape[1]
    out = {"input": [Var(given[:, t]) for t in range(n_ticks)]}
    for name, projections in onto.items():
        out[name], v = [], None
        for t in range(n_ticks):
            drive = out[projections[0].pre_name][t] @ weights[projections[0].name]
            for p in projections[1:]:
                drive = drive + out[p.pre_name][t] @ weights[p.name]
            drive = drive.plus_row(bias[name])
            v = drive if v is None else v.scaled(rho) * out[name][-1].scaled(-1.0, 1.0) + drive
            out[name].append(v.spike(0.5, 0.5))
    total = out["output"][0]
    for spikes in out["output"][1:]:
        total = total + spikes
    error = total.scaled(1 / n_ticks, -np.eye(learner.n_classes)[labels])
    squares = error * error
    Var(
        squares.value.mean(), [(squares, lambda g: g * np.ones_like(squares.value) / squares.value.size)]
    ).backward()
    return {
        name: np.broadcast_to(var.grad, var.value.shape) for name, var in (*weights.items(), *bias.items())
    }


def mixed(kappa, rho=0.5, hidden=(70, 12), local=None, n_ticks=2, shortcuts=True):
    network = naca(N_IN, hidden, 4, rule="naca-mix", kappa=kappa, optimiser=SGD(1.0), shortcuts=shortcuts)
    found = Network(
        *(Population(p.name, p.size, DiscreteLIF(rho=rho)) for p in network.populations),
        *network.spike_trains,
    )
    by_name = {p.name: p for p in (*found.populations, *found.spike_trains)}
    projections = [
        Projection(by_name[p.pre.name], by_name[p.post.name], p.rule, p.weight, p.delay,
                   plasticity=p.plasticity if local is None else dataclasses.replace(p.plasticity, local=local))
        for p in network.projections
    ]  # fmt: skip
    parts = (*found.spike_trains, *found.populations, *projections)
    return Learner(Network(*parts), n_ticks=n_ticks, batch=8, seed=5, threads=1)


class TestBackpropagated:
    def gradients(self, learner, x, y, scale=None):
        """What the engine steps by, and the tape's gradients; both by name."""
        if scale:
            r = np.random.default_rng(2)
            for layer in learner.layers:
                bias = r.integers(-1, 3, layer.n_post) / scale if layer.biased else []
                layer.set_weights(r.integers(-1, 2, (layer.n_pre, layer.n_post)) / scale, bias)
        e = bernoulli(x, 255, learner.n_ticks, 5, 0, rng.STREAM_ENCODE_TRAIN, 1.0)
        given = np.zeros((len(x), learner.n_ticks, N_IN))
        given[e.trial, e.tick, e.channel] = 1
        expected = taped_gradients(learner, given, y, 0.5)
        before = {layer.name: layer.weights() for layer in learner.layers}
        learner.learn(x, y, 255, 0)
        found = {}
        for layer in learner.layers:
            now = layer.weights()
            found[layer.name] = before[layer.name][0].astype(float) - now[0]
            if layer.biased:
                found[layer.post.name] = before[layer.name][1].astype(float) - now[1]
        return found, expected

    def test_without_naca_it_is_the_surrogate_gradient_bit_for_bit_where_nothing_rounds(self):
        """Two ticks of halves and powers of two, which float32 holds: every gradient is the tape's, in float64."""
        x, y = samples(8)
        found, expected = self.gradients(mixed(0.0), x, y, scale=2)
        for name, gradient in expected.items():
            assert (gradient != 0).any()
            np.testing.assert_array_equal(found[name], gradient)

    def test_without_naca_it_is_the_surrogate_gradient_to_rounding(self):
        x, y = samples(8)
        found, expected = self.gradients(mixed(0.0, n_ticks=6, hidden=(70, 12, 65)), x, y)
        for name, gradient in expected.items():
            np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-6)
        assert max(np.abs(g).max() for g in expected.values()) > 1e-3

    @pytest.mark.slow
    def test_with_all_of_it_it_is_naca(self):
        """In the scale of the error, 2 / (C B) = 1 / 16, at a rate 16 times as large: the same hidden weights."""
        x, y = samples(24)
        mix = naca(N_IN, (70, 12), 4, rule="naca-mix", kappa=1.0, optimiser=SGD(1.0))
        plain = naca(N_IN, (70, 12), 4, optimiser=SGD(1 / 16))
        local = StateDifference()
        learners = []
        for network in (mix, plain):
            projections = [
                dataclasses.replace(p, plasticity=dataclasses.replace(p.plasticity, local=local))
                for p in network.projections
            ]
            parts = (*network.spike_trains, *network.populations, *projections)
            learners.append(Learner(Network(*parts), n_ticks=6, batch=8, seed=3, threads=1))
        assert isinstance(learners[0]._path, Loop)
        for learner in learners:
            learner.learn(x, y, 255, 0)
        for k in (0, 1):
            for a, b in zip(*(learner.layers[k].weights() for learner in learners), strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)

    def test_between_them_the_signal_is_between(self):
        """One hidden layer: its first step is linear in kappa."""
        x, y = samples(8)
        steps = []
        for kappa in (0.0, 0.25, 1.0):
            learner = mixed(kappa, hidden=(70,), shortcuts=False, n_ticks=6)
            before = learner.layers[0].weights()[0].astype(float)
            learner.learn(x, y, 255, 0)
            steps.append(learner.layers[0].weights()[0] - before)
        assert np.abs(steps[0] - steps[2]).max() > 1e-3
        np.testing.assert_allclose(steps[1], 0.75 * steps[0] + 0.25 * steps[2], rtol=0, atol=1e-6)


def shortcut(delay=2.0, skip=None, deep_rule=None):
    """Input to hidden and output, hidden to output."""
    local = StateDifference()
    rule = deep_rule or Modulated(Dopamine(Expectation(4)), LinearReceptor(), local, STEP)
    error = ErrorDriven(local, STEP)
    inp, hidden = SpikeTrain("input", N_IN, [], []), Population("hidden", 5, DiscreteLIF())
    out = Population("output", 4, DiscreteLIF())
    return Network(
        inp, hidden, out,
        Projection(inp, hidden, AllToAll(), plasticity=rule),
        Projection(hidden, out, AllToAll(), plasticity=error),
        Projection(inp, out, AllToAll(), delay=delay, plasticity=skip or error, name="skip"),
    )  # fmt: skip


class TestRefusals:
    def test_what_windows_cannot_run_goes_by_ticks_or_is_refused_by_name(self):
        closed = ErrorModulated(Dopamine(Expectation(4)), LinearReceptor(), StateDifference(), STEP)
        assert Learner(shortcut()).engine == "windows"
        assert Learner(shortcut(delay=3.0)).engine == "ticks"
        with pytest.raises(
            DescriptionError, match=r"'skip': delay must be 2.0, .*rules that wait for the output run in"
        ):
            Learner(shortcut(delay=3.0, deep_rule=closed))
        with pytest.raises(DescriptionError, match="ErrorModulated runs in windows alone"):
            Learner(shortcut(deep_rule=closed), engine="ticks")
        with pytest.raises(DescriptionError, match="one rule for all projections onto 'output', got Frozen"):
            Learner(shortcut(skip=Frozen()), engine="windows")

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: Homeostasis(rate=1.5), "Homeostasis: rate must be"),
            (lambda: Homeostasis(strength=-1.0), "Homeostasis: strength must be"),
            (lambda: Anticipation(source="god"), "source must be own or label, got 'god'"),
            (lambda: naca(4, [3], 2, anticipation=Anticipation()), "anticipation: is a part of the rule"),
            (lambda: NearThreshold(0.0), "NearThreshold: lens must be > 0"),
            (lambda: naca(4, [3], 2, rule="naca-ann", shortcuts=True), "shortcuts: need neurons that spike"),
            (
                lambda: naca(4, [3], 2, homeostasis=Homeostasis()),
                "homeostasis: is a part of the rule 'naca-error'",
            ),
        ],
    )
    def test_numbers(self, make, words):
        with pytest.raises(DescriptionError, match=words):
            make()
