"""Shared weights that learn: against slow Python, over threads, splits, reads, states, trials; bounds, refusals."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import simulate
from reference_sharing import Sharing

from tegmentum.plasticity import (
    STDP,
    ClopathSTDP,
    DopamineSTDP,
    EProp,
    LinearReceptor,
    PseudoDerivative,
    ScaledSTDP,
    TripletSTDP,
    TsodyksMarkram,
    naca,
)
from tegmentum.simcore import (
    LIF,
    AllToAll,
    AvgPool2D,
    ByPost,
    Conv2D,
    DescriptionError,
    Expected,
    Given,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    SharedWeights,
    Simulation,
    Snapshots,
    SpikeTrain,
    Turnover,
    one_hot,
)

SIDE, N_TICKS = 5, 120
CELL = LIF(tau_m=10.0, v_thresh=1.0, v_reset=0.0, v_rest=0.0, t_ref=2.0)


def dopamine(n_levels=1, **more):
    """Dopamine STDP, each map of ``n_levels`` under a level of its own; its gains are of both signs."""
    given = Given([11.0, 30.0, 55.0, 90.0], [0.5, -0.3, 0.4, 0.2], np.arange(4) % n_levels)
    modulator = Modulator("dopamine", n_levels, tau=30.0, baseline=0.1, given=[given])
    return modulator, {"tau_e": 40.0, "a_plus": 0.02, "a_minus": 0.03, "w_max": 0.9} | more


def network(rule, kernel, spikes, stride=1, padding=0, delay=1.0, side=SIDE, **more):
    """A convolution of given spikes (tick, neuron)."""
    kernel = np.asarray(kernel)
    conv = Conv2D(kernel, (side, side, kernel.shape[2]), stride, padding)
    tick, neuron = np.reshape(spikes, (-1, 2)).T
    train = SpikeTrain("image", side * side * kernel.shape[2], tick.astype(float), neuron)
    maps = Population("maps", math.prod(conv.out_shape), CELL, update="stepped")
    if callable(rule):
        rule = rule(maps)
    return Network(
        train, maps, Projection(train, maps, conv, delay=delay, plasticity=rule, name="conv", **more)
    )


def of_maps(n_out, **more):
    """Return a rule for a post population, each of whose maps has its own level of dopamine."""
    modulator, rest = dopamine(n_out, **more)
    return lambda maps: DopamineSTDP(
        modulator, LinearReceptor(), ByPost(np.arange(maps.size) % n_out), **rest
    )


def clopath(maps, strong=1.0):
    """Clopath's rule, for potentials between 0 and 1 and spikes of 2."""
    thresholds = {"theta_minus": 0.1, "theta_plus": 0.3, "rest": 0.0, "peak": 2.0, "tau_x": 25.0}
    return ClopathSTDP(maps, a_ltd=0.05 * strong, a_ltp=0.02 * strong, w_max=0.9, **thresholds)


def e_prop(maps, strong=1.0):
    """Return e-prop, whose learning signal has a level for each neuron, of either sign."""
    given = Given([5.0, 40.0, 60.0], [0.5, -0.8, 0.4], np.arange(3) % maps.size)
    signal = Modulator("signal", maps.size, tau=30.0, baseline=0.05, given=[given])
    slope = Modulator("slope", maps.size, source=PseudoDerivative(maps))
    return EProp(slope, signal, tau_m=25.0, eta=0.05 * strong, w_min=0.0, w_max=0.9)


