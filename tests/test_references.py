"""References for continual learning: closed forms, order-independence, batch-invariance of every honest rule."""

import numpy as np
import pytest
from batches import assert_batch_invariant

from tegmentum.plasticity.continual.run import HONEST, PUBLISHED, ClassSplit, ContinualData, run_continual
from tegmentum.plasticity.reference.gate import Gate
from tegmentum.plasticity.reference.modulated_dropout import ModulatedDropoutNet
from tegmentum.plasticity.reference.networks import ClosedForm, NetRecipe, ReferenceNet
from tegmentum.plasticity.reference.random_features import Pixels, RandomReLU
from tegmentum.plasticity.reference.rowwise import rowwise_product
from tegmentum.plasticity.reference.workspace import WorkspaceNet
from tegmentum.plasticity.registry import CONTINUAL_RULES, Setting, continual_rule, make_model
from tegmentum.simcore.errors import DescriptionError

pytestmark = pytest.mark.numbers

N_IN, N_CLASSES = 36, 4


def blobs(n, seed=0):
    """Four classes of 6 x 6 images, overlapping, correlated."""
    r = np.random.default_rng(seed)
    means = np.random.default_rng(99).integers(30, 200, (N_CLASSES, N_IN))
    y = np.arange(n) % N_CLASSES
    common = r.normal(0, 60, (n, 1)) * np.sin(np.arange(N_IN))
    return np.clip(means[y] + common + r.normal(0, 25, (n, N_IN)), 0, 255).astype(np.uint8), y


@pytest.fixture(scope="module")
def data():
    (x, y), (xt, yt) = blobs(160), blobs(60, 1)
    return ContinualData(x, y, xt, yt)


def setting(data, seed=0):
    return Setting.of(data, N_CLASSES, (6, 6), seed, 2)


class TestWorkspace:
    def net(self, **options):
        return WorkspaceNet(N_IN, N_CLASSES, n_processors=6, n_active=2, n_hidden=30, **options)

    def test_answers_by_the_equations(self, data):
        net = self.net(seed=3)
        w = {name: a.astype(np.float64) for name, a in net.weights().items()}
        expected = []
        for x in data.x_test / 255:
            h = np.maximum(0, x @ w["hidden"])
            drive = (h / h.max()) @ w["workspace"]
            for m in range(6):
                if m not in np.argsort(drive)[-2:]:
                    h[5 * m : 5 * m + 5] = 0  # a processor that is not mobilised
            expected.append((h @ w["output"]).argmax())
        np.testing.assert_array_equal(net.predict(data.x_test, 255), expected)

    def test_reward_stabilises_the_pattern_that_led_to_it(self, data):
        """One sample, one step: towards the active units' inputs after a right answer, away after a wrong one."""
        signs = set()
        for k in range(20):
            net, before = self.net(reward_rate=0.1), self.net().weights()["workspace"]
            x, right = data.x_test[k : k + 1], net.predict(data.x_test[k : k + 1], 255)[0] == data.y_test[k]
            h = np.maximum(0, x / 255 @ before_hidden(net))
            relative = (h / h.max())[0]
            active = np.zeros(6, bool)
            active[np.argsort(relative @ before)[-2:]] = True
            net.learn_task(x, data.y_test[k : k + 1], 255, (0,))
            change = net.weights()["workspace"] - before
            expected = 0.1 * (1 if right else -1) * relative[:, None] * (2.0 * active - 1)
            np.testing.assert_allclose(change, expected, atol=1e-6)
            signs.add(bool(right))
        assert signs == {True, False}

    def test_learns_all_classes_together(self, data):
        net = WorkspaceNet(N_IN, N_CLASSES, n_processors=5, n_active=3, n_hidden=100)
        for _ in range(20):
            net.learn_task(data.x_train, data.y_train, 255, (0, 1, 2, 3))
        assert (net.predict(data.x_test, 255) == data.y_test).mean() > 0.8

    @pytest.mark.parametrize("options", [{"n_processors": 7}, {"n_active": 0}, {"reward_rate": -1.0}])
    def test_errors(self, options):
        with pytest.raises(DescriptionError, match=next(iter(options))):
            WorkspaceNet(N_IN, N_CLASSES, **options)


def before_hidden(net):
    return net.weights()["hidden"].astype(np.float64)


