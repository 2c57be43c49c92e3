"""Synapses listed by what neurons are to each other: near, neighbours on a ring, of given degrees, in a graph.

Each function returns :class:`.FromCOO`, which any projection takes; what is drawn depends on ``seed`` alone. Positions
are arrays in a unit of one's own, say mm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DescriptionError
from . import checks
from .connectivity import FromCOO

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Nearby(FromCOO):
    """Synapses between near neurons; ``distance`` has the length of each, for weights and delays that depend on it."""

    distance: Any = ()


def lattice(shape: tuple[int, ...], spacing: float = 1.0) -> Array:
    """Return the positions of neurons on a regular lattice, the last axis running fastest.

    Parameters
    ----------
    shape : tuple of int
        neurons along each axis, of which there are one to three
    spacing : float
        distance of neighbours

    Returns
    -------
    float64[n, len(shape)]
    """
    if not 1 <= len(shape) <= 3 or min(shape) < 1:
        raise DescriptionError(f"lattice: shape must be one to three numbers >= 1, got {shape}")
    checks.number(spacing, "lattice", "spacing", above=0.0)
    axes = np.meshgrid(*(np.arange(n) * spacing for n in shape), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1)


def nearby(
    pre: Any,
    post: Any,
    radius: float,
    probability: float | Callable[[Array], Any] = 1.0,
    period: Any = None,
    itself: bool = True,
    seed: int = 0,
) -> Nearby:
    """Connect neurons that lie within ``radius`` of each other, with a probability that may fall with the distance.

    Parameters
    ----------
    pre, post : float[n, d]
        positions; d is 1, 2 or 3
    radius : float
        largest distance of two neurons that are connected
    probability : float or function
        of a synapse; a function gets distances, an array, and returns as many numbers in [0, 1]
    period : float or float[d], optional
        size of a space that goes on beyond its ends (a torus), where positions lie in [0, period); by default it ends
    itself : bool
        whether a neuron that lies where another does is connected to it: False leaves out self-connections
    seed : int

    Returns
    -------
    Nearby
        ordered by pre and post neuron

    Examples
    --------
    >>> sheet = lattice((10, 10), spacing=0.1)  # mm
    >>> rule = nearby(sheet, sheet, radius=0.3, probability=lambda d: np.exp(-d / 0.1), itself=False)
    >>> delay = 1.0 + rule.distance / 0.3  # ms, at 0.3 mm/ms
    """
    from scipy.spatial import cKDTree

    places = _positions(pre, "pre"), _positions(post, "post")
    if places[0].shape[1] != places[1].shape[1]:
        raise DescriptionError(
            f"nearby: pre and post must have as many dimensions, got {places[0].shape[1]} and {places[1].shape[1]}"
        )
    checks.number(radius, "nearby", "radius", above=0.0)
    size = None
    if period is not None:
        size = np.broadcast_to(checks.array(period, "nearby", "period", what="numbers"), places[0].shape[1:])
        if not (size > 0).all() or 2 * radius > size.min():
            raise DescriptionError(
                f"nearby: period must be at least twice the radius {radius:g}, got {period}"
            )
        if any((p < 0).any() or (p >= size).any() for p in places):
            raise DescriptionError(f"nearby: positions must lie in [0, period = {period})")
    trees = [cKDTree(p, boxsize=size) for p in places]
    found = trees[0].query_ball_tree(trees[1], radius)
    counts = np.array([len(row) for row in found], np.int64)
    i = np.repeat(np.arange(len(counts)), counts)
    j = np.array([k for row in found for k in sorted(row)], np.int64)
    apart = np.abs(places[0][i] - places[1][j])
    if size is not None:
        apart = np.minimum(apart, size - apart)
    distance = np.sqrt((apart**2).sum(axis=1))
    kept = np.ones(len(i), bool) if itself else distance > 0
    chance = np.asarray(probability(distance) if callable(probability) else probability, np.float64)
    if chance.shape not in ((), distance.shape) or not ((chance >= 0) & (chance <= 1)).all():
        raise DescriptionError(
            "nearby: probability must be in [0, 1], one number or one for each distance, got "
            f"{checks.shown(chance if chance.shape else float(chance))}"
        )
    kept &= np.random.default_rng([seed, 1]).random(len(i)) < chance
    return Nearby(i[kept], j[kept], distance[kept])


def small_world(n: int, k: int, p: float, seed: int = 0) -> FromCOO:
    """Connect each neuron of a ring to its ``k`` nearest, and draw a share ``p`` of these synapses anew.

    Each synapse keeps its post neuron; its pre neuron becomes any other with probability ``p``, without
    self-connections and without a second synapse between two neurons. 0 is a ring, 1 random. D. J. Watts, S. H.
    Strogatz (1998), Nature 393:440-442, doi:10.1038/30918, here directed.

    Parameters
    ----------
    n : int
        neurons
    k : int
        synapses onto each, an even number below n
    p : float
    seed : int
    """
    checks.number(n, "small_world", "n", whole=True, least=2)
    checks.number(k, "small_world", "k", whole=True, least=2)
    if k % 2 or k >= n:
        raise DescriptionError(f"small_world: k must be even and below n = {n}, got {k}")
    checks.number(p, "small_world", "p", least=0.0, most=1.0)
    rng = np.random.default_rng([seed, 2])
    steps = np.concatenate([np.arange(1, k // 2 + 1), -np.arange(1, k // 2 + 1)])
    pre = np.empty((n, k), np.int64)
    for post in range(n):
        ring = (post + steps) % n
        stays = rng.random(k) >= p
        taken = np.append(ring[stays], post)
        free = np.setdiff1d(np.arange(n), taken)
        pre[post] = np.concatenate([ring[stays], rng.choice(free, k - int(stays.sum()), replace=False)])
    return FromCOO(pre.ravel(), np.repeat(np.arange(n), k))


def degree_sequence(out_degrees: Any, in_degrees: Any, seed: int = 0) -> FromCOO:
    """Connect neurons at random such that each has the number of outgoing and of incoming synapses that is given.

    The configuration model: ends of synapses are paired by a random permutation, so that two neurons may share several
    synapses. M. E. J. Newman, S. H. Strogatz, D. J. Watts (2001), Phys. Rev. E 64:026118,
    doi:10.1103/PhysRevE.64.026118.

    Parameters
    ----------
    out_degrees : int[n_pre]
    in_degrees : int[n_post]
        of the same sum
    seed : int
    """
    degrees = []
    for name, given in (("out_degrees", out_degrees), ("in_degrees", in_degrees)):
        found = checks.array(given, "degree_sequence", name, kinds="iu", what="whole numbers")
        if found.ndim != 1 or (found < 0).any():
            raise DescriptionError(
                f"degree_sequence: {name} must be a list of numbers >= 0, got {checks.shown(given)}"
            )
        degrees.append(found)
    if degrees[0].sum() != degrees[1].sum():
        raise DescriptionError(
            "degree_sequence: out_degrees and in_degrees must have one sum, got "
            f"{degrees[0].sum()} and {degrees[1].sum()}"
        )
    post = np.repeat(np.arange(len(degrees[1])), degrees[1])
    return FromCOO(
        np.repeat(np.arange(len(degrees[0])), degrees[0]), np.random.default_rng([seed, 3]).permutation(post)
    )


def from_sparse(matrix: Any) -> tuple[FromCOO, Array]:
    """Return the synapses of a ``scipy.sparse`` matrix of shape (n_pre, n_post), and their weights.

    Entries that are stored count, zeros among them; of several at one place each is a synapse. ``rule, weight =
    from_sparse(matrix)`` goes into ``Projection(pre, post, rule, weight=weight)``.
    """
    if not hasattr(matrix, "tocoo"):
        raise DescriptionError(f"from_sparse: must be a scipy.sparse matrix, got {type(matrix).__name__}")
    found = matrix.tocoo()
    return FromCOO(found.row.astype(np.int64), found.col.astype(np.int64)), np.asarray(found.data)


def from_graph(
    graph: Any, weight: str = "weight", delay: str = "delay"
) -> tuple[FromCOO, Array | None, Array | None]:
    """Return the synapses of a ``networkx`` graph, and their weights and delays where its edges have such attributes.

    Nodes are numbered in the order of ``graph.nodes``. An edge of an undirected graph is a synapse each way.

    Returns
    -------
    rule, weights, delays
        of the latter two, None where no edge has the attribute

    Raises
    ------
    DescriptionError
        if some edges have the attribute and others have not
    """
    if not (hasattr(graph, "nodes") and hasattr(graph, "edges") and hasattr(graph, "is_directed")):
        raise DescriptionError(f"from_graph: must be a networkx graph, got {type(graph).__name__}")
    number = {node: k for k, node in enumerate(graph.nodes)}
    edges = [(number[u], number[v], data) for u, v, data in graph.edges(data=True)]
    if not graph.is_directed():
        edges += [(v, u, data) for u, v, data in edges if u != v]
    columns = []
    for name in (weight, delay):
        values = [data.get(name) for _, _, data in edges]
        missing = sum(value is None for value in values)
        if 0 < missing < len(values):
            raise DescriptionError(
                f"from_graph: {missing} of {len(values)} edges have no {name!r}; give it to all or none"
            )
        columns.append(None if missing or not values else np.array(values, np.float64))
    pre, post = (np.array([edge[k] for edge in edges], np.int64) for k in range(2))
    return FromCOO(pre, post), columns[0], columns[1]


def _positions(given: Any, name: str) -> Array:
    found = checks.array(given, "nearby", name, what="positions, an array (n, d)")
    if found.ndim != 2 or not 1 <= found.shape[1] <= 3 or not len(found):
        raise DescriptionError(
            f"nearby: {name} must be positions, an array (n, d) with d from 1 to 3, got {found.shape}"
        )
    return np.asarray(found, np.float64)
