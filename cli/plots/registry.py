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
    rates = "rates"
    psth = "psth"
    traces = "traces"
    weights = "weights"
    weight_change = "weight-change"
    matrix = "matrix"
    connectivity = "connectivity"
    accuracy = "accuracy"
    forgetting = "forgetting"
    changes = "changes"
    trajectories = "trajectories"
    distribution = "distribution"
    levels = "levels"


#: What each kind shows, a line of help.
MEANS: dict[Kind, str] = {
    Kind.raster: "spikes; many, as an image of the rate",
    Kind.rates: "rates of populations over time, and of their neurons",
    Kind.psth: "rates since the trial began, averaged over trials and for each label",
    Kind.traces: "state variables, such as potentials",
    Kind.weights: "weights before and after, and receptive fields",
    Kind.weight_change: "how far weights moved, over time and in the end",
    Kind.matrix: "weights as pre x post; of a continual run, accuracies",
    Kind.connectivity: "who projects to whom, and in-degrees",
    Kind.accuracy: "accuracy over epochs",
    Kind.forgetting: "of a continual run, what it kept and forgot",
    Kind.changes: "of a continual run, how far each task moved the weights",
    Kind.trajectories: "weights or eligibilities of some synapses over time",
    Kind.distribution: "weights or eligibilities of all over time",
    Kind.levels: "levels of neuromodulators",
}

#: Arguments of the function that draws each kind, besides the store.
TAKES: dict[Kind, tuple[str, ...]] = {
    Kind.raster: ("populations", "trials"),
    Kind.rates: ("populations", "trials", "bin_ms"),
    Kind.psth: ("populations", "bin_ms"),
    Kind.traces: ("names", "neurons", "trials"),
    Kind.weights: ("projections",),
    Kind.weight_change: ("projections",),
    Kind.matrix: ("projections", "snapshot"),
    Kind.connectivity: (),
    Kind.accuracy: (),
    Kind.forgetting: (),
    Kind.changes: (),
    Kind.trajectories: ("kind", "projections", "n_synapses"),
    Kind.distribution: ("kind", "projections"),
    Kind.levels: ("modulators",),
}


def draw(kind: Kind, store: Path | str, options: dict[str, Any]) -> Figure:
    """Draw a kind by the function of its name, in the module of its name."""
    module = import_module(f".{kind.name}", __package__)
    figure: Figure = getattr(module, kind.name)(store, **{name: options[name] for name in TAKES[kind]})
    return figure
