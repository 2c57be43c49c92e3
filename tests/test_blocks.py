"""More targets than 16 bits can number: cut into blocks where segments stay long, and nothing else changes."""

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    FixedIndegree,
    FixedOutdegree,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Uniform,
)
from tegmentum.simcore.lower.slices import slice_of

N = 70_000


def network(delay=1.0, weight=None, update="auto"):
    pre, post = Population("pre", 60, LIF()), Population("post", N, LIF(t_ref=1.0), update=update)
    weight = Uniform(0.5, 6.0) if weight is None else weight
    return Network(
        pre,
        post,
        Projection(pre, post, FixedOutdegree(2_000), weight, delay, name="out"),
        Projection(post, pre, FixedIndegree(40), 2.0, 1.5, name="back"),
        Poisson(pre, rate=9_000.0, weight=3.0),
    )


@pytest.mark.slow
@pytest.mark.parametrize("update", ["stepped", "lazy"])
@pytest.mark.parametrize("weight", [None, 4.0])
def test_blocks_change_nothing_but_memory(weight, update):
    results = []
    for threads in (1, 3):
        net = network(weight=weight, update=update)
        simulation = Simulation(net, seed=2, threads=threads)
        spikes = simulation.run(20.0, Record(spikes=[net.populations[1]])).spikes["post"]
        results.append(((spikes.tick, spikes.neuron), simulation.state(), simulation.synapses("out")))
        wires = simulation._wires[0]
        assert wires.target.dtype == np.uint16
        assert len(set(wires.group_slot)) == (2 if threads == 1 else 1)
    (spikes, state, synapses), (other_spikes, other_state, other_synapses) = results
    assert len(spikes[0]) > 100
    assert spikes[1].max() > 1 << 16
    np.testing.assert_array_equal(spikes, other_spikes)
    for name in state:
        np.testing.assert_array_equal(state[name], other_state[name], err_msg=name)
    for field in ("pre", "post", "delay", "weight"):
        np.testing.assert_array_equal(getattr(synapses, field), getattr(other_synapses, field))


def test_weights_behind_the_first_block_can_be_read_and_written():
    simulation = Simulation(network(), seed=2, threads=1)
    synapses = simulation.synapses("out")
    here = slice_of(network(), "out", 60_000, N, seed=2)
    mine = synapses.post >= 60_000
    np.testing.assert_array_equal(here.post, synapses.post[mine])
    np.testing.assert_allclose(here.weight, synapses.weight[mine], rtol=1e-6)
    simulation.set_weights("out", np.arange(len(synapses)))
    np.testing.assert_array_equal(simulation.synapses("out").weight, np.arange(len(synapses)))


def test_short_segments_are_not_cut():
    simulation = Simulation(network(delay=Normal(5.0, 2.0, low=0.1)), seed=2, threads=1)
    assert simulation._wires[0].target.dtype == np.uint32
