"""Which kinds of pictures there are, and what each can be told. Nothing slow is imported until one is drawn."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Kind(StrEnum):
    """What to draw."""

    raster = "raster"
    weights = "weights"
    accuracy = "accuracy"
    matrix = "matrix"
    forgetting = "forgetting"
    changes = "changes"
    trajectories = "trajectories"
    distribution = "distribution"
    levels = "levels"


#: Arguments of the function that draws each kind, besides the store.
TAKES: dict[Kind, tuple[str, ...]] = {
    Kind.raster: ("populations", "trials"),
    Kind.weights: ("projections",),
    Kind.accuracy: (),
    Kind.matrix: (),
    Kind.forgetting: (),
    Kind.changes: (),
    Kind.trajectories: ("kind", "projections", "n_synapses"),
    Kind.distribution: ("kind", "projections"),
    Kind.levels: ("modulators",),
}


def draw(kind: Kind, store: Path, options: dict[str, Any]) -> Figure:
    """Draw a kind by the function of its name, in the module of its name."""
    module = import_module(f".{kind.name}", __package__)
    figure: Figure = getattr(module, kind.name)(store, **{name: options[name] for name in TAKES[kind]})
    return figure
