"""Receptive fields of the classifier by dopamine: who sees what, and no bit depends on threads or on company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from batches import assert_batch_invariant

from tegmentum.plasticity import DopamineParameters, OnlineLearner
from tegmentum.plasticity.learning.dopamine_classifier import parameters_for, receptive_fields
from tegmentum.simcore import DescriptionError

pytestmark = pytest.mark.slow  # engines of their own

SMALL = DopamineParameters(
    n_hidden=10, field=4, places=2, margin=1, lateral=0.0, w_hidden=0.7, v_hidden=0.05, epochs=1
)


def images(n):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, 64)).astype(np.uint8), rng.integers(0, 3, n)


def test_fields_are_squares_at_evenly_spaced_places():
    seen = receptive_fields(64, SMALL).T.reshape(10, 8, 8)
    places = [(1, 1)] * 3 + [(1, 3)] * 2 + [(3, 1)] * 3 + [(3, 3)] * 2
    for image, (top, left) in zip(seen, places, strict=True):
        expected = np.zeros((8, 8), bool)
        expected[top : top + 4, left : left + 4] = True
        assert np.array_equal(image, expected)


def test_only_synapses_within_fields_exist_and_learn_the_same_on_any_number_of_threads():
    x, y = images(20)
    found = []
    for threads in (1, 2):
        learner = OnlineLearner(64, 3, SMALL, seed=2, threads=threads)
        before = learner.simulation.synapses("pixels-hidden").weight
        work = learner.learn(x, y, 255)
        after = learner.simulation.synapses("pixels-hidden")
        assert work.synaptic_events > 0
        assert np.array_equal(np.stack([after.pre, after.post]), np.nonzero(receptive_fields(64, SMALL)))
        assert not np.array_equal(before, after.weight)
        found.append(
            (after.weight, learner.simulation.synapses("hidden-output").weight, learner.predict(x, 255))
        )
    for one, two in zip(*found, strict=True):
        assert np.array_equal(one, two)
    np.testing.assert_array_equal(assert_batch_invariant(learner, x, y, 255), found[1][2])


@pytest.mark.parametrize(
    ("options", "n_inputs", "word"),
    [({"field": 7}, 64, "field: must be 0, or fit"), ({}, 63, "field: must be 0, or fit")],
)
def test_fields_that_do_not_fit(options, n_inputs, word):
    with pytest.raises(DescriptionError, match=word):
        OnlineLearner(n_inputs, 3, replace(SMALL, **options))


@pytest.mark.parametrize("options", [{"field": -1}, {"places": 0}, {"margin": -1}, {"lateral": -0.1}])
def test_parameters_out_of_range(options):
    with pytest.raises(DescriptionError, match=next(iter(options))):
        replace(SMALL, **options)


def test_large_networks_for_mnist_have_fields():
    assert parameters_for("mnist", 400).field == 0
    one, two = parameters_for("mnist", 1000), parameters_for("mnist", 2000)
    assert one.field == two.field == 10
    assert one.w_output == pytest.approx(two.w_output * np.sqrt(2))
    assert parameters_for("digits", 1000).field == 0
