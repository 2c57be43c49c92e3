r"""Izhikevich's simple model.

.. math:: \frac{dv}{dt} = 0.04 v^2 + 5 v + 140 - u + i_e + i, \qquad \frac{du}{dt} = a (b v - u)

When ``v`` reaches 30 mV the neuron fires, ``v`` is set to ``c`` and ``u`` grows by ``d``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

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
    to 0.5 ms. Far below rest, where such a step is not stable, ``v`` takes the solution for a constant ``u``.
    E. M. Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569-1572, doi:10.1109/TNN.2003.820440.
    """

    a: Value = param(0.02, "1/ms")
    b: Value = param(0.2, "1/ms")
    c: Value = param(-65.0, "mV")
    d: Value = param(8.0, "mV/ms")
    i_e: Value = param(0.0, "mV/ms")
    v_peak: Value = param(30.0, "mV")

    receptors: ClassVar[tuple[str, ...]] = ("v",)

    def derive(self, dt: float) -> Constants:
        return Constants(dt, self.a, self.b, self.c, self.d, self.i_e, self.v_peak)

    def initial(self) -> State:
        return State(self.c, self.b * self.c)

    def check(self) -> str | None:
        return self.breach(np.asarray(self.c) >= self.v_peak, "c must be < v_peak", "c", "v_peak")

    def check_tick(self, dt: float) -> str | None:
        return self.breach(dt * np.asarray(self.a) > 2.5, f"dt = {dt:g} ms must be <= 2.5 / a", "a")


def slope_v(v: float, u: float, i: float, c: Constants) -> float:
    """Return dv/dt [mV / ms], bounded above the peak."""
    v = min(v, c.v_peak)
    return 0.04 * v * v + 5.0 * v + 140.0 - u + i


def slope_u(v: float, u: float, c: Constants) -> float:
    """Return du/dt."""
    return c.a * (c.b * min(v, c.v_peak) - u)


def cosine(z: float) -> float:
    r"""Series of :math:`\cos \sqrt z`, of ``cosh`` where z < 0."""
    return 1.0 - z * (0.5 - z * (1.0 / 24.0 - z * (1.0 / 720.0)))


def sine(z: float) -> float:
    r"""Series of :math:`\sin \sqrt z / \sqrt z`."""
    return 1.0 - z * (1.0 / 6.0 - z * (1.0 / 120.0 - z * (1.0 / 5040.0)))


def below(p: float, q: float, h: float) -> float:
    """Denominator of :func:`glide`; ``-25 log`` of it is the integral of ``p`` over the step."""
    z = 0.04 * q * h * h
    return max(cosine(z) - 0.04 * h * sine(z) * p, 1e-6)


def glide(p: float, q: float, h: float) -> float:
    r"""Solve :math:`p' = 0.04 p^2 + q` over ``h`` ms: a fraction linear in ``p``.

    With :math:`z = 0.04 q h^2`, it is :math:`(p \cos\sqrt z + q h \sin\sqrt z / \sqrt z) / (\cos\sqrt z - 0.04 h p
    \sin\sqrt z / \sqrt z)`; the denominator falls to 0 where the solution leaves for infinity.
    """
    z = 0.04 * q * h * h
    return (p * cosine(z) + q * h * sine(z)) / below(p, q, h)


def logarithm(x: float) -> float:
    """Natural logarithm, to 1e-3 of itself up to 1e8, without a call: of the 16th root, by three terms."""
    root = math.sqrt(math.sqrt(math.sqrt(math.sqrt(x))))
    w = (root - 1.0) / (root + 1.0)
    return 32.0 * w * (1.0 + w * w * (1.0 / 3.0 + w * w * (1.0 / 5.0)))


def flow(s: State, c: Constants, i: float) -> State:
    """One Runge-Kutta step; where the parabola is too steep for one, the solution at constant recovery.

    Far below rest ``v`` returns within microseconds, so that a Runge-Kutta step would overshoot, and fire.
    """
    h, half, i = c.dt, 0.5 * c.dt, c.i_e + i
    v1, u1 = slope_v(s.v, s.u, i, c), slope_u(s.v, s.u, c)
    v2, u2 = slope_v(s.v + half * v1, s.u + half * u1, i, c), slope_u(s.v + half * v1, s.u + half * u1, c)
    v3, u3 = slope_v(s.v + half * v2, s.u + half * u2, i, c), slope_u(s.v + half * v2, s.u + half * u2, c)
    v4, u4 = slope_v(s.v + h * v3, s.u + h * u3, i, c), slope_u(s.v + h * v3, s.u + h * u3, c)
    v = s.v + h * (v1 + 2.0 * (v2 + v3) + v4) / 6.0
    u = s.u + h * (u1 + 2.0 * (u2 + u3) + u4) / 6.0
    p, q = s.v + 62.5, i - s.u - 16.25  # v' = 0.04 p^2 + q
    steep = h * p < -6.25 or (h * h * q < -12.5 and p < 0.0)
    moved = -25.0 * logarithm(below(p, q, h)) - 62.5 * h  # integral of v
    pull = c.a * (c.b * moved - s.u * h)
    u_glide = s.u + pull * (1.0 - 0.5 * c.a * h)
    v_glide = glide(p, q - 0.5 * pull, h) - 62.5
    return State(v_glide if steep else v, u_glide if steep else u)


def receive(s: State, c: Constants, w: float) -> State:
    """Jump by the summed weights."""
    return State(s.v + w, s.u)


def threshold(s: State, c: Constants) -> bool:
    """Cut the spike at its peak."""
    return s.v >= c.v_peak


def reset(s: State, c: Constants) -> State:
    """Return to ``c``, recover by ``d``."""
    return State(c.c, s.u + c.d)
