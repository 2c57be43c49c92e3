r"""Adaptive exponential integrate-and-fire neuron with exponential synaptic currents.

.. math::
    c_m \frac{dv}{dt} = -g_l (v - e_l) + g_l \Delta_T e^{(v - v_T) / \Delta_T} - w + i_{exc} + i_{inh} + i_e
    + i, \qquad \tau_w \frac{dw}{dt} = a (v - e_l) - w

When ``v`` reaches ``v_peak`` the neuron fires, ``v`` is set to ``v_reset`` and ``w`` grows by ``b``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential [mV], adaptation [pA], ticks of the refractory time left, synaptic currents [pA]."""

    v: float
    w: float
    refractory: float
    i_exc: float
    i_inh: float


class Constants(NamedTuple):
    """Parameters of :class:`AdEx` and the decays of its currents."""

    dt: float
    c_m: float
    g_l: float
    e_l: float
    v_t: float
    delta_t: float
    tau_w: float
    a: float
    b: float
    i_e: float
    decay_exc: float
    decay_inh: float
    decay_w: float  # of w in a tick in which v is held
    v_peak: float
    v_reset: float
    n_ref: float


@dataclass(frozen=True, eq=False)
class AdEx(NeuronModel):
    r"""Adaptive exponential integrate-and-fire neuron.

    Parameters
    ----------
    c_m : pF, 281.0
        capacitance
    g_l : nS, 30.0
        leak conductance
    e_l : mV, -70.6
        reversal of the leak
    v_t : mV, -50.4
        where the exponential takes off
    delta_t : mV, 2.0
        its sharpness
    tau_w : ms, 144.0
        time constant of adaptation
    a : nS, 4.0
        adaptation below threshold
    b : pA, 80.5
        adaptation after a spike
    v_reset, v_peak : mV, -70.6, 0.0
        potential after a spike and at which it is cut
    t_ref : ms, 0.0
        refractory time, rounded to ticks
    tau_exc, tau_inh : ms, 5.0, 10.0
        synaptic time constants
    i_e : pA, 0.0
        constant current

    Notes
    -----
    Receptors: ``exc``, ``inh``, weights in pA. No closed form: one Runge-Kutta step of order 4 a tick for
    ``v`` and ``w``, in which the exponential is bounded at ``v_peak``; in the refractory time ``w`` is exact. Use
    ticks of 0.1 ms or less.
    R. Brette, W. Gerstner (2005), J. Neurophysiol. 94:3637-3642, doi:10.1152/jn.00686.2005.
    """

    c_m: Value = param(281.0, "pF", above=0.0)
    g_l: Value = param(30.0, "nS", above=0.0)
    e_l: Value = param(-70.6, "mV")
    v_t: Value = param(-50.4, "mV")
    delta_t: Value = param(2.0, "mV", above=0.0)
    tau_w: Value = param(144.0, "ms", above=0.0)
    a: Value = param(4.0, "nS")
    b: Value = param(80.5, "pA")
    v_reset: Value = param(-70.6, "mV")
    v_peak: Value = param(0.0, "mV")
    t_ref: Value = param(0.0, "ms", least=0.0)
    tau_exc: Value = param(5.0, "ms", above=0.0)
    tau_inh: Value = param(10.0, "ms", above=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {"exc": ("i_exc",), "inh": ("i_inh",)}

    def derive(self, dt: float) -> Constants:
        return Constants(
            dt=dt,
            c_m=self.c_m,
            g_l=self.g_l,
            e_l=self.e_l,
            v_t=self.v_t,
            delta_t=self.delta_t,
            tau_w=self.tau_w,
            a=self.a,
            b=self.b,
            i_e=self.i_e,
            decay_exc=np.exp(-dt / self.tau_exc),
            decay_inh=np.exp(-dt / self.tau_inh),
            decay_w=np.exp(-dt / self.tau_w),
            v_peak=self.v_peak,
            v_reset=self.v_reset,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(self.e_l, 0.0, 0.0, 0.0, 0.0)

    def check(self) -> str | None:
        late = np.asarray(self.v_reset) >= self.v_peak
        steep = (np.asarray(self.v_peak) - self.v_t) / self.delta_t > 80.0
        return self.breach(late, "v_reset must be < v_peak", "v_reset", "v_peak") or self.breach(
            steep, "v_peak must be at most v_t + 80 delta_t", "v_peak", "v_t", "delta_t"
        )

    def check_tick(self, dt: float) -> str | None:
        # where the Runge-Kutta step is not stable a neuron at rest would begin to swing, and fire
        tau_m = np.asarray(self.c_m) / self.g_l
        return self.breach(dt > 2.5 * tau_m, f"dt = {dt:g} ms must be <= 2.5 c_m / g_l", "c_m", "g_l") or (
            self.breach(dt > 2.5 * np.asarray(self.tau_w), f"dt = {dt:g} ms must be <= 2.5 tau_w", "tau_w")
        )


def slope_v(v: float, w: float, i: float, c: Constants) -> float:
    """Return dv/dt [mV / ms]; the upstroke is bounded, as the spike is cut at ``v_peak`` anyway."""
    u = min(v, c.v_peak)
    upstroke = c.g_l * c.delta_t * math.exp((u - c.v_t) / c.delta_t)
    return (-c.g_l * (u - c.e_l) + upstroke - w + i) / c.c_m


def slope_w(v: float, w: float, c: Constants) -> float:
    """Return dw/dt [pA / ms]."""
    return (c.a * (min(v, c.v_peak) - c.e_l) - w) / c.tau_w


def flow(s: State, c: Constants, i: float) -> State:
    """One Runge-Kutta step with the synaptic currents of the tick's begin, middle and end."""
    h = c.dt
    half = 0.5 * h
    i0 = s.i_exc + s.i_inh + c.i_e + i
    i2 = s.i_exc * c.decay_exc + s.i_inh * c.decay_inh + c.i_e + i
    i1 = 0.5 * (i0 + i2)
    v1, w1 = slope_v(s.v, s.w, i0, c), slope_w(s.v, s.w, c)
    v2, w2 = slope_v(s.v + half * v1, s.w + half * w1, i1, c), slope_w(s.v + half * v1, s.w + half * w1, c)
    v3, w3 = slope_v(s.v + half * v2, s.w + half * w2, i1, c), slope_w(s.v + half * v2, s.w + half * w2, c)
    v4, w4 = slope_v(s.v + h * v3, s.w + h * w3, i2, c), slope_w(s.v + h * v3, s.w + h * w3, c)
    v = s.v + h * (v1 + 2.0 * (v2 + v3) + v4) / 6.0
    held = s.refractory > 0.0
    w_goal = c.a * (min(s.v, c.v_peak) - c.e_l)  # while v is held, w nears it exponentially
    w_held = w_goal + (s.w - w_goal) * c.decay_w
    return State(
        s.v if held else v,
        w_held if held else s.w + h * (w1 + 2.0 * (w2 + w3) + w4) / 6.0,
        max(s.refractory - 1.0, 0.0),
        s.i_exc * c.decay_exc,
        s.i_inh * c.decay_inh,
    )


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Currents jump by the summed weights."""
    return State(s.v, s.w, s.refractory, s.i_exc + exc, s.i_inh + inh)


def threshold(s: State, c: Constants) -> bool:
    """Cut the spike at ``v_peak``."""
    return s.v >= c.v_peak


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset`` and adapt."""
    return State(c.v_reset, s.w + c.b, c.n_ref, s.i_exc, s.i_inh)