def slow(net, every):
    """Spikes of the maps and the kernel after ``N_TICKS``, from the description alone."""
    (projection,), (train,) = net.projections, net.spike_trains
    rule, conv, maps = projection.plasticity, projection.rule, projection.post
    height, width, n_in, n_out = kernel_shape = conv.kernel.shape
    (rows, columns, _), (sy, sx), p = conv.out_shape, np.broadcast_to(conv.stride, 2), conv.padding
    levels = [0] * maps.size
    if rule.modulations and rule.modulations[0].n_levels > 1:
        levels = list(rule.modulations[0].subpopulations.levels)
    pairs, synapses = [], []
    for y in range(rows):
        for x in range(columns):
            for c_out in range(n_out):
                post = (y * columns + x) * n_out + c_out
                for ky, kx, c in np.ndindex(height, width, n_in):
                    at_y, at_x = y * sy + ky - p, x * sx + kx - p
                    if 0 <= at_y < conv.shape[0] and 0 <= at_x < conv.shape[1]:
                        pairs.append(((at_y * conv.shape[1] + at_x) * n_in + c, post))
                        element = int(np.ravel_multi_index((ky, kx, c, c_out), kernel_shape))
                        synapses.append((post, levels[post], element))
    learning = Sharing(rule, "maps", maps.size, conv.kernel.ravel().tolist(), synapses, 1.0, every)
    wired = [
        ("image", pre, "maps", post, 0, weight, int(projection.delay.value))
        for (pre, post), weight in zip(pairs, learning.plastic, strict=True)
    ]
    spikes = [(int(t), "image", int(i)) for t, i in zip(train.times, train.neuron, strict=True)]
    fired, _ = simulate(
        {"maps": maps.model}, {"maps": maps.size, "image": train.size}, wired, spikes, N_TICKS, 1.0,
        learning=learning,
    )  # fmt: skip
    return [(t, i) for t, _, i in fired], np.reshape(learning.shared, kernel_shape)


drawn = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "size": st.integers(1, 3),
        "n_in": st.integers(1, 2),
        "n_out": st.integers(1, 2),
        "stride": st.integers(1, 2),
        "padding": st.integers(0, 1),
        "delay": st.integers(1, 4),
        "every": st.sampled_from([1, 7, 10, 60]),
        "threads": st.integers(1, 3),
        "rate": st.sampled_from([0.02, 0.1]),
    }
)


