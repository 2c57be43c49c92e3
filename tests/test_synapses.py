"""Synapses as arrays: delays that are written arrive, weights stay with their synapses, bad ones are refused."""

import numpy as np
import pytest

from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    FixedProbability,
    Network,
    Parrot,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Uniform,
)
from tegmentum.simcore.errors import DescriptionError


def simulate(rule, weight=None, plasticity=None):
    pre, post = SpikeTrain("pre", 20, np.full(20, 1.0), np.arange(20)), Population("post", 30, LIF())
    weight = Uniform(0.1, 0.2) if weight is None else weight
    return Simulation(Network(pre, post, Projection(pre, post, rule, weight, 1.0, plasticity=plasticity)))


@pytest.mark.parametrize("weight", [None, 0.15])
@pytest.mark.parametrize("plasticity", [None, STDP(w_max=1.0)])
@pytest.mark.parametrize("rule", [FixedProbability(0.4), AllToAll()])
def test_delays_can_be_written(rule, weight, plasticity):
    simulation = simulate(rule, weight, plasticity)
    old = simulation.synapses("pre-post")
    delays = np.random.default_rng(0).integers(1, 40, len(old)) * 0.1
    simulation.set_delays("pre-post", delays)
    new = simulation.synapses("pre-post")
    order = np.lexsort((old.post, np.round(delays * 10), old.pre))
    np.testing.assert_array_equal(new.pre, old.pre[order])
    np.testing.assert_array_equal(new.post, old.post[order])
    np.testing.assert_array_equal(new.delay, np.round(delays * 10)[order])
    np.testing.assert_array_equal(new.weight, old.weight[order])


def test_spikes_arrive_by_the_written_delays():
    pre, post = SpikeTrain("pre", 1, [1.0], [0]), Population("post", 5, Parrot())
    simulation = Simulation(Network(pre, post, Projection(pre, post, AllToAll(), 1.0, 1.0)))
    simulation.set_delays("pre-post", [0.5, 2.5, 0.1, 7.0, 1.0])
    spikes = simulation.run(10.0, Record(spikes=[post])).spikes["post"]
    assert dict(zip(spikes.neuron, spikes.tick, strict=True)) == {0: 15, 1: 35, 2: 11, 3: 80, 4: 20}


def test_one_number_is_for_all():
    simulation = simulate(FixedProbability(0.4))
    simulation.set_delays("pre-post", 3.0)
    assert set(simulation.synapses("pre-post").delay) == {30}


def test_bad_delays_are_refused_and_change_nothing():
    simulation = simulate(AllToAll())
    for delays, message in (
        ([1.0, 2.0], r"Projection 'pre-post': delay must have 600 values, got shape \(2,\)"),
        (np.zeros(600), "Projection 'pre-post': delay must be"),
        (np.full(600, np.nan), "Projection 'pre-post': delay must be"),
    ):
        with pytest.raises(DescriptionError, match=message):
            simulation.set_delays("pre-post", delays)
        assert set(simulation.synapses("pre-post").delay) == {10}
    with pytest.raises(DescriptionError, match="no projection 'nobody'"):
        simulation.set_delays("nobody", 1.0)
    simulation.run(1.0)
    with pytest.raises(DescriptionError, match=r"at 1 ms spikes of 'pre-post' may be under way"):
        simulation.set_delays("pre-post", 1.0)
    simulation.reset()
    simulation.set_delays("pre-post", 2.0)
