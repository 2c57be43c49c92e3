"""Lazy populations: the same spikes as stepped ones, at a cost that follows events."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    Current,
    DescriptionError,
    FixedIndegree,
    LIFExp,
    Network,
    Normal,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Trace,
)

pytestmark = pytest.mark.slow


def sparse(update, n=500, relay="stepped", rate=15.0):
    """Kicked neurons that fire now and then, a relay between them, float weights, spread delays."""
    neuron = LIF(tau_m=20.0, v_thresh=20.0, v_reset=0.0, t_ref=2.0)
    exc, inh = Population("exc", n, neuron, update), Population("inh", n // 4, neuron, update)
    parrot = Population("parrot", n, Parrot(), relay)
    delay = Normal(3.0, 1.0, low=0.1, outside="redraw")
    return Network(
        exc,
        inh,
        parrot,
        Projection(exc, parrot, FixedIndegree(1), 1.0, 1.5),
        *(Projection(parrot, q, FixedIndegree(40), Normal(1.1, 0.1), delay) for q in (exc, inh)),
        *(Projection(inh, q, FixedIndegree(10), -2.0, 1.5) for q in (exc, inh)),
        *(Poisson(q, rate=rate, weight=12.0) for q in (exc, inh)),
    )


def spikes(network, parts=(400.0,), **options):
    simulation = Simulation(network, seed=7, precision="float64", **options)
    record = Record(spikes=network.populations)
    results = [simulation.run(ms, record) for ms in parts]
    return {
        p.name: np.concatenate(
            [np.stack([r.spikes[p.name].tick, r.spikes[p.name].neuron]) for r in results], axis=1
        )
        for p in network.populations
    }


def test_lazy_and_stepped_fire_alike():
    expected = spikes(sparse("stepped"))
    assert expected["exc"].shape[1] > 300
    for network, options in (
        (sparse("lazy"), {}),
        (sparse("lazy", relay="lazy"), {"threads": 2}),
        (sparse("lazy"), {"parts": (100.0, 33.3, 266.7), "threads": 3}),
    ):
        found = spikes(network, **options)
        for name, table in expected.items():
            np.testing.assert_array_equal(table, found[name])


def test_state_of_lazy_populations_goes_on_exactly():
    network = sparse("lazy")
    record = Record(spikes=network.populations)
    whole = Simulation(network, seed=1)
    whole.run(50.0)
    saved = whole.state()
    expected = whole.run(50.0, record)
    for threads in (1, 2):
        other = Simulation(network, seed=1, threads=threads)
        other.load_state(saved)
        found = other.run(50.0, record)
        for p in network.populations:
            np.testing.assert_array_equal(expected.spikes[p.name].tick, found.spikes[p.name].tick)
            np.testing.assert_array_equal(expected.spikes[p.name].neuron, found.spikes[p.name].neuron)


def test_traces_of_lazy_populations_are_of_the_present():
    traces = []
    for update in ("lazy", "stepped"):
        network = sparse(update)
        record = Record(traces={"v": Trace(network["exc"], "v", range(20))})
        traces.append(Simulation(network, seed=1, precision="float64").run(60.0, record).traces["v"])
    np.testing.assert_allclose(*traces, rtol=1e-9, atol=1e-9)


def test_the_default_follows_activity():
    network = sparse("auto", n=4000)
    assert Simulation(network).policies == {"exc": "lazy", "inh": "lazy", "parrot": "stepped"}
    busy = Population("p", 4000, LIF())
    assert Simulation(Network(busy, Poisson(busy, 5_000.0, 0.1))).policies["p"] == "stepped"


def test_lazy_is_refused_where_it_would_be_wrong():
    for population, parts, reason in (
        (Population("p", 3, LIF(v_rest=30.0), "lazy"), [], "fire without input"),
        (Population("p", 3, LIF(), "lazy"), ["current"], "a current is injected"),
    ):
        parts = [Current(population, 1.0) for _ in parts]
        with pytest.raises(DescriptionError, match=reason):
            Simulation(Network(population, *parts))
    with pytest.raises(DescriptionError, match="LIFExp defines no leap"):
        Population("p", 3, LIFExp(), "lazy")


def updates(rate, dt=0.1, threads=1, n=2000, ms=200.0, k=20):
    """Updates of the neurons of a kicked network of indegree k, its spikes, and the events that reach its neurons."""
    neuron = LIF(tau_m=20.0, v_thresh=20.0, v_reset=0.0, t_ref=2.0)
    p = Population("p", n, neuron, "lazy")
    network = Network(p, Projection(p, p, FixedIndegree(k), 0.2, 1.5), Poisson(p, rate=rate, weight=12.0))
    simulation = Simulation(network, dt=dt, seed=1, threads=threads)
    result = simulation.run(ms)
    return simulation.lazy_updates, result.n_spikes["p"], result.synaptic_events + rate * 1e-3 * ms * n


def test_neurons_are_updated_as_often_as_events_reach_them():
    for rate in (4.0, 8.0, 16.0):
        n_updates, n_spikes, n_events = updates(rate)
        assert n_spikes > 20
        noise = 5 * np.sqrt(n_events)  # the kicks among the events are Poisson distributed
        assert 0.97 * n_events - noise < n_updates < n_events + noise  # two in one tick are one update


def test_half_the_rate_is_half_the_updates():
    # without synapses, as spikes are more than proportional to the rate of kicks
    many, few = (updates(rate, n=20_000, ms=1_000.0, k=0)[0] for rate in (2.0, 1.0))
    assert few / many == pytest.approx(0.5, rel=5 * np.sqrt(1 / many + 1 / few))


def test_a_finer_tick_costs_no_more_updates():
    (coarse, n_coarse, _), (fine, n_fine, _) = updates(8.0), updates(8.0, dt=0.01)
    assert fine / coarse == pytest.approx(1.0, abs=0.05 + 5 / np.sqrt(min(n_coarse, n_fine)))
    assert updates(8.0, threads=2)[:2] == (coarse, n_coarse)


def test_stepped_populations_count_no_lazy_updates():
    simulation = Simulation(sparse("stepped"))
    simulation.run(10.0)
    assert simulation.lazy_updates == 0
