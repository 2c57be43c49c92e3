"""Trials on CUDA: in Numba's simulator the answers, the weights and the states of the CPU."""

from __future__ import annotations

from dataclasses import asdict

import cuda_trials
import pytest
from cuda_runs import in_simulator, simulated

from tegmentum.cli.train_online import OnlineConfig, parameters_of
from tegmentum.cli.training import _training_of
from tegmentum.datasets import load
from tegmentum.simcore.advance.cuda import available


@pytest.mark.slow
@pytest.mark.skipif(in_simulator() is not None, reason=str(in_simulator()))
@pytest.mark.parametrize("name", cuda_trials.CASES)
def test_a_device_shows_samples_as_the_cpu_does(name):
    row = simulated("cuda_trials.py")[name]
    assert not row["problem"], row["problem"]
    assert row["n_spikes"] > 0


def test_a_training_on_a_device_goes_on_without_one(monkeypatch):
    """In the same arithmetic, so bit for bit."""
    monkeypatch.setattr(available, "missing", lambda: "no device")
    data = load("digits")
    p = parameters_of("digits", None, None, "none", None, None)
    config = OnlineConfig(
        dataset="digits", rule="dopamine-stdp", ablation="none", hidden=(1000,), epochs=10, ticks=50, parameters=p,
        seed=0, threads=1, n_train=10, n_test=10, record=5, backend="cuda", arithmetic="fixed",
    )  # fmt: skip
    training = _training_of({**asdict(config), "checksums": data.checksums}, data, None)
    assert (training.config.backend, training.config.arithmetic) == ("cpu", "fixed")


def test_training_without_a_device_says_what_to_type(monkeypatch, tegmentum, tmp_path):
    monkeypatch.setattr(available, "missing", lambda: "no CUDA device or driver is found")
    done = tegmentum("train", "--backend", "cuda", "--out", tmp_path / "x.zarr")
    assert done.code == 2
    assert "backend='cuda': no CUDA device" in done.err
    assert not (tmp_path / "x.zarr").exists()
    done = tegmentum("train", "--rule", "naca", "--backend", "cuda")
    assert done.code == 3
    assert "--backend: is an option of dopamine-stdp, got --rule naca" in done.err