@pytest.mark.parametrize(
    "kind",
    [
        "stdp",
        pytest.param("dopamine", marks=pytest.mark.slow),
        pytest.param("clopath", marks=pytest.mark.slow),
        pytest.param("e-prop", marks=pytest.mark.slow),
    ],
)
@given(d=drawn)
@settings(max_examples=8)
def test_kernels_equal_slow_python(kind, d):
    rng = np.random.default_rng(d["seed"])
    kernel = rng.uniform(0.1, 0.8, (d["size"], d["size"], d["n_in"], d["n_out"]))
    spikes = np.argwhere(rng.random((N_TICKS, SIDE * SIDE * d["n_in"])) < d["rate"])
    rule = {
        "stdp": STDP(lam=0.02, tau_plus=8.0, tau_minus=12.0, w_max=0.9),
        "dopamine": of_maps(d["n_out"]),
        "clopath": clopath,
        "e-prop": e_prop,
    }[kind]
    more = {name: d[name] for name in ("stride", "padding", "delay")}
    net = network(rule, kernel, spikes, **more, sharing=SharedWeights(float(d["every"])))
    simulation = Simulation(net, dt=1.0, precision="float64", threads=d["threads"], max_rate=1e6)
    got = simulation.run(float(N_TICKS), Record(spikes=["maps"])).spikes["maps"]
    fired, expected = slow(net, d["every"])
    assert list(zip(got.tick.tolist(), got.neuron.tolist(), strict=True)) == fired
    here = simulation.kernel("conv")
    known = ~np.isnan(here)  # with a stride no synapse may have some elements
    np.testing.assert_allclose(here[known], expected[known], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(expected[~known], kernel[~known])


def busy(rule, side=8, seed=3, **more):
    """A convolution that learns, with rules of any kind."""
    rng = np.random.default_rng(seed)
    spikes = np.argwhere(rng.random((200, side * side)) < 0.05)
    kernel = rng.uniform(0.2, 0.6, (3, 3, 1, 4))
    return network(rule, kernel, spikes, side=side, **more)


RULES = {
    "STDP": (lambda: STDP(lam=0.02), {}),
    "dopamine": (lambda: of_maps(4, a_plus=0.002, a_minus=0.002), {}),
    "short-term": (lambda: TripletSTDP(w_max=1.0), {"short_term": TsodyksMarkram()}),
    "keeps": (lambda: ScaledSTDP(a_plus=0.01, a_minus=0.01, beta=0.01), {}),
    "clopath": (lambda: lambda maps: clopath(maps, 0.05), {}),
    "e-prop": (lambda: lambda maps: e_prop(maps, 0.05), {}),
}


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("STDP", "float64"),
        pytest.param("dopamine", "float64", marks=pytest.mark.slow),
        pytest.param("short-term", "float32", marks=pytest.mark.slow),
        pytest.param("keeps", "float32", marks=pytest.mark.slow),
        pytest.param("clopath", "float64", marks=pytest.mark.slow),
        pytest.param("e-prop", "float64", marks=pytest.mark.slow),
    ],
)
def test_threads_splits_reads_and_states_change_no_bit(name, precision, tmp_path):
    rule, more = RULES[name]
    net = busy(rule(), **more)
    options = {"dt": 1.0, "max_rate": 1e6, "precision": precision}
    whole = Simulation(net, **options)
    first = whole.kernel("conv")
    history = whole.run(200.0, Record(weights={"conv": Snapshots(5.0)})).weights["conv"]
    assert np.min(np.abs(whole.kernel("conv") - first)) > 1e-4
    other = Simulation(net, threads=2, **options)
    for ms in (3.0, 33.0, 1.0):
        other.run(ms)
        other.synapses("conv")  # reading commits nothing
        other.kernel("conv")
    other.save(tmp_path / "state")
    third = Simulation.load(tmp_path / "state", net, threads=3)
    fork = third.fork(threads=1)
    for ms in (11.0, 152.0):
        third.run(ms)
    fork.run(163.0)
    for simulation in (third, fork):
        a, b = whole.state(), simulation.state()
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)
    # at every moment the synapses of an element have one weight, which moves at sharing moments alone, every 10 ms
    element = net["conv"].rule.elements(history.pre, history.post)
    for k in range(36):
        mine = history.values[:, element == k]
        np.testing.assert_array_equal(mine, np.repeat(mine[:, :1], mine.shape[1], axis=1))
    np.testing.assert_array_equal(history.values[:-1:2], history.values[1::2])
    assert len(np.unique(history.values[::2, 0])) > 8


@pytest.mark.slow
def test_trials_share_at_their_ends():
    """What the engine does equals untied synapses whose changes are summed from outside after each trial."""
    table, n_out = one_hot(2), 2
    source = Expected("label", table, tonic=0.0, scale=1.0)
    modulator = Modulator("dopamine", 2, source=source)
    rng = np.random.default_rng(5)

    def rule(maps):
        levels = ByPost(np.arange(maps.size) % n_out)
        return DopamineSTDP(
            modulator, subpopulations=levels, tau_e=50.0, a_plus=0.01, a_minus=0.006, w_max=0.7
        )

    def net(**more):
        return network(rule, rng_kernel, [], **more)

    rng_kernel = rng.uniform(0.2, 0.6, (3, 3, 1, n_out))
    n, length = 6, 30
    fires = rng.random((n, length, SIDE * SIDE)) < 0.05
    trial, tick, channel = np.nonzero(fires)
    labels = rng.integers(0, 2, n)

    def part(lo, hi):
        mine = (trial >= lo) & (trial < hi)
        return SimpleNamespace(
            trial=trial[mine] - lo, tick=tick[mine], channel=channel[mine], n_trials=hi - lo, n_ticks=length,
            n_channels=SIDE * SIDE,
        )  # fmt: skip

    def simulation(threads, **more):
        return Simulation(net(**more), dt=1.0, precision="float64", max_rate=1e6, threads=threads)

    def show(sim, lo, hi, learning=1.0):
        return sim.present(part(lo, hi), labels[lo:hi], n_classes=2, readout="maps", learning=learning)

    for threads in (1, 2):
        tied, split = simulation(threads), simulation(threads)
        untied = simulation(threads, sharing=False)
        show(tied, 0, n)
        show(split, 0, 2)
        split.synapses("conv")
        show(split, 0, n, learning=0.0)
        show(split, 2, n)
        np.testing.assert_array_equal(split.kernel("conv"), tied.kernel("conv"))
        kernel, found = rng_kernel.ravel().copy(), untied.synapses("conv")
        element = untied.network["conv"].rule.elements(found.pre, found.post)
        for k in range(n):
            show(untied, k, k + 1)
            change = untied.synapses("conv").weight - kernel[element]
            kernel = np.clip(kernel + np.bincount(element, change), 0.0, 0.7)
            untied.set_weights("conv", kernel[element])
            assert len(np.unique(change)) > 30
        np.testing.assert_allclose(tied.kernel("conv").ravel(), kernel, rtol=1e-12)
        assert np.max(np.abs(kernel - rng_kernel.ravel())) > 0.01


