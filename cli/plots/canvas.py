"""Colours, style, size and title of every picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

SERIES = "#1b6ca8", "#d1495b", "#2a9d6f", "#8a5aab", "#c9822b", "#4a4e69"
STYLE = {
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


def figure_of(width: float, height: float) -> Figure:
    """Return an empty figure, width and height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def title_of(config: dict[str, Any], argv: Sequence[str] = (), status: str = "complete") -> str:
    """Name the file or the data set, the rule, the duration, the seed and how it ended, as far as it is known."""
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
    if status != "complete":
        parts.append("not finished" if status == "running" else status.partition(":")[0])
    return ", ".join(parts)
