r"""Triplet spike-timing-dependent plasticity: pairs, and how lately either neuron has fired before.

.. math::
    \text{arrival:}\; \Delta w = -o_1 \, (A_2^- + A_3^- \, r_2), \qquad
    \text{post spike:}\; \Delta w = +r_1 \, (A_2^+ + A_3^+ \, o_2)

with traces :math:`r_1, r_2` of arrivals (:math:`\tau_+, \tau_x`) and :math:`o_1, o_2` of post spikes
(:math:`\tau_-, \tau_y`); :math:`r_2` and :math:`o_2` are taken just before the spike that they help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.neurons.base import param

from .bounds import misordered

_AMPLITUDES = ("a2_plus", "a3_plus", "a2_minus", "a3_minus")

#: fits of J.-P. Pfister, W. Gerstner (2006), tables 3 and 4, by data set and scheme: amplitudes, tau_x, tau_y, nearest
PUBLISHED: dict[str, tuple[float, float, float, float, float, float, bool]] = {
    "visual cortex": (0.0, 6.5e-3, 7.1e-3, 0.0, 101.0, 114.0, False),
    "visual cortex, full": (5e-10, 6.2e-3, 7e-3, 2.3e-4, 101.0, 125.0, False),
    "visual cortex, nearest": (0.0, 5e-2, 8e-3, 0.0, 714.0, 40.0, True),
    "visual cortex, nearest, full": (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714.0, 40.0, True),
    "hippocampus": (5.3e-3, 8e-3, 3.5e-3, 0.0, 946.0, 40.0, False),
    "hippocampus, full": (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946.0, 27.0, False),
    "hippocampus, nearest": (4.6e-3, 9.1e-3, 3e-3, 0.0, 575.0, 48.0, True),
    "hippocampus, nearest, full": (4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575.0, 47.0, True),
}


class Synapse(NamedTuple):
    """What a synapse keeps."""

    w: float


class Pre(NamedTuple):
    """Traces of the arrivals."""

    r1: float
    r2: float


class Post(NamedTuple):
    """Traces of the post neuron's spikes."""

    o1: float
    o2: float


class Constants(NamedTuple):
    """Parameters of :class:`TripletSTDP` as its functions need them."""

    a2_plus: float
    a3_plus: float
    a2_minus: float
    a3_minus: float
    w_min: float
    w_max: float
    reset: float  # 1 where only the nearest spike counts


@dataclass(frozen=True)
class TripletSTDP(SynapseRule):
    r"""Triplet STDP, all spikes or the nearest ones.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 16.8 and 33.7
        decay of the fast traces :math:`r_1` and :math:`o_1`
    tau_x, tau_y : ms, 101.0 and 114.0
        decay of the slow traces :math:`r_2` and :math:`o_2`
    a2_plus, a2_minus : the weight's unit, 0.0 and 7.1e-3
        what a pair adds or takes
    a3_plus, a3_minus : the weight's unit, 6.5e-3 and 0.0
        what the slow trace of the spiking neuron adds to these
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds, hard
    nearest : bool, False
        whether only the nearest spike counts, so that traces jump to 1 instead of by 1

    Notes
    -----
    J.-P. Pfister, W. Gerstner (2006), J. Neurosci. 26:9673-9682, doi:10.1523/JNEUROSCI.1425-06.2006. The defaults are
    their minimal all-to-all fit to visual cortex; :meth:`published` has the others. Their amplitudes are parts of the
    initial weight. With every amplitude for triplets 0 this is pair STDP. NEST's ``stdp_triplet_synapse`` has this
    rule with all spikes. A post spike in the tick of an arrival potentiates, with a lag of 0.
    """

    tau_plus: float = param(16.8, "ms", above=0.0)
    tau_minus: float = param(33.7, "ms", above=0.0)
    tau_x: float = param(101.0, "ms", above=0.0)
    tau_y: float = param(114.0, "ms", above=0.0)
    a2_plus: float = param(0.0, least=0.0)
    a3_plus: float = param(6.5e-3, least=0.0)
    a2_minus: float = param(7.1e-3, least=0.0)
    a3_minus: float = param(0.0, least=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)
    nearest: bool = False

    @classmethod
    def published(cls, data: str, scale: float = 1.0, **more: Any) -> TripletSTDP:
        """Make the rule with a published fit.

        Parameters
        ----------
        data : str
            a key of :data:`PUBLISHED`, such as ``"hippocampus, nearest"``; ``full`` are those with four amplitudes
        scale : float, the weight's unit
            weight that counts as 1
        more
            other parameters, such as ``w_max``
        """
        if data not in PUBLISHED:
            raise DescriptionError(
                f"TripletSTDP: data must be one of {'; '.join(PUBLISHED)}, got {checks.shown(data)}"
            )
        *amplitudes, tau_x, tau_y, nearest = PUBLISHED[data]
        own = {name: a * scale for name, a in zip(_AMPLITUDES, amplitudes, strict=True)}
        return cls(**{**own, "tau_x": tau_x, "tau_y": tau_y, "nearest": nearest, **more})

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        return super().problem() or checks.flag(self.nearest, "nearest") or misordered(self.w_min, self.w_max)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        amplitudes = (self.a2_plus, self.a3_plus, self.a2_minus, self.a3_minus)
        return Constants(*amplitudes, self.w_min, self.w_max, float(self.nearest))

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces."""
        return {"r1": self.tau_plus, "r2": self.tau_x, "o1": self.tau_minus, "o2": self.tau_y}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's fast trace."""
    return Synapse(max(s.w - post.o1 * (c.a2_minus + c.a3_minus * pre.r2), c.w_min))


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's fast trace."""
    return Synapse(min(s.w + pre.r1 * (c.a2_plus + c.a3_plus * post.o2), c.w_max))


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1, or to 1."""
    return Pre(1.0 + (1.0 - c.reset) * pre.r1, 1.0 + (1.0 - c.reset) * pre.r2)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1, or to 1."""
    return Post(1.0 + (1.0 - c.reset) * post.o1, 1.0 + (1.0 - c.reset) * post.o2)
