"""Products with kept outputs, against numpy, in value and in the order of their sum."""

import numpy as np
import pytest
from numba import njit

from tegmentum.simcore.intrinsics.bits import put_outputs
from tegmentum.simcore.intrinsics.dense import sum_outputs


@njit
def keep(outputs, first, values):
    for row in range(len(values)):
        put_outputs(outputs, first + row * values.shape[1], values, row)


@njit
def call(out, weights, outputs, first):
    sum_outputs(out, weights, outputs, first)


def in_order(weights, x):
    """The documented sum in float32: 16 sums, then halves added to halves."""
    sums = np.zeros((len(x), len(weights), 16), np.float32)
    for k in range(0, weights.shape[1], 16):
        sums += (weights[:, k : k + 16] * x[:, None, k : k + 16]).astype(np.float32)
    while sums.shape[-1] > 1:
        half = sums.shape[-1] // 2
        sums = sums[..., :half] + sums[..., half:]
    return sums[..., 0]


@pytest.mark.parametrize("n_ticks", [1, 2, 7])
@pytest.mark.parametrize(("n", "n_rows"), [(16, 4), (64, 12), (1024, 8)])
def test_the_order_of_the_sum_is_that_of_places(n, n_rows, n_ticks):
    rng = np.random.default_rng([n, n_rows, n_ticks])
    weights = rng.normal(size=(n_rows, n)).astype(np.float32)
    fired = (rng.random((n_ticks, n)) < 0.4).astype(np.float32)
    expected = in_order(weights, fired)
    for outputs in (np.zeros(n * (n_ticks + 1), np.float32), np.zeros(n * (n_ticks + 1) // 8, np.uint8)):
        keep(outputs, n, fired)
        out = np.full((n_ticks, n_rows + 3), 7.0, np.float32)
        call(out, weights, outputs, n)
        np.testing.assert_array_equal(out[:, :n_rows], expected)
        assert (out[:, n_rows:] == 7).all()


def test_graded_outputs_are_factors():
    rng = np.random.default_rng(3)
    weights, x = rng.normal(size=(4, 64)).astype(np.float32), rng.normal(size=(3, 64)).astype(np.float32)
    out = np.zeros((3, 4), np.float32)
    call(out, weights, x.ravel(), 0)
    np.testing.assert_allclose(out, x.astype(np.float64) @ weights.T, rtol=0, atol=1e-5)
