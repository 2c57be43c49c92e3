"""The same spike trains through NEST's plastic synapses and through the rules here: weights after every pre spike.

    python -m venv peers && peers/bin/pip install nest-simulator
    python examples/compare_rules.py --peers-python peers/bin/python --seed 1

Prints for each rule the largest relative difference over all weights; exits with 1 if one is above 1e-6. NEST's delay
is dendritic, so that a post spike reaches the synapse a delay after it was fired; here it is axonal. The trains given
here are therefore those that a synapse sees. No two spikes coincide: NEST pairs those otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import numpy as np

from tegmentum.plasticity import (
    STDP,
    CentredSTDP,
    DopamineSTDP,
    InhibitorySTDP,
    LinearReceptor,
    PowerLawSTDP,
    PowerSTDP,
    TripletSTDP,
)
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Given,
    Modulator,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)

PAIR = {"tau_plus": 20.0, "alpha": 1.05, "Wmax": 2.0, "lambda": 0.02}
#: name -> NEST's model, its parameters, the first weight
NEST: dict[str, tuple[str, dict[str, float], float]] = {
    "STDP, additive": ("stdp_synapse", {**PAIR, "mu_plus": 0.0, "mu_minus": 0.0}, 1.0),
    "STDP, multiplicative": ("stdp_synapse", {**PAIR, "mu_plus": 1.0, "mu_minus": 1.0}, 1.0),
    "CentredSTDP": (
        "stdp_nn_pre_centered_synapse",
        {**PAIR, "mu_plus": 1.0, "mu_minus": 1.0},
        1.0,
    ),
    "PowerSTDP": ("stdp_synapse", {**PAIR, "mu_plus": 0.4, "mu_minus": 0.7}, 1.0),
    "PowerLawSTDP": ("stdp_pl_synapse_hom", {"tau_plus": 20.0, "alpha": 0.1, "mu": 0.4, "lambda": 0.1}, 1.5),
    "TripletSTDP": (
        "stdp_triplet_synapse",
        {"tau_plus": 16.8, "tau_plus_triplet": 101.0, "Aplus": 5e-3, "Aplus_triplet": 6e-3, "Aminus": 7e-3,
         "Aminus_triplet": 2e-3, "Wmax": 10.0},
        1.0,
    ),
    "InhibitorySTDP": ("vogels_sprekeler_synapse", {"tau": 20.0, "eta": 1e-3, "alpha": 0.12, "Wmax": 1.0}, 0.5),
    "DopamineSTDP": (
        "stdp_dopamine_synapse",
        {"A_plus": 0.3, "A_minus": 0.2, "tau_plus": 20.0, "tau_c": 1000.0, "tau_n": 200.0, "b": 0.0, "Wmin": 0.0,
         "Wmax": 200.0},
        100.0,
    ),
}  # fmt: skip

DRIVER = """
import json, sys
import nest
job = json.load(sys.stdin)
out = {}
for name, (model, params, w0) in job["rules"].items():
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = 0.1
    def train(times):
        source, parrot = nest.Create("spike_generator", params={"spike_times": times}), nest.Create("parrot_neuron")
        nest.Connect(source, parrot, syn_spec={"delay": 1.0})
        return parrot
    pre, post = train(job["pre"]), train(job["post"])
    triplet = "triplet" in model
    post.set({"tau_minus": 33.7 if triplet else 20.0, "tau_minus_triplet": 114.0})
    recorder = nest.Create("weight_recorder")
    params = dict(params)
    own = {"weight_recorder": recorder}
    if "dopamine" in model:
        transmitter = nest.Create("volume_transmitter", params={"deliver_interval": 100000})
        nest.Connect(train(job["dopamine"]), transmitter)
        own["volume_transmitter"] = transmitter
    if model in ("stdp_pl_synapse_hom", "stdp_dopamine_synapse"):
        nest.CopyModel(model, "rule", {**own, **params})
        params = {}
    else:
        nest.CopyModel(model, "rule", own)
    spec = {"synapse_model": "rule", "weight": w0, "delay": 1.0, "receptor_type": 1, **params}
    nest.Connect(pre, post, syn_spec=spec)
    nest.Simulate(job["ms"])
    out[name] = list(map(float, recorder.get("events")["weights"]))
