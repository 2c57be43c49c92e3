r"""Hebbian learning of rates under a neuromodulator: the product of spike counts, whenever the spikes came.

.. math::
    \dot e = -e / \tau_e + a \sum_{t_i, t_j} \delta(t - \max(t_i, t_j)), \qquad \dot w = g(L) \, e

Every arrival and every post spike are a pair, in whatever order: the traces only count, as they fade with
:math:`\tau`, by default 10 s. A control for rules that depend on the spikes' timing. With :math:`\tau` and
:math:`\tau_e` far beyond a trial it is Hebb's product of counts, :math:`\Delta w = g(L) \, a \, n_{pre} \, n_{post}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.neurons.base import param

from .dopamine_stdp import DopamineSTDP, Synapse


@dataclass(frozen=True)
class RateHebb(DopamineSTDP):
    r"""Product of the counts of arrivals and of post spikes, gated by a neuromodulator.

    Parameters
    ----------
    modulator, receptor, subpopulations, tau_e, w_min, w_max, soft
        as of :class:`.DopamineSTDP`
    a : the weight's unit, 0.1
        by how much a pair moves the eligibility
    tau : ms, 10000.0
        how long spikes count; may be infinite

    Notes
    -----
    ``a_plus``, ``a_minus``, ``tau_plus`` and ``tau_minus`` mean nothing here.
    """

    a: float = param(0.1)
    tau: float = 1e4

    class Constants(NamedTuple):
        """Parameters as the functions need them."""

        a: float
        w_min: float
        w_max: float

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or checks.wrong_number(self.tau, "tau", "ms", above=0.0, infinite=True)

    def derive(self, dt: float) -> Constants:  # type: ignore[override]
        """Return the constants of the functions."""
        c = super().derive(dt)
        return RateHebb.Constants(self.a, c.w_min, c.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the counts, long, and of the eligibility."""
        return {"x": self.tau, "y": self.tau, "e": self.tau_e}

    @staticmethod
    def on_pre(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Take the pairs with all earlier post spikes into the eligibility."""
        return Synapse(s.w, s.e + c.a * post.y)

    @staticmethod
    def on_post(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Take the pairs with all earlier arrivals into the eligibility."""
        return Synapse(s.w, s.e + c.a * pre.x)
