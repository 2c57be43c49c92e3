"""States: what was set comes back, what does not fit is refused, and simulations survive pickles, copies and forks."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Current,
    DescriptionError,
    FixedIndegree,
    Network,
    Noise,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    StoreError,
    Uniform,
)

CELL = LIF(tau_m=10.0, v_thresh=10.0, v_reset=0.0, t_ref=1.0)


def network(size=300, weight=0.4, learning=True, rate=3_000.0, std=0.0):
    exc, train = Population("exc", size, CELL), SpikeTrain("in", 3, [5.0, 9.0, 40.0], [0, 2, 1])
    rule = STDP(lam=0.02, w_max=0.8) if learning else None
    return Network(
        exc,
        train,
        Projection(exc, exc, FixedIndegree(30), Uniform(0.2, 0.6), 1.5, plasticity=rule),
        Projection(train, exc, AllToAll(), Uniform(1.0, 2.0), 0.5),
        Poisson(exc, rate=rate, weight=weight),
        *([Noise(exc, std)] if std else []),
    )


def same(one, other):
    first, second = one.state(), other.state()
    assert first.keys() == second.keys()
    for key, values in first.items():
        np.testing.assert_array_equal(values, second[key], err_msg=key)


@pytest.mark.slow
def test_set_weights_and_delays_of_static_synapses_come_back():
    whole = Simulation(network(), seed=3)
    whole.set_delays("in-exc", np.random.default_rng(0).integers(1, 30, 900) * 0.1)
    whole.set_weights("in-exc", np.linspace(0.0, 3.0, 900))
    whole.run(30.0)
    saved = whole.state()
    whole.run(30.0)
    for threads in (1, 2):
        other = Simulation(network(), seed=3, threads=threads)
        other.load_state(saved)
        other.run(30.0)
        same(whole, other)
        found, right = other.synapses("in-exc"), whole.synapses("in-exc")
        np.testing.assert_array_equal(found.weight, right.weight)
        np.testing.assert_array_equal(found.delay, right.delay)
    # a state without set weights takes those away that this simulation was given
    fresh = Simulation(network(), seed=3)
    drawn, start = fresh.synapses("in-exc"), fresh.state()
    other.load_state(start)
    np.testing.assert_array_equal(other.synapses("in-exc").weight, drawn.weight)
    np.testing.assert_array_equal(other.synapses("in-exc").delay, drawn.delay)
    same(other, fresh)


@pytest.mark.parametrize("update", ["stepped", "lazy"])
@pytest.mark.parametrize("rule", [FixedIndegree(2), AllToAll(), AllToAll(autapses=False)])
def test_set_weights_come_back_however_they_are_stored(rule, update):
    p = Population("p", 12, CELL, update)
    net = Network(p, Projection(p, p, rule, Uniform(0.1, 0.2)), Projection(p, p, rule, 0.3, name="one"))
    simulation = Simulation(net)
    weights = np.linspace(0.5, 2.0, len(simulation.synapses("p-p")))
    simulation.set_weights("p-p", weights)
    saved = simulation.state()
    for threads in (1, 2):
        other = Simulation(net, threads=threads)
        other.load_state(saved)
        np.testing.assert_allclose(other.synapses("p-p").weight, weights, rtol=1e-6)
        assert other.synapses("one").weight == pytest.approx([0.3] * len(other.synapses("one")))
    simulation.set_weights(net["p-p"], 0.0)  # the projection itself will do as well as its name
    assert not simulation.synapses(net["p-p"]).weight.any()


def test_setting_delays_keeps_the_weights_that_other_projections_were_given():
    simulation = Simulation(network(learning=False))
    simulation.set_weights("exc-exc", 0.25)
    simulation.set_delays("in-exc", 2.0)
    assert set(simulation.synapses("exc-exc").weight) == {0.25}
    assert "weights/exc-exc" in simulation.state()


def test_weights_drawn_anew_are_no_longer_those_that_were_set():
    simulation = Simulation(network(learning=False))
    simulation.set_weights("exc-exc", 0.25)
    simulation.reset(keep=())
    assert "weights/exc-exc" not in simulation.state()


def test_weights_at_the_rules_border_come_back():
    """0.8 in float32 is a little more than 0.8."""
    exc = Population("exc", 30, CELL)
    rule = STDP(lam=0.5, alpha=0.1, mu=0.0, w_max=0.8)
    net = Network(
        exc,
        Projection(exc, exc, FixedIndegree(10), Uniform(0.2, 0.6), 1.5, plasticity=rule),
        Poisson(exc, rate=3_000.0, weight=0.8),
    )
    one = Simulation(net)
    one.run(200.0)
    weights = one.synapses("exc-exc").weight
    assert weights.max() > 0.8
    two = Simulation(net)
    two.load_state(one.state())
    two.set_weights("exc-exc", weights)
    np.testing.assert_array_equal(two.synapses("exc-exc").weight, weights)


@pytest.mark.parametrize(
    ("arguments", "other", "message"),
    [
        ({"dt": 0.2}, None, r"load_state: dt must be 0\.2, got a state of 0\.1"),
        ({"precision": "float64"}, None, "precision must be float64, got a state of float32"),
        ({"seed": 4}, None, "seed must be 4, got a state of 3"),
        ({"n_trials": 2}, {"learning": False}, "n_trials must be 2, got a state of 1"),
        ({}, {"weight": 0.5}, r"another network: sources\.0\.weight is 0\.5 here, 0\.4 in the state"),
        ({}, {"size": 301}, r"another network: populations\.exc\.size is 301 here, 300 in the state"),
        ({}, {"learning": False}, r"another network: projections\.exc-exc\.plasticity"),
        ({}, {"std": 5.0}, "another network: sources is"),
    ],
)
def test_states_of_another_simulation_are_refused(arguments, other, message):
    saved = Simulation(network(), seed=3).state()
    simulation = Simulation(network(**(other or {})), **{"seed": 3, **arguments})
    with pytest.raises(DescriptionError, match=message):
        simulation.load_state(saved)
    assert simulation.tick == 0


def test_states_that_lack_something_or_hold_something_else_are_refused_and_change_nothing():
    simulation = Simulation(network(), seed=3)
    simulation.run(20.0)
    saved = simulation.state()
    before = simulation.state()
    for key in saved:
        with pytest.raises(DescriptionError, match=f"load_state: {key} is missing"):
            simulation.load_state({k: v for k, v in saved.items() if k != key})
    bad = {
        "more": np.zeros(3),
        "weights/nobody": np.zeros(3),
        "state/exc/v": saved["state/exc/v"][:, 1:],
        "n_spikes": np.zeros(3),
        "tick": np.array(-1),
        "in_flight/source": saved["in_flight/source"][1:],
        "in_flight/trial": saved["in_flight/trial"] + 7,
        "plastic/exc-exc/pre": np.array(["a"]),
        "network": np.array("no network"),
        "dt": np.array(["0.1"]),
        "seed": None,
    }
    for key, values in bad.items():
        with pytest.raises(DescriptionError, match="load_state"):
            simulation.load_state({**saved, key: values})
    for state in (None, 3, [], "state"):
        with pytest.raises(DescriptionError, match="state must be what"):
            simulation.load_state(state)
    after = simulation.state()
    for key, values in before.items():
        np.testing.assert_array_equal(values, after[key])


def test_long_arrays_are_compared_by_what_they_hold():
    p = Population("p", 40, CELL)
    one, two = (Simulation(Network(p, Current(p, np.linspace(0.0, end, 40)))) for end in (1.0, 2.0))
    with pytest.raises(DescriptionError, match=r"sources\.0\.amplitude is 'array of shape \(40,\)"):
        one.load_state(two.state())


@pytest.mark.parametrize("way", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy, copy.copy])
def test_pickles_and_copies_go_on_as_the_original(way):
    whole = Simulation(network(), seed=3, threads=2)
    whole.set_weights("in-exc", 1.5)
    whole.run(30.0)
    other = way(whole)
    assert (other.threads, other.t) == (2, whole.t)
    whole.run(20.0)
    assert other.t == 30.0  # on its own
    other.run(20.0)
    same(whole, other)


def _work(workers, pipe):
    pipe.send(workers.pool.submit(sum, (1, 2)).result())


def test_a_pool_is_made_anew_in_a_child_and_after_a_pickle():
    from tegmentum.simcore.advance.workers import Workers

    workers = Workers(2)
    assert workers.pool.submit(sum, (1, 2)).result() == 3
    assert workers.pool is workers.pool
    assert pickle.loads(pickle.dumps(workers)).pool.submit(sum, (1, 2)).result() == 3
    assert Workers(0).pool is None
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_work, args=(workers, there))
    child.start()
    try:
        assert here.poll(60.0), "the child hangs"
        assert here.recv() == 3
    finally:
        child.kill()
        child.join()


def _child(simulation, pipe):
    simulation.run(20.0)
    pipe.send(simulation.state())


def test_a_simulation_with_threads_survives_a_fork():
    whole = Simulation(network(), seed=3, threads=2)
    whole.run(10.0)  # its threads are there
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_child, args=(whole, there))
    child.start()
    try:
        assert here.poll(60.0), "the child hangs"
        found = here.recv()
    finally:
        child.kill()
        child.join()
    whole.run(20.0)
    for key, values in whole.state().items():
        np.testing.assert_array_equal(values, found[key])


def test_parts_of_an_unpickled_network_are_found_by_name():
    old = network()
    new = pickle.loads(pickle.dumps(old))
    more = Network(
        *new, Poisson(old["exc"], 100.0, 0.1), Projection(old["in"], old["exc"], AllToAll(), name="x")
    )
    assert more.sources[-1].post is new["exc"]
    assert (more["x"].pre, more["x"].post) == (new["in"], new["exc"])
    assert len(Simulation(more).synapses(old["exc-exc"])) == 9000
    other = Population("exc", 12, CELL)
    with pytest.raises(
        DescriptionError, match="Poisson: post is a Population called 'exc', but not the network's"
    ):
        Network(*new, Poisson(other, 100.0, 0.1))
    with pytest.raises(DescriptionError, match="not in the network"):
        Network(new["exc"], Poisson(Population("y", 12, CELL), 100.0, 0.1))


def noisy(simulation):
    simulation.run(60.0)
    return simulation.state()


@pytest.mark.numbers
def test_reset_repeats_the_input_or_draws_new_one():
    simulation = Simulation(network(std=50.0), seed=3)
    wired = simulation.synapses("exc-exc")
    first = noisy(simulation)["state/exc/v"]
    simulation.reset(keep=())
    np.testing.assert_array_equal(noisy(simulation)["state/exc/v"], first)
    simulation.reset(keep=(), seed=4)
    np.testing.assert_array_equal(simulation.synapses("exc-exc").weight, wired.weight)
    np.testing.assert_array_equal(simulation.synapses("exc-exc").pre, wired.pre)
    second = noisy(simulation)
    assert abs(np.corrcoef(first[0], second["state/exc/v"][0])[0, 1]) < 0.3
    other = Simulation(network(std=50.0), seed=3, threads=2)  # the seed of the input is part of the state
    other.load_state(second)
    other.run(20.0)
    simulation.run(20.0)
    same(simulation, other)
    simulation.reset(keep=(), seed=3)
    np.testing.assert_array_equal(noisy(simulation)["state/exc/v"], first)


def test_given_spikes_are_exchanged_between_trials():
    def trains(times, neuron, trial=None):
        return SpikeTrain("in", 3, times, neuron, trial)

    def fired(simulation):
        spikes = simulation.run(20.0, Record(spikes=[simulation.network["in"]])).spikes["in"]
        return [(round(0.1 * t, 1), int(n)) for t, n in zip(spikes.tick, spikes.neuron, strict=True)]

    p, first = Population("p", 5, CELL), trains([1.0, 3.0], [0, 1])
    simulation = Simulation(Network(p, first, Projection(first, p, AllToAll(), Uniform(1.0, 2.0))))
    assert fired(simulation) == [(1.0, 0), (3.0, 1)]
    simulation.reset()
    many = np.repeat(np.arange(2.0, 10.0, 0.5), 3), np.tile([0, 1, 2], 16)
    simulation.set_spikes("in", *many)
    assert fired(simulation) == list(zip(many[0].tolist(), many[1].tolist(), strict=True))
    # as one that was described with them
    other = trains(*many)
    described = Simulation(Network(p, other, Projection(other, p, AllToAll(), Uniform(1.0, 2.0))))
    described.run(20.0)
    np.testing.assert_array_equal(simulation.state()["state/p/v"], described.state()["state/p/v"])
    # while it runs, from here on; a state holds them
    simulation.set_spikes("in", [25.0], [2])
    loaded = Simulation(simulation.network)
    loaded.load_state(simulation.state())
    assert fired(simulation) == fired(loaded) == [(25.0, 2)]
    with pytest.raises(
        DescriptionError, match="times must be later than 40 ms, where the simulation is, got 25"
    ):
        simulation.set_spikes("in", [25.0], [2])
    with pytest.raises(DescriptionError, match=r"SpikeTrain 'in': neuron must be in \[0, 3\)"):
        simulation.set_spikes("in", [50.0], [3])
    with pytest.raises(DescriptionError, match="there is no spike train 'p'"):
        simulation.set_spikes("p", [50.0], [2])


def test_learners_pickle_with_weights_and_moments():
    from tegmentum.plasticity import Adam, ErrorDriven, Learner, StateDifference
    from tegmentum.simcore import DiscreteLIF

    pixels, out = SpikeTrain("in", 6, [], []), Population("out", 2, DiscreteLIF())
    rule = ErrorDriven(StateDifference(), optimiser=Adam(0.01))
    learner = Learner(
        Network(pixels, out, Projection(pixels, out, AllToAll(), Uniform(-1.0, 1.0), plasticity=rule)),
        batch=4,
        n_ticks=10,
    )
    r = np.random.default_rng(0)
    x, y = r.integers(0, 256, (16, 6)).astype(np.uint8), r.integers(0, 2, 16)
    learner.learn(x, y, 255, 0)
    for other in (pickle.loads(pickle.dumps(learner)), copy.deepcopy(learner)):
        other.learn(x, y, 255, 1)
        again = copy.deepcopy(learner)
        again.learn(x, y, 255, 1)
        for name in ("table", "first_moment", "second_moment", "seen"):
            np.testing.assert_array_equal(getattr(other.layers[0], name), getattr(again.layers[0], name))
        assert other.layers[0].steps == again.layers[0].steps == 8
        assert not np.array_equal(other.layers[0].table, learner.layers[0].table)


def test_a_saved_simulation_goes_on_in_another_process(tmp_path):
    one = Simulation(network(), seed=3, threads=1)
    one.run(20.0)
    one.save(tmp_path / "at-20.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["at-20.npz"]
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    child = context.Process(target=_resume, args=(str(tmp_path / "at-20.npz"), theirs))
    child.start()
    there = pipe.recv()
    child.join()
    other = one.fork(threads=2)
    for simulation in (one, other):
        simulation.run(20.0)
        for key, values in simulation.state().items():
            np.testing.assert_array_equal(values, there[key], err_msg=key)


def _resume(path, pipe):
    simulation = Simulation.load(path, network(), threads=2)
    simulation.run(20.0)
    pipe.send(simulation.state())


def test_files_that_are_no_saved_simulation(tmp_path):
    import json

    one = Simulation(network(), seed=3, threads=1)
    path = tmp_path / "state.npz"
    one.save(path)
    with pytest.raises(DescriptionError, match="another network"):
        Simulation.load(path, network(weight=0.5))
    with pytest.raises(StoreError, match="no such file"):
        Simulation.load(tmp_path / "none.npz", network())
    with pytest.raises(StoreError, match="cannot be written"):
        one.save(tmp_path / "missing" / "state.npz")
    with np.load(path) as found:
        arrays = dict(found)
    about = json.loads(str(arrays.pop("saved")))
    for change, message in (
        ({"tegmentum": "0.0.1"}, "saved by Tegmentum 0.0.1"),
        ({"schema": 9}, "schema 9"),
    ):
        np.savez(path, saved=np.array(json.dumps(about | change)), **arrays)
        with pytest.raises(StoreError, match=message):
            Simulation.load(path, network())
    np.savez(path, saved=np.array(json.dumps(about | {"tegmentum": "0.0.1"})), **arrays)
    same(Simulation.load(path, network(), force=True), one)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"text", content.replace(b"saved", b"sived")):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"damaged|cannot be read"):
            Simulation.load(path, network())
