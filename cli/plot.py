"""``tegmentum plot``: a run store as a picture."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tegmentum.simcore.errors import StoreError, TegmentumError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

_MOST_DOTS = 100_000
_SERIES = "#1b6ca8", "#d1495b", "#2a9d6f", "#8a5aab", "#c9822b", "#4a4e69"
_BEFORE, _AFTER = "#a9b4c0", "#1b6ca8"
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.titlesize": 9,
    "axes.labelcolor": "#222222",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "figure.titlesize": 11,
}


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


def plot(
    store: Annotated[Path, typer.Argument(help="The run store, for example run.zarr.", show_default=False)],
    kind: Annotated[Kind, typer.Argument(help="What to draw.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write (.png, .pdf, .svg); by default <store>-<kind>.png."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    population: Annotated[
        list[str] | None, typer.Option("--population", help="Populations of a raster; by default all.")
    ] = None,
    projection: Annotated[
        list[str] | None, typer.Option("--projection", help="Projections of weights; by default all.")
    ] = None,
    trial: Annotated[
        list[int] | None, typer.Option("--trial", help="Trials of a raster, side by side; -1 is the last.")
    ] = None,
    eligibility: Annotated[
        bool,
        typer.Option("--eligibility", help="Trajectories or distribution of eligibilities, not weights."),
    ] = False,
    synapses: Annotated[
        int, typer.Option("--synapses", min=1, max=1000, help="How many trajectories, at most.")
    ] = 50,
    modulator: Annotated[
        list[str] | None, typer.Option("--modulator", help="Neuromodulators of levels; by default all.")
    ] = None,
) -> None:
    """Draw spikes, weights, histories or the accuracy of a run, or what continual learning kept and forgot."""
    from tegmentum.simcore.record.manifest import read_manifest
    from tegmentum.simcore.record.reader import reading

    manifest = read_manifest(store)
    file = _output(output or Path(f"{store.resolve().stem}-{kind.value}.png"), force)
    _require_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), reading(store):
        if kind is Kind.raster:
            figure = raster(store, population or [], trial or [0])
        elif kind is Kind.weights:
            figure = weights(store, projection or [])
        elif kind is Kind.accuracy:
            figure = accuracy(store)
        elif kind in (Kind.trajectories, Kind.distribution, Kind.levels):
            from . import plot_histories

            what = "eligibility" if eligibility else "weights"
            if kind is Kind.trajectories:
                figure = plot_histories.trajectories(store, what, projection or [], synapses)
            elif kind is Kind.distribution:
                figure = plot_histories.distribution(store, what, projection or [])
            else:
                figure = plot_histories.levels(store, modulator or [])
        else:
            from . import plot_continual

            figure = getattr(plot_continual, kind.value)(store)
        figure.suptitle(_title(manifest["config"], manifest["argv"]))
    with mpl.rc_context(_STYLE):
        try:
            figure.savefig(file, dpi=150)
        except OSError as error:
            raise typer.BadParameter(f"{file}: cannot be written: {error.strerror}") from error
    typer.echo(str(file))


class Train(NamedTuple):
    """Spikes of one population in one trial."""

    trial: int
    ms: NDArray[np.float64]
    neuron: NDArray[np.uint32]
    length: float  # ms, 0 where not known
    name: str  # with the label and the prediction, where they are known


def raster(store: Path, populations: Sequence[str], trials: Sequence[int]) -> Figure:
    """Draw spikes: a row of axes for each population, a column for each trial; times in ms.

    Beyond 100,000 spikes the dots of the most active populations become a histogram of the firing rate.
    """
    groups = _groups(store, "spikes", populations)
    trains = {name: [_train(store, name, group, k) for k in trials] for name, group in groups.items()}
    n_spikes = {name: sum(len(train.ms) for train in row) for name, row in trains.items()}
    too_many = sum(n_spikes.values()) > _MOST_DOTS
    figure = _figure(min(16, 3 + 5 * len(trials)), min(14, 1.6 + 1.9 * len(groups)))
    heights = [max(1, math.log10(int(group.attrs["n_neurons"]) + 1)) for group in groups.values()]
    axes = figure.subplots(
        len(groups), len(trials), sharex="col", sharey="row", squeeze=False, height_ratios=heights
    )
    for i, (name, group) in enumerate(groups.items()):
        n_neurons = int(group.attrs["n_neurons"])
        if too_many and n_spikes[name] > _MOST_DOTS / len(groups):
            _draw_rates(figure, axes[i], trains[name], n_neurons)
        else:
            _draw_dots(axes[i], trains[name], n_neurons, _SERIES[i % len(_SERIES)])
        axes[i, 0].set_ylabel(f"{name}\nneuron")
        axes[i, 0].locator_params(axis="y", integer=True)
    for axis, train in zip(axes[0], next(iter(trains.values())), strict=True):
        axis.set_title(train.name, color="#444444")
    for axis, row in zip(axes[-1], zip(*trains.values(), strict=True), strict=True):
        axis.set_xlabel("time (ms)")
        axis.set_xlim(*_span(row))
    return figure


def weights(store: Path, projections: Sequence[str]) -> Figure:
    """Draw each projection's weights before and after; where the inputs are an image, what units see."""
    from tegmentum.simcore.record.replay import frames, moments_of

    groups = _groups(store, "weights", projections)
    figure = _figure(10 if any(_is_image(group) for group in groups.values()) else 6, 3.6 * len(groups) + 0.4)
    rows = figure.subfigures(len(groups), 1, squeeze=False)[:, 0]
    for row, (name, group) in zip(rows, groups.items(), strict=True):
        at, unit = moments_of(group)
        if len(at) == 0 or group.attrs["n_synapses"] == 0:
            raise StoreError(f"{store}: projection {name!r} has no synapses or no snapshot yet")
        first, last = (w.copy() for w in frames(group, [0, len(at) - 1]))
        halves = row.subfigures(1, 2, width_ratios=[1.25, 1]) if _is_image(group) else [row]
        word = "{:g} ms" if unit == "ms" else "snapshot at {:g}"
        snapshots = [(word.format(at[0]), first), (word.format(at[-1]), last)]
        _draw_histogram(halves[0].subplots(), name, group, snapshots)
        if _is_image(group):
            _draw_receptive_fields(halves[1], group, first, last)
    return figure


