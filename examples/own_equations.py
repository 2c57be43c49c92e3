"""A neuron model of one's own that is only its differential equations: Morris and Lecar's, in a small network.

The class says the derivatives; the engine makes Runge-Kutta steps of them, compiles them, and `deviation` says how far
these stray from an adaptive integrator at the tick that was chosen. C. Morris, H. Lecar (1981), Biophys. J. 35:193-213,
doi:10.1016/S0006-3495(81)84782-0.

python examples/own_equations.py
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from tegmentum.simcore import (
    FixedProbability,
    Network,
    NeuronModel,
    Normal,
    Population,
    Projection,
    Record,
    Simulation,
    deviation,
    param,
)


@dataclass(frozen=True, eq=False)
class MorrisLecar(NeuronModel):
    """Calcium, potassium and leak, and an excitatory current; fires when ``v`` rises through 0 mV."""

    c_m: Any = param(20.0, "pF", above=0.0)
    g_ca: Any = param(4.4, "nS", least=0.0)
    g_k: Any = param(8.0, "nS", least=0.0)
    g_l: Any = param(2.0, "nS", above=0.0)
    tau_exc: Any = param(5.0, "ms", above=0.0)
    i_e: Any = param(100.0, "pA")

    receptors: ClassVar[tuple[str, ...]] = ("exc",)
    substeps: ClassVar[int] = 2

    class State(NamedTuple):
        """Potential [mV], open share of potassium channels, synaptic current [pA], whether a spike was counted."""

        v: float
        n: float
        i_exc: float
        counted: float

    class Constants(NamedTuple):
        """The parameters and the tick; `slope` needs `dt` here."""

        dt: float
        c_m: float
        g_ca: float
        g_k: float
        g_l: float
        tau_exc: float
        i_e: float

    def derive(self, dt: float) -> Constants:
        """Compute the constants, in the one place that does."""
        return MorrisLecar.Constants(dt, self.c_m, self.g_ca, self.g_k, self.g_l, self.tau_exc, self.i_e)

    def initial(self) -> State:
        """State at time 0."""
        return MorrisLecar.State(-60.0, 0.0, 0.0, 0.0)

    @staticmethod
    def slope(s: State, c: Constants, i: float) -> State:
        """Time derivatives; ``i`` is the injected current [pA]."""
        m = 0.5 * (1.0 + math.tanh((s.v + 1.2) / 18.0))
        w = 0.5 * (1.0 + math.tanh((s.v - 2.0) / 30.0))
        rate = 0.04 * math.cosh((s.v - 2.0) / 60.0)
        leak = c.g_l * (s.v + 60.0)
        channels = c.g_ca * m * (s.v - 120.0) + c.g_k * s.n * (s.v + 84.0)
        return MorrisLecar.State(
            (c.i_e + i + s.i_exc - leak - channels) / c.c_m, rate * (w - s.n), -s.i_exc / c.tau_exc, 0.0
        )

    @staticmethod
    def receive(s: State, c: Constants, exc: float) -> State:
        """Jump by the summed weights [pA]; below 0 mV the neuron may fire again."""
        return MorrisLecar.State(s.v, s.n, s.i_exc + exc, s.counted if s.v >= 0.0 else 0.0)

    @staticmethod
    def threshold(s: State, c: Constants) -> bool:
        """Fire in the first tick at or above 0 mV."""
        return s.v >= 0.0 and s.counted == 0.0

    @staticmethod
    def reset(s: State, c: Constants) -> State:
        """Count a spike once: the equations themselves bring ``v`` down."""
        return MorrisLecar.State(s.v, s.n, s.i_exc, 1.0)


def main() -> None:
    """Print the error of the steps, and the rates of a network."""
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help alone; anything else is refused
    for dt in (0.4, 0.2, 0.1):
        error = deviation(MorrisLecar(), dt, 400.0)["v"]
        print(f"dt {dt:g} ms: within {error:.1e} mV of an adaptive integrator over 400 ms")
    cells = Population("cells", 200, MorrisLecar(i_e=Normal(85.0, 10.0)))
    network = Network(cells, Projection(cells, cells, FixedProbability(0.05), weight=5.0, delay=2.0))
    result = Simulation(network, dt=0.1, seed=1).run(1_000.0, Record(spikes=[cells]))
    print(f"{result.rates()['cells']:.1f} Hz; {len(result.spikes['cells'].t)} spikes")


if __name__ == "__main__":
    main()
