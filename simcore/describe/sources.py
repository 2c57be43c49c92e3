"""Sources of input: Poisson spikes, given spike trains, currents and noise. Descriptions only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..errors import DescriptionError
from . import checks
from .network import Population, chosen_receptor

LATEST = 1e12  #: ms; beyond, ticks are no longer told apart


@dataclass(frozen=True, eq=False)
class SpikeTrain:
    """A population that fires at given times; may be the ``pre`` of projections.

    Parameters
    ----------
    name : str
    size : int
        number of neurons
    times : array of float, ms
        spike times, rounded to ticks, in any order
    neuron : array of int
        which neuron fires, same length
    trial : array of int, optional
        in which trial the spike happens, same length; without it, in all
    """

    name: str
    size: int
    times: Any
    neuron: Any
    trial: Any = None

    def __post_init__(self) -> None:
        checks.name(self.name, "SpikeTrain")
        where = f"SpikeTrain {self.name!r}"
        checks.number(self.size, where, "size", whole=True, least=1, most=2**31 - 1)
        object.__setattr__(self, "size", int(self.size))
        times = checks.array(self.times, where, "times", what="numbers [ms]")
        whole = {"kinds": "iu", "what": "whole numbers"}
        neuron = checks.array(self.neuron, where, "neuron", **whole)
        if times.ndim != 1 or times.shape != neuron.shape:
            raise DescriptionError(
                f"{where}: times and neuron must be one-dimensional and of equal length, "
                f"got {times.shape} and {neuron.shape}"
            )
        if times.size and not (times.min() >= 0 and times.max() < LATEST):
            worst = times.min() if times.min() < 0 else times.max()
            raise DescriptionError(f"{where}: times must be >= 0 ms and below {LATEST:g}, got {worst}")
        if neuron.size and not (neuron.min() >= 0 and neuron.max() < self.size):
            raise DescriptionError(
                f"{where}: neuron must be in [0, {self.size}), got {neuron.min()} to {neuron.max()}"
            )
        if self.trial is None:
            return
        trial = checks.array(self.trial, where, "trial", **whole)
        if trial.shape != times.shape:
            raise DescriptionError(
                f"{where}: trial must have the length of times, got {trial.shape} and {times.shape}"
            )
        if trial.size and trial.min() < 0:
            raise DescriptionError(f"{where}: trial must be >= 0, got {trial.min()}")


@dataclass(frozen=True, eq=False)
class Poisson:
    """Independent Poisson spikes onto each neuron of a population, drawn inside the update loop.

    Parameters
    ----------
    post : Population
    rate : float, array or function, Hz
        the same for all neurons; an array with one for each; a function ``rate(t_ms)`` that returns either. With
        ``every``, an array over time: shape ``(n_steps,)`` for all neurons or ``(n_steps, size)``
    weight : float
        of each spike, in the receptor's unit
    receptor : str, optional
        by default the only one, or ``exc`` / ``inh`` by the weight's sign; a conductance is then its magnitude
    name : str, optional
        by default ``poisson-post``
    every : float, ms, optional
        how long each step of a rate over time lasts, rounded to ticks; the last step goes on

    Notes
    -----
    The number of spikes in a tick is Poisson distributed, drawn by table inversion of one 32-bit word of
    Philox(seed; source, neuron, tick, trial).
    """

    post: Population
    rate: float | np.ndarray[Any, Any] | Callable[[float], Any] = field(metadata={"least": 0.0})
    weight: float
    receptor: str | None = None
    name: str | None = None
    every: float | None = None

    by_neuron: ClassVar[bool] = False  # whether neurons differ in their rates

    def __post_init__(self) -> None:
        where = _onto(self.post, "Poisson", "onto")
        if self.name is None:
            object.__setattr__(self, "name", f"poisson-{self.post.name}")
        checks.name(self.name, where)
        if callable(self.rate):
            if self.every is not None:
                raise DescriptionError(f"{where}: every goes with an array of rates, not with a function")
            try:
                first = self.rate(0.0)
            except Exception as error:
                raise DescriptionError(
                    f"{where}: rate(0.0) fails: {type(error).__name__}: {error}"
                ) from error
            rate = checks.array(first, where, "rate(0.0)", what="a number or an array [Hz]")
            if rate.shape not in ((), (self.post.size,)):
                raise DescriptionError(
                    f"{where}: rate(0.0) must be a number or {self.post.size}, got shape {rate.shape}"
                )
        else:
            rate = _over_time(self.rate, self.every, self.post.size, where, "rate", "Hz")
        if rate.size and rate.min() < 0:
            raise DescriptionError(f"{where}: rate must be finite and >= 0 Hz, got {rate.min()}")
        object.__setattr__(self, "by_neuron", rate.ndim > (self.every is not None))
        checks.number(self.weight, where, "weight")
        receptor, weight = chosen_receptor(self.post.model, self.receptor, self.weight, where)
        object.__setattr__(self, "receptor", receptor)
        object.__setattr__(self, "weight", weight)


@dataclass(frozen=True, eq=False)
class Current:
    """Current injected during ``[start, stop)``, constant or a waveform; several onto one population add up.

    Parameters
    ----------
    post : Population
    amplitude : float or array, pA
        one for all or one for each neuron. With ``every``, a waveform: shape ``(n_steps,)`` for all neurons or
        ``(n_steps, size)``
    start, stop : float, ms
        rounded to ticks
    every : float, ms, optional
        how long each step of a waveform lasts, rounded to ticks; the first begins at ``start``, the last goes on
        until ``stop``
    """

    post: Population
    amplitude: Any
    start: float = field(default=0.0, metadata={"least": 0.0})
    stop: float = math.inf
    every: float | None = None

    def __post_init__(self) -> None:
        where = _onto(self.post, "Current", "into")
        _over_time(self.amplitude, self.every, self.post.size, where, "amplitude", "pA")
        checks.number(self.start, where, "start", "ms", infinite=True)
        checks.number(self.stop, where, "stop", "ms", infinite=True)
        if not 0 <= self.start < self.stop:
            raise DescriptionError(
                f"{where}: start must be in [0, stop), got {self.start} and stop {self.stop}"
            )


@dataclass(frozen=True, eq=False)
class Noise:
    r"""Gaussian white current, drawn anew in each tick for each neuron and constant during the tick.

    .. math:: i(t) = \mu + \sigma \, z_k, \qquad z_k \sim \mathcal{N}(0, 1) \text{ in tick } k

    Parameters
    ----------
    post : Population
    std : float, pA
        standard deviation :math:`\sigma` of the current in a tick; with ``every``, one for each step in time
    mean : float, pA
        :math:`\mu`; several sources into one population add up
    every : float, ms, optional
        how long each step of ``std`` lasts, from time 0 on, rounded to ticks; the last goes on. For a mean over time
        add a :class:`Current`

    Notes
    -----
    The number of neuron ``i`` is a function of (seed, source, i, tick, trial): a word of Philox through the quantile
    function of the normal distribution, exact to 1.5e-7 and bounded by 6.3. The power depends on ``dt``: for the
    white noise :math:`\sigma_w \xi(t)` [pA ms^(1/2)] choose ``std = sigma_w / dt**0.5``. A leaky membrane of
    resistance ``R = tau_m / c_m`` settles to the variance ``(R std)**2 * tanh(dt / (2 tau_m))``.
    """

    post: Population
    std: Any = field(metadata={"least": 0.0})
    mean: float = 0.0
    every: float | None = None

    def __post_init__(self) -> None:
        where = _onto(self.post, "Noise", "into")
        if self.every is None:
            checks.number(self.std, where, "std", "pA", least=0.0)
        else:
            std = _over_time(self.std, self.every, self.post.size, where, "std", "pA")
            if std.ndim != 1 or std.min() < 0:
                raise DescriptionError(
                    f"{where}: std must have shape (n_steps,) and be >= 0 pA where every is given, "
                    f"got {checks.shown(self.std)}"
                )
        checks.number(self.mean, where, "mean", "pA")


def _onto(post: Any, what: str, how: str) -> str:
    """Return how messages name a source, whose ``post`` must be a population."""
    if not isinstance(post, Population):
        raise DescriptionError(f"{what}: post must be a Population, got {checks.shown(post)}")
    return f"{what} {how} {post.name!r}"


def _over_time(value: Any, every: Any, size: int, where: str, field: str, unit: str) -> np.ndarray[Any, Any]:
    """Return one number, one for each neuron or, with ``every``, such for each step, checked."""
    numbers = checks.array(value, where, field, what=f"a number or an array [{unit}]")
    if every is None:
        if numbers.shape not in ((), (size,)):
            hint = "; steps in time need every" if numbers.ndim else ""
            raise DescriptionError(
                f"{where}: {field} must be a number or {size} numbers, got shape {numbers.shape}{hint}"
            )
        return numbers
    checks.number(every, where, "every", "ms", above=0.0)
    if not numbers.size or numbers.ndim not in (1, 2) or numbers.shape[1:] not in ((), (size,)):
        raise DescriptionError(
            f"{where}: {field} must have shape (n_steps,) or (n_steps, {size}) where every is given, "
            f"got {numbers.shape}"
        )
    return numbers
