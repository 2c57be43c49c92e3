"""EGDC as one network of the engine: what its synapses learn, what recall settles to, and whatever must not matter."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from tegmentum.datasets import load
from tegmentum.plasticity.continual.run import ClassSplit, ContinualData, run_continual
from tegmentum.plasticity.egdc.columns import ColumnParameters
from tegmentum.plasticity.egdc.in_engine import EGDCNetwork
from tegmentum.plasticity.egdc.network import EGDCNetworkParameters
from tegmentum.plasticity.registry import CONTINUAL_RULES
from tegmentum.simcore import Record
from tegmentum.simcore.errors import DescriptionError

pytestmark = pytest.mark.slow

SMALL = EGDCNetworkParameters(
    ColumnParameters(n_features=16, size=3, pool=3), critical_period=60, per_spike=4, recall_ticks=800
)
ORDER, EACH = (4, 1, 7), 40


def samples(*classes):
    d = load("digits")
    index = np.concatenate([np.flatnonzero(d.y_train == k)[:EACH] for k in classes])
    return d.x_train[index], d.y_train[index], d.x_max


def learned(parameters=SMALL, threads=1):
    model = EGDCNetwork((8, 8), 10, parameters, seed=3, threads=threads)
    costs = [model.learn_task(*samples(k), (k,)) for k in ORDER]
    return model, costs, model.state()


@functools.cache
def one():
    return learned()


@functools.cache
def counts():
    """Spikes of each pool in the trial of each sample, as a recorder saw them."""
    model, (x, y, x_max) = one()[0], samples(*ORDER)
    simulation, n = model.simulation, len(x)
    start, events = simulation.tick, model._events(x, x_max)
    shown = simulation.present(events, train="pixels", record=Record(spikes=["pools"]))
    spikes = shown.record.spikes["pools"]
    found = np.zeros((n, simulation.network["pools"].size))
    np.add.at(found, ((spikes.tick - start - 1) // events.n_ticks, spikes.neuron), 1.0)
    return found, y


def test_prototypes_are_sums_of_spikes_of_their_class_alone():
    (x, y), (_, prototype, n) = counts(), one()[0].sums()
    wanted = np.zeros_like(prototype)
    np.add.at(wanted, y, x)
    assert wanted.sum() > 1e4
    np.testing.assert_allclose(prototype, wanted, rtol=1e-4)
    np.testing.assert_allclose(n, [EACH * (k in ORDER) for k in range(10)], rtol=1e-4)
    up = np.asarray(one()[0].simulation.synapses("up").weight).reshape(len(wanted.T), 10)
    np.testing.assert_allclose(up, wanted.T, rtol=1e-4)


def test_lateral_synapses_are_sums_of_products_and_their_loop_the_covariance_within_classes():
    (x, y), (lateral, prototype, n) = counts(), one()[0].sums()
    np.testing.assert_allclose(lateral - SMALL.prior * np.eye(x.shape[1]), x.T @ x, rtol=1e-4, atol=1e-2)
    known = n > 0
    within = lateral - (prototype[known].T / n[known]) @ prototype[known]
    mean = np.stack([x[y == k].mean(axis=0) for k in range(10) if known[k]])
    off = x - mean[np.searchsorted(np.flatnonzero(known), y)]
    np.testing.assert_allclose(
        within, off.T @ off + SMALL.prior * np.eye(x.shape[1]), atol=1e-3 * lateral.max()
    )


def test_columns_answer_as_those_of_the_kernel():
    """But for spikes that are still due when the window ends, and come before the trial ends."""
    model, (x, _, x_max) = one()[0], samples(*ORDER)
    simulation = model.simulation
    start, events = simulation.tick, model._events(x, x_max)
    shown = simulation.present(events, train="pixels", record=Record(spikes=["columns"]))
    spikes, ticks = shown.record.spikes["columns"], SMALL.columns.n_ticks
    trial, tick = np.divmod(spikes.tick - start - 1, events.n_ticks)
    within = tick < ticks + 2  # two ticks from a pixel to its columns
    k = SMALL.columns.n_features
    found = np.zeros((len(x), model.columns.n_outputs))
    np.add.at(
        found,
        (trial[within], model.columns.pool[spikes.neuron[within] // k] * k + spikes.neuron[within] % k),
        1,
    )
    wanted, _ = model.columns.respond(x, x_max)
    assert wanted.sum() > 5e4
    assert np.abs(found - wanted).sum() < 1e-3 * wanted.sum()  # potentials at the threshold, to float32


def test_recall_settles_near_the_solution():
    """The nearer the longer it lasts: the error falls as its length grows."""
    model = one()[0]
    solved, _ = model.solved()
    known = model.known
    near = []
    for ticks in (800, 3000, 12000):
        other = EGDCNetwork((8, 8), 10, replace(SMALL, recall_ticks=ticks, recall_tau=ticks / 6), seed=3)
        for name in ("lateral", "down", "up", "samples"):
            other.simulation.set_weights(name, model.simulation.synapses(name).weight)
        other.known[:] = known
        other.settle()
        found = other.weights()["read-out"][:, known]
        found, wanted = found - found.mean(axis=0), solved[:, known] - solved[:, known].mean(axis=0)
        near.append(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    assert near[0] > near[1] > near[2]
    assert near[2] < 0.12


def test_threads_batches_and_states_change_no_bit():
    (model, costs, state), (_, others, theirs) = one(), learned(threads=2)
    assert theirs.keys() == state.keys()
    for key, value in theirs.items():
        np.testing.assert_array_equal(value, state[key], err_msg=key)
    assert [replace(c, seconds=0.0) for c in costs] == [replace(c, seconds=0.0) for c in others]
    d = load("digits")
    x = d.x_test[:12]
    whole = model.predict(x, d.x_max)
    assert set(whole) <= set(ORDER)
    again = EGDCNetwork((8, 8), 10, SMALL, seed=3)
    again.load_state(state)
    np.testing.assert_array_equal(again.predict(x[::-1].copy(), d.x_max)[::-1], whole)
    np.testing.assert_array_equal([again.predict(x[i : i + 1], d.x_max)[0] for i in range(12)], whole)


def test_how_samples_are_split_over_calls_changes_no_bit(monkeypatch):
    monkeypatch.setattr("tegmentum.plasticity.egdc.in_engine._STEP", 7)
    other = learned()[0]
    for name in ("lateral", "down", "up", "samples", "read-out", "offset"):
        ours, theirs = (m.simulation.synapses(name).weight for m in (one()[0], other))
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_the_gate_is_what_keeps_classes_apart():
    d = load("digits")
    test = np.isin(d.y_test, ORDER)
    right = []
    for gated in (True, False):
        model = one()[0] if gated else learned(replace(SMALL, gated=False))[0]
        right.append((model.predict(d.x_test[test], d.x_max) == d.y_test[test]).mean())
    assert right[0] > 0.97
    assert right[1] < 0.6


def test_rules_of_the_registry():
    assert {name for name in CONTINUAL_RULES if name.startswith("egdc-network")} == {
        "egdc-network", "egdc-network-solve", "egdc-network-ungated", "egdc-network-random-fields",
    }  # fmt: skip
    d = load("digits")
    split = ClassSplit((*ORDER, 0, 2, 3, 5, 6, 8, 9), limit_train=EACH)
    data = ContinualData(d.x_train, d.y_train, d.x_test, d.y_test, d.x_max)
    result = run_continual(EGDCNetwork((8, 8), 10, SMALL, seed=3), split, data)
    assert np.nanmean(result.matrix.r[-1]) > 0.85  # 40 samples of each class


@pytest.mark.parametrize(("options", "message"), [
    ({"per_spike": 0}, "per_spike must be >= 1, got 0"),
    ({"prior": 0.0}, "prior must be > 0, got 0.0"),
    ({"settling": "wait"}, "settling must be recall or solve, got 'wait'"),
])  # fmt: skip
def test_errors(options, message):
    with pytest.raises(DescriptionError, match=message):
        EGDCNetworkParameters(**options)
