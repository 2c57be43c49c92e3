"""The published class-continual networks: one batch against dense formulas, the loop, and the leak itself."""

import numpy as np
import pytest
from dense_class_continual import DenseGraded, DenseSpiking, batch_gate
from dense_naca import gains as dense_gains

from tegmentum.plasticity.reference.gate import Gate
from tegmentum.plasticity.reference.published import PublishedNet, Recipe, published_recipe
from tegmentum.simcore import encode
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

N_IN, N_HIDDEN, N_CLASSES, MEAN, SD = 49, 90, 4, 0.3, 0.35


def images(n, seed=0, classes=N_CLASSES):
    """Each class has a few bright pixels of its own; pixels from 0 to 255."""
    r = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = r.integers(0, 90, (n, N_IN)) * (r.random((n, N_IN)) < 0.5)
    x[np.arange(n)[:, None], 7 * y[:, None] + np.arange(7)] = r.integers(150, 256, (n, 7))
    x[0, 48], x[0, 47] = 0, 255
    return x.astype(np.uint8), y


def net(rule="naca", spiking=True, threads=1, seed=5, recipe=None, **options):
    options = {"n_hidden": N_HIDDEN, "n_ticks": 7, "batch": 16, "mean": MEAN, "sd": SD} | options
    recipe = recipe or published_recipe(rule, spiking)
    return PublishedNet(N_IN, N_CLASSES, recipe, seed=seed, threads=threads, **options)


def dense_spikes(x, n_ticks, seed, stream, epoch=0):
    events = encode.bernoulli(x, 255, n_ticks, seed, epoch, stream)
    spikes = np.zeros((len(x), n_ticks, x.shape[1]))
    spikes[events.trial, events.tick, events.channel] = 1
    return spikes


class TestGate:
    @pytest.mark.parametrize("n", [20, 49, 90])
    def test_batch_gate_is_the_published_formula(self, n):
        x, _ = images(30)
        z = (x / 255 - MEAN) / SD
        np.testing.assert_allclose(Gate("batch", 0.4)(z, n)[0], batch_gate(z, n, 0.4), atol=2**-24)

    def test_sample_gate_is_the_batch_gate_of_a_batch_of_one(self):
        z = images(5)[0] / 255.0
        np.testing.assert_array_equal(Gate("sample")(z, 90)[3], Gate("batch")(z[3:4], 90)[0])

    def test_open_for_all(self):
        np.testing.assert_array_equal(Gate("none")(np.zeros((3, 4)), 5), np.ones((1, 5)))

    @pytest.mark.parametrize("options", [{"kind": "class"}, {"margin": 0.0}])
    def test_errors(self, options):
        with pytest.raises(DescriptionError, match="Gate: "):
            Gate(**options)