json.dump(out, sys.stdout)
"""


def trains(seed: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Draw arrivals, effective post spikes and releases of dopamine [ms], none of which coincide."""
    rng = np.random.default_rng(seed)
    ticks = rng.permutation(np.arange(100, 9_900, 7))
    return tuple(np.sort(part) / 10.0 for part in (ticks[:60], ticks[60:120], ticks[120:128]))


def by_nest(python: str, pre: Any, post: Any, dopamine: Any) -> dict[str, list[float]]:
    """Run NEST; generators fire two delays, or where the effect is dendritic or by volume three, before the effect."""
    job = {"pre": list(np.round(pre - 1.0, 1)), "post": list(np.round(post - 2.0, 1)),
           "dopamine": list(np.round(dopamine - 2.0, 1)), "ms": 1_010.0, "rules": NEST}  # fmt: skip
    done = subprocess.run([python, "-c", DRIVER], input=json.dumps(job), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr.strip() or done.stdout.strip()}")
    found: dict[str, list[float]] = json.loads(done.stdout[done.stdout.index('{"STDP') :])
    return found


def by_tegmentum(pre: Any, post: Any, dopamine: Any) -> dict[str, list[float]]:
    """Run all rules in one network, onto a neuron that fires when it is kicked."""
    channel = Modulator("dopamine", tau=200.0, given=[Given(dopamine, amounts=1.0 / 200.0)])
    pair = {"tau_plus": 20.0, "tau_minus": 20.0, "lam": 0.02, "alpha": 1.05, "w_max": 2.0}
    rules = {
        "STDP, additive": STDP(**pair, mu=0.0),
        "STDP, multiplicative": STDP(**pair, mu=1.0),
        "CentredSTDP": CentredSTDP(**pair, mu=1.0),
        "PowerSTDP": PowerSTDP(**pair, mu_plus=0.4, mu_minus=0.7),
        "PowerLawSTDP": PowerLawSTDP(),
        "TripletSTDP": TripletSTDP(a2_plus=5e-3, a3_plus=6e-3, a2_minus=7e-3, a3_minus=2e-3, w_max=10.0),
        "InhibitorySTDP": InhibitorySTDP(eta=1e-3, rho0=3.0, w_min=0.0, w_max=1.0),
        "DopamineSTDP": DopamineSTDP(
            channel, LinearReceptor(), tau_e=1_000.0, a_plus=0.3, a_minus=0.2, w_max=200.0
        ),
    }
    arrivals = SpikeTrain("arrivals", 1, pre - 0.1, np.zeros(len(pre), int))
    kick = SpikeTrain("kick", 1, post - 0.1, np.zeros(len(post), int))
    cell = Population("cell", 1, LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0))
    learn = [
        Projection(arrivals, cell, AllToAll(), [[NEST[name][2]]], 0.1, plasticity=rule, name=name)
        for name, rule in rules.items()
    ]
    network = Network(arrivals, kick, cell, *learn, Projection(kick, cell, AllToAll(), 1e8, 0.1))
    simulation = Simulation(network, dt=0.1, precision="float64", max_rate=1e4)
    found: dict[str, list[float]] = {name: [] for name in rules}
    for t in pre:
        simulation.run(round((t - simulation.t) / 0.1) * 0.1)
        for name, weights in found.items():
            weights.append(float(simulation.synapses(name).weight[0]))
    return found


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers-python", default=sys.executable, help="interpreter that has nest")
    parser.add_argument("--seed", type=int, default=1, help="seed of the trains")
    arguments = parser.parse_args()
    drawn = trains(arguments.seed)
    theirs, ours = by_nest(arguments.peers_python, *drawn), by_tegmentum(*drawn)
    worst = 0.0
    for name, expected in theirs.items():
        difference = float(np.max(np.abs(np.array(ours[name]) / np.array(expected) - 1.0)))
        moved = float(np.ptp(expected) / abs(NEST[name][2]))
        print(
            f"{name:24} {len(expected)} weights, which move by {moved:.0%}: differ by at most {difference:.1e}"
        )
        worst = max(worst, difference)
    if not worst < 1e-6:
        raise SystemExit(f"the largest relative difference is {worst:.1e}, above 1e-6")


if __name__ == "__main__":
    main()
