"""The weights of a projection by pre and post neuron, in bins of neurons where these are many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.replay import moments_of

from .canvas import figure_of
from .cells import cells_of
from .source import is_sample, quantity, recorded, synapses_of

_MOST_CELLS = 500  # along an axis
_SEEN = 150  # cells along an axis, beyond which one cell is less than a dot
_MARKED = 400  # cells that are marked where they would not be seen


def weight_matrix(store: Path | str, projections: Sequence[str], snapshot: int) -> Figure:
    """Draw each projection's weights at one snapshot, -1 the last, as pre x post.

    A cell holds the mean over the synapses between two neurons or, of more than 500 neurons, between two bins of
    neurons; it is empty where there are none.
    """
    groups = recorded(store, "weights", projections)
    heights = [0.9 + min(3.7, 0.3 * int(group.attrs["n_pre"])) for group in groups.values()]
    figure = figure_of(6.6, 0.4 + sum(heights))
    rows = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, group) in zip(rows, groups.items(), strict=True):
        at, unit = moments_of(group)
        if not -len(at) <= snapshot < len(at) or group.attrs["n_synapses"] == 0:
            raise StoreError(
                f"{store}: projection {name!r} has {group.attrs['n_synapses']} synapses and {len(at)} snapshots, "
                f"there is no snapshot {snapshot}"
            )
        k = snapshot % len(at)
        cells, per_pre, per_post = cells_of(group, k, _MOST_CELLS)
        low, high = (float(v) for v in np.nanpercentile(cells, [0.2, 99.8]))
        signed = np.nanmin(cells) < 0 < np.nanmax(cells)
        if signed:
            low, high = -max(-low, high), max(-low, high)
        image = axes.imshow(
            cells, cmap="RdBu_r" if signed else "viridis", vmin=low, vmax=high if high > low else low + 1,
            extent=(-0.5, group.attrs["n_post"] - 0.5, group.attrs["n_pre"] - 0.5, -0.5), aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        axes.set_facecolor("#eeeeee")
        _mark(axes, image, cells, per_pre, per_post)
        word = quantity("weights", group)
        binned = f", means of {per_pre} x {per_post} neurons" if per_pre * per_post > 1 else ""
        figure.colorbar(
            image, ax=axes, label=word, extend="both", pad=0.02, aspect=22 if group.attrs["n_pre"] > 8 else 8
        )
        moment = f"{at[k]:g} ms" if unit == "ms" else f"snapshot {at[k]:g}"
        some = "a sample of the " if is_sample(group) else ""
        axes.set_title(
            f"{name} at {moment}: {some}{synapses_of(group.attrs['n_synapses'])}{binned}", loc="left"
        )
        axes.set(xlabel="post neuron", ylabel="pre neuron")
        axes.locator_params(axis="x", integer=True)
        if group.attrs["n_pre"] > 1:
            axes.locator_params(axis="y", integer=True)
        else:
            axes.set_yticks([0])
    return figure


def _mark(axes: Axes, image: AxesImage, cells: NDArray[Any], per_pre: int, per_post: int) -> None:
    """Draw the few cells of a large matrix in which there are synapses as dots, which one would not see else."""
    pre, post = np.nonzero(~np.isnan(cells))
    if max(cells.shape) <= _SEEN or len(pre) > _MARKED:
        return
    low, high = image.get_clim()
    axes.scatter(
        post * per_post + (per_post - 1) / 2,
        pre * per_pre + (per_pre - 1) / 2,
        s=14,
        c=cells[pre, post],
        cmap=image.get_cmap(),
        vmin=low,
        vmax=high,
        edgecolors="#333333",
        linewidths=0.4,
    )
