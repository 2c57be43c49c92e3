"""The standard networks: rates from theory or from three simulators, threads, JSON keys, and the comparison."""

from __future__ import annotations

import json
import math
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx

from tegmentum.cli.bench import measure
from tegmentum.cli.workloads import WORKLOADS, brunel, workload
from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.simcore import Record, Simulation
from tegmentum.simcore.errors import DataError, DescriptionError

pytestmark = pytest.mark.numbers

EXAMPLES = Path(__file__).parent.parent / "examples"
#: What issue 3 lists, and what else ``bench --json`` prints.
KEYS = [
    *(
        "workload",
        "n_neurons",
        "n_synapses",
        "sim_ms",
        "threads",
        "build_s",
        "compile_s",
        "run_s",
        "n_spikes",
    ),
    *("rate_hz", "synaptic_events", "bytes_per_synapse", "peak_rss_mb"),
]
MORE = ["scale", "seed", "backend", "precision", "run_cpu_s", "real_time_factor", "rates_hz"]
SMALL = {
    "brunel": 0.1,
    "cuba": 0.5,
    "coba": 0.5,
    "delta": 0.5,
    "stdp": 0.1,
    "dopamine": 0.1,
    "quiet": 0.01,
    "microcircuit": 0.05,
}


def has_microcircuit():
    try:
        WORKLOADS["microcircuit"](0.01)
    except DataError:
        return False
    return True


def names(leave=()):
    reason = "the microcircuit's JSON is not there: set TEGMENTUM_DATA"
    skip = pytest.mark.skipif(not has_microcircuit(), reason=reason)
    known = [n for n in WORKLOADS if n not in leave]
    return [pytest.param(n, marks=skip) if n == "microcircuit" else n for n in known]


@pytest.fixture(scope="module")
def comparison():
    return runpy.run_path(str(EXAMPLES / "compare_simulators.py"))


# ------------------------------------------------------------------------------------------------- all of them


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_bench_measures(name):
    """What it counts is what another simulation of the same seed records after the warm-up, spike by spike."""
    result = json.loads(json.dumps(measure(name, SMALL[name], sim_ms=30.0, warm_ms=20.0)))
    assert set(result) == {*KEYS, *MORE}
    assert result["workload"] == name
    network = workload(name, SMALL[name])
    simulation = Simulation(network, seed=result["seed"])
    spikes = simulation.run(50.1, Record(spikes=network.populations)).spikes
    # bench compiles in the first tick, warms up for 200; a spike bears the number of the tick that it ends
    n_late = {p.name: np.count_nonzero(spikes[p.name].tick > 201) for p in network.populations}
    assert result["n_spikes"] == sum(n_late.values()) > 0
    assert result["n_synapses"] == sum(len(simulation.synapses(q.name).pre) for q in network.projections)
    for population in network.populations:
        rate = n_late[population.name] / population.size / 0.03
        assert result["rates_hz"][population.name] == pytest.approx(rate)
    assert min(result["rates_hz"].values()) <= result["rate_hz"] <= max(result["rates_hz"].values())
    assert result["n_neurons"] == sum(p.size for p in network.populations)
    assert (
        (0.5 if name in ("brunel", "delta") else 2.0)
        <= result["bytes_per_synapse"]
        <= {"stdp": 13.0, "dopamine": 17.0}.get(name, 8.0)
    )


@pytest.mark.parametrize(
    "name", [*names(leave=["dopamine"]), pytest.param("dopamine", marks=pytest.mark.slow)]
)
def test_threads_change_no_spike(name):
    found = []
    for threads in (1, 2):
        network = workload(name, SMALL[name])
        simulation = Simulation(network, seed=3, threads=threads)
        spikes = simulation.run(60.0, Record(spikes=network.populations)).spikes
        found.append([(s.tick.tolist(), s.neuron.tolist()) for s in spikes.values()])
    assert found[0] == found[1]
    assert sum(len(tick) for tick, _ in found[0]) > 0


@pytest.mark.parametrize(("name", "scale"), [("brunell", 1.0), ("brunel", 0.0), ("quiet", -1.0)])
def test_errors(name, scale):
    with pytest.raises(DescriptionError, match=r"^bench: "):
        workload(name, scale)


def test_microcircuit_without_its_data(monkeypatch, tmp_path):
    monkeypatch.delenv("TEGMENTUM_DATA", raising=False)
    with pytest.raises(DataError, match="TEGMENTUM_DATA"):
        workload("microcircuit", 0.1)
    with pytest.raises(DataError, match="is not in"):
        workload("microcircuit", 0.1, tmp_path)


# -------------------------------------------------------------------------------------------------------- rates


def mean_field_rate():
    """Self-consistent rate of ``brunel`` in the diffusion limit: Brunel (2000), equations 18 to 21."""
    tau, j, g, external = 20.0, 0.1, 5.0, 20.0

    def excess(rate):
        spikes = rate * 1e-3
        mu = tau * j * (1000 * spikes - 250 * g * spikes + external)
        sigma = j * math.sqrt(tau * (1000 * spikes + 250 * g**2 * spikes + external))
        area = quad(lambda u: erfcx(-u), (10.0 - mu) / sigma, (20.0 - mu) / sigma)[0]
        return 1e3 / (2.0 + tau * math.sqrt(math.pi) * area) - rate

    return brentq(excess, 1.0, 200.0)


def test_brunel_fires_at_its_mean_field_rate():
    """37.9 Hz in the limit of weak synapses; fewer neurons share more input and fire a little more."""
    assert measure("brunel", 0.3, sim_ms=200.0)["rate_hz"] == pytest.approx(mean_field_rate(), rel=0.06)


