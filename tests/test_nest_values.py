"""Weights that NEST delivered on fixed spike trains, by pairs, triplets and inhibitory plasticity.

Of nest_values.json; dopamine STDP is in test_dopamine_stdp.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tegmentum.plasticity import STDP, InhibitorySTDP, PowerLawSTDP, PowerSTDP, TripletSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)

pytestmark = pytest.mark.slow  # engines of their own

NEST = json.loads((Path(__file__).parent / "nest_values.json").read_text())


def pair(p):
    return {"tau_plus": p["tau_plus"], "tau_minus": 20.0, "lam": p["lambda"], "alpha": p["alpha"]}


RULES = {
    "additive": ("stdp_additive", lambda p: STDP(**pair(p), mu=0.0, w_max=p["Wmax"])),
    "additive, a power": (
        "stdp_additive",
        lambda p: PowerSTDP(**pair(p), mu_plus=0.0, mu_minus=0.0, w_max=p["Wmax"]),
    ),
    "multiplicative": ("stdp_multiplicative", lambda p: STDP(**pair(p), mu=1.0, w_max=p["Wmax"])),
    "multiplicative, a power": (
        "stdp_multiplicative",
        lambda p: PowerSTDP(**pair(p), mu_plus=1.0, mu_minus=1.0, w_max=p["Wmax"]),
    ),
    "nearest": ("stdp_nn_symm", lambda p: STDP(**pair(p), mu=1.0, w_max=p["Wmax"], nearest=True)),
    "power law": ("stdp_powerlaw", lambda p: PowerLawSTDP(**pair(p), mu=p["mu"])),
    "Vogels": (
        "vogels",
        lambda p: InhibitorySTDP(
            tau=p["tau"],
            eta=p["eta"],
            rho0=1e3 * p["alpha"] / (2.0 * p["tau"]),
            w_min=0.0,
            w_max=p["Wmax"],
        ),
    ),
    "triplet": (
        "triplet_vc_min_alltoall",
        lambda p: TripletSTDP(
            a2_plus=p["Aplus"],
            a2_minus=p["Aminus"],
            a3_plus=p["Aplus_triplet"],
            a3_minus=p["Aminus_triplet"],
            w_max=p["Wmax"],
        ),
    ),
}


def test_every_delivered_weight():
    """A nearest-neighbour synapse of NEST starts as if a pre spike came at t = 0; so all comes 5 ms later here.

    All rules in one network, onto one neuron that fires when it is kicked, at no input else: one engine to compile.
    """
    late, delay = 5.0, 0.1
    arrivals = np.array([*NEST["pre"], NEST["sim_ms"] - 5.0])

    def train(name, times):
        return SpikeTrain(name, 1, times + late - delay, [0] * len(times))

    pre, primed = train("pre", arrivals), train("primed", np.append(0.0, arrivals))
    kick = train("kick", np.array(NEST["post"]) + NEST["delay_ms"])
    cell = Population("cell", 1, LIF(v_thresh=1e6, v_reset=0.0, tau_m=1.0, t_ref=0.0), update="stepped")
    learn = []
    for name, (case, rule) in RULES.items():
        values = NEST["cases"][case]
        weight, source = [[abs(values["w0"])]], primed if case == "stdp_nn_symm" else pre
        learn.append(
            Projection(source, cell, AllToAll(), weight, delay, plasticity=rule(values["params"]), name=name)
        )
    net = Network(pre, primed, kick, cell, *learn, Projection(kick, cell, AllToAll(), 1e8, delay))
    simulation = Simulation(net, dt=0.1, precision="float64", max_rate=1e4)
    got = {name: [] for name in RULES}
    for t in arrivals:
        simulation.run(round((t + late - simulation.t) / 0.1) * 0.1)
        for name, weights in got.items():
            weights.append(simulation.synapses(name).weight[0])
    assert simulation._control.spikes.sum() == len(NEST["post"])
    for name, (case, _) in RULES.items():
        expected = np.array(NEST["cases"][case]["w_delivered"], float)
        assert len(expected) == len(arrivals) == 41
        np.testing.assert_allclose(got[name], expected, rtol=1e-9, err_msg=name)
        assert np.ptp(got[name]) > 0.01
