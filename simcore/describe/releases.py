"""What sets the levels of a neuromodulator in time: spikes that release it, given releases, its baseline's course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DescriptionError
from . import checks

if TYPE_CHECKING:
    from .network import Population

Array = np.ndarray[Any, Any]
LATEST = 1e12  #: ms; beyond, ticks are no longer told apart


@dataclass(frozen=True, eq=False)
class Release:
    """Release of a neuromodulator by the spikes of a population.

    Parameters
    ----------
    population : Population
        whose neurons release it
    amount : float, the level's unit
        by which a spike raises a level
    delay : float, ms
        from the spike to the rise; at least a tick
    onto : array of int, optional
        which level the spikes of each neuron raise; by default they raise all
    """

    population: Population
    amount: float = 1.0
    delay: float = 1.0
    onto: Any = None

    def check(self, where: str, n_levels: int) -> None:
        """Refuse what is no release by a population, or raises a level that is not there."""
        if not hasattr(self.population, "model"):
            raise DescriptionError(
                f"{where}: a release's population must be a Population, got {checks.shown(self.population)}"
            )
        where = f"{where}: release by {self.population.name!r}"
        checks.number(self.amount, where, "amount")
        checks.number(self.delay, where, "delay", "ms", above=0.0)
        if self.onto is not None:
            onto = np.asarray(self.onto)
            if onto.shape != (self.population.size,) or onto.dtype.kind not in "iu":
                raise DescriptionError(
                    f"{where}: onto must hold {self.population.size} whole numbers, one for each neuron"
                )
            if onto.min() < 0 or onto.max() >= n_levels:
                raise DescriptionError(f"{where}: onto must be in [0, {n_levels})")


@dataclass(frozen=True, eq=False)
class Given:
    """Releases at given times: a protocol, an infusion, a reward that comes at a known time.

    Parameters
    ----------
    times : array of float, ms
        in the simulation's time, rounded to ticks, in any order; what is released at 0 is there at the start
    amounts : float or array of float, the level's unit
        by which levels rise, one for all times or one for each
    onto : int or array of int, optional
        the level that rises, one for all times or one for each; by default all rise

    Notes
    -----
    A level sees it from that tick on, as it sees :meth:`.Simulation.release` between two runs that meet there.
    """

    times: Any
    amounts: Any = 1.0
    onto: Any = None

    def check(self, where: str, n_levels: int) -> None:
        """Refuse times before 0, columns of different lengths and levels that are not there."""
        where = f"{where}: Given"
        times = checks.array(self.times, where, "times", what="numbers [ms]")
        if times.ndim != 1:
            raise DescriptionError(f"{where}: times must be one-dimensional, got shape {times.shape}")
        if times.size and not (times.min() >= 0 and times.max() < LATEST):
            worst = times.min() if times.min() < 0 else times.max()
            raise DescriptionError(f"{where}: times must be >= 0 ms and below {LATEST:g}, got {worst:g}")
        amounts = checks.array(self.amounts, where, "amounts")
        if amounts.shape not in ((), times.shape):
            raise DescriptionError(
                f"{where}: amounts must be one number or {times.size}, one for each time, got shape {amounts.shape}"
            )
        if self.onto is None:
            return
        onto = checks.array(self.onto, where, "onto", "iu", "whole numbers")
        if onto.shape not in ((), times.shape):
            raise DescriptionError(
                f"{where}: onto must be one level or {times.size}, one for each time, got shape {onto.shape}"
            )
        if onto.size and not (onto.min() >= 0 and onto.max() < n_levels):
            raise DescriptionError(
                f"{where}: onto must be in [0, {n_levels}), got {onto.min()} to {onto.max()}"
            )

    def columns(self) -> tuple[Array, Array, Array]:
        """Return times [ms], amounts and levels, -1 for all, one for each release."""
        times = np.asarray(self.times, np.float64)
        onto = -1 if self.onto is None else self.onto
        return (
            times,
            np.broadcast_to(np.asarray(self.amounts, np.float64), times.shape),
            np.broadcast_to(np.asarray(onto, np.int64), times.shape),
        )


@dataclass(frozen=True, eq=False)
class Course:
    """A baseline that changes in steps, for all levels alike: arousal, a drug, the phases of an experiment.

    Parameters
    ----------
    times : array of float, ms
        when it takes a new value, rounded to ticks, increasing from 0 on
    values : array of float, the level's unit
        what it is from then on, until the next time
    """

    times: Any
    values: Any

    def check(self, where: str) -> None:
        """Refuse times that do not increase from 0, and columns of different lengths."""
        where = f"{where}: baseline: Course"
        times = checks.array(self.times, where, "times", what="numbers [ms]")
        values = checks.array(self.values, where, "values")
        if times.ndim != 1 or not times.size or values.shape != times.shape:
            raise DescriptionError(
                f"{where}: times and values must be one-dimensional, not empty and of equal length, got shapes "
                f"{times.shape} and {values.shape}"
            )
        if times[0] != 0 or np.any(np.diff(times) <= 0) or times[-1] >= LATEST:
            raise DescriptionError(f"{where}: times must increase from 0 ms and stay below {LATEST:g}")
