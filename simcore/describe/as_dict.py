"""A network as plain dictionaries, for manifests and for people."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .network import Network, Population
from .sources import SpikeTrain


def described(network: Network, exact: bool = False) -> dict[str, Any]:
    """Return names, sizes, parameters and rules of everything in a network.

    Long arrays are their shape; where ``exact``, with a digest of what they hold.
    """
    return {
        "populations": {
            p.name: {
                "size": p.size,
                "update": p.update,
                "initial": plain(p.initial, exact),
                "model": plain(p.model, exact),
            }
            for p in network.populations
        },
        "spike_trains": {t.name: _train(t, exact) for t in network.spike_trains},
        "projections": {str(p.name): _projection(p, exact) for p in network.projections},
        "sources": [plain(source, exact) for source in network.sources],
    }


def digest_of(value: Any) -> str:
    """Return a digest of all that a network, or another part of a description, holds."""
    return hashed(described(value, exact=True) if isinstance(value, Network) else plain(value, exact=True))


def hashed(told: Any) -> str:
    """Return a digest of what :func:`plain` returns."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def plain(value: Any, exact: bool = False) -> Any:
    """Numbers, strings, lists and dictionaries that stand for a value."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, np.generic):
        return plain(value.item(), exact)
    if isinstance(value, np.ndarray):
        if value.size <= 16:
            return value.tolist()
        return f"array of shape {value.shape}" + (f", {_digest(value)}" if exact else "")
    if isinstance(value, (list, tuple)):
        if len(value) <= 16:
            return [plain(v, exact) for v in value]
        return f"{len(value)} values" + (f", {_digest(np.asarray(value))}" if exact else "")
    if hasattr(value, "items"):
        return {str(k): plain(v, exact) for k, v in value.items()}
    if is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        return {"type": type(value).__name__, **{name: _part(part, exact) for name, part in parts.items()}}
    if callable(value):  # its address would differ from process to process
        return f"function {getattr(value, '__qualname__', type(value).__name__)}"
    return repr(value)


def _projection(projection: Any, exact: bool) -> Any:
    """Say nothing of what a projection has not: so did states written before there was such a thing."""
    out = plain(projection, exact)
    for name in ("short_term", "sign", "structure", "sharing"):
        if getattr(projection, name) is None:
            del out[name]
    return out


def _train(train: SpikeTrain, exact: bool) -> dict[str, Any]:
    """Say how many spikes a train has; where ``exact``, with a digest of which."""
    told: dict[str, Any] = {"size": train.size, "n_spikes": len(train.times)}
    return told | (
        plain({n: getattr(train, n) for n in ("times", "neuron", "trial")}, exact) if exact else {}
    )


def _digest(values: np.ndarray[Any, Any]) -> str:
    """Return a short digest of numbers."""
    values = values if values.dtype.kind == "O" else np.ascontiguousarray(values)
    data = repr(values.tolist()).encode() if values.dtype.kind == "O" else values.tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def _part(value: Any, exact: bool) -> Any:
    """Stand a population in a projection or a source for its name."""
    return value.name if isinstance(value, (Population, SpikeTrain)) else plain(value, exact)
