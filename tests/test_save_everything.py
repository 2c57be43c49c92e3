"""Every neuron model and rule: half a run, saved, loaded in another process, and the other half, is the whole run."""

from __future__ import annotations

import dataclasses
import multiprocessing

import numpy as np
import pytest
from test_dale import RATES, RULES

import tegmentum.plasticity as plasticity
from tegmentum.simcore import (
    ALIF,
    LIF,
    AdEx,
    AllToAll,
    Current,
    DiscreteLIF,
    FixedIndegree,
    HodgkinHuxley,
    HomeostaticLIF,
    Izhikevich,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Modulator,
    Network,
    Noise,
    Parrot,
    Poisson,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
    Uniform,
)

pytestmark = pytest.mark.slow  # engines of their own

CELL = LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0)
HALF = 60.0


def rule(name, post, modulators):
    """Return a rule onto a population: those of test_dale, slower, those of potentials made for the population."""
    if name == "ClopathSTDP":
        return plasticity.ClopathSTDP(
            post, a_ltd=1e-4, a_ltp=1e-5, theta_minus=5.0, theta_plus=15.0, rest=0.0
        )
    if name == "EProp":
        slope = Modulator("slope", post.size, source=plasticity.PseudoDerivative(post))
        return plasticity.EProp(slope, Modulator("signal", baseline=0.01), eta=1e-3)
    if name == "EPropALIF":  # its neurons are adaptive
        slope = Modulator("adaptive slope", post.size, source=plasticity.PseudoDerivative(post, 20.0))
        return plasticity.EPropALIF(slope, Modulator("adaptive signal", baseline=0.01), eta=1e-3)
    if name == "CascadeSTDP":  # by chance, and few spikes
        return plasticity.CascadeSTDP(a_plus=0.5, a_minus=0.5)
    made = RULES[name]
    given = {f.name: getattr(made, f.name) for f in dataclasses.fields(made)}
    under = {
        k: modulators.setdefault(m.name, dataclasses.replace(m, baseline=0.1))
        for k, m in given.items()
        if isinstance(m, Modulator)
    }
    return dataclasses.replace(made, **under, **{rate: 0.01 for rate in RATES if rate in given})


def learning(names):
    """Return a network in which each of these rules learns at a projection of its own."""
    exc = Population("exc", 60, CELL)
    adaptive = Population("adaptive", 60, ALIF(beta=1.0))
    parts, modulators = [], {}
    for name in names:
        post = adaptive if name == "EPropALIF" else exc
        learns = rule(name, post, modulators)
        low, high = learns.weight_bounds()
        least = max(low, -0.2)
        weight = Uniform(least, min(high, least + 0.4))
        parts.append(Projection(exc, post, FixedIndegree(5), weight, 1.5, plasticity=learns, name=name))
    depressing = plasticity.TsodyksMarkram(U=0.5, tau_rec=100.0, tau_fac=20.0)
    parts.append(Projection(exc, exc, FixedIndegree(5), 0.2, 2.5, short_term=depressing, name="short"))
    driven = [Poisson(post, rate=2_000.0, weight=0.5) for post in (exc, adaptive)]
    return Network(exc, adaptive, *parts, *driven)


def models():
    """Return a network of every neuron model and source."""
    driven = {
        "lif": (CELL, 0.6),
        "alif": (ALIF(), 0.6),
        "exp": (LIFExp(), 120.0),
        "alpha": (LIFAlpha(), 80.0),
        "cond": (LIFCond(), 8.0),
        "adex": (AdEx(), 300.0),
        "hodgkin_huxley": (HodgkinHuxley(), 300.0),
        "izhikevich": (Izhikevich(), 3.0),
        "homeostatic": (HomeostaticLIF(), 3.0),
        "discrete": (DiscreteLIF(), 0.4),
        "parrot": (Parrot(), 1.0),
    }
    train = SpikeTrain("train", 2, [3.0, 50.0, 61.0, 80.0], [0, 1, 0, 1])
    parts = [train]
    for name, (model, weight) in driven.items():
        population = Population(name, 12, model)
        parts += [population, Poisson(population, rate=1_500.0, weight=weight)]
        parts.append(Projection(train, population, AllToAll(), weight, Uniform(0.5, 20.0)))
    noisy = Population("noisy", 12, CELL)
    parts += [noisy, Noise(noisy, 3_000.0), Current(noisy, 300.0, start=30.0, stop=100.0)]
    return Network(*parts)


PLAIN = [name for name in RULES if "," not in name]
#: of each form of state one
SOME = ["TripletSTDP", "ScaledSTDP", "BennaFusiSTDP", "CascadeSTDP", "EPropALIF", "TwoTraceSTDP"]
NETWORKS = {
    "models": models,
    "some rules": lambda: learning(SOME),
    "pair rules": lambda: learning([n for n in PLAIN if not RULES[n].modulations]),
    "modulated rules": lambda: learning([n for n in PLAIN if RULES[n].modulations]),
}
LONG = "pair rules", "modulated rules"
CASES = [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in NETWORKS]


@pytest.mark.parametrize("name", CASES)
def test_half_a_run_saved_and_the_other_half_in_another_process(name, tmp_path):
    whole = Simulation(NETWORKS[name](), seed=5, threads=1, max_rate=float("inf"))
    whole.run(2 * HALF)
    for threads in (1, 2):
        half = Simulation(NETWORKS[name](), seed=5, threads=threads, max_rate=float("inf"))
        at_half = half.run(HALF)
        assert all(at_half.n_spikes.values()), f"silent: {at_half.n_spikes}"
        half.save(tmp_path / f"{threads}.npz")
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    child = context.Process(target=go_on, args=(name, tmp_path, theirs))
    child.start()
    for threads in (1, 2):
        there = pipe.recv()
        for key, values in whole.state().items():
            np.testing.assert_array_equal(values, there[key], err_msg=f"{threads} threads: {key}")
    child.join()
    start = Simulation(NETWORKS[name](), seed=5, threads=1)
    for projection in whole.network.projections:
        if projection.name in RULES:
            moved = whole.synapses(projection).weight - start.synapses(projection).weight
            assert np.abs(moved).max() > 0, f"{projection.name} did not learn"


def go_on(name, folder, pipe):
    for threads in (1, 2):
        simulation = Simulation.load(folder / f"{threads}.npz", NETWORKS[name](), threads=3 - threads)
        simulation.run(HALF)
        pipe.send(simulation.state())
