"""Trials on both backends, run in CUDA's simulator by a process of its own: ``cuda_trials.py [NAME...]``.

Prints what :mod:`cuda_cases` prints.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cuda_cases
import numpy as np
import test_present as trials
from cuda_cases import ONE, SEVERAL, SIDE_BY_SIDE, TWO, everything, same, same_state, shape
from typer.testing import CliRunner

from tegmentum.cli.app import app
from tegmentum.datasets import load
from tegmentum.plasticity import OnlineLearner, TsodyksMarkram
from tegmentum.plasticity.learning.dopamine_classifier import parameters_for
from tegmentum.simcore import ByPre, Network, Poisson, Record, Trace, Whole, open_run, random_table

CASES = {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


def backends(net, **options):
    return [trials.simulation(net, arithmetic="fixed", backend=name, **options) for name in ("cpu", "cuda")]


def same_answers(one, other):
    """Check that two presentations came to the same."""
    np.testing.assert_array_equal(one.chosen, other.chosen)
    np.testing.assert_array_equal(one.votes, other.votes)
    for found, wanted in ((other.spikes, one.spikes), (other.levels, one.levels)):
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            np.testing.assert_array_equal(values, found[name], name)
    assert one.synaptic_events == other.synaptic_events
    same(one.record, other.record)


def learned(net, n=4, again=2, learning=1.0, **options):
    """Let both backends learn, exchange their states, learn on and be tested; returns the number of spikes."""
    sims = backends(net, **options)
    events, labels = trials.samples(n + again)
    kinds = (labels + 1) % trials.N_OUT
    before = trials.state(sims[0])

    def shown(lo, hi, rate):
        part = trials.part(events, lo, hi), labels[lo:hi]
        found = [
            trials.learn(s, *part, learning=rate, kinds=kinds[lo:hi], record=everything(net)) for s in sims
        ]
        same_answers(*found)
        same_state(*sims)
        return sum(found[0].record.n_spikes.values())

    n_spikes = shown(0, n, learning)
    states = [sim.state() for sim in sims]
    for sim, state in zip(sims, reversed(states), strict=True):
        sim.load_state(state)
    n_spikes += shown(n, n + again, learning) + shown(0, 1, 0.0)
    for one, other in zip(before[:2], trials.state(sims[1])[:2], strict=True):
        assert (one != other).any()
    return n_spikes


@case
def dense():
    shape(ONE)
    return learned(trials.network())


@case
def listed():
    shape(TWO)
    return learned(trials.network(sparse=0.6), precision="float32")


@case
def a_level_for_each_synapse():
    shape(TWO)
    return learned(trials.network(sparse=0.6, general=True))


@case
def a_level_for_each_pre_neuron():
    shape(ONE)
    groups = ByPre(np.arange(trials.N_IN) % trials.N_OUT)
    return learned(trials.network(subpopulations=groups), n=2, again=1)


@case
def kinds_of_input_in_another_order():
    shape(TWO)
    table = random_table(trials.N_OUT, trials.N_OUT, seed=3)
    return learned(trials.network(signal="kind", table=table, shuffled=True), n=2, again=1)


@case
def rewards():
    shape(ONE)
    net = trials.network(subpopulations=Whole(), signal="reward", table=np.ones((1, 1)), scale=0.4)
    return learned(net, n=3, again=2)


@case
def trials_longer_than_a_window_of_integrals():
    """Of continuous time, at most four time constants."""
    shape(ONE)
    rng = np.random.default_rng(0)
    trial, tick, channel = np.nonzero(rng.random((2, 150, trials.N_IN)) < 0.03)
    given = {"trial": trial, "tick": tick, "channel": channel}
    events = SimpleNamespace(**given, n_trials=2, n_ticks=150, n_channels=trials.N_IN)
    sims = backends(trials.network())
    found = [trials.learn(sim, events, np.array([0, 1])) for sim in sims]
    same_answers(*found)
    same_state(*sims)
    return int(found[0].spikes["hidden"].sum())


@case
def copies_share_the_samples():
    """With Poisson input and thresholds that a trial moves, in launches that end within trials."""
    from tegmentum.simcore.advance.cuda import device

    shape(SEVERAL)
    net = trials.network(plastic=False)
    hidden = net.populations[0]
    noisy = Network(
        *net.populations, *net.spike_trains, *net.projections, Poisson(hidden, rate=40.0, weight=0.3)
    )
    whole, device.TAPE = device.TAPE, 300
    try:
        sims = backends(noisy, n_trials=3)
        record = Record(spikes=noisy.populations, traces={"theta": Trace(hidden, "theta", [0, 8])})
        found = [trials.learn(s, *trials.samples(4), learning=0.5, record=record) for s in sims]
        same_answers(*found)
        same_state(*sims)
        return sum(found[0].record.n_spikes.values())
    finally:
        device.TAPE = whole


@case
def short_term_plasticity_is_restored():
    shape(TWO)
    net = trials.network(plastic=False)
    first, *others = net.projections
    tired = replace(first, short_term=TsodyksMarkram(tau_rec=20.0))
    sims = backends(Network(*net.populations, *net.spike_trains, tired, *others))
    found = [trials.learn(sim, *trials.samples(3), learning=0.0) for sim in sims]
    same_answers(*found)
    same_state(*sims)
    return int(found[0].spikes["hidden"].sum())


@case
def weights_are_recorded_between_trials():
    shape(ONE)
    sims, record = backends(trials.network()), Record(weights={"first": 2.0 * trials.TICKS})
    found = [trials.learn(sim, *trials.samples(4), record=record).record.weights["first"] for sim in sims]
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert len(found[0].values) == 3
    return int((found[0].values[0] != found[0].values[1]).sum())


@case
def trials_side_by_side():
    """In one launch, as on a device: blocks wait for one another in every tick, and once more when a trial ends."""
    shape(SIDE_BY_SIDE)
    return learned(trials.network(), n=2, again=1)


@case
def digits():
    """What ``tegmentum train`` does, in small: learned and told apart as on the CPU."""
    shape(ONE)
    data = load("digits")
    p = replace(parameters_for("digits", 6), ticks=27)
    one, other = (OnlineLearner(64, 10, p, epochs=1, backend=b, arithmetic="fixed") for b in ("cpu", "cuda"))
    for learner in (one, other):
        learner.learn(data.x_train[:4], data.y_train[:4], data.x_max)
    same_state(one.simulation, other.simulation)
    np.testing.assert_array_equal(
        one.predict(data.x_test[:2], data.x_max), other.predict(data.x_test[:2], data.x_max)
    )
    assert one.spikes_per_sample == other.spikes_per_sample
    return int(4 * one.spikes_per_sample["hidden"])


@case
def digits_by_the_command():
    """``tegmentum train --backend cuda`` writes the weights that the CPU learns in the same arithmetic."""
    shape(ONE)
    arguments = "train --backend cuda --hidden 6 --ticks 27 --epochs 1 --limit-train 4 --limit-test 2 --json"
    with tempfile.TemporaryDirectory() as folder:
        done = CliRunner().invoke(app, [*arguments.split(), "--out", f"{folder}/run.zarr"])
        assert done.exit_code == 0, done.output
        document = json.loads(done.stdout)
        with open_run(f"{folder}/run.zarr") as run:
            written = run["weights/pixels-hidden"].load().to_dataset()
    data = load("digits")
    p = replace(parameters_for("digits", 6), ticks=27, epochs=1)
    learner = OnlineLearner(64, 10, p, arithmetic="fixed")
    learner.learn(data.x_train[:4], data.y_train[:4], data.x_max)
    expected = learner.simulation.synapses("pixels-hidden")
    np.testing.assert_array_equal(written.w.values[-1], expected.weight)
    np.testing.assert_array_equal(written.post.values, expected.post)
    assert (written.w.values[0] != written.w.values[-1]).any()
    assert document["backend"] == "cuda"
    right = learner.predict(data.x_test[:2], data.x_max) == data.y_test[:2]
    assert document["test_accuracy"] == right.mean()
    return document["synaptic_events"]


@case
def check_device_from_beginning_to_end():
    """The program for whoever has a GPU, of networks that are small enough for the simulator."""
    shape(ONE)
    path = Path(__file__).parent.parent / "examples" / "check_device.py"
    spec = importlib.util.spec_from_file_location("check_device", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    program.EQUAL, program.TIMED, program.TRAINED = (("dopamine", 0.002),), ("brunel",), (("digits", 3),)
    program.LENGTH, program.STEP, program.WARM, program.TESTED = 6.0, 2.0, 0.5, 2
    program.parameters_for = lambda name: replace(parameters_for(name, 6), ticks=27)
    program.bandwidth = lambda: 1e9
    sys.argv, argv = ["check_device.py", "--scale", "0.001", "--seconds", "0.002"], sys.argv
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert program.main() == 0, out.getvalue()
    finally:
        sys.argv = argv
    rows = {line.split("|")[1].strip(): line for line in out.getvalue().splitlines() if line.startswith("| ")}
    assert "all equal" in rows["dopamine"]
    assert "3 samples, all equal" in rows["digits"]
    assert rows["brunel"].count("|") == 11
    return len(rows)


def for_compilers():
    """Yield name, network and options of networks that are shown samples."""
    for precision in ("float32", "float64"):
        yield f"trials, {precision}", trials.network(), {"dt": 1.0, "precision": precision}


def begin(simulation):
    """Launch every kernel of a network once."""
    if simulation.network.populations[0].name == "hidden":
        trials.learn(simulation, *trials.samples(1))
    else:
        simulation.run(0.1)


if __name__ == "__main__":
    cuda_cases.main(CASES, {})
