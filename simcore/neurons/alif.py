r"""Leaky integrate-and-fire neuron whose threshold rises with each of its spikes and comes back.

.. math::
    \tau_m \frac{dv}{dt} = -(v - v_{rest}) + \frac{\tau_m}{c_m} (i_e + i), \qquad
    \tau_a \frac{d\theta}{dt} = -\theta

A synaptic event of weight ``w`` makes ``v`` jump by ``w`` [mV]. When :math:`v \ge v_{thresh} + \theta` the neuron
fires, ``v`` is set to ``v_reset`` and stays there for ``t_ref``, deaf to input, and :math:`\theta` jumps by
:math:`\beta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential and rise of the threshold [mV], ticks left of the refractory time."""

    v: float
    theta: float
    refractory: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`ALIF.derive`."""

    decay: float  # exp(-dt / tau_m): v's distance from rest, one tick later
    decay_a: float  # exp(-dt / tau_a): of theta in one tick
    v_inf: float  # where v settles under i_e alone
    drive: float  # mV that 1 pA adds in one tick
    v_thresh: float
    v_reset: float
    beta: float
    n_ref: float  # ticks of the refractory time


@dataclass(frozen=True, eq=False)
class ALIF(NeuronModel):
    r"""Adaptive leaky integrate-and-fire neuron, delta synapses, exact propagator.

    Parameters
    ----------
    tau_m : ms, 20.0
        membrane time constant
    v_rest : mV, 0.0
        potential at rest
    v_thresh : mV, 20.0
        threshold of a neuron that has not fired for long
    v_reset : mV, 0.0
        potential after a spike
    t_ref : ms, 2.0
        refractory time, rounded to ticks
    c_m : pF, 250.0
        capacitance; enters only through currents
    i_e : pA, 0.0
        constant current
    beta : mV, 2.0
        by how much a spike raises the threshold
    tau_a : ms, 200.0
        how long that lasts

    Notes
    -----
    State: ``v`` [mV], starts at ``v_rest``; ``theta`` [mV], starts at 0; ``refractory`` [ticks], starts at 0. Receptor:
    ``v``, weights in mV. Exact for input that comes at ticks and current that is constant between them; a crossing of
    the threshold between two ticks is found at the later. G. Bellec, D. Salaj, A. Subramoney, R. Legenstein, W. Maass
    (2018), Long short-term memory and learning-to-learn in networks of spiking neurons, NeurIPS 31, who subtract the
    threshold at a spike where this neuron is set to ``v_reset``.
    """

    tau_m: Value = param(20.0, "ms", above=0.0)
    v_rest: Value = param(0.0, "mV")
    v_thresh: Value = param(20.0, "mV")
    v_reset: Value = param(0.0, "mV")
    t_ref: Value = param(2.0, "ms", least=0.0)
    c_m: Value = param(250.0, "pF", above=0.0)
    i_e: Value = param(0.0, "pA")
    beta: Value = param(2.0, "mV", least=0.0)
    tau_a: Value = param(200.0, "ms", above=0.0)

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    units: ClassVar[dict[str, str]] = {"theta": "mV"}

    def derive(self, dt: float) -> Constants:
        decay = np.exp(-dt / self.tau_m)
        resistance = self.tau_m / self.c_m
        return Constants(
            decay=decay,
            decay_a=np.exp(-dt / self.tau_a),
            v_inf=self.v_rest + resistance * self.i_e,
            drive=resistance * (1.0 - decay),
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            beta=self.beta,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(v=self.v_rest, theta=0.0, refractory=0.0)

    def check(self) -> str | None:
        bad = np.asarray(self.v_reset) >= self.v_thresh
        return self.breach(bad, "v_reset must be < v_thresh", "v_reset", "v_thresh")


def flow(s: State, c: Constants, i: float) -> State:
    """One tick of decay, of the potential towards ``v_inf``; that of a refractory neuron stays where it is."""
    v = c.v_inf + (s.v - c.v_inf) * c.decay + c.drive * i
    return State(s.v if s.refractory > 0.0 else v, s.theta * c.decay_a, s.refractory)


def receive(s: State, c: Constants, w: float) -> State:
    """Jump by the summed weights, unless refractory, and count the refractory time down."""
    v = s.v + w
    return State(s.v if s.refractory > 0.0 else v, s.theta, max(s.refractory - 1.0, 0.0))


def threshold(s: State, c: Constants) -> bool:
    """Fire at or above the raised threshold."""
    return s.v >= c.v_thresh + s.theta


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset``, become refractory and raise the threshold."""
    return State(c.v_reset, s.theta + c.beta, c.n_ref)
