"""Sources of input: Poisson spikes, given spike trains, currents and noise. Descriptions only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import DescriptionError
from .network import Population


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
        times, neuron = np.asarray(self.times, dtype=np.float64), np.asarray(self.neuron)
        where = f"SpikeTrain {self.name!r}"
        if self.size < 1:
            raise DescriptionError(f"{where}: size must be >= 1, got {self.size}")
        if times.ndim != 1 or times.shape != neuron.shape:
            raise DescriptionError(
                f"{where}: times and neuron must be one-dimensional and of equal length, "
                f"got {times.shape} and {neuron.shape}"
            )
        if times.size and not (np.all(np.isfinite(times)) and times.min() >= 0):
            raise DescriptionError(f"{where}: times must be finite and >= 0 ms, got {times.min()}")
        if neuron.size and not (neuron.min() >= 0 and neuron.max() < self.size):
            raise DescriptionError(
                f"{where}: neuron must be in [0, {self.size}), got {neuron.min()} to {neuron.max()}"
            )
        if self.trial is not None and np.shape(self.trial) != times.shape:
            raise DescriptionError(
                f"{where}: trial must have the length of times, got {np.shape(self.trial)} and {times.shape}"
            )


@dataclass(frozen=True, eq=False)
class Poisson:
    """Independent Poisson spikes onto each neuron of a population, drawn inside the update loop.

    Parameters
    ----------
    post : Population
    rate : float, array or function, Hz
        the same for all neurons, one for each, or a function ``rate(t_ms)`` for all
    weight : float
        of each spike, in the receptor's unit
    receptor : str, optional
        by default the only one, or ``exc`` / ``inh`` by the weight's sign
    name : str, optional
        by default ``poisson-post``

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

    def __post_init__(self) -> None:
        where = f"Poisson onto {self.post.name!r}"
        if not callable(self.rate):
            rate = np.asarray(self.rate, dtype=np.float64)
            if rate.shape not in ((), (self.post.size,)):
                raise DescriptionError(
                    f"{where}: rate must be a number or {self.post.size} numbers, got shape {rate.shape}"
                )
            if not (np.all(np.isfinite(rate)) and rate.min() >= 0):
                raise DescriptionError(f"{where}: rate must be finite and >= 0 Hz, got {rate.min()}")
        if not math.isfinite(self.weight):
            raise DescriptionError(f"{where}: weight must be finite, got {self.weight}")
        receptors = self.post.model.receptors
        if self.receptor is not None and self.receptor not in receptors:
            raise DescriptionError(
                f"{where}: receptor must be one of {', '.join(receptors)}, got {self.receptor!r}"
            )
        if self.name is None:
            object.__setattr__(self, "name", f"poisson-{self.post.name}")


@dataclass(frozen=True, eq=False)
class Current:
    """Constant current injected during ``[start, stop)``; several onto one population add up.

    Parameters
    ----------
    post : Population
    amplitude : float or array, pA
        one for all or one for each neuron
    start, stop : float, ms
        rounded to ticks
    """

    post: Population
    amplitude: Any
    start: float = field(default=0.0, metadata={"least": 0.0})
    stop: float = math.inf

    def __post_init__(self) -> None:
        amplitude = np.asarray(self.amplitude, dtype=np.float64)
        where = f"Current into {self.post.name!r}"
        if amplitude.shape not in ((), (self.post.size,)):
            raise DescriptionError(
                f"{where}: amplitude must be one number or {self.post.size}, got shape {amplitude.shape}"
            )
        if not np.all(np.isfinite(amplitude)):
            raise DescriptionError(f"{where}: amplitude must be finite, got {self.amplitude}")
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
        standard deviation :math:`\sigma` of the current in a tick
    mean : float, pA
        :math:`\mu`; several sources into one population add up

    Notes
    -----
    The number of neuron ``i`` is a function of (seed, source, i, tick, trial): a word of Philox through the quantile
    function of the normal distribution, exact to 1.5e-7 and bounded by 6.3. The power depends on ``dt``: for the
    white noise :math:`\sigma_w \xi(t)` [pA ms^(1/2)] choose ``std = sigma_w / dt**0.5``. A leaky membrane of
    resistance ``R = tau_m / c_m`` settles to the variance ``(R std)**2 * tanh(dt / (2 tau_m))``.
    """

    post: Population
    std: float = field(metadata={"least": 0.0})
    mean: float = 0.0

    def __post_init__(self) -> None:
        where = f"Noise into {self.post.name!r}"
        if not (self.std >= 0 and math.isfinite(self.std) and math.isfinite(self.mean)):
            raise DescriptionError(
                f"{where}: std must be >= 0 pA and finite, got {self.std} (mean {self.mean})"
            )
