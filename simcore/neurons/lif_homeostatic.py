r"""Leaky integrate-and-fire neuron whose threshold keeps its activity near a target from trial to trial.

.. math::
    i_t = d_s i_{t-1} + x_t, \qquad v_t = \max(d_m v_{t-1} + (1 - d_s) i_t + b, \; v_{min}), \qquad
    v_t > \theta \Rightarrow \text{spike}, \; v_t = 0

with :math:`d_s = \exp(-dt/\tau_s)`, :math:`d_m = \exp(-dt/\tau_m)` and, after each trial,
:math:`\theta \leftarrow \max(\theta + h ([n > 0] - a), \theta_{min})` for a neuron that fired :math:`n` times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .base import NeuronModel, Value, param


class State(NamedTuple):
    """Membrane potential, synaptic current and threshold."""

    v: float
    i: float
    theta: float


class Constants(NamedTuple):
    """What the functions below need, computed once by :meth:`HomeostaticLIF.derive`."""

    decay: float  # of v in one tick
    decay_syn: float  # of i in one tick
    share: float  # of i that reaches v in one tick
    drive: float
    floor: float
    rate: float
    target: float
    least: float


@dataclass(frozen=True, eq=False)
class HomeostaticLIF(NeuronModel):
    r"""Leaky integrate-and-fire neuron with an exponential synaptic current and a homeostatic threshold.

    Parameters
    ----------
    tau_m : ms, 20.0
        membrane time constant
    tau_s : ms, 10.0
        synaptic time constant
    v_thresh : no unit, 1.0
        threshold at first
    drive : no unit, 0.0
        b, what is added to ``v`` in each tick
    floor : no unit, -1e9
        :math:`v_{min}`, below which inhibition does not bring ``v``
    rate : no unit, 0.0
        h, by how much a trial moves the threshold
    target : no unit, 0.4
        a, the share of trials in which a neuron is to fire
    least : no unit, 0.05
        :math:`\theta_{min}`

    Notes
    -----
    State: ``v``, ``i``, ``theta``. Receptors ``exc`` and ``inh``, weights without unit. Only
    :meth:`.Simulation.present` has trials; in a run the threshold stays. A threshold that rises with a neuron's own
    spikes is in P. U. Diehl, M. Cook (2015), Front. Comput. Neurosci. 9:99, doi:10.3389/fncom.2015.00099.
    """

    tau_m: Value = param(20.0, "ms", above=0.0)
    tau_s: Value = param(10.0, "ms", above=0.0)
    v_thresh: Value = param(1.0)
    drive: Value = param(0.0)
    floor: Value = param(-1e9)
    rate: Value = param(0.0, least=0.0)
    target: Value = param(0.4, least=0.0)
    least: Value = param(0.05)

    receptors: ClassVar[tuple[str, ...]] = ("exc", "inh")
    units: ClassVar[dict[str, str]] = {"v": "1", "i": "1", "theta": "1"}

    def derive(self, dt: float) -> Constants:
        decay_syn = np.exp(-dt / self.tau_s)
        return Constants(
            decay=np.exp(-dt / self.tau_m),
            decay_syn=decay_syn,
            share=1.0 - decay_syn,
            drive=self.drive,
            floor=self.floor,
            rate=self.rate,
            target=self.target,
            least=self.least,
        )

    def initial(self) -> State:
        return State(v=0.0, i=0.0, theta=self.v_thresh)

    def check(self) -> str | None:
        bad = np.asarray(self.floor) >= self.v_thresh
        return self.breach(bad, "floor must be < v_thresh", "floor", "v_thresh")


def flow(s: State, c: Constants, i: float) -> State:
    """Potential and current decay by one tick."""
    return State(s.v * c.decay + i, s.i * c.decay_syn, s.theta)


def receive(s: State, c: Constants, exc: float, inh: float) -> State:
    """Add the summed weights to the current, which reaches the potential within the tick."""
    i = s.i + (exc + inh)
    return State(max(s.v + i * c.share + c.drive, c.floor), i, s.theta)


def threshold(s: State, c: Constants) -> bool:
    """Fire above the threshold."""
    return s.v > s.theta


def reset(s: State, c: Constants) -> State:
    """Return to 0."""
    return State(0.0, s.i, s.theta)


def next_trial(s: State, start: State, c: Constants, n: float) -> State:
    """Begin a trial as at first, but for the threshold, after one with ``n`` spikes."""
    fired = 1.0 if n > 0.0 else 0.0
    return State(start.v, start.i, max(s.theta + c.rate * (fired - c.target), c.least))
