"""Class-continual protocols: splits, closed-form measures, how each protocol tests, and how far weights moved."""

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmentum.plasticity.continual.accuracy_matrix import AccuracyMatrix
from tegmentum.plasticity.continual.run import (
    HONEST,
    LEAK_WORDS,
    PUBLISHED,
    ClassSplit,
    ContinualData,
    LearningCost,
    choose_on_validation,
    class_order,
    evaluation,
    run_continual,
)
from tegmentum.plasticity.continual.weight_change import CHANGE_EDGES, change, changes_between
from tegmentum.simcore.errors import DescriptionError


def data(n_classes=4, n_train=40, n_test=12):
    """Every sample is its own class, written into its first byte, and its number."""
    parts = []
    for n in (n_train, n_test):
        y = np.arange(n) % n_classes
        x = np.zeros((n, 5), np.uint8)
        x[:, 0], x[:, 1] = y, np.arange(n)
        parts += [x, y]
    return ContinualData(*parts)


class Oracle:
    """Knows the classes it has learned; of others it says the last one. Notes what it is shown."""

    def __init__(self, forget=()):
        self.known, self.batches, self.forget, self.w = set(), [], forget, np.zeros(4)

    def learn_task(self, x, y, x_max, classes, on_progress=None):
        self.known -= set(self.forget)
        self.known |= set(classes)
        self.w[list(classes)] += 1
        self.last = classes[-1]
        if on_progress:
            on_progress(len(x))
        return LearningCost(len(x), 10 * len(x), 100 * len(x), 0.5)

    def predict(self, x, x_max):
        self.batches.append(x[:, 0].copy())
        return np.array([k if k in self.known else getattr(self, "last", -1) for k in x[:, 0]], np.int64)

    def weights(self):
        return {"w": self.w.copy()}


class TestSplit:
    @given(st.integers(2, 12), st.integers(0, 100), st.integers(1, 12), st.sampled_from([0, 0.1, 0.33]))
    @settings(max_examples=40, deadline=None)
    def test_every_sample_once(self, n_classes, seed, k, fraction):
        y_train, y_test = np.arange(20 * n_classes) % n_classes, np.arange(3 * n_classes) % n_classes
        split = ClassSplit(class_order(n_classes, seed), min(k, n_classes), fraction)
        tasks = split.tasks(y_train, y_test)
        assert sum((t.classes for t in tasks), ()) == split.order
        used = np.concatenate([np.concatenate([t.train, t.validation]) for t in tasks])
        np.testing.assert_array_equal(np.sort(used), np.arange(len(y_train)))
        np.testing.assert_array_equal(
            np.sort(np.concatenate([t.test for t in tasks])), np.arange(len(y_test))
        )
        for task in tasks:
            assert set(y_train[task.train]) == set(y_test[task.test]) == set(task.classes)
            for c in task.classes:  # stratified
                assert np.sum(y_train[task.validation] == c) == round(20 * fraction)

    def test_validation_does_not_depend_on_the_order_of_classes(self):
        y = np.random.default_rng(0).integers(0, 5, 300)
        held = []
        for order in ((0, 1, 2, 3, 4), (4, 2, 0, 1, 3)):
            tasks = ClassSplit(order, validation_fraction=0.2).tasks(y, y)
            held.append(np.sort(np.concatenate([t.validation for t in tasks])))
        np.testing.assert_array_equal(*held)

    def test_order_is_a_function_of_its_seed(self):
        orders = {class_order(10, seed) for seed in range(20)}
        assert len(orders) == 20
        assert all(sorted(order) == list(range(10)) for order in orders)
        assert class_order(10, 3) == class_order(10, 3)

    def test_limit(self):
        tasks = ClassSplit((1, 0), limit_train=5).tasks(np.arange(40) % 2, np.array([0, 1]))
        assert [list(t.train) for t in tasks] == [[1, 3, 5, 7, 9], [0, 2, 4, 6, 8]]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"order": (0, 0, 1)}, "order must hold each"),
            ({"order": (0,)}, "order must hold each"),
            ({"classes_per_task": 0}, "classes_per_task must be from 1 to 3, the number of classes, got 0"),
            ({"classes_per_task": 4}, "classes_per_task must be from 1 to 3"),
            ({"validation_fraction": 1.0}, r"validation_fraction must be in \[0, 1\), got 1.0"),
            ({"limit_train": 0}, "limit_train must be >= 1, got 0"),
        ],
    )
    def test_errors(self, options, message):
        with pytest.raises(DescriptionError, match=f"ClassSplit: {message}"):
            ClassSplit(**{"order": (2, 0, 1), **options})

    def test_labels(self):
        with pytest.raises(DescriptionError, match="y_test must hold classes in"):
            ClassSplit((0, 1)).tasks(np.array([0, 1]), np.array([2]))
        with pytest.raises(DescriptionError, match="no training or no test samples"):
            ClassSplit((0, 1)).tasks(np.array([0, 0]), np.array([0, 1]))


