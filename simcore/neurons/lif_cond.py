r"""Leaky integrate-and-fire neuron with exponentially decaying synaptic conductances.

.. math::
    c_m \frac{dv}{dt} = -g_l (v - v_{rest}) - g_{exc} (v - e_{exc}) - g_{inh} (v - e_{inh}) + i_e + i
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential [mV], ticks left of the refractory time, synaptic conductances [nS]."""

    v: float
    refractory: float
    g_exc: float
    g_inh: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`LIFCond.derive`."""

    g_l: float
    leak: float  # g_l * v_rest + i_e
    e_exc: float
    e_inh: float
    open_leak: float  # dt g_l / c_m: what the leak adds in one tick to the exponent of v's decay
    open_exc: float  # what 1 nS of g_exc adds to it, while it decays
    open_inh: float
    decay_exc: float
    decay_inh: float
    v_thresh: float
    v_reset: float
    n_ref: float


@dataclass(frozen=True, eq=False)
class LIFCond(NeuronModel):
    r"""Leaky integrate-and-fire neuron, conductance-based exponential synapses.

    Parameters
    ----------
    c_m : pF, 200.0
        capacitance
    g_l : nS, 10.0
        leak conductance
    v_rest, v_thresh, v_reset : mV, -60.0, -50.0, -60.0
        reversal of the leak, potential at which the neuron fires, and after a spike
    e_exc, e_inh : mV, 0.0, -80.0
        reversal potentials
    tau_exc, tau_inh : ms, 5.0, 10.0
        decay of the conductances
    t_ref : ms, 5.0
        refractory time, rounded to ticks
    i_e : pA, 0.0
        constant current

    Notes
    -----
    Receptors: ``exc``, ``inh``, weights in nS, both positive. Conductances are exact; the potential follows the
    goal that they set, which moves from its value at the begin of the tick to that at its end (second order). At
    0.1 ms it is within 1e-3 mV of an adaptive integrator for volleys of any size; at 1 ms within 1e-3 mV for strong
    inhibition (from 5,000 nS), 5e-3 mV for weaker, 0.05 mV for excitation.
    Benchmark 1 of R. Brette et al. (2007), J. Comput. Neurosci. 23:349-398,
    doi:10.1007/s10827-007-0038-6.
    """

    c_m: Value = param(200.0, "pF", above=0.0)
    g_l: Value = param(10.0, "nS", above=0.0)
    v_rest: Value = param(-60.0, "mV")
    v_thresh: Value = param(-50.0, "mV")
    v_reset: Value = param(-60.0, "mV")
    e_exc: Value = param(0.0, "mV")
    e_inh: Value = param(-80.0, "mV")
    tau_exc: Value = param(5.0, "ms", above=0.0)
    tau_inh: Value = param(10.0, "ms", above=0.0)
    t_ref: Value = param(5.0, "ms", least=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {"exc": ("g_exc",), "inh": ("g_inh",)}
    conductances: ClassVar[bool] = True

    def derive(self, dt: float) -> Constants:
        return Constants(
            g_l=self.g_l,
            leak=self.g_l * self.v_rest + self.i_e,
            e_exc=self.e_exc,
            e_inh=self.e_inh,
            open_leak=dt * self.g_l / self.c_m,
            open_exc=-self.tau_exc * np.expm1(-dt / self.tau_exc) / self.c_m,
            open_inh=-self.tau_inh * np.expm1(-dt / self.tau_inh) / self.c_m,
            decay_exc=np.exp(-dt / self.tau_exc),
            decay_inh=np.exp(-dt / self.tau_inh),
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(self.v_rest, 0.0, 0.0, 0.0)

    def check(self) -> str | None:
        bad = np.asarray(self.v_reset) >= self.v_thresh
        return self.breach(bad, "v_reset must be < v_thresh", "v_reset", "v_thresh")


def flow(s: State, c: Constants, i: float) -> State:
    r"""One tick: conductances exactly, the potential while its goal moves from ``v_0`` to ``v_1``.

    With :math:`x = \int g\,dt / c_m`, exactly, and the goal :math:`v_\infty` taken as linear in it,

    .. math:: v = v_1 + (v - v_0) e^{-x} - (v_1 - v_0) (1 - e^{-x}) / x

    for any :math:`x`: a strong volley ends where the conductances leave it. :math:`e^{-x}` is a Pade fraction to the
    fourth power, without a call, so that the loop over neurons is vectorised: off by 3e-7 of itself up to x = 2, by
    2.1e-6 at most. It would rise again where it has come to 0, at 18.58.
    """
    g_exc, g_inh = s.g_exc * c.decay_exc, s.g_inh * c.decay_inh
    g0, g1 = c.g_l + s.g_exc + s.g_inh, c.g_l + g_exc + g_inh
    x = c.open_leak + s.g_exc * c.open_exc + s.g_inh * c.open_inh
    y = min(0.25 * x, 4.644)
    even, odd = 120.0 + 12.0 * y * y, y * (60.0 + y * y)
    whole = even + odd
    per_g, per_x = 1.0 / (g0 * g1), 1.0 / (whole * x)  # two divisions for four quotients
    v0 = (c.leak + i + s.g_exc * c.e_exc + s.g_inh * c.e_inh) * (g1 * per_g)
    v1 = (c.leak + i + g_exc * c.e_exc + g_inh * c.e_inh) * (g0 * per_g)
    q = (even - odd) * (x * per_x)
    decay = q * q * (q * q)
    v = v1 + (s.v - v0) * decay - (v1 - v0) * ((1.0 - decay) * (whole * per_x))
    return State(s.v if s.refractory > 0.0 else v, max(s.refractory - 1.0, 0.0), g_exc, g_inh)


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Conductances jump by the summed weights."""
    return State(s.v, s.refractory, s.g_exc + exc, s.g_inh + inh)


def threshold(s: State, c: Constants) -> bool:
    """Fire at or above the threshold."""
    return s.v >= c.v_thresh


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset`` and become refractory."""
    return State(c.v_reset, c.n_ref, s.g_exc, s.g_inh)
