"""Columns that dopamine teaches class neurons to read: against the equations, whatever the batch, and on and on."""

from dataclasses import replace

import numpy as np
import pytest

from tegmentum.datasets import load
from tegmentum.plasticity import ColumnClassifier, ColumnClassifierParameters, WhitenedParameters
from tegmentum.plasticity.egdc.whitened import WhitenedColumns
from tegmentum.plasticity.learning.column_classifier import COLUMN_RULES, column_parameters
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

COLUMNS = WhitenedParameters(
    n_features=20, size=3, pools=2, threshold=0.4, epsilon=1.0, n_ticks=10, mirrored=True
)
FEW = ColumnClassifierParameters(COLUMNS, epochs=3, critical_period=60)
DIGITS = load("digits")


def some(n, first=0):
    part = slice(first, first + n)
    return DIGITS.x_train[part], DIGITS.y_train[part], DIGITS.x_max


def learned(parameters=FEW, epochs=3, n=200, **options):
    model = ColumnClassifier((8, 8), 10, parameters, **options)
    for epoch in range(1, epochs + 1):
        model.learn(*some(n), epoch)
    return model


def weights(model):
    return np.concatenate([model.weights, model.bias[None]]).copy()


class TestViews:
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_of_moved_pools_are_answers_to_the_moved_image(self, mirrored):
        """Around an image with a blank rim, as MNIST's have, wide enough for a patch and its move."""
        p = replace(COLUMNS, mirrored=mirrored, pools=3)
        rim = p.size + 1
        image = np.zeros((5, 20, 20), np.uint8)
        image[:, rim:-rim, rim:-rim] = np.random.default_rng(0).integers(
            0, 256, (5, 20 - 2 * rim, 20 - 2 * rim)
        )
        columns = WhitenedColumns((20, 20), p, 1, 1)
        columns.learn(np.random.default_rng(1).integers(0, 256, (40, 400)).astype(np.uint8), 255)
        moves = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
        found = np.zeros((5, len(moves), columns.n_outputs), np.uint8)
        columns.look(image.reshape(5, -1), 255, moves, found)
        for k, move in enumerate(moves):
            moved = np.roll(image, move, axis=(1, 2)).reshape(5, -1)
            np.testing.assert_array_equal(found[:, k], columns.respond(moved, 255)[0])
        assert (found[:, 1:] != found[:, :1]).any()

    @pytest.mark.parametrize("shift", [0, 1])
    def test_of_pixels_are_moved_images(self, shift):
        model = ColumnClassifier((8, 8), 10, replace(FEW, columns=None, shift=shift))
        moves = model.parameters.moves
        x = np.random.default_rng(2).integers(0, 256, (3, 8, 8)).astype(np.uint8)
        found = np.zeros((3, len(moves), 64), np.uint8)
        model.columns.look(x.reshape(3, -1), 255, moves, found)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        for k, move in enumerate(moves):
            expected = np.roll(padded, move, axis=(1, 2))[:, 1:-1, 1:-1]
            np.testing.assert_array_equal(found[:, k].reshape(3, 8, 8), expected)


def test_learns_what_the_equations_say():
    """One pass in double precision, written down as the module's text has it."""
    p = replace(FEW, epochs=2)
    x, y, x_max = some(150)
    model = ColumnClassifier((8, 8), 10, p, seed=4)
    work = model.learn(x, y, x_max)
    views = np.zeros((150, 5, model.columns.n_outputs), np.uint8)
    events = model.columns.look(x, x_max, p.moves, views)
    early = views[:60, 0].astype(float)
    gain = np.sqrt(60 / np.square(early).sum())
    w, b = np.zeros((model.columns.n_outputs, 10)), np.zeros(10)
    order = rng.permutation(150, 4, rng.STREAM_SHUFFLE, 1)
    move = (rng.uniform(150, 4, rng.STREAM_VIEWS, 1) * 5).astype(int)
    right, levels = 0, []
    for i in order:
        a = gain * views[i, move[i]]
        v = a @ w + b
        right += int(v.argmax()) == y[i]
        level = 0.5 + 0.5 * (np.eye(10)[y[i]] - np.exp(v - v.max()) / np.exp(v - v.max()).sum())
        levels.append(level)
        g = np.maximum(level - 0.5, 0) / 0.5 - np.maximum(0.5 - level, 0) / 0.5
        w += 5.0 * a[:, None] * g
        b += 5.0 * g
    np.testing.assert_allclose(weights(model), np.vstack([w, b]), atol=2e-3 * np.abs(w).max())
    np.testing.assert_allclose(model.levels, [np.mean(levels, axis=0), np.std(levels, axis=0)], atol=1e-4)
    assert abs(work.correct - right) <= 1
    active = sum(np.count_nonzero(views[i, move[i]]) for i in range(150))
    assert work.synaptic_events == events.sum() + 10 * active


