"""Thresholds that homeostasis moves, over the epochs of a training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .figure import SERIES, Figure, axis, count, legend_above, line

_QUANTILES = (
    (0.0, "least"),
    (0.25, "lower quarter"),
    (0.5, "median"),
    (0.75, "upper quarter"),
    (1.0, "greatest"),
)


def thresholds(root: Any) -> Iterator[Figure]:
    """Draw quantiles of the hidden neurons' thresholds after each epoch, if the store has them."""
    if "homeostasis/threshold" not in root or 0 in root["homeostasis/threshold"].shape:
        return
    values, epoch = root["homeostasis/threshold"][:], root["homeostasis/after_epoch"][:]
    found = np.quantile(values, [share for share, _ in _QUANTILES], axis=1)
    data = [line(epoch, row, name, SERIES[0 if name == "median" else 5], opacity=1.0 if name == "median" else 0.7)
            for row, (_, name) in zip(found, _QUANTILES, strict=True)]  # fmt: skip
    unit = str(root["homeostasis/threshold"].attrs.get("units", "1"))
    words = "threshold" if unit == "1" else f"threshold ({unit})"
    caption = (
        f"Thresholds of {count(values.shape[1], 'hidden neuron')} after each epoch, 0 before learning; at the end mean "
        f"{values[-1].mean():.4g}, from {values[-1].min():.4g} to {values[-1].max():.4g}."
    )
    layout = {
        "xaxis": axis("epoch", tickformat="d", nticks=min(12, len(epoch) + 1)),
        "yaxis": axis(words),
        **legend_above(data),
    }
    yield Figure("Thresholds", caption, data, layout)
