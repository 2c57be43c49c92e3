"""Passes over all synapses that share weights, see :mod:`.sharing`; a kernel template."""

from __future__ import annotations

from typing import Any

import numpy as np


def add_up(change: Any, place: Any, element: Any, total: Any) -> None:
    """Add the changes of all synapses to those of their elements, in the order of their ids.

    Parameters
    ----------
    change : real[n], as they lie
    place, element : uint32[n], where the change of each synapse lies and which weight it shares, by id
    total : float64[n_elements]
        brought up to date
    """
    for s in range(len(place)):
        own = change[np.uint64(place[s])]
        if own != 0.0:
            total[np.uint64(element[s])] += own


def hand_out(weight: Any, change: Any, element: Any, shared: Any) -> None:
    """Give the synapses of a shard the shared weights, and forget their changes; ``element`` is as they lie."""
    for s in range(len(element)):
        weight[s] = shared[np.uint64(element[s])]
        change[s] = 0.0
