r"""Oja's rule at spikes: Hebbian learning whose weights normalise themselves.

.. math:: \text{post spike:}\; \Delta w = \eta \, (x - \alpha \, y \, w)

with traces :math:`x` of arrivals and :math:`y` of post spikes, taken just before the spike, that jump by 1 and decay
with the same :math:`\tau`. The spike itself is the second factor :math:`y` of :math:`\eta \, y \, (x - \alpha y w)`.
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
    """Parameters of :class:`Oja` as its functions need them."""

    eta: float
    alpha: float
    w_min: float
    w_max: float


@dataclass(frozen=True)
class Oja(SynapseRule):
    r"""Oja's rule: a neuron's weights become the first principal component of its input.

    Parameters
    ----------
    tau : ms, 20.0
        decay of both traces
    eta : the weight's unit, 1e-4
        learning rate
    alpha : one over the weight's unit, 1.0
        how strongly the neuron's own rate takes weights off
    w_min, w_max : the weight's unit, 0.0 and 10.0
        bounds, hard; meant to lie out of the way

    Notes
    -----
    E. Oja (1982), J. Math. Biol. 15:267-273, doi:10.1007/BF00275687. Where the neuron's rate is
    :math:`R = g \sum_i w_i r_i`, the weights end along the first eigenvector of
    :math:`\langle x x^\top \rangle`, the second moments about 0 and not about the mean, with a length of
    :math:`1 / \sqrt{\alpha g}`.

    That holds where :math:`\eta \alpha y \ll 1`, and

    * the rate is linear in the input; a threshold turns the direction,
    * rates change slowly against ``tau``, and ``tau`` covers several spikes; otherwise the direction is that of the
      traces, with each channel's variance of counts on the diagonal, and the length differs, as :math:`x` knows the
      present and :math:`y` the past,
    * no bound is met. Rates are positive, and so are the components of that eigenvector.
    """

    tau: float = param(20.0, "ms", above=0.0)
    eta: float = param(1e-4, least=0.0)
    alpha: float = param(1.0, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(10.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or misordered(self.w_min, self.w_max)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.eta, self.alpha, self.w_min, self.w_max)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"x": self.tau, "y": self.tau}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Leave the synapse as it is."""
    return s


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Learn the input, and forget in proportion to the weight."""
    return Synapse(min(max(s.w + c.eta * (pre.x - c.alpha * post.y * s.w), c.w_min), c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)
