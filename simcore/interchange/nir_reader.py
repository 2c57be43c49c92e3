"""Networks from graphs of the Neuromorphic Intermediate Representation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, identity

from ..describe.connectivity import FromCOO
from ..describe.network import Network, Population, Projection
from ..describe.sources import SpikeTrain
from ..errors import DescriptionError
from ..installed import install_line
from .nir_linear import Shape, matrix_of
from .nir_neurons import neurons_of

NEURONS = ("LIF", "CubaLIF", "LI", "IF")
LINEAR = ("Affine", "Linear", "Conv2d", "AvgPool2d", "SumPool2d", "Scale", "Flatten")
Array = np.ndarray[Any, Any]


def nir_package(what: str) -> Any:
    """Return the package of that name; errors say ``what`` needs it."""
    try:
        import nir
    except ImportError as error:
        raise DescriptionError(f"{what} needs the package nir: {install_line('nir')}") from error
    return nir


def from_nir(graph: Any, dt: float, step: str = "exact") -> Network:
    """Return the network that a NIR graph describes.

    Each node of neurons (``LIF``, ``CubaLIF``, ``LI``, ``IF``) becomes a population of its name, each input a
    :class:`.SpikeTrain` to be filled by :meth:`.Simulation.set_spikes`; what is linear between two of them (``Affine``,
    ``Linear``, ``Conv2d``, ``AvgPool2d``, ``SumPool2d``, ``Scale``, ``Flatten``) becomes one projection, with a synapse
    for each weight that is not 0. Neurons are numbered as NIR flattens them, channels first.

    Parameters
    ----------
    graph : nir.NIRGraph or path of a file of one
    dt : float, ms
        step of the tool that wrote the graph, to which weights belong: a spike is an input of 1 for so long. The
        simulation's tick is to be the same, so that spikes fall into the same steps
    step : {'exact', 'euler'}
        whether that tool solves a neuron's equation or takes Euler's step, as snnTorch does; see :mod:`.nir_neurons`

    Returns
    -------
    Network
        where a synapse takes one tick more than in the graph, whose edges take no time; a bias acts from the first tick
        on in every layer

    Raises
    ------
    DescriptionError
        for a node that has no counterpart here, by its name
    """
    nir = nir_package("from_nir")
    if isinstance(graph, (str, os.PathLike)):
        try:
            graph = nir.read(graph)
        except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
            raise DescriptionError(f"from_nir: {graph} is no NIR graph: {error}") from error
    if not isinstance(graph, nir.NIRGraph):
        raise DescriptionError(
            f"from_nir: graph must be a nir.NIRGraph or a path, got {type(graph).__name__}"
        )
    if not (isinstance(dt, (int, float)) and not isinstance(dt, bool) and 0.0 < dt < np.inf):
        raise DescriptionError(f"from_nir: dt must be > 0 ms, got {dt!r}")
    if step not in ("exact", "euler"):
        raise DescriptionError(f"from_nir: step must be exact or euler, got {step!r}")
    return _Reader(graph, float(dt), step == "euler").network()


class Pass:
    """Input or output of a graph within a graph: what it is given it gives on."""


def _flattened(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return nodes and edges of a graph, those of graphs within it in their places."""
    nodes: dict[str, Any] = {}
    edges = []
    gates = {}  # of an inner graph: where edges that reach it go, and where those that leave it begin
    for name, node in graph.nodes.items():
        if hasattr(node, "edges"):
            inner, its_edges = _flattened(node, f"{prefix}{name}.")
            ends = [
                [key for key, part in inner.items() if type(part).__name__ == kind]
                for kind in ("Input", "Output")
            ]
            if any(len(found) != 1 for found in ends):
                raise DescriptionError(
                    f"NIR node {name!r}: a graph within a graph must have one input and one output"
                )
            gates[name] = ends[0][0], ends[1][0]
            nodes |= {key: Pass() if key in gates[name] else part for key, part in inner.items()}
            edges += its_edges
        else:
            nodes[f"{prefix}{name}"] = node
    for start, end in graph.edges:
        edges.append(
            (
                gates[start][1] if start in gates else f"{prefix}{start}",
                gates[end][0] if end in gates else f"{prefix}{end}",
            )
        )
    return nodes, edges


