r"""Adaptive exponential integrate-and-fire neuron whose spikes have a width, an afterpotential and a moving threshold.

.. math::
    c_m \frac{dv}{dt} = -g_l (v - e_l) + g_l \Delta_T e^{(v - v_T) / \Delta_T} - w + z + i_e + i

.. math::
    \tau_w \frac{dw}{dt} = a (v - e_l) - w, \qquad \tau_z \frac{dz}{dt} = -z, \qquad
    \tau_T \frac{dv_T}{dt} = v_{T,rest} - v_T

When ``v`` reaches ``v_peak`` the neuron fires: ``w`` grows by ``b``, ``z`` is set to ``i_sp`` and ``v_T`` to
``v_t_max``. Then ``v`` is held at ``v_clamp`` for ``t_clamp``, at ``v_reset`` for ``t_ref``, and is free again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Potential [mV], adaptation and afterpotential's current [pA], threshold [mV], ticks for which ``v`` is held."""

    v: float
    w: float
    z: float
    v_t: float
    held: float


class Constants(NamedTuple):
    """Parameters of :class:`ClopathAdEx`, decays over half a tick and over one."""

    dt: float
    c_m: float
    g_l: float
    e_l: float
    delta_t: float
    tau_w: float
    a: float
    b: float
    i_sp: float
    v_t_rest: float
    v_t_max: float
    i_e: float
    half_z: float
    half_t: float
    decay_w: float
    v_peak: float
    v_clamp: float
    v_reset: float
    n_ref: float
    n_held: float


