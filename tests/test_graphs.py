"""Synapses by distance, on small worlds, of given degrees, and of graphs and sparse matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tegmentum.simcore import (
    LIF,
    DescriptionError,
    FromCOO,
    Network,
    Population,
    Projection,
    Simulation,
    degree_sequence,
    from_graph,
    from_sparse,
    lattice,
    nearby,
    small_world,
)


def test_a_lattice_runs_fastest_along_its_last_axis():
    assert lattice((2, 3), 0.5).tolist() == [[0, 0], [0, 0.5], [0, 1], [0.5, 0], [0.5, 0.5], [0.5, 1]]


@pytest.mark.parametrize("period", [None, 8.0, [8.0, 9.0]])
@pytest.mark.parametrize("itself", [True, False])
def test_all_within_the_radius_are_connected_and_no_others(period, itself):
    rng = np.random.default_rng(0)
    pre, post = rng.random((60, 2)) * 8, np.concatenate([rng.random((40, 2)) * 8, [[1.0, 1.0]]])
    pre[0] = post[-1]
    rule = nearby(pre, post, 1.7, period=period, itself=itself)
    expected = []
    for i, a in enumerate(pre):
        for j, b in enumerate(post):
            apart = abs(a - b)
            if period is not None:
                apart = np.minimum(apart, np.broadcast_to(period, 2) - apart)
            d = np.sqrt((apart**2).sum())
            if d <= 1.7 and (itself or d > 0):
                expected.append((i, j, d))
    assert list(zip(rule.pre.tolist(), rule.post.tolist(), strict=True)) == [(i, j) for i, j, _ in expected]
    assert np.allclose(rule.distance, [d for _, _, d in expected])


def test_probability_falls_with_distance_as_it_is_told():
    sheet = lattice((60, 60))
    rule = nearby(sheet, sheet, 12.0, lambda d: np.exp(-d / 3.0), period=60.0, itself=False, seed=1)
    whole = nearby(sheet, sheet, 12.0, period=60.0, itself=False)
    edges = np.arange(0.5, 12.5)
    share = np.histogram(rule.distance, edges)[0] / np.histogram(whole.distance, edges)[0]
    mean = [
        np.exp(-whole.distance[(whole.distance >= a) & (whole.distance < a + 1)] / 3).mean()
        for a in edges[:-1]
    ]
    assert np.allclose(share, mean, atol=0.01)
    again = nearby(sheet, sheet, 12.0, lambda d: np.exp(-d / 3.0), period=60.0, itself=False, seed=1)
    assert np.array_equal(again.post, rule.post)


def test_delays_may_grow_with_the_distance():
    sheet = lattice((8, 8), 0.1)
    rule = nearby(sheet, sheet, 0.25, 0.8, itself=False, seed=2)
    cells = Population("cells", 64, LIF())
    delay = np.round(1.0 + rule.distance / 0.3, 1)
    learn = Projection(cells, cells, rule, weight=np.exp(-rule.distance), delay=delay, name="near")
    found = Simulation(Network(cells, learn), dt=0.1).synapses("near")
    order = np.lexsort((found.post, found.pre))
    assert np.array_equal(found.pre[order], rule.pre)
    assert np.array_equal(found.post[order], rule.post)
    assert np.array_equal(found.delay[order], np.round(delay * 10))
    assert np.allclose(found.weight[order], np.exp(-rule.distance))


@pytest.mark.parametrize("p", [0.0, 0.1, 1.0])
def test_a_small_world_keeps_degrees_and_rewires_its_share(p):
    rule = small_world(500, 10, p, seed=3)
    assert (np.bincount(rule.post) == 10).all()
    assert (rule.pre != rule.post).all()
    assert len(set(zip(rule.pre.tolist(), rule.post.tolist(), strict=True))) == 5_000
    step = (rule.pre - rule.post) % 500
    near = ((step <= 5) | (step >= 495)).mean()
    expected = 1 - p + p * (10 * p / (490 + 10 * p))
    assert near == pytest.approx(expected, abs=0.02)


def test_degrees_are_those_given():
    rng = np.random.default_rng(4)
    out, into = rng.integers(0, 9, 200), np.zeros(100, int)
    into += np.bincount(rng.integers(0, 100, out.sum()), minlength=100)
    rule = degree_sequence(out, into, seed=5)
    assert np.array_equal(np.bincount(rule.pre, minlength=200), out)
    assert np.array_equal(np.bincount(rule.post, minlength=100), into)
    assert not np.array_equal(rule.post, degree_sequence(out, into, seed=6).post)


def test_a_sparse_matrix_is_its_synapses():
    matrix = sparse.random(30, 20, 0.1, format="csr", random_state=7)
    rule, weight = from_sparse(matrix)
    pre, post = Population("pre", 30, LIF()), Population("post", 20, LIF())
    synapses = Simulation(Network(pre, post, Projection(pre, post, rule, weight=weight, name="m"))).synapses(
        "m"
    )
    back = sparse.coo_matrix((synapses.weight, (synapses.pre, synapses.post)), (30, 20))
    assert np.allclose(back.toarray(), matrix.toarray())


def test_a_graph_is_its_edges():
    networkx = pytest.importorskip("networkx")
    directed = networkx.DiGraph()
    directed.add_nodes_from("abc")
    directed.add_edge("a", "c", weight=2.0, delay=1.5)
    directed.add_edge("c", "b", weight=-1.0, delay=0.5)
    rule, weight, delay = from_graph(directed)
    assert isinstance(rule, FromCOO)
    assert (rule.pre.tolist(), rule.post.tolist()) == ([0, 2], [2, 1])
    assert (weight.tolist(), delay.tolist()) == ([2.0, -1.0], [1.5, 0.5])
    ring = networkx.cycle_graph(4)
    rule, weight, delay = from_graph(ring)
    assert len(rule.pre) == 8
    assert weight is delay is None
    directed.add_edge("b", "a")
    with pytest.raises(DescriptionError, match="1 of 3 edges have no 'weight'"):
        from_graph(directed)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lattice((0, 3)), "shape must be"),
        (lambda: nearby(np.zeros(3), np.zeros((3, 2)), 1.0), r"pre must be positions"),
        (lambda: nearby(np.zeros((3, 1)), np.zeros((3, 2)), 1.0), "as many dimensions"),
        (lambda: nearby(np.zeros((3, 2)), np.zeros((3, 2)), 0.0), "radius must be > 0"),
        (lambda: nearby(np.zeros((3, 2)), np.zeros((3, 2)), 1.0, 1.5), r"probability must be in \[0, 1\]"),
        (lambda: nearby(np.zeros((3, 2)), np.zeros((3, 2)), 1.0, lambda d: d[:2]), "one for each distance"),
        (lambda: nearby(np.zeros((3, 2)), np.zeros((3, 2)), 1.0, period=1.5), "twice the radius"),
        (lambda: nearby(np.full((3, 2), 5.0), np.zeros((3, 2)), 1.0, period=3.0), "positions must lie"),
        (lambda: small_world(10, 3, 0.1), "k must be even"),
        (lambda: small_world(10, 2, 1.5), "p must be"),
        (lambda: degree_sequence([1, 2], [1]), "one sum, got 3 and 1"),
        (lambda: degree_sequence([1, -2], [1]), "numbers >= 0"),
        (lambda: from_sparse(np.eye(3)), "scipy.sparse"),
        (lambda: from_graph({}), "networkx graph"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(DescriptionError, match=message):
        make()
