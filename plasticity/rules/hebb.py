r"""Hebbian learning without any counterforce: spikes that are near in time, in either order, potentiate.

.. math::
    \text{arrival:}\; \Delta w = \eta \, y, \qquad \text{post spike:}\; \Delta w = \eta \, x

with traces :math:`x` of arrivals and :math:`y` of post spikes that jump by 1 and decay with :math:`\tau`.
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
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Parameters of :class:`Hebb` as its functions need them."""

    eta: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class Hebb(SynapseRule):
    r"""Plain Hebbian learning, symmetric in time.

    Parameters
    ----------
    tau : ms, 20.0
        decay of both traces
    eta : the weight's unit, 1e-3
        learning rate; below 0 the rule is anti-Hebbian
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds, hard

    Notes
    -----
    D. O. Hebb (1949), The Organization of Behavior. Of neurons that fire at random with rates :math:`r` and :math:`R`
    the weight changes by :math:`2 \eta \tau r R` per time. Nothing but the bounds stops it, since nothing depresses:
    :class:`.Oja` and :class:`.BCM` are stable, :class:`.STDP` is sensitive to the order. A post spike in the tick of
    an arrival counts once. :class:`.RateHebb` learns from pairs under a neuromodulator.
    """

    tau: float = param(20.0, "ms", above=0.0)
    eta: float = param(1e-3)
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
        return Constants(self.eta, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau, "y": self.tau}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pairs with earlier post spikes."""
    return Synapse(min(max(s.w + c.eta * post.y, c.w_min), c.w_max))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Take the pairs with earlier arrivals."""
    return Synapse(min(max(s.w + c.eta * pre.x, c.w_min), c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)
