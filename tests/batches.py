"""Batches made to lead a prediction astray, and the answer that none may change."""

from __future__ import annotations

import numpy as np


def assert_batch_invariant(model, x, y, x_max):
    """A model's predictions for x are the same alone, in any order, and in any company.

    The company: one class alone, as on the published protocol; copies of one sample; black ones, white ones, and
    negatives. The model is restored before each batch, so that nothing it keeps of an earlier one can answer.
    Returns those predictions.
    """
    state = model.state()

    def predicted(batch):
        model.load_state(state)
        return model.predict(np.ascontiguousarray(batch), x_max)

    whole = predicted(x)
    assert whole.dtype == np.int64
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_array_equal(predicted(x[order]), whole[order])
    for k in np.unique(y):
        np.testing.assert_array_equal(predicted(x[y == k]), whole[y == k])
    for i in range(0, len(x), max(len(x) // 6, 1)):
        one = x[i : i + 1]
        np.testing.assert_array_equal(predicted(one), whole[i : i + 1])
        for company in (
            np.zeros_like(x),
            np.full_like(x, x_max),
            (x_max - x).astype(x.dtype),
            np.repeat(x[i - 1 : i] if i else x[-1:], 33, axis=0),
            x[y != y[i]],
        ):
            found = predicted(np.concatenate([company, one, company]))
            assert found[len(company)] == whole[i]
    return whole
