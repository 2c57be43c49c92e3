"""The learner against the dense implementation of the same mathematics, and against itself."""

import numpy as np
import pytest
from dense_naca import SGD as DenseSGD
from dense_naca import Adam as DenseAdam
from dense_naca import DenseNaca, gains

from tegmentum.plasticity.learning import windows as windows_module
from tegmentum.plasticity.learning.learner import Learner
from tegmentum.plasticity.modulation.expectation import Expectation
from tegmentum.plasticity.modulation.neuromodulator import Dopamine
from tegmentum.plasticity.modulation.receptor import NacaReceptor
from tegmentum.plasticity.rules.naca import naca
from tegmentum.plasticity.rules.optimiser import SGD, Adam
from tegmentum.plasticity.rules.surrogate import Slope, StateDifference
from tegmentum.plasticity.rules.three_factor import ErrorDriven, Modulated
from tegmentum.simcore.describe.connectivity import AllToAll, FixedIndegree
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.describe.sources import SpikeTrain
from tegmentum.simcore.encode import bernoulli
from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.neurons import LIF, DiscreteLIF, GradedUnit
from tegmentum.simcore.random import philox as rng

N_IN = 30
#: hidden widths and classes: wide and narrow layers, full and partial blocks, on either side of each other
SHAPES = [((70,), 3), ((5,), 60), ((70, 5), 3), ((5, 70), 60), ((64, 130, 16), 10)]
#: steps large enough to change spikes; epsilon well above the rounding of a gradient that should be zero
SGD_, ADAM = SGD(0.0625), Adam(lr=1e-2, epsilon=1e-3)
DENSE = {SGD_: lambda: DenseSGD(0.0625), ADAM: lambda: DenseAdam(1e-2, epsilon=1e-3)}


def samples(n, n_classes, x_max=255, n_in=N_IN, seed=0):
    """Images with dark, middling and certain pixels, and classes."""
    r = np.random.default_rng([seed, n, x_max])
    x = r.integers(0, x_max + 1, (n, n_in), dtype=np.uint8)
    x[r.random(x.shape) < 0.4] = 0
    x[r.random(x.shape) < 0.15] = x_max
    return x, r.integers(0, n_classes, n)


def make(hidden, n_classes, rule="naca", optimiser=SGD_, n_in=N_IN, **options):
    network = naca(n_in, hidden, n_classes, rule=rule, optimiser=optimiser, hidden_gain=3.0)
    return Learner(network, **({"n_ticks": 7, "batch": 4, "seed": 11} | options))


def dyadic(learner, seed=0, scale=32):
    """Weights in thirty-seconds: every current is exact in float32, whatever the order of its sum."""
    r = np.random.default_rng(seed)
    for layer in learner.layers:
        reach = max(2, round(1.5 * scale / layer.n_pre**0.5))
        weights = r.integers(-reach, reach + 1, (layer.n_pre, layer.n_post)) / scale
        layer.set_weights(weights, r.integers(-reach, reach + 1, layer.n_post) / scale)


def dense(learner, optimiser=SGD_, dtype=np.float64):
    """The same weights, and gains worked out again from the seed's random numbers."""
    weights, biases = zip(*(layer.weights() for layer in learner.layers), strict=True)
    tables = [
        rng.uniform(2 * learner.n_classes * layer.n_post, learner.seed, rng.STREAM_TABLE, k)
        for k, layer in enumerate(learner.layers[:-1])
    ]
    return DenseNaca(
        weights,
        biases,
        [gains(table.reshape(2 * learner.n_classes, -1)) for table in tables],
        DENSE[optimiser],
        graded=learner.graded,
        dtype=dtype,
    )


def spikes_in(learner, x, x_max=255, epoch=0, stream=rng.STREAM_ENCODE_TRAIN):
    """Dense input (n, T, n_in) that the learner sees."""
    if learner.graded:
        return (x[:, None] / x_max) * learner.rate_scale
    e = bernoulli(x, x_max, learner.n_ticks, learner.seed, epoch, stream, learner.rate_scale)
    found = np.zeros((len(x), learner.n_ticks, x.shape[1]), bool)
    found[e.trial, e.tick, e.channel] = True
    return found