@pytest.mark.parametrize("sign", [1, pytest.param(-1, marks=pytest.mark.slow)])
def test_weights_stay_within_bounds(sign):
    """Where all positions push the same way the sum would leave them; with sign -1 the bounds are those of |w|."""
    spikes = np.argwhere(np.random.default_rng(0).random((100, SIDE * SIDE)) < 0.2)
    kernel = sign * np.full((3, 3, 1, 1), 0.5)
    learns = network(STDP(lam=0.05, alpha=0.0), kernel, spikes, sign=sign)
    (train,), (maps,) = learns.spike_trains, learns.populations
    drive = Projection(train, maps, Conv2D(abs(kernel) * 2, (SIDE, SIDE, 1)), name="drive")
    simulation = Simulation(
        Network(train, maps, *learns.projections, drive), dt=1.0, precision="float64", max_rate=1e6
    )
    for _ in range(10):
        simulation.run(10.0)
        weight = sign * simulation.kernel("conv")
        assert weight.min() >= 0.5
        assert weight.max() <= 1.0
    assert weight.max() == 1.0


def test_weights_are_set_as_a_kernel():
    net = busy(STDP(lam=0.02))
    simulation = Simulation(net, dt=1.0, precision="float64", max_rate=1e6)
    simulation.run(13.0)
    assert np.any(simulation.synapses("conv").kept["unshared"])
    kernel = np.random.default_rng(1).uniform(0.1, 0.9, (3, 3, 1, 4))
    simulation.set_weights("conv", kernel)
    np.testing.assert_array_equal(simulation.kernel("conv"), kernel)
    found = simulation.synapses("conv")
    assert not np.any(found.kept["unshared"])  # it was of the old weights
    simulation.set_weights("conv", found.weight)
    simulation.set_weights("conv", 0.25)
    np.testing.assert_array_equal(simulation.kernel("conv"), 0.25)
    found.weight[7] = 0.3
    with pytest.raises(
        DescriptionError, match=r"must be equal for synapses that share it, got 1 of .* \(3, 3, 1, 4\)"
    ):
        simulation.set_weights("conv", found.weight)
    with pytest.raises(DescriptionError, match=r"weight must be in \[0, 1\]"):
        simulation.set_weights("conv", -kernel)
    simulation.reset(keep=())
    np.testing.assert_array_equal(simulation.kernel("conv"), net["conv"].rule.kernel)
    simulation.run(200.0)
    np.testing.assert_array_equal(simulation.kernel("conv"), ran(net))


def ran(net, **options):
    """Kernel after a run."""
    simulation = Simulation(net, dt=1.0, precision="float64", max_rate=1e6, **options)
    simulation.run(200.0)
    return simulation.kernel("conv")


def test_set_delays_keep_what_is_shared():
    """Delays that are set list the synapses anew; which weight each has stays."""
    net = busy(STDP(lam=0.02))
    simulation = Simulation(net, dt=1.0, precision="float64", max_rate=1e6)
    simulation.set_delays("conv", 3.0)
    simulation.run(90.0)
    other = Simulation(net, dt=1.0, precision="float64", max_rate=1e6, threads=2)
    other.load_state(simulation.state())
    for each in (simulation, other):
        each.run(110.0)
        np.testing.assert_array_equal(each.kernel("conv"), ran(busy(STDP(lam=0.02), delay=3.0)))


