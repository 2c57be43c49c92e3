"""Bits of outputs and comparisons, against numpy."""

import numpy as np
import pytest
from numba import njit

from tegmentum.simcore.intrinsics.bits import (
    below,
    count_bits,
    count_set,
    first_set,
    get_outputs,
    list_bits,
    put_outputs,
)


@njit
def ask_below(words, first, limits, k):
    return below(words, first, limits, k)


@njit
def ask_word(word):
    return count_set(word), first_set(word)


@njit
def ask_list(bits, first, n, index, at):
    return list_bits(bits, first, n, index, at)


@njit
def ask_count(bits, first, n):
    return count_bits(bits, first, n)


@njit
def put_and_get(outputs, first, values, row, n, x):
    put_outputs(outputs, first, values, row)
    get_outputs(outputs, first, n, x)


def test_comparisons_are_one_bit_each_and_unsigned():
    rng = np.random.default_rng(0)
    words, limits = rng.integers(0, 2**32, (2, 200), dtype=np.uint32)
    limits[10:20] = words[33:43]  # not below what is equal
    for first, k in ((0, 0), (23, 0), (136, 136), (5, 100)):
        expected = words[first : first + 64] < limits[k : k + 64]
        found = np.array([ask_below(words, first, limits, k)], np.uint64).view(np.uint8)
        np.testing.assert_array_equal(np.unpackbits(found, bitorder="little"), expected)


@pytest.mark.parametrize("word", [1, 2, 6, 2**63, 2**64 - 1, 0b1011 << 40])
def test_bits_of_a_word(word):
    text = f"{word:064b}"
    assert ask_word(np.uint64(word)) == (text.count("1"), text[::-1].index("1"))


@pytest.mark.parametrize("number", [np.uint16, np.uint32])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 24, 1000])
def test_set_bits_are_listed_in_order_and_none_behind_the_last_neuron(n, number):
    rng = np.random.default_rng(n)
    fired = rng.random(n + 30) < 0.4
    fired[n:] = True
    bits = np.concatenate([[255, 255], np.packbits(fired, bitorder="little")]).astype(np.uint8)
    index = np.full(n + 20, 9, number)
    count = ask_list(bits, 2, n, index, 3)
    assert count == ask_count(bits, 2, n)
    np.testing.assert_array_equal(index[3 : 3 + count], np.flatnonzero(fired[:n]))
    assert (index[:3] == 9).all()
    assert (index[3 + (n + 7) // 8 * 8 :] == 9).all()


@pytest.mark.parametrize("width", [16, 64, 80])
def test_outputs_come_back_as_they_were_put(width):
    rng = np.random.default_rng(width)
    spikes = (rng.random((3, width)) < 0.4).astype(np.float32)
    graded = rng.normal(size=(3, width)).astype(np.float32)
    n = width - 5
    for values, outputs, of_one in (
        (spikes, np.zeros(40, np.uint8), 8),
        (graded, np.zeros(320, np.float32), 1),
    ):
        x = np.full(width, np.nan, np.float32)
        put_and_get(outputs, 32, values, 1, n, x)
        np.testing.assert_array_equal(x[:n], values[1, :n])
        kept = outputs[32 // of_one : (32 + width) // of_one]
        flat = np.unpackbits(kept, bitorder="little") if of_one == 8 else kept
        np.testing.assert_array_equal(flat, values[1])
        assert np.count_nonzero(outputs) == np.count_nonzero(kept)  # nothing around is written
