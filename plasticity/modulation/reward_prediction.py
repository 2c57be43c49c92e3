r"""Errors of reward prediction, which phasic dopamine reports: by Rescorla and Wagner's rule, and by TD(0)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tegmentum.simcore.describe import checks

Array = np.ndarray[Any, Any]


class RescorlaWagner:
    r"""What cues predict of a reward, and by how much the reward differs.

    .. math:: \delta = r - \sum_{i \in cues} V_i, \qquad V_i \leftarrow V_i + \alpha \delta, \quad i \in cues

    Parameters
    ----------
    n_cues : int
    alpha : float, 0.1
        rate of learning, in [0, 1]
    scale : float, 1.0
        dopamine released for an error of 1, in the level's unit

    Attributes
    ----------
    values : array (n_cues,), in units of reward

    Notes
    -----
    R. A. Rescorla, A. R. Wagner (1972), in Classical Conditioning II, 64-99; W. Schultz, P. Dayan, P. R. Montague
    (1997), Science 275:1593-1599, doi:10.1126/science.275.5306.1593. One reward alone, always with the same cue:
    V is r (1 - (1 - alpha)^n) after n trials. The rule knows no time within a trial; :class:`TemporalDifference` does.
    """

    def __init__(self, n_cues: int, alpha: float = 0.1, scale: float = 1.0) -> None:
        checks.number(n_cues, "RescorlaWagner", "n_cues", whole=True, least=1)
        _rates("RescorlaWagner", alpha, scale)
        self.alpha, self.scale, self.values = float(alpha), float(scale), np.zeros(n_cues)

    def update(self, reward: float, cues: int | Sequence[int] = ()) -> float:
        """Learn from a trial; returns the dopamine to release, negative where the reward was less than predicted."""
        checks.number(reward, "RescorlaWagner", "reward")
        given = np.atleast_1d(cues) if np.size(cues) else np.zeros(0, np.int64)
        present = np.unique(checks.array(given, "RescorlaWagner", "cues", "iu", "whole numbers"))
        for cue in present:
            checks.number(int(cue), "RescorlaWagner", "cues", whole=True, least=0, most=len(self.values) - 1)
        error = float(reward - self.values[present].sum())
        self.values[present] += self.alpha * error
        return self.scale * error


class TemporalDifference:
    r"""Values of the states of a task, and the error of prediction at each step from one to the next: TD(0).

    .. math:: \delta = r + \gamma V(s') - V(s), \qquad V(s) \leftarrow V(s) + \alpha \delta

    Parameters
    ----------
    n_states : int
    alpha : float, 0.1
        rate of learning, in [0, 1]
    gamma : float, 1.0
        discount for each step, in [0, 1]
    scale : float, 1.0
        dopamine released for an error of 1, in the level's unit

    Attributes
    ----------
    values : array (n_states,), in units of reward

    Notes
    -----
    W. Schultz, P. Dayan, P. R. Montague (1997), Science 275:1593-1599, doi:10.1126/science.275.5306.1593;
    R. S. Sutton (1988), Mach. Learn. 3:9-44, doi:10.1007/BF00115009. States that follow one another after a cue are
    their complete serial compound. The time between trials, from which nothing can be foretold, is the state None:
    its value stays 0, so that an unexpected cue releases what it has come to predict.
    """

    def __init__(self, n_states: int, alpha: float = 0.1, gamma: float = 1.0, scale: float = 1.0) -> None:
        checks.number(n_states, "TemporalDifference", "n_states", whole=True, least=1)
        _rates("TemporalDifference", alpha, scale)
        checks.number(gamma, "TemporalDifference", "gamma", least=0.0, most=1.0)
        self.alpha, self.gamma, self.scale = float(alpha), float(gamma), float(scale)
        self.values = np.zeros(n_states)

    def update(self, state: int | None, reward: float, after: int | None) -> float:
        """Learn from a step out of a state into the one after it; returns the dopamine to release."""
        checks.number(reward, "TemporalDifference", "reward")
        error = float(reward + self.gamma * self._value(after, "after") - self._value(state, "state"))
        if state is not None:
            self.values[state] += self.alpha * error
        return self.scale * error

    def _value(self, state: int | None, what: str) -> float:
        if state is None:
            return 0.0
        checks.number(state, "TemporalDifference", what, whole=True, least=0, most=len(self.values) - 1)
        return float(self.values[state])


def _rates(where: str, alpha: float, scale: float) -> None:
    checks.number(alpha, where, "alpha", least=0.0, most=1.0)
    checks.number(scale, where, "scale")
