r"""Izhikevich's simple model.

.. math:: \frac{dv}{dt} = 0.04 v^2 + 5 v + 140 - u + i_e + i, \qquad \frac{du}{dt} = a (b v - u)

When ``v`` reaches 30 mV the neuron fires, ``v`` is set to ``c`` and ``u`` grows by ``d``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential [mV] and recovery variable [mV / ms]."""

    v: float
    u: float


class Constants(NamedTuple):
    """Parameters of :class:`Izhikevich`."""

    dt: float
    a: float
    b: float
    c: float
    d: float
    i_e: float
    v_peak: float


@dataclass(frozen=True, eq=False)
class Izhikevich(NeuronModel):
    r"""Izhikevich's simple model of spiking and bursting neurons.

    Parameters
    ----------
    a : 1 / ms, 0.02
        speed of recovery
    b : 1 / ms, 0.2
        sensitivity of recovery to ``v``
    c : mV, -65.0
        potential after a spike
    d : mV / ms, 8.0
        jump of the recovery after a spike
    i_e : mV / ms, 0.0
        constant drive; injected currents have this unit as well
    v_peak : mV, 30.0
        where a spike is cut

    Notes
    -----
    Receptor: ``v``, weights in mV. No closed form: one Runge-Kutta step of order 4 a tick; use ticks of 0.1
    to 0.5 ms. E. M. Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569-1572, doi:10.1109/TNN.2003.820440.
    """

    a: Value = param(0.02, "1/ms")
    b: Value = param(0.2, "1/ms")
    c: Value = param(-65.0, "mV")
    d: Value = param(8.0, "mV/ms")
    i_e: Value = param(0.0, "mV/ms")
    v_peak: Value = param(30.0, "mV")

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    state_units: ClassVar[dict[str, str]] = {"v": "mV", "u": "mV/ms"}

    def derive(self, dt: float) -> Constants:
        return Constants(dt, self.a, self.b, self.c, self.d, self.i_e, self.v_peak)

    def initial(self) -> State:
        return State(self.c, self.b * self.c)


def slope_v(v: float, u: float, i: float, c: Constants) -> float:
    """Return dv/dt [mV / ms], bounded above the peak."""
    v = min(v, c.v_peak)
    return 0.04 * v * v + 5.0 * v + 140.0 - u + i


def slope_u(v: float, u: float, c: Constants) -> float:
    """Return du/dt."""
    return c.a * (c.b * min(v, c.v_peak) - u)


def flow(s: State, c: Constants, i: float) -> State:
    """One Runge-Kutta step."""
    h, half, i = c.dt, 0.5 * c.dt, c.i_e + i
    v1, u1 = slope_v(s.v, s.u, i, c), slope_u(s.v, s.u, c)
    v2, u2 = slope_v(s.v + half * v1, s.u + half * u1, i, c), slope_u(s.v + half * v1, s.u + half * u1, c)
    v3, u3 = slope_v(s.v + half * v2, s.u + half * u2, i, c), slope_u(s.v + half * v2, s.u + half * u2, c)
    v4, u4 = slope_v(s.v + h * v3, s.u + h * u3, i, c), slope_u(s.v + h * v3, s.u + h * u3, c)
    v = s.v + h * (v1 + 2.0 * (v2 + v3) + v4) / 6.0
    return State(v, s.u + h * (u1 + 2.0 * (u2 + u3) + u4) / 6.0)


def receive(s: State, c: Constants, w: float) -> State:
    """Jump by the summed weights."""
    return State(s.v + w, s.u)


def threshold(s: State, c: Constants) -> bool:
    """Cut the spike at its peak."""
    return s.v >= c.v_peak


def reset(s: State, c: Constants) -> State:
    """Return to ``c``, recover by ``d``."""
    return State(c.c, s.u + c.d)
