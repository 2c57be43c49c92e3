r"""A signal as the firing of neurons that release a neuromodulator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tegmentum.simcore.describe import checks

Array = np.ndarray[Any, Any]
_STREAM = 0xF121


class Firing:
    r"""Poisson spikes whose rate follows a signal, in the neurons of a population.

    .. math:: \nu = \max(\nu_0 + g \, s, 0)

    Parameters
    ----------
    size : int
        number of neurons
    base : Hz, 5.0
        rate :math:`\nu_0` without a signal; of dopamine neurons about 5
    gain : Hz for each unit of the signal, 20.0
        :math:`g`
    dt : ms, 0.1
        the simulation's tick; a neuron fires at most once in it, with probability :math:`1 - e^{-\nu \, dt}`
    seed : int, 0

    Notes
    -----
    A spike train of this size, onto a population of :class:`.Parrot` neurons one to one, gets the spikes; the parrots
    are the population of a :class:`.Release`. As rates end at 0, a dip says less than a burst: H. M. Bayer,
    P. W. Glimcher (2005), Neuron 47:129-141, doi:10.1016/j.neuron.2005.05.020. The spikes of an interval are a
    function of seed, start, length and rate alone: a simulation that is repeated, or goes on from a saved state, gets
    the same ones.
    """

    def __init__(
        self, size: int, base: float = 5.0, gain: float = 20.0, dt: float = 0.1, seed: int = 0
    ) -> None:
        checks.number(size, "Firing", "size", whole=True, least=1)
        checks.number(base, "Firing", "base", "Hz", least=0.0)
        checks.number(gain, "Firing", "gain", "Hz")
        checks.number(dt, "Firing", "dt", "ms", above=0.0)
        checks.number(seed, "Firing", "seed", whole=True, least=0, most=2**64 - 1)
        self.size, self.base, self.gain, self.dt, self.seed = size, float(base), float(gain), float(dt), seed

    def rate(self, signal: float) -> float:
        """Return the rate of each neuron [Hz]."""
        checks.number(signal, "Firing", "signal")
        return max(self.base + self.gain * signal, 0.0)

    def spikes(self, signal: float, start: float, ms: float) -> tuple[Array, Array]:
        """Return times [ms] after ``start``, and neurons, as :meth:`.Simulation.set_spikes` takes them.

        Parameters
        ----------
        start : ms
            such as :attr:`.Simulation.t`
        ms : float
            how long the signal lasts
        """
        checks.number(start, "Firing", "start", "ms", least=0.0)
        checks.number(ms, "Firing", "ms", "ms", least=0.0)
        first, n_ticks = round(start / self.dt), round(ms / self.dt)
        rng = np.random.Generator(
            np.random.Philox(key=np.array([self.seed, _STREAM], np.uint64), counter=[0, 0, 0, first])
        )
        fires = -math.expm1(-self.rate(signal) * 1e-3 * self.dt)
        cells = self.size * n_ticks
        n = int(rng.binomial(cells, fires))
        tick, neuron = np.divmod(
            np.sort(rng.choice(cells, n, replace=False)) if n else np.zeros(0, int), self.size
        )
        return (first + 1 + tick) * self.dt, neuron
