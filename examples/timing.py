"""What timing buys: each of 60 channels fires exactly once in every sample, and only *when* tells the class.

Ten classes have templates, a time in 2 to 40 ms for each channel; a sample is a template whose times jitter by 3 ms.
Counts of spikes are all the same. One layer of plastic synapses leads from the channels to five readout neurons for
each class, which inhibit each other. Dopamine at a sample's end says to each class how wrong its answer was.

    causal STDP   pairs count by exp(-(t_post - t_arrival) / tau_plus): the synapses that made a neuron fire are told
                  from those that came too early or too late
    rate Hebb     pairs count alike: all synapses onto a neuron change alike
    frozen        weights stay as drawn

Parameters were searched for each of them on other templates and samples. Counting pairs, a rule can still choose which
of the neurons speak for a class, and learns little by it.

    python examples/timing.py --seeds 3
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.plasticity import D1D2, DopamineSTDP, RateHebb
from tegmentum.simcore import (
    AllToAll,
    ByPost,
    Expected,
    HomeostaticLIF,
    Modulator,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
    one_hot,
)
from tegmentum.simcore.encode import Events

CHANNELS, CLASSES, EACH = 60, 10, 5
TICKS, LAST, JITTER = 60, 40, 3.0  # ms
W_MAX = 0.6

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Settings:
    """What was searched for each rule."""

    eta: float
    threshold: float
    tau_m: float  # ms
    tau_s: float  # ms
    lateral: float
    homeostasis: float
    beta: float
    tau_plus: float = 20.0  # ms


def samples(n: int, templates: Array, rng: np.random.Generator) -> tuple[Events, Array]:
    """Draw samples, each channel firing once at its class's time and a jitter, and their classes."""
    labels = rng.integers(0, CLASSES, n)
    time = templates[labels] + rng.normal(0.0, JITTER, (n, CHANNELS))
    tick = np.clip(np.rint(time), 0, LAST).astype(np.int64).ravel()
    trial, channel = (i.ravel() for i in np.indices((n, CHANNELS)))
    order = np.lexsort((channel, tick, trial))
    return Events(trial[order], tick[order], channel[order].astype(np.uint32), n, TICKS, CHANNELS), labels


def network(rule: str, s: Settings, seed: int) -> Network:
    """Describe channels and readout; the neurons of a class, in a row, share a level of dopamine."""
    rng = np.random.default_rng(seed)
    channels = SpikeTrain("channels", CHANNELS, np.zeros(0), np.zeros(0, np.int64))
    neuron = HomeostaticLIF(
        tau_m=s.tau_m, tau_s=s.tau_s, v_thresh=s.threshold, rate=s.homeostasis, target=1.0 / CLASSES
    )
    readout = Population("readout", CLASSES * EACH, neuron, update="stepped")
    error = Expected("error", one_hot(CLASSES), scale=1.0, beta=s.beta / EACH)
    dopamine = Modulator("dopamine", CLASSES, baseline=0.5, source=error)
    common: dict[str, Any] = {
        "modulator": dopamine,
        "receptor": D1D2(tonic=0.5),
        "subpopulations": ByPost(np.arange(CLASSES * EACH) // EACH),
        "tau_e": 1e5,  # nothing of it decays within a sample
        "w_max": W_MAX,
        "soft": True,
    }
    plasticity = {
        "causal STDP": DopamineSTDP(**common, a_plus=s.eta, a_minus=0.0, tau_plus=s.tau_plus),
        "rate Hebb": RateHebb(**common, a=s.eta),
        "frozen": None,
    }[rule]
    weight = rng.uniform(0.0, W_MAX / 2, (CHANNELS, CLASSES * EACH))
    dense = AllToAll()
    return Network(
        channels,
        readout,
        Projection(
            channels, readout, dense, weight, 1.0, receptor="exc", plasticity=plasticity, name="learn"
        ),
        Projection(channels, readout, dense, -W_MAX / 4, 1.0, receptor="inh"),
        Projection(readout, readout, dense, -s.lateral, 1.0, receptor="inh"),
    )


def accuracy(rule: str, s: Settings, train: Any, test: Any, seed: int, epochs: int) -> float:
    """Learn and return the share of right answers to new samples."""
    simulation = Simulation(network(rule, s, seed), dt=1.0, seed=seed, max_rate=1000.0)
    shown: dict[str, Any] = {"readout": "readout", "n_classes": CLASSES}
    for epoch in range(epochs):
        simulation.present(*train, learning=1.0 - epoch / epochs, **shown)
    events, labels = test
    return float((simulation.present(events, **shown).chosen == labels).mean())


#: the best of 100 draws for each rule, on other templates, with 2,000 samples to learn from and 1,000 to choose by; for
#: the controls, which vary, the best mean of twelve of these on four sets of templates
FOUND = {
    "causal STDP": Settings(
        2.7e-3, threshold=0.2, tau_m=3.0, tau_s=2.0, lateral=0.1, homeostasis=1e-3, beta=0.5, tau_plus=6.0
    ),
    "rate Hebb": Settings(
        3.8e-2, threshold=0.4, tau_m=10.0, tau_s=2.0, lateral=0.01, homeostasis=1e-3, beta=2.0
    ),
    "frozen": Settings(0.0, threshold=0.1, tau_m=10.0, tau_s=5.0, lateral=0.1, homeostasis=0.0, beta=1.0),
}


def main() -> None:
    """Print the accuracy on new samples for each rule and seed; each seed has templates of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
    parser.add_argument(
        "--samples", type=int, default=2_000, help="to learn from, as many to test (default 2000)"
    )
    parser.add_argument("--epochs", type=int, default=4, help="passes over them (default 4)")
    options = parser.parse_args()
    print(f"{'right answers [%]':<20}" + "".join(f"seed {seed:<5}" for seed in range(options.seeds)) + "mean")
    for rule, settings in FOUND.items():
        found = []
        for seed in range(options.seeds):
            rng = np.random.default_rng([seed, 1])
            templates = rng.uniform(2.0, LAST, (CLASSES, CHANNELS))
            train, test = (samples(options.samples, templates, rng) for _ in range(2))
            found.append(100.0 * accuracy(rule, settings, train, test, seed, options.epochs))
        print(f"{rule:<20}" + "".join(f"{a:<10.2f}" for a in found) + f"{np.mean(found):.2f}", flush=True)


if __name__ == "__main__":
    main()
