"""The engine against the reference simulator, and its invariances."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tegmentum.simcore import (
    LIF,
    AllToAll,
    Current,
    DescriptionError,
    DiscreteLIF,
    FixedIndegree,
    FromCOO,
    Network,
    Normal,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    Uniform,
)

DT = 0.5
# tau_m such that exp(-dt / tau_m) is 1/2: with dyadic weights every sum is exact in float64, so the
# reference need not add in the engine's order
LIF_EXACT = LIF(tau_m=DT / np.log(2.0), v_rest=0.0, v_thresh=1.0, v_reset=-0.5, t_ref=2 * DT)
FAST = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def networks(draw):
    """A random network: sizes, COO synapses with dyadic weights, given spikes; a population of each model, or two.

    Each combination of models would be an engine of its own to compile.
    """
    kinds = [LIF_EXACT, DiscreteLIF(rho=0.25), Parrot()]
    kinds += draw(st.lists(st.sampled_from(kinds), max_size=2))
    models = {f"p{k}": model for k, model in enumerate(kinds)}
    sizes = {name: draw(st.integers(1, 7)) for name in models}
    sizes["in"] = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    synapses = []
    blocks = []
    for pre in sizes:
        for post in models:
            n = draw(st.integers(0, 12))
            block = [
                (
                    int(rng.integers(sizes[pre])),
                    int(rng.integers(sizes[post])),
                    float(rng.integers(-16, 33)) / 32,
                    int(rng.integers(1, 6)),
                )
                for _ in range(n)
            ]
            if draw(st.booleans()):  # one weight, so that it is stored once
                block = [(i, j, 0.625, d) for i, j, _, d in block]
            blocks.append((pre, post, block))
            synapses += [(pre, i, post, j, 0, w, d) for i, j, w, d in block]
    trains = sorted((int(rng.integers(0, 20)), "in", int(rng.integers(sizes["in"]))) for _ in range(20))
    return models, sizes, synapses, blocks, trains


def build(case):
    models, sizes, _, blocks, trains = case
    nodes = {name: Population(name, sizes[name], model) for name, model in models.items()}
    times = np.array([t for t, _, _ in trains]) * DT
    nodes["in"] = SpikeTrain("in", sizes["in"], times, np.array([i for _, _, i in trains]))
    parts = list(nodes.values())
    for pre, post, block in blocks:
        if not block:
            continue
        i, j, w, d = (np.array(column) for column in zip(*block, strict=True))
        weight = 0.625 if np.all(w == 0.625) else w
        parts.append(Projection(nodes[pre], nodes[post], FromCOO(i, j), weight=weight, delay=d * DT))
    return Network(*parts), nodes


def spikes_of(result, names):
    """All spikes of trial 0 as a sorted list (tick, population, neuron)."""
    out = []
    for name in names:
        s = result.spikes[name]
        out += [(int(t), name, int(n)) for t, n, r in zip(s.tick, s.neuron, s.trial, strict=True) if r == 0]
    return sorted(out)


def run(network, nodes, names, steps, **options):
    """Spikes of consecutive runs of ``steps`` ticks, joined, and the simulation."""
    simulation = Simulation(network, dt=DT, precision="float64", **options)
    found = []
    for n in steps:
        result = simulation.run(n * DT, record=Record(spikes=[nodes[name] for name in names]))
        found += spikes_of(result, names)
    return sorted(found), simulation


@pytest.mark.slow
@FAST
@given(networks())
def test_engine_equals_reference(case):
    models, sizes, synapses, _, trains = case
    expected, state = reference.simulate(models, sizes, synapses, trains, 30, DT)
    network, nodes = build(case)
    for options, steps in (({}, [30]), ({"threads": 2}, [30]), ({"n_trials": 2, "threads": 2}, [7, 1, 22])):
        found, simulation = run(network, nodes, list(models), steps, **options)
        assert found == sorted(expected)
        for name in models:
            for field, values in reference.as_arrays(state, name).items():
                got = simulation.state()[f"state/{name}/{field}"]
                np.testing.assert_array_equal(got, np.broadcast_to(values, got.shape))


def balanced(seed=3, update="auto", n=400, **poisson):
    """A small random network that fires irregularly, with float weights and spread delays."""
    neuron = LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0)
    exc, inh = Population("exc", n, neuron, update), Population("inh", n // 4, neuron, update)
    delay = Normal(1.5, 0.7, low=0.1, outside="redraw")
    return (
        Network(
            exc,
            inh,
            *(Projection(exc, q, FixedIndegree(40), Normal(0.5, 0.05), delay) for q in (exc, inh)),
            *(Projection(inh, q, FixedIndegree(10), -2.5, delay) for q in (exc, inh)),
            *(Poisson(q, rate=3_000.0, weight=0.5) for q in (exc, inh)),
        ),
        exc,
        inh,
    )


def joined(results, name):
    return [np.concatenate([getattr(r.spikes[name], f) for r in results]) for f in ("tick", "neuron")]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_threads_and_splits_change_no_bit(precision):
    network, exc, inh = balanced()
    record = Record(spikes=[exc, inh])
    whole = Simulation(network, seed=5, threads=1, precision=precision)
    one = [whole.run(100.0, record)]
    assert 2.0 < one[0].rates()["exc"] < 100.0
    for threads, parts in ((2, [100.0]), (1, [30.0, 0.1, 69.9]), (3, [55.5, 44.5])):
        other = Simulation(network, seed=5, threads=threads, precision=precision)
        results = [other.run(ms, record) for ms in parts]
        for name in ("exc", "inh"):
            for a, b in zip(joined(one, name), joined(results, name), strict=True):
                np.testing.assert_array_equal(a, b)
        for key, value in whole.state().items():
            np.testing.assert_array_equal(value, other.state()[key])


@pytest.mark.parametrize(("delay", "window"), [(0.1, 1), (1.5, 8), (1.6, 16)])
def test_threads_meet_once_a_window_which_no_delay_is_shorter_than(delay, window):
    exc = Population("exc", 300, LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0))
    network = Network(
        exc,
        Projection(exc, exc, FixedIndegree(20), weight=1.0, delay=delay),
        Poisson(exc, rate=2_500.0, weight=1.0),
    )
    alone, both = (Simulation(network, seed=1, threads=threads) for threads in (1, 2))
    for ms in (4.0, 0.5, 40.5):  # windows are cut by where runs end
        one, two = alone.run(ms, Record(spikes=[exc])), both.run(ms, Record(spikes=[exc]))
        np.testing.assert_array_equal(one.spikes["exc"].tick, two.spikes["exc"].tick)
        np.testing.assert_array_equal(one.spikes["exc"].neuron, two.spikes["exc"].neuron)
    assert len(one.spikes["exc"].tick) > 100
    for key, value in alone.state().items():
        np.testing.assert_array_equal(value, both.state()[key])
    assert both._control.window[0] == window
    meetings = both._control.barrier[0] // 2
    assert both.tick // window <= meetings <= both.tick // window + 20  # and where chunks end
    assert (meetings == both.tick) == (window == 1)


@pytest.mark.numbers
def test_state_goes_on_exactly_with_other_threads():
    network, exc, _ = balanced()
    record = Record(spikes=[exc])
    whole = Simulation(network, seed=5)
    whole.run(40.0)
    saved = whole.state()
    rest = whole.run(40.0, record)
    for threads in (1, 2):
        other = Simulation(network, seed=5, threads=threads)
        other.load_state(saved)
        again = other.run(40.0, record)
        np.testing.assert_array_equal(rest.spikes["exc"].tick, again.spikes["exc"].tick)
        np.testing.assert_array_equal(rest.spikes["exc"].neuron, again.spikes["exc"].neuron)


def test_reset_repeats():
    network, exc, _ = balanced()
    simulation = Simulation(network, seed=1)
    first = simulation.run(50.0, Record(spikes=[exc]))
    simulation.reset()
    again = simulation.run(50.0, Record(spikes=[exc]))
    np.testing.assert_array_equal(first.spikes["exc"].tick, again.spikes["exc"].tick)


def test_seed_matters():
    network, _, _ = balanced()
    assert Simulation(network, seed=1).run(50.0).n_spikes != Simulation(network, seed=2).run(50.0).n_spikes


@pytest.mark.numbers
def test_trials_differ_by_their_input_alone():
    relay = Population("relay", 3, Parrot())
    train = SpikeTrain("in", 3, [1.0, 2.0, 3.0], [0, 1, 2], trial=[0, 1, 1])
    network = Network(relay, train, Projection(train, relay, AllToAll(), weight=np.eye(3), delay=0.5))
    spikes = Simulation(network, n_trials=3).run(5.0, Record(spikes=[relay])).spikes["relay"]
    assert list(zip(spikes.trial, spikes.tick, spikes.neuron, strict=True)) == [
        (0, 15, 0),
        (1, 25, 1),
        (1, 35, 2),
    ]


@pytest.mark.numbers
def test_numbering_of_neurons_changes_nothing_but_names():
    rng = np.random.default_rng(0)
    n = 50
    i, j = rng.integers(n, size=600), rng.integers(n, size=600)
    w = rng.integers(-8, 12, size=600) / 16
    order = rng.permutation(n)
    found = []
    for new in (np.arange(n), order):
        p = Population("p", n, LIF_EXACT)
        train = SpikeTrain("in", n, np.arange(40) * DT, new[np.arange(40) % n])
        network = Network(
            p,
            train,
            Projection(p, p, FromCOO(new[i], new[j]), weight=w, delay=2 * DT),
            Projection(train, p, AllToAll(), weight=np.full((n, n), 0.75), delay=DT),
        )
        s = Simulation(network, dt=DT, precision="float64").run(60 * DT, Record(spikes=[p])).spikes["p"]
        found.append(sorted(zip(s.tick, new.argsort()[s.neuron], strict=True)))
    assert len(found[0]) > 100
    assert found[0] == found[1]


@pytest.mark.numbers
def test_an_input_changes_nothing_before_its_delay():
    network, exc, inh = balanced()
    kick = SpikeTrain("kick", 1, [20.0], [0])
    kicked = Network(*network, kick, Projection(kick, exc, AllToAll(), weight=20.0, delay=3.0))
    plain = Simulation(network, seed=2).run(40.0, Record(spikes=[exc, inh]))
    other = Simulation(kicked, seed=2).run(40.0, Record(spikes=[exc, inh]))
    a, b = plain.spikes["exc"], other.spikes["exc"]
    first = min(set(zip(a.tick, a.neuron, strict=True)) ^ set(zip(b.tick, b.neuron, strict=True)))[0]
    assert first == 230
    assert np.count_nonzero(b.tick == 230) > 300


def test_more_spikes_than_a_queue_has_room_for_arrive_at_once():
    """300 spikes of tick 0 under way to tick 1 find room for 64, before the queue can grow: all arrive, in order."""
    weights = np.random.default_rng(3).uniform(0.0, 1e-3, 300)
    arrived = []
    for at in (0.0, 1.0):  # of a later tick, the queue has grown before they arrive
        train = SpikeTrain("in", 300, np.full(300, at), np.arange(300))
        p = Population("p", 1, LIF())
        network = Network(train, p, Projection(train, p, AllToAll(), weight=weights[:, None], delay=DT))
        result = Simulation(network, dt=DT).run(at + DT, Record(traces={"v": Trace(p)}))
        arrived.append(result.traces["v"][0, -1, 0] - LIF().v_rest)
    assert arrived[0] == arrived[1]
    assert arrived[0] == pytest.approx(weights.sum(), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_dc_response_is_the_closed_form(precision, tolerance):
    neuron = LIF(tau_m=10.0, c_m=250.0, v_rest=-65.0, v_thresh=0.0, v_reset=-70.0, i_e=100.0)
    p = Population("p", 2, neuron)
    network = Network(p, Current(p, 150.0, start=20.0, stop=50.0))
    result = Simulation(network, precision=precision).run(100.0, Record(traces={"v": Trace(p)}))
    t = result.trace_tick * 0.1
    r = 10.0 / 250.0

    def rise(t, i):
        return r * i * (1 - np.exp(-np.clip(t, 0, None) / 10.0))

    expected = -65.0 + rise(t, 100.0) + rise(t - 20.0, 150.0) - rise(t - 50.0, 150.0)
    np.testing.assert_allclose(result.traces["v"][0, :, 1], expected, rtol=tolerance)


@pytest.mark.numbers
def test_lif_rate_is_the_closed_form():
    neuron = LIF(tau_m=20.0, v_rest=0.0, v_thresh=15.0, v_reset=5.0, t_ref=3.0, i_e=250.0, c_m=250.0)
    p = Population("p", 1, neuron)
    s = Simulation(Network(p), dt=0.01, precision="float64").run(1000.0, Record(spikes=[p])).spikes["p"]
    interval = 3.0 + 20.0 * np.log((20.0 - 5.0) / (20.0 - 15.0))
    assert np.diff(s.t).mean() == pytest.approx(interval, abs=0.011)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_current_frequency_curve_of_the_lif_is_the_formula(precision):
    # from reset to threshold in tau_m ln((R i - v_reset) / (R i - v_thresh)), found at the next tick, after t_ref
    current = np.linspace(150.0, 900.0, 40)
    neuron = LIF(tau_m=20.0, c_m=250.0, v_thresh=15.0, v_reset=5.0, t_ref=3.0, i_e=current)
    p = Population("p", len(current), neuron)
    dt, ms = 0.02, 600.0
    s = Simulation(Network(p), dt=dt, precision=precision).run(ms, Record(spikes=[p])).spikes["p"]
    v_inf = 20.0 / 250.0 * current
    for i in range(len(current)):
        tick = s.tick[s.neuron == i]
        if v_inf[i] <= 15.0:
            assert len(tick) == 0
            continue
        climb = 20.0 * np.log((v_inf[i] - 5.0) / (v_inf[i] - 15.0))
        if v_inf[i] < 15.5:
            continue  # float32 resolves the crossing worse than a tick
        intervals = np.diff(tick)
        exact = round(3.0 / dt) + int(np.ceil(climb / dt))
        assert set(intervals) == {exact} if precision == "float64" else np.all(np.abs(intervals - exact) <= 1)
        rate = 1e3 / (3.0 + climb)
        assert 1e3 / (intervals.mean() * dt) == pytest.approx(rate, rel=1.01 * dt / (3.0 + climb))


@pytest.mark.numbers
def test_poisson_input_has_the_right_mean_and_variance():
    counter = LIF(tau_m=1e9, v_thresh=1e9, v_reset=0.0)
    p = Population("p", 2000, counter)
    for rate in (50.0, 20_000.0, 300_000.0):
        network = Network(p, Poisson(p, rate=rate, weight=1.0))
        simulation = Simulation(network, precision="float64")
        simulation.run(100.0)
        n = simulation.state()["state/p/v"][0]
        mean = rate * 0.1
        assert n.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 2000))
        assert n.var() / mean == pytest.approx(1.0, abs=5 * np.sqrt(2 / 2000))


@pytest.mark.numbers
def test_heterogeneous_parameters_and_initial_state():
    tau = np.linspace(5.0, 50.0, 100)
    p = Population("p", 100, LIF(tau_m=tau, v_thresh=1e3), initial={"v": Uniform(-10.0, 10.0)})
    simulation = Simulation(Network(p), threads=2, precision="float64")
    start = simulation.state()["state/p/v"][0]
    assert -10 < start.min() < -8 < 8 < start.max() < 10
    simulation.run(30.0)
    np.testing.assert_allclose(simulation.state()["state/p/v"][0], start * np.exp(-30.0 / tau), rtol=1e-12)


def test_errors_name_the_object_the_field_and_the_value():
    p = Population("p", 3, LIF())
    for make, message in (
        (lambda: Population("exc", 3, LIF(tau_m=-5.0)), "Population 'exc': tau_m must be > 0 ms, got -5.0"),
        (lambda: Population("exc", 0, LIF()), "Population 'exc': size must be a whole number >= 1, got 0"),
        (
            lambda: Projection(p, p, FixedIndegree(2), delay=0.0),
            "Projection 'p-p': delay must be > 0 ms, got 0.0",
        ),
        (
            lambda: Projection(p, p, FixedIndegree(4, multapses=False)),
            "Projection 'p-p': FixedIndegree: k must be <= 3",
        ),
        (
            lambda: Poisson(p, rate=-1.0, weight=1.0),
            "Poisson onto 'p': rate must be finite and >= 0 Hz, got -1.0",
        ),
        (lambda: Projection(p, p, AllToAll(), receptor="gaba"), "receptor must be one of v, got 'gaba'"),
        (lambda: Network(p, Population("p", 1, LIF())), "two populations are called 'p'"),
        (lambda: Simulation(Network(p), dt=0.0), "dt must be > 0 ms, got 0.0"),
    ):
        with pytest.raises(DescriptionError) as info:
            make()
        assert message in str(info.value)


@pytest.mark.parametrize("n_trials", [1, 2])
def test_the_run_store_holds_what_the_result_would(tmp_path, n_trials):
    xarray = pytest.importorskip("xarray")
    network, exc, inh = balanced()
    record = Record(spikes=[exc, inh], traces={"v": Trace(exc, "v", [3, 5])}, every=1.0)
    expected = Simulation(network, n_trials=n_trials).run(50.0, record)
    result = Simulation(network, n_trials=n_trials).run(50.0, record, to=tmp_path / "run.zarr")
    assert result.rates() == expected.rates()
    with xarray.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        np.testing.assert_array_equal(tree["spikes/exc"].t, expected.spikes["exc"].tick)
        np.testing.assert_array_equal(tree["spikes/exc"].neuron, expected.spikes["exc"].neuron)
        offsets = np.searchsorted(expected.spikes["exc"].trial, np.arange(n_trials + 1))
        np.testing.assert_array_equal(tree["spikes/exc"].trial_offset, offsets)
        v = tree["traces/v"].v.values
        found = v if n_trials == 1 else v[:, 1]  # by (time, trial, neuron) where there are several
        np.testing.assert_array_equal(found, expected.traces["v"][n_trials - 1])


@pytest.mark.numbers
def test_poisson_rates_by_neuron_and_in_time():
    counter = LIF(tau_m=1e9, v_thresh=1e9, v_reset=0.0)
    p = Population("p", 3000, counter)
    rates = np.repeat([0.0, 100.0, 20_000.0], 1000)
    for source in (Poisson(p, rates, 1.0), Poisson(p, lambda t: 4_000.0 if t >= 50.0 else 0.0, 1.0)):
        found = []
        for threads, parts in ((1, [100.0]), (2, [30.0, 70.0])):
            simulation = Simulation(Network(p, source), seed=4, precision="float64", threads=threads)
            for ms in parts:
                simulation.run(ms)
            found.append(simulation.state()["state/p/v"][0])
        np.testing.assert_array_equal(*found)
        if callable(source.rate):
            assert found[0].mean() == pytest.approx(200.0, abs=5 * np.sqrt(200 / 3000))
            assert found[0].var() == pytest.approx(200.0, rel=0.15)
        else:
            for group, rate in enumerate((0.0, 100.0, 20_000.0)):
                n = found[0][1000 * group : 1000 * (group + 1)]
                assert n.mean() == pytest.approx(rate * 0.1, abs=5 * np.sqrt(rate * 0.1 / 1000))
