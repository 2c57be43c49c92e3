"""A plasticity rule of one's own with a third factor, in a script: compiled at the first run, cached for the next.

The rule: an arrival leaves an eligibility that grows with the post neuron's recent spikes, whatever their order, and
decays; the weight follows it where dopamine is above a threshold, through a receptor of one's own, and leaks towards
a resting value with each arrival. The engine takes the functions as they stand here; it calls them at the synapse's own
spikes alone.

    python examples/custom_rule.py --dose 1
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tegmentum.simcore import (
    LIF,
    AllToAll,
    Modulation,
    Modulator,
    Network,
    Population,
    Projection,
    Receptor,
    Simulation,
    SpikeTrain,
    SynapseRule,
    Whole,
    param,
)


@dataclass(frozen=True)
class Gate(Receptor):
    """Plasticity in proportion to the level above a threshold, none below."""

    threshold: float = 0.2

    @staticmethod
    def curve(level: float, threshold: float) -> float:
        """Return the gain at a level [1/ms]."""
        return max(level - threshold, 0.0)


@dataclass(frozen=True)
class LeakyCoincidence(SynapseRule):
    """Eligibility of coincidences, gated by dopamine, with weights that leak to ``rest`` at each arrival."""

    modulator: Modulator
    receptor: Receptor = field(default_factory=Gate)
    tau: float = param(5.0, "ms", above=0.0)
    tau_e: float = param(500.0, "ms", above=0.0)
    eta: float = param(5e-5)
    leak: float = param(0.002)
    rest: float = param(0.5)

    class Synapse(NamedTuple):
        """Weight and eligibility."""

        w: float
        e: float

    class Pre(NamedTuple):
        """Trace of arrivals."""

        x: float

    class Post(NamedTuple):
        """Trace of post spikes."""

        y: float

    class Constants(NamedTuple):
        """What the functions need."""

        eta: float
        leak: float
        rest: float

    def derive(self, dt: float) -> Constants:
        """Return the constants."""
        return LeakyCoincidence.Constants(self.eta, self.leak, self.rest)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of both traces and of the eligibility [ms]."""
        return {"x": self.tau, "y": self.tau, "e": self.tau_e}

    @property
    def modulation(self) -> Modulation:
        """One level for all synapses."""
        return Modulation(self.modulator, self.receptor, Whole())

    @staticmethod
    def on_pre(s, pre, post, c):
        """Leak, and pair with the post spikes before."""
        return Synapse(s.w + c.leak * (c.rest - s.w), s.e + c.eta * post.y)

    @staticmethod
    def on_post(s, pre, post, c):
        """Pair with the arrivals before."""
        return Synapse(s.w, s.e + c.eta * pre.x)

    @staticmethod
    def pre_spike(pre, c):
        """Count."""
        return Pre(pre.x + 1.0)

    @staticmethod
    def post_spike(post, c):
        """Count."""
        return Post(post.y + 1.0)

    @staticmethod
    def drift(s, area, fade, c):
        """Follow the eligibility under the gain, while it decays."""
        return Synapse(s.w + s.e * area, s.e * fade)


Synapse, Pre, Post = LeakyCoincidence.Synapse, LeakyCoincidence.Pre, LeakyCoincidence.Post


def network() -> Network:
    """Connect 100 inputs to 10 neurons that fire with the first half of them, and, unrelated, the second."""
    rng = np.random.default_rng(0)
    beats = np.arange(50.0, 10_000.0, 50.0)
    together = np.repeat(beats, 50) + rng.uniform(0.0, 5.0, 50 * len(beats))
    alone = np.repeat(beats + 25.0, 50) + rng.uniform(-20.0, 20.0, 50 * len(beats))
    neuron = np.tile(np.arange(50), len(beats))
    inputs = SpikeTrain("inputs", 100, np.append(together, alone), np.append(neuron, neuron + 50))
    driver = SpikeTrain("driver", 10, np.repeat(beats + 6.0, 10), np.tile(np.arange(10), len(beats)))
    post = Population(
        "post", 10, LIF(tau_m=5.0, v_thresh=200.0, v_reset=0.0)
    )  # only the driver makes them fire
    rule = LeakyCoincidence(Modulator("dopamine", tau=100.0))
    return Network(
        inputs,
        driver,
        post,
        Projection(inputs, post, AllToAll(), 0.5, 1.0, plasticity=rule, name="learn"),
        Projection(driver, post, AllToAll(), 1e4, 1.0, name="drive"),
    )


def main() -> None:
    """Run twice, with and without dopamine, and compare the synapses of both halves of the inputs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dose", type=float, default=1.0, help="dopamine released each second [1]")
    options = parser.parse_args()
    for dose in (options.dose, 0.0):
        started = time.perf_counter()
        simulation = Simulation(network(), dt=0.1, precision="float64")
        for _ in range(10):
            simulation.run(1_000.0)
            simulation.release("dopamine", dose)
        weight = simulation.synapses("learn").weight.reshape(100, 10)
        print(
            f"dopamine {dose:g}: mean weight of inputs that fire with the neurons {weight[:50].mean():.3f}, "
            f"of the others {weight[50:].mean():.3f}; {time.perf_counter() - started:.1f} s"
        )


if __name__ == "__main__":
    main()
