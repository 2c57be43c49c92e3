r"""Hodgkin and Huxley's neuron with exponential synaptic currents: a model that is its differential equations.

.. math::
    c_m \frac{dv}{dt} = -g_{Na} m^3 h (v - e_{Na}) - g_K n^4 (v - e_K) - g_l (v - e_l) + i_{exc} + i_{inh} + i_e + i,
    \qquad \frac{dx}{dt} = \alpha_x(v) (1 - x) - \beta_x(v)\, x \quad (x = m, h, n)

with the rates [1 / ms] of the squid's axon at 6.3 degrees Celsius, for a rest at -65 mV:

.. math::
    \alpha_m = \frac{0.1 (v + 40)}{1 - e^{-(v + 40) / 10}}, \quad \beta_m = 4 e^{-(v + 65) / 18}, \quad
    \alpha_h = 0.07 e^{-(v + 65) / 20}, \quad \beta_h = \frac{1}{1 + e^{-(v + 35) / 10}}, \quad
    \alpha_n = \frac{0.01 (v + 55)}{1 - e^{-(v + 55) / 10}}, \quad \beta_n = 0.125 e^{-(v + 65) / 80}

The neuron fires when ``v`` rises through ``v_spike``; nothing is reset, and it can fire again once ``v`` was below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential [mV], open shares of the gates, synaptic currents [pA], whether a spike is being counted."""

    v: float
    m: float
    h: float
    n: float
    i_exc: float
    i_inh: float
    counted: float


class Constants(NamedTuple):
    """Parameters of :class:`HodgkinHuxley`."""

    dt: float
    c_m: float
    g_na: float
    g_k: float
    g_l: float
    e_na: float
    e_k: float
    e_l: float
    tau_exc: float
    tau_inh: float
    i_e: float
    v_spike: float


@dataclass(frozen=True, eq=False)
class HodgkinHuxley(NeuronModel):
    r"""Hodgkin-Huxley neuron: sodium, potassium and leak, exponential currents.

    Parameters
    ----------
    c_m : pF, 100.0
        capacitance; with the default conductances that of 100 square micrometres times 100 of membrane at 1 uF/cm2
    g_na, g_k, g_l : nS, 12000.0, 3600.0, 30.0
        largest conductances: 120, 36 and 0.3 mS/cm2
    e_na, e_k, e_l : mV, 50.0, -77.0, -54.402
        reversal potentials
    tau_exc, tau_inh : ms, 2.0, 2.0
        synaptic time constants
    i_e : pA, 0.0
        constant current
    v_spike : mV, 0.0
        the neuron fires when ``v`` rises through it

    Notes
    -----
    State: ``v``, gates ``m``, ``h``, ``n`` at their steady state at -65 mV, ``i_exc``, ``i_inh``. Receptors: ``exc``,
    ``inh``, weights in pA. No closed form: four Runge-Kutta steps of order 4 a tick of at most 0.1 ms; at 0.1 ms a
    train of spikes is within 0.03 mV of an adaptive integrator. 50 to 100 times the work of :class:`LIF`.
    A. L. Hodgkin, A. F. Huxley (1952), J. Physiol. 117:500-544, doi:10.1113/jphysiol.1952.sp004764.
    """

    c_m: Value = param(100.0, "pF", above=0.0)
    g_na: Value = param(12_000.0, "nS", least=0.0)
    g_k: Value = param(3_600.0, "nS", least=0.0)
    g_l: Value = param(30.0, "nS", above=0.0)
    e_na: Value = param(50.0, "mV")
    e_k: Value = param(-77.0, "mV")
    e_l: Value = param(-54.402, "mV")
    tau_exc: Value = param(2.0, "ms", above=0.0)
    tau_inh: Value = param(2.0, "ms", above=0.0)
    i_e: Value = param(0.0, "pA")
    v_spike: Value = param(0.0, "mV")

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {"exc": ("i_exc",), "inh": ("i_inh",)}
    substeps: ClassVar[int] = 4

    def derive(self, dt: float) -> Constants:
        return Constants(
            dt=dt,
            c_m=self.c_m,
            g_na=self.g_na,
            g_k=self.g_k,
            g_l=self.g_l,
            e_na=self.e_na,
            e_k=self.e_k,
            e_l=self.e_l,
            tau_exc=self.tau_exc,
            tau_inh=self.tau_inh,
            i_e=self.i_e,
            v_spike=self.v_spike,
        )

    def initial(self) -> State:
        rest = -65.0
        m, h, n = (
            up(rest) / (up(rest) + down(rest))
            for up, down in ((alpha_m, beta_m), (alpha_h, beta_h), (alpha_n, beta_n))
        )
        return State(rest, m, h, n, 0.0, 0.0, 0.0)

    def check(self) -> str | None:
        return self.breach(np.asarray(self.e_k) >= self.e_na, "e_k must be < e_na", "e_k", "e_na")

    def check_tick(self, dt: float) -> str | None:
        open_all = np.asarray(self.g_na) + self.g_k + self.g_l  # more than ever opens at once
        steep = dt * open_all > 16.0 * np.asarray(self.c_m)
        brief = np.minimum(self.tau_exc, self.tau_inh) < dt / 2.0
        return self.breach(
            steep, f"dt = {dt:g} ms must be <= 16 c_m / (g_na + g_k + g_l)", "c_m", "g_na", "g_k", "g_l"
        ) or self.breach(brief, f"dt = {dt:g} ms must be <= 2 tau_exc and 2 tau_inh", "tau_exc", "tau_inh")


