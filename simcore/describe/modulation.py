r"""Neuromodulators in time: channels with a level for each subpopulation of synapses, and receptors that read them.

A level is a baseline and what was released of late,

.. math:: L_k(t) = b(t) + n_k(t), \qquad \dot n_k = -n_k / \tau + \sum_r a_r \, \delta(t - t_r)

or, where it takes time to rise, the difference of two such exponentials. A receptor turns it into a signed gain on
plasticity, :math:`g(L_k)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DescriptionError
from . import checks
from .releases import Course, Given, Release
from .trials import Expected
from .watch import Watch

if TYPE_CHECKING:
    from .network import Projection

Array = np.ndarray[Any, Any]


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
    baseline : float or Course, 0.0
        tonic level
    releases : sequence of Release
        populations whose spikes release it; :meth:`.Simulation.release` adds what a reward, an error or an
        expectation releases
    source : Expected, optional
        an expectation that sets the levels at the end of each trial, for a pulse; :meth:`.Simulation.present` has
        trials. Between pulses its level is the baseline, a number: it excludes ``releases``, ``given`` and
        ``tau_rise``.
    tau_rise : float, ms, optional
        a release makes the level rise with this time constant, at most 0.99 ``tau``; by default it rises at once
    given : sequence of Given
        releases at given times

    Notes
    -----
    With ``tau_rise`` the level that a release of amount :math:`a` causes is

    .. math:: a \, N \left(e^{-t / \tau} - e^{-t / \tau_{rise}}\right), \qquad
        N^{-1} = \rho^{\rho / (1 - \rho)} - \rho^{1 / (1 - \rho)}, \quad \rho = \tau_{rise} / \tau

    which peaks at :math:`a`, after :math:`\tau \rho \ln(1 / \rho) / (1 - \rho)`: an amount means the same height with
    and without a rise.

    E. M. Izhikevich (2007), Cereb. Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, has :math:`\tau` = 200 ms, a
    baseline of 0.002 and releases of 0.5 [µM], which rise at once.
    """

    name: str
    n_levels: int = 1
    tau: float = 200.0
    baseline: float | Course = 0.0
    releases: tuple[Release, ...] = ()
    source: Expected | Watch | None = None
    tau_rise: float | None = None
    given: tuple[Given, ...] = ()

    def __post_init__(self) -> None:
        where = f"{type(self).__name__} {self.name!r}"
        if not isinstance(self.name, str) or not self.name or "/" in self.name:
            raise DescriptionError(f"{where}: name must be a text without '/', and not empty")
        checks.number(self.n_levels, where, "n_levels", whole=True, least=1, most=1 << 16)
        checks.number(self.tau, where, "tau", "ms", above=0.0)
        if self.tau_rise is not None:
            checks.number(self.tau_rise, where, "tau_rise", "ms", above=0.0, most=0.99 * self.tau)
        if isinstance(self.baseline, Course):
            self.baseline.check(where)
        else:
            checks.number(self.baseline, where, "baseline")
        for field, kind, example in (
            ("releases", Release, "Release(population, ...)"),
            ("given", Given, "Given(times, ...)"),
        ):
            parts = getattr(self, field)
            if not isinstance(parts, (list, tuple)):
                raise DescriptionError(
                    f"{where}: {field} must be a list of {kind.__name__}, got {checks.shown(parts)}"
                )
            object.__setattr__(self, field, tuple(parts))
            for part in parts:
                if not isinstance(part, kind):
                    raise DescriptionError(f"{where}: {field} must be {example}, got {checks.shown(part)}")
                part.check(where, self.n_levels)
        if self.source is not None:
            self._check_source(where)

    def _check_source(self, where: str) -> None:
        source = self.source
        if isinstance(source, Watch):
            problem = source.problem(self.n_levels)
            if problem is None and (self.releases or self.given or self.tau_rise is not None):
                problem = "releases, given and tau_rise mean nothing where potentials set the levels"
            if problem:
                raise DescriptionError(f"{where}: {type(source).__name__}: {problem}")
            return
        if not isinstance(source, Expected):
            raise DescriptionError(
                f"{where}: source must be an Expected or a Watch, got {checks.shown(source)}"
            )
        if source.n_levels != self.n_levels:
            raise DescriptionError(
                f"{where}: n_levels must be {source.n_levels}, as its source's table has columns, got {self.n_levels}"
            )
        for field, used in (
            ("releases", bool(self.releases)),
            ("given", bool(self.given)),
            ("tau_rise", self.tau_rise is not None),
            ("a Course of the baseline", isinstance(self.baseline, Course)),
        ):
            if used:
                raise DescriptionError(
                    f"{where}: {field} and source exclude each other; between the pulses of its source a level is the "
                    "baseline"
                )
        if source.tonic != self.baseline:
            raise DescriptionError(
                f"{where}: baseline must be {source.tonic:g}, its source's tonic level, got {self.baseline:g}"
            )

    @property
    def expectation(self) -> Expected | None:
        """The expectation that sets the levels at the end of trials, if one does."""
        return self.source if isinstance(self.source, Expected) else None

    @property
    def watch(self) -> Watch | None:
        """What sets the levels from membrane potentials, if something does."""
        return self.source if isinstance(self.source, Watch) else None

    def norm(self) -> float:
        """Return :math:`N`, 1 where the level rises at once."""
        if self.tau_rise is None:
            return 1.0
        rho = self.tau_rise / self.tau
        return 1.0 / float(rho ** (rho / (1.0 - rho)) - rho ** (1.0 / (1.0 - rho)))


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
