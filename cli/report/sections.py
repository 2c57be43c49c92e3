"""Which figures a store has data for, in sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.layout import open_committed

from ..plots.source import recorded
from ..plots.trains import Train, trains_of
from .budget import MOST, left_out
from .connectivity import connectivity
from .continual import continual
from .figure import Figure
from .learning import learning
from .numbers import Numbers
from .raster import rasters
from .rates import rates
from .samples import levels, traces
from .thresholds import thresholds
from .weights import synapses


class Section(NamedTuple):
    """Figures under one heading; what the heading must say besides."""

    title: str
    figures: list[Figure]
    note: str = ""
    tables: tuple[Numbers, ...] = ()


def sections(store: Path | str) -> list[Section]:
    """Make every figure that the store has data for; what was not recorded has no section."""
    root: Any = open_committed(store)

    def groups(kind: str) -> Mapping[str, Any]:
        return recorded(store, kind, []) if _holds(root, kind) else {}

    wires = _wires(store)
    trains = trains_of(store, []) if _holds(root, "spikes") else []
    trains = [train for train in trains if int(train.edges[-1])]
    found = [
        Section("Learning", [*learning(root), *continual(store, root), *thresholds(root)]),
        Section("Spikes", _spikes(trains[:MOST]), left_out(len(trains), "populations", "raster").strip()),
        Section("Connectivity", wires[0], "", tuple(wires[1])),
        Section("Weights", list(synapses("weights", groups("weights")))),
        Section("Eligibilities", list(synapses("eligibility", groups("eligibility")))),
        Section("Neuromodulators", list(levels(groups("modulators")))),
        Section("Traces", list(traces(groups("traces")))),
    ]
    return [section for section in found if section.figures or section.tables]


def _wires(store: Path | str) -> tuple[list[Figure], list[Numbers]]:
    """Draw who projects to whom, if the store tells."""
    try:
        return connectivity(store)
    except StoreError:
        return [], []


def _spikes(trains: list[Train]) -> list[Figure]:
    draw: tuple[Callable[[list[Train]], Iterator[Figure]], ...] = (rasters, rates)
    return [figure for make in draw if trains for figure in make(trains)]


def _holds(root: Any, kind: str) -> bool:
    return kind in root and any(
        node.attrs.get("kind") == kind for _, node in root[kind].members(max_depth=None)
    )
