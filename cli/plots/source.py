"""What a store holds of one kind, by name, and how to call it on an axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.layout import open_committed
from tegmentum.simcore.record.replay import moments_of, variable_of

from .held import not_recorded

_MOST_FRAMES = 500


def recorded(store: Path | str, kind: str, wanted: Sequence[str]) -> dict[str, Any]:
    """Open the recorded groups of one kind that were asked for, or all, by name."""
    root: Any = open_committed(store)
    found = {}
    if kind in root:
        members = root[kind].members(max_depth=None)
        found = {name: node for name, node in sorted(members) if node.attrs.get("kind") == kind}
    if not found:
        raise not_recorded(store, root, f"no {kind} were recorded")
    for name in wanted:
        if name not in found:
            raise StoreError(f"{store}: no {kind} of {name!r} were recorded; there are: {', '.join(found)}")
    return {name: found[name] for name in wanted or found}


def synapses_of(n: int) -> str:
    """Return a number of synapses in words."""
    return f"{n:,} synapse{'' if n == 1 else 's'}"


def unit_of(array: Any) -> str:
    """Units of an array, "" for numbers without a unit."""
    units = str(array.attrs.get("units", ""))
    return "" if units == "1" else units


def moments(
    store: Path | str, kind: str, name: str, group: Any
) -> tuple[list[int], NDArray[np.float64], str]:
    """Return which snapshots to draw, at most 500, and their times with the label of the axis."""
    at, unit = moments_of(group)
    if len(at) == 0 or group.attrs["n_synapses"] == 0:
        raise StoreError(f"{store}: {kind} of {name!r}: there are no synapses or no snapshot yet")
    chosen = np.unique(np.linspace(0, len(at) - 1, min(len(at), _MOST_FRAMES)).round().astype(int))
    shown, label = scaled(at[chosen]) if unit == "ms" else (at[chosen].astype(float), unit)
    return chosen.tolist(), shown, label


def scaled(ms: Any) -> tuple[NDArray[np.float64], str]:
    """Return times in ms, or in s where they are long."""
    return (ms / 1000.0, "time (s)") if ms[-1] >= 10_000.0 else (ms, "time (ms)")


def edges_of(at: Any) -> NDArray[np.float64]:
    """Return borders halfway between moments, and as far beyond the first and the last."""
    at = np.asarray(at, float)
    middle = (at[1:] + at[:-1]) / 2
    if not len(middle):
        return np.array([at[0] - 0.5, at[0] + 0.5])
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def quantity(kind: str, group: Any) -> str:
    """Return the label of the values' axis."""
    word = "eligibility" if kind == "eligibility" else "weight"
    unit = unit_of(group[variable_of(group)])
    return f"{word} ({unit})" if unit else word


def is_sample(group: Any) -> bool:
    """Whether what was recorded of a projection is known to be some of its synapses only."""
    if "synapse" not in group:
        return False
    ids = group["synapse"]
    return bool(ids.shape[0] and int(ids[-1]) != ids.shape[0] - 1)
