"""What a training reached: accuracy over epochs, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .figure import SERIES, Figure, axis, image, legend_above, line

_WRITTEN = 12  # classes whose counts are written into the matrix


def learning(root: Any) -> Iterator[Figure]:
    """Draw the learning curve and the confusion matrix of a training, if the store is one."""
    names = [name for name in ("train_accuracy", "test_accuracy") if name in root]
    if "epoch" in root and names and root["epoch"].shape[0]:
        yield _curve(root, names)
    if "learning/confusion" in root and root["learning/confusion"].shape[0]:
        yield _confusion(root["learning/confusion"][-1], int(root["learning/evaluation"][-1]))


def _curve(root: Any, names: list[str]) -> Figure:
    epoch = root["epoch"][:]
    words = {"train_accuracy": "while learning", "test_accuracy": "test"}
    data = [line(epoch, 100 * root[name][:], words[name], colour, hovertemplate="epoch %{x}: %{y:.2f} %")
            for name, colour in zip(names, SERIES, strict=False)]  # fmt: skip
    known = {name: root[name][:][~np.isnan(root[name][:])] for name in names}
    last = ", ".join(f"{100 * found[-1]:.2f} % {words[name]}" for name, found in known.items() if len(found))
    caption = f"Accuracy in % after each of {len(epoch):,} epochs; at the end {last}."
    x = axis("epoch", tickformat="d", nticks=min(12, len(epoch) + 1))
    return Figure(
        "Learning curve", caption, data, {"xaxis": x, "yaxis": axis("accuracy (%)"), **legend_above(data)}
    )


def _confusion(counts: Any, epoch: int) -> Figure:
    n, right = len(counts), int(np.trace(counts))
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    written = (
        {"text": counts.tolist(), "texttemplate": "%{text}"}
        if n <= _WRITTEN
        else {"customdata": counts.tolist()}
    )
    number = "%{text}" if n <= _WRITTEN else "%{customdata}"
    data = [image(share, "% of the class", zmin=0, zmax=100, xgap=1, ygap=1, **written,
                  hovertemplate=f"%{{y}} as %{{x}}: {number} samples (%{{z:.1f}} %)<extra></extra>")]  # fmt: skip
    layout = {"xaxis": axis("predicted class", dtick=1 if n <= _WRITTEN else None, constrain="domain"),
              "yaxis": axis("class", dtick=1 if n <= _WRITTEN else None, autorange="reversed")}  # fmt: skip
    caption = (
        f"Test samples by class and prediction after epoch {epoch}: {right:,} of {int(counts.sum()):,}, "
        f"{100 * right / max(1, int(counts.sum())):.2f} %, are right, on the diagonal. Colours: shares of a class."
    )
    return Figure("Confusion matrix", caption, data, layout, 460)
