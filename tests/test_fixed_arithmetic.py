"""Fixed arithmetic on the CPU: weights on a grid, sums without an order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tegmentum.plasticity import STDP, DopamineSTDP, PowerLawSTDP, TsodyksMarkram
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    FixedIndegree,
    FromCOO,
    LIFExp,
    Modulator,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Record,
    Release,
    Simulation,
    SpikeTrain,
    Trace,
)


def network(order=None, weight=None):
    """Cells under all formats of synapses; ``order`` permutes the list of the recurrent ones."""
    rng = np.random.default_rng(3)
    cells = Population("cells", 40, LIFExp(), "stepped")
    spikes = SpikeTrain("in", 6, rng.uniform(0.0, 8.0, 200), rng.integers(6, size=200))
    pairs = rng.permutation(40 * 40)[:400]
    given = rng.uniform(20.0, 90.0, 400) if weight is None else weight
    order = np.arange(400) if order is None else order
    i, j = pairs[order] // 40, pairs[order] % 40
    return Network(
        cells,
        spikes,
        Projection(spikes, cells, AllToAll(), weight=rng.uniform(50.0, 300.0, (6, 40)), delay=0.1),
        Projection(cells, cells, FromCOO(i, j), weight=given[order], delay=0.4, name="listed"),
        Projection(
            cells, cells, FixedIndegree(5), weight=Normal(-60.0, 9.0), delay=0.7, name="drawn", receptor="inh"
        ),
        Poisson(cells, rate=5_000.0, weight=33.3),
    )


def run(net, **options):
    sim = Simulation(net, seed=5, arithmetic="fixed", **options)
    return sim, sim.run(8.0, Record(spikes=net.populations))


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_weights_are_whole_quanta_near_what_was_given(precision):
    net = network()
    fixed = Simulation(net, seed=5, arithmetic="fixed", precision=precision)
    free = Simulation(net, seed=5, precision=precision)
    for projection in net.projections:
        row = projection.post.model.receptors.index(str(projection.receptor))
        quantum = fixed._quanta[0, row]
        mine, given = fixed.synapses(projection).weight, free.synapses(projection).weight
        np.testing.assert_array_equal(np.rint(mine / quantum) * quantum, mine)
        assert np.abs(mine - given).max() <= 0.5 * quantum
        assert quantum < (1e-2 if precision == "float32" else 1e-9)


def test_no_sum_can_leave_the_bits_of_a_number():
    net = network()
    sim = Simulation(net, seed=5, arithmetic="fixed")
    onto = np.zeros((2, 40))
    for projection in net.projections:
        found = sim.synapses(projection)
        np.add.at(
            onto[projection.post.model.receptors.index(str(projection.receptor))],
            found.post,
            np.abs(found.weight),
        )
    assert np.all(onto.max(axis=1) / sim._quanta[0] <= 2.0**24)


def test_the_order_of_synapses_decides_nothing():
    rng = np.random.default_rng(8)
    (_, one), (_, other) = run(network()), run(network(rng.permutation(400)))
    assert one.n_spikes["cells"] > 20
    np.testing.assert_array_equal(one.spikes["cells"].tick, other.spikes["cells"].tick)
    np.testing.assert_array_equal(one.spikes["cells"].neuron, other.spikes["cells"].neuron)


def test_threads_and_checkpoints_agree(tmp_path):
    net = network()
    sim, whole = run(net)
    _, by_two = run(net, threads=2)
    np.testing.assert_array_equal(whole.spikes["cells"].neuron, by_two.spikes["cells"].neuron)
    sim.save(tmp_path / "state")
    again = Simulation.load(tmp_path / "state", net)
    assert again.arithmetic == "fixed"
    for key, values in again.state().items():
        np.testing.assert_array_equal(values, sim.state()[key], key)
    assert sim.fork().arithmetic == "fixed"


def test_weights_that_are_set_are_rounded_and_must_fit():
    net = network()
    sim, _ = run(net)
    quantum = sim._quanta[0, 0]
    before = sim.synapses("listed").weight
    sim.set_weights("listed", before * 0.5 + quantum / 3)
    after = sim.synapses("listed").weight
    np.testing.assert_array_equal(after, np.rint((before * 0.5 + quantum / 3) / quantum) * quantum)
    with pytest.raises(
        DescriptionError, match=r"Projection 'listed': weight: .* more than arithmetic='fixed' has room"
    ):
        sim.set_weights("listed", 1e5)
    np.testing.assert_array_equal(sim.synapses("listed").weight, after)


def test_spikes_that_are_set_must_fit():
    sim, _ = run(network())
    with pytest.raises(DescriptionError, match=r"SpikeTrain 'in': what can reach"):
        sim.set_spikes("in", np.full(5000, 9.0), np.zeros(5000, int))
    sim.set_spikes("in", [9.0, 9.1], [0, 1])


def test_a_grid_that_would_be_coarse_is_refused():
    cells = Population("cells", 2, LIF(), "stepped")
    net = Network(
        cells,
        Projection(
            cells,
            cells,
            FromCOO([0] * 1001, [1] * 1001),
            weight=np.append(np.full(1000, 1e-3), 1e6),
            delay=0.1,
        ),
    )
    net_64 = Simulation(net, precision="float64", arithmetic="fixed")
    assert net_64._quanta[0, 0] < 1e-6
    weights = np.append(np.full(1000, 1e-6), 1e-3)
    uneven = Network(
        cells,
        Projection(cells, cells, FromCOO([0] * 1001, [1] * 1001), weight=weights, delay=0.1),
        Poisson(cells, rate=5_000.0, weight=1e3),
    )
    with pytest.raises(DescriptionError, match=r"'cells': arithmetic='fixed' would round weights onto 'v'"):
        Simulation(uneven, arithmetic="fixed")


def learning(order=None):
    """Cells whose synapses learn by pairs, by pairs under dopamine, and by use; ``order`` permutes the listed ones."""
    rng = np.random.default_rng(3)
    cells = Population("cells", 40, LIFExp(), "stepped")
    spikes = SpikeTrain("in", 6, rng.uniform(0.0, 8.0, 200), rng.integers(6, size=200))
    pairs, given = rng.permutation(40 * 40)[:300], rng.uniform(20.0, 90.0, 300)
    order = np.arange(300) if order is None else order
    i, j = pairs[order] // 40, pairs[order] % 40
    dopamine = Modulator("dopamine", tau=50.0, releases=[Release(cells, 0.05)], baseline=0.01)
    return Network(
        cells,
        spikes,
        Projection(
            spikes, cells, AllToAll(), weight=150.0, delay=0.1, plasticity=STDP(lam=0.02, w_max=300.0)
        ),
        Projection(
            cells,
            cells,
            FromCOO(i, j),
            weight=given[order],
            delay=0.4,
            name="listed",
            plasticity=DopamineSTDP(dopamine, tau_e=20.0, a_plus=9.0, a_minus=7.0, w_max=100.0),
        ),
        Projection(
            cells, cells, FixedIndegree(4), weight=80.0, delay=0.7, name="used", short_term=TsodyksMarkram()
        ),
    )


@pytest.mark.slow
def test_learning_by_sums_without_an_order(tmp_path):
    net, rng = learning(), np.random.default_rng(8)
    sim, whole = run(net)
    assert whole.n_spikes["cells"] > 60
    assert np.ptp(sim.synapses("listed").weight - Simulation(net, seed=5).synapses("listed").weight) > 0.1
    permuted, other = run(learning(rng.permutation(300)))
    by_two, second = run(net, threads=2)
    parts = Simulation(net, seed=5, arithmetic="fixed")
    parts.run(3.3)
    parts.save(tmp_path / "state")
    parts = Simulation.load(tmp_path / "state", net)
    parts.run(4.7)
    for result in (other, second):
        np.testing.assert_array_equal(result.spikes["cells"].tick, whole.spikes["cells"].tick)
        np.testing.assert_array_equal(result.spikes["cells"].neuron, whole.spikes["cells"].neuron)
    for name in ("in-cells", "listed", "used"):
        for again in (permuted, by_two, parts):
            np.testing.assert_array_equal(again.synapses(name).weight, sim.synapses(name).weight, name)


@pytest.mark.slow
def test_learning_is_that_of_floats_up_to_rounding():
    net = learning()
    fixed, found = run(net, precision="float64")
    free = Simulation(net, seed=5, precision="float64")
    expected = free.run(8.0, Record(spikes=net.populations))
    np.testing.assert_array_equal(found.spikes["cells"].tick, expected.spikes["cells"].tick)
    for name in ("in-cells", "listed"):
        np.testing.assert_allclose(fixed.synapses(name).weight, free.synapses(name).weight, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("short_term", [None, TsodyksMarkram(U=0.7)])
def test_what_a_learning_synapse_delivers_is_a_whole_number_of_quanta(short_term):
    cells, spikes = Population("cells", 1, LIF(), "stepped"), SpikeTrain("in", 1, [0.1], [0])
    projection = Projection(
        spikes, cells, AllToAll(), 0.3, 0.1, plasticity=STDP(w_max=1e4), short_term=short_term
    )
    net = Network(cells, spikes, projection)
    with pytest.raises(DescriptionError, match="'cells': arithmetic='fixed' would round"):
        Simulation(
            Network(cells, spikes, dataclasses.replace(projection, plasticity=STDP(w_max=1e6))),
            arithmetic="fixed",
        )
    sim = Simulation(net, arithmetic="fixed")
    quantum, share = sim._quanta[0, 0], 1.0 if short_term is None else 0.7
    got = sim.run(0.3, Record(traces={"v": Trace(cells, "v")})).traces["v"].max()
    assert quantum > 1e-4
    assert got == np.rint(np.float32(np.float32(0.3) * np.float32(share)) / quantum) * quantum
    assert sim.synapses(net.projections[0]).weight[0] == np.float32(0.3)  # what is kept is not rounded


def test_weights_without_a_bound_are_refused():
    cells = Population("cells", 2, LIF(), "stepped")

    def made(**rules):
        return Network(cells, Projection(cells, cells, AllToAll(), weight=0.5, delay=0.1, **rules))

    message = (
        "Projection 'cells-cells': PowerLawSTDP sets no bound to its weights, so that arithmetic='fixed'"
    )
    with pytest.raises(DescriptionError, match=message):
        Simulation(made(plasticity=PowerLawSTDP()), arithmetic="fixed")
    with pytest.raises(DescriptionError, match="Boundless has no release_bound"):
        Simulation(made(short_term=Boundless()), arithmetic="fixed")


class Boundless(TsodyksMarkram):
    """Short-term plasticity that does not say how much it releases at most."""

    def release_bound(self):
        return np.inf
