r"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents.

.. math::
    \tau_m \frac{dv}{dt} = -(v - v_{rest}) + \frac{\tau_m}{c_m} (i_{exc} + i_{inh} + i_e + i), \qquad
    i_{syn}(t) = w \frac{e\,t}{\tau_{syn}} e^{-t/\tau_{syn}}

so that ``w`` is the current's peak, reached :math:`\tau_{syn}` after the spike arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param
from .propagators import from_exponential, from_ramp


class State(NamedTuple):
    """Membrane potential [mV], refractory ticks, currents [pA] and what feeds them [pA / ms]."""

    v: float
    refractory: float
    i_exc: float
    i_inh: float
    rise_exc: float
    rise_inh: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`LIFAlpha.derive`."""

    dt: float
    decay: float
    v_inf: float
    drive: float
    decay_exc: float
    decay_inh: float
    from_exc: float  # mV that 1 pA of i_exc adds in one tick
    from_inh: float
    from_rise_exc: float  # mV that 1 pA / ms of rise_exc adds in one tick
    from_rise_inh: float
    jump_exc: float  # e / tau_exc: rise of a spike of 1 pA
    jump_inh: float
    v_thresh: float
    v_reset: float
    n_ref: float


@dataclass(frozen=True, eq=False)
class LIFAlpha(NeuronModel):
    r"""Leaky integrate-and-fire neuron, alpha currents, exact propagator.

    Parameters
    ----------
    tau_m : ms, 20.0
        membrane time constant
    tau_exc, tau_inh : ms, 2.0, 2.0
        time from a spike to the peak of its current; either may equal ``tau_m``
    v_rest, v_thresh, v_reset : mV, 0.0, 20.0, 0.0
        potential at rest, at which the neuron fires, and after a spike
    t_ref : ms, 2.0
        refractory time, rounded to ticks
    c_m : pF, 250.0
        capacitance
    i_e : pA, 0.0
        constant current

    Notes
    -----
    Receptors: ``exc``, ``inh``; a weight is the current's peak [pA].
    S. Rotter, M. Diesmann (1999), Biol. Cybern. 81:381-402, doi:10.1007/s004220050570.
    """

    tau_m: Value = param(20.0, "ms", above=0.0)
    tau_exc: Value = param(2.0, "ms", above=0.0)
    tau_inh: Value = param(2.0, "ms", above=0.0)
    v_rest: Value = param(0.0, "mV")
    v_thresh: Value = param(20.0, "mV")
    v_reset: Value = param(0.0, "mV")
    t_ref: Value = param(2.0, "ms", least=0.0)
    c_m: Value = param(250.0, "pF", above=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {
        "exc": ("i_exc", "rise_exc"),
        "inh": ("i_inh", "rise_inh"),
    }

    def derive(self, dt: float) -> Constants:
        decay = np.exp(-dt / self.tau_m)
        resistance = self.tau_m / self.c_m
        return Constants(
            dt=dt,
            decay=decay,
            v_inf=self.v_rest + resistance * self.i_e,
            drive=resistance * (1.0 - decay),
            decay_exc=np.exp(-dt / self.tau_exc),
            decay_inh=np.exp(-dt / self.tau_inh),
            from_exc=from_exponential(dt, self.tau_exc, self.tau_m, self.c_m),
            from_inh=from_exponential(dt, self.tau_inh, self.tau_m, self.c_m),
            from_rise_exc=from_ramp(dt, self.tau_exc, self.tau_m, self.c_m),
            from_rise_inh=from_ramp(dt, self.tau_inh, self.tau_m, self.c_m),
            jump_exc=np.e / self.tau_exc,
            jump_inh=np.e / self.tau_inh,
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(self.v_rest, 0.0, 0.0, 0.0, 0.0, 0.0)

    def check(self) -> str | None:
        bad = np.asarray(self.v_reset) >= self.v_thresh
        return self.breach(bad, "v_reset must be < v_thresh", "v_reset", "v_thresh")


def flow(s: State, c: Constants, i: float) -> State:
    """One tick of the exact solution; a refractory neuron's potential stays where it is."""
    v = c.v_inf + (s.v - c.v_inf) * c.decay + c.drive * i
    v = v + c.from_exc * s.i_exc + c.from_rise_exc * s.rise_exc
    v = v + c.from_inh * s.i_inh + c.from_rise_inh * s.rise_inh
    return State(
        s.v if s.refractory > 0.0 else v,
        max(s.refractory - 1.0, 0.0),
        c.decay_exc * (s.i_exc + c.dt * s.rise_exc),
        c.decay_inh * (s.i_inh + c.dt * s.rise_inh),
        c.decay_exc * s.rise_exc,
        c.decay_inh * s.rise_inh,
    )


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Let the currents begin to rise."""
    return State(
        s.v, s.refractory, s.i_exc, s.i_inh, s.rise_exc + c.jump_exc * exc, s.rise_inh + c.jump_inh * inh
    )


def threshold(s: State, c: Constants) -> bool:
    """Fire at or above the threshold."""
    return s.v >= c.v_thresh


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset`` and become refractory."""
    return State(c.v_reset, c.n_ref, s.i_exc, s.i_inh, s.rise_exc, s.rise_inh)
