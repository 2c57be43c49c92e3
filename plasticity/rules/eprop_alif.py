r"""e-prop for adaptive neurons: an eligibility vector of two components, and the read-out's filter.

In a tick, with the arrivals of the synapse filtered as the membrane filters them, :math:`\bar z`, and the post neuron's
pseudo-derivative :math:`\psi` and learning signal :math:`L`, the eligibility and the weight change by

.. math::
    e_t = \psi_t (\bar z_t - \beta \epsilon_t), \qquad
    \epsilon_{t+1} = \psi_t \bar z_t + (\rho - \psi_t \beta) \epsilon_t, \qquad
    \bar e_t = \kappa \bar e_{t-1} + e_t, \qquad
    \Delta w_t = -\eta \, L_t \, \bar e_t \, dt

with :math:`\bar z_{t+1} = \alpha \bar z_t` plus what arrives, :math:`\alpha = \exp(-dt/\tau_m)`,
:math:`\rho = \exp(-dt/\tau_a)` and :math:`\kappa = \exp(-dt/\tau_{out})`; :math:`\epsilon` is how much the neuron's
threshold owes to the synapse.

All of this is linear in what the synapse keeps, :math:`\bar z, \epsilon, \bar e`, with coefficients of the neuron. So
the map from the start of a window of ticks is kept for each neuron and tick, a triangular matrix of nine numbers; of
two such the map over any time between follows, and a synapse is brought up to date at its own spikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from tegmentum.simcore.describe.modulation import ByPost, Modulator, Receptor, Whole
from tegmentum.simcore.describe.plasticity import Modulation, Unpaired
from tegmentum.simcore.neurons.alif import ALIF
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .eprop import PseudoDerivative, wrong_levels
from .modulated import wrong_part

STEEPEST = 0.8  # beta times the height of the pseudo-derivative; beyond it a window loses too many digits


class Synapse(NamedTuple):
    """Weight, filtered arrivals, what the threshold owes to the synapse, filtered eligibility."""

    w: float
    z: float
    a: float
    f: float


class Constants(NamedTuple):
    """Learning rate times a tick, bounds; beta as seen a tick after a spike, and the three decays of a tick."""

    eta: float
    w_min: float
    w_max: float
    beta: float
    alpha: float
    rho: float
    kappa: float


class Flow(NamedTuple):
    """Map of what a synapse keeps over some ticks: what of the second becomes of the first; ``l`` is the weight.

    The last three are 1 / ``zz``, 1 / ``aa`` and 1 / ``ff``, or 0, so that synapses, which are many, do not divide.
    """

    zz: float
    az: float
    aa: float
    fz: float
    fa: float
    ff: float
    lz: float
    la: float
    lf: float
    z: float
    a: float
    f: float


@dataclass(frozen=True)
class EPropALIF(Unpaired):
    r"""e-prop for ALIF neurons.

    Parameters
    ----------
    slope : Modulator
        with ``source=PseudoDerivative(post)``; the post neurons are :class:`.ALIF`, of whom the rule takes
        :math:`\tau_m`, :math:`\tau_a` and :math:`\beta`
    signal : Modulator
        the learning signal :math:`L_j`: a level for each post neuron, or one for all
    tau_out : ms, 20.0
        of the read-out, by which the eligibility is filtered; 0 for no filter
    eta : the weight's unit, 1e-3
        learning rate
    w_min, w_max : the weight's unit, -1e6 and 1e6
        bounds, at which a weight is cut at the synapse's own spikes

    Notes
    -----
    G. Bellec, F. Scherr, A. Subramoney, E. Hajek, D. Salaj, R. Legenstein, W. Maass (2020), Nat. Commun. 11:3625,
    doi:10.1038/s41467-020-17236-y. Their threshold rises in the tick after a spike; that of :class:`.ALIF` has
    decayed by then, so their :math:`\beta`, which is meant above, is :math:`\rho` times that of the neuron.
    :math:`\psi_t` and :math:`L_t` are those at the end of tick t, an arrival counts in its own tick. Reset and
    refractory time are not in the eligibility. What is seen of a neuron in the tick of its spike is ``peak`` of
    :class:`.PseudoDerivative`, by default the potential after the reset: theirs is that before it, which is near
    ``peak=v_thresh``, as in a file.

    :math:`\beta` times the height of the pseudo-derivative may be at most 0.8. A window of ticks is as long as none of
    the map's factors can fall below some exp(-4), or eight ticks. A map loses as many digits of its sixteen as its
    factors have: two as a rule, six at worst. Each tick costs a map of each neuron.
    """

    slope: Modulator
    signal: Modulator
    receptor: Receptor = field(default_factory=LinearReceptor)
    tau_out: float = param(20.0, "ms", least=0.0)
    eta: float = param(1e-3, least=0.0)
    w_min: float = param(-1e6)
    w_max: float = param(1e6)

    listens: ClassVar[bool] = False

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        problem = wrong_part(self)
        if problem:
            return problem
        source = self.slope.source
        if not isinstance(source, PseudoDerivative):
            return "slope must be a Modulator whose source is PseudoDerivative(post)"
        model = source.population.model
        if not isinstance(model, ALIF):
            return f"the post neurons must be ALIF(), got {type(model).__name__}; EProp is for LIF neurons"
        for name in ("tau_m", "tau_a", "beta", "v_rest", "v_thresh"):
            if not isinstance(getattr(model, name), (int, float)):
                return f"the post neurons must all have one {name}"
        problem = wrong_levels(self.slope, self.signal)
        if problem:
            return problem
        if self.signal.expectation is not None:
            return "signal must not be set at the end of trials, by a pulse; EProp for LIF neurons takes such"
        if self._steepness() > STEEPEST:
            return (
                f"beta * gamma / (v_thresh - v_rest) must be at most {STEEPEST}, got {self._steepness():g}: "
                "lower beta of the neurons or gamma of PseudoDerivative"
            )
        return super().problem() or misordered(self.w_min, self.w_max)

    def _model(self) -> Any:
        return self.slope.source.population.model  # type: ignore[union-attr]

    def _steepness(self) -> float:
        """Return the most that the product of beta and the pseudo-derivative can be."""
        model, source = self._model(), self.slope.source
        return float(model.beta * source.gamma / (model.v_thresh - model.v_rest))  # type: ignore[union-attr]

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        model = self._model()
        rho = math.exp(-dt / model.tau_a)
        kappa = math.exp(-dt / self.tau_out) if self.tau_out > 0.0 else 0.0
        decay = math.exp(-dt / model.tau_m)
        return Constants(self.eta * dt, self.w_min, self.w_max, rho * model.beta, decay, rho, kappa)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of what a synapse keeps, were the neuron silent."""
        return {"z": self._model().tau_m, "a": self._model().tau_a, "f": self.tau_out}

    def flow_time(self, dt: float) -> float:
        """Return the shortest time in which one of the map's factors may fall to 1 / e [ms]."""
        steepest = math.exp(-dt / self._model().tau_a) * (1.0 - self._steepness())
        times = [self._model().tau_m, -dt / math.log(steepest), self.tau_out or math.inf]
        return float(min(times))

    @property
    def modulation(self) -> tuple[Modulation, ...]:
        """Both levels of each post neuron."""
        by_post = ByPost(range(self.slope.n_levels))
        signals = by_post if self.signal.n_levels > 1 else Whole()
        return (
            Modulation(self.slope, LinearReceptor(), by_post, trace="z", name="slope"),
            Modulation(self.signal, self.receptor, signals, trace="z", name="signal"),
        )


