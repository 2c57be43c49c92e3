"""Accuracy over epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tegmentum.simcore.record.layout import open_committed

from .canvas import SERIES, figure_of
from .held import not_recorded


def accuracy(store: Path | str) -> Figure:
    """Draw training and test accuracy over epochs."""
    root: Any = open_committed(store)
    names = [name for name in ("train_accuracy", "test_accuracy") if name in root]
    if "epoch" not in root or not names or root["epoch"].shape[0] == 0:
        raise not_recorded(
            store, root, "no accuracy of any epoch recorded, which is for runs of `tegmentum train`"
        )
    figure = figure_of(6.4, 4)
    axes = figure.subplots()
    epoch = root["epoch"][:]
    for name, colour in zip(names, SERIES, strict=False):
        _draw_accuracy(axes, epoch, 100 * root[name][:], name.removesuffix("_accuracy"), colour)
    axes.set(xlabel="epoch", ylabel="accuracy (%)")
    axes.locator_params(axis="x", integer=True)
    axes.margins(x=0.03, y=0.12)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0, low), min(101, high))
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_accuracy(axes: Axes, epoch: NDArray[Any], percent: NDArray[Any], label: str, colour: str) -> None:
    known = percent == percent
    epoch, percent = epoch[known], percent[known]
    if len(percent):
        label = f"{label}, {percent[-1]:.1f} % at the end"
    axes.plot(epoch, percent, color=colour, marker="o", markersize=4, linewidth=1.6, label=label)