@dataclass(frozen=True, eq=False)
class ClopathAdEx(NeuronModel):
    r"""Adaptive exponential integrate-and-fire neuron of voltage-based plasticity.

    Parameters
    ----------
    c_m : pF, 281.0
        capacitance
    g_l : nS, 30.0
        leak conductance
    e_l : mV, -70.6
        reversal of the leak
    delta_t : mV, 2.0
        sharpness of the exponential
    v_t_rest, v_t_max : mV, -50.4, 30.4
        threshold at rest and after a spike
    tau_t : ms, 50.0
        its decay
    tau_w : ms, 144.0
        time constant of adaptation
    a : nS, 4.0
        adaptation below threshold
    b : pA, 80.5
        adaptation after a spike
    i_sp : pA, 400.0
        current of the depolarising afterpotential
    tau_z : ms, 40.0
        its decay
    v_peak : mV, 33.0
        potential at which the neuron fires
    v_clamp, t_clamp : mV, ms, 33.0, 2.0
        height and width of a spike; the width is rounded to ticks, one at least
    v_reset : mV, -60.0
        potential after a spike
    t_ref : ms, 0.0
        for how long it is held there, rounded to ticks
    i_e : pA, 0.0
        constant current

    Notes
    -----
    Receptor: ``v``, weights in mV; what arrives while ``v`` is held is lost, and ``w`` stands still during a spike. No
    closed form: a Runge-Kutta step of order 4 a tick for ``v`` and ``w``, in which the exponential is bounded at
    ``v_peak``; ``z`` and ``v_T`` are exact. Use ticks of 0.1 ms or less. NEST's ``aeif_psc_delta_clopath``; its filters
    of the potential are those of :class:`.ClopathSTDP` here.

    In the tick of a spike ``z`` is ``i_sp`` and ``v_T`` is ``v_t_max``, which begin to decay in the next one, where
    NEST's have decayed by a tick already: with ticks of 0.1 ms ``z`` is 1.0 pA and ``v_T`` 0.16 mV above NEST's just
    after a spike, ``v`` after it within 0.011 mV of NEST's, and weights after 75 of the paper's pairings are moved by
    0.006 to 0.09 percentage points. With ``i_sp`` and ``v_t_max`` a tick further on in their decay both are NEST's to
    1e-8.

    C. Clopath, L. Buesing, E. Vasilaki, W. Gerstner (2010), Nat. Neurosci. 13:344-352, doi:10.1038/nn.2479;
    C. Clopath, W. Gerstner (2010), Front. Synaptic Neurosci. 2:25, doi:10.3389/fnsyn.2010.00025, whose ``b`` is 0.0805
    pA and whose ``v_reset`` is -49.6 mV in the program for its figures.
    """

    c_m: Value = param(281.0, "pF", above=0.0)
    g_l: Value = param(30.0, "nS", above=0.0)
    e_l: Value = param(-70.6, "mV")
    delta_t: Value = param(2.0, "mV", above=0.0)
    v_t_rest: Value = param(-50.4, "mV")
    v_t_max: Value = param(30.4, "mV")
    tau_t: Value = param(50.0, "ms", above=0.0)
    tau_w: Value = param(144.0, "ms", above=0.0)
    a: Value = param(4.0, "nS")
    b: Value = param(80.5, "pA")
    i_sp: Value = param(400.0, "pA")
    tau_z: Value = param(40.0, "ms", above=0.0)
    v_peak: Value = param(33.0, "mV")
    v_clamp: Value = param(33.0, "mV")
    t_clamp: Value = param(2.0, "ms", above=0.0)
    v_reset: Value = param(-60.0, "mV")
    t_ref: Value = param(0.0, "ms", least=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    units: ClassVar[dict[str, str]] = {"z": "pA", "v_t": "mV", "held": "tick"}

    def derive(self, dt: float) -> Constants:
        n_ref = np.round(self.t_ref / dt)
        return Constants(
            dt=dt,
            c_m=self.c_m,
            g_l=self.g_l,
            e_l=self.e_l,
            delta_t=self.delta_t,
            tau_w=self.tau_w,
            a=self.a,
            b=self.b,
            i_sp=self.i_sp,
            v_t_rest=self.v_t_rest,
            v_t_max=self.v_t_max,
            i_e=self.i_e,
            half_z=np.exp(-0.5 * dt / self.tau_z),
            half_t=np.exp(-0.5 * dt / self.tau_t),
            decay_w=np.exp(-dt / self.tau_w),
            v_peak=self.v_peak,
            v_clamp=self.v_clamp,
            v_reset=self.v_reset,
            n_ref=n_ref,
            n_held=np.maximum(np.round(self.t_clamp / dt), 1.0) + n_ref,
        )

    def initial(self) -> State:
        return State(self.e_l, 0.0, 0.0, self.v_t_rest, 0.0)

    def check(self) -> str | None:
        late = np.asarray(self.v_reset) >= self.v_peak
        falling = np.asarray(self.v_t_max) < self.v_t_rest
        steep = (np.asarray(self.v_peak) - self.v_t_rest) / self.delta_t > 80.0
        return (
            self.breach(late, "v_reset must be < v_peak", "v_reset", "v_peak")
            or self.breach(falling, "v_t_max must be >= v_t_rest", "v_t_max", "v_t_rest")
            or self.breach(
                steep, "v_peak must be at most v_t_rest + 80 delta_t", "v_peak", "v_t_rest", "delta_t"
            )
        )

    def check_tick(self, dt: float) -> str | None:
        # where the Runge-Kutta step is not stable a neuron at rest would begin to swing, and fire
        tau_m = np.asarray(self.c_m) / self.g_l
        return self.breach(dt > 2.5 * tau_m, f"dt = {dt:g} ms must be <= 2.5 c_m / g_l", "c_m", "g_l") or (
            self.breach(dt > 2.5 * np.asarray(self.tau_w), f"dt = {dt:g} ms must be <= 2.5 tau_w", "tau_w")
        )


def slope_v(v: float, w: float, v_t: float, i: float, c: Constants) -> float:
    """Return dv/dt [mV / ms]; the upstroke is bounded, as the spike is cut at ``v_peak`` anyway."""
    u = min(v, c.v_peak)
    upstroke = c.g_l * c.delta_t * math.exp((u - v_t) / c.delta_t)
    return (-c.g_l * (u - c.e_l) + upstroke - w + i) / c.c_m


def slope_w(v: float, w: float, c: Constants) -> float:
    """Return dw/dt [pA / ms]."""
    return (c.a * (min(v, c.v_peak) - c.e_l) - w) / c.tau_w


def flow(s: State, c: Constants, i: float) -> State:
    """One Runge-Kutta step, with current and threshold of the tick's begin, middle and end; or a tick of being held."""
    h = c.dt
    half = 0.5 * h
    z1, t1 = s.z * c.half_z, c.v_t_rest + (s.v_t - c.v_t_rest) * c.half_t
    z2, t2 = z1 * c.half_z, c.v_t_rest + (t1 - c.v_t_rest) * c.half_t
    i0, i1, i2 = s.z + c.i_e + i, z1 + c.i_e + i, z2 + c.i_e + i
    v1, w1 = slope_v(s.v, s.w, s.v_t, i0, c), slope_w(s.v, s.w, c)
    v2, w2 = (
        slope_v(s.v + half * v1, s.w + half * w1, t1, i1, c),
        slope_w(s.v + half * v1, s.w + half * w1, c),
    )
    v3, w3 = (
        slope_v(s.v + half * v2, s.w + half * w2, t1, i1, c),
        slope_w(s.v + half * v2, s.w + half * w2, c),
    )
    v4, w4 = slope_v(s.v + h * v3, s.w + h * w3, t2, i2, c), slope_w(s.v + h * v3, s.w + h * w3, c)
    v = s.v + h * (v1 + 2.0 * (v2 + v3) + v4) / 6.0
    w = s.w + h * (w1 + 2.0 * (w2 + w3) + w4) / 6.0
    left = max(s.held - 1.0, 0.0)
    goal = c.a * (c.v_reset - c.e_l)  # where v is held after the spike, w nears it exponentially
    w_held = s.w if s.held > c.n_ref else goal + (s.w - goal) * c.decay_w
    v_held = c.v_clamp if left > c.n_ref else c.v_reset
    return State(v_held if s.held > 0.0 else v, w_held if s.held > 0.0 else w, z2, t2, left)


def receive(s: State, c: Constants, v: float) -> State:
    """Jump by the summed weights, unless held."""
    return State(s.v + (0.0 if s.held > 0.0 else v), s.w, s.z, s.v_t, s.held)


def threshold(s: State, c: Constants) -> bool:
    """Fire at ``v_peak``, unless held."""
    return s.v >= c.v_peak and s.held <= 0.0


def reset(s: State, c: Constants) -> State:
    """Begin a spike."""
    return State(c.v_clamp, s.w + c.b, c.i_sp, c.v_t_max, c.n_held)