def test_a_prediction_does_not_depend_on_its_batch():
    """Not on company, order, or a batch made to lead it astray: all of another class, black, white, or itself."""
    model = learned(n=400, threads=2)
    x, y, x_max = some(160, 500)
    expected = model.predict(x, x_max)
    assert (expected == y).mean() > 0.5
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_array_equal(model.predict(x[order], x_max), expected[order])
    black, white = np.zeros_like(x[:50]), np.full_like(x[:50], x_max)
    for k in range(0, 160, 16):
        one = x[k : k + 1]
        others = x[y != y[k]]
        for company in (others, black, white, np.repeat(one, 50, axis=0)):
            batch = np.concatenate([company, one, company])
            assert model.predict(batch, x_max)[len(company)] == expected[k]
    assert model.predict(x[:0], x_max).shape == (0,)
    np.testing.assert_array_equal(model.predict(x, x_max), expected)  # asked again, nothing is new


def test_threads_and_memory_change_no_bit(monkeypatch):
    together, alone = learned(threads=2), learned(threads=1)
    np.testing.assert_array_equal(weights(together), weights(alone))
    monkeypatch.setattr("tegmentum.plasticity.learning.column_classifier.machine_memory", lambda: 1)
    np.testing.assert_array_equal(weights(learned()), weights(alone))


def test_goes_on_bit_for_bit_from_within_a_pass(monkeypatch):
    monkeypatch.setattr("tegmentum.plasticity.learning.column_classifier._AT_ONCE", 70)
    states, whole = [], ColumnClassifier((8, 8), 10, FEW)
    for epoch in (1, 2, 3):
        done = whole.learn(*some(200), epoch, on_state=lambda: states.append(whole.state()))
    for k, saved in enumerate(states):
        other = ColumnClassifier((8, 8), 10, FEW)
        other.load_state(saved)
        for epoch in range(k // 3 + 1, 4):
            again = other.learn(*some(200), epoch)
        np.testing.assert_array_equal(weights(other), weights(whole))
        np.testing.assert_array_equal(other.levels, whole.levels)
        assert (again.correct, again.synaptic_events) == (done.correct, done.synaptic_events)


def test_other_samples_are_looked_at_anew():
    """What columns answered is kept for the samples at hand, not for their numbers."""
    model, other = learned(epochs=1), learned(epochs=1)
    model.learn(*some(200, 400), 2)
    other.learn(*some(150, 400), 2)
    other.load_state(learned(epochs=1).state())
    other.learn(*some(200, 400), 2)
    np.testing.assert_array_equal(weights(model), weights(other))


@pytest.mark.parametrize("rule", COLUMN_RULES)
def test_learns_the_digits(rule):
    """Three seeds reach 98.3 to 99.2 % after 15 passes, and so do the controls: digits of 8 x 8 pixels are easy."""
    model = learned(replace(column_parameters(rule, (8, 8)), epochs=8), 8, len(DIGITS.x_train))
    assert (model.predict(DIGITS.x_test, DIGITS.x_max) == DIGITS.y_test).mean() > 0.96


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": 0.0}, "eta must be > 0"),
        ({"epochs": 0}, "epochs must be >= 1"),
        ({"shift": 2}, r"shift must be .*1"),
        ({"columns": replace(COLUMNS, n_ticks=0)}, "columns must spike: n_ticks >= 1"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(DescriptionError, match=message):
        replace(FEW, **options)


def test_bad_samples_and_states():
    x, y, x_max = some(100)
    model = ColumnClassifier((8, 8), 10, FEW)
    for args, message in (
        ((x[:, :63], y, x_max, 1), r"x must be uint8 \(n, 64\)"),
        ((x, y, 3, 1), "x must be <= x_max"),
        ((x, y[:5], x_max, 1), "y must hold 100 classes"),
        ((x, y, x_max, 4), r"epoch must be in \[1, 3\], got 4"),
        ((np.zeros_like(x), y, x_max, 1), "n_features must be <= the 0 patches"),
    ):
        with pytest.raises(DescriptionError, match=message):
            model.learn(*args)
    with pytest.raises(DescriptionError, match=r"columns/fields must be of shape \(20, 9\), but is missing"):
        model.load_state(ColumnClassifier((8, 8), 10, replace(FEW, columns=None)).state())
    assert not weights(model).any()
    with pytest.raises(DescriptionError, match="rule: must be one of"):
        column_parameters("columns", (8, 8))
