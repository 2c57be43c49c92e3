"""Networks of point neurons from SONATA's files: nodes, edges and their types, as libsonata reads them.

K. Dai et al. (2020), PLoS Comput. Biol. 16:e1007696, doi:10.1371/journal.pcbi.1007696
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..describe.connectivity import FromCOO
from ..describe.network import Network, Population, Projection
from ..describe.sources import SpikeTrain
from ..errors import DescriptionError
from ..installed import install_line
from .sonata_neurons import neurons_of

Array = np.ndarray[Any, Any]
NOTHING = ("", "NULL", "None", "nan", "NaN")
STATIC = ("static_synapse", "nest:static_synapse", *NOTHING)


def from_sonata(config: Path | str) -> Network:
    """Return the network of point neurons that a SONATA circuit describes.

    A population of ``point_neuron`` becomes a :class:`.Population` of a model that :mod:`.sonata_neurons` lists; one
    of ``virtual`` nodes a :class:`.SpikeTrain` to be filled by :meth:`.Simulation.set_spikes`; a population of edges a
    :class:`.Projection`, or two, named with ``-exc`` and ``-inh``, where it has weights of both signs onto neurons that
    tell them apart. ``syn_weight``, ``delay`` and parameters stand at each edge or node, or in the tables of types; a
    node's own parameters come before the file that its type names.

    Parameters
    ----------
    config : path
        the circuit's configuration, a JSON file with ``networks``, as ``circuit_config.json``

    Raises
    ------
    DescriptionError
        without libsonata and h5py (extra ``sonata``); for a file that is none; for a node, edge, model or parameter
        that has no counterpart here, by its name
    """
    try:
        import h5py
        import libsonata
    except ImportError as error:
        raise DescriptionError(f"from_sonata needs libsonata and h5py: {install_line('sonata')}") from error
    path = Path(config)
    try:
        circuit = json.loads(libsonata.CircuitConfig.from_file(str(path)).expanded_json)
        return _Reader(libsonata, h5py, path.parent, circuit).network()
    except (libsonata.SonataError, RuntimeError, OSError, KeyError, json.JSONDecodeError) as error:
        raise DescriptionError(
            f"from_sonata: {path} is no SONATA circuit that could be read: {error}"
        ) from error


class _Reader:
    def __init__(self, libsonata: Any, h5py: Any, folder: Path, circuit: Mapping[str, Any]) -> None:
        self.libsonata, self.h5py, self.folder, self.circuit = libsonata, h5py, folder, circuit
        models = circuit.get("components", {}).get("point_neuron_models_dir")
        self.models = None if models is None else folder / models
        self.nodes: dict[str, Population | SpikeTrain] = {}

    def network(self) -> Network:
        for storage, file, types, name in self.stored("nodes", self.libsonata.NodeStorage):
            if name in self.nodes:
                raise DescriptionError(f"SONATA nodes {name!r} stand in two files")
            self.nodes[name] = self.population(storage.open_population(name), file, types)
        edges = self.stored("edges", self.libsonata.EdgeStorage)
        projections = [
            projection
            for storage, file, types, name in edges
            for projection in self.projections(storage.open_population(name), file, types)
        ]
        return Network(*self.nodes.values(), *projections)

    def stored(self, what: str, storage: Any) -> Iterator[tuple[Any, Path, dict[int, dict[str, str]], str]]:
        """Go through the populations of all files of nodes or of edges, with their table of types."""
        one = what.removesuffix("s")
        for entry in self.circuit["networks"].get(what, []):
            file, table = self.folder / entry[f"{what}_file"], entry.get(f"{one}_types_file")
            types = _types(self.folder / table, f"{one}_type_id") if table not in (None, *NOTHING) else {}
            if not file.is_file():
                raise DescriptionError(f"SONATA: there is no file {file}")
            opened = storage(str(file))
            for name in sorted(entry.get("populations", opened.population_names)):
                yield opened, file, types, name

    def population(self, nodes: Any, file: Path, types: dict[int, dict[str, str]]) -> Population | SpikeTrain:
        where = f"SONATA nodes {nodes.name!r}"
        rows = _Rows(self.h5py, file, f"nodes/{nodes.name}/node_type_id", types, nodes, where)
        (kind,) = rows.only("model_type", "a model_type")
        if kind == "virtual":
            return SpikeTrain(nodes.name, nodes.size, [], [])
        if kind not in ("point_neuron", "point_process"):
            raise DescriptionError(
                f"{where}: model_type {kind!r} has no counterpart here; point_neuron and virtual have"
            )
        (template,) = rows.only("model_template", "a model_template")
        values = {}
        for row in rows.used:
            file_name = types.get(row, {}).get("dynamics_params", "")
            values[row] = {} if file_name in NOTHING else self.parameters(file_name, where)
        given = {
            name: np.array([values[row].get(name, np.nan) for row in rows.used])[rows.index]
            for name in sorted({name for row in values.values() for name in row})
        }
        everyone = nodes.select_all()
        for name in nodes.dynamics_attribute_names:
            given[name] = nodes.get_dynamics_attribute(name, everyone)
        model, start = neurons_of(template, given, where)
        return Population(nodes.name, nodes.size, model, initial={} if start is None else {"v": start})

    def parameters(self, name: str, where: str) -> dict[str, float]:
        """Read the file of parameters that a type of nodes names."""
        if self.models is None:
            raise DescriptionError(
                f"{where}: {name} is in components/point_neuron_models_dir, which is not given"
            )
        with open(self.models / name, encoding="utf-8") as file:
            return {key: float(value) for key, value in json.load(file).items()}

    def projections(self, edges: Any, file: Path, types: dict[int, dict[str, str]]) -> Iterator[Projection]:
        where = f"SONATA edges {edges.name!r}"
        for end in (edges.source, edges.target):
            if end not in self.nodes:
                raise DescriptionError(f"{where}: there are no nodes {end!r}")
        pre, post = self.nodes[edges.source], self.nodes[edges.target]
        if isinstance(post, SpikeTrain):
            raise DescriptionError(f"{where}: its targets {post.name!r} are virtual")
        rows = _Rows(self.h5py, file, f"edges/{edges.name}/edge_type_id", types, edges, where)
        if edges.size == 0:
            return
        for template in rows.texts("model_template") | rows.texts("weight_function"):
            if template not in STATIC:
                raise DescriptionError(f"{where}: {template} has no counterpart here; static_synapse has")
        if edges.dynamics_attribute_names:
            raise DescriptionError(
                f"{where}: dynamics_params of edges are not read: {', '.join(edges.dynamics_attribute_names)}"
            )
        if np.any(rows.numbers("nsyns", 1.0) != 1.0):
            raise DescriptionError(f"{where}: nsyns other than 1 is not read; write an edge for each synapse")
        weight, delay = rows.numbers("syn_weight"), rows.numbers("delay")
        everyone = edges.select_all()
        ends = np.asarray(edges.source_nodes(everyone)), np.asarray(edges.target_nodes(everyone))
        apart = len(post.model.receptors) > 1
        signs = {"exc": weight >= 0.0, "inh": weight < 0.0} if apart else {"": weight == weight}
        both = apart and signs["exc"].any() and signs["inh"].any()
        for receptor, mine in signs.items():
            if mine.any():
                yield Projection(
                    pre,
                    post,
                    FromCOO(*(end[mine].astype(np.int64) for end in ends)),
                    weight=weight[mine],
                    delay=delay[mine],
                    receptor=receptor or None,
                    name=f"{edges.name}-{receptor}" if both else edges.name,
                )


class _Rows:
    """What each node or edge has: its own attributes, else those of its type."""

    def __init__(
        self, h5py: Any, file: Path, ids: str, types: dict[int, dict[str, str]], own: Any, where: str
    ) -> None:
        with h5py.File(file) as opened:
            row = opened[ids][:] if ids in opened else np.zeros(own.size, np.int64)
        self.used, self.index = np.unique(row, return_inverse=True)
        self.types, self.own, self.where = types, own, where
        absent = [int(k) for k in self.used if types and int(k) not in types]
        if absent:
            raise DescriptionError(f"{where}: type {absent[0]} is not in the table of types")

    def column(self, name: str) -> list[str]:
        """Entry of each type that is used, empty where there is none."""
        return [self.types.get(int(k), {}).get(name, "") for k in self.used]

    def texts(self, name: str) -> set[str]:
        """Return the different texts that stand there."""
        if name in self.own.attribute_names:
            return {str(text) for text in np.unique(self.own.get_attribute(name, self.own.select_all()))}
        return set(self.column(name))

    def only(self, name: str, what: str) -> set[str]:
        """Return the one text that all have."""
        found = self.texts(name)
        if len(found) != 1 or found <= set(NOTHING):
            raise DescriptionError(
                f"{self.where}: all must have {what}, and one and the same, got {', '.join(sorted(found)) or 'none'}"
            )
        return found

    def numbers(self, name: str, default: float | None = None) -> Array:
        """Return a number for each."""
        if name in self.own.attribute_names:
            return np.asarray(self.own.get_attribute(name, self.own.select_all()), np.float64)
        try:
            column = [default if text in NOTHING else float(text) for text in self.column(name)]
        except ValueError as error:
            raise DescriptionError(f"{self.where}: {name} must be numbers: {error}") from None
        if None in column:
            raise DescriptionError(f"{self.where}: no {name}, neither at each nor in the table of types")
        return np.array(column, np.float64)[self.index]


def _types(file: Path, key: str) -> dict[int, dict[str, str]]:
    """Read a table of types, whose columns are parted by blanks."""
    with open(file, encoding="utf-8", newline="") as opened:
        return {
            int(row[key]): row
            for row in csv.DictReader(opened, delimiter=" ", skipinitialspace=True, restval="")
        }