def accuracy(store: Path) -> Figure:
    """Draw training and test accuracy over epochs."""
    from tegmentum.simcore.record.layout import open_committed

    root: Any = open_committed(store)
    names = [name for name in ("train_accuracy", "test_accuracy") if name in root]
    if "epoch" not in root or not names or root["epoch"].shape[0] == 0:
        raise StoreError(
            f"{store}: no accuracy of any epoch recorded; accuracy is for runs of `tegmentum train`"
        )
    figure = _figure(6.4, 4)
    axes = figure.subplots()
    epoch = root["epoch"][:]
    for name, colour in zip(names, _SERIES, strict=False):
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


def _draw_dots(axes: Sequence[Axes], trains: Sequence[Train], n_neurons: int, colour: str) -> None:
    most = max(len(train.ms) for train in trains)
    area = min(8.0, max(0.4, 4000 / (most + 1)))
    pad = max(0.5, 0.025 * n_neurons)  # so that the dots of the first and last neuron are whole
    for axis, train in zip(axes, trains, strict=True):
        axis.scatter(train.ms, train.neuron, s=area, color=colour, linewidths=0, rasterized=True)
        axis.set_ylim(-pad, n_neurons - 1 + pad)


def _span(trains: Sequence[Train]) -> tuple[float, float]:
    """Time axis of a trial: from 0 on, or from the second of the first spike in a run that begins later."""
    last = max([1.0, *(float(train.ms.max()) for train in trains if len(train.ms))])
    first = min([last, *(float(train.ms.min()) for train in trains if len(train.ms))])
    length = max(train.length for train in trains)
    begin = 0.0 if last <= 1.001 * length or not length else max(0.0, min(first, last - length))
    return begin, max(last, begin + length)


