r"""Voltage-based plasticity: depression by arrivals where the potential was high, potentiation where it is high still.

.. math::
    \dot w = -A_{LTD} \sum_i \delta(t - t_i) \, [\bar u_- - \theta_-]_+
        + A_{LTP} \, \bar x \, [u - \theta_+]_+ \, [\bar u_+ - \theta_-]_+

with the post neuron's potential :math:`u`, two low-pass filters of it, :math:`\bar u_\pm` with
:math:`\tau_\pm`, and a trace :math:`\bar x` of the arrivals, :math:`\tau_x \dot{\bar x} = -\bar x + \sum \delta`.

Both factors of the post neuron are levels that follow its potential (:class:`LTD`, :class:`LTP`). A synapse keeps
:math:`\bar x`, and for the tick of an arrival that there was one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.modulation import ByPost, Modulator
from tegmentum.simcore.describe.network import Population
from tegmentum.simcore.describe.plasticity import Modulation, Unpaired
from tegmentum.simcore.describe.watch import Watch
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered


@dataclass(frozen=True, eq=False)
class _Filtered(Watch):
    """A potential filtered in time, from ``rest`` on."""

    tau: float = 10.0
    theta: float = -70.6
    rest: float = -70.6

    class State(NamedTuple):
        """Filtered potential."""

        u: float

    def initial(self) -> State:
        """Begin at rest."""
        return _Filtered.State(self.rest)

    def share(self, dt: float) -> float:
        """Return what a tick takes of the new potential."""
        return -math.expm1(-dt / self.tau)

    @staticmethod
    def watch(s, v, c):  # type: ignore[no-untyped-def]
        """Filter the potential."""
        return _Filtered.State(s.u + c.share * (v - s.u))


@dataclass(frozen=True, eq=False)
class LTD(_Filtered):
    r"""Level of each neuron: :math:`[\bar u_- - \theta_-]_+` [mV]."""

    class Constants(NamedTuple):
        """Share of the new potential in a tick; threshold [mV]."""

        share: float
        theta: float

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        return LTD.Constants(self.share(dt), self.theta)

    @staticmethod
    def level(s, v, c):  # type: ignore[no-untyped-def]
        """Return what is above the threshold."""
        return max(s.u - c.theta, 0.0)


@dataclass(frozen=True, eq=False)
class LTP(_Filtered):
    r"""Level of each neuron: :math:`[u - \theta_+]_+ [\bar u_+ - \theta_-]_+` [mV²]."""

    tau: float = 7.0
    theta_plus: float = -45.3

    class Constants(NamedTuple):
        """Share of the new potential in a tick; thresholds [mV]."""

        share: float
        theta: float
        theta_plus: float

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        return LTP.Constants(self.share(dt), self.theta, self.theta_plus)

    @staticmethod
    def level(s, v, c):  # type: ignore[no-untyped-def]
        """Return the product of what is above the thresholds."""
        return max(v - c.theta_plus, 0.0) * max(s.u - c.theta, 0.0)


@dataclass(frozen=True)
class ClopathSTDP(Unpaired):
    r"""Voltage-based plasticity.

    Parameters
    ----------
    post : Population
        the post neurons, whose potentials count; its model has a ``v`` [mV]
    a_ltd : 1/mV, 14e-5
        :math:`A_{LTD}`, times the weight's unit
    a_ltp : 1/(mV² ms), 8e-5
        :math:`A_{LTP}`, times the weight's unit
    tau_x, tau_minus, tau_plus : ms, 15.0, 10.0, 7.0
    theta_minus, theta_plus : mV, -70.6, -45.3
    rest : mV, -70.6
        the potential at which the filters begin
    peak : float, optional, mV
        what a neuron's potential counts as in the tick in which it fires: models that reset at once, such as LIF, show
        no spike otherwise; in its place a neuron may have spikes of its own shape
    delay : ms, 0.0
        by how much the filters lag behind the potential; not in the paper, but in the program for its figures, and 5 ms
        in NEST
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds, at which a weight is cut at the synapse's own spikes
    name : str, optional
        begin of the names of its two levels; by default the post population's. Projections onto one population share
        the levels where they share the rule, and need different names where they have rules of their own.

    Notes
    -----
    C. Clopath, L. Buesing, E. Vasilaki, W. Gerstner (2010), Nat. Neurosci. 13:344-352, doi:10.1038/nn.2479, without
    their homeostatic factor :math:`\bar{\bar u}^2 / u_{ref}^2` of the depression. An arrival's depression is that of
    the potential at the end of its tick, and is delivered from the next arrival on. The parameters are those of visual
    cortex. The paper's pairing experiments need neurons whose spikes have a width and an afterpotential, as
    :class:`.ClopathAdEx` has: with a ``delay`` of 4 ms and a tick they change weights as in NEST's ``clopath_synapse``,
    to 0.3 percentage points in changes of -42 to +57 % (10, 30 and 50 Hz, either order; ``tests/test_clopath.py``).
    With ``peak`` a spike is a tick wide, so that potentiation depends on ``dt``.
    """

    post: Population
    a_ltd: float = param(14e-5, "1/mV", least=0.0)
    a_ltp: float = param(8e-5, "1/(mV2 ms)", least=0.0)
    tau_x: float = param(15.0, "ms", above=0.0)
    tau_minus: float = param(10.0, "ms", above=0.0)
    tau_plus: float = param(7.0, "ms", above=0.0)
    theta_minus: float = param(-70.6, "mV")
    theta_plus: float = param(-45.3, "mV")
    rest: float = param(-70.6, "mV")
    peak: float | None = None
    delay: float = param(0.0, "ms", least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)
    name: str | None = None

    class Synapse(NamedTuple):
        """Weight, filtered arrivals, and whether there is one in this tick."""

        w: float
        x: float
        now: float

    class Constants(NamedTuple):
        """Parameters as the functions need them."""

        a_ltd: float
        a_ltp: float
        w_min: float
        w_max: float

    def __post_init__(self) -> None:
        if isinstance(self.post, Population):
            n, peak = self.post.size, self.peak
            late, theta, rest = self.delay, self.theta_minus, self.rest
            low = LTD(self.post, peak, self.tau_minus, theta, rest, delay=late)
            high = LTP(self.post, peak, self.tau_plus, theta, rest, self.theta_plus, delay=late)
            name = self.post.name if self.name is None else self.name
            levels = Modulator(f"{name} LTD", n, source=low), Modulator(f"{name} LTP", n, source=high)
            object.__setattr__(self, "_levels", levels)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        if not isinstance(self.post, Population):
            return f"post must be a Population, got {checks.shown(self.post)}"
        return super().problem() or misordered(self.w_min, self.w_max)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        return ClopathSTDP.Constants(self.a_ltd, self.a_ltp / self.tau_x, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decay of the trace; an arrival lasts for its tick."""
        return {"x": self.tau_x, "now": 0.0}

    @property
    def modulation(self) -> tuple[Modulation, Modulation]:
        """Both factors of the post neuron."""
        low, high = self._levels  # type: ignore[attr-defined]
        own = ByPost(range(self.post.size))
        return (
            Modulation(low, LinearReceptor(), own, trace="now"),
            Modulation(high, LinearReceptor(), own, trace="x"),
        )

    @staticmethod
    def on_pre(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Note an arrival."""
        return ClopathSTDP.Synapse(s.w, s.x + 1.0, s.now + 1.0)

    @staticmethod
    def drift(s, area, fade, c):  # type: ignore[no-untyped-def]
        """Depress by the level in an arrival's tick, potentiate by the integral of the other."""
        w = s.w - c.a_ltd * s.now * area.now + c.a_ltp * s.x * area.x
        return ClopathSTDP.Synapse(min(max(w, c.w_min), c.w_max), s.x * fade.x, s.now * fade.now)