class TestOneBatch:
    @pytest.mark.parametrize("rule", ["naca", "frozen", "sgd", "ewc"])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_spiking(self, rule, threads):
        model = net(rule, threads=threads)
        x, y = images(12, seed=3)
        z = (x / 255 - MEAN) / SD
        gate = batch_gate(z, N_HIDDEN) if rule in ("naca", "frozen") else np.ones(N_HIDDEN)
        gate[gate < 2**-24] = 0
        forward = model._forward(x, 255, learning=True)
        gradients = model._gradients(forward, y)
        dense = DenseSpiking(*(model.parameters[k] for k in ("hidden", "output", "bias")), model.gains)
        spikes = dense_spikes(x, 7, 5, rng.STREAM_ENCODE_TRAIN)
        expected = dense.gradients(spikes, y, gate, rule)
        assert forward.outputs.std() > 0
        np.testing.assert_allclose(forward.outputs, dense.forward(spikes, gate)[2], atol=1e-6)
        assert gradients.keys() == expected.keys()
        for name, g in gradients.items():
            e = expected[name]
            e = e[:, forward.active] if name == "hidden" else e[forward.active] if name == "output" else e
            assert np.abs(e).max() > 0
            np.testing.assert_allclose(g, e, rtol=2e-4, atol=2e-5 * np.abs(e).max())
        closed = np.setdiff1d(np.arange(N_HIDDEN), forward.active)
        assert np.abs(expected["output"][closed]).max(initial=0) == 0

    @pytest.mark.parametrize("rule", ["naca", "sgd"])
    def test_graded(self, rule):
        model = net(rule, spiking=False)
        x, y = images(12, seed=3)
        z = (x / 255 - MEAN) / SD
        gate = batch_gate(z, N_HIDDEN) if rule == "naca" else np.ones(N_HIDDEN)
        forward = model._forward(x, 255, learning=True)
        gradients = model._gradients(forward, y)
        dense = DenseGraded(model.parameters["hidden"], model.parameters["output"], model.gains)
        expected = dense.gradients(z, y, gate, rule)
        np.testing.assert_allclose(
            gradients["hidden"], expected["hidden"][:, forward.active], rtol=1e-6, atol=1e-7
        )
        np.testing.assert_allclose(
            gradients["output"], expected["output"][forward.active], rtol=1e-6, atol=1e-7
        )

    def test_input_range_is_the_whole_batchs(self):
        """Pixels of a batch from 100 to 200 are coded between 100 and 200, not between 0 and 255."""
        model = net("frozen")
        x = np.random.default_rng(0).integers(100, 201, (6, N_IN)).astype(np.uint8)
        x[0, :2] = 100, 200
        model._forward(x, 255, learning=False)
        spikes = model.pair._kept["events"].spikes[: len(x)].sum()
        expected = ((x - 100.0) / 100).sum() * 7
        assert spikes == pytest.approx(expected, rel=0.1)

    def test_gains_are_nacas(self):
        table = rng.uniform(2 * N_CLASSES * N_HIDDEN, 5, rng.STREAM_TABLE, 0).reshape(2 * N_CLASSES, N_HIDDEN)
        np.testing.assert_allclose(net().gains, dense_gains(table), rtol=1e-5, atol=1e-6)

    def test_one_step_subtracts_the_sum_over_the_batch(self):
        model = net(recipe=Recipe(epochs=1, stop_at=None))
        x, y = images(16)
        before = model.weights()
        order = rng.permutation(16, 5, rng.STREAM_SHUFFLE, 0)
        gate = batch_gate((x / 255 - MEAN) / SD, N_HIDDEN)
        gate[gate < 2**-24] = 0
        active = np.flatnonzero(gate)
        dense = DenseSpiking(*(before[k] for k in ("hidden", "output", "bias")), model.gains)
        spikes = dense_spikes(x[order], 7, 5, rng.STREAM_ENCODE_TRAIN)
        expected = dense.gradients(spikes, y[order], gate, "naca")
        hidden = dense.forward(spikes, gate)[0][2]
        cost = model.learn_task(x, y, 255, (0, 1, 2, 3))
        for name, w in model.weights().items():
            step = -5e-4 * expected[name]
            atol = 1e-3 * np.abs(step).max()
            assert atol > 0
            np.testing.assert_allclose(w - before[name], step, rtol=1e-2, atol=atol, err_msg=name)
        moved = model.weights()["hidden"] - before["hidden"]
        closed = np.setdiff1d(np.arange(N_HIDDEN), active)
        assert len(closed)
        assert not moved[:, closed].any()
        assert cost.samples_seen == 16
        assert cost.weight_updates == len(active) * (N_IN + N_CLASSES) + N_CLASSES
        n_fired = np.count_nonzero(hidden)
        assert cost.synaptic_events == np.count_nonzero(spikes) * len(active) + n_fired * N_CLASSES


