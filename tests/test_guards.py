"""Guards: runaway activity and NaN stop a run, and what was recorded is safe. The example of a user's model runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SimulationError,
    SpikeTrain,
)
from tegmentum.simcore.advance.rehearsal import rehearse


def test_a_clock_that_synapses_that_learn_cannot_tell_is_refused_before_a_store_is_made(tmp_path):
    """Ticks of their spikes are int32; with ``dt`` = 0.1 ms they last for 29.8 hours."""
    pre = Population("pre", 2, LIF())
    network = Network(pre, Projection(pre, pre, AllToAll(), weight=0.1, delay=1.0, plasticity=STDP()))
    simulation = Simulation(network)
    simulation.run(1.0)
    with pytest.raises(
        DescriptionError, match=r"up to 2\*\*30, t = 107374182.4 ms, and .* on to 107374182.4"
    ):
        simulation.run(107_374_181.4, to=tmp_path / "run.zarr")
    assert not (tmp_path / "run.zarr").exists()
    with pytest.raises(DescriptionError, match="tell ticks apart"):
        rehearse(network, 0.1, ms=107_374_182.4)
    rehearse(Network(pre, Projection(pre, pre, AllToAll(), weight=0.1, delay=1.0)), 0.1, ms=107_374_182.4)


def test_runaway_names_population_and_time_and_keeps_the_record(tmp_path):
    xarray = pytest.importorskip("xarray")
    calm = Population("calm", 10, LIF())
    wild = Population("wild", 50, LIF(t_ref=0.1))
    network = Network(
        calm, wild, Projection(wild, wild, AllToAll(), weight=1.0, delay=0.1), Poisson(wild, 8_000.0, 1.0)
    )
    simulation = Simulation(network)
    with pytest.raises(
        SimulationError, match=r"Population 'wild': fires at \d+ Hz between t = 0 and [\d.]+ ms"
    ):
        simulation.run(1_000.0, Record(spikes=[wild]), to=tmp_path / "run.zarr")
    with xarray.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        assert len(tree["spikes/wild"].t) > 1000
    assert Simulation(network, max_rate=1e5).run(100.0).rates()["wild"] > 500


def test_nan_names_population_state_and_time():
    p = Population("p", 4, LIF())
    train = SpikeTrain("in", 2, [5.0, 5.0], [0, 1])
    # two infinite weights of opposite sign can come from a bad data file; here they are written behind the
    # checks
    network = Network(p, train, Projection(train, p, AllToAll(), weight=np.ones((2, 4)), delay=1.0))
    simulation = Simulation(network)
    simulation._wires[0].dense[:] = np.nan
    with pytest.raises(SimulationError, match=r"Population 'p': v is NaN at t = [\d.]+ ms"):
        simulation.run(100.0)


def test_overflow_names_population_state_and_time():
    p = Population("p", 4, LIF())
    train = SpikeTrain("in", 3, [5.0, 5.0, 5.0], [0, 1, 2])
    network = Network(p, train, Projection(train, p, AllToAll(), weight=np.full((3, 4), -3e38), delay=1.0))
    with pytest.raises(SimulationError, match=r"Population 'p': v has overflowed at t = [\d.]+ ms"):
        Simulation(network).run(100.0)
    Simulation(network, precision="float64").run(100.0)


@pytest.mark.slow
def test_custom_neuron_example():
    script = Path(__file__).resolve().parent.parent / "examples" / "custom_neuron.py"
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=300
    )
    plain, adapting = (float(rate) for rate in re.findall(r"([\d.]+) Hz", done.stdout))
    assert plain > 1.5 * adapting > 1.0
