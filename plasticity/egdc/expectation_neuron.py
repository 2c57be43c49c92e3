r"""Neuron that stands for an expected class: it holds a prototype in its synapses, and gives it back in recall.

It fires once when a trial begins. Awake that is all, and dopamine decides whose synapses learn from it. In recall,
which a spike at ``recall`` begins, it answers what the pools send, as one of their rates around a half does:

.. math::
    a_l = c\, q_l + \frac{1}{n_l} \tilde P_l, \qquad \rho_l = \Bigl[\tfrac12 + \frac{a_l}{s}\Bigr]_0^1, \qquad
    \tilde P_l \leftarrow d\, \tilde P_l + (1 - d) \bigl(\textstyle\sum_j S_{lj} S_j - \tfrac12 \sum_j S_{lj}\bigr)

with :math:`S_{lj}` sums of spikes over the :math:`n_l` samples of the class, so :math:`\frac{1}{n_l} \tilde P_l` is
what the prototype makes of the pools' rates, and :math:`q_l` the spikes of the cue so far. It fires as a
:mod:`pool's neuron <.pool_neuron>` does, for what :math:`\rho_l` lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from tegmentum.simcore.neurons.base import NeuronModel, Value, param


class State(NamedTuple):
    """Whether a first spike is due, ticks in recall, current, sent rate, cue, samples, sum of the synapses."""

    v: float
    recalling: float
    seen: float
    sent: float
    cued: float
    samples: float
    total: float


class Constants(NamedTuple):
    """Parameters of :class:`ExpectationNeuron` as its functions need them."""

    decay: float
    step: float
    scale: float


@dataclass(frozen=True, eq=False)
class ExpectationNeuron(NeuronModel):
    """A neuron whose synapses hold the prototype of a class.

    Parameters
    ----------
    decay : no unit, 0.998
        d, what is left of a synaptic current after a tick
    scale : no unit, 200.0
        s, of which the neuron's rates of 0 and 1 are plus and minus a half

    Notes
    -----
    Receptors ``seen`` (from pools), ``samples`` (n_l), ``cue`` and ``recall``, weights without unit.
    """

    decay: Value = param(0.998, above=0.0)
    scale: Value = param(200.0, above=0.0)

    receptors: ClassVar[tuple[str, ...]] = ("seen", "samples", "cue", "recall")
    units: ClassVar[dict[str, str]] = dict.fromkeys(State._fields, "1")

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        return Constants(self.decay, 1.0 - self.decay, self.scale)

    def initial(self) -> State:
        """Begin awake, with a spike."""
        return State(1.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0)


def flow(s: State, c: Constants, i: float) -> State:
    """Let what was sent, and the current, fade."""
    recalling = s.recalling + (1.0 if s.recalling > 0.0 else 0.0)
    sent = s.sent * (c.decay if s.recalling > 0.0 else 1.0)
    return State(s.v, recalling, s.seen * c.decay, sent, s.cued, s.samples, s.total)


def receive(s: State, c: Constants, seen: float, samples: float, cue: float, recall: float) -> State:
    """Take the sums of the own synapses, or what the pools send."""
    awake, settles = s.recalling < 0.5, s.recalling > 2.5
    recalling = (1.0 if recall > 0.0 else 0.0) if awake else s.recalling
    total = seen if recalling > 1.5 and recalling < 2.5 else s.total
    current = s.seen + (c.step * (seen - 0.5 * total) if settles else 0.0)
    return State(
        s.v, recalling, current, s.sent, s.cued + cue, s.samples + (samples if awake else 0.0), total
    )


def threshold(s: State, c: Constants) -> bool:
    """Fire when a trial begins, and in recall for what the rate lacks."""
    a = (s.cued + s.seen / s.samples) if s.samples > 0.0 else 0.0
    rate = min(max(0.5 + a / c.scale, 0.0), 1.0)
    return (rate - s.sent > 0.5 * c.step) if s.recalling > 2.5 else s.v >= 1.0


def reset(s: State, c: Constants) -> State:
    """Note that the first spike was fired; remember what was sent in recall."""
    sent = s.sent + (c.step if s.recalling > 2.5 else 0.0)
    return State(0.0, s.recalling, s.seen, sent, s.cued, s.samples, s.total)