def test_quiet_fires_like_neurons_on_their_own():
    """Against independent neurons whose recurrent input is Poisson of the network's own rate."""
    rate = measure("quiet", 0.02, sim_ms=500.0)["rate_hz"]
    rng, n, dt, n_warm = np.random.default_rng(0), 20_000, 0.25, 400
    v, refractory, n_spikes = np.zeros(n), np.zeros(n, int), 0
    for tick in range(n_warm + 2_000):
        kicks = [rng.poisson(r * dt * 1e-3, n) for r in (8.0, 80 * rate, 20 * rate)]
        v = v * np.exp(-dt / 20.0) + 12.0 * kicks[0] + 0.2 * kicks[1] - 0.8 * kicks[2]
        v[refractory > 0] = 0.0
        fires = v >= 20.0
        refractory = np.where(fires, round(2.0 / dt), np.maximum(refractory - 1, 0))
        v[fires] = 0.0
        n_spikes += fires.sum() if tick >= n_warm else 0
    assert rate == pytest.approx(n_spikes / n / 0.5, rel=0.08)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("cuba", 4.5, 6.5), ("coba", 14.0, 23.0), ("delta", 8.0, 12.0)]
)
def test_brette_networks_fire_as_in_brian2_and_nest(name, low, high):
    """Ranges over seeds of the three simulators; the networks are chaotic and a draw of synapses shifts them."""
    assert low < measure(name, sim_ms=500.0)["rate_hz"] < high


def test_stdp_settles_where_pairs_balance():
    """Without correlation, the mean of multiplicative STDP goes to ``w_max / (1 + alpha)``; here 50 times as fast."""
    simulation = Simulation(brunel(0.1, STDP(lam=0.05, alpha=1.05, w_max=0.2)), seed=1)
    simulation.run(800.0)
    weights = simulation.synapses("exc-exc").weight
    assert 0.0 < weights.min() < weights.max() < 0.2
    assert weights.mean() == pytest.approx(0.2 / 2.05, rel=0.05)


@pytest.mark.skipif(not has_microcircuit(), reason="the microcircuit's JSON is not there: set TEGMENTUM_DATA")
def test_microcircuit_keeps_its_rates_when_scaled_down(comparison):
    """A tenth of the neurons and of their synapses, with compensation; asynchronous and irregular."""
    network = workload("microcircuit", 0.1)
    simulation = Simulation(network, seed=2)
    simulation.run(200.0)
    result = simulation.run(500.0, Record(spikes=network.populations))
    root = Path(os.environ["TEGMENTUM_DATA"])
    path = next(p for p in root.rglob("potjans_diesmann_2014.json"))
    published = json.loads(path.read_text())["full_mean_rates_hz"]
    for k, (name, rate) in enumerate(result.rates().items()):
        low, high = sorted(rates[k] for rates in published.values())
        assert 0.55 * low < rate < 1.6 * high, name
        spikes = result.spikes[name]
        found = comparison["statistics"](spikes.t, spikes.neuron, result.sizes[name], 500.0)
        if rate > 3.0:  # intervals of a slow neuron that fit into the run say little
            assert 0.4 < found["cv_isi"] < 1.1, name


# --------------------------------------------------------------------------------------------- the comparison


class TestComparison:
    def test_statistics_of_regular_and_of_poisson_trains(self, comparison):
        regular = np.arange(0.0, 1_000.0, 50.0)
        t, neuron = np.tile(regular, 30), np.repeat(np.arange(30), len(regular))
        found = comparison["statistics"](t, neuron, 30, 1_000.0)
        assert found["rate_hz"] == pytest.approx(20.0)
        assert found["cv_isi"] == pytest.approx(0.0, abs=1e-9)
        assert found["synchrony"] > 10
        rng = np.random.default_rng(0)
        t, neuron = rng.uniform(0.0, 5_000.0, 50_000), rng.integers(500, size=50_000)
        found = comparison["statistics"](t, neuron, 500, 5_000.0)
        assert found["cv_isi"] == pytest.approx(1.0, abs=0.03)
        assert found["synchrony"] == pytest.approx(1.0, abs=0.15)
        silent = comparison["statistics"](np.zeros(0), np.zeros(0, int), 5, 100.0)
        assert (silent["n_spikes"], silent["cv_isi"], silent["synchrony"]) == (0, None, None)

    @pytest.mark.parametrize("name", names(leave=("dopamine",)))  # a rule that the script does not compare
    def test_peers_are_given_the_whole_network(self, comparison, name):
        network = workload(name, SMALL[name])
        told = json.loads(json.dumps(comparison["describe"](network)))
        size = {p["name"]: p["size"] for p in told["populations"]}
        rng, n = np.random.default_rng(0), 0
        for q in told["projections"]:
            pre, post = comparison["connect"](q["rule"], size[q["pre"]], size[q["post"]], rng)
            assert len(pre) == len(post)
            assert pre.max(initial=0) < size[q["pre"]]
            assert post.max(initial=0) < size[q["post"]]
            n += len(pre)
        assert n == pytest.approx(network.n_synapses(), rel=0.02)
        assert len(told["poisson"]) + len(told["currents"]) == len(network.sources)

    def test_draws_stay_within_limits(self, comparison):
        d = {"type": "Normal", "mean": 1.0, "std": 1.0, "low": 0.5, "high": 2.0}
        for outside, at_limit in (("redraw", 0), ("clip", 100)):
            x = comparison["draw"](d | {"outside": outside}, 1_000, np.random.default_rng(0))
            assert x.min() >= 0.5
            assert x.max() <= 2.0
            assert (x == 0.5).sum() >= at_limit
            assert (outside == "clip") == bool((x == 0.5).any())

    def test_a_missing_peer_is_said(self, comparison):
        assert "missing" in comparison["measure"]("nest", "/no/such/python", {})
