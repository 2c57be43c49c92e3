"""Weights that NEST delivered on fixed spike trains: pair STDP of the package, and rules that a user would write.

Of nest_values.json; dopamine STDP is in test_dopamine_stdp.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tegmentum.plasticity import STDP, PowerSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
    SynapseRule,
    param,
)

NEST = json.loads((Path(__file__).parent / "nest_values.json").read_text())


@dataclass(frozen=True)
class PowerLaw(SynapseRule):
    """A. Morrison, A. Aertsen, M. Diesmann (2007), doi:10.1162/neco.2007.19.6.1437: no bound from above."""

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    lam: float = param(0.1, least=0.0)
    alpha: float = param(0.1, least=0.0)
    mu: float = param(0.4, least=0.0)

    class Synapse(NamedTuple):
        w: float

    class Pre(NamedTuple):
        x: float

    class Post(NamedTuple):
        y: float

    class Constants(NamedTuple):
        lam: float
        alpha: float
        mu: float

    def derive(self, dt):
        return PowerLaw.Constants(self.lam, self.alpha, self.mu)

    def time_constants(self):
        return {"x": self.tau_plus, "y": self.tau_minus}

    @staticmethod
    def on_pre(s, pre, post, c):
        return PowerLaw.Synapse(max(s.w - c.lam * c.alpha * s.w * post.y, 0.0))

    @staticmethod
    def on_post(s, pre, post, c):
        return PowerLaw.Synapse(s.w + c.lam * s.w**c.mu * pre.x)

    @staticmethod
    def pre_spike(pre, c):
        return PowerLaw.Pre(pre.x + 1.0)

    @staticmethod
    def post_spike(post, c):
        return PowerLaw.Post(post.y + 1.0)


@dataclass(frozen=True)
class Vogels(PowerLaw):
    """T. P. Vogels et al. (2011), doi:10.1126/science.1211095: near pairs of either order, and a loss at each arrival.

    ``lam`` is their eta, ``mu`` holds the largest weight here.
    """

    @staticmethod
    def on_pre(s, pre, post, c):
        return PowerLaw.Synapse(max(min(s.w + c.lam * post.y, c.mu) - c.lam * c.alpha, 0.0))

    @staticmethod
    def on_post(s, pre, post, c):
        return PowerLaw.Synapse(min(s.w + c.lam * pre.x, c.mu))


@dataclass(frozen=True)
class Triplet(SynapseRule):
    """J.-P. Pfister, W. Gerstner (2006), doi:10.1523/JNEUROSCI.1425-06.2006: two traces at each end."""

    tau_plus: float = param(16.8, "ms", above=0.0)
    tau_minus: float = param(33.7, "ms", above=0.0)
    tau_x: float = param(101.0, "ms", above=0.0)
    tau_y: float = param(114.0, "ms", above=0.0)
    pair: tuple[float, float] = (0.0, 0.0)  # up, down
    triplet: tuple[float, float] = (0.0, 0.0)
    w_max: float = param(1.0, above=0.0)

    class Synapse(NamedTuple):
        w: float

    class Pre(NamedTuple):
        x: float
        slow_x: float

    class Post(NamedTuple):
        y: float
        slow_y: float

    class Constants(NamedTuple):
        up: float
        down: float
        up3: float
        down3: float
        w_max: float

    def derive(self, dt):
        return Triplet.Constants(*self.pair, *self.triplet, self.w_max)

    def time_constants(self):
        return {"x": self.tau_plus, "slow_x": self.tau_x, "y": self.tau_minus, "slow_y": self.tau_y}

    @staticmethod
    def on_pre(s, pre, post, c):
        return Triplet.Synapse(max(s.w - post.y * (c.down + c.down3 * pre.slow_x), 0.0))

    @staticmethod
    def on_post(s, pre, post, c):
        return Triplet.Synapse(min(s.w + pre.x * (c.up + c.up3 * post.slow_y), c.w_max))

    @staticmethod
    def pre_spike(pre, c):
        return Triplet.Pre(pre.x + 1.0, pre.slow_x + 1.0)

    @staticmethod
    def post_spike(post, c):
        return Triplet.Post(post.y + 1.0, post.slow_y + 1.0)


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
    "power law": ("stdp_powerlaw", lambda p: PowerLaw(**pair(p), mu=p["mu"])),
    "Vogels": ("vogels", lambda p: Vogels(p["tau"], p["tau"], p["eta"], p["alpha"], p["Wmax"])),
    "triplet": (
        "triplet_vc_min_alltoall",
        lambda p: Triplet(
            pair=(p["Aplus"], p["Aminus"]), triplet=(p["Aplus_triplet"], p["Aminus_triplet"]), w_max=p["Wmax"]
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
