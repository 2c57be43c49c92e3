"""What an opened store holds, as exports ask for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DescriptionError, StoreError, TegmentumError
from ...installed import install_line
from ..reader import open_run
from ..trials import Trains, trains_of

Array = np.ndarray[Any, Any]

#: What may be left out, and what each is.
PARTS = {
    "trials": "where trials begin and end, and their labels",
    "weights": "weights of synapses",
    "history": "all snapshots of weights but the last",
    "eligibility": "eligibilities of synapses",
    "levels": "levels of neuromodulators",
    "traces": "state variables over time",
    "tables": "accuracy by epoch and other tables",
}
_KINDS = {"modulators": "levels"}


@dataclass(frozen=True, eq=False)
class Content:
    """Spikes by population, with the trials that all of them share.

    Parameters
    ----------
    source : str
    tree : xarray.DataTree
    trains : dict of str to Trains
    ticks : array of int64
        length of each trial; where it was not recorded, or the trial goes on, until its last spike
    dropped : frozenset of str
    """

    source: str
    tree: Any
    trains: dict[str, Trains]
    ticks: Array
    dropped: frozenset[str]

    @property
    def tick_ms(self) -> float:
        """Length of a tick [ms]."""
        return next((t.tick_ms for t in self.trains.values()), 1.0)

    @property
    def start(self) -> int:
        """Tick at which every trial begins."""
        return next((t.start for t in self.trains.values()), 0)

    @property
    def named(self) -> dict[str, Array]:
        """What else is known of each trial."""
        return next((t.named for t in self.trains.values()), {})

    @property
    def shift(self) -> Array:
        """Ticks by which each trial is later where they are laid end to end, a tick apart.

        A trial of n ticks takes the times 0 to n, both included: a spike at its very end is none of the next one.
        """
        return np.concatenate([[0], np.cumsum(self.ticks + 1)[:-1]]).astype(np.int64)

    def seconds(self, tick: Array) -> Array:
        """Return times [s]: ms, as xarray shows them, divided by 1000."""
        return tick * self.tick_ms / 1000.0

    def by_neuron(self, name: str, trials: Array | None = None) -> tuple[Array, Array]:
        """Return the ticks of a population's spikes, one neuron's after the other's, and where each begins.

        Trials are laid end to end, unless one alone is asked for; then its ticks are those of the store.
        """
        trains = self.trains[name]
        chosen = np.arange(len(trains)) if trials is None else trials
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.uint32))]
        for lo, hi in trains.joined(chosen):
            tick, neuron = trains.read("t", lo, hi), trains.read("neuron", lo, hi)
            parts.append((tick + self.shift[trains.trial_of(lo, hi)] if trials is None else tick, neuron))
        tick, neuron = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((tick, neuron))
        edge = np.concatenate([[0], np.cumsum(np.bincount(neuron, minlength=trains.n_neurons))])
        return tick[order], edge.astype(np.int64)

    def about(self) -> dict[str, Any]:
        """Return the manifest, the outcome by population and what was left out, for JSON."""
        root = self.tree.dataset
        outcome = {str(k): v.values.tolist() for k, v in root.variables.items() if "epoch" not in v.dims}
        return {"store": Path(self.source).name, **self.tree.attrs, "outcome": outcome,
                "left_out": sorted(self.dropped & set(present(self.tree)))}  # fmt: skip

    def groups(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Give the groups of a kind, such as ``weights``, that have not been dropped."""
        if _KINDS.get(kind, kind) not in self.dropped and kind in self.tree.children:
            for name, node in self.tree[kind].children.items():
                yield name, node.to_dataset(inherit=False)


def content(store: Any, to: str, held: Collection[str], drop: Collection[str] = ()) -> Content:
    """Open what goes into a format, and refuse what it cannot hold unless that is to be dropped.

    Parameters
    ----------
    store : path or xarray.DataTree
    to : str
        name of the format
    held : collection of str
        the parts that it holds, of `PARTS`
    drop : collection of str
        the parts that may be left out

    Raises
    ------
    StoreError
        If the store holds what the format cannot, names each such part; or if populations differ in their trials.
    DescriptionError
        If something unknown is to be dropped.
    """
    for part in drop:
        if part not in PARTS:
            raise DescriptionError(f"drop: must be some of {', '.join(PARTS)}, got {part!r}")
    tree = open_run(store) if isinstance(store, str | Path) else store
    source = str(tree.encoding.get("source", "run store"))
    dropped = frozenset(drop) | (frozenset(["history"]) if "weights" in drop else frozenset())
    lost = {part: what for part, what in present(tree).items() if part not in held and part not in dropped}
    if lost:
        said = "; ".join(f"{part} ({what})" for part, what in lost.items())
        raise StoreError(
            f"{source}: {to} cannot hold {said}; leave them out with --drop {','.join(lost)}, or export to parquet, "
            "which holds everything"
        )
    trains = trains_of(source, tree)
    return Content(source, tree, trains, _shared(source, trains), dropped)


def present(tree: Any) -> dict[str, str]:
    """Return which of `PARTS` a store has, and how many of them."""
    found: dict[str, str] = {}
    for name, trains in trains_of("", tree).items():
        if (len(trains) > 1 or trains.named) and "trials" not in found:
            names = "".join(f", {key}" for key in trains.named)
            found["trials"] = f"{len(trains)} of {name!r}{names}"
    for kind in ("weights", "eligibility", "modulators", "traces"):
        if kind in tree.children and tree[kind].children:
            found[_KINDS.get(kind, kind)] = ", ".join(map(str, tree[kind].children))
    if "weights" in found:
        sizes = [n.sizes.get("snapshot", n.sizes.get("time", 0)) for n in tree["weights"].children.values()]
        if max(sizes) > 1:
            found["history"] = f"{max(sizes)} snapshots of weights"
    known = {"spikes", "weights", "eligibility", "modulators", "traces", "trials"}
    tables = [name for name in tree.children if name not in known]
    if "epoch" in tree.dataset.dims:
        tables.insert(0, "by epoch")
    if tables:
        found["tables"] = ", ".join(tables)
    return found


def _shared(source: str, trains: dict[str, Trains]) -> Array:
    """Lengths of the trials, which all populations share."""
    first = next(iter(trains.values()), None)
    if first is None:
        return np.zeros(0, np.int64)
    ends = np.zeros(len(first), np.int64)
    for t in trains.values():
        if len(t) != len(first) or t.tick_ms != first.tick_ms or (t.ticks != first.ticks).any():
            raise StoreError(
                f"{source}: {first.name!r} and {t.name!r} differ in their trials or ticks; of a run that goes on, "
                "wait for the next commit"
            )
        for k in np.flatnonzero((t.ticks == 0) & (np.diff(t.edge) > 0)):
            ends[k] = max(ends[k], int(t.read("t", int(t.edge[k + 1]) - 1, int(t.edge[k + 1]))[0]) - t.start)
    return np.where(first.ticks > 0, first.ticks, ends)


def need(module: str, extra: str) -> Any:
    """Import the library of a format.

    Raises
    ------
    TegmentumError
        with the line to type, where it is not installed
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise TegmentumError(f"exporting to {extra} needs {name}: {install_line(extra)}") from error
