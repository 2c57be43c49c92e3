"""Synapses of four bytes, ``precision="mixed"``: weights rounded once, to half precision, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    FixedProbability,
    FixedTotal,
    FromCOO,
    LIFExp,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    Uniform,
)
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.lower.footprint import footprint
from tegmentum.simcore.lower.halves import half_of, target_of, value_of, word_of

SPREAD = Normal(1.5, 0.75, low=0.05, outside="redraw")


def network(p: float = 0.1, weight=None, given=None) -> Network:
    """Two populations with drawn weights and delays; or with those that ``given`` lists."""
    e, i = Population("e", 300, LIFExp()), Population("i", 100, LIFExp())
    weight = Normal(60.0, 12.0, low=0.0) if weight is None else weight
    parts = [
        Projection(e, e, FixedProbability(p, autapses=False), weight, SPREAD, name="ee"),
        Projection(e, i, FixedProbability(p), weight, SPREAD, name="ei"),
        Projection(
            i, e, FixedProbability(p), Normal(-240.0, 24.0, high=0.0), SPREAD, receptor="exc", name="ie"
        ),
    ]
    if given is not None:
        parts = [
            Projection(
                q.pre,
                q.post,
                FromCOO(s.pre, s.post),
                s.weight,
                0.1 * s.delay,
                receptor=q.receptor,
                name=q.name,
            )
            for q, s in ((q, given.synapses(q.name)) for q in parts)
        ]
    return Network(e, i, *parts, Poisson(e, rate=6_000.0, weight=60.0), Poisson(i, rate=6_000.0, weight=60.0))


def rounded(weights):
    return weights.astype(np.float32).astype(np.float16).astype(np.float64)


def fired(simulation, ms=100.0):
    nodes = simulation.network.populations
    found = simulation.run(ms, Record(spikes=list(nodes))).spikes
    return [np.stack([found[q.name].tick, found[q.name].neuron]) for q in nodes]


def test_conversions_are_those_of_ieee_754():
    halves = np.arange(1 << 16, dtype=np.uint16)
    expected = halves.view(np.float16).astype(np.float32)
    finite = np.isfinite(expected)
    words = halves.astype(np.uint32) << np.uint32(16) | np.uint32(4321)
    np.testing.assert_array_equal(value_of(words)[finite], expected[finite])
    assert np.all(target_of(words) == 4321)
    # halfway between neighbours, just beside that, and below the normal ones
    middle = (expected[:-1][finite[:-1] & finite[1:]] + expected[1:][finite[:-1] & finite[1:]]) / 2
    some = np.random.default_rng(0).choice(middle, 1_000)
    some = np.concatenate(
        [some, np.nextafter(some, np.float32(0)), [0.0, -0.0, 1e-9, 65504.0, -65504.0, 3e-5]]
    )
    for weight in some.astype(np.float32):
        assert half_of(weight) == np.float16(weight).view(np.uint16)
        assert word_of(7, weight) == np.uint32(np.float16(weight).view(np.uint16)) << np.uint32(16) | 7


def test_weights_are_those_of_float32_rounded_and_all_else_is_equal():
    one, two = (Simulation(network(), seed=4, precision="mixed", threads=n) for n in (1, 2))
    whole = Simulation(network(), seed=4, threads=1)
    for name in ("ee", "ei", "ie"):
        found, other, before = one.synapses(name), two.synapses(name), whole.synapses(name)
        for field in ("pre", "post", "delay"):
            np.testing.assert_array_equal(getattr(found, field), getattr(before, field))
        np.testing.assert_array_equal(found.weight, rounded(before.weight))
        np.testing.assert_array_equal(found.weight, other.weight)
    assert whole.synapse_bytes - one.synapse_bytes == pytest.approx(2 * one.n_synapses, rel=0.01)
    (n_synapses, n_bytes), (_, fewer) = (footprint(network(), precision=p) for p in ("float32", "mixed"))
    assert n_bytes - fewer == pytest.approx(2 * n_synapses)


def test_spikes_are_those_of_a_network_that_lists_the_rounded_weights():
    mixed = [Simulation(network(), seed=4, precision="mixed", threads=n) for n in (1, 2)]
    listed = Simulation(network(given=mixed[0]), seed=4, threads=1)
    expected = fired(listed)
    assert sum(part.shape[1] for part in expected) > 300
    for simulation in mixed:
        for found, part in zip(fired(simulation), expected, strict=True):
            np.testing.assert_array_equal(found, part)


def test_weights_that_are_set_are_rounded_and_saved(tmp_path):
    simulation = Simulation(network(), seed=4, precision="mixed")
    weights = np.linspace(0.0, 90.0, len(simulation.synapses("ee")))
    simulation.set_weights("ee", weights)
    np.testing.assert_array_equal(simulation.synapses("ee").weight, rounded(weights))
    simulation.run(20.0)
    simulation.save(tmp_path / "half.npz")
    again = Simulation.load(tmp_path / "half.npz", network(), threads=2)
    assert again.precision == "mixed"
    np.testing.assert_array_equal(again.synapses("ee").weight, rounded(weights))
    for found, part in zip(fired(again, 50.0), fired(simulation, 50.0), strict=True):
        np.testing.assert_array_equal(found, part)
    with pytest.raises(
        DescriptionError, match=r"'ee': weight must be between -65504 and 65504 in half precision"
    ):
        simulation.set_weights("ee", 1e5)


def test_weights_that_are_given_or_too_large_or_too_small_keep_their_precision():
    for weight in (Normal(0.01, 0.001), Normal(9e4, 1.0)):
        mixed, whole = (Simulation(network(weight=weight), precision=p) for p in ("mixed", "float32"))
        np.testing.assert_array_equal(mixed.synapses("ee").weight, whole.synapses("ee").weight)
        assert len(np.unique(mixed.synapses("ie").weight)) < len(np.unique(whole.synapses("ie").weight))
    given = Simulation(network(given=Simulation(network())), precision="mixed")
    np.testing.assert_array_equal(given.synapses("ee").weight, Simulation(network()).synapses("ee").weight)


@pytest.mark.numbers
def test_threads_with_too_many_targets_for_16_bits_round_alike():
    pre, post = Population("pre", 50, LIFExp()), Population("post", 70_000, LIFExp(), update="stepped")
    drawn = Projection(pre, post, FixedTotal(30_000), Uniform(1.0, 3.0), 1.0, name="drawn")
    learns = Projection(post, pre, FixedTotal(500), 1.0, 1.0, plasticity=STDP(), name="learns")
    found = []
    for threads in (1, 2):
        simulation = Simulation(Network(pre, post, drawn, learns), precision="mixed", threads=threads)
        assert simulation._halves == (threads == 2)
        found.append(simulation.synapses("drawn"))
        simulation.set_weights("drawn", np.linspace(1.0, 3.0, 30_000))
        again = simulation.synapses("drawn").weight
        np.testing.assert_array_equal(again, rounded(np.linspace(1.0, 3.0, 30_000)))
    np.testing.assert_array_equal(found[0].weight, found[1].weight)
    np.testing.assert_array_equal(found[0].post, found[1].post)
    np.testing.assert_array_equal(found[0].weight, rounded(found[0].weight))


def test_fixed_arithmetic_rounds_halves_to_halves():
    mixed = Simulation(network(), seed=4, precision="mixed", arithmetic="fixed")
    quantum = mixed._quanta[0, 0]
    before = Simulation(network(), seed=4, precision="mixed").synapses("ee").weight
    weights = mixed.synapses("ee").weight
    np.testing.assert_array_equal(weights, np.rint(before / quantum) * quantum)
    np.testing.assert_array_equal(weights, rounded(weights))
