"""What a store holds, in words, and which pictures can be made of it: for those who ask for another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tegmentum.simcore.errors import StoreError

#: Kinds of groups, and the pictures of each.
_PICTURES = {
    "spikes": ("raster", "rates", "psth"),
    "weights": ("weights", "weight-change", "matrix", "trajectories", "distribution", "connectivity"),
    "eligibility": ("trajectories --eligibility", "distribution --eligibility"),
    "modulators": ("levels",),
    "traces": ("traces",),
}


def not_recorded(store: Path | str, root: Any, what: str) -> StoreError:
    """Return an error that says what is missing, what there is, and what can be drawn."""
    parts: list[str] = []
    pictures: list[str] = []
    for kind, drawn in _PICTURES.items():
        if kind in root:
            nodes = root[kind].members(max_depth=None)
            names = sorted(name for name, node in nodes if node.attrs.get("kind") == kind)
            parts.append(f"{kind} of {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}")
            pictures += drawn
    if "epoch" in root and root["epoch"].shape[0]:
        parts.append(f"accuracy of {root['epoch'].shape[0]} epochs")
        pictures.append("accuracy")
    if "learning/accuracy" in root and root["learning/accuracy"].shape[0]:
        parts.append(f"accuracy of {root['learning/accuracy'].shape[0]} tasks")
        pictures += ["matrix", "forgetting", "changes"]
    if isinstance(root.attrs["config"].get("network"), dict) and "connectivity" not in pictures:
        parts.append("the description of a network")
        pictures.append("connectivity")
    holds = (
        f"it holds {'; '.join(parts)}: draw {', '.join(pictures)}"
        if parts
        else "it holds nothing to draw yet"
    )
    return StoreError(f"{store}: {what}; {holds}")