class TestModulatedDropout:
    def test_units_take_part_as_often_as_their_level_says(self):
        """Outputs held at 0: the hidden layer's input is 1, so that what is counted is who took part."""
        net = ModulatedDropoutNet(1, 3, n_hidden=40, seed=2)
        net.parameters["hidden"][:] = 1
        net._labels, net._at = np.repeat([0, 1, 2], 2000), 0
        h = np.concatenate([net._forward(np.ones((500, 1), np.float32), 1)[1] for _ in range(12)])
        assert set(np.unique(h)) == {0, 1}
        found = h.reshape(3, 2000, 40).mean(axis=1)
        assert np.abs(found - net.levels).max() < 5 * 0.5 / np.sqrt(2000)
        assert np.ptp(net.levels) > 0.5

    def test_a_test_takes_the_mean_of_levels(self, data):
        net = ModulatedDropoutNet(N_IN, N_CLASSES, n_hidden=50)
        w = {name: a.astype(np.float64) for name, a in net.weights().items()}
        h = np.maximum(0, data.x_test / 255 @ w["hidden"]) * net.levels.mean(axis=0)
        np.testing.assert_array_equal(net.predict(data.x_test, 255), (h @ w["output"]).argmax(axis=1))

    def test_learns_all_classes_together(self, data):
        net = ModulatedDropoutNet(N_IN, N_CLASSES, n_hidden=200)
        for _ in range(20):
            net.learn_task(data.x_train, data.y_train, 255, (0, 1, 2, 3))
        assert (net.predict(data.x_test, 255) == data.y_test).mean() > 0.8


class TestRowwise:
    @pytest.mark.parametrize("shape", [(1, 7, 3), (9, 40, 13), (30, 100, 1100), (0, 3, 2)])
    def test_is_the_product(self, shape):
        n, k, m = shape
        r = np.random.default_rng(0)
        a, b = r.normal(size=(n, k)) * (r.random((n, k)) < 0.7), r.normal(size=(k, m))
        found = rowwise_product(a, b)
        np.testing.assert_allclose(found, a @ b, rtol=1e-12, atol=1e-12)
        for i in range(n):
            np.testing.assert_array_equal(rowwise_product(a[i : i + 1], b)[0], found[i])

    def test_shapes(self):
        with pytest.raises(DescriptionError, match="do not fit"):
            rowwise_product(np.zeros((2, 3)), np.zeros((2, 3)))


def learn(model, data, order=(0, 1, 2, 3)):
    for k in order:
        own = data.y_train == k
        model.learn_task(data.x_train[own], data.y_train[own], 255, (k,))
    return model


