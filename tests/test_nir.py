"""NIR graphs: round trips, a graph and spikes of snnTorch, linear nodes against scipy, and what is refused."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate2d

from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    LIF,
    AdEx,
    AllToAll,
    DescriptionError,
    FixedProbability,
    LIFExp,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Uniform,
    from_nir,
    to_nir,
)

nir = pytest.importorskip("nir", reason="nir, of the extra [nir], is not installed")
FILES = Path(__file__).parent / "nir_graphs"  # "nir" would be taken for the package


def chain(model, weight, receptor, seed=0):
    rng = np.random.default_rng(seed)
    train = SpikeTrain("in", 5, rng.uniform(0.0, 100.0, 200), rng.integers(0, 5, 200))
    a, b = Population("a", 6, model), Population("b", 4, model)
    return Network(
        train,
        a,
        b,
        Projection(
            train, a, AllToAll(), weight=rng.uniform(0.0, weight, (5, 6)), delay=1.0, receptor=receptor
        ),
        Projection(a, b, FixedProbability(0.8), weight=0.5, delay=3.0, receptor=receptor),
        Projection(a, a, AllToAll(), weight=-0.05, delay=1.0, receptor=receptor),
    )


@pytest.mark.parametrize(
    ("model", "weight", "receptor"),
    [
        (LIF(tau_m=np.linspace(8.0, 12.0, 6), v_thresh=1.0, t_ref=0.0, i_e=2.0), 0.3, "v"),
        (LIFExp(tau_m=10.0, tau_exc=4.0, v_thresh=1.0, t_ref=0.0, c_m=10.0), 0.6, "exc"),
    ],
)
@pytest.mark.slow
def test_a_network_comes_back_and_fires_in_the_same_ticks(model, weight, receptor, tmp_path):
    network = chain(model, weight, receptor) if receptor == "exc" else chain_of_varied(model, weight)
    simulation = Simulation(network, dt=1.0, seed=1, precision="float64")
    nir.write(tmp_path / "net.nir", to_nir(simulation))
    back = from_nir(tmp_path / "net.nir", dt=1.0)
    again = Simulation(back, dt=1.0, seed=5, precision="float64")
    (train,) = network.spike_trains
    again.set_spikes("in", train.times, train.neuron)
    for one, two in zip(
        *(s.run(120.0, Record(spikes=["a"])).spikes.values() for s in (simulation, again)), strict=True
    ):
        np.testing.assert_array_equal(one.tick, two.tick)
        np.testing.assert_array_equal(one.neuron, two.neuron)
        assert len(one) > 50


def chain_of_varied(model, weight):
    """Neurons that differ, one population of them."""
    rng = np.random.default_rng(3)
    train = SpikeTrain("in", 5, rng.uniform(0.0, 100.0, 200), rng.integers(0, 5, 200))
    a = Population("a", 6, model)
    return Network(
        train,
        a,
        Projection(train, a, AllToAll(), weight=rng.uniform(0.0, weight, (5, 6)), delay=2.0),
        Projection(a, a, AllToAll(), weight=-0.05, delay=4.0),
    )


@pytest.mark.slow
def test_a_recurrent_network_of_snntorch_fires_the_same_spikes(tmp_path):
    # written and run by snnTorch 1.0.0; docs/interchange.md has the script
    path = tmp_path / "snntorch.nir"
    path.write_bytes(gzip.decompress((FILES / "snntorch.nir.gz").read_bytes()))
    known = np.load(FILES / "snntorch.npz")
    network = from_nir(path, dt=0.1, step="euler")
    names = ["1", "3.lif", "5"]
    assert [p.name for p in sorted(network.populations, key=lambda p: p.name)] == names
    simulation = Simulation(network, dt=0.1, max_rate=1e9)
    steps, channels = np.nonzero(known["x"])
    simulation.set_spikes("input", steps * 0.1, channels)
    result = simulation.run(7.0, Record(spikes=names))
    for layer, name in enumerate(names):
        spikes = result.spikes[name]
        found = np.stack([spikes.tick - (layer + 1), spikes.neuron], 1)  # each edge takes a tick here
        np.testing.assert_array_equal(found[found[:, 0] < len(known["x"])], known[f"l{layer}"])
    exact = from_nir(path, dt=0.1)
    tau = [next(p for p in n.populations if p.name == "5").model.tau_m for n in (network, exact)]
    np.testing.assert_allclose(tau, [np.full(3, -0.1 / np.log(0.8)), np.full(3, 0.5)], rtol=1e-6)


def matrix(network, name, n_pre, n_post):
    found = Simulation(network, dt=1.0, precision="float64").synapses(name)
    dense = np.zeros((n_post, n_pre))
    np.add.at(dense, (found.post, found.pre), found.weight)
    return dense


def graph(*nodes, shape, size):
    """An input, nodes in a row, neurons that a weight of 1 makes jump by 1."""
    neurons = nir.IF(r=np.full(size, 1000.0), v_threshold=np.full(size, 1.0))
    named = {"in": nir.Input({"input": np.array(shape)}), **{f"n{k}": node for k, node in enumerate(nodes)}}
    named |= {"out": neurons, "end": nir.Output({"output": np.array(size)})}
    names = list(named)
    return nir.NIRGraph(named, list(pairwise(names)), type_check=False)


@pytest.mark.parametrize(("padding", "stride", "groups"), [(0, 1, 1), ((1, 2), (2, 1), 1), ("same", 1, 2)])
def test_convolution_and_pooling_are_scipys(padding, stride, groups):
    rng = np.random.default_rng(4)
    weight, x = rng.normal(size=(4, 2 // groups, 3, 3)), rng.normal(size=(2, 6, 7))
    py, px = (1, 1) if padding == "same" else np.broadcast_to(padding, 2)
    sy, sx = np.broadcast_to(stride, 2)
    padded = np.pad(x, ((0, 0), (py, py), (px, px)))
    full = np.stack(
        [
            sum(
                correlate2d(padded[(c_out // (4 // groups)) * (2 // groups) + c], kernel, "valid")
                for c, kernel in enumerate(kernels)
            )[::sy, ::sx]
            for c_out, kernels in enumerate(weight)
        ]
    )
    pooled = full[:, : full.shape[1] // 2 * 2, : full.shape[2] // 2 * 2]
    pooled = pooled.reshape(4, full.shape[1] // 2, 2, full.shape[2] // 2, 2).mean((2, 4))
    convolution = nir.Conv2d(None, weight, stride, padding, 1, groups, np.zeros(4))
    pool = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    scaled = nir.Scale(np.full(pooled.shape, 2.0))
    network = from_nir(graph(convolution, pool, scaled, shape=x.shape, size=pooled.shape), dt=1.0)
    w = matrix(network, "in-out", x.size, pooled.size)
    np.testing.assert_allclose(w @ x.ravel(), 2.0 * pooled.ravel(), rtol=1e-12, atol=1e-12)


def test_delays_add_up_and_potentials_of_li_are_read():
    node = nir.LI(tau=np.array([10e-3]), r=np.array([1.0]), v_leak=np.array([0.0]))
    names = {
        "in": nir.Input({"input": np.array([1])}),
        "late": nir.Delay(np.array([4e-3])),
        "w": nir.Affine(np.array([[3.0]]), np.array([0.5])),
        "out": node,
        "end": nir.Output({"output": np.array([1])}),
    }
    network = from_nir(nir.NIRGraph(names, list(pairwise(names))), dt=1.0)
    (population,), (projection,) = network.populations, network.projections
    assert (projection.delay.value, population.size) == (5.0, 1)
    assert population.model.v_rest == pytest.approx(0.5)
    weight = matrix(network, projection.name, 1, 1)[0, 0]
    assert weight == pytest.approx(3.0 * (1.0 - np.exp(-0.1)), rel=1e-12)
    simulation = Simulation(network, dt=1.0)
    simulation.set_spikes("in", np.arange(50.0), np.zeros(50, int))
    assert simulation.run(100.0).n_spikes["out"] == 0


def refuse(match, make):
    with pytest.raises(DescriptionError, match=match):
        make()


def test_what_nir_cannot_say_is_refused_by_name():
    def written(*parts, dt=1.0, **options):
        return lambda: to_nir(Simulation(Network(*parts), dt=dt), **options)

    p = Population("p", 2, LIF(t_ref=0.0))
    train = SpikeTrain("in", 2, [], [])
    refuse("population 'q': NIR has no AdEx", written(Population("q", 1, AdEx())))
    refuse("t_ref must be 0 ms, got 2", written(Population("q", 1, LIF())))
    refuse("NIR has no Poisson", written(p, Poisson(p, rate=1.0, weight=1.0)))
    late = Projection(train, p, AllToAll(), weight=1.0, delay=Uniform(1.0, 9.0), name="late")
    refuse("projection 'late': synapses of one NIR node have one delay", written(train, p, late))
    learns = Projection(train, p, AllToAll(), weight=0.5, plasticity=STDP(), name="learns", delay=1.0)
    refuse("projection 'learns': NIR has no STDP; frozen=True", written(train, p, learns))
    assert to_nir(Simulation(Network(train, p, learns), dt=1.0), frozen=True).nodes[
        "learns"
    ].weight.shape == (2, 2)


def test_graphs_that_have_no_counterpart_are_refused_by_name(tmp_path):
    lif = {"tau": np.full(2, 1e-2), "r": np.ones(2), "v_leak": np.zeros(2), "v_threshold": np.ones(2)}
    refuse(
        "node 'n0': there is no Threshold here",
        lambda: from_nir(graph(nir.Threshold(np.ones(2)), shape=[2], size=2), 1.0),
    )
    slow = graph(nir.Linear(np.ones((2, 2))), nir.LIF(**lif), nir.Linear(np.ones((2, 2))), shape=[2], size=2)
    refuse(r"node 'n1': tau must be > dt = 20 ms for Euler", lambda: from_nir(slow, 20.0, "euler"))
    apart = nir.Delay(np.array([1e-3, 2e-3]))
    refuse(
        "delay must be one for all, got 2 between 1 and 2 ms",
        lambda: from_nir(graph(apart, shape=[2], size=2), 1.0),
    )
    refuse("must be a nir.NIRGraph or a path", lambda: from_nir(3, 1.0))
    refuse("dt must be > 0 ms, got 0", lambda: from_nir(slow, 0))
    refuse("step must be exact or euler, got 'fast'", lambda: from_nir(slow, 1.0, "fast"))
    broken = tmp_path / "broken.nir"
    broken.write_bytes(b"no graph")
    refuse("broken.nir is no NIR graph", lambda: from_nir(broken, 1.0))
    loop = graph(nir.Linear(np.eye(2)), nir.Linear(np.eye(2)), shape=[2], size=2)
    loop.edges.append(("n1", "n0"))
    refuse("lies on a cycle without neurons", lambda: from_nir(loop, 1.0))
    bare = nir.NIRGraph(
        {
            "in": nir.Input({"input": np.array([2])}),
            "w": nir.Linear(np.eye(2)),
            "end": nir.Output({"output": np.array([2])}),
        },
        [("in", "w"), ("w", "end")],
    )
    refuse("node 'end': its input 'w' is linear", lambda: from_nir(bare, 1.0))
