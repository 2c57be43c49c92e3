r"""Leaky integrate-and-fire neuron with two exponential synaptic currents.

.. math::
    \tau_m \frac{dv}{dt} = -(v - v_{rest}) + \frac{\tau_m}{c_m} (i_{exc} + i_{inh} + i_e + i), \qquad
    \tau_{exc} \frac{di_{exc}}{dt} = -i_{exc}, \qquad \tau_{inh} \frac{di_{inh}}{dt} = -i_{inh}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param
from .propagators import from_exponential


class State(NamedTuple):
    """Membrane potential [mV], ticks left of the refractory time, synaptic currents [pA]."""

    v: float
    refractory: float
    i_exc: float
    i_inh: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`LIFExp.derive`."""

    decay: float  # of v's distance from rest in one tick
    v_inf: float  # where v settles under i_e alone
    drive: float  # mV that 1 pA of injected current adds in one tick
    decay_exc: float
    decay_inh: float
    from_exc: float  # mV that 1 pA of i_exc adds in one tick
    from_inh: float
    v_thresh: float
    v_reset: float
    n_ref: float  # ticks of the refractory time


@dataclass(frozen=True, eq=False)
class LIFExp(NeuronModel):
    r"""Leaky integrate-and-fire neuron, exponential currents, exact propagator.

    Parameters
    ----------
    tau_m : ms, 20.0
        membrane time constant
    tau_exc, tau_inh : ms, 5.0, 10.0
        synaptic time constants; either may equal ``tau_m``
    v_rest, v_thresh, v_reset : mV, 0.0, 20.0, 0.0
        potential at rest, at which the neuron fires, and after a spike
    t_ref : ms, 2.0
        refractory time, rounded to ticks; currents go on decaying in it
    c_m : pF, 250.0
        capacitance
    i_e : pA, 0.0
        constant current

    Notes
    -----
    State: ``v`` [mV], ``refractory`` [ticks], ``i_exc``, ``i_inh`` [pA]. Receptors: ``exc``, ``inh``,
    weights in pA. A current that arrives at a tick acts on ``v`` from the next tick on, as in NEST's
    ``iaf_psc_exp``. S. Rotter, M. Diesmann (1999), Biol. Cybern. 81:381-402, doi:10.1007/s004220050570.
    """

    tau_m: Value = param(20.0, "ms", above=0.0)
    tau_exc: Value = param(5.0, "ms", above=0.0)
    tau_inh: Value = param(10.0, "ms", above=0.0)
    v_rest: Value = param(0.0, "mV")
    v_thresh: Value = param(20.0, "mV")
    v_reset: Value = param(0.0, "mV")
    t_ref: Value = param(2.0, "ms", least=0.0)
    c_m: Value = param(250.0, "pF", above=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {"exc": ("i_exc",), "inh": ("i_inh",)}

    def derive(self, dt: float) -> Constants:
        decay = np.exp(-dt / self.tau_m)
        resistance = self.tau_m / self.c_m
        return Constants(
            decay=decay,
            v_inf=self.v_rest + resistance * self.i_e,
            drive=resistance * (1.0 - decay),
            decay_exc=np.exp(-dt / self.tau_exc),
            decay_inh=np.exp(-dt / self.tau_inh),
            from_exc=from_exponential(dt, self.tau_exc, self.tau_m, self.c_m),
            from_inh=from_exponential(dt, self.tau_inh, self.tau_m, self.c_m),
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(v=self.v_rest, refractory=0.0, i_exc=0.0, i_inh=0.0)

    def check(self) -> str | None:
        bad = np.asarray(self.v_reset) >= self.v_thresh
        return self.breach(bad, "v_reset must be < v_thresh", "v_reset", "v_thresh")


def flow(s: State, c: Constants, i: float) -> State:
    """One tick of the exact solution; a refractory neuron's potential stays where it is."""
    v = c.v_inf + (s.v - c.v_inf) * c.decay + c.from_exc * s.i_exc + c.from_inh * s.i_inh + c.drive * i
    return State(
        s.v if s.refractory > 0.0 else v,
        max(s.refractory - 1.0, 0.0),
        s.i_exc * c.decay_exc,
        s.i_inh * c.decay_inh,
    )


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Currents jump by the summed weights, in the refractory time as well."""
    return State(s.v, s.refractory, s.i_exc + exc, s.i_inh + inh)


def threshold(s: State, c: Constants) -> bool:
    """Fire at or above the threshold."""
    return s.v >= c.v_thresh


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset`` and become refractory."""
    return State(c.v_reset, c.n_ref, s.i_exc, s.i_inh)
