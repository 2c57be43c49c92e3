r"""Two uncertainties about what predicts what: the expected one is acetylcholine's, the unexpected noradrenaline's."""

from __future__ import annotations

from typing import NamedTuple

from tegmentum.simcore.describe import checks


class Uncertainties(NamedTuple):
    """Levels of both neuromodulators after a trial, and whether the context is taken to have changed."""

    acetylcholine: float  # expected uncertainty, 1 - validity
    noradrenaline: float  # unexpected uncertainty, 1 - confidence
    changed: bool


class ContextUncertainty:
    r"""How often a cue fails, and how likely it is that it has ceased to be the one that predicts.

    In a context a cue is right with a probability, its validity :math:`\gamma`; contexts change without notice. With
    :math:`\lambda` the confidence in the present context, stay probability :math:`\tau`, and a chance of 1/2 that a
    cue without meaning is right,

    .. math::
        \lambda^- = \tau \lambda, \qquad
        \lambda = \frac{\lambda^- L}{\lambda^- L + (1 - \lambda^-) / 2}, \qquad
        L = \gamma \text{ (right) or } 1 - \gamma \text{ (wrong)}

        ACh = 1 - \gamma, \qquad NA = 1 - \lambda

    Where a cue is wrong and a change is more likely than not, which is
    :math:`1 - \lambda^- > ACh / (1/2 + ACh)`, a new context begins, with all to be learned again.

    Parameters
    ----------
    stay : float, 0.98
        probability that the context stays from one trial to the next, in (0, 1]
    right, wrong : float, 3.0 and 1.0
        trials, real or imagined, that a new context's validity is first taken from
    scale : float, 1.0
        neuromodulators released for an uncertainty of 1, in the level's unit

    Attributes
    ----------
    validity, confidence : float
        :math:`\gamma`, the share of right trials in this context, and :math:`\lambda`

    Notes
    -----
    A. J. Yu, P. Dayan (2005), Neuron 46:681-692, doi:10.1016/j.neuron.2005.04.026. As their approximate algorithm, this
    keeps one context at a time and the two quantities alone. Simplified: which cue is the new context's is not said,
    so that its first trial counts for nothing, and the probability that a context returns is neglected.
    """

    def __init__(
        self, stay: float = 0.98, right: float = 3.0, wrong: float = 1.0, scale: float = 1.0
    ) -> None:
        where = "ContextUncertainty"
        checks.number(stay, where, "stay", above=0.0, most=1.0)
        checks.number(right, where, "right", above=0.0)
        checks.number(wrong, where, "wrong", above=0.0)
        checks.number(scale, where, "scale")
        self.stay, self.scale = float(stay), float(scale)
        self._prior = float(right), float(wrong)
        self._begin()

    def _begin(self) -> None:
        self._right, self._wrong = self._prior
        self.confidence = 1.0

    @property
    def validity(self) -> float:
        """Share of right trials in this context."""
        return self._right / (self._right + self._wrong)

    def update(self, right: bool) -> Uncertainties:
        """Learn whether the cue was right in a trial; returns what is to be released of both."""
        likely, before = self.validity, self.stay * self.confidence
        same = before * (likely if right else 1.0 - likely)
        other = 0.5 * (1.0 - before)
        noradrenaline, changed = other / (same + other), not right and other > same
        if changed:
            self._begin()
        else:
            self.confidence = 1.0 - noradrenaline
            self._right += bool(right)
            self._wrong += not right
        return Uncertainties(self.scale * (1.0 - self.validity), self.scale * noradrenaline, changed)
