r"""Attention as a level of acetylcholine, which then opens plasticity by as much as attention is paid."""

from __future__ import annotations

from tegmentum.simcore.describe import checks


class Attention:
    r"""Bring a level to where attention wants it.

    .. math:: L = L_0 + a \, (L_1 - L_0)

    Parameters
    ----------
    least, most : float, the level's unit, 0.0 and 1.0
        :math:`L_0` without attention, :math:`L_1` with all of it

    Notes
    -----
    With :class:`.LinearReceptor` and ``baseline=least`` the gain on plasticity is proportional to attention; in a
    product of modulations it multiplies what another neuromodulator teaches. Cues that are attended release
    acetylcholine in prefrontal cortex within a second: V. Parikh, R. Kozak, V. Martinez, M. Sarter (2007), Neuron
    56:141-154, doi:10.1016/j.neuron.2007.08.025; it carries attentional gain in V1: J. L. Herrero et al. (2008), Nature
    454:1110-1114, doi:10.1038/nature07141. Simplified: linear, and without the time that release takes; see the
    modulator's ``tau_rise``.
    """

    def __init__(self, least: float = 0.0, most: float = 1.0) -> None:
        checks.number(least, "Attention", "least")
        checks.number(most, "Attention", "most", least=least)
        self.least, self.most = float(least), float(most)

    def update(self, attention: float, level: float) -> float:
        """Return what is to be released, or taken away, where the level is what it is.

        Parameters
        ----------
        attention : in [0, 1]
        level : as :meth:`.Simulation.levels` says it
        """
        checks.number(attention, "Attention", "attention", least=0.0, most=1.0)
        checks.number(level, "Attention", "level")
        return self.least + attention * (self.most - self.least) - level
