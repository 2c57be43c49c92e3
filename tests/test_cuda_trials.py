"""Trials on CUDA: in Numba's simulator the answers, the weights and the states of the CPU."""

from __future__ import annotations

import cuda_trials
import pytest
from test_cuda import in_simulator, lines


@pytest.fixture(scope="module")
def simulated():
    """All cases, run in the simulator on both backends: what went wrong in each, and how many spikes agreed."""
    found = lines("cuda_trials.py", NUMBA_ENABLE_CUDASIM="1")
    return {row["case"]: (row["problem"], row["n_spikes"]) for row in found}


@pytest.mark.slow
@pytest.mark.skipif(in_simulator() is not None, reason=str(in_simulator()))
@pytest.mark.parametrize("name", cuda_trials.CASES)
def test_a_device_shows_samples_as_the_cpu_does(simulated, name):
    problem, n_spikes = simulated[name]
    assert not problem, problem
    assert n_spikes > 0
