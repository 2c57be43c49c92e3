r"""How far learning a task moved the weights, in numbers that compare across rules.

Published histograms of weight changes used other axes for other rules, and steps of other lengths. Here every rule's
changes, of one whole task each, fall into the *same* bins: 0 exactly has a count of its own, and magnitudes have
eight bins a decade from 1e-7 to 10, for either sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_MAGNITUDES = 10.0 ** (np.arange(-7 * 8, 8 + 1) / 8)

#: Edges of the bins of change, the same for all rules; changes beyond the last edges fall into the last bins.
CHANGE_EDGES: Array = np.concatenate([-_MAGNITUDES[::-1], _MAGNITUDES])


@dataclass(frozen=True)
class WeightChange:
    """Change of the weights of one projection over one task.

    Attributes
    ----------
    n_synapses : int
    unchanged : float
        share of synapses whose weight is bit for bit what it was
    largest : float
        largest magnitude of a change
    histogram : int64 (len(CHANGE_EDGES) - 1,)
        synapses in each bin; the middle one holds what is not or hardly changed
    """

    n_synapses: int
    unchanged: float
    largest: float
    histogram: Array = field(repr=False)


def change(before: Array, after: Array) -> WeightChange:
    """Compare two arrays of weights; new entries (of a model that grew) count as changed from 0."""
    if before.shape != after.shape:
        grown = np.zeros_like(after)
        grown[tuple(slice(n) for n in before.shape)] = before
        before = grown
    difference = after.astype(np.float64).ravel() - before.astype(np.float64).ravel()
    inside = np.clip(difference, CHANGE_EDGES[0], CHANGE_EDGES[-1])
    counts = np.histogram(inside, CHANGE_EDGES)[0]
    n = len(difference)
    return WeightChange(
        n, float(np.mean(difference == 0)) if n else 1.0, float(np.abs(difference).max(initial=0.0)), counts
    )


def changes_between(before: Mapping[str, Array], after: Mapping[str, Array]) -> dict[str, WeightChange]:
    """Change of each array that a model has."""
    return {name: change(before.get(name, np.zeros_like(w)), w) for name, w in after.items()}
