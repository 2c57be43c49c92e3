"""The memory that is told before a run is what the run takes."""

import numpy as np
import pytest

from tegmentum.cli.workloads import WORKLOADS, workload
from tegmentum.simcore import LIF, AllToAll, Network, Population, Projection, Simulation
from tegmentum.simcore.errors import DataError
from tegmentum.simcore.lower.footprint import footprint

SCALES = {"brunel": 0.1, "stdp": 0.1, "quiet": 0.02, "microcircuit": 0.1}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_footprint_of_the_workloads(name, precision):
    try:
        network = workload(name, SCALES.get(name, 1.0))
    except DataError as error:
        pytest.skip(str(error))
    n_synapses, n_bytes = footprint(network, precision=precision)
    simulation = Simulation(network, precision=precision, threads=1)
    assert simulation.n_synapses == pytest.approx(n_synapses, rel=0.01)
    assert simulation.synapse_bytes == pytest.approx(n_bytes, rel=0.1)


def test_footprint_of_a_matrix():
    p = Population("p", 100, LIF())
    network = Network(p, Projection(p, p, AllToAll(), np.ones((100, 100)), 1.0))
    n_synapses, n_bytes = footprint(network)
    assert n_synapses == 10_000
    assert n_bytes == pytest.approx(Simulation(network).synapse_bytes, rel=0.01)
