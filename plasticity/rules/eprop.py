r"""e-prop for leaky integrate-and-fire neurons: three factors in place of backpropagation through time.

The eligibility of a synapse is a vector of one component for LIF neurons, the arrivals filtered as the membrane filters
them; it meets the post neuron's pseudo-derivative and a learning signal of its own:

.. math::
    \dot w_{ij} = -\eta \, L_j(t) \, \psi_j(t) \, \bar z_i(t), \qquad
    \dot{\bar z}_i = -\bar z_i / \tau_m + \sum \delta(t - t_i), \qquad
    \psi_j = \frac{\gamma}{\vartheta} \max\left(0, 1 - \left|\frac{v_j - \vartheta}{\vartheta}\right|\right)

:math:`\psi_j` follows the membrane potential (:class:`PseudoDerivative`) and :math:`L_j` is released by whoever knows
the error, for each neuron: their product is the gain, integrated for each neuron, and a synapse is brought up to date
at its own spikes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tegmentum.simcore.describe.modulation import ByPost, Modulator, Receptor
from tegmentum.simcore.describe.plasticity import Modulation, Unpaired
from tegmentum.simcore.describe.watch import Watch
from tegmentum.simcore.neurons.alif import ALIF
from tegmentum.simcore.neurons.base import param

from ..modulation.receptor import LinearReceptor
from .bounds import misordered
from .modulated import wrong_part


@dataclass(frozen=True, eq=False)
class PseudoDerivative(Watch):
    r"""Level of each neuron: the pseudo-derivative of its spike at the present potential.

    Parameters
    ----------
    population : Population
        LIF neurons, all with one ``v_rest`` and one ``v_thresh``
    gamma : no unit, 0.3
        its height, times 1 / threshold
    peak : mV, optional
        what is seen of a neuron in the tick in which it fires; by default the potential to which it was reset. Of
        ALIF neurons potentials are seen below the rise of their threshold
    """

    gamma: float = 0.3

    class State(NamedTuple):
        """Nothing is remembered."""

    class Constants(NamedTuple):
        """Rest [mV], threshold above rest [mV], height [1/mV]."""

        rest: float
        threshold: float
        height: float

    @property
    def moving(self) -> str | None:
        """The rise of an adaptive threshold."""
        return "theta" if isinstance(self.population.model, ALIF) else None

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        model: Any = self.population.model
        threshold = model.v_thresh - model.v_rest
        return PseudoDerivative.Constants(model.v_rest, threshold, self.gamma / threshold)

    def initial(self) -> State:
        """Return nothing."""
        return PseudoDerivative.State()

    def problem(self, n_levels: int) -> str | None:
        """Return what is wrong, or None."""
        problem = super().problem(n_levels)
        model = getattr(self.population, "model", None)
        if problem is None and not all(
            isinstance(getattr(model, name, None), (int, float)) for name in ("v_rest", "v_thresh")
        ):
            problem = "the model must have one v_rest and one v_thresh, as LIF() has"
        if problem is None and not (isinstance(self.gamma, (int, float)) and self.gamma > 0.0):
            problem = f"gamma must be > 0, got {self.gamma!r}"
        return problem

    @staticmethod
    def watch(s, v, c):  # type: ignore[no-untyped-def]
        """Remember nothing."""
        return s

    @staticmethod
    def level(s, v, c):  # type: ignore[no-untyped-def]
        """Return the pseudo-derivative."""
        return c.height * max(0.0, 1.0 - abs((v - c.rest - c.threshold) / c.threshold))


def wrong_levels(slope: Modulator, signal: Modulator) -> str | None:
    """Return what is wrong with the number of learning signals for the neurons that ``slope`` watches, or None."""
    if signal.n_levels not in (1, slope.n_levels):
        return f"signal must have 1 or {slope.n_levels} levels, got {signal.n_levels}"
    return None


@dataclass(frozen=True)
class EProp(Unpaired):
    r"""e-prop for LIF neurons.

    Parameters
    ----------
    slope : Modulator
        with ``source=PseudoDerivative(post)``
    signal : Modulator
        the learning signal :math:`L_j`: a level for each post neuron, such as errors through random or symmetric
        feedback, released by :meth:`.Simulation.release`, by populations or by a course
    tau_m : ms, 20.0
        of the post neurons
    eta : the weight's unit, 1e-3
        learning rate
    w_min, w_max : the weight's unit, -1e6 and 1e6
        bounds, at which a weight is cut at the synapse's own spikes

    Notes
    -----
    G. Bellec, F. Scherr, A. Subramoney, E. Hajek, D. Salaj, R. Legenstein, W. Maass (2020), Nat. Commun. 11:3625,
    doi:10.1038/s41467-020-17236-y. Here without the filter of the eligibility by the read-out's time constant: where
    the read-out is leaky, filter the errors backward or let the signal decay as slowly (``tau`` of ``signal``), which
    is an approximation. Reset and refractory time are not in the eligibility, as in the paper's LIF neurons. For
    adaptive neurons, whose eligibility has a second component, and with the read-out's filter: :class:`.EPropALIF`.
    """

    slope: Modulator
    signal: Modulator
    receptor: Receptor = field(default_factory=LinearReceptor)
    tau_m: float = param(20.0, "ms", above=0.0)
    eta: float = param(1e-3, least=0.0)
    w_min: float = param(-1e6)
    w_max: float = param(1e6)

    class Synapse(NamedTuple):
        """Weight and filtered arrivals."""

        w: float
        e: float

    class Constants(NamedTuple):
        """Parameters as the functions need them."""

        eta: float
        w_min: float
        w_max: float

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        problem = wrong_part(self)
        if problem:
            return problem
        if not isinstance(self.slope.source, Watch):
            return "slope must be a Modulator whose source watches potentials, such as PseudoDerivative(post)"
        return (
            wrong_levels(self.slope, self.signal) or super().problem() or misordered(self.w_min, self.w_max)
        )

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions."""
        return EProp.Constants(self.eta, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decay of the eligibility."""
        return {"e": self.tau_m}

    @property
    def modulation(self) -> Modulation:
        """The product of both, for each post neuron."""
        receptors = LinearReceptor(), self.receptor
        return Modulation((self.slope, self.signal), receptors, ByPost(range(self.slope.n_levels)))

    @staticmethod
    def on_pre(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Count an arrival."""
        return EProp.Synapse(s.w, s.e + 1.0)

    @staticmethod
    def drift(s, area, fade, c):  # type: ignore[no-untyped-def]
        """Follow slope and signal, while the eligibility decays."""
        return EProp.Synapse(min(max(s.w - c.eta * s.e * area, c.w_min), c.w_max), s.e * fade)
