"""A neuron model of one's own, in a script: a leaky neuron whose threshold adapts.

The functions are plain Python. The engine copies their source into a loop, compiles it, and finds the
machine code again the next time; nothing of the engine is edited. They and both named tuples belong to the
class, so a script may hold as many models and rules as it likes.

python examples/custom_neuron.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tegmentum.simcore import (
    FixedProbability,
    Network,
    NeuronModel,
    Poisson,
    Population,
    Projection,
    Simulation,
    param,
)


@dataclass(frozen=True, eq=False)
class AdaptiveThreshold(NeuronModel):
    """Leaky neuron; each spike lifts its threshold by ``jump``, which decays with ``tau_theta``."""

    tau_m: Any = param(20.0, "ms", above=0.0)
    tau_theta: Any = param(100.0, "ms", above=0.0)
    theta_rest: Any = param(15.0, "mV", above=0.0)
    jump: Any = param(2.0, "mV", least=0.0)
    c_m: Any = param(250.0, "pF", above=0.0)

    receptors: ClassVar[tuple[str, ...]] = ("v",)

    class State(NamedTuple):
        """Membrane potential and threshold [mV]."""

        v: float
        theta: float

    class Constants(NamedTuple):
        """What the functions below need."""

        decay_v: float
        decay_theta: float
        theta_rest: float
        jump: float
        drive: float

    def derive(self, dt: float) -> Constants:
        """Compute the constants, in the one place that does."""
        decay = np.exp(-dt / self.tau_m)
        return AdaptiveThreshold.Constants(
            decay,
            np.exp(-dt / self.tau_theta),
            self.theta_rest,
            self.jump,
            self.tau_m / self.c_m * (1.0 - decay),
        )

    def initial(self) -> State:
        """State at time 0."""
        return AdaptiveThreshold.State(0.0, self.theta_rest)

    @staticmethod
    def flow(s: State, c: Constants, i: float) -> State:
        """One tick: both decay; ``i`` is the injected current [pA]."""
        return AdaptiveThreshold.State(
            s.v * c.decay_v + c.drive * i, c.theta_rest + (s.theta - c.theta_rest) * c.decay_theta
        )

    @staticmethod
    def receive(s: State, c: Constants, w: float) -> State:
        """Jump by the summed weights [mV]."""
        return AdaptiveThreshold.State(s.v + w, s.theta)

    @staticmethod
    def threshold(s: State, c: Constants) -> bool:
        """Fire at the threshold of the moment."""
        return s.v >= s.theta

    @staticmethod
    def reset(s: State, c: Constants) -> State:
        """Start from 0 and become less excitable."""
        return AdaptiveThreshold.State(0.0, s.theta + c.jump)


def main() -> None:
    """Compare the rates of neurons with and without adaptation."""
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help alone; anything else is refused
    for jump in (0.0, 2.0):
        cells = Population("cells", 500, AdaptiveThreshold(jump=jump))
        network = Network(
            cells,
            Projection(cells, cells, FixedProbability(0.1), weight=0.1, delay=1.5),
            Poisson(cells, rate=1_000.0, weight=1.0),
        )
        simulation = Simulation(network, dt=0.1, seed=1)
        result = simulation.run(500.0)
        print(f"jump {jump:g} mV: {result.rates()['cells']:.1f} Hz")


if __name__ == "__main__":
    main()
