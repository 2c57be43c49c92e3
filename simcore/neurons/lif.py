r"""Leaky integrate-and-fire neuron with delta synapses: the file to read first.

.. math:: \tau_m \frac{dv}{dt} = -(v - v_{rest}) + \frac{\tau_m}{c_m} (i_e + i)

A synaptic event of weight ``w`` makes ``v`` jump by ``w`` [mV]. When ``v >= v_thresh`` the neuron fires,
``v`` is set to ``v_reset`` and stays there for ``t_ref``, deaf to input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential [mV] and ticks left of the refractory time."""

    v: float
    refractory: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`LIF.derive`."""

    decay: float  # exp(-dt / tau_m): v's distance from rest, one tick later
    log_decay: float  # -dt / tau_m
    v_inf: float  # where v settles under i_e alone
    drive: float  # mV that 1 pA adds in one tick
    v_thresh: float
    v_reset: float
    n_ref: float  # ticks of the refractory time


@dataclass(frozen=True, eq=False)
class LIF(NeuronModel):
    r"""Leaky integrate-and-fire neuron, delta synapses, exact propagator.

    Parameters
    ----------
    tau_m : ms, 20.0
        membrane time constant
    v_rest : mV, 0.0
        potential at rest
    v_thresh : mV, 20.0
        the neuron fires when ``v`` reaches it
    v_reset : mV, 0.0
        potential after a spike
    t_ref : ms, 2.0
        refractory time, rounded to ticks
    c_m : pF, 250.0
        capacitance; enters only through currents
    i_e : pA, 0.0
        constant current

    Notes
    -----
    State: ``v`` [mV], starts at ``v_rest``; ``refractory`` [ticks], starts at 0. Receptor: ``v``, weights
    in mV. Exact for input that comes at ticks and current that is constant between them: S. Rotter, M.
    Diesmann (1999), Biol. Cybern. 81:381-402, doi:10.1007/s004220050570. A threshold crossing between two
    ticks is found at the later.
    """

    tau_m: Value = param(20.0, "ms", above=0.0)
    v_rest: Value = param(0.0, "mV")
    v_thresh: Value = param(20.0, "mV")
    v_reset: Value = param(0.0, "mV")
    t_ref: Value = param(2.0, "ms", least=0.0)
    c_m: Value = param(250.0, "pF", above=0.0)
    i_e: Value = param(0.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("v",)

    def derive(self, dt: float) -> Constants:
        decay = np.exp(-dt / self.tau_m)
        resistance = self.tau_m / self.c_m
        return Constants(
            decay=decay,
            log_decay=-dt / self.tau_m,
            v_inf=self.v_rest + resistance * self.i_e,
            drive=resistance * (1.0 - decay),
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            n_ref=np.round(self.t_ref / dt),
        )

    def initial(self) -> State:
        return State(v=self.v_rest, refractory=0.0)

    def check(self) -> str | None:
        bad = np.asarray(self.v_reset) >= self.v_thresh
        return self.breach(bad, "v_reset must be < v_thresh", "v_reset", "v_thresh")

    def fires_alone(self, s: State, c: Constants) -> bool:
        # v goes straight to v_inf: it reaches the threshold in the first tick, on its way there, or never. What
        # comes as near to the threshold as float32 rounds may reach it as well.
        first = np.where(np.asarray(s.refractory) > 0.0, s.v, c.v_inf + (s.v - c.v_inf) * c.decay)
        near = c.v_thresh - 1e-6 * (np.abs(c.v_thresh) + np.abs(c.v_inf) + np.abs(s.v))
        return bool(np.any((first >= near) | (c.v_inf >= near)))


def flow(s: State, c: Constants, i: float) -> State:
    """One tick of exponential decay towards ``v_inf``; a refractory neuron stays where it is."""
    v = c.v_inf + (s.v - c.v_inf) * c.decay + c.drive * i
    return State(s.v if s.refractory > 0.0 else v, s.refractory)


def receive(s: State, c: Constants, w: float) -> State:
    """Jump by the summed weights, unless refractory, and count the refractory time down."""
    v = s.v + w
    return State(s.v if s.refractory > 0.0 else v, max(s.refractory - 1.0, 0.0))


def threshold(s: State, c: Constants) -> bool:
    """Fire at or above the threshold."""
    return s.v >= c.v_thresh


def reset(s: State, c: Constants) -> State:
    """Return to ``v_reset`` and become refractory."""
    return State(c.v_reset, c.n_ref)


def leap(s: State, c: Constants, k: float) -> State:
    """Decay over ``k`` ticks without input, of which the first ``refractory`` are spent at rest."""
    free = max(k - s.refractory, 0.0)
    v = c.v_inf + (s.v - c.v_inf) * math.exp(c.log_decay * free)
    return State(v, max(s.refractory - k, 0.0))


def next_spike(s: State, c: Constants) -> float:
    """Ticks until ``v`` reaches the threshold under ``i_e`` alone; infinite if it never does."""
    if flow(s, c, 0.0).v >= c.v_thresh:
        return 1.0
    if c.v_inf <= c.v_thresh:
        return math.inf
    return s.refractory + math.ceil(math.log((c.v_thresh - c.v_inf) / (s.v - c.v_inf)) / c.log_decay)
