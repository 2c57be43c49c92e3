"""The CUDA kernels in Numba's simulator, a process of its own: the spikes of the CPU engine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    AllToAll,
    FixedIndegree,
    FromCOO,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
)


def network(seed=1):
    """44 LIF neurons, delays of 1 to 9 ticks, weights of all formats, dyadic so that sums are exact."""
    rng = np.random.default_rng(seed)
    tau = rng.uniform(8.0, 12.0, 32)
    exc = Population("exc", 32, LIF(tau_m=tau, v_thresh=4.0, v_reset=-0.5, t_ref=0.3), "stepped")
    inh = Population("inh", 12, LIF(tau_m=7.0, v_thresh=3.0, v_reset=0.0, t_ref=0.2), "stepped")
    train = SpikeTrain("in", 8, rng.uniform(0.0, 6.0, 90), rng.integers(8, size=90))

    def dyadic(n):
        return rng.integers(8, 40, n) / 16

    i, j = rng.integers(32, size=300), rng.integers(32, size=300)
    return Network(
        exc,
        inh,
        train,
        Projection(train, exc, AllToAll(), weight=dyadic((8, 32)), delay=0.1),
        Projection(exc, exc, FromCOO(i, j), weight=dyadic(300) / 4, delay=rng.integers(1, 10, 300) * 0.1),
        Projection(exc, inh, FixedIndegree(8), weight=0.75, delay=0.4),
        Projection(inh, exc, FixedIndegree(5), weight=-0.5, delay=0.7),
    )


def compare():
    """Run both engines on the same network, CUDA's in two parts, and check that they fire alike."""
    from tegmentum.simcore.advance.cuda.simulation import CudaSimulation

    net = network()
    for precision in ("float32", "float64"):
        nodes = [*net.populations, *net.spike_trains]
        expected = Simulation(net, seed=3, precision=precision).run(5.0, Record(spikes=nodes))
        device = CudaSimulation(net, seed=3, precision=precision)
        found = [device.run(2.0), device.run(3.0)]
        for node in nodes:
            tick, neuron = (np.concatenate([part[node.name][k] for part in found]) for k in (0, 1))
            np.testing.assert_array_equal(tick, expected.spikes[node.name].tick)
            np.testing.assert_array_equal(neuron, expected.spikes[node.name].neuron)
        print(precision, *(len(expected.spikes[p.name].tick) for p in net.populations))


@pytest.mark.skipif(importlib.util.find_spec("numba.cuda") is None, reason="numba.cuda is not installed")
@pytest.mark.slow
def test_the_device_fires_the_spikes_of_the_cpu():
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-W", "error", __file__]
    out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert out.returncode == 0, out.stderr
    for line in out.stdout.splitlines():
        _, n_exc, n_inh = line.split()
        assert int(n_exc) > 100
        assert int(n_inh) > 20


if __name__ == "__main__":
    compare()