class _Reader:
    def __init__(self, graph: Any, dt: float, euler: bool) -> None:
        self.dt, self.euler = dt, euler
        self.nodes, edges = _flattened(graph)
        self.before: dict[str, list[str]] = {name: [] for name in self.nodes}
        for start, end in edges:
            self.before[end].append(start)
        self.shapes: dict[str, Shape] = {}
        self.matrices: dict[str, tuple[csr_array, Array | None, Shape]] = {}
        for name, node in self.nodes.items():
            kind = type(node).__name__
            if kind not in (*NEURONS, *LINEAR, "Input", "Output", "Delay", "Pass"):
                raise DescriptionError(f"NIR node {name!r}: there is no {kind} here")
            if kind == "Output":
                linear = [start for start in self.before[name] if type(self.nodes[start]).__name__ in LINEAR]
                if linear:
                    raise DescriptionError(
                        f"NIR node {name!r}: its input {linear[0]!r} is linear; outputs here are spikes or the "
                        "potentials of neurons: put a LI between"
                    )

    def kind(self, name: str) -> str:
        return type(self.nodes[name]).__name__

    def network(self) -> Network:
        trains = {
            name: SpikeTrain(name, int(np.prod(self.shape(name))), [], [])
            for name in self.nodes
            if self.kind(name) == "Input"
        }
        populations: dict[str, Population] = {}
        arriving = {}
        for name in self.nodes:
            if self.kind(name) not in NEURONS:
                continue
            n = int(np.prod(self.shape(name)))
            paths = list(self.paths(name, ()))
            bias = np.zeros(n)
            for _, _, added, _ in paths:
                bias += added
            found = neurons_of(name, self.nodes[name], n, bias, self.dt, self.euler)
            populations[name] = Population(name, n, found.model, initial={"v": found.start})
            arriving[name] = found, paths
        projections = []
        for name, (found, paths) in arriving.items():
            taken: dict[str, int] = {}
            for start, matrix, _, delay in paths:
                k = taken[start] = taken.get(start, 0) + 1
                parts = (found.gain[:, None] * matrix).tocoo()
                kept = parts.data != 0.0
                if not kept.any():
                    continue
                rule = FromCOO(parts.col[kept].astype(np.int64), parts.row[kept].astype(np.int64))
                projections.append(
                    Projection(
                        trains[start] if start in trains else populations[start],
                        populations[name],
                        rule,
                        weight=parts.data[kept],
                        delay=self.dt + delay,
                        receptor=found.receptor,
                        name=f"{start}-{name}" + (f"-{k}" if k > 1 else ""),
                    )
                )
        return Network(*trains.values(), *populations.values(), *projections)

    def shape(self, name: str, above: tuple[str, ...] = ()) -> Shape:
        """Return the shape of a node's output: its own, or what follows from that of its input."""
        if name not in self.shapes:
            node, kind = self.nodes[name], self.kind(name)
            if kind == "Input":
                found: Shape = tuple(int(k) for k in np.atleast_1d(node.input_type["input"]))
            elif kind in NEURONS and np.size(node.r) > 1:
                found = np.shape(node.r)
            elif kind in ("Affine", "Linear"):
                found = (int(np.shape(node.weight)[0]),)
            elif kind in LINEAR:
                found = self.linear(name, above)[2]
            else:  # neurons that share their parameters are as many as their input has numbers
                found = self.input_shape(name, above)
            self.shapes[name] = found
        return self.shapes[name]

    def linear(self, name: str, above: tuple[str, ...] = ()) -> tuple[csr_array, Array | None, Shape]:
        """Return what :func:`.matrix_of` says of a node, worked out once."""
        if name not in self.matrices:
            self.matrices[name] = matrix_of(name, self.nodes[name], self.input_shape(name, above))
        return self.matrices[name]

    def input_shape(self, name: str, above: tuple[str, ...] = ()) -> Shape:
        """Return the shape of what a node is given, by the first of its inputs that does not wait for it."""
        for start in self.before[name]:
            if start not in above:
                return self.shape(start, (*above, name))
        raise DescriptionError(f"NIR node {name!r}: has no input that tells its shape")

    def paths(self, name: str, above: tuple[str, ...]) -> Iterator[tuple[str, csr_array, Array, float]]:
        """Give, for each way from spikes to a node: where from, the matrix, what is added, and the delay [ms]."""
        for start in self.before[name]:
            if start in above:
                raise DescriptionError(f"NIR node {start!r}: lies on a cycle without neurons")
            kind = self.kind(start)
            if kind in NEURONS or kind == "Input":
                n = int(np.prod(self.shape(start)))
                yield start, csr_array(identity(n, format="csr")), np.zeros(n), 0.0
                continue
            ways = list(self.paths(start, (*above, start)))
            if kind in ("Delay", "Pass"):
                later = self._delay(start) if kind == "Delay" else 0.0
                for origin, matrix, added, delay in ways:
                    yield origin, matrix, added, delay + later
                continue
            own, bias, _ = self.linear(start)
            for k, (origin, matrix, added, delay) in enumerate(ways):
                if own.shape[1] != matrix.shape[0]:
                    raise DescriptionError(
                        f"NIR node {start!r}: takes {own.shape[1]} numbers, its input has {matrix.shape[0]}"
                    )
                further = own @ added
                yield (
                    origin,
                    csr_array(own @ matrix),
                    further + bias if bias is not None and k == 0 else further,
                    delay,
                )

    def _delay(self, name: str) -> float:
        values = 1e3 * np.unique(np.asarray(self.nodes[name].delay, np.float64))
        if values.size != 1:
            raise DescriptionError(
                f"NIR node {name!r}: delay must be one for all, got {values.size} between {values[0]:g} and "
                f"{values[-1]:g} ms"
            )
        return float(values[0])
