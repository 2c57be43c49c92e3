"""Builders: one slice of targets has the synapses of the whole, for every rule, whatever the number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    AllToAll,
    AvgPool2D,
    Conv2D,
    DescriptionError,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    Lognormal,
    Network,
    Normal,
    OneToOne,
    Population,
    Projection,
    Simulation,
    Uniform,
)
from tegmentum.simcore.lower.slices import slice_of

RNG = np.random.default_rng(0)
RULES = [
    AllToAll(),
    AllToAll(autapses=False),
    OneToOne(),
    FixedProbability(0.3, autapses=False),
    FixedIndegree(7),
    FixedIndegree(40, multapses=False),
    FixedOutdegree(9, multapses=False),
    FixedTotal(500),
    FromCOO(RNG.integers(48, size=300), RNG.integers(48, size=300)),
]


def columns(synapses):
    return np.stack([synapses.pre, synapses.post, synapses.delay, synapses.weight])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize(
    ("weight", "delay"), [(0.3, 1.5), (Normal(1.0, 0.2), 0.4), (Lognormal(0.0, 0.5), Uniform(0.1, 3.0))]
)
def test_a_slice_has_the_synapses_of_the_whole(rule, weight, delay):
    p = Population("p", 48, LIF())
    network = Network(p, Projection(p, p, OneToOne(), name="other"), Projection(p, p, rule, weight, delay))
    whole = columns(Simulation(network, seed=3, precision="float64").synapses("p-p"))
    threaded = columns(Simulation(network, seed=3, precision="float64", threads=2).synapses("p-p"))
    np.testing.assert_array_equal(whole, threaded)
    assert whole.shape[1] >= 48
    for lo, hi in ((0, 48), (0, 17), (17, 31), (31, 48), (20, 20)):
        mine = (whole[1] >= lo) & (whole[1] < hi)
        np.testing.assert_array_equal(columns(slice_of(network, "p-p", lo, hi, seed=3)), whole[:, mine])


def test_slices_of_grids_and_errors():
    image, maps = Population("image", 32, LIF()), Population("maps", 27, LIF())
    conv = Projection(image, maps, Conv2D(RNG.normal(size=(2, 2, 2, 3)), (4, 4, 2)), name="conv")
    pooled = Population("pooled", 8, LIF())
    network = Network(
        image, maps, pooled, conv, Projection(image, pooled, AvgPool2D((4, 4, 2), 2), name="pool")
    )
    simulation = Simulation(network, precision="float64")
    for name, n in (("conv", 27), ("pool", 8)):
        whole = columns(simulation.synapses(name))
        np.testing.assert_array_equal(columns(slice_of(network, name, 3, n)), whole[:, whole[1] >= 3])
    with pytest.raises(DescriptionError, match="no projection 'poll'"):
        slice_of(network, "poll", 0, 1)
    with pytest.raises(DescriptionError, match=r"in \[0, 8\], got 2 and 9"):
        slice_of(network, "pool", 2, 9)
