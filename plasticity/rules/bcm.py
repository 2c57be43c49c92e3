r"""Bienenstock, Cooper and Munro's rule at spikes: a threshold that follows the square of the post neuron's rate.

.. math:: \text{post spike:}\; \Delta w = \eta \, x \, (y - \theta_M)

with the trace :math:`x` of arrivals, which jumps by 1, the rate :math:`y` [Hz] of the post neuron over the last
:math:`\tau_y`, and the threshold :math:`\theta_M \approx \langle y^2 \rangle / \rho_0` [Hz] over the last
:math:`\tau_\theta`, all just before the spike. The spike itself is the factor :math:`y` of
:math:`\eta \, x \, y \, (y - \theta_M)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param

from .bounds import misordered


class Synapse(NamedTuple):
    """What a synapse keeps."""

    w: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Rate of the post neuron and threshold, Hz."""

    y: float
    theta: float


class Constants(NamedTuple):
    """Parameters of :class:`BCM` as its functions need them."""

    eta: float
    rate: float  # of one spike in tau_y, Hz
    gain: float  # of the threshold
    w_min: float
    w_max: float


@dataclass(frozen=True)
class BCM(SynapseRule):
    r"""BCM: depression below a sliding threshold, potentiation above it.

    Parameters
    ----------
    tau_x : ms, 20.0
        decay of the arrivals' trace
    tau_y : ms, 100.0
        over which the post neuron's rate is measured
    tau_theta : ms, 5000.0
        over which its square is averaged
    rho0 : Hz, 10.0
        rate at which the threshold equals the rate
    eta : the weight's unit over Hz, 1e-5
        learning rate
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds, hard

    Notes
    -----
    E. L. Bienenstock, L. N. Cooper, P. W. Munro (1982), J. Neurosci. 2:32-48,
    doi:10.1523/JNEUROSCI.02-01-00032.1982; the threshold as the mean of the square: N. Intrator, L. N. Cooper (1992),
    Neural Networks 5:3-17, doi:10.1016/S0893-6080(05)80003-6. At a post spike the threshold grows by
    :math:`y / (\rho_0 \tau_\theta)`, so that of random spikes it is :math:`R^2 / \rho_0` on average: the factors are
    different spikes, and a spike's pair with itself is left out. Regular spikes give less, by about half a spike in
    ``tau_y``.

    Of patterns that the neuron can tell apart, :math:`K` of them equally often, it ends with a response of
    :math:`K \rho_0` to one and, as far as the bounds let it, none to the others.

    Not valid where ``tau_theta`` is not long against the time between patterns, or where weights change faster than
    the threshold: rates then oscillate. At first the threshold is 0, and everything potentiates for about
    ``tau_theta``. A neuron that does not fire does not learn.
    """

    tau_x: float = param(20.0, "ms", above=0.0)
    tau_y: float = param(100.0, "ms", above=0.0)
    tau_theta: float = param(5000.0, "ms", above=0.0)
    rho0: float = param(10.0, "Hz", above=0.0)
    eta: float = param(1e-5, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or misordered(self.w_min, self.w_max)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        gain = 1000.0 / (self.tau_theta * self.rho0)
        return Constants(self.eta, 1000.0 / self.tau_y, gain, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the trace, the rate and the threshold."""
        return {"x": self.tau_x, "y": self.tau_y, "theta": self.tau_theta}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Leave the synapse as it is."""
    return s


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate above the threshold, depress below it."""
    return Synapse(min(max(s.w + c.eta * pre.x * (post.y - post.theta), c.w_min), c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Count a spike; the threshold grows by the rate before it."""
    return Post(post.y + c.rate, post.theta + c.gain * post.y)
