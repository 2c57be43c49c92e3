"""What stops a run: NaN, overflow and runaway activity, with the population and the time; and one that is too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..describe.network import Network, Population
from ..errors import DescriptionError, SimulationError
from ..lower.arrays import NEVER, ModelGroup

Array = np.ndarray[Any, Any]

#: Length of the windows over which rates are averaged [ms]; they begin at time 0.
WINDOW = 100.0


def check_clock(network: Network, tick: int, n: int, dt: float) -> None:
    """Refuse ``n`` ticks from ``tick`` on where spikes of synapses that learn could not be told apart at their end."""
    if tick + n >= -NEVER and any(projection.plasticity is not None for projection in network.projections):
        raise DescriptionError(
            f"Simulation: synapses that learn tell ticks apart up to 2**30, t = {-NEVER * dt:.10g} ms, and this would "
            f"go on to {(tick + n) * dt:.10g} ms; begin a new Simulation, and give it the weights by set_weights"
        )


def check_rates(
    populations: Sequence[Population],
    counts: Array,
    watched: tuple[int, Array],
    tick: int,
    dt: float,
    n_trials: int,
    max_rate: float,
) -> None:
    """Stop at runaway activity.

    Parameters
    ----------
    counts : int64[n_populations]
        spikes until ``tick``
    watched : (int, int64[n_populations])
        an earlier tick and the spikes until then
    max_rate : float, Hz
        of a population's mean since then
    """
    since, counted = watched
    for population, n in zip(populations, counts - counted, strict=True):
        rate = n / (population.size * n_trials * (tick - since) * dt * 1e-3)
        if rate > max_rate:
            raise SimulationError(
                f"Population {population.name!r}: fires at {rate:.0f} Hz between t = {since * dt:g} and "
                f"{tick * dt:g} ms, more than max_rate = {max_rate:g} Hz; weaker excitation or stronger "
                "inhibition may help, or a larger max_rate"
            )


def check_finite(shards: Iterable[Iterable[ModelGroup]], populations: Sequence[Population], t: float) -> None:
    """Stop at NaN, and at sums that have overflowed, in any state variable."""
    for model_groups in shards:
        for model_group in model_groups:
            for name, values in model_group.fields._asdict().items():
                if np.isfinite(values.sum()) or np.isfinite(values).all():
                    continue
                bad = ~np.isfinite(values)
                column = int(bad.any(axis=0).argmax())
                what = "is NaN" if np.isnan(values[:, column]).any() else "has overflowed"
                part = model_group.part[np.searchsorted(model_group.part[:, 4], column, side="right") - 1]
                raise SimulationError(
                    f"Population {populations[part[0]].name!r}: {name} {what} at t = {t:g} ms; "
                    "a smaller dt or weights, or precision='float64', may help"
                )
