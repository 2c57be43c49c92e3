r"""Neuromodulators in time: channels with a level for each subpopulation of synapses, and receptors that read them.

A level is a baseline and what was released of late,

.. math:: L_k(t) = b + n_k(t), \qquad \dot n_k = -n_k / \tau + \sum_r a_r \, \delta(t - t_r)

and a receptor turns it into a signed gain on plasticity, :math:`g(L_k)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DescriptionError
from . import checks
from .trials import Expected

if TYPE_CHECKING:
    from .network import Population, Projection

Array = np.ndarray[Any, Any]


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


@dataclass(frozen=True, eq=False)
class Modulator:
    r"""A neuromodulator.

    Parameters
    ----------
    name : str
        such as ``dopamine``
    n_levels : int, 1
        how many subpopulations of synapses have a level of their own, at most 65,536
    tau : float, ms, 200.0
        decay of what is released
    baseline : float, 0.0
        tonic level
    releases : sequence of Release
        populations whose spikes release it; :meth:`.Simulation.release` adds what a reward, an error or an
        expectation releases
    source : Expected, optional
        an expectation that sets the levels at the end of each trial, for a pulse; :meth:`.Simulation.present` has
        trials. Such a modulator is not released, and between pulses its level is the baseline.

    Notes
    -----
    E. M. Izhikevich (2007), Cereb. Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, has :math:`\tau` = 200 ms, a
    baseline of 0.002 and releases of 0.5 [µM].
    """

    name: str
    n_levels: int = 1
    tau: float = 200.0
    baseline: float = 0.0
    releases: tuple[Release, ...] = ()
    source: Expected | None = None

    def __post_init__(self) -> None:
        where = f"{type(self).__name__} {self.name!r}"
        if not isinstance(self.name, str) or not self.name or "/" in self.name:
            raise DescriptionError(f"{where}: name must be a text without '/', and not empty")
        checks.number(self.n_levels, where, "n_levels", whole=True, least=1, most=1 << 16)
        checks.number(self.tau, where, "tau", "ms", above=0.0)
        checks.number(self.baseline, where, "baseline")
        if not isinstance(self.releases, (list, tuple)):
            raise DescriptionError(
                f"{where}: releases must be a list of Release, got {checks.shown(self.releases)}"
            )
        object.__setattr__(self, "releases", tuple(self.releases))
        for release in self.releases:
            self._check(release, where)
        if self.source is not None:
            self._check_source(where)

    def _check_source(self, where: str) -> None:
        source = self.source
        if not isinstance(source, Expected):
            raise DescriptionError(f"{where}: source must be an Expected, got {checks.shown(source)}")
        if source.n_levels != self.n_levels:
            raise DescriptionError(
                f"{where}: n_levels must be {source.n_levels}, as its source's table has columns, got {self.n_levels}"
            )
        if source.tonic != self.baseline:
            raise DescriptionError(
                f"{where}: baseline must be {source.tonic:g}, its source's tonic level, got {self.baseline:g}"
            )
        if self.releases:
            raise DescriptionError(f"{where}: releases and source exclude each other")

    def _check(self, release: Release, where: str) -> None:
        if not isinstance(release, Release):
            raise DescriptionError(
                f"{where}: releases must be Release(population, ...), got {checks.shown(release)}"
            )
        if not hasattr(release.population, "model"):
            raise DescriptionError(
                f"{where}: a release's population must be a Population, got {checks.shown(release.population)}"
            )
        where = f"{where}: release by {release.population.name!r}"
        checks.number(release.amount, where, "amount")
        checks.number(release.delay, where, "delay", "ms", above=0.0)
        if release.onto is not None:
            onto = np.asarray(release.onto)
            if onto.shape != (release.population.size,) or onto.dtype.kind not in "iu":
                raise DescriptionError(
                    f"{where}: onto must hold {release.population.size} whole numbers, one for each neuron"
                )
            if onto.min() < 0 or onto.max() >= self.n_levels:
                raise DescriptionError(f"{where}: onto must be in [0, {self.n_levels})")


@dataclass(frozen=True, eq=False)
class Subpopulations:
    """Which of a modulator's levels each synapse of a projection has: base of the ways to say it."""

    def problem(self, projection: Projection, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Whole(Subpopulations):
    """All synapses have the same level.

    Parameters
    ----------
    level : int, 0
        its number
    """

    level: int = 0

    def problem(self, projection: Projection, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        return _wrong(np.array([self.level]), 1, n_levels)


@dataclass(frozen=True, eq=False)
class ByPost(Subpopulations):
    """The synapses onto a neuron share a level.

    Parameters
    ----------
    levels : array of int, one for each post neuron
        its number
    """

    levels: Any

    def problem(self, projection: Projection, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        return _wrong(self.levels, projection.post.size, n_levels)


@dataclass(frozen=True, eq=False)
class ByPre(Subpopulations):
    """The synapses of a pre neuron share a level.

    Parameters
    ----------
    levels : array of int, one for each pre neuron
        its number
    """

    levels: Any

    def problem(self, projection: Projection, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        return _wrong(self.levels, projection.pre.size, n_levels)


@dataclass(frozen=True, eq=False)
class BySynapse(Subpopulations):
    """Each synapse has a level of its own choice: 2 more bytes a synapse.

    Parameters
    ----------
    levels : array of int, one for each synapse, in the order of :meth:`.Simulation.synapses`
        its number
    """

    levels: Any

    def problem(self, projection: Projection, n_levels: int) -> str | None:
        """Return what is wrong, or None; how many synapses there are is known when they are built."""
        return _wrong(self.levels, len(np.ravel(self.levels)), n_levels)


def _wrong(levels: Any, size: int, n_levels: int) -> str | None:
    numbers = np.asarray(levels)
    if numbers.shape != (size,) or numbers.dtype.kind not in "iu":
        return f"levels must be {size} whole numbers, got {numbers.dtype} of shape {numbers.shape}"
    if size and (numbers.min() < 0 or numbers.max() >= n_levels):
        return f"levels must be in [0, {n_levels}), got {numbers.min()} to {numbers.max()}"
    return None


@dataclass(frozen=True)
class Receptor:
    """Base of receptors: ``curve`` turns a level into a gain, its parameters following in the order of the fields."""

    #: gain at a level, a static method: plain Python on floats, as the functions of rules are
    curve: ClassVar[Callable[..., float]]

    def parameters(self) -> tuple[float, ...]:
        """Return what ``curve`` takes after the level."""
        return tuple(float(getattr(self, field.name)) for field in fields(self))