def _draw_rates(figure: Figure, axes: Sequence[Axes], trains: Sequence[Train], n_neurons: int) -> None:
    """Draw the rate in bins of time and neurons, all trials on one colour scale."""
    import numpy as np

    images = [_rate_image(axis, train, n_neurons) for axis, train in zip(axes, trains, strict=True)]
    highest = max(float(np.percentile(rate, 99.8)) for _, rate in images)
    for image, _ in images:
        image.set_clim(0, highest or 1.0)
    figure.colorbar(images[0][0], ax=axes, label="rate (Hz)", extend="max", pad=0.01, aspect=15)


def _rate_image(
    axis: Axes, train: Train, n_neurons: int, n_bins: int = 200
) -> tuple[Any, NDArray[np.float64]]:
    """Draw one train, in bins of neurons that hold some five spikes on average."""
    import numpy as np

    rows = max(1, min(n_neurons, 150, len(train.ms) // (5 * n_bins)))
    span = (float(train.ms.min()), float(train.ms.max()) + 1e-3) if len(train.ms) else (0.0, 1.0)
    limits = -0.5, n_neurons - 0.5
    counts, *_ = np.histogram2d(train.ms, train.neuron, bins=(n_bins, rows), range=(span, limits))
    rate = counts.T / ((span[1] - span[0]) / n_bins / 1000 * n_neurons / rows)
    extent = (*span, *limits)
    image = axis.imshow(
        rate, aspect="auto", origin="lower", extent=extent, cmap="magma", interpolation="nearest"
    )
    return image, rate


def _draw_histogram(
    axes: Axes, name: str, group: Any, snapshots: Sequence[tuple[str, NDArray[np.float32]]]
) -> None:
    """Draw the distributions of the first and the last snapshot over the same bins."""
    import numpy as np

    both = dict(snapshots)  # one entry if there is a single snapshot
    low = min(float(np.nanmin(w)) for w in both.values())
    high = max(float(np.nanmax(w)) for w in both.values())
    bins = np.linspace(low, high if high > low else low + 1, 61).tolist()
    for (at, w), colour in zip(both.items(), (_BEFORE, _AFTER), strict=False):
        axes.hist(w, bins=bins, color=colour, alpha=0.75, label=at)
    unit = _unit(group["w"])
    axes.set_title(name, pad=22)
    axes.set(xlabel=f"weight ({unit})" if unit else "weight", ylabel="synapses")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)


def _draw_receptive_fields(
    figure: SubFigure, group: Any, first: NDArray[np.float32], last: NDArray[np.float32]
) -> None:
    """Draw the weights onto the 16 post neurons whose weights changed most, as images."""
    import numpy as np

    pre, post = group["pre"][:], group["post"][:]
    side = math.isqrt(int(group.attrs["n_pre"]))
    change = np.bincount(post, np.abs(last - first))
    units = np.sort(np.argsort(-change, kind="stable")[:16])
    fields = np.full((len(change), side * side), np.nan, np.float32)
    fields[post, pre] = last
    shown = fields[units]
    limit = float(np.nanpercentile(np.abs(shown), 99.8)) or 1.0
    signed = float(np.nanmin(shown)) < 0
    axes = figure.subplots(4, 4)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, unit, field in zip(axes.flat, units, shown, strict=False):
        image = axis.imshow(
            field.reshape(side, side),
            cmap="RdBu_r" if signed else "magma",
            vmin=-limit if signed else 0,
            vmax=limit,
        )
        axis.set_title(str(unit), fontsize=7, pad=2, color="#444444")
    figure.suptitle(f"onto the units that changed most, {side} x {side} inputs", fontsize=9)
    unit = _unit(group["w"])
    figure.colorbar(
        image, ax=axes, label=f"weight ({unit})" if unit else "weight", fraction=0.05, extend="both"
    )


def _unit(array: Any) -> str:
    """Units of an array, "" for numbers without a unit."""
    units = str(array.attrs.get("units", ""))
    return "" if units == "1" else units


def _is_image(group: Any) -> bool:
    """Whether the pre neurons could be the pixels of a square image, worth looking at."""
    n_pre = int(group.attrs["n_pre"])
    return n_pre >= 16 and math.isqrt(n_pre) ** 2 == n_pre


def _train(store: Path, name: str, group: Any, trial: int) -> Train:
    """Read one trial; spikes after the last complete trial count as one more."""
    edges = [int(edge) for edge in group["trial_offset"][:]]
    n_spikes = group["t"].shape[0]
    if n_spikes > edges[-1]:
        edges.append(n_spikes)
    n_trials = len(edges) - 1
    if not -n_trials <= trial < n_trials:
        raise StoreError(f"{store}: population {name!r} has {n_trials} trials, there is no trial {trial}")
    k = trial % n_trials
    spikes = slice(edges[k], edges[k + 1])
    tick_ms = float(group.attrs["tick_ms"])
    ticks = group["trial_ticks"][:]
    named = [
        f"{key} {int(group[key][k])}" for key in ("label", "prediction") if key in group and k < len(ticks)
    ]
    return Train(
        k,
        group["t"][spikes] * tick_ms,
        group["neuron"][spikes],
        float(ticks[k]) * tick_ms if k < len(ticks) else 0.0,
        ", ".join([f"trial {k}", *named]),
    )


def _groups(store: Path, kind: str, wanted: Sequence[str]) -> dict[str, Any]:
    """Open the recorded groups of one kind that were asked for, or all, by name."""
    from tegmentum.simcore.record.layout import open_committed

    root: Any = open_committed(store)
    found = {}
    if kind in root:
        members = root[kind].members(max_depth=None)
        found = {name: node for name, node in sorted(members) if node.attrs.get("kind") == kind}
    if not found:
        raise StoreError(f"{store}: no {kind} were recorded")
    for name in wanted:
        if name not in found:
            raise StoreError(f"{store}: no {kind} of {name!r} were recorded; there are: {', '.join(found)}")
    return {name: found[name] for name in wanted or found}


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _title(config: dict[str, Any], argv: Sequence[str] = ()) -> str:
    """Name the file or the data set, the rule, the duration and the seed, as far as the manifest tells."""
    parts = [Path(word).name for word in argv if word.endswith(".toml")][:1]
    if isinstance(config.get("network"), dict):
        populations = config["network"].get("populations", {})
        if not parts:
            parts.append(
                ", ".join(populations) if len(populations) <= 4 else f"{len(populations)} populations"
            )
        parts.append(f"{config.get('ms', 0):g} ms")
    for key in ("dataset", "rule"):
        value = config.get(key)
        value = value.get("name") if isinstance(value, dict) else value
        if value:
            parts.append(str(value))
    if config.get("seed") is not None:
        parts.append(f"seed {config['seed']}")
    if config.get("note"):
        parts.append(f"{config.get('protocol')} protocol: {config['note']}")
    return ", ".join(parts)


def _output(file: Path, force: bool) -> Path:
    """Refuse, before any work, a file that cannot or must not be written."""
    if file.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise typer.BadParameter(f"{file}: the name must end in .png, .pdf or .svg")
    if file.is_dir() or not file.parent.is_dir():
        raise typer.BadParameter(f"{file}: cannot be written: no such directory, or a directory itself")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file}: exists; overwrite it with --force")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise typer.BadParameter(f"{file}: cannot be written: permission denied")
    return file


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        from tegmentum.simcore.installed import install_line

        raise TegmentumError(f"plots need matplotlib: {install_line('analysis')}") from error
