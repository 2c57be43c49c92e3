"""Convolution and pooling against scipy and numpy, in the engine: what arrives at each neuron."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import correlate2d

from tegmentum.simcore import (
    LIF,
    AvgPool2D,
    Conv2D,
    DescriptionError,
    FromCOO,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
    Uniform,
)

ADDER = LIF(tau_m=1e12, v_thresh=1e9)  # its potential is the sum of what has arrived


def arrived(rule, counts, n_post, weight=1.0, threads=1):
    """Sum of the input of each neuron when neuron i of the input grid fires ``counts[i]`` times."""
    neuron = np.repeat(np.arange(counts.size), counts.ravel())
    train, post = SpikeTrain("in", counts.size, np.ones(len(neuron)), neuron), Population("p", n_post, ADDER)
    projection = Projection(train, post, rule, weight=weight, delay=0.3)
    simulation = Simulation(Network(train, post, projection), precision="float64", threads=threads)
    assert simulation.n_synapses == rule.expected(counts.size, n_post)
    simulation.run(2.0)
    return simulation.state()["state/p/v"][0]


@pytest.mark.parametrize(
    ("shape", "size", "n_out", "stride", "padding"),
    [
        ((6, 5, 1), (3, 3), 1, 1, 0),
        ((7, 6, 2), (3, 2), 3, 1, 1),
        ((8, 9, 3), (2, 4), 2, (2, 3), (0, 2)),
        ((3, 3, 2), (3, 3), 4, 5, 0),
    ],
)
def test_convolution_is_the_correlation_of_scipy(shape, size, n_out, stride, padding):
    rng = np.random.default_rng(1)
    counts, kernel = rng.integers(0, 3, shape), rng.normal(size=(*size, shape[2], n_out))
    rule = Conv2D(kernel, shape, stride, padding)
    (sy, sx), (py, px) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded = np.pad(counts.astype(float), ((py, py), (px, px), (0, 0)))
    planes = [
        sum(correlate2d(padded[..., c], kernel[..., c, d], mode="valid")[::sy, ::sx] for c in range(shape[2]))
        for d in range(n_out)
    ]
    expected = np.stack(planes, axis=-1)
    assert rule.out_shape == expected.shape
    for threads in (1, 2):
        found = arrived(rule, counts, expected.size, weight=0.5, threads=threads)
        np.testing.assert_allclose(found.reshape(expected.shape), 0.5 * expected, rtol=1e-9, atol=1e-9)


def test_pooling_is_the_mean_of_windows():
    counts = np.random.default_rng(2).integers(0, 4, (6, 8, 3))
    means = counts.reshape(3, 2, 2, 4, 3).mean(axis=(1, 3))
    rule = AvgPool2D((6, 8, 3), (2, 4))
    np.testing.assert_allclose(arrived(rule, counts, means.size), means.ravel(), rtol=1e-9, atol=1e-9)
    overlapping = AvgPool2D((6, 8, 3), 3, stride=2)
    box = np.full((3, 3), 1 / 9)
    planes = [correlate2d(counts[..., c], box, mode="valid")[::2, ::2] for c in range(3)]
    expected = np.stack(planes, axis=-1)
    assert overlapping.out_shape == expected.shape
    np.testing.assert_allclose(arrived(overlapping, counts, expected.size), expected.ravel(), atol=1e-9)


def test_the_pools_weight_is_stored_once_and_the_convolutions_in_order():
    train, post = SpikeTrain("in", 16, [], []), Population("p", 4, ADDER)
    pool = Projection(train, post, AvgPool2D((4, 4, 1), 2), weight=2.0, name="pool")
    kernel = np.arange(4.0).reshape(2, 2, 1, 1)
    conv = Projection(train, post, Conv2D(kernel, (4, 4, 1), stride=2), delay=np.arange(1, 17) * 0.1)
    simulation = Simulation(Network(train, post, pool, conv), precision="float64")
    assert set(simulation.synapses("pool").weight) == {0.5}
    found, (i, j) = simulation.synapses("in-p"), conv.rule.pairs()
    expected = sorted(zip(i, range(1, 17), j, np.tile(np.arange(4.0), 4), strict=True))
    assert list(zip(found.pre, found.delay, found.post, found.weight, strict=True)) == expected


def test_errors_say_what_would_fit():
    train, post = SpikeTrain("in", 16, [], []), Population("p", 4, ADDER)
    kernel = np.ones((3, 3, 1, 1))
    for rule, weight, message in (
        (Conv2D(kernel, (4, 4, 2)), 1.0, "kernel must have 2 channels_in, as shape has, got 1"),
        (Conv2D(kernel, (5, 4, 1)), 1.0, "shape must hold 16 neurons"),
        (
            Conv2D(kernel, (4, 4, 1), padding=1),
            1.0,
            "the post population must have 16 neurons, (4, 4, 1), got 4",
        ),
        (Conv2D(kernel, (4, 4, 1), stride=0), 1.0, "stride must be 1 or 2 whole numbers >= 1, got 0"),
        (Conv2D(np.ones((5, 5, 1, 1)), (4, 4, 1)), 1.0, "large enough for one window"),
        (AvgPool2D((4, 4, 1), 2), Uniform(0.0, 1.0), "weight must be one number, a factor"),
        (AvgPool2D((4, 4, 1), 1.5), 1.0, "size must be 1 or 2 whole numbers >= 1, got 1.5"),
        (FromCOO([0], [4]), 1.0, "post must be in [0, 4)"),
    ):
        with pytest.raises(DescriptionError) as info:
            Projection(train, post, rule, weight=weight)
        assert message in str(info.value)
