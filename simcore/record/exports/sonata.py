"""SONATA: spikes, nodes and, of projections whose populations are known, edges with their weights.

K. Dai et al. (2020), PLoS Comput. Biol. 16:e1007696, doi:10.1371/journal.pcbi.1007696
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import StoreError
from ..reader import reading
from ..trials import BLOCK
from .content import Content, content, need
from .publish import write_about

MAGIC, VERSION = 0x0A7A, (0, 1)
#: What HDF5 calls the orders that spikes may have.
SORTING = {"none": 0, "by_id": 1, "by_time": 2}


def to_sonata(store: Any, path: Path | str, drop: Collection[str] = ()) -> None:
    """Write a folder with ``spikes.h5`` (ms), ``nodes.h5``, ``edges.h5`` and ``circuit_config.json``.

    Edges have ``syn_weight``, in the unit that their attribute ``units`` names, and ``delay`` [ms] where it was
    recorded. Without trials (``drop=["trials"]``) they are laid end to end, a tick apart.

    Parameters
    ----------
    store : path or xarray.DataTree
    path : path
        a folder that does not exist
    drop : collection of str
        what may be left out; SONATA holds spikes and one snapshot of ``weights``, see `export`

    Raises
    ------
    StoreError
        If the store holds more, or does not tell which populations a projection connects.
    """
    h5py = need("h5py", "sonata")
    held = content(store, "sonata", ["weights"], drop)
    sizes = {name: trains.n_neurons for name, trains in held.trains.items()}
    edges = [(name, group, *_ends(held, name, sizes, group)) for name, group in held.groups("weights")]
    path = Path(path)
    path.mkdir()
    if held.trains:
        with h5py.File(path / "spikes.h5", "w") as file:
            _spikes(h5py, file, held)
    with h5py.File(path / "nodes.h5", "w") as file:
        _versioned(file)
        for name, n in sizes.items():
            population = file.create_group(f"nodes/{name}")
            population["node_type_id"] = np.zeros(n, np.int64)
            population["node_group_id"] = np.zeros(n, np.uint32)
            population["node_group_index"] = np.arange(n, dtype=np.uint64)
            population.create_group("0")
    types = {"nodes": "node_type_id model_type\n0 point_neuron\n", "edges": "edge_type_id\n0\n"}
    nodes = {name: {"type": "point_neuron"} for name in sizes}
    networks: dict[str, Any] = {"nodes": [_files("nodes") | {"populations": nodes}], "edges": []}
    (path / "node_types.csv").write_text(types["nodes"], encoding="utf-8")
    if edges:
        with h5py.File(path / "edges.h5", "w") as file:
            _versioned(file)
            for name, group, pre, post in edges:
                _edges(file.create_group(f"edges/{name}"), held, name, group, pre, post)
        (path / "edge_types.csv").write_text(types["edges"], encoding="utf-8")
        networks["edges"] = [
            _files("edges") | {"populations": {name: {"type": "chemical"} for name, *_ in edges}}
        ]
    config = {"manifest": {"$BASE_DIR": "."}, "networks": networks}
    (path / "circuit_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    write_about(path, "sonata", held.about())


def _files(what: str) -> dict[str, Any]:
    singular = what.removesuffix("s")
    return {
        f"{what}_file": f"$BASE_DIR/{what}.h5",
        f"{singular}_types_file": f"$BASE_DIR/{singular}_types.csv",
    }


def _versioned(file: Any) -> None:
    file.attrs["magic"], file.attrs["version"] = np.uint32(MAGIC), np.array(VERSION, np.uint32)


def _spikes(h5py: Any, file: Any, held: Content) -> None:
    """Write the spikes by time, a block at a time."""
    _versioned(file)
    order = h5py.enum_dtype(SORTING, basetype="i1")
    for name, trains in held.trains.items():
        group = file.create_group(f"spikes/{name}")
        group.attrs.create("sorting", SORTING["by_time"], dtype=order)
        times = group.create_dataset("timestamps", (trains.n_spikes,), np.float64)
        times.attrs["units"] = "ms"
        nodes = group.create_dataset("node_ids", (trains.n_spikes,), np.uint64)
        for lo in range(0, trains.n_spikes, BLOCK):
            hi = min(trains.n_spikes, lo + BLOCK)
            tick = trains.read("t", lo, hi) + held.shift[trains.trial_of(lo, hi)]
            times[lo:hi] = tick * held.tick_ms
            nodes[lo:hi] = trains.read("neuron", lo, hi)


def _ends(held: Content, name: str, sizes: dict[str, int], group: Any) -> tuple[str, str]:
    """Return the populations that a projection connects, and note their sizes."""
    config = held.tree.attrs.get("config")
    network = config.get("network") if isinstance(config, dict) else None
    described = (network or {}).get("projections", {}).get(name) if isinstance(network, dict) else None
    if described:
        pre, post = str(described["pre"]), str(described["post"])
    else:
        pairs = [(a, b) for a in sizes for b in sizes if name == f"{a}-{b}"]
        if len(pairs) != 1:
            raise StoreError(
                f"{held.source}: sonata: the store does not say which populations {name!r} connects; leave weights out "
                "with --drop weights, or export to parquet"
            )
        pre, post = pairs[0]
    for population, n in ((pre, group.attrs["n_pre"]), (post, group.attrs["n_post"])):
        sizes[population] = max(sizes.get(population, 0), int(n))
    return pre, post


def _edges(population: Any, held: Content, name: str, group: Any, pre: str, post: str) -> None:
    """Write the synapses of one projection at the last snapshot."""
    with reading(held.source):
        found = held.tree.run.weights(name).load()
    n = int(group.sizes["synapse"])
    for end, node, key in ((pre, "source", "pre"), (post, "target", "post")):
        ids = population.create_dataset(f"{node}_node_id", data=found[key].values.astype(np.uint64))
        ids.attrs["node_population"] = end
    population["edge_type_id"] = np.zeros(n, np.int64)
    population["edge_group_id"] = np.zeros(n, np.uint32)
    population["edge_group_index"] = np.arange(n, dtype=np.uint64)
    own = population.create_group("0")
    own["syn_weight"] = found.values
    own["syn_weight"].attrs["units"] = str(found.attrs.get("units", "1"))
    if "delay" in group.variables:
        delay = group["delay"]
        scale = (
            group.attrs["tick_ms"] if delay.attrs.get("units") == "tick" and "tick_ms" in group.attrs else 1.0
        )
        own["delay"] = delay.values * scale
        own["delay"].attrs["units"] = "ms" if scale != 1.0 else str(delay.attrs.get("units", "ms"))