class TestClosedForms:
    def test_nearest_class_mean(self, data):
        model = learn(ClosedForm(Pixels(N_IN), N_CLASSES, "mean"), data)
        means = np.stack([data.x_train[data.y_train == k].mean(axis=0) for k in range(N_CLASSES)])
        distance = ((data.x_test[:, None] - means) ** 2).sum(axis=2)
        np.testing.assert_array_equal(model.predict(data.x_test, 255), distance.argmin(axis=1))

    def test_lda(self, data):
        model = learn(ClosedForm(Pixels(N_IN), N_CLASSES, "lda", 1e-3), data)
        x, y = data.x_train / 255, data.y_train
        means = np.stack([x[y == k].mean(axis=0) for k in range(N_CLASSES)])
        within = np.cov((x - means[y]).T, bias=True)
        within = 0.999 * within + 1e-3 * np.trace(within) / N_IN * np.eye(N_IN)
        w = np.linalg.inv(within) @ means.T
        scores = data.x_test / 255 @ w - 0.5 * np.einsum("dk,kd->k", w, means)
        np.testing.assert_allclose(model.w, w, rtol=1e-6)
        np.testing.assert_array_equal(model.predict(data.x_test, 255), scores.argmax(axis=1))

    def test_ridge(self, data):
        model = learn(ClosedForm(Pixels(N_IN), N_CLASSES, "ridge", 1e-4), data)
        x = data.x_train / 255
        eps = 1e-4 * np.trace(x.T @ x) / N_IN
        stacked = np.vstack([np.c_[x, np.ones(len(x))], eps**0.5 * np.eye(N_IN, N_IN + 1)])
        target = np.vstack([np.eye(N_CLASSES)[data.y_train], np.zeros((N_IN, N_CLASSES))])
        w = np.linalg.lstsq(stacked, target, rcond=None)[0]
        np.testing.assert_allclose(model.w, w[:-1], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("read_out", ["mean", "lda", "ridge"])
    def test_order_of_classes_does_not_matter(self, data, read_out):
        features = RandomReLU(N_IN, 20, 1)
        a, b = (
            learn(ClosedForm(features, N_CLASSES, read_out), data, o) for o in ((0, 1, 2, 3), (3, 1, 0, 2))
        )
        np.testing.assert_allclose(a.w, b.w, rtol=1e-6, atol=1e-8)

    def test_unseen_classes_are_never_predicted(self, data):
        for read_out in ("mean", "lda", "ridge"):
            model = learn(ClosedForm(Pixels(N_IN), N_CLASSES, read_out), data, (2, 1))
            assert set(model.predict(data.x_test, 255)) == {1, 2}

    def test_random_features_are_rectified_projections(self):
        features = RandomReLU(3, 500, 7, centre=0.2)
        x = np.array([[0, 255, 51]], np.uint8)
        expected = np.maximum(0, (x / 255 - 0.2) @ features.a + features.b + 0.2 * features.a.sum(axis=0))
        np.testing.assert_allclose(features(x, 255), expected, atol=1e-12)
        assert (features.a * 3**0.5).std() == pytest.approx(1, abs=0.05)

    @pytest.mark.parametrize(
        ("options", "word"), [({"read_out": "svm"}, "read_out"), ({"shrinkage": 0.0}, "shrinkage")]
    )
    def test_errors(self, options, word):
        with pytest.raises(DescriptionError, match=f"ClosedForm: {word} must be"):
            ClosedForm(Pixels(4), 3, **{"read_out": "lda", **options})


class TestNets:
    def net(self, seed=0, **options):
        return ReferenceNet(N_IN, N_CLASSES, NetRecipe(**options), n_hidden=30, seed=seed)

    def test_gradient_is_the_derivative_of_the_loss(self, data):
        model = self.net()
        model.parameters = {name: w.astype(np.float64) for name, w in model.parameters.items()}
        x, y = data.x_train[:8] / 255.0, data.y_train[:8]

        def loss():
            return -np.log(model._forward(x, 255)[2][np.arange(8), y]).mean()

        z, h, p = model._forward(x, 255)
        found = model._backward(z, h, (p - np.eye(N_CLASSES)[y]) / 8)
        for name, w in model.parameters.items():
            at = np.unravel_index(np.abs(found[name]).argmax(), w.shape)
            w[at] += 1e-6
            above = loss()
            w[at] -= 2e-6
            numeric = (above - loss()) / 2e-6
            w[at] += 1e-6
            assert found[name][at] == pytest.approx(numeric, rel=1e-4), name

    def test_learns_all_classes_together(self, data):
        model = self.net(epochs=30)
        model.learn_task(data.x_train, data.y_train, 255, (0, 1, 2, 3))
        assert (model.predict(data.x_test, 255) == data.y_test).mean() > 0.9

    def test_joint_and_replay_remember_what_gradient_descent_forgets(self, data):
        right = {}
        for name, options in {"sgd": {}, "joint": {"joint": True}, "replay": {"buffer": 40}}.items():
            model = learn(self.net(epochs=20, **options), data)
            right[name] = (model.predict(data.x_test, 255) == data.y_test).mean()
        assert right["sgd"] < 0.5
        assert right["joint"] > 0.9
        assert right["replay"] > 0.7

    def test_buffer_holds_as_many_of_each_class(self, data):
        model = learn(self.net(buffer=20), data)
        np.testing.assert_array_equal(np.bincount(model._kept[1]), [5, 5, 5, 5])

    def test_a_strong_penalty_holds_the_weights(self, data):
        moved = []
        for penalty in (0.0, 1e6):
            model = learn(self.net(penalty=penalty, epochs=5), data, (0,))
            before = model.weights()["output"]
            learn(model, data, (1,))
            moved.append(np.abs(model.weights()["output"] - before).sum())
        assert moved[1] < 0.8 * moved[0]

    def test_frozen_hidden_layer(self, data):
        model = self.net(frozen=True)
        before = model.weights()["hidden"]
        np.testing.assert_array_equal(learn(model, data).weights()["hidden"], before)

    def test_deterministic(self, data):
        a, b, c = (learn(self.net(seed, buffer=8, gate=Gate("sample")), data).weights() for seed in (1, 1, 2))
        assert all(np.array_equal(a[name], b[name]) for name in a)
        assert not np.array_equal(a["hidden"], c["hidden"])

    def test_a_gate_of_the_batch_is_refused(self):
        with pytest.raises(DescriptionError, match="a gate of the whole batch tells the task"):
            NetRecipe(gate=Gate("batch"))

    @pytest.mark.parametrize(
        "options", [{"lr": 0.0}, {"batch": 0}, {"epochs": 0}, {"penalty": -1.0}, {"buffer": -1}]
    )
    def test_errors(self, options):
        with pytest.raises(DescriptionError, match=f"NetRecipe: {next(iter(options))} is out of range"):
            NetRecipe(**options)


HONEST_RULES = [name for name, rule in CONTINUAL_RULES.items() if "honest" in rule.protocols]
PUBLISHED_RULES = [name for name, rule in CONTINUAL_RULES.items() if "published" in rule.protocols]
SLOW = {
    "slda-random-5000",
    *("egdc-network", "egdc-network-solve", "egdc-network-ungated", "egdc-network-random-fields"),
}  # the last four: test_egdc_network.py
CONSTANT = {"egdc-ungated", "naca-ungated", "frozen-ungated"}  # say one class, whatever they learn and see


class TestRegistry:
    @pytest.mark.parametrize("name", [name for name in HONEST_RULES if name not in SLOW])
    def test_honest_predictions_are_batch_invariant(self, data, name):
        """The same alone, in any order, and in batches made to lead astray; what learning took is counted."""
        split = ClassSplit(
            (2, 0, 3, 1), 4
        )  # all at once, and twice: many rules would say the last class alone
        model, _ = make_model(continual_rule(name, "honest"), HONEST, setting(data), split, data)
        for task in run_continual(model, split, data).tasks:
            assert min(task.cost.samples_seen, task.cost.synaptic_events, task.cost.weight_updates) > 0
        model.learn_task(data.x_train, data.y_train, 255, (0, 1, 2, 3))
        found = assert_batch_invariant(model, data.x_test, data.y_test, 255)
        assert (len(np.unique(found)) > 1) == (name not in CONSTANT)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", PUBLISHED_RULES)
    def test_published_runs_leak_and_are_tested_on_mixed_batches_too(self, data, name):
        split = ClassSplit((2, 0, 3, 1), limit_train=10)
        model, scores = make_model(continual_rule(name, "published"), PUBLISHED, setting(data), split, data)
        result = run_continual(model, split, data, PUBLISHED)
        assert result.leak
        assert result.mixed is not None
        assert scores == {}

    def test_hyperparameters_are_chosen_on_validation(self, data):
        split = ClassSplit((2, 0, 3, 1), limit_train=20)
        model, scores = make_model(continual_rule("ewc", "honest"), HONEST, setting(data), split, data)
        assert list(scores) == ["penalty 10", "penalty 1000", "penalty 100000", "penalty 1e+07"]
        assert f"penalty {model.recipe.penalty:g}" == max(scores, key=scores.get)
        fresh = ReferenceNet(N_IN, N_CLASSES, model.recipe, mean=setting(data).mean, sd=setting(data).sd)
        for name, w in fresh.weights().items():  # nothing of the trials is left
            np.testing.assert_array_equal(model.weights()[name], w)

    def test_setting_has_the_mean_and_sd_of_training_pixels(self, data):
        s = setting(data)
        assert s.mean == pytest.approx((data.x_train / 255).mean())
        assert s.sd == pytest.approx((data.x_train / 255).std())

    @pytest.mark.parametrize(("name", "protocol", "message"), [
        ("slta", "honest", "did you mean 'slda'"),
        ("slda", "published", "rule 'slda': has no published protocol; rules that have: naca, naca-ann"),
        ("sgd-ann", "honest", "rule 'sgd-ann': has no honest protocol"),
    ])  # fmt: skip
    def test_errors(self, name, protocol, message):
        with pytest.raises(DescriptionError, match=message):
            continual_rule(name, protocol)
