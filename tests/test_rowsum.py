"""The row-sum intrinsic against numpy, in value and in the order of its sum."""

import numpy as np
import pytest
from numba import njit

from tegmentum.simcore.intrinsics.rowsum import add_rows, sum_base, sum_rows, sum_tick
from tegmentum.simcore.lower import window_arrays

WIDTHS = list(range(16, 257, 16))


@njit
def call(acc, table, index, value, first, count):
    add_rows(acc, table, index, value, first, count)


@njit
def call_for_every_trial(acc, table, index, value, start, count):
    """Another caller: many lists in a loop, each into a row of its own."""
    for k in range(len(start)):
        add_rows(acc[k], table, index, value, start[k], count[k])


@njit
def call_for_sum(out, table, index, value, first, count):
    sum_rows(out, table, index, value, first, count)


@njit
def call_for_window(out, base, table, events, trial, n_ticks):
    sum_base(base, base, table, events, trial)
    for t in range(n_ticks):
        sum_tick(out[t], base, table, events, trial * n_ticks + t)


def problem(width, dtype=np.uint32, n_rows=12, n=40, seed=0, whole=False):
    """Accumulator, table, index and value; small whole numbers make every order of the sum exact."""
    rng = np.random.default_rng([seed, width])
    if whole:
        acc, table = rng.integers(-9, 10, width), rng.integers(-9, 10, (n_rows, width))
        value = rng.integers(-3, 4, n)
    else:
        acc, table, value = rng.normal(size=width), rng.normal(size=(n_rows, width)), rng.normal(size=n)
    index = rng.integers(0, n_rows, n).astype(dtype)
    return acc.astype(np.float32), table.astype(np.float32), index, value.astype(np.float32)


def in_order(acc, table, index, value, first, count):
    """The documented sum in float32, for values of +-1: wide blocks in one lane, the rest in four."""
    rows = (value[first : first + count, None] * table[index[first : first + count]]).astype(np.float32)
    wide = len(acc) // 64 * 64
    blocks = acc[:wide].copy()
    for row in rows:
        blocks += row[:wide]
    lanes = [acc[wide:].copy(), *(np.zeros(len(acc) - wide, np.float32) for _ in range(3))]
    whole = count // 4 * 4
    for k, row in enumerate(rows):
        lanes[k % 4 if k < whole else 0] += row[wide:]
    return np.concatenate([blocks, lanes[0] + lanes[1] + lanes[2] + lanes[3]])


@pytest.mark.parametrize("dtype", [np.uint32, np.uint16])
@pytest.mark.parametrize("width", WIDTHS)
def test_equals_numpy_exactly_on_whole_numbers(width, dtype):
    acc0, table, index, value = problem(width, dtype, whole=True)
    for count in range(10):
        for first in (0, 3):
            acc = acc0.copy()
            call(acc, table, index, value, first, count)
            chosen = slice(first, first + count)
            np.testing.assert_array_equal(
                acc, acc0 + value[chosen] @ table[index[chosen]], err_msg=f"{count} rows"
            )


