r"""Neuron of a pool: awake it counts what its columns fire; in recall it settles against lateral inhibition.

Awake it is a perfect integrator whose spikes take 1 off the potential. A spike at ``recall`` ends that for the trial.
The neuron then fires once, as all do, and the volley tells it the sums of its own synapses, :math:`T_i = \sum_j L_{ij}`
of the lateral ones (``less``) and :math:`G_i = \sum_l S_{li}` of those of the expectation neurons (``more``). From then
on it wants the rate

.. math::
    u_i \leftarrow \beta u_i + \frac{g}{T_i} \bigl(s\, \tilde E_i - \tilde I_i\bigr), \qquad
    \rho_i \leftarrow \bigl[\rho_i + u_i\bigr]_0^1, \qquad
    \tilde I_i \leftarrow d\, \tilde I_i + (1 - d)\bigl(\textstyle\sum_j L_{ij} S_j - \tfrac12 T_i\bigr)

and :math:`\tilde E_i` likewise: currents that decay by d in a tick, counted from those that neurons at half their
highest rate send. It fires whenever what it has sent, faded by the same d, lacks half a spike of that rate,

.. math:: S_i = \bigl[\rho_i - \hat\rho_i > \tfrac{1 - d}{2}\bigr], \qquad
    \hat\rho_i \leftarrow d\, \hat\rho_i + (1 - d) S_i

so :math:`\rho_i - \frac12` settles where inhibition cancels excitation: a signed number from spikes that have no sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from tegmentum.simcore.neurons.base import NeuronModel, Value, param


class State(NamedTuple):
    """Potential, ticks in recall, wanted rate and its change, sent rate, currents, sums of the own synapses."""

    v: float
    recalling: float
    rate: float
    change: float
    sent: float
    excitation: float
    inhibition: float
    given: float
    total: float


class Constants(NamedTuple):
    """Parameters of :class:`PoolNeuron` as its functions need them."""

    decay: float
    step: float  # by how much a spike raises the sent rate
    momentum: float
    gain: float
    scale: float


@dataclass(frozen=True, eq=False)
class PoolNeuron(NeuronModel):
    """A neuron that counts while awake, and settles in recall.

    Parameters
    ----------
    decay : no unit, 0.998
        d, what is left of a synaptic current after a tick
    momentum : no unit, 0.97
        beta, what is left of a change of rate
    gain : no unit, 0.3
        g, of what the neuron lacks; at most 1
    scale : no unit, 200.0
        s, of the excitation by expectation neurons

    Notes
    -----
    State: ``v`` starts at a half, so that counts are rounded; ``sent`` at a half, better drawn within ``1 - decay`` so
    that neurons do not fire in step. Receptors ``pooled``, ``more``, ``less`` and ``recall``, weights without unit;
    ``less`` inhibits in recall alone, as acetylcholine lets recurrent synapses act in recall and not when awake: M. E.
    Hasselmo (2006), Curr. Opin. Neurobiol. 16:710-715, doi:10.1016/j.conb.2006.09.002. A rate from spikes that report
    its change: M. Boerlin, C. K. Machens, S. Deneve (2013), PLoS Comput. Biol. 9:e1003258,
    doi:10.1371/journal.pcbi.1003258.
    """

    decay: Value = param(0.998, above=0.0)
    momentum: Value = param(0.97, least=0.0)
    gain: Value = param(0.3, above=0.0)
    scale: Value = param(200.0, above=0.0)

    receptors: ClassVar[tuple[str, ...]] = ("pooled", "more", "less", "recall")
    units: ClassVar[dict[str, str]] = dict.fromkeys(State._fields, "1")

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.decay, 1.0 - self.decay, self.momentum, self.gain, self.scale)

    def initial(self) -> State:
        """Begin awake."""
        return State(0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0)


def flow(s: State, c: Constants, i: float) -> State:
    """Let what was sent, and currents, fade."""
    return State(
        s.v,
        s.recalling + (1.0 if s.recalling > 0.0 else 0.0),
        s.rate,
        s.change,
        s.sent * (c.decay if s.recalling > 0.0 else 1.0),
        s.excitation * c.decay,
        s.inhibition * c.decay,
        s.given,
        s.total,
    )


def receive(s: State, c: Constants, pooled: float, more: float, less: float, recall: float) -> State:
    """Count, or take the sums of the own synapses, or settle a little."""
    awake, settles = s.recalling < 0.5, s.recalling > 2.5
    recalling = (1.0 if recall > 0.0 else 0.0) if awake else s.recalling
    given = s.given + (more if awake else 0.0)
    total = less if recalling > 1.5 and recalling < 2.5 else s.total
    excitation = s.excitation + (c.step * (more - 0.5 * given) if settles else 0.0)
    inhibition = s.inhibition + (c.step * (less - 0.5 * total) if settles else 0.0)
    lack = (c.scale * excitation - inhibition) / max(total, 1e-30)
    change = c.momentum * s.change + (c.gain * lack if settles else 0.0)
    rate = min(max(s.rate + change, 0.0), 1.0)
    kept = change if rate == s.rate + change else 0.0
    return State(s.v + pooled, recalling, rate, kept, s.sent, excitation, inhibition, given, total)


def threshold(s: State, c: Constants) -> bool:
    """Fire at 1 when awake, once when recall begins, and then for what the rate lacks."""
    settles = s.recalling > 2.5
    return (
        (s.rate - s.sent > 0.5 * c.step)
        if settles
        else (s.recalling > 0.5 or s.v >= 1.0) and s.recalling < 1.5
    )


def reset(s: State, c: Constants) -> State:
    """Take 1 off the potential when awake; remember what was sent in recall."""
    awake, settles = s.recalling < 0.5, s.recalling > 2.5
    return State(
        s.v - (1.0 if awake else 0.0),
        s.recalling,
        s.rate,
        s.change,
        s.sent + (c.step if settles else 0.0),
        s.excitation,
        s.inhibition,
        s.given,
        s.total,
    )
