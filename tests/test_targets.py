"""Builders: the same synapses in one call or in pieces, alone or by several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    Population,
    Projection,
)
from tegmentum.simcore.compile import modules as build
from tegmentum.simcore.lower import targets
from tegmentum.simcore.lower.rows import WIRING
from tegmentum.simcore.random.philox import seed_key

RULES = [
    FixedIndegree(7),
    FixedIndegree(7, autapses=False, multapses=False),
    FixedIndegree(40, multapses=False),
    FixedOutdegree(9, autapses=False),
    FixedProbability(0.2),
    FixedProbability(1.0, autapses=False),
    FixedProbability(0.0),
    FixedTotal(501),
    FixedTotal(0),
]


def built(rule, spread, same):
    a, b = Population("a", 50, LIF()), Population("b", 61, LIF())
    projection = Projection(a, a if same else b, rule)
    key, kernels = np.array(seed_key(5), np.uint64), build.kernel_module("lower.wiring_kernel", WIRING)
    ptr, post, _ = targets.Builder(projection, 2, key, kernels, spread).targets()
    return ptr, post


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_pieces_and_threads_change_nothing(rule, same, monkeypatch):
    whole = built(rule, map, same)
    monkeypatch.setattr(targets, "_SMALL", 1)
    with ThreadPoolExecutor(3) as pool:
        for spread in (map, pool.map):
            for expected, found in zip(whole, built(rule, spread, same), strict=True):
                np.testing.assert_array_equal(expected, found)
    ptr, post = whole
    assert ptr[0] == 0
    assert ptr[-1] == len(post)
    assert np.all(np.diff(ptr) >= 0)
    assert np.all(post < (50 if same else 61))
