"""Trials on both backends, run in CUDA's simulator by a process of its own: ``cuda_trials.py [NAME...]``.

Prints what :mod:`cuda_cases` prints.
"""

from __future__ import annotations

import cuda_cases
import numpy as np
import test_present as trials
from cuda_cases import ONE, SEVERAL, SIDE_BY_SIDE, TWO, everything, same, same_state, shape

from tegmentum.simcore import ByPre, DescriptionError, Expected, Poisson, Simulation, Trace, one_hot, random_table

CASES = {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


def backends(net, **options):
    return [trials.simulation(net, arithmetic="fixed", backend=name, **options) for name in ("cpu", "cuda")]


def same_answers(one, other):
    """Check that two presentations came to the same."""
    np.testing.assert_array_equal(one.chosen, other.chosen)
    np.testing.assert_array_equal(one.votes, other.votes)
    for found, wanted in ((other.spikes, one.spikes), (other.levels, one.levels)):
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            np.testing.assert_array_equal(values, found[name], name)
    assert one.synaptic_events == other.synaptic_events
    same(one.record, other.record)


def learned(net, n=4, again=2, learning=1.0, **options):
    """Let both backends learn, exchange their states, learn on and be tested; returns the number of spikes."""
    sims = backends(net, **options)
    events, labels = trials.samples(n + again)
    kinds = (labels + 1) % trials.N_OUT
    before = trials.state(sims[0])

    def shown(lo, hi, rate):
        part = trials.part(events, lo, hi), labels[lo:hi]
        found = [trials.learn(s, *part, learning=rate, kinds=kinds[lo:hi], record=everything(net)) for s in sims]
        same_answers(*found)
        same_state(*sims)
        return sum(found[0].record.n_spikes.values())

    n_spikes = shown(0, n, learning)
    states = [sim.state() for sim in sims]
    for sim, state in zip(sims, reversed(states), strict=True):
        sim.load_state(state)
    n_spikes += shown(n, n + again, learning) + shown(0, 1, 0.0)
    for one, other in zip(before[:2], trials.state(sims[1])[:2], strict=True):
        assert (one != other).any()
    return n_spikes


@case
def dense():
    shape(ONE)
    return learned(trials.network())


@case
def listed():
    shape(TWO)
    return learned(trials.network(sparse=0.6), precision="float32")


@case
def a_level_for_each_synapse():
    shape(TWO)
    return learned(trials.network(sparse=0.6, general=True))


if __name__ == "__main__":
    cuda_cases.main(CASES)