def on_pre(s: Synapse, pre: Any, post: Any, c: Constants) -> Synapse:
    """Count an arrival."""
    return Synapse(s.w, s.z + 1.0, s.a, s.f)


def drift(s: Synapse, area: Flow, fade: float, c: Constants) -> Synapse:
    """Apply the map over the time without arrivals."""
    w = s.w - c.eta * (area.lz * s.z + area.la * s.a + area.lf * s.f)
    a, f = area.az * s.z + area.aa * s.a, area.fz * s.z + area.fa * s.a + area.ff * s.f
    return Synapse(min(max(w, c.w_min), c.w_max), area.zz * s.z, a, f)


def flow_start(c: Constants) -> Flow:
    """Return the map over no time."""
    return Flow(1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)


def flow_step(m: Flow, gain: Any, c: Constants) -> Flow:
    """Return a map that goes on for one tick, under the tick's pseudo-derivative and learning signal."""
    steep = gain.slope * c.beta
    fz = c.kappa * m.fz + gain.slope * m.zz - steep * m.az
    fa, ff = c.kappa * m.fa - steep * m.aa, c.kappa * m.ff
    az, aa = gain.slope * m.zz + (c.rho - steep) * m.az, (c.rho - steep) * m.aa
    lz, la, lf = m.lz + gain.signal * fz, m.la + gain.signal * fa, m.lf + gain.signal * ff
    zz, last = c.alpha * m.zz, ff if ff > 0.0 else 1.0
    one = 1.0 / (zz * aa * last)
    f = one * zz * aa if ff > 0.0 else 0.0
    return Flow(zz, az, aa, fz, fa, ff, lz, la, lf, one * aa * last, one * zz * last, f)


def flow_between(m: Flow, n: Flow, c: Constants) -> Flow:
    """Return the map from the end of the map ``m`` to that of ``n``, which goes on from it."""
    zz, aa, ff, lf = n.zz * m.z, n.aa * m.a, n.ff * m.f, (n.lf - m.lf) * m.f
    fa, la = (n.fa - ff * m.fa) * m.a, (n.la - m.la - lf * m.fa) * m.a
    az = (n.az - aa * m.az) * m.z
    fz = (n.fz - fa * m.az - ff * m.fz) * m.z
    lz = (n.lz - m.lz - la * m.az - lf * m.fz) * m.z
    return Flow(zz, az, aa, fz, fa, ff, lz, la, lf, n.z * m.zz, n.a * m.aa, n.f * m.ff)