class TestMatrix:
    R = ((0.9, 0.1, 0.0), (0.6, 0.8, 0.2), (0.7, 0.5, 1.0))

    def test_closed_forms(self):
        m = AccuracyMatrix.of(self.R, [10, 30, 10], [0.05, 0.0, 0.1])
        assert m.average_accuracy() == pytest.approx((0.7 + 0.5 + 1.0) / 3)
        assert m.average_accuracy(1) == pytest.approx(0.7)
        assert m.overall_accuracy() == pytest.approx((7 + 15 + 10) / 50)
        assert m.forgetting() == pytest.approx(((0.9 - 0.7) + (0.8 - 0.5)) / 2)
        assert m.forgetting(1) == pytest.approx(0.3)
        assert m.backward_transfer() == pytest.approx(((0.7 - 0.9) + (0.5 - 0.8)) / 2)
        assert m.forward_transfer() == pytest.approx(((0.1 - 0.0) + (0.2 - 0.1)) / 2)

    def test_forgetting_is_from_the_best_not_the_first(self):
        m = AccuracyMatrix.of([[0.5, np.nan, np.nan], [0.9, 1, np.nan], [0.4, 1, 1]])
        assert m.forgetting() == pytest.approx(0.25)
        assert m.backward_transfer() == pytest.approx(-0.05)

    def test_one_task(self):
        m = AccuracyMatrix.of([[0.5]])
        assert (m.forgetting(), m.backward_transfer(), m.forward_transfer()) == (0, 0, 0)

    def test_forward_transfer_is_unknown_unless_tested(self):
        assert np.isnan(AccuracyMatrix.of([[1, np.nan], [1, 1]]).forward_transfer())


