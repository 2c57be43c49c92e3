"""The statistics of the microcircuit example on trains that are known, and its table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tegmentum.cli.workloads import workload
from tegmentum.simcore.errors import DataError

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "microcircuit_statistics", raising=False)
    import microcircuit_statistics

    return microcircuit_statistics


def gamma_trains(n, order, rate, sim_ms, rng):
    """Spikes of `n` independent renewal trains with gamma intervals; their CV is ``1 / sqrt(order)``."""
    interval = rng.gamma(order, 1e3 / rate / order, (n, round(2 * rate * sim_ms * 1e-3) + 50))
    t = interval.cumsum(axis=1) - 2_000.0  # stationary by then
    within = (t >= 0) & (t < sim_ms)
    return t[within], np.nonzero(within)[0]


@pytest.mark.parametrize("order", [1, 4, 25])
def test_cv_of_gamma_trains(example, order):
    t, neuron = gamma_trains(300, order, 20.0, 20_000.0, np.random.default_rng(order))
    found = example.measure(t, neuron, 300, 20_000.0)
    assert found.rate == pytest.approx(20.0, rel=0.02)
    assert found.cv == pytest.approx(order**-0.5, rel=0.02)
    assert found.n_cv == 300


def test_synchrony_of_poisson_trains_is_one(example):
    t, neuron = gamma_trains(300, 1, 20.0, 20_000.0, np.random.default_rng(0))
    assert example.measure(t, neuron, 300, 20_000.0).synchrony == pytest.approx(1.0, abs=0.06)


def test_synchrony_is_of_a_thousand_neurons(example):
    """Poisson events that every neuron joins with probability p: variance over mean is 1 - p + n p of n neurons."""
    rng, n, p, sim_ms = np.random.default_rng(1), 2_000, 0.004, 30_000.0
    event = rng.uniform(0.0, sim_ms, 30_000)
    joins = rng.binomial(n, p, len(event))
    t, neuron = np.repeat(event, joins), rng.integers(n, size=joins.sum())
    assert example.measure(t, neuron, n, sim_ms).synchrony == pytest.approx(1 - p + 1_000 * p, rel=0.05)


def test_only_neurons_with_enough_spikes_have_a_cv(example):
    t = np.concatenate([np.arange(6) * 100.0, np.arange(5) * 100.0])
    found = example.measure(t, np.repeat([0, 1], [6, 5]), 3, 1_000.0)
    assert found.n_cv == 1
    assert found.cv == pytest.approx(0.0, abs=1e-12)
    silent = example.measure(np.zeros(0), np.zeros(0, int), 3, 1_000.0)
    assert silent == (0.0, None, 0, None)


def test_stars_mark_what_is_outside(example):
    assert example.cell([1.0, 1.0], [1.09, None], 0.10, 2) == "1.00+-0.00 "
    assert example.cell([1.0], [1.09, 1.12], 0.10, 2) == "1.00*"
    assert example.cell([None], [1.0], 0.10, 2) == "- "


@pytest.mark.slow
def test_table(tmp_path):
    try:
        workload("microcircuit", 0.01)
    except DataError:
        pytest.skip("the microcircuit's JSON is not there: set TEGMENTUM_DATA")
    command = [sys.executable, "-W", "error", EXAMPLES / "microcircuit_statistics.py"]
    command += ["--scale", "0.02", "--seconds", "1", "--seeds", "0,1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(L\d+[EI]) +(\d+\.\d\d)\+-\d+\.\d\d[* ]", done.stdout, re.MULTILINE)
    assert [name for name, _ in rows] == ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
    assert all(float(rate) > 0.1 for _, rate in rows)
