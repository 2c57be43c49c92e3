"""A network as plain dictionaries, for manifests and for people."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .network import Network, Population
from .sources import SpikeTrain


def described(network: Network) -> dict[str, Any]:
    """Return names, sizes, parameters and rules of everything in a network; long arrays as their shape."""
    return {
        "populations": {
            p.name: {
                "size": p.size,
                "update": p.update,
                "initial": _plain(p.initial),
                "model": _plain(p.model),
            }
            for p in network.populations
        },
        "spike_trains": {t.name: {"size": t.size, "n_spikes": len(t.times)} for t in network.spike_trains},
        "projections": {str(p.name): _plain(p) for p in network.projections},
        "sources": [_plain(source) for source in network.sources],
    }


def _plain(value: Any) -> Any:
    """Numbers, strings, lists and dictionaries that stand for a value."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= 16 else f"array of shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value] if len(value) <= 16 else f"{len(value)} values"
    if hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    if is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        return {"type": type(value).__name__, **{name: _part(part) for name, part in parts.items()}}
    return repr(value)


def _part(value: Any) -> Any:
    """Stand a population in a projection or a source for its name."""
    return value.name if isinstance(value, (Population, SpikeTrain)) else _plain(value)
