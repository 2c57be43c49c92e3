"""Random mixtures of what columns answer: against the equation, exact in any company, as EGDC's read-out sees them."""

import numpy as np
import pytest

from tegmentum.datasets import load
from tegmentum.plasticity.egdc.egdc import EGDC, EGDCParameters
from tegmentum.plasticity.egdc.mixtures import Mixtures
from tegmentum.plasticity.egdc.whitened import WhitenedParameters
from tegmentum.simcore.errors import DescriptionError

COLUMNS = WhitenedParameters(n_features=24, size=3)
DIGITS = load("digits")


def answers(n, most=200, seed=0):
    return np.random.default_rng(seed).integers(0, most, (n, 90)).astype(np.float32)


def learned(most=200):
    mixtures = Mixtures(90, 40, 7)
    mixtures.learn(answers(60, most))
    return mixtures


@pytest.mark.parametrize("most", [200, 2**20])  # the sums of the latter are beyond float32
def test_equal_the_equation_in_whole_numbers(most):
    mixtures, x = learned(most), answers(30, most, 1)
    signs = mixtures.signs.astype(int)
    assert set(np.unique(signs)) == {-1, 1}
    early = answers(60, most).astype(int) @ signs
    threshold = np.rint(early.mean(axis=0))
    spread = np.sqrt(np.square(early - early.mean(axis=0)).mean())
    scale = 2.0 ** np.floor(np.log2(32 / spread))
    assert 16 <= spread * scale <= 32
    expected = np.rint(np.maximum(0, x.astype(int) @ signs - threshold) * scale)
    np.testing.assert_array_equal(mixtures.respond(x), expected)
    assert 0.3 < (expected > 0).mean() < 0.7


def test_a_sample_is_answered_alike_in_any_company():
    """Also beside one whose sums need another precision."""
    mixtures, x = learned(), answers(50, 200, 2)
    expected = mixtures.respond(x)
    large = np.full((1, 90), 2.0**22, np.float32)
    np.testing.assert_array_equal(mixtures.respond(np.concatenate([large, x[::-1]]))[1:], expected[::-1])
    for k in (0, 17, 49):
        np.testing.assert_array_equal(mixtures.respond(x[k : k + 1])[0], expected[k])
    assert mixtures.respond(x[:0]).shape == (0, 40)


def test_restored_they_answer_alike():
    mixtures, other = learned(), Mixtures(90, 40, 7)
    other.restore({name: np.array(values) for name, values in mixtures.arrays().items()})
    np.testing.assert_array_equal(other.respond(answers(9)), mixtures.respond(answers(9)))


def test_a_wider_read_out_learns_class_by_class_whatever_the_batch():
    """Few features, of which more mixtures say more: digits of five classes, one after the other."""
    found = {}
    keep, ask = DIGITS.y_train < 5, DIGITS.y_test < 5
    x, y = DIGITS.x_train[keep], DIGITS.y_train[keep]
    for n in (0, 400):
        model = EGDC((8, 8), 10, EGDCParameters(COLUMNS, prior=500.0, mixtures=n), seed=1, threads=2)
        costs = [model.learn_task(x[y == k], y[y == k], DIGITS.x_max, (k,)) for k in range(5)]
        predicted = model.predict(DIGITS.x_test[ask], DIGITS.x_max)
        found[n] = float((predicted == DIGITS.y_test[ask]).mean())
        one_by_one = [
            int(EGDC.predict(model, DIGITS.x_test[ask][k : k + 1], DIGITS.x_max)[0]) for k in range(0, 60, 7)
        ]
        assert one_by_one == predicted[0:60:7].tolist()
        response, events = model.columns.respond(x[y == 4], DIGITS.x_max)
        mixed = events + np.count_nonzero(response) * n
        seen = model.mixtures.respond(response) if n else response
        assert costs[4].synaptic_events == mixed + np.count_nonzero(seen) * 10
    assert min(found.values()) > 0.95


def test_bad_numbers():
    with pytest.raises(DescriptionError, match="mixtures must be >= 0, got -1"):
        EGDCParameters(COLUMNS, mixtures=-1)
    with pytest.raises(DescriptionError, match="n_outputs must be >= 1, got 0"):
        Mixtures(5, 0, 0)
