"""Parameters of short-term plasticity that differ from synapse to synapse: drawn by the seed and the id, or given."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from ..describe.connectivity import Distribution
from ..errors import DescriptionError
from ..random.draws import uniform_of
from ..random.philox import STREAM_STATE


def each_of(projection: Any, n: int, seed: int, dt: float) -> tuple[Any, ...]:
    """Return the parameters of ``n`` synapses as the rule's ``Each`` holds them, numbers or arrays.

    What a distribution gives beyond a parameter's range is cut to it; a range that leaves its bound out begins at a
    thousandth of the distribution's median.

    Raises
    ------
    DescriptionError
        where a list has another length, or a drawn value is not finite
    """
    rule, numbers = projection.short_term, {}
    where = f"Projection {projection.name!r}: {type(rule).__name__}"
    for f in fields(rule):
        value, limits = getattr(rule, f.name), f.metadata
        if isinstance(value, Distribution):
            value = value.quantile(uniform_of(n, seed, STREAM_STATE, projection.name, "short term", f.name))
            if not np.all(np.isfinite(value)):
                raise DescriptionError(f"{where}: {f.name} must be finite, but drawn values are not")
            middle = float(getattr(rule, f.name).quantile(np.array([0.5]))[0])
            least = limits.get("least", limits.get("above", -np.inf))
            if limits.get("above", -np.inf) > -np.inf:
                least = max(least, limits["above"]) + 1e-3 * abs(middle)
            value = np.clip(value, least, limits.get("most", np.inf))
        elif isinstance(value, tuple):
            if len(value) != n:
                raise DescriptionError(f"{where}: {f.name} must have {n} values, got {len(value)}")
            value = np.asarray(value, float)
        numbers[f.name] = value
    return tuple(rule.for_each(dt, numbers))
