"""A run of continual learning that stops after any task goes on from it, bit for bit, for every rule."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from batches import assert_batch_invariant

from tegmentum.datasets import load
from tegmentum.plasticity.continual.evaluation import EVALUATIONS, HONEST, PUBLISHED
from tegmentum.plasticity.continual.run import ClassSplit, ContinualData, ContinualState, run_continual
from tegmentum.plasticity.reference.published import PublishedNet, published_recipe
from tegmentum.plasticity.registry import CONTINUAL_RULES, Setting, continual_rule, make_model
from tegmentum.simcore.errors import DescriptionError

SPLIT = ClassSplit((4, 1, 9, 7, 0, 3, 5, 8, 6, 2), 3, validation_fraction=0.2, limit_train=15)
EVERY = [(name, protocol) for name, rule in CONTINUAL_RULES.items() for protocol in rule.protocols]
LIGHT = {
    *(
        ("egdc-mirrored-wide", "honest"),
        ("egdc-whitened-spikes", "honest"),
        ("egdc-whitened-wide", "honest"),
        ("egdc-relaxed", "honest"),
    ),
    *(("egdc", "honest"), ("egdc-ever-surprised", "honest"), ("naca", "honest"), ("naca-ann", "published")),
    *(("ewc", "honest"), ("replay", "honest"), ("joint", "honest"), ("ncm", "honest")),
    *(("slda-random", "honest"), ("ridge", "honest")),
}
CASES = [pytest.param(*case, marks=[] if case in LIGHT else [pytest.mark.long]) for case in EVERY]


def digits():
    d = load("digits")
    return ContinualData(d.x_train, d.y_train, d.x_test[:90], d.y_test[:90], d.x_max)


def setting(threads=1, seed=3):
    return Setting.of(digits(), 10, (8, 8), seed, threads)


def through_a_file(path, *states):
    """Arrays as another process would read them."""
    found = []
    for arrays in states:
        assert all(type(a) is np.ndarray and a.dtype.kind != "O" for a in arrays.values())
        np.savez(path, **arrays)
        with np.load(path, allow_pickle=False) as file:
            found.append({key: file[key] for key in file.files})
    return found


def assert_same(one, other):
    """All of two results, wall times aside."""
    assert (one.evaluation, one.order) == (other.evaluation, other.order)
    for a, b in ((one.matrix, other.matrix), (one.mixed, other.mixed)):
        assert (a is None) == (b is None)
        if a is not None:
            for name in ("r", "n_test", "untrained"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert len(one.tasks) == len(other.tasks)
    for a, b in zip(one.tasks, other.tasks, strict=True):
        assert (a.number, a.classes) == (b.number, b.classes)
        assert replace(a.cost, seconds=0.0) == replace(b.cost, seconds=0.0)
        np.testing.assert_array_equal([a.validation, *a.accuracies], [b.validation, *b.accuracies])
        np.testing.assert_array_equal(a.mixed, b.mixed)
        assert set(a.changes) == set(b.changes)
        for name, change in a.changes.items():
            for part in ("n_synapses", "unchanged", "largest", "histogram"):
                np.testing.assert_array_equal(getattr(change, part), getattr(b.changes[name], part))


@functools.cache
def whole_run(name, how, *, forward=False, seed=3):
    """Uninterrupted: model, result, and the states of run and model after each number of tasks."""
    data = digits()
    model, scores = make_model(continual_rule(name, how.name), how, setting(seed=seed), SPLIT, data)
    kept = {}

    def keep(state, model):
        kept[state.n_done] = state.arrays(), model.state()

    result = run_continual(model, SPLIT, data, how, forward=forward, scores=scores, on_state=keep)
    return model, result, kept


def the_rest(name, how, arrays, model_state, *, forward=False, threads=1, seed=3):
    """Fresh model, from arrays on: model and result."""
    data, start = digits(), ContinualState.of(arrays)
    rule = continual_rule(name, how.name)
    model, scores = make_model(rule, how, setting(threads, seed), SPLIT, data, scores=start.scores)
    assert scores == start.scores
    model.load_state(model_state)
    return model, run_continual(model, SPLIT, data, how, forward=forward, start=start)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "protocol"), CASES)
def test_every_rule_goes_on_bit_for_bit(tmp_path, name, protocol):
    how, data = EVALUATIONS[protocol], digits()
    model, result, kept = whole_run(name, how)
    assert list(kept) == [0, 1, 2, 3, 4]
    expected, weights = model.predict(data.x_test, data.x_max), model.weights()
    for n_done, threads in (
        (1, 2),
        (3, 1),
        (4, 2),
    ):  # after the last nothing is learned that could mend a state
        arrays, model_state = through_a_file(tmp_path / "state.npz", *kept[n_done])
        again, resumed = the_rest(name, how, arrays, model_state, threads=threads)
        assert_same(result, resumed)
        np.testing.assert_array_equal(again.predict(data.x_test, data.x_max), expected)
        assert set(again.weights()) == set(weights)
        for key, w in again.weights().items():
            np.testing.assert_array_equal(w, weights[key])
        for key, array in again.state().items():
            np.testing.assert_array_equal(array, model.state()[key], strict=True)


@pytest.mark.parametrize("n_done", range(5))
@pytest.mark.parametrize(("name", "how"), [("ewc", HONEST), ("naca-ann", PUBLISHED)])
def test_from_the_end_of_any_task(tmp_path, name, how, n_done):
    """Also from before the first and after the last; what was tested before the first is not tested again."""
    _, result, kept = whole_run(name, how, forward=True)
    assert not np.isnan(result.matrix.untrained).any()
    _, resumed = the_rest(name, how, *through_a_file(tmp_path / "a.npz", *kept[n_done]), forward=True)
    assert_same(result, resumed)
    assert resumed.seconds >= kept[n_done][0]["seconds"]


def test_published_consolidation(tmp_path):
    """The Fisher information and the weights it anchors go on, and so do passes and tasks, which they depend on."""
    recipe, data = replace(published_recipe("ewc", spiking=False), epochs=2), digits()
    make = functools.partial(PublishedNet, 64, 10, recipe, n_hidden=40, seed=1)
    kept, model = {}, make()
    result = run_continual(
        model, SPLIT, data, PUBLISHED, on_state=lambda s, m: kept.update({s.n_done: (s.arrays(), m.state())})
    )
    for n_done in (1, 2):
        arrays, model_state = through_a_file(tmp_path / "a.npz", *kept[n_done])
        again = make()
        again.load_state(model_state)
        start = ContinualState.of(arrays)
        assert_same(result, run_continual(again, SPLIT, data, PUBLISHED, start=start))
        for key, array in again.state().items():
            np.testing.assert_array_equal(array, model.state()[key], strict=True)


@pytest.mark.parametrize("name", ["egdc", "egdc-whitened", "replay"])
def test_spikes_in_ticks(name):
    """Ticks as they are, sums over three windows of time, sums over all: each goes on, counts, and knows no batch."""
    r = np.random.default_rng(0)
    y, rates = np.arange(80) % 4, np.full((4, 12, 10, 10, 2), 0.05)
    for k in range(4):  # each class is bright in a corner of its own
        rates[k, :, k // 2 * 5 :, k % 2 * 5 :][:, :5, :5] = 0.8
    x = (r.random((80, 2400)) < rates[y].reshape(80, -1)).astype(np.uint8)
    data, split = ContinualData(x, y, x, y, 1), ClassSplit((2, 0, 3, 1), 2)
    where = Setting.of(data, 4, (10, 10, 2), 0, 1, ticks=12)
    make = lambda: make_model(continual_rule(name, "honest"), HONEST, where, split, data)[0]  # noqa: E731
    kept, model = {}, make()
    result = run_continual(model, split, data, on_state=lambda s, m: kept.update({s.n_done: (s, m.state())}))
    assert all(min(task.cost.synaptic_events, task.cost.weight_updates) > 0 for task in result.tasks)
    again = make()
    again.load_state(kept[1][1])
    assert_same(result, run_continual(again, split, data, start=kept[1][0]))
    assert len(np.unique(assert_batch_invariant(again, x, y, 1))) > 1


class TestRefused:
    """What does not fit is named, and changes nothing."""

    def net(self, name="ewc", seed=3, protocol=PUBLISHED):
        return make_model(continual_rule(name, protocol.name), protocol, setting(seed=seed), SPLIT, digits())[
            0
        ]

    @pytest.mark.parametrize(
        ("name", "protocol", "key"),
        [
            ("ewc", PUBLISHED, "fisher/output"),
            ("replay", HONEST, "kept/x"),
            ("slda", HONEST, "moment"),
            ("egdc", HONEST, "read-out/total"),
        ],
    )
    def test_keys_shapes_and_types(self, name, protocol, key):
        model = self.net(name, protocol=protocol)
        before, good = model.state(), model.state()
        bad = [
            ({k: v for k, v in good.items() if k != key}, "is missing"),
            (good | {key: good[key][..., :-1]}, "of shape"),
            (good | {key: good[key].astype(np.int16)}, "got int16"),
            (good | {"surplus": np.zeros(2)}, "no 'surplus'"),
        ]
        for number in (k for k in good if k.split("/")[-1] in ("epoch", "n_samples")):
            bad.append((good | {number: np.array(-1)}, f"{number} must be >= 0, got -1"))
        for state, words in bad:
            with pytest.raises(DescriptionError, match=words) as error:
                model.load_state(state)
            assert key in str(error.value) or key not in words
            for k, v in model.state().items():
                np.testing.assert_array_equal(v, before[k], strict=True)

    def test_another_setting(self):
        with pytest.raises(DescriptionError, match="PublishedNet: setting/seed must be 4, got a state of 3"):
            self.net(seed=4).load_state(self.net().state())
        with pytest.raises(DescriptionError, match="PublishedNet: setting/recipe must be"):
            self.net("sgd").load_state(self.net("naca").state())

    def test_a_replayed_sample_without_a_class(self):
        model = self.net("replay", protocol=HONEST)
        with pytest.raises(DescriptionError, match="kept/y must hold a class for each of 0 samples, got 2"):
            model.load_state(model.state() | {"kept/y": np.zeros(2, np.int64)})

    def test_a_run_with_other_arguments(self):
        data, how = digits(), HONEST
        _, _, kept = whole_run("ncm", how)
        start = ContinualState.of(kept[2][0])
        model = self.net("ncm", protocol=how)
        with pytest.raises(DescriptionError, match="weights are not those after 2 tasks of start"):
            run_continual(model, SPLIT, data, start=start)
        model.load_state(kept[2][1])
        other = [
            ((replace(SPLIT, seed=1), data, how), {}, "split seed 0, got 1"),
            ((replace(SPLIT, limit_train=14), data, how), {}, "split limit_train 15, got 14"),
            ((SPLIT, data, PUBLISHED), {}, "protocol name 'honest', got 'published'"),
            ((SPLIT, data, replace(how, batch=7)), {}, "protocol batch 256, got 7"),
            ((SPLIT, data, how), {"forward": True}, "forward False, got True"),
            (
                (SPLIT, replace(data, x_test=data.x_test[:80], y_test=data.y_test[:80]), how),
                {},
                "test samples",
            ),
        ]
        for arguments, options, words in other:
            with pytest.raises(DescriptionError, match=f"run_continual: start is of a run with {words}"):
                run_continual(model, *arguments, start=start, **options)

    def test_arrays_of_a_run(self):
        good = whole_run("ncm", HONEST)[2][2][0]
        for arrays, words in [
            ({k: v for k, v in good.items() if k != "accuracy/r"}, "accuracy/r is missing"),
            (
                {k: v for k, v in good.items() if k != "changes/1/output/largest"},
                "changes/1/output/largest is m",
            ),
            (good | {"tasks/samples_seen": np.zeros(3, np.int64)}, "tasks/samples_seen must be int64"),
            (good | {"changes/2/output/largest": np.float64(0)}, "no 'changes/2/output/largest'"),
            (good | {"split/classes_per_task": np.int64(2)}, "accuracy/r must have 5 rows"),
            (good | {"split/order": np.zeros(10, np.int64)}, "order must hold each"),
        ]:
            with pytest.raises(DescriptionError, match=words):
                ContinualState.of(arrays)

    def test_scores_of_other_candidates(self):
        with pytest.raises(DescriptionError, match="make_model: scores must be those of the candidates"):
            make_model(continual_rule("ewc", "honest"), HONEST, setting(), SPLIT, digits(), scores={"p": 1.0})


def test_the_choice_on_validation_is_not_made_again(monkeypatch):
    rule, data = continual_rule("ewc", "honest"), digits()
    scores = dict.fromkeys(rule.honest, 0.5) | {"penalty 1000": 0.75}

    def never(*_):
        raise AssertionError("chose again")

    monkeypatch.setattr("tegmentum.plasticity.registry.choose_on_validation", never)
    model, again = make_model(rule, HONEST, setting(), SPLIT, data, scores=scores)
    assert model.recipe.penalty == 1e3
    assert again == scores
