r"""Average reward over time, which tonic dopamine and slow serotonin follow."""

from __future__ import annotations

import math

from tegmentum.simcore.describe import checks


class RewardRate:
    r"""Rewards in time, averaged over an exponential window.

    .. math:: \tau \dot{\bar r} = -\bar r + \sum_k r_k \, \delta(t - t_k)

    Parameters
    ----------
    tau : ms, 10000.0
        window of the average
    scale : float, 1.0
        level for one unit of reward in a ms

    Attributes
    ----------
    rate : float, reward in a ms
        :math:`\bar r` at the last update

    Notes
    -----
    A reward raises the level by ``scale * reward / tau``. Under a modulator whose ``tau`` is this one's, the level is
    its baseline and ``scale`` times the rate, at all times.

    The rate of reward is what sloth costs: Y. Niv, N. D. Daw, D. Joel, P. Dayan (2007), Psychopharmacology 191:507-520,
    doi:10.1007/s00213-006-0502-4, take tonic dopamine for it. Over minutes, serotonin neurons' tonic rates follow it:
    J. Y. Cohen, M. W. Amoroso, N. Uchida (2015), eLife 4:e06346, doi:10.7554/eLife.06346, who say in which neurons;
    that it is linear and exponential is this model's assumption.
    """

    def __init__(self, tau: float = 10_000.0, scale: float = 1.0) -> None:
        checks.number(tau, "RewardRate", "tau", "ms", above=0.0)
        checks.number(scale, "RewardRate", "scale")
        self.tau, self.scale, self.rate = float(tau), float(scale), 0.0

    def update(self, reward: float, elapsed: float) -> float:
        """Take in a reward, a time after the last update [ms]; returns what is to be released with it."""
        checks.number(reward, "RewardRate", "reward")
        checks.number(elapsed, "RewardRate", "elapsed", "ms", least=0.0)
        self.rate = self.rate * math.exp(-elapsed / self.tau) + reward / self.tau
        return self.scale * reward / self.tau
