"""Handwritten digits are learned by dopamine-modulated STDP, in a network put together part by part.

python examples/dopamine_stdp.py --epochs 10
"""

import argparse

import numpy as np

from tegmentum import simcore as tg
from tegmentum.datasets import load
from tegmentum.plasticity import D1D2, DopamineSTDP
from tegmentum.simcore.encode import latency

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--hidden", type=int, default=400, help="hidden neurons")
parser.add_argument("--epochs", type=int, default=10, help="passes over the data")
parser.add_argument("--seed", type=int, default=0, help="of weights, delays and order")
options = parser.parse_args()
digits, n, rng = load("digits"), options.hidden, np.random.default_rng(options.seed)


def rule(name, subpopulation, scale, a_plus, w_max, soft):
    """Pairs of spikes leave an eligibility; dopamine, by each class's error, says what becomes of it."""
    dopamine = tg.Modulator(name, 10, baseline=0.5, source=tg.Expected("error", tg.one_hot(10), scale=scale))
    pairs = {"tau_plus": 40.0, "tau_e": 500.0, "a_plus": a_plus, "a_minus": 0.0}
    return DopamineSTDP(dopamine, D1D2(), tg.ByPost(subpopulation), **pairs, w_max=w_max, soft=soft)


on_hidden = rule("dopamine at hidden neurons", np.arange(n) % 10, 1.0, 5.7e-3, 0.7, soft=True)
on_output = rule("dopamine at output neurons", np.arange(10), 0.5, 1e-3, 0.2, soft=False)

pixels = tg.SpikeTrain("pixels", 64, times=[], neuron=[])
hidden = tg.Population("hidden", n, tg.HomeostaticLIF(v_thresh=0.15, rate=1e-3, target=0.4), update="stepped")
output = tg.Population("output", 10, tg.HomeostaticLIF(drive=0.2, floor=-1.0), update="stepped")


def connect(pre, post, weight, delay=1.0, **more):
    """Connect all with all: excitation and inhibition arrive at receptors of their own."""
    receptor = "exc" if np.min(weight) >= 0.0 else "inh"
    return tg.Projection(pre, post, tg.AllToAll(), weight, delay, receptor=receptor, **more)


axons = np.repeat(rng.integers(2, 7, (64, 1)).astype(float), n, axis=1)  # ms, a delay for each pixel
learns = connect(pixels, hidden, rng.uniform(0.0, 0.7, (64, n)), axons, plasticity=on_hidden)
answers = connect(hidden, output, rng.uniform(0.0, 0.1, (n, 10)), plasticity=on_output, name="answers")
inhibits = [(pixels, hidden, -0.35, axons), (hidden, hidden, -0.004), (hidden, output, -0.05)]
inhibition = [connect(*parts, name=f"inhibition {k}") for k, parts in enumerate(inhibits)]
network = tg.Network(pixels, hidden, output, learns, answers, *inhibition)

simulation = tg.Simulation(network, dt=1.0, seed=options.seed, max_rate=1000.0)
test = latency(digits.x_test, digits.x_max, n_ticks=50, span=20, least=0.2)  # the brighter, the earlier
for epoch in range(options.epochs):
    order, learning = rng.permutation(len(digits.x_train)), 1.0 - epoch / options.epochs
    train = latency(digits.x_train[order], digits.x_max, n_ticks=50, span=20, least=0.2)
    simulation.present(train, digits.y_train[order], readout="output", learning=learning)
    right = simulation.present(test, readout="output").chosen == digits.y_test
    print(f"epoch {epoch + 1}: test accuracy {right.mean():.4f}")