@pytest.mark.parametrize("width", WIDTHS)
def test_equals_numpy_closely_on_any_numbers(width):
    acc0, table, index, value = problem(width)
    for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40):
        acc = acc0.copy()
        call(acc, table, index, value, 0, count)
        expected = acc0 + value[:count].astype(np.float64) @ table[index[:count]]
        np.testing.assert_allclose(acc, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_order_of_the_sum_depends_on_count_and_width_alone(width):
    acc0, table, index, value = problem(width, seed=1)
    value = np.sign(value)  # products are exact, so that only the order of the sum rounds
    for first in range(4):
        for count in range(10):
            acc = acc0.copy()
            call(acc, table, index, value, first, count)
            np.testing.assert_array_equal(acc, in_order(acc0, table, index, value, first, count))


@pytest.mark.parametrize("width", [16, 48, 64, 80, 192, 256])
def test_callers_agree_bit_for_bit(width):
    acc0, table, index, value = problem(width, seed=2)
    start, count = np.array([0, 3, 11, 20, 21, 30]), np.array([9, 8, 7, 1, 5, 10])
    together = np.tile(acc0, (len(start), 1))
    call_for_every_trial(together, table, index, value, start, count)
    for k in range(len(start)):
        acc = acc0.copy()
        call(acc, table, index, value, start[k], count[k])
        np.testing.assert_array_equal(together[k], acc)
        moved = acc0.copy()  # the same list at another place in memory
        chosen = slice(start[k], start[k] + count[k])
        call(moved, table, index[chosen].copy(), value[chosen].copy(), 0, count[k])
        np.testing.assert_array_equal(moved, acc)


def test_wide_columns_do_not_depend_on_the_width_of_the_table():
    acc0, table, index, value = problem(256, seed=3)
    acc = acc0.copy()
    call(acc, table, index, value, 0, 9)
    for column in range(0, 256, 64):
        block = acc0[column : column + 64].copy()
        call(block, np.ascontiguousarray(table[:, column : column + 64]), index, value, 0, 9)
        np.testing.assert_array_equal(acc[column : column + 64], block)


def test_nothing_but_the_accumulator_is_written():
    acc0, table, index, value = problem(80, seed=4)
    around = np.full(80 + 32, 7.0, np.float32)
    around[16:96] = acc0
    copies = [a.copy() for a in (table, index, value)]
    call(around[16:96], table, index, value, 0, 9)
    assert (around[:16] == 7).all()
    assert (around[96:] == 7).all()
    for before, after in zip(copies, (table, index, value), strict=True):
        np.testing.assert_array_equal(before, after)


def test_signed_indices_are_refused():
    from numba.core.errors import TypingError

    acc, table, index, value = problem(16)
    with pytest.raises(TypingError):
        call(acc, table, index.astype(np.int32), value, 0, 1)


@pytest.mark.parametrize("width", [16, 48, 64, 80, 192])
def test_weights_of_one_byte_are_the_same_numbers(width):
    acc0, table, index, _ = problem(width, np.uint16, n=300, seed=5)
    value = np.arange(-128, 128).astype(np.int8)
    acc, expected = acc0.copy(), acc0.copy()
    call(acc, table, index, value, 0, 256)
    call(expected, table, index, value.astype(np.float32), 0, 256)
    np.testing.assert_array_equal(acc, expected)


@pytest.mark.parametrize("width", [16, 64, 80, 128])
def test_a_sum_is_an_accumulator_that_was_zero(width):
    _, table, index, value = problem(width, seed=6)
    for count in range(10):
        out = np.full(width, 7.0, np.float32)
        call_for_sum(out, table, index, value, 2, count)
        expected = np.zeros(width, np.float32)
        call(expected, table, index, value, 2, count)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("number", "weight"), [(np.uint32, np.float32), (np.uint16, np.int8)])
@pytest.mark.parametrize("width", [16, 64, 80, 128])
def test_a_window_is_its_lists_one_by_one(width, number, weight):
    acc0, table, index, value = problem(width, number, n=400, seed=7)
    n_trials, n_ticks = 3, 7
    events = window_arrays.allocate(n_trials, n_ticks, len(index), number, weight)
    events.index[:], events.value[:] = index, np.sign(value)
    rng = np.random.default_rng(8)
    for start, count in ((events.base_start, events.base_count), (events.start, events.count)):
        start[:], count[:] = rng.integers(0, 300, len(start)), rng.integers(0, 99, len(start))
    events.count[[8, 9]] = 0, 1
    for trial in range(n_trials):
        base, out = np.stack([acc0, acc0]), np.full((n_ticks, width), np.nan, np.float32)
        call_for_window(out, base, table, events, trial, n_ticks)
        expected = acc0.copy()
        call(expected, table, events.index, events.value, events.base_start[trial], events.base_count[trial])
        np.testing.assert_array_equal(base, [expected, acc0])
        for t in range(n_ticks):
            slot, current = trial * n_ticks + t, expected.copy()
            call(current, table, events.index, events.value, events.start[slot], events.count[slot])
            np.testing.assert_array_equal(out[t], current)