def linoid(x: float) -> float:
    """Return ``x / (1 - exp(-x))``, 1 at ``x = 0``, where the quotient itself is not defined."""
    near = x * x < 1e-6
    y = 1.0 if near else x
    return 1.0 + 0.5 * x if near else y / (1.0 - math.exp(-y))


def alpha_m(v: float) -> float:
    """Rate at which sodium activates [1 / ms]."""
    return linoid((v + 40.0) / 10.0)


def beta_m(v: float) -> float:
    """Rate at which that is undone [1 / ms]."""
    return 4.0 * math.exp(-(v + 65.0) / 18.0)


def alpha_h(v: float) -> float:
    """Rate at which sodium recovers from inactivation [1 / ms]."""
    return 0.07 * math.exp(-(v + 65.0) / 20.0)


def beta_h(v: float) -> float:
    """Rate at which sodium inactivates [1 / ms]."""
    return 1.0 / (1.0 + math.exp(-(v + 35.0) / 10.0))


def alpha_n(v: float) -> float:
    """Rate at which potassium activates [1 / ms]."""
    return 0.1 * linoid((v + 55.0) / 10.0)


def beta_n(v: float) -> float:
    """Rate at which that is undone [1 / ms]."""
    return 0.125 * math.exp(-(v + 65.0) / 80.0)


def slope(s: State, c: Constants, i: float) -> State:
    """Time derivatives; ``counted`` is no matter of time."""
    sodium = c.g_na * s.m * s.m * s.m * s.h * (s.v - c.e_na)
    potassium = c.g_k * s.n * s.n * s.n * s.n * (s.v - c.e_k)
    drive = s.i_exc + s.i_inh + c.i_e + i
    return State(
        (drive - sodium - potassium - c.g_l * (s.v - c.e_l)) / c.c_m,
        alpha_m(s.v) * (1.0 - s.m) - beta_m(s.v) * s.m,
        alpha_h(s.v) * (1.0 - s.h) - beta_h(s.v) * s.h,
        alpha_n(s.v) * (1.0 - s.n) - beta_n(s.v) * s.n,
        -s.i_exc / c.tau_exc,
        -s.i_inh / c.tau_inh,
        0.0,
    )


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Currents jump by the summed weights; below ``v_spike`` the neuron may fire again."""
    counted = s.counted if s.v >= c.v_spike else 0.0
    return State(s.v, s.m, s.h, s.n, s.i_exc + exc, s.i_inh + inh, counted)


def threshold(s: State, c: Constants) -> bool:
    """Fire in the first tick at or above ``v_spike``."""
    return s.v >= c.v_spike and s.counted == 0.0


def reset(s: State, c: Constants) -> State:
    """Count the spike once."""
    return State(s.v, s.m, s.h, s.n, s.i_exc, s.i_inh, 1.0)