@pytest.mark.numbers
class TestLoop:
    @pytest.mark.parametrize("spiking", [True, False])
    @pytest.mark.parametrize("rule", ["naca", "frozen", "sgd", "ewc"])
    def test_threads_change_nothing_and_learning_is_deterministic(self, rule, spiking):
        x, y = images(40)
        found = []
        for threads in (1, 2):
            model = net(rule, spiking, threads, recipe=None)
            for k in (2, 0):
                model.learn_task(x[y == k], y[y == k], 255, (k,))
            found.append(model.weights())
        for name, w in found[0].items():
            assert w.tobytes() == found[1][name].tobytes(), name
        assert np.isfinite(w).all()

    def test_stops_at_95_percent_of_the_class_it_learns(self):
        x, y = images(80)
        model = net("naca", spiking=False, recipe=Recipe(spiking=False, lr=0.05, lr_least=0.05))
        cost = model.learn_task(x[y == 1], y[y == 1], 255, (1,))
        assert cost.samples_seen < 100 * 20
        assert (model.predict(x[y == 1], 255) == 1).mean() > 0.95

    def test_fixed_budget(self):
        x, y = images(40)
        cost = net(recipe=Recipe(epochs=3, stop_at=None)).learn_task(x, y, 255, (0, 1, 2, 3))
        assert cost.samples_seen == 120

    def test_frozen_hidden_weights_stay(self):
        x, y = images(40)
        model = net("frozen")
        before = model.weights()
        model.learn_task(x, y, 255, (0, 1, 2, 3))
        after = model.weights()
        np.testing.assert_array_equal(before["hidden"], after["hidden"])
        assert (before["output"] != after["output"]).any()

    def test_ewc_pulls_towards_what_it_learned_before(self):
        x, y = images(40)
        distances = []
        for penalty in (0.0, 5e4):
            recipe = Recipe("gradient", "cross-entropy", Gate("none"), False, 20, None, lr=0.1, clip=100.0,
                            penalty=penalty)  # fmt: skip
            model = net(recipe=recipe)
            model.learn_task(x[y == 0], y[y == 0], 255, (0,))
            anchor = model.weights()["output"]
            model.learn_task(x[y == 1], y[y == 1], 255, (1,))
            distances.append(np.abs(model.weights()["output"] - anchor).sum())
        assert distances[1] < 0.9 * distances[0]


@pytest.mark.numbers
class TestInvariance:
    @pytest.mark.parametrize("spiking", [True, False])
    @pytest.mark.parametrize("kind", ["sample", "none"])
    def test_honest_gates_look_at_one_sample_alone(self, kind, spiking):
        model = net(recipe=Recipe(gate=Gate(kind, 1.0), spiking=spiking, epochs=2, stop_at=None, lr=0.01))
        x, y = images(60)
        model.learn_task(x, y, 255, (0, 1, 2, 3))
        whole = model._forward(x, 255, False, exact=True).outputs
        shuffled = np.random.default_rng(1).permutation(60)
        np.testing.assert_array_equal(model._forward(x[shuffled], 255, False, True).outputs, whole[shuffled])
        for i in (0, 7, 59):
            np.testing.assert_array_equal(model._forward(x[i : i + 1], 255, False, True).outputs[0], whole[i])

    def test_the_published_gate_does_not(self):
        """The same sample, with companions of another class: another gate, another output."""
        model = net()
        x, y = images(60)
        alone = np.concatenate([x[:1], x[y == 0][1:10]])
        mixed = np.concatenate([x[:1], x[y == 3][:9]])
        gates = [model.recipe.gate((b / 255 - MEAN) / SD, N_HIDDEN) for b in (alone, mixed)]
        assert not (gates[0] * gates[1]).any()


class TestErrors:
    @pytest.mark.parametrize("options", [{"hidden": "stdp"}, {"loss": "hinge"}, {"epochs": 0}, {"lr": 0.0}])
    def test_recipe(self, options):
        with pytest.raises(DescriptionError, match=f"Recipe: {next(iter(options))}"):
            Recipe(**options)

    def test_rule(self):
        with pytest.raises(
            DescriptionError, match="rule: must be one of naca, frozen, sgd, ewc, got 'nacca'"
        ):
            published_recipe("nacca")

    @pytest.mark.parametrize(("x", "x_max"), [(np.zeros((3, 4), np.uint8), 255), (np.zeros((3, N_IN)), 255),
                                              (np.full((3, N_IN), 9, np.uint8), 8)])  # fmt: skip
    def test_samples(self, x, x_max):
        with pytest.raises(DescriptionError, match="PublishedNet: x must be"):
            net().predict(x, x_max)

    def test_sizes(self):
        with pytest.raises(DescriptionError, match="n_hidden must be >= 1, got 0"):
            net(n_hidden=0)