class TestRuns:
    def test_perfect_memory(self):
        result = run_continual(Oracle(), ClassSplit((2, 0, 3, 1)), data())
        r = result.matrix.r
        assert np.isnan(r[np.triu_indices(4, 1)]).all()
        assert (r[np.tril_indices(4)] == 1).all()
        assert result.mixed is None
        assert not result.leak
        assert result.cost == LearningCost(40, 400, 4000, 2.0)

    def test_a_blas_has_one_thread_meanwhile(self):
        """The last bits of a product depend on how many there are."""
        seen = []

        class Looks(Oracle):
            def predict(self, x, x_max):
                seen.extend(
                    found["num_threads"]
                    for found in threadpoolctl.threadpool_info()
                    if found["user_api"] == "blas"
                )
                return super().predict(x, x_max)

        with threadpoolctl.threadpool_limits(2, user_api="blas"):
            np.ones((2, 2)) @ np.ones((2, 2))
            run_continual(Looks(), ClassSplit((2, 0, 3, 1)), data())
            assert seen
            assert set(seen) == {1}
            left = [f["num_threads"] for f in threadpoolctl.threadpool_info() if f["user_api"] == "blas"]
        assert set(left) == {2}

    def test_total_forgetting(self):
        result = run_continual(Oracle(forget=range(4)), ClassSplit((2, 0, 3, 1)), data())
        np.testing.assert_array_equal(np.nan_to_num(result.matrix.r), np.eye(4))
        assert result.matrix.forgetting() == 1
        assert result.matrix.overall_accuracy() == 0.25

    def test_honest_batches_are_mixed_and_hold_all_classes_so_far(self):
        model = Oracle()
        run_continual(model, ClassSplit((2, 0, 3, 1)), data())
        assert [sorted(set(batch)) for batch in model.batches] == [[2], [0, 2], [0, 2, 3], [0, 1, 2, 3]]
        last = model.batches[-1]
        assert (np.diff(last) != 0).sum() > 4
        assert list(last) != sorted(last)

    def test_published_batches_hold_one_class(self):
        model = Oracle()
        result = run_continual(model, ClassSplit((2, 0, 3, 1)), data(), PUBLISHED)
        single = [set(batch) for batch in model.batches]
        assert single.count({2}) == 4 + 1  # after each task, and the mixed test after the first
        assert {0, 1, 2, 3} in single
        assert result.leak
        assert result.mixed is not None
        assert result.evaluation.note == LEAK_WORDS == "task identity leaks at test"

    def test_batches_end_with_a_short_one(self):
        from dataclasses import replace

        model = Oracle()
        run_continual(model, ClassSplit((0, 1, 2, 3), 4), data(n_test=100), replace(HONEST, batch=32))
        assert [len(batch) for batch in model.batches] == [32, 32, 32, 4]

    def test_a_model_that_looks_at_its_batch_is_found_out(self):
        """It answers with the commonest class of the batch: right on single-class batches, lost on mixed ones."""

        class Peeking(Oracle):
            def predict(self, x, x_max):
                return np.full(len(x), np.bincount(x[:, 0]).argmax())

        result = run_continual(Peeking(), ClassSplit((2, 0, 3, 1)), data(), PUBLISHED)
        assert result.matrix.overall_accuracy() == 1
        assert result.mixed.overall_accuracy() == 0.25

    def test_forward(self):
        result = run_continual(Oracle(), ClassSplit((2, 0, 3, 1)), data(), forward=True)
        assert not np.isnan(result.matrix.r).any()
        assert result.matrix.forward_transfer() == 0

    def test_reports(self):
        seen, steps = [], []
        split = ClassSplit((2, 0, 3, 1), 2, validation_fraction=0.2)
        run_continual(Oracle(), split, data(), on_task=seen.append, on_progress=lambda *a: steps.append(a))
        assert [t.classes for t in seen] == [(2, 0), (3, 1)]
        assert [t.validation for t in seen] == [1, 1]
        assert steps == [(0, 16), (1, 16)]
        assert seen[0].changes["w"].unchanged == 0.5
        assert seen[0].changes["w"].largest == 1

    def test_choice_uses_validation_alone(self):
        class NoTest(Oracle):
            def predict(self, x, x_max):
                assert (x[:, 1] < 200).all(), "a test sample was looked at"
                return super().predict(x, x_max)

        d = data()
        d.x_test[:, 1] = 255
        make = {"forgets": lambda: NoTest(range(4)), "remembers": NoTest}
        best, scores = choose_on_validation(make, ClassSplit((2, 0, 3, 1), validation_fraction=0.2), d)
        assert best == "remembers"
        assert scores == {"forgets": 0.25, "remembers": 1.0}
        with pytest.raises(DescriptionError, match="no validation samples"):
            choose_on_validation(make, ClassSplit((2, 0, 3, 1)), d)

    def test_unknown_protocol(self):
        with pytest.raises(DescriptionError, match="protocol: must be one of honest, published, got 'fair'"):
            evaluation("fair")


class TestChanges:
    def test_counts(self):
        before = np.zeros(6, np.float32)
        after = np.array([0, 0, 0, 1e-3, -1e-3, 100.0], np.float32)
        found = change(before, after)
        assert (found.n_synapses, found.unchanged, found.largest) == (6, 0.5, 100)
        assert found.histogram.sum() == 6
        centre = len(found.histogram) // 2
        assert found.histogram[centre] == 3
        assert found.histogram[-1] == 1  # beyond the last edge
        assert found.histogram[:centre].sum() == 1

    def test_axes_are_symmetric_and_the_same_for_all(self):
        np.testing.assert_array_equal(CHANGE_EDGES, -CHANGE_EDGES[::-1])
        a, b = (change(np.zeros(9), w * np.ones(9)) for w in (1e-6, 5.0))
        assert len(a.histogram) == len(b.histogram) == len(CHANGE_EDGES) - 1

    def test_a_model_may_grow(self):
        found = changes_between({"w": np.ones((2, 2))}, {"w": np.ones((2, 3)), "new": np.zeros(4)})
        assert found["w"].unchanged == pytest.approx(4 / 6)
        assert found["new"].unchanged == 1
