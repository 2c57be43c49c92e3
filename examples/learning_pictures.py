"""The pictures of docs/learning.md: a pair of spikes and dopamine, and a network that learns digits, trial by trial.

python examples/learning_pictures.py --out docs/images
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tegmentum.datasets import load
from tegmentum.plasticity import D1D2, DopamineSTDP, OnlineLearner
from tegmentum.plasticity.learning.dopamine_classifier import parameters_for
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    Snapshots,
    SpikeTrain,
)

Array = np.ndarray[Any, Any]
ARRIVALS, POST = (70.0, 100.0, 120.0), 110.0  # ms
BURST, DIP, END = 600.0, 1_300.0, 2_000.0


def pair() -> tuple[Array, Array, Array]:
    """Simulate three synapses onto one neuron; return eligibility, level and weight in each ms."""
    pre = SpikeTrain("pre", 3, np.array(ARRIVALS) - 1.0, np.arange(3))
    kick = SpikeTrain("kick", 1, [POST - 1.0], [0])
    post = Population("post", 1, LIF(v_thresh=20.0, v_reset=0.0))
    dopamine = Modulator("dopamine", tau=100.0, baseline=0.5)
    rule = DopamineSTDP(dopamine, D1D2(d1=0.01, d2=0.01), tau_e=1_000.0, a_plus=1.0, a_minus=0.6)
    learn = Projection(pre, post, AllToAll(), 1.0, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(
        Network(pre, kick, post, learn, Projection(kick, post, AllToAll(), 500.0, 1.0)), dt=1.0
    )
    record = Record(weights={"learn": 1.0}, eligibility={"learn": 1.0}, modulators={"dopamine": 1.0})
    parts = [simulation.run(BURST, record)]
    simulation.release("dopamine", 0.4)
    parts.append(simulation.run(DIP - BURST, record))
    simulation.release("dopamine", -0.3)
    parts.append(simulation.run(END - DIP, record))
    e, level, w = (
        np.concatenate([np.squeeze(getattr(part, kind)[name].values[:-1]) for part in parts])
        for kind, name in (("eligibility", "learn"), ("modulators", "dopamine"), ("weights", "learn"))
    )
    return e, level, w


def show_pair(out: Path) -> None:
    """Draw spikes, eligibility, level of dopamine and weight over time."""
    e, level, w = pair()
    figure = Figure(figsize=(9, 5), layout="constrained")
    at = figure.subplot_mosaic(
        [["spikes", "e"], ["near", "level"], ["near", "w"]], gridspec_kw={"width_ratios": [2, 3]}
    )
    window = np.arange(50, 200)
    for k, arrival in enumerate(ARRIVALS):
        at["spikes"].vlines(arrival, k - 0.4, k + 0.4, color=f"C{k}", lw=2)
        at["near"].plot(window, e[window, k], color=f"C{k}")
        at["e"].plot(e[:, k], color=f"C{k}")
        at["w"].plot(w[:, k], color=f"C{k}")
    at["spikes"].vlines(POST, 2.6, 3.4, color="k", lw=2)
    at["spikes"].set(xlim=(50, 200), ylim=(3.8, -0.8), title="Pairs of spikes leave an eligibility")
    at["spikes"].set_yticks(range(4), [f"pre, {t - POST:+.0f} ms" for t in ARRIVALS] + ["post"])
    at["near"].set(xlim=(50, 200), xlabel="time [ms]", ylabel="eligibility e")
    at["level"].plot(level, color="k")
    at["level"].axhline(0.5, color="k", lw=0.5, ls=":")
    for name, label in (("e", "e"), ("level", "dopamine L"), ("w", "weight w")):
        at[name].set(ylabel=label, xlim=(0, END))
    at["e"].set_title("Dopamine, later, turns it into weight")
    at["w"].set_xlabel("time [ms]")
    figure.savefig(out, dpi=100)


def running(values: Array, n: int) -> Array:
    """Return means over ``n`` neighbours."""
    return np.convolve(values, np.ones(n) / n, "valid")


def show_trials(out: Path, hidden: int, epochs: int) -> None:
    """Draw levels, answers, thresholds and weights of a network that learns the digits of the package."""
    digits = load("digits")
    p = replace(parameters_for("digits"), n_hidden=hidden, epochs=epochs)
    learner = OnlineLearner(digits.n_features, digits.n_classes, p)
    n, trial = len(digits.x_train), p.ticks  # ms
    first = learner.simulation.synapses("pixels-hidden")
    near = np.flatnonzero((first.pre == 28) & (first.post < 12))  # the pixel in the middle of the fourth row
    record = Record(weights={"pixels-hidden": Snapshots(10.0 * trial, synapses=near)})
    levels, labels, right, weights = [], [], [], []
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(n)
        y = digits.y_train[order]
        shown = learner.show(digits.x_train[order], digits.x_max, y, 1.0 - epoch / epochs, record=record)
        levels.append(shown.levels["dopamine-hidden"])
        labels.append(y)
        right.append(shown.chosen == y)
        weights.append(shown.record.weights["pixels-hidden"])
    level, label = np.concatenate(levels), np.concatenate(labels)
    own = level[np.arange(len(label)), label]
    others = (level.sum(axis=1) - own) / (digits.n_classes - 1)
    last = learner.simulation.synapses("pixels-hidden")

    figure = Figure(figsize=(9, 5), layout="constrained")
    at = figure.subplot_mosaic([["level", "weight"], ["right", "change"]])
    window = np.arange(len(own) - 49) + 25
    at["level"].plot(window, running(own, 50), label="the sample's class")
    at["level"].plot(window, running(others, 50), label="the other nine")
    at["level"].set(ylabel="level at the pulse", ylim=(0, 1), title="Means of 50 trials")
    at["level"].axhline(0.5, color="k", lw=0.5, ls=":")
    at["level"].legend(frameon=False)
    at["right"].plot(window, 100.0 * running(np.concatenate(right), 50), color="k")
    at["right"].set(xlabel="trial", ylabel="right answers [%]", ylim=(0, 101))
    for history in weights:
        at["weight"].plot(history.t / trial, history.values, lw=0.8)
        at["weight"].set_prop_cycle(None)
    at["weight"].set(xlabel="trial", ylabel="weight", title="Synapses of one pixel")
    change = np.zeros((digits.n_classes, digits.n_features))
    np.add.at(change, (last.post % digits.n_classes, last.pre), last.weight - first.weight)
    change = (change - change.mean(axis=0)) / (hidden / digits.n_classes)
    most = np.abs(change).max()
    side = int(np.sqrt(digits.n_features))
    tiles = np.pad(change.reshape(2, 5, side, side), ((0, 0), (0, 0), (1, 1), (1, 1)))
    image = at["change"].imshow(
        np.vstack([np.hstack(row) for row in tiles]), cmap="RdBu_r", vmin=-most, vmax=most
    )
    at["change"].set(xticks=[], yticks=[], title="Change of weight by class")
    figure.colorbar(image, ax=at["change"], shrink=0.8)
    figure.savefig(out, dpi=100)
    print(f"right answers in the last epoch: {100 * right[-1].mean():.1f} %")


def main() -> None:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to")
    parser.add_argument("--hidden", type=int, default=400, help="hidden neurons that learn the digits")
    parser.add_argument("--epochs", type=int, default=4, help="passes over the digits")
    options = parser.parse_args()
    show_pair(options.out / "learning-pair.png")
    show_trials(options.out / "learning-trials.png", options.hidden, options.epochs)
    print(f"learning-pair.png and learning-trials.png in {options.out}")


if __name__ == "__main__":
    main()
