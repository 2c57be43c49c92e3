"""Philox against the authors' known answers, and what the numbers made of it must be."""

import numba
import numpy as np
import pytest

from tegmentum.simcore.random.philox import (
    STREAM_SHUFFLE,
    STREAM_WEIGHTS,
    content_key,
    permutation,
    philox,
    seed_key,
    uniform,
)

# Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, answer
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, answer):
    assert list(philox(*words(counter), *words(key))) == words(answer)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_known_answers_of_arrays(counter, key, answer):
    counters = [np.full(3, word) for word in words(counter)]
    for found, expected in zip(philox(*counters, *words(key)), words(answer), strict=True):
        np.testing.assert_array_equal(found, np.full(3, expected))


def test_philox_compiled_equals_interpreted():
    compiled = numba.njit(philox)
    for counter, key, _ in KNOWN_ANSWERS:
        assert list(compiled(*words(counter), *words(key))) == list(philox(*words(counter), *words(key)))


def test_seed_key_holds_the_whole_seed():
    assert seed_key(0x0123456789ABCDEF) == (0x89ABCDEF, 0x01234567)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_out_of_range(seed):
    with pytest.raises(ValueError, match=str(seed)):
        seed_key(seed)


def test_uniform_is_uniform():
    n = 100_000
    u = uniform(n, seed=1, stream=STREAM_WEIGHTS)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    counts = np.bincount((u * 20).astype(int), minlength=20)
    chi2 = ((counts - n / 20) ** 2 / (n / 20)).sum()
    assert chi2 < 19 + 4 * np.sqrt(2 * 19)
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / np.sqrt(n)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_uniform_prefix_does_not_depend_on_length(n):
    np.testing.assert_array_equal(
        uniform(n, seed=3, stream=STREAM_WEIGHTS), uniform(101, seed=3, stream=STREAM_WEIGHTS)[:n]
    )


def test_seed_stream_and_entity_each_change_the_draws():
    reference = uniform(64, 5, STREAM_WEIGHTS, entity=0)
    for other in (
        uniform(64, 6, STREAM_WEIGHTS, entity=0),
        uniform(64, 5 + 2**32, STREAM_WEIGHTS, entity=0),
        uniform(64, 5, STREAM_SHUFFLE, entity=0),
        uniform(64, 5, STREAM_WEIGHTS, entity=1),
    ):
        assert not np.any(reference == other)


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_permutation_is_a_permutation(n):
    np.testing.assert_array_equal(np.sort(permutation(n, seed=1)), np.arange(n))


def test_permutation_orders_are_equally_likely():
    first = [permutation(4, seed=1, entity=entity)[0] for entity in range(4000)]
    counts = np.bincount(first, minlength=4)
    assert np.all(np.abs(counts - 1000) < 4 * np.sqrt(4000 * 0.25 * 0.75))


def test_content_key_is_a_function_of_one_sample():
    samples = np.random.default_rng(0).integers(0, 256, (50, 30), dtype=np.uint8)
    keys = content_key(samples)
    assert len(np.unique(keys)) == 50
    np.testing.assert_array_equal(keys[::-1], content_key(samples[::-1]))
    np.testing.assert_array_equal(keys[7:8], content_key(samples[7:8]))


def test_content_key_sees_every_byte():
    sample = np.zeros((1, 20), dtype=np.uint8)
    changed = np.repeat(sample, 20, axis=0)
    np.fill_diagonal(changed, 1)
    assert len(np.unique(np.concatenate([content_key(sample), content_key(changed)]))) == 21
