r"""Levels that follow membrane potentials: what voltage-based rules and e-prop are under.

A level for each neuron of a population, computed in every tick from the neuron's potential and from what is remembered
of it. To a rule it is a modulator like any other: its gain is integrated for each post neuron, and a synapse is brought
up to date at its own spikes alone.

One small class has

``State``
    a ``NamedTuple`` of what is remembered of a neuron, such as a potential filtered in time
``Constants``
    parameters as the functions need them
``watch(s, v, c)``
    the state a tick later; ``v`` is the potential at the tick's end, or ``delay`` before
``level(s, v, c)``
    the level from then until the next tick's end
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ..own import Own
from . import checks

if TYPE_CHECKING:
    from .network import Population, Projection


@dataclass(frozen=True, eq=False)
class Watch(Own):
    """Base of the sources that watch membrane potentials.

    Parameters
    ----------
    population : Population
        whose neurons are watched, all post neurons of the synapses that have the levels; its model has a ``v``
    peak : float, optional, mV
        the potential that a neuron has in a tick in which it fires; by default that to which it was reset
    delay : float, 0.0 ms
        how much earlier than the level's the potential is that is remembered; rounded to ticks
    """

    population: Population
    peak: float | None = None
    delay: float = field(default=0.0, kw_only=True)

    _tuples = ("State", "Constants")
    _needs: ClassVar[dict[str, int | None]] = {"watch": 3, "level": 3}

    @property
    def moving(self) -> str | None:
        """The state variable of the model that is taken from the potential, such as a threshold's rise."""
        return None

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the functions use."""
        raise NotImplementedError

    def initial(self) -> NamedTuple:
        """Return the state at first, of all neurons."""
        raise NotImplementedError

    def problem(self, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        from .network import Population

        if type(self).derive is Watch.derive:
            return "is no source by itself"
        if not isinstance(self.population, Population):
            return f"population must be a Population, got {checks.shown(self.population)}"
        if "v" not in self.population.model.functions()["State"]._fields:
            return f"{type(self.population.model).__name__} neurons have no membrane potential v"
        if n_levels != self.population.size:
            return f"n_levels must be {self.population.size}, one for each neuron watched, got {n_levels}"
        if self.peak is not None and (
            not isinstance(self.peak, (int, float)) or not math.isfinite(self.peak)
        ):
            return f"peak must be a finite number of mV, got {checks.shown(self.peak)}"
        return checks.wrong_number(self.delay, "delay", "ms", least=0.0, most=1000.0)

    def misplaced(self, projection: Projection, levels: Any) -> str | None:
        """Return why a projection's synapses cannot have these levels, or None."""
        if projection.post is not self.population:
            return f"the level is that of neurons of {self.population.name!r}, not of the post population"
        if not np.array_equal(levels, np.arange(self.population.size)):
            return "synapses must have the level of their post neuron: ByPost(range(n))"
        return None
