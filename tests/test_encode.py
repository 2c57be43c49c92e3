"""Encoders against their formulas."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmentum.simcore.encode import bernoulli, intensities, latency, poisson, thresholds
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random.philox import (
    STREAM_ENCODE_TEST,
    STREAM_ENCODE_TRAIN,
    content_key,
    philox,
    seed_key,
)


def images(n=6, features=40, x_max=255, seed=0):
    return np.random.default_rng(seed).integers(0, x_max, (n, features), dtype=np.uint8, endpoint=True)


def triples(events, trial=None):
    """The events of all trials, or of one."""
    chosen = slice(None) if trial is None else events.trial == trial
    ids = events.trial[chosen] if trial is None else np.zeros(np.count_nonzero(chosen), np.int64)
    return list(zip(ids.tolist(), events.tick[chosen].tolist(), events.channel[chosen].tolist(), strict=True))


def naive_bernoulli(x, x_max, n_ticks, seed, epoch, stream, scale):
    """The documented definition, one draw at a time, in Python integers as far as they go."""
    found = []
    k0, k1 = seed_key(seed)
    for trial, sample in enumerate(x):
        key = int(content_key(sample[None])[0])
        for tick in range(n_ticks):
            for i, value in enumerate(sample.tolist()):
                c1 = tick // 4 + (epoch << 8)
                c3 = ((key >> 32) ^ (int(stream) << 24)) & 0xFFFFFFFF
                words = philox(
                    np.uint64(i), np.uint64(c1), np.uint64(key & 0xFFFFFFFF), np.uint64(c3), k0, k1
                )
                threshold = min(math.floor(scale * value / x_max * 2.0**32), 2**32)
                if int(words[tick % 4]) < threshold:
                    found.append((trial, tick, i))
    return found


@pytest.mark.parametrize(
    ("n_ticks", "seed", "epoch", "stream", "scale"),
    [
        (1, 0, 0, STREAM_ENCODE_TEST, 1.0),
        (10, 2**63 + 5, 2**24 - 1, STREAM_ENCODE_TRAIN, 0.3),
        (9, 7, 3, STREAM_ENCODE_TEST, 2.5),
    ],
)
def test_bernoulli_equals_its_definition(n_ticks, seed, epoch, stream, scale):
    x = images(n=3, features=11)
    events = bernoulli(x, 255, n_ticks, seed, epoch=epoch, stream=stream, scale=scale)
    assert triples(events) == naive_bernoulli(x, 255, n_ticks, seed, epoch, stream, scale)


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_bernoulli_rate(scale):
    n_ticks, x = 1000, np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    x[:, 0] = np.arange(4)  # other content, other draws
    events = bernoulli(x, 255, n_ticks, seed=1, scale=scale)
    counts = np.bincount(events.trial * 256 + events.channel, minlength=x.size).reshape(x.shape)
    p = scale * x / 255
    z = (counts - n_ticks * p) / np.sqrt(n_ticks * np.maximum(p * (1 - p), 1e-12))
    assert abs(counts.sum() - n_ticks * p.sum()) < 4 * np.sqrt(n_ticks * (p * (1 - p)).sum())
    assert np.mean(np.abs(z) > 2) < 0.07  # 4.6 % of a normal
    assert np.abs(z).max() < 5  # the largest of 1,024


def test_bernoulli_ticks_and_channels_are_independent():
    x = np.full((1, 400), 128, dtype=np.uint8)
    events = bernoulli(x, 255, 1000, seed=1)
    raster = np.zeros((1000, 400))
    raster[events.tick, events.channel] = 1
    for shifted, original in (
        (raster[1:], raster[:-1]),
        (raster[4:], raster[:-4]),
        (raster[:, 1:], raster[:, :-1]),
    ):
        r = np.corrcoef(shifted.ravel(), original.ravel())[0, 1]
        assert abs(r) < 4 / np.sqrt(shifted.size)


def test_saturated_always_spikes_and_dark_never():
    x = np.array([[0, 16, 0, 16]], dtype=np.uint8)
    events = bernoulli(x, 16, 50, seed=1)
    assert triples(events) == [(0, tick, channel) for tick in range(50) for channel in (1, 3)]
    assert len(bernoulli(x, 16, 50, seed=1, scale=0.0)) == 0


def test_thresholds_are_clipped():
    x = np.array([[0, 1, 128, 255]], dtype=np.uint8)
    assert thresholds(x, 255).tolist() == [[0, 2**32 // 255, int(128 / 255 * 2.0**32), 2**32]]
    assert thresholds(x, 255, scale=1e300).tolist() == [[0, 2**32, 2**32, 2**32]]


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(6)), kept=st.integers(1, 6))
def test_a_sample_does_not_see_its_batch(order, kept):
    x, chosen = images(), order[:kept]
    whole, part = bernoulli(x, 255, 13, seed=4), bernoulli(x[chosen], 255, 13, seed=4)
    for trial, original in enumerate(chosen):
        assert triples(part, trial) == triples(whole, original)


def test_a_longer_trial_begins_with_the_shorter():
    x = images()
    long, short = bernoulli(x, 255, 100, seed=4), bernoulli(x, 255, 30, seed=4)
    assert [event for event in triples(long) if event[1] < 30] == triples(short)


def test_seed_epoch_and_stream_each_change_the_spikes():
    x = images()
    reference = triples(bernoulli(x, 255, 20, seed=1))
    assert triples(bernoulli(x, 255, 20, seed=1)) == reference
    assert triples(bernoulli(x, 255, 20, seed=2)) != reference
    assert triples(bernoulli(x, 255, 20, seed=1, epoch=1)) != reference
    assert triples(bernoulli(x, 255, 20, seed=1, stream=STREAM_ENCODE_TRAIN)) != reference


@pytest.mark.parametrize("encoder", [lambda x: bernoulli(x, 255, 20, seed=1), lambda x: latency(x, 255, 20)])
def test_events_are_sorted_and_typed(encoder):
    events = encoder(images())
    assert triples(events) == sorted(triples(events))
    assert (events.trial.dtype, events.tick.dtype, events.channel.dtype) == (np.int64, np.int64, np.uint32)
    assert (events.n_trials, events.n_ticks, events.n_channels) == (6, 20, 40)


@pytest.mark.parametrize(
    "encoder", [lambda x: bernoulli(x, 255, 20, seed=1), lambda x: latency(x, 255, 20, tau=3.0)]
)
@pytest.mark.parametrize(
    "x", [np.zeros((3, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros((3, 0), np.uint8)]
)
def test_nothing_in_nothing_out(encoder, x):
    events = encoder(x)
    assert len(events) == 0
    assert (events.n_trials, events.n_channels) == x.shape


def test_latency_linear():
    x = np.arange(256, dtype=np.uint8)[None]
    events = latency(x, 255, 256)
    assert len(events) == 255  # all but intensity 0
    assert all(tick == 255 - channel for _, tick, channel in triples(events))


def test_latency_logarithmic():
    x = np.array([[0, 1, 8, 16, 32, 64, 128]], dtype=np.uint8)
    events = latency(x, 128, 50, tau=10 / math.log(2))  # 10 ticks an octave
    assert triples(events) == [(0, 0, 6), (0, 10, 5), (0, 20, 4), (0, 30, 3), (0, 40, 2)]


@pytest.mark.parametrize("tau", [None, 7.0])
def test_latency_order(tau):
    x = images(n=1, features=200)
    events = latency(x, 255, 64, tau)
    brightness = x[0, events.channel].astype(int)
    by_tick = [brightness[events.tick == tick] for tick in np.unique(events.tick)]
    assert all(later.max() < earlier.min() for earlier, later in pairwise(by_tick))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_ticks": 0}, "n_ticks must be at least 1, got 0"),
        ({"n_ticks": 1025}, "n_ticks must be at most 1024, got 1025"),
        ({"epoch": 2**24}, "epoch must be from 0 to 2\\*\\*24 - 1, got 16777216"),
        ({"epoch": -1}, "epoch must be from 0 .* got -1"),
        ({"seed": -1}, "seed must be from 0 .* got -1"),
        ({"scale": -0.1}, "scale must be finite and >= 0, got -0.1"),
        ({"scale": math.nan}, "scale must be finite and >= 0, got nan"),
        ({"x_max": 0}, "x_max must be from 1 to 255, got 0"),
        ({"x_max": 16}, "x must not exceed x_max = 16, got 255"),
        (
            {"x": np.zeros((2, 3))},
            r"uint8 array of shape \(n, features\), got float64 \(2, 3\); encode.intensities",
        ),
        ({"x": np.zeros(3, np.uint8)}, r"got uint8 \(3,\)"),
    ],
)
def test_bernoulli_refuses(change, message):
    arguments = {"x": np.full((1, 2), 255, np.uint8), "x_max": 255, "n_ticks": 10, "seed": 1}
    with pytest.raises(DescriptionError, match=message):
        bernoulli(**(arguments | change))


@pytest.mark.parametrize("tau", [0.0, -1.0, math.inf, math.nan])
def test_latency_refuses(tau):
    with pytest.raises(DescriptionError, match="tau must be finite and > 0 ticks, got"):
        latency(images(), 255, 10, tau)


def test_poisson_has_the_chances_of_its_rate():
    x = np.full((400, 6), [0, 0, 60, 120, 180, 240], dtype=np.uint8)
    x[:, 1], x[:, 0] = np.divmod(np.arange(400), 240)  # contents that differ, so that draws do
    found = poisson(x, 240, 100, 50.0, seed=3)
    share = np.bincount(found.channel, minlength=6)[2:] / (400 * 100)
    expected = 1 - np.exp(-0.05 * np.array([60, 120, 180, 240]) / 240)
    assert np.all(np.abs(share - expected) < 4 * np.sqrt(expected / 40_000))
    half = poisson(x[:3], 240, 100, 50.0, seed=3)
    assert triples(half) == [t for t in triples(found) if t[0] < 3]


@pytest.mark.parametrize(
    ("options", "text"), [({"rate": -1.0}, "rate"), ({"dt": np.inf}, "dt"), ({"seed": -1}, "seed")]
)
def test_poisson_refuses(options, text):
    with pytest.raises(DescriptionError, match=f"poisson: {text}"):
        poisson(images(), 255, **{"n_ticks": 10, "rate": 10.0, "seed": 0, **options})


def test_latency_over_a_span_and_above_a_brightness():
    x = np.array([[0, 20, 51, 52, 128, 255]], np.uint8)
    found = latency(x, 255, 50, span=20, least=0.2)
    assert triples(found) == [(0, 0, 5), (0, 10, 4), (0, 16, 3)]
    for options, text in (({"span": 50}, "span"), ({"least": 1.5}, "least")):
        with pytest.raises(DescriptionError, match=text):
            latency(x, 255, 50, **options)


def test_intensities_are_numbers_on_the_scale_of_the_training_samples():
    table = [[-1.0, 5, 3.0], [0.0, 5, 1e9], [1.0, 5, 3.5]]
    found = intensities(table, low=[-1.0, 5.0, 3.0], high=[1.0, 5.0, 4.0])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 0, 0], [128, 0, 255], [255, 0, 128]])  # 127.5 rounds to even
    np.testing.assert_array_equal(intensities(table)[:, 0], [0, 128, 255])
    np.testing.assert_array_equal(intensities([[0, 10, 300]], 0, 100), [[0, 26, 255]])
    assert intensities(np.zeros((0, 4))).shape == (0, 4)
    found = triples(latency(intensities(table), 255, 20))  # fit for an encoder
    assert found == [(1, 0, 2), (1, 9, 0), (2, 0, 0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0],), r"x must have the shape \(samples, features\), got \(2,\)"),
        (([[math.nan]],), "x must be finite"),
        (([["a"]],), "x must be numbers"),
        (
            ([[1.0, 2.0]], [0.0, 0.0, 0.0]),
            r"low must be a number or one for each of 2 features, got shape \(3,\)",
        ),
        (([[1.0]], 2.0, 1.0), "low must not be above high"),
    ],
)
def test_intensities_refuses(arguments, message):
    with pytest.raises(DescriptionError, match=f"intensities: {message}"):
        intensities(*arguments)
