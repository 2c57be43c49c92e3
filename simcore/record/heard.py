"""Which part of a population's spikes a store holds: of which neurons, and of which ticks of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def neurons_heard(attrs: Mapping[str, Any], recorded: Any) -> int:
    """Return how many neurons' spikes are recorded; ``recorded`` lists them, or is None."""
    return int(attrs["n_neurons"] if recorded is None else recorded.shape[0])


def ticks_heard(attrs: Mapping[str, Any], n_ticks: Any) -> Array:
    """Return how many of the first ``n_ticks`` ticks of a trial are recorded."""
    found: Array = np.asarray(n_ticks, np.int64)
    if "window" not in attrs:
        return found
    start, stop = attrs["window"]
    ended: Array = found if stop is None else np.minimum(found, stop)
    inside: Array = np.maximum(ended, start) - int(start)
    return inside
