"""Builders: the same synapses in one call or in pieces, alone or by several threads."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    AllToAll,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    Network,
    OneToOne,
    Population,
    Projection,
    Simulation,
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


KEY = np.array(seed_key(5), np.uint64)


def builder(rule, same, n_pre=50, n_post=61, spread=map, **keywords):
    a, b = Population("a", n_pre, LIF()), Population("b", n_post, LIF())
    kernels = build.kernel_module("lower.wiring_kernel", WIRING)
    return targets.Builder(Projection(a, a if same else b, rule), 2, KEY, kernels, spread, **keywords)


def built(rule, spread, same):
    ptr, post, _ = builder(rule, same, spread=spread).targets()
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


@pytest.mark.parametrize("rule", [*RULES, OneToOne(), AllToAll(), FromCOO([3, 1, 3], [60, 2, 0])], ids=repr)
def test_targets_of_two_bytes_are_those_of_four(rule):
    n_post = 50 if isinstance(rule, OneToOne) else 61
    wide, narrow = (builder(rule, False, 50, n_post, kind=kind).targets() for kind in (np.uint32, np.uint16))
    assert (wide[1].dtype, narrow[1].dtype) == (np.uint32, np.uint16)
    for expected, found in zip(wide[:2], narrow[:2], strict=True):
        np.testing.assert_array_equal(expected, found)


def test_delays_may_be_given_to_no_synapses():
    a = Population("a", 3, LIF())
    nobody = Projection(a, a, FromCOO([], []), weight=np.zeros(0), delay=np.zeros(0), name="nobody")
    simulation = Simulation(Network(a, nobody))
    simulation.run(1.0)
    assert len(simulation.synapses("nobody").delay) == 0


LARGE = [
    FixedIndegree(30),
    FixedOutdegree(9),
    FixedOutdegree(700),
    FixedOutdegree(700, autapses=False),
    FixedOutdegree(700, multapses=False),
    FixedProbability(0.3),
    FixedProbability(0.7, autapses=False),
    FixedTotal(100_003),
    FixedTotal(30_000, autapses=False),
]


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("rule", LARGE, ids=repr)
def test_a_range_has_the_targets_and_the_numbers_of_the_whole(rule, same, monkeypatch):
    monkeypatch.setattr(targets, "_LEAST", 1)
    sizes = (900, 900 if same else 1_000)
    ptr, post, _ = builder(rule, same, *sizes).targets()
    rows = [post[a:b] for a, b in pairwise(ptr)]
    lower, seen = np.zeros(900, np.int64), 0

    def before(counts):  # as ranks tell each other
        told = lower.copy()
        lower[:] += counts
        return told

    for own in ((0, 1), (1, 330), (330, 331), (331, 331), (331, sizes[1])):
        part = builder(rule, same, *sizes, own=own, before=before)
        begin, targets_here, _ = part.targets()
        row = np.repeat(np.arange(900), np.diff(begin))
        within = np.arange(len(targets_here)) - begin[row]
        number = part.row_number if len(part.row_number) else (part.start[row] + within if len(row) else row)
        np.testing.assert_array_equal(targets_here, [rows[i][k] for i, k in zip(row, number, strict=True)])
        assert np.all((own[0] <= targets_here) & (targets_here < own[1]))
        seen += len(targets_here)
    assert seen == len(post)


@pytest.mark.parametrize("rule", [*LARGE[1:4], *LARGE[5:]], ids=repr)
def test_what_is_drawn_in_parts_has_the_moments_of_what_is_drawn_at_once(rule, monkeypatch):
    """Synapses between classes of pre and post neurons have the mean and the variance of independent draws."""
    monkeypatch.setattr(targets, "_LEAST", 1)
    n, bins = 900, 30  # a bin of 30 neurons is no part
    ptr, post, _ = builder(rule, True, n, n).targets()
    pre = np.repeat(np.arange(n), np.diff(ptr))
    if not getattr(rule, "autapses", True):
        assert np.all(pre != post)
    if isinstance(rule, FixedTotal):
        assert len(post) == rule.n
    if isinstance(rule, FixedOutdegree):
        assert np.all(np.diff(ptr) == rule.k)
    found = np.histogram2d(pre, post, bins)[0]
    found = found[~np.eye(bins, dtype=bool)]  # those where autapses lie have fewer
    share = (n / bins) ** 2 / (n * (n - 1) if not rule.autapses else n * n)
    trials = rule.expected(n, n)
    mean = trials * share if not isinstance(rule, FixedProbability) else rule.p * (n / bins) ** 2
    variance = mean * (1 - rule.p if isinstance(rule, FixedProbability) else 1 - n / bins / n)
    m = len(found)
    assert abs(found.mean() - mean) < 5 * np.sqrt(variance / m)
    assert abs(found.var() / variance - 1) < 5 * np.sqrt(2 / m)


def test_no_bit_of_a_word_is_lost_where_halves_are_counted():
    from tegmentum.simcore.lower.wiring_kernel import ones, upper_half

    for word in (0, 1, 0xFFFFFFFF, 0x80000001, 0xDEADBEEF, 0x55555555):
        assert ones(np.uint64(word)) == word.bit_count()
    for count in (0, 1, 31, 32, 33, 127, 128, 129, 1_000):
        halves = np.array([upper_half(i, 1, count, 0, KEY) for i in range(400)])
        assert halves.min() >= 0
        assert halves.max() <= count
        assert abs(halves.mean() - count / 2) <= 5 * np.sqrt(count / 4 / 400)
        assert abs(halves.var() - count / 4) <= 5 * count / 4 * np.sqrt(2 / 400)
