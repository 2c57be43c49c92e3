"""What several figures share: pairs of spikes by their lag, independent random spikes, axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tegmentum.simcore import LIF, AllToAll, FromCOO, Network, Population, Projection, Simulation, SpikeTrain

Array = np.ndarray[Any, Any]
Made = tuple[Figure, str, bool]

DT = 0.1  # ms
LAG = np.concatenate([np.arange(-80.0, 0.0, 2.0), np.arange(2.0, 82.0, 2.0)])  # ms, post spike after arrival


def puppets(size: int, name: str = "post") -> Population:
    """Return neurons that fire when they are kicked, and at nothing else."""
    return Population(name, size, LIF(v_thresh=1e6, tau_m=1.0, t_ref=0.0))


def kicks(post: Population, times: Array, number: Array) -> tuple[SpikeTrain, Projection]:
    """Return what makes neurons ``number`` fire at ``times`` [ms]."""
    train = SpikeTrain("kick", post.size, times - 1.0, number)
    own = np.arange(post.size)
    return train, Projection(train, post, FromCOO(own, own), 1e8, 1.0)


def by_lag(rule: Any, n_cases: int = 1, until: float = 400.0) -> Array:
    """Return the weight changes of one pair of spikes, by neuron (``n_cases``) and lag (:data:`LAG`).

    A synapse whose arrival precedes the post spikes, all at 100 ms, by each lag, onto each of the neurons.
    """
    pre = SpikeTrain("pre", len(LAG), 100.0 - LAG - 1.0, np.arange(len(LAG)))
    post = puppets(n_cases)
    train, drive = kicks(post, np.full(n_cases, 100.0), np.arange(n_cases))
    learn = Projection(pre, post, AllToAll(), 0.5, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, train, post, learn, drive), DT, precision="float64", threads=1)
    simulation.run(until)
    found, change = simulation.synapses("learn"), np.zeros((n_cases, len(LAG)))
    change[found.post, found.pre] = found.weight - 0.5
    return change


def poisson(rate: float | Array, size: int, seconds: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return times [ms] and neurons of independent Poisson spikes, of one rate [Hz] or one for each neuron."""
    count = rng.poisson(np.broadcast_to(rate, size) * seconds)
    return rng.uniform(2.0, 1e3 * seconds, count.sum()), np.repeat(np.arange(size), count)


def panels(n: int, width: float = 4.3, height: float = 3.6) -> tuple[Figure, Any]:
    """Return a figure and its axes beside each other."""
    figure = Figure(figsize=(n * width, height), layout="constrained")
    return figure, figure.subplots(1, n)