def test_sharing_false_gives_each_synapse_its_weight():
    net = busy(STDP(lam=0.02), sharing=False)
    simulation = Simulation(net, dt=1.0, precision="float64", max_rate=1e6)
    with pytest.raises(DescriptionError, match="kernel: projection 'conv' has no shared weights that learn"):
        simulation.kernel("conv")
    assert busy(None)["conv"].shared is None
    assert busy(None, short_term=TsodyksMarkram())["conv"].shared is None


def test_a_pool_has_one_weight():
    train = SpikeTrain("image", 16, np.repeat(np.arange(1.0, 161.0, 4.0), 16), np.tile(np.arange(16), 40))
    maps = Population("maps", 4, CELL)
    pool = Projection(
        train, maps, AvgPool2D((4, 4, 1), 2), 1.0, plasticity=STDP(lam=1e-3, alpha=0.5), name="pool"
    )
    simulation = Simulation(Network(train, maps, pool), dt=1.0, precision="float64", max_rate=1e6)
    simulation.run(160.0)
    assert simulation.kernel("pool").shape == ()
    (weight,) = np.unique(simulation.synapses("pool").weight)
    assert weight == simulation.kernel("pool")
    assert 0.01 < abs(weight - 0.25) < 0.7


def test_elements_are_those_of_the_kernel():
    """Of every synapse: by its pre and post neuron alone, as delays that are set leave them."""
    kernel = np.arange(2.0 * 3 * 2 * 3).reshape(2, 3, 2, 3)
    conv = Conv2D(kernel, (7, 6, 2), (2, 1), (1, 2))
    pre, post = conv.pairs()
    np.testing.assert_array_equal(kernel.ravel()[conv.elements(pre, post)], conv.weights(1.0))


def test_what_cannot_be_shared_is_refused():
    a, b = Population("a", 9, CELL), Population("b", 9, CELL)
    conv = Conv2D(np.full((3, 3, 1, 1), 0.5), (3, 3, 1), padding=1)

    def refused(message, rule=conv, plasticity=STDP(), **more):  # noqa: B008
        with pytest.raises(DescriptionError, match=message):
            Projection(a, b, rule, 0.5, plasticity=plasticity, **more)

    refused(r"sharing must be SharedWeights\(...\) or False, got True", sharing=True)
    refused("SharedWeights: every must be > 0 ms, got 0", sharing=SharedWeights(0.0))
    refused("sharing is for synapses that learn .* got AllToAll", AllToAll(), sharing=SharedWeights())
    refused("sharing is for synapses that learn .* plasticity=None", plasticity=None, sharing=SharedWeights())
    windows = naca(9, [9], 2).projections[0].plasticity
    refused("cannot go with Modulated, .* at the end of windows", plasticity=windows, sharing=SharedWeights())
    refused("structure cannot go with shared weights: Conv2D", structure=Turnover(every=10.0, indegree=3))
    Projection(a, b, conv, 0.5, plasticity=STDP(), sharing=False, structure=Turnover(every=10.0, indegree=3))


def test_a_file_says_when_to_share(tmp_path):
    from tegmentum.cli.config import network_of, read

    table = (
        '[populations.p]\nsize = 4\nmodel = {{ type = "LIF" }}\n\n[[projections]]\npre = "p"\npost = "p"\n'
        'rule = {{ type = "Conv2D", kernel = [[[[0.5]]]], shape = [2, 2, 1] }}\nplasticity = {{ type = "STDP" }}\n{}\n'
    )
    for line, expected in (
        ("", SharedWeights(10.0)),
        ("sharing = { every = 2.5 }", SharedWeights(2.5)),
        ("sharing = false", None),
    ):
        (tmp_path / "net.toml").write_text("[simulation]\nduration = 1.0\n\n" + table.format(line))
        assert network_of(read(tmp_path / "net.toml"))["p-p"].shared == expected