def learn_dense(reference, learner, x, y, epoch, x_max=255):
    """One epoch; returns the correct predictions and the synaptic events."""
    order = rng.permutation(len(x), learner.seed, rng.STREAM_SHUFFLE, epoch)
    correct = events = 0
    for batch in order[: len(x) // learner.batch * learner.batch].reshape(-1, learner.batch):
        dense_x = spikes_in(learner, x[batch], x_max, epoch)
        outputs = reference.learn(dense_x, y[batch])
        correct += np.count_nonzero(outputs[-1].mean(axis=1).argmax(axis=1) == y[batch])
        events += sum(
            np.count_nonzero(pre) * layer.n_post
            for pre, layer in zip([dense_x, *outputs[:-1]], learner.layers, strict=True)
        )
    return correct, events


def weights_of(learner):
    return [part.copy() for layer in learner.layers for part in layer.weights()]


def assert_equal_weights(one, other):
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close_weights(learner, reference, before):
    """Weights agree to 1e-5, and to a thousandth of what each layer has learnt."""
    expected = [part for pair in zip(reference.weights, reference.biases, strict=True) for part in pair]
    for a, b, start in zip(weights_of(learner), expected, before, strict=True):
        learnt = np.abs(b - start).max()
        np.testing.assert_allclose(a, b, rtol=0, atol=max(1e-7, min(1e-5, 1e-3 * learnt)))


class TestForward:
    @pytest.mark.parametrize(("hidden", "n_classes"), SHAPES)
    @pytest.mark.parametrize("rate_scale", [1.0, 0.3])
    def test_spikes_are_equal(self, hidden, n_classes, rate_scale):
        learner = make(hidden, n_classes, rate_scale=rate_scale)
        dyadic(learner)
        x, _ = samples(12, n_classes)
        found = learner.spikes(x, 255)
        given = spikes_in(learner, x, stream=rng.STREAM_ENCODE_TEST)
        for dtype in (np.float32, np.float64):
            expected = [s for _, _, s in dense(learner, dtype=dtype).forward(given)]
            for one, other in zip(found, expected, strict=True):
                assert 0 < other.mean() < 1  # neither silent nor saturated
                np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("n_ticks", [1, 3, 4, 5, 20])
    def test_windows_of_any_length(self, n_ticks):
        learner = make((70,), 3, n_ticks=n_ticks)
        dyadic(learner)
        x, _ = samples(6, 3)
        given = spikes_in(learner, x, stream=rng.STREAM_ENCODE_TEST)
        for one, (_, _, other) in zip(learner.spikes(x, 255), dense(learner).forward(given), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_rates_are_the_mean_output(self):
        learner = make((70, 5), 3)
        x, _ = samples(9, 3)
        found = learner.rates(x, 255)
        assert found.shape == (9, 3)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, learner.spikes(x, 255)[-1].mean(axis=1), rtol=1e-6)
        np.testing.assert_array_equal(learner.predict(x, 255), found.argmax(axis=1))

    def test_of_equal_rates_the_first_is_predicted(self):
        learner = make((5,), 3)
        for layer in learner.layers:
            layer.set_weights(np.zeros((layer.n_pre, layer.n_post)), np.zeros(layer.n_post))
        learner.layers[1].set_weights(np.zeros((5, 3)), np.array([0.0, 1.0, 1.0]))
        x, _ = samples(4, 3)
        np.testing.assert_array_equal(learner.rates(x, 255), [[0, 1, 1]] * 4)
        np.testing.assert_array_equal(learner.predict(x, 255), [1] * 4)

    @pytest.mark.parametrize("x_max", [16, 255])
    def test_dark_and_certain_pixels(self, x_max):
        learner = make((70,), 3)
        dyadic(learner)
        x = np.stack([np.zeros(N_IN), np.full(N_IN, x_max)]).astype(np.uint8)
        given = np.repeat(x[:, None] > 0, learner.n_ticks, axis=1)
        for one, (_, _, other) in zip(learner.spikes(x, x_max), dense(learner).forward(given), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_no_samples(self):
        learner = make((5,), 3)
        assert learner.rates(np.zeros((0, N_IN), np.uint8), 255).shape == (0, 3)
        assert [s.shape for s in learner.spikes(np.zeros((0, N_IN), np.uint8), 255)] == [(0, 7, 5), (0, 7, 3)]

    @pytest.mark.slow
    def test_graded_outputs_are_close(self):
        learner = make((70, 5), 3, rule="naca-ann", optimiser=ADAM)
        assert learner.n_ticks == 1
        x, _ = samples(10, 3)
        expected = dense(learner).forward(spikes_in(learner, x))
        for one, (_, _, other) in zip(learner.spikes(x, 255), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
        np.testing.assert_allclose(learner.rates(x, 255), expected[-1][2][:, 0], rtol=0, atol=1e-6)


@pytest.mark.numbers
class TestLearning:
    @pytest.mark.parametrize("optimiser", [SGD_, ADAM], ids=["SGD", "Adam"])
    @pytest.mark.parametrize(("hidden", "n_classes"), SHAPES)
    def test_equals_the_dense_implementation(self, hidden, n_classes, optimiser):
        learner = make(hidden, n_classes, optimiser=optimiser)
        reference, before = dense(learner, optimiser), weights_of(learner)
        x, y = samples(26, n_classes)
        for epoch in range(2):
            work = learner.learn(x, y, 255, epoch)
            correct, events = learn_dense(reference, learner, x, y, epoch)
            assert (work.correct, work.n_samples, work.synaptic_events) == (correct, 24, events)
            assert_close_weights(learner, reference, before)
        assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(before, weights_of(learner), strict=True))
        for one, (_, _, other) in zip(
            learner.spikes(x, 255),
            reference.forward(spikes_in(learner, x, stream=rng.STREAM_ENCODE_TEST)),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize(
        "options",
        [{"n_ticks": 1}, {"n_ticks": 20}, {"batch": 1}, {"batch": 26}, {"rate_scale": 0.3}, {"seed": 2**60}],
    )
    def test_equals_the_dense_implementation_with(self, options):
        learner = make((70,), 3, **options)
        reference, before = dense(learner), weights_of(learner)
        x, y = samples(26, 3, x_max=16)
        work = learner.learn(x, y, 16, 5)
        correct, events = learn_dense(reference, learner, x, y, 5, x_max=16)
        assert (work.correct, work.synaptic_events) == (correct, events)
        assert_close_weights(learner, reference, before)

    def test_one_exact_step(self):
        """Dyadic weights and rate, gains of one, T = 1: the whole step is exact in float32."""
        network = naca(N_IN, (70,), 4, optimiser=SGD_, table="zeros")
        learner = Learner(network, n_ticks=1, batch=8)
        dyadic(learner)
        weights, biases = zip(*(layer.weights() for layer in learner.layers), strict=True)
        reference = DenseNaca(weights, biases, [np.ones((4, 70))], DENSE[SGD_])
        x, y = samples(8, 4)
        learner.learn(x, y, 255, 0)
        learn_dense(reference, learner, x, y, 0)
        for layer, w, b in zip(learner.layers, reference.weights, reference.biases, strict=True):
            np.testing.assert_array_equal(layer.weights()[0], w)
            np.testing.assert_array_equal(layer.weights()[1], b)

    def test_adam_with_its_published_constants(self):
        """No pixel is expected to spike, so a gradient that should be zero is zero, as in the dense sum."""
        optimiser = Adam()
        learner = make((70,), 3, optimiser=optimiser, n_ticks=20)
        DENSE[optimiser] = lambda: DenseAdam(1e-4)
        reference = dense(learner, optimiser)
        x, y = samples(40, 3)
        x //= 2
        for epoch in range(2):
            learner.learn(x, y, 255, epoch)
            learn_dense(reference, learner, x, y, epoch)
        for layer, w in zip(learner.layers, reference.weights, strict=True):
            difference = np.abs(layer.weights()[0] - w)
            assert np.quantile(difference, 0.999) < 1e-6
            assert difference.max() < 4e-4  # Adam turns the rounding of a sum that cancels into a step of lr

    @pytest.mark.slow
    @pytest.mark.parametrize(("hidden", "n_classes"), [((70,), 3), ((70, 5), 60)])
    def test_graded_network_equals_the_dense_implementation(self, hidden, n_classes):
        learner = make(hidden, n_classes, rule="naca-ann", optimiser=ADAM)
        reference, before = dense(learner, ADAM), weights_of(learner)
        x, y = samples(26, n_classes)
        for epoch in range(2):
            work = learner.learn(x, y, 255, epoch)
            correct, events = learn_dense(reference, learner, x, y, epoch)
            assert (work.correct, work.synaptic_events) == (correct, events)
            assert_close_weights(learner, reference, before)

    def test_error_at_the_last_tick_alone(self):
        """``every_tick=False``: the signal is y - target at the last tick, without a factor."""
        learner = Learner(chain(every_tick=False), n_ticks=7, batch=4)
        dyadic(learner)
        reference = dense(learner)
        weights, _ = learner.layers[1].weights()
        x, y = samples(4, 3)
        order = rng.permutation(4, 0, rng.STREAM_SHUFFLE, 0)
        learner.learn(x, y, 255, 0)
        given = spikes_in(learner, x[order])
        (_, _, hidden), (_, v, s) = reference.forward(given)
        before = np.concatenate([np.zeros_like(s[:, :1]), s[:, :-1]], axis=1)
        factor, a = (v > 0) - before, np.zeros_like(s)
        a[:, -1] = (s.mean(axis=1) - np.eye(3)[y[order]]) * factor[:, -1]
        for t in reversed(range(6)):
            a[:, t] = a[:, t + 1] * -0.2 * v[:, t] * factor[:, t]
        assert np.count_nonzero(a)
        expected = weights - 0.0625 * np.einsum("bti,btj->ij", hidden, a)
        np.testing.assert_allclose(learner.layers[1].weights()[0], expected, rtol=0, atol=1e-6)

    def test_hidden_weights_of_the_frozen_control_do_not_change(self):
        learner = make((70, 5), 3, rule="frozen")
        reference, before = dense(learner), weights_of(learner)
        x, y = samples(26, 3)
        learner.learn(x, y, 255, 0)
        order = rng.permutation(26, 11, rng.STREAM_SHUFFLE, 0)
        for batch in order[:24].reshape(-1, 4):
            reference.learn(spikes_in(learner, x[batch]), y[batch])
            for k in (0, 1):
                reference.weights[k], reference.biases[k] = (
                    a.astype(float) for a in before[2 * k : 2 * k + 2]
                )
        assert_close_weights(learner, reference, before)
        for a, b in zip(before[:4], weights_of(learner)[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        assert (before[4] != weights_of(learner)[4]).any()

    def test_a_last_partial_batch_is_dropped(self):
        learner = make((5,), 3, batch=8)
        seen = []
        x, y = samples(21, 3)
        work = learner.learn(x, y, 255, 0, seen.append)
        assert work.n_samples == 16
        assert seen[-1] == 16
        assert seen == sorted(seen)
        assert work.accuracy == work.correct / 16

    def test_epochs_draw_orders_and_spikes_of_their_own(self):
        x, y = samples(26, 3)
        learners = [make((70,), 3) for _ in range(3)]
        for learner, epoch in zip(learners, (0, 0, 1), strict=True):
            learner.learn(x, y, 255, epoch)
        assert_equal_weights(learners[0], learners[1])
        assert (learners[0].layers[0].weights()[0] != learners[2].layers[0].weights()[0]).any()

    @pytest.mark.parametrize(("hidden", "n_classes"), SHAPES)
    def test_weights_are_copies(self, hidden, n_classes):
        learner = make(hidden, n_classes)
        for layer in learner.layers:
            for part in layer.weights():
                assert not np.shares_memory(part, layer.table)

    def test_weights_that_explode_are_reported(self):
        learner = make((5,), 3, optimiser=SGD(3e38))
        x, y = samples(26, 3)
        with pytest.raises(SimulationError, match=r"Projection '.*': weights are not finite after epoch 4"):
            learner.learn(x, y, 255, 4)


class TestInvariance:
    @pytest.mark.numbers
    @pytest.mark.parametrize("optimiser", [SGD_, Adam()], ids=["SGD", "Adam"])
    def test_threads_and_chunks_change_no_bit(self, optimiser, monkeypatch):
        x, y = samples(61, 60)
        learners = []
        for threads, trials, size in [
            (1, 320, 64 << 20), (2, 320, 64 << 20), (3, 320, 64 << 20),
            (1, 4, 64 << 20), (2, 12, 64 << 20), (3, 9, 64 << 20), (1, 1, 64 << 20), (2, 320, 1),
        ]:  # fmt: skip
            monkeypatch.setattr(windows_module, "_CHUNK_TRIALS", trials)
            monkeypatch.setattr(windows_module, "_CHUNK_BYTES", size)
            learner = make((70, 5, 130), 60, optimiser=optimiser, threads=threads)
            works = [learner.learn(x, y, 255, epoch) for epoch in range(2)]
            learners.append((learner, works, learner.rates(x, 255)))
        first, works, rates = learners[0]
        for learner, other_works, other_rates in learners[1:]:
            assert_equal_weights(first, learner)
            np.testing.assert_array_equal(rates, other_rates)
            for a, b in zip(works, other_works, strict=True):
                assert (a.correct, a.n_samples, a.synaptic_events) == (
                    b.correct,
                    b.n_samples,
                    b.synaptic_events,
                )

    def test_graded_threads_and_chunks_change_no_bit(self, monkeypatch):
        x, y = samples(61, 3)
        learners = []
        for threads, trials in [(1, 320), (3, 8)]:
            monkeypatch.setattr(windows_module, "_CHUNK_TRIALS", trials)
            learner = make((70, 5), 3, rule="naca-ann", optimiser=ADAM, threads=threads)
            learner.learn(x, y, 255, 0)
            learners.append(learner)
        assert_equal_weights(*learners)

    @pytest.mark.numbers
    @pytest.mark.parametrize("rule", ["naca", "naca-ann"])
    def test_a_sample_is_predicted_the_same_in_any_company(self, rule, monkeypatch):
        learner = make((70, 5), 10, rule=rule, optimiser=ADAM, n_ticks=20)
        x, y = samples(50, 10)
        learner.learn(x, y, 255, 0)
        rates = learner.rates(x, 255)
        assert len(np.unique(rates)) > 3
        for k in range(0, 50, 7):
            np.testing.assert_array_equal(learner.rates(x[k : k + 1], 255)[0], rates[k])
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(50)
            np.testing.assert_array_equal(learner.rates(x[order], 255), rates[order])
        same_class = np.flatnonzero(y == y[0])  # a batch of one class tells nothing
        np.testing.assert_array_equal(learner.rates(x[same_class], 255), rates[same_class])
        np.testing.assert_array_equal(
            learner.rates(np.repeat(x[:3], 5, axis=0), 255), np.repeat(rates[:3], 5, axis=0)
        )
        monkeypatch.setattr(windows_module, "_CHUNK_TRIALS", 7)
        np.testing.assert_array_equal(learner.rates(x, 255), rates)

    def test_prediction_leaves_no_trace(self):
        x, y = samples(26, 3)
        plain, watched = make((70,), 3, optimiser=ADAM), make((70,), 3, optimiser=ADAM)
        works = []
        for epoch in range(3):
            plain.learn(x, y, 255, epoch)
            first = watched.rates(x, 255)
            watched.spikes(x[:3], 255)
            np.testing.assert_array_equal(watched.rates(x, 255), first)
            works.append(watched.learn(x, y, 255, epoch))
        assert_equal_weights(plain, watched)
        np.testing.assert_array_equal(plain.predict(x, 255), watched.predict(x, 255))

    def test_an_order_of_hidden_neurons_does_not_matter(self):
        """Permuting the hidden neurons of frozen weights permutes their spikes and nothing else."""
        one, other = make((70,), 3), make((70,), 3)
        dyadic(one)
        order = np.random.default_rng(1).permutation(70)
        (w, b), (w_out, b_out) = (layer.weights() for layer in one.layers)
        other.layers[0].set_weights(w[:, order], b[order])
        other.layers[1].set_weights(w_out[order], b_out)
        x, _ = samples(8, 3)
        a, c = one.spikes(x, 255), other.spikes(x, 255)
        np.testing.assert_array_equal(a[0][:, :, order], c[0])
        np.testing.assert_array_equal(a[1], c[1])

    def test_work_of_a_prediction_is_not_counted_as_learning(self):
        x, y = samples(24, 3)
        plain, watched = make((70,), 3), make((70,), 3)
        watched.rates(x, 255)
        assert plain.learn(x, y, 255, 0).synaptic_events == watched.learn(x, y, 255, 0).synaptic_events


def chain(
    models=None, every_tick=True, weight=0.1, n_classes=3, hidden_classes=None, out_rule=None, rule=None
):
    """A spiking network by hand: input - hidden - output."""
    model, out_model = models or (DiscreteLIF(), DiscreteLIF())
    inp, hidden = SpikeTrain("input", N_IN, [], []), Population("hidden", 70, model)
    out = Population("output", n_classes, out_model)
    modulated = Modulated(
        Dopamine(Expectation(hidden_classes or n_classes)), NacaReceptor(), StateDifference(), SGD_
    )
    error = out_rule or ErrorDriven(StateDifference(), SGD_, every_tick=every_tick)
    return Network(
        inp, hidden, out,
        Projection(inp, hidden, rule or AllToAll(), weight=weight, plasticity=modulated),
        Projection(hidden, out, AllToAll(), weight=0.05, plasticity=error, name="read-out"),
    )  # fmt: skip


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_ticks": 0}, "Learner: n_ticks must be >= 1, got 0"),
            ({"n_ticks": 1025}, "Learner: n_ticks must be <= 1024, got 1025"),
            ({"batch": 0}, "Learner: batch must be >= 1, got 0"),
            ({"threads": 0}, "Learner: threads must be >= 1, got 0"),
            ({"rate_scale": 0.0}, r"Learner: rate_scale must be > 0, got 0\.0"),
        ],
    )
    def test_parameters(self, options, message):
        with pytest.raises(DescriptionError, match=message):
            make((5,), 3, **options)

    @pytest.mark.parametrize(
        ("network", "message"),
        [
            (lambda: chain(rule=FixedIndegree(3)), "'input-hidden': windows need AllToAll, got FixedIndegree"),
            (lambda: chain(out_rule="STDP"), "'read-out': plasticity must be a rule"),
            (
                lambda: chain(models=(DiscreteLIF(), LIF())),
                "'output': a Learner needs DiscreteLIF or GradedUnit, got LIF",
            ),
            (lambda: two_inputs(), "Learner: the network must have exactly one input"),
            (lambda: fork(), "exactly one population must be the output, .*; found 'output', 'side'"),
            (lambda: gap(), "Learner: the projections do not form one chain from the input"),
        ],
    )  # fmt: skip
    def test_networks_that_are_no_chain(self, network, message):
        with pytest.raises(DescriptionError, match=message):
            Learner(network(), engine="windows")

    @pytest.mark.parametrize(
        ("network", "named"),
        [
            (
                lambda: chain(hidden_classes=5),
                "input-hidden",
            ),  # an expectation of other classes than the output's
            (
                lambda: chain(models=(DiscreteLIF(), GradedUnit()), out_rule=ErrorDriven(Slope(), SGD_)),
                "output",
            ),
            (lambda: chain(models=(DiscreteLIF(), GradedUnit())), "read-out|output"),  # no threshold
            (lambda: chain(out_rule=ErrorDriven(Slope(), SGD_)), "read-out|output"),  # no activation
            (lambda: chain(models=(DiscreteLIF(rho=np.full(70, 0.2)), DiscreteLIF())), "hidden"),
        ],
        ids=[
            "classes",
            "mixed units",
            "factor of a spiking unit",
            "factor of a graded unit",
            "array parameter",
        ],
    )
    def test_networks_that_cannot_learn(self, network, named):
        with pytest.raises(DescriptionError, match=named):
            Learner(network())

    def test_weights_given_as_an_array(self):
        weight = np.arange(N_IN * 70).reshape(N_IN, 70) / 1024
        learner = Learner(chain(weight=weight))
        np.testing.assert_array_equal(learner.layers[0].weights()[0], weight.astype(np.float32))

    def test_x_max(self):
        with pytest.raises(DescriptionError, match="x_max"):
            make((5,), 3).rates(np.zeros((2, N_IN), np.uint8), 0)

    @pytest.mark.parametrize("epoch", [-1, 2**24])
    def test_epoch(self, epoch):
        x, y = samples(8, 3)
        with pytest.raises(DescriptionError, match="epoch"):
            make((5,), 3).learn(x, y, 255, epoch)

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (np.zeros((8, N_IN)), r"Learner: x must be uint8 \(n, 30\), got float64 \(8, 30\)"),
            (np.zeros((8, 31), np.uint8), r"x must be uint8 \(n, 30\), got uint8 \(8, 31\)"),
            (np.zeros(N_IN, np.uint8), r"x must be uint8 \(n, 30\), got uint8 \(30,\)"),
            (np.full((8, N_IN), 17, np.uint8), "x must be <= x_max = 16, got 17"),
        ],
    )
    def test_samples(self, x, message):
        learner, y = make((5,), 3), np.zeros(len(x), np.int64)
        for call in (
            lambda: learner.learn(x, y, 16, 0),
            lambda: learner.rates(x, 16),
            lambda: learner.spikes(x, 16),
        ):
            with pytest.raises(DescriptionError, match=message):
                call()

    @pytest.mark.parametrize("y", [np.zeros(7, np.int64), np.full(8, 3), np.full(8, -1)])
    def test_classes(self, y):
        with pytest.raises(DescriptionError, match=r"Learner: y must hold 8 classes in \[0, 3\)"):
            make((5,), 3).learn(np.zeros((8, N_IN), np.uint8), y, 255, 0)

    def test_batch_larger_than_the_samples(self):
        with pytest.raises(DescriptionError, match="Learner: batch must be <= the 3 training samples, got 4"):
            make((5,), 3).learn(np.zeros((3, N_IN), np.uint8), np.zeros(3, np.int64), 255, 0)


def two_inputs():
    one, two = SpikeTrain("one", 3, [], []), SpikeTrain("two", 3, [], [])
    out = Population("output", 3, DiscreteLIF())
    rule = ErrorDriven(StateDifference(), SGD_)
    return Network(
        one, two, out,
        Projection(one, out, AllToAll(), plasticity=rule), Projection(two, out, AllToAll(), plasticity=rule),
    )  # fmt: skip


def fork():
    inp, out = SpikeTrain("input", 3, [], []), Population("output", 3, DiscreteLIF())
    side, rule = Population("side", 3, DiscreteLIF()), ErrorDriven(StateDifference(), SGD_)
    return Network(
        inp, out, side,
        Projection(inp, out, AllToAll(), plasticity=rule), Projection(inp, side, AllToAll(), plasticity=rule),
    )  # fmt: skip


def gap():
    inp, out = SpikeTrain("input", 3, [], []), Population("output", 3, DiscreteLIF())
    lonely, rule = Population("lonely", 3, DiscreteLIF()), ErrorDriven(StateDifference(), SGD_)
    return Network(
        inp,
        out,
        lonely,
        Projection(inp, out, AllToAll(), plasticity=rule),
        Projection(lonely, lonely, AllToAll(), plasticity=rule),
    )


class TestRows:
    def test_rows_list_bases_and_then_the_last_tick_first(self):
        kernels, (n_trials, n_ticks, n_rows) = make((70,), 3).layers[0].kernels, (6, 5, 9)
        r = np.random.default_rng(0)
        lists = [r.integers(0, n_rows, r.integers(0, 12)) for _ in range(n_trials * (n_ticks + 1))]
        events = window_arrays.allocate(n_trials, n_ticks, sum(map(len, lists)))
        ends = np.cumsum([len(part) for part in lists])
        events.index[:], events.value[:] = np.concatenate(lists), r.choice([-1, 1], ends[-1])
        counts, starts = np.diff(ends, prepend=0), ends - np.diff(ends, prepend=0)
        events.base_start[:], events.base_count[:] = starts[:n_trials], counts[:n_trials]
        events.start[:], events.count[:] = starts[n_trials:], counts[n_trials:]
        rows = window_arrays.allocate_rows(2, n_rows, n_ticks, int(ends[-1]))
        kernels.sort_batches(events, 0, 2, 3, n_ticks, rows)
        for k in range(2):
            trials = range(3 * k, 3 * k + 3)
            order = [(b, starts[b], counts[b], 0) for b in trials]
            for t in range(n_ticks - 1, -1, -1):
                order += [
                    (b, events.start[b * n_ticks + t], events.count[b * n_ticks + t], 1 + t) for b in trials
                ]
            for i in range(n_rows):
                expected = [
                    ((b - 3 * k) * (n_ticks + 1) + own, events.value[at], own)
                    for b, start, count, own in order
                    for at in range(start, start + count)
                    if events.index[at] == i
                ]
                start, end = rows.start[k, i], rows.start[k, i + 1]
                np.testing.assert_array_equal(rows.slot[k, start:end], [slot for slot, _, _ in expected])
                np.testing.assert_array_equal(rows.value[k, start:end], [value for _, value, _ in expected])
                for t in range(n_ticks + 1):
                    assert rows.end[k, t, i] - start == sum(own == 0 or own > t for _, _, own in expected)


class TestFading:
    def test_credit_ends_where_it_has_faded_and_is_exact_until_then(self):
        layer, width, n_ticks = make((70,), 3).layers[0], 64, 20
        r = np.random.default_rng(1)
        v = r.uniform(0.01, 0.5, (n_ticks + 1, width)).astype(
            np.float32
        )  # silent, so that credit never breaks off
        out, signal = np.zeros_like(v), np.zeros((2, width), np.float32)
        signal[0] = r.normal(size=width)
        grad, scratch = np.full((n_ticks + 1, width), np.nan, np.float32), np.zeros((2, width), np.float32)
        first = layer.kernels.credit(
            v, out, signal, False, layer.constants, layer.factor, np.arange(n_ticks, 0, -1), *scratch, grad, 0
        )
        a = np.zeros((n_ticks + 1, width))
        a[n_ticks] = signal[0]
        for t in range(n_ticks - 1, 0, -1):
            a[t] = -0.2 * v[t] * a[t + 1]
        gone = np.abs(a) <= 2.0**-32 * np.abs(signal[0])
        assert gone[1:first].all()
        assert not gone[first].all()
        assert 5 < first < n_ticks
        np.testing.assert_allclose(grad[first:], np.where(gone, 0, a)[first:], rtol=1e-5, atol=0)
        np.testing.assert_allclose(grad[0], a[1:].sum(axis=0), rtol=1e-6)
        assert np.isnan(grad[1 : first - 1]).all()
