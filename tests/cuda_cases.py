"""Small networks for both backends, run in CUDA's simulator by a process of its own: ``cuda_cases.py [NAME...]``.

Prints one line of JSON for each case: its name, what went wrong or "", the spikes that were compared, and the parts of
the package that its networks on a device were made of.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from tegmentum.plasticity import (
    BCM,
    STDP,
    BennaFusiSTDP,
    CascadeSTDP,
    CentredSTDP,
    CorticostriatalSTDP,
    DopamineSTDP,
    GatedSTDP,
    Hebb,
    InhibitorySTDP,
    LinearReceptor,
    Oja,
    PowerSTDP,
    RateHebb,
    RewardSTDP,
    ScaledSTDP,
    SequentialSTDP,
    TripletSTDP,
    TsodyksMarkram,
    TwoTraceSTDP,
)
from tegmentum.simcore import (
    ALIF,
    LIF,
    AdEx,
    AllToAll,
    ByPost,
    BySynapse,
    Conv2D,
    Course,
    Current,
    DiscreteLIF,
    FixedIndegree,
    FixedProbability,
    FromCOO,
    Given,
    HodgkinHuxley,
    HomeostaticLIF,
    Izhikevich,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Modulator,
    Network,
    Noise,
    Normal,
    OneToOne,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Release,
    SharedWeights,
    Simulation,
    SpikeTrain,
    Trace,
    Uniform,
    open_run,
)

ONE = (1, 1, 8, 4, True)  # blocks, lanes, threads, threads of a warp, one launch for many ticks
SEVERAL = (3, 2, 4, 2, False)
TWO = (2, 1, 4, 2, False)
SIDE_BY_SIDE = (3, 1, 4, 2, True)

#: model, weight of excitation, weight of inhibition or None, whether its float32 numbers are the CPU's
MODELS = {
    "LIF": (LIF(tau_m=9.0, v_thresh=4.0, v_reset=-0.5, t_ref=0.3), (0.3, 1.6), (-0.7, -0.2), True),
    "ALIF": (ALIF(tau_m=9.0, v_thresh=4.0, v_reset=-0.5, t_ref=0.3), (0.3, 1.6), (-0.7, -0.2), True),
    "LIFExp": (LIFExp(), (150.0, 400.0), (-300.0, -100.0), True),
    "LIFAlpha": (LIFAlpha(), (150.0, 500.0), (-300.0, -100.0), True),
    "LIFCond": (LIFCond(), (5.0, 30.0), (5.0, 20.0), True),
    "AdEx": (AdEx(), (300.0, 900.0), (-300.0, -100.0), False),
    "HodgkinHuxley": (HodgkinHuxley(), (300.0, 900.0), (-300.0, -100.0), False),
    "Izhikevich": (Izhikevich(), (2.0, 9.0), (-5.0, -1.0), False),
    "HomeostaticLIF": (HomeostaticLIF(tau_m=9.0), (0.1, 0.6), (-0.3, -0.1), True),
    "DiscreteLIF": (DiscreteLIF(), (0.1, 0.6), (-0.3, -0.1), True),
    "Parrot": (Parrot(), (0.5, 1.0), None, True),
}
CASES = {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


def shape(numbers=ONE):
    """Have devices divide networks so."""
    from tegmentum.simcore.advance.cuda import device
    from tegmentum.simcore.advance.cuda.geometry import Geometry

    device._geometry = lambda *_: Geometry(*numbers)


def train(n_spikes=60, until=5.0, size=6, seed=5):
    rng = np.random.default_rng(seed)
    return SpikeTrain("in", size, rng.uniform(0.0, until, n_spikes), rng.integers(size, size=n_spikes))


def driven(model, excitation, inhibition, n=9, seed=2):
    """Return a population driven by given spikes, with recurrent synapses onto all its receptors."""
    rng = np.random.default_rng(seed)
    cells, spikes = Population("cells", n, model, "stepped"), train()
    low, high = excitation
    i, j = rng.integers(n, size=3 * n), rng.integers(n, size=3 * n)
    delays = rng.integers(1, 9, 3 * n) * 0.1
    parts = [
        Projection(spikes, cells, AllToAll(), weight=rng.uniform(low, high, (6, n)), delay=0.1),
        Projection(
            cells, cells, FromCOO(i, j), weight=rng.uniform(low, high, 3 * n) / 4, delay=delays, name="exc"
        ),
    ]
    if inhibition is not None:
        own = {"receptor": model.receptors[1]} if len(model.receptors) > 1 else {}
        parts.append(
            Projection(
                cells, cells, FixedIndegree(3), weight=Uniform(*inhibition), delay=0.7, name="inh", **own
            )
        )
    return Network(cells, spikes, *parts)


def same(one, other, tolerance=None):
    """Check that two results are equal: spikes, counts, events and traces."""
    assert one.n_spikes == other.n_spikes, (one.n_spikes, other.n_spikes)
    for name, spikes in one.spikes.items():
        for column in ("tick", "neuron", "trial"):
            np.testing.assert_array_equal(getattr(spikes, column), getattr(other.spikes[name], column), name)
    for name, values in one.traces.items():
        if tolerance is None:
            np.testing.assert_array_equal(values, other.traces[name], name)
        else:
            np.testing.assert_allclose(values, other.traces[name], rtol=tolerance, atol=tolerance)
    assert one.synaptic_events == other.synaptic_events


def same_state(one, other, tolerance=None):
    """Check that two simulations would go on alike."""
    theirs, ours = one.state(), other.state()
    assert theirs.keys() == ours.keys(), theirs.keys() ^ ours.keys()
    for key, values in theirs.items():
        if tolerance is None or values.dtype.kind != "f":
            np.testing.assert_array_equal(values, ours[key], key)
        else:
            np.testing.assert_allclose(values, ours[key], rtol=tolerance, atol=tolerance, err_msg=key)


def everything(net, every=None):
    """Record all spikes, and the first state of three neurons of each population."""
    traces = {
        f"{p.name}.{state}": Trace(p, state, [0, p.size // 2, p.size - 1])
        for p in net.populations
        for state in p.model.functions()["State"]._fields[:2]
    }
    return Record(spikes=[*net.populations, *net.spike_trains], traces=traces, every=every)


def compare(net, parts=(2.0, 3.0), tolerance=None, every=None, **options):
    """Run both backends, in parts, and compare all; returns the number of spikes."""
    cpu = Simulation(net, seed=3, arithmetic="fixed", **options)
    device = Simulation(net, seed=3, backend="cuda", **options)
    assert device.arithmetic == "fixed"
    n = 0
    for ms in parts:
        record = everything(net, every)
        one, other = cpu.run(ms, record), device.run(ms, record)
        same(one, other, tolerance)
        n += sum(one.n_spikes.values())
    if tolerance is None:
        same_state(cpu, device)
    return n


def _model(name, precision):
    model, excitation, inhibition, exact = MODELS[name]

    def run():
        tolerance = None if exact or precision == "float64" else 1e-3
        n = compare(driven(model, excitation, inhibition), precision=precision, tolerance=tolerance)
        assert n > 5, n
        return n

    run.__name__ = f"{name}_{precision}"
    return run


for _name, (_, _, _, _exact) in MODELS.items():
    case(_model(_name, "float32"))
    if not _exact or _name == "LIF":
        case(_model(_name, "float64"))


@case
def poisson_dense():
    cells = Population("cells", 20, LIF(v_thresh=4.0, v_reset=0.0), "stepped")
    return compare(Network(cells, Poisson(cells, rate=12_000.0, weight=0.7)))


@case
def weights_in_half_precision():
    cells, spikes = Population("cells", 20, LIF(v_thresh=4.0, v_reset=0.0), "stepped"), train()
    given = Projection(spikes, cells, AllToAll(), Uniform(0.5, 1.5), 0.1)
    among = Projection(cells, cells, FixedIndegree(4), Uniform(0.1, 0.9), 0.2)
    return compare(Network(cells, spikes, given, among), precision="mixed")


@case
def poisson_sparse():
    cells = Population("cells", 20, LIF(v_thresh=1.0, v_reset=0.0), "stepped")
    return compare(Network(cells, Poisson(cells, rate=300.0, weight=0.9)))


@case
def poisson_of_own_rates():
    shape(SEVERAL)
    cells = Population("cells", 20, LIF(v_thresh=2.0, v_reset=0.0), "stepped")
    rates = np.linspace(0.0, 9_000.0, 20)
    return compare(Network(cells, Poisson(cells, rate=rates, weight=0.8)), parts=(1.0, 0.5))


@case
def poisson_of_high_own_rates():
    cells = Population("cells", 12, LIF(v_thresh=20.0, v_reset=0.0), "stepped")
    rates = np.linspace(10_000.0, 60_000.0, 12)
    return compare(Network(cells, Poisson(cells, rate=rates, weight=0.8)), parts=(1.0,))


@case
def poisson_that_varies():
    cells = Population("cells", 20, LIF(v_thresh=2.0, v_reset=0.0), "stepped")
    parts = [
        Poisson(cells, rate=lambda t: 5_000.0 + 2_000.0 * np.sin(t), weight=0.5),
        Poisson(cells, rate=lambda t: np.linspace(0.0, 1_000.0 * t, 20), weight=0.5),
        Poisson(cells, rate=np.array([0.0, 9_000.0, 3_000.0]), weight=0.5, every=0.4),
    ]
    return compare(Network(cells, *parts), parts=(0.7, 0.8))


@case
def noise_and_currents():
    shape(SEVERAL)
    cells = Population("cells", 20, LIFExp(), "stepped")
    others = Population("others", 7, LIFExp(tau_m=8.0), "stepped")
    parts = [
        Noise(cells, mean=300.0, std=900.0),
        Noise(cells, mean=0.0, std=np.array([100.0, 2_000.0]), every=0.8),
        Current(cells, amplitude=np.linspace(0.0, 4_000.0, 20), start=0.5, stop=2.0),
        Current(others, amplitude=2_500.0),
    ]
    return compare(
        Network(cells, others, *parts, Projection(cells, others, FixedIndegree(4), weight=200.0, delay=0.2))
    )


@case
def trains_that_repeat():
    cells = Population("cells", 9, LIF(v_thresh=3.0, v_reset=0.0), "stepped")
    times, neuron = [0.0, 0.0, 0.0, 0.3, 0.3, 0.3, 1.0, 2.0], [0, 0, 1, 1, 1, 2, 0, 2]
    spikes = SpikeTrain("in", 3, times, neuron)
    return compare(
        Network(cells, spikes, Projection(spikes, cells, AllToAll(), weight=1.3, delay=0.4)), parts=(1.0, 2.0)
    )


@case
def every_format_and_long_delays():
    shape(SEVERAL)
    rng = np.random.default_rng(4)
    cells = Population("cells", 30, LIF(v_thresh=2.0, v_reset=0.0, t_ref=0.2), "stepped")
    relay, spikes = Population("relay", 8, Parrot(), "stepped"), train(size=8)
    by_row = np.repeat(rng.integers(1, 20, 8) * 0.1, 30).reshape(8, 30)
    return compare(
        Network(
            cells,
            relay,
            spikes,
            Projection(spikes, relay, OneToOne(), weight=1.0, delay=0.1),
            Projection(relay, cells, AllToAll(), weight=rng.uniform(0.5, 1.0, (8, 30)), delay=by_row),
            Projection(relay, cells, FixedProbability(0.3), weight=0.4, delay=Uniform(0.1, 3.0), name="b"),
            Projection(cells, cells, FixedIndegree(4), weight=Normal(0.3, 0.1), delay=Normal(1.5, 0.5)),
            Projection(cells, cells, FixedIndegree(2), weight=-0.3, delay=0.1, name="c"),
        ),
        parts=(0.7, 2.3),
    )


@case
def parameters_that_vary():
    rng = np.random.default_rng(6)
    model = LIFExp(tau_m=rng.uniform(8.0, 12.0, 9), v_thresh=Normal(15.0, 0.5))
    return compare(driven(model, (200.0, 400.0), (-200.0, -100.0)))


@case
def trials():
    shape(SEVERAL)
    cells = Population("cells", 12, LIF(v_thresh=2.0, v_reset=0.0), "stepped")
    spikes = SpikeTrain("in", 3, [0.1, 0.2, 0.3, 0.3], [0, 1, 2, 0], trial=[0, 1, 2, 2])
    parts = [
        Projection(spikes, cells, AllToAll(), weight=1.3, delay=0.2),
        Poisson(cells, rate=4_000.0, weight=0.9),
        Poisson(cells, rate=300.0, weight=0.9),
    ]
    return compare(Network(cells, spikes, *parts), parts=(0.5, 0.6), n_trials=3)


@case
def a_tape_that_is_soon_full():
    from tegmentum.simcore.advance.cuda import device

    whole, device.TAPE = device.TAPE, 100
    try:
        return compare(driven(*MODELS["LIF"][:3]), parts=(1.0, 1.5))
    finally:
        device.TAPE = whole


@case
def lazy_populations():
    """A device has none: there the CPU's stepped numbers are those of its own."""
    rng = np.random.default_rng(4)
    model, spikes = LIF(tau_m=9.0, v_thresh=3.0, v_reset=0.0), train()
    weight = rng.uniform(0.4, 1.5, (6, 9))

    def net(update):
        cells = Population("cells", 9, model, update)
        return Network(
            cells,
            spikes,
            Projection(spikes, cells, AllToAll(), weight=weight, delay=0.1),
            Projection(cells, cells, FixedIndegree(3), weight=0.4, delay=0.3),
        )

    always, seldom = net("stepped"), net("lazy")
    stepped = Simulation(always, seed=3, arithmetic="fixed").run(4.0, everything(always))
    lazy = Simulation(seldom, seed=3, arithmetic="fixed")
    lazy.run(2.0)
    saved = lazy.state()
    device = Simulation(seldom, seed=3, backend="cuda")
    same(stepped, device.run(4.0, everything(seldom)))
    resumed = Simulation(seldom, seed=3, backend="cuda")
    resumed.load_state(saved)
    expected, found = lazy.run(2.0, everything(seldom)), resumed.run(2.0, everything(seldom))
    same(expected, found, tolerance=1e-4)
    return sum(found.n_spikes.values())


@case
def a_checkpoint_resumes_on_the_other():
    net = driven(LIFExp(), (200.0, 600.0), (-300.0, -100.0))
    whole = Simulation(net, seed=3, arithmetic="fixed")
    first, rest = whole.run(2.3, everything(net)), whole.run(2.0, everything(net))
    assert first.n_spikes["cells"] > 3
    assert rest.n_spikes["cells"] > 3
    with tempfile.TemporaryDirectory() as folder:
        for one, other in (("cpu", "cuda"), ("cuda", "cpu")):
            begun = Simulation(net, seed=3, backend=one, arithmetic="fixed")
            same(first, begun.run(2.3, everything(net)))
            begun.save(Path(folder) / one)
            resumed = Simulation.load(Path(folder) / one, net, backend=other)
            assert (resumed.backend, resumed.arithmetic) == (other, "fixed")
            same(rest, resumed.run(2.0, everything(net)))
            same_state(whole, resumed)
    return sum(rest.n_spikes.values())


@case
def what_is_set_between_runs():
    net = driven(*MODELS["LIF"][:3])
    sims = [Simulation(net, seed=3, backend=name, arithmetic="fixed") for name in ("cpu", "cuda")]
    for sim in sims:
        sim.run(1.0)
        name = str(net.projections[1].name)
        sim.set_weights(name, sim.synapses(name).weight * 0.5 + 0.0371)
        sim.set_spikes("in", np.repeat([1.3, 1.4, 1.8], 6), np.tile(np.arange(6), 3))
    same(*(sim.run(1.5, everything(net)) for sim in sims))
    same_state(*sims)
    for sim in sims:
        sim.reset(seed=8)
    results = [sim.run(1.5, everything(net)) for sim in sims]
    same(*results)
    copies = [sim.fork() for sim in sims]
    assert copies[1].backend == "cuda"
    same(*(sim.run(0.5, everything(net)) for sim in copies))
    return sum(results[0].n_spikes.values())


@case
def a_store():
    net = driven(*MODELS["LIFExp"][:3])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cpu", "cuda"):
            sim = Simulation(net, seed=3, backend=name, arithmetic="fixed")
            sim.run(3.0, everything(net, every=0.2), to=f"{folder}/{name}")
            with open_run(f"{folder}/{name}") as run:
                groups = ("spikes/cells", "spikes/in", "traces/cells.v")
                found.append([run[group].load().to_dataset() for group in groups])
    for one, other in zip(*found, strict=True):
        assert one.sizes
        assert one.drop_attrs().identical(other.drop_attrs())
    return sum(found[0][0].sizes.values())


@case
def checkpoints_while_synapses_learn():
    """The device gives back what it has, and goes on from it."""
    net, found = learners(STDP(lam=0.05)), []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cpu", "cuda"):
            sim = Simulation(net, seed=3, backend=name, arithmetic="fixed")
            sim.run(1.9, everything(net), to=f"{folder}/{name}", checkpoint_every=0.0)
            with open_run(f"{folder}/{name}") as run:
                found.append((sim, [run[f"spikes/{p}"].load().to_dataset() for p in ("cells", "in")]))
    (one, spikes), (other, theirs) = found
    same_state(one, other)
    for a, b in zip(spikes, theirs, strict=True):
        assert a.drop_attrs().identical(b.drop_attrs())
    return spikes[0].sizes["spike"]


@case
def samples_now_and_then():
    return compare(driven(*MODELS["LIF"][:3]), parts=(1.1, 1.2), every=0.3)


def learners(rule, short_term=None, sign=1, other=None):
    """Return cells whose synapses learn, with several delays; given spikes, some of them at once, drive them.

    By one rule, or those from the spikes by another.
    """
    rng = np.random.default_rng(5)
    cells = Population("cells", 9, LIF(tau_m=9.0, v_thresh=3.0, v_reset=-0.5, t_ref=0.3), "stepped")
    times, neuron = np.round(rng.uniform(0.0, 2.5, 50), 1), rng.integers(6, size=50)
    times[:4], neuron[:4] = [0.0, 0.0, 0.7, 0.7], [1, 1, 2, 2]
    spikes = SpikeTrain("in", 6, times, neuron)
    i, j = rng.integers(9, size=30), rng.integers(9, size=30)
    first, second = ({"plasticity": one, "short_term": short_term} for one in (rule, other or rule))
    return Network(
        cells,
        spikes,
        Projection(spikes, cells, AllToAll(), weight=rng.uniform(0.4, 0.9, (6, 9)), delay=0.2),
        Projection(
            cells,
            cells,
            FromCOO(i, j),
            sign * rng.uniform(0.1, 0.5, 30),
            rng.integers(1, 9, 30) * 0.1,
            **first,
        ),
        Projection(
            spikes,
            cells,
            FixedIndegree(2),
            weight=0.2 if other else sign * 0.2,
            delay=0.3,
            name="in",
            **second,
        ),
    )


def under_modulators():
    """Return cells whose synapses are under modulators of all kinds; windows of integrals end within the run."""
    rng = np.random.default_rng(6)
    cells = Population("cells", 9, LIF(tau_m=9.0, v_thresh=3.0, v_reset=-0.5, t_ref=0.3), "stepped")
    spikes, onto = train(until=2.5), rng.integers(2, size=9)
    dopamine = Modulator(
        "dopamine",
        2,
        tau=3.0,
        baseline=Course([0.0, 1.5], [0.1, 0.3]),
        releases=[Release(cells, 0.4, delay=0.5, onto=onto), Release(cells, 0.1)],
        given=[Given([0.0, 0.9, 1.1], [1.0, 0.5, 0.7], [0, 1, 0])],
    )
    slow = Modulator("slow", 2, tau=4.0, tau_rise=1.0, releases=[Release(cells, 0.3)])
    i, j = rng.integers(9, size=30), rng.integers(9, size=30)
    two = TwoTraceSTDP(dopamine, slow, LinearReceptor(1.5, 0.2), LinearReceptor(), ByPost(onto), w_max=2.0)
    two = replace(two, tau_ltp=0.9, tau_ltd=0.6, eta=0.1)
    one = DopamineSTDP(dopamine, subpopulations=BySynapse(rng.integers(2, size=30)), tau_e=0.6, soft=True)
    return Network(
        cells,
        spikes,
        Projection(spikes, cells, AllToAll(), rng.uniform(0.4, 0.9, (6, 9)), 0.2, plasticity=two),
        Projection(
            cells,
            cells,
            FromCOO(i, j),
            rng.uniform(0.1, 0.5, 30),
            rng.integers(1, 9, 30) * 0.1,
            plasticity=one,
        ),
    )


def across(net, parts=(1.2, 1.3), tolerance=None, **options):
    """Run both backends, exchange their states, and run on; returns the number of spikes."""
    shape(TWO)
    sims = [Simulation(net, seed=3, arithmetic="fixed", backend=name, **options) for name in ("cpu", "cuda")]
    same(*(sim.run(parts[0], everything(net)) for sim in sims), tolerance)
    same_state(*sims, tolerance)
    states = [sim.state() for sim in sims]
    rest = sims[0].run(parts[1], everything(net))
    for sim, state in zip(sims, reversed(states), strict=True):
        sim.load_state(state)
        same(rest, sim.run(parts[1], everything(net)), tolerance)
    same_state(*sims, tolerance)
    fresh = Simulation(net, seed=3, arithmetic="fixed", **options)
    for projection in net.projections:
        if projection.plasticity is not None and projection.short_term is None:
            weights = (sim.synapses(projection).weight for sim in (sims[1], fresh))
            assert not np.array_equal(*weights), projection.name
    return sum(rest.n_spikes.values())


@case
def stdp():
    return across(learners(STDP(lam=0.05)))


@case
def more_post_spikes_than_a_history_holds():
    cells = Population("cells", 3, Parrot(), "stepped")
    often = SpikeTrain("often", 3, np.tile(np.arange(40) * 0.1, 3), np.repeat(np.arange(3), 40))
    seldom = SpikeTrain("seldom", 2, [0.1, 0.2, 3.9], [0, 1, 0])
    parts = [
        Projection(often, cells, OneToOne(), 1.0, 0.1),
        Projection(seldom, cells, AllToAll(), np.full((2, 3), 0.4), 0.1, plasticity=STDP(lam=0.05)),
    ]
    return across(Network(cells, often, seldom, *parts), parts=(3.8, 0.5), max_rate=1e5)


@case
def coincident_spikes_that_make_no_pair():
    """With traces of short-term plasticity, and what is released on the way."""
    return across(learners(STDP(lam=0.05, coincident=False), TsodyksMarkram(tau_fac=50.0)))


def shared_weights():
    """Of a kernel with padding, on what it drives as well; the cases of :mod:`cuda_more_cases` share in each way."""
    rng = np.random.default_rng(0)
    times, neuron = np.round(rng.uniform(0.0, 2.5, 80), 1), rng.integers(16, size=80)
    spikes = SpikeTrain("in", 16, times, neuron)
    cells = Population("cells", 16, LIF(tau_m=9.0, v_thresh=1.0, v_reset=-0.5, t_ref=0.3), "stepped")
    kernel = Conv2D(rng.uniform(0.2, 0.6, (3, 3, 1, 1)), (4, 4, 1), padding=1)
    dopamine = modulated(DopamineSTDP, tau_e=0.7)
    how = {"weight": 1.0, "delay": 0.2, "sharing": SharedWeights(0.5)}
    return across(
        Network(
            cells,
            spikes,
            Projection(spikes, cells, kernel, **how, plasticity=STDP(lam=0.05)),
            Projection(cells, cells, kernel, **how, plasticity=dopamine, name="again"),
        )
    )


@case
def modulators():
    return across(under_modulators(), parts=(0.8, 1.0))  # a window ends at 1.6 ms


def modulated(rule, *arguments, n=1, **more):
    """Return a rule under modulators that a train of this name releases at given times."""
    given = [Given(np.array([0.0, 0.6, 1.5]) + 0.2 * k, 0.8) for k in range(n)]
    channels = [Modulator(f"m{k}", tau=3.0, baseline=0.2, given=[one]) for k, one in enumerate(given)]
    return rule(*channels, *arguments, **more)


#: Every rule that runs on a device: how to make it, and whether its float32 numbers are the CPU's; those that call
#: exp or a power are the CPU's up to rounding. Run by name.
RULES = {
    "BCM": (lambda: BCM(eta=1e-3), True),
    "BennaFusiSTDP": (lambda: BennaFusiSTDP(tau=50.0), True),
    "CascadeSTDP": (lambda: CascadeSTDP(a_plus=0.6, a_minus=0.6), True),
    "CentredSTDP": (lambda: CentredSTDP(lam=0.02), False),
    "CorticostriatalSTDP": (lambda: modulated(CorticostriatalSTDP.d1, tau_e=0.7, eta=0.01), True),
    "DopamineSTDP": (lambda: modulated(DopamineSTDP, tau_e=0.7), True),
    "GatedSTDP": (lambda: modulated(GatedSTDP, n=2), True),
    "Hebb": (lambda: Hebb(eta=0.02), True),
    "InhibitorySTDP": (lambda: InhibitorySTDP(eta=0.01), True),
    "Oja": (lambda: Oja(eta=0.01), True),
    "PowerSTDP": (lambda: PowerSTDP(lam=0.02, mu_plus=0.4, mu_minus=0.4), False),
    "RateHebb": (lambda: modulated(RateHebb, tau_e=0.7), True),
    "RewardSTDP": (lambda: modulated(RewardSTDP, tau_e=0.7), True),
    "ScaledSTDP": (lambda: ScaledSTDP(tau_rate=50.0), False),
    "SequentialSTDP": (lambda: modulated(SequentialSTDP, n=2, w_min=0.0, tau_e=0.7, kappa=1.0), False),
    "STDP": (lambda: STDP(lam=0.05, nearest=True), True),
    "TripletSTDP": (lambda: TripletSTDP(a2_plus=0.01, a3_minus=0.01), True),
    "TwoTraceSTDP": (lambda: modulated(TwoTraceSTDP, n=2, tau_ltp=0.7), True),
}


def _rule(name, precision):
    make, exact = RULES[name]

    def run():
        sign = -1 if name == "InhibitorySTDP" else 1
        return across(learners(make(), sign=sign), tolerance=None if exact else 1e-5, precision=precision)

    return run


BY_NAME = {
    f"{name}_{precision}": _rule(name, precision) for name in RULES for precision in ("float32", "float64")
} | {"shared_weights": shared_weights}


@case
def blocks_side_by_side():
    """In one launch, as on a device: they wait for one another in every tick."""
    shape(SIDE_BY_SIDE)
    return compare(driven(*MODELS["LIF"][:3]), parts=(2.0, 1.5))


@case
def what_learns_side_by_side():
    shape(SIDE_BY_SIDE)
    return compare(under_modulators(), parts=(1.1,))


def for_compilers():
    """Yield name, network and options of networks that between them launch every kernel."""
    for name, (model, excitation, inhibition, _) in MODELS.items():
        for precision in ("float32", "float64"):
            yield f"{name}, {precision}", driven(model, excitation, inhibition), {"precision": precision}
    for precision in ("float32", "float64"):
        cells = Population("cells", 20, LIFExp(tau_m=np.linspace(8.0, 12.0, 20)), "stepped")
        drawn = [
            Poisson(cells, rate=12_000.0, weight=0.7),
            Poisson(cells, rate=300.0, weight=0.9),
            Poisson(cells, rate=np.linspace(0.0, 9_000.0, 20), weight=0.8),
            Noise(cells, mean=300.0, std=900.0),
        ]
        yield f"sources, {precision}", Network(cells, *drawn), {"precision": precision}
        yield f"STDP, {precision}", learners(STDP()), {"precision": precision}
        yield f"modulators, {precision}", under_modulators(), {"precision": precision}
        spikes, post = train(), Population("post", 12, LIF(v_thresh=4.0), "stepped")
        rules = [DopamineSTDP(Modulator(f"m{k}", tau=3.0)) for k in range(6)]
        six = [
            Projection(spikes, post, AllToAll(), 0.5, 0.1, plasticity=rule, name=f"p{k}")
            for k, rule in enumerate(rules)
        ]
        yield f"six that learn, {precision}", Network(post, spikes, *six), {"precision": precision}


entered, entering = Counter(), threading.Lock()


@contextmanager
def swapped_while_any_is_inside(function, stand_in):
    """Let a function's module see the simulator's stand-in for ``numba.cuda`` until the last thread has left it.

    Numba's own takes it away when the first leaves (``swapped_cuda_module``), and the others fail.
    """
    from numba import cuda

    names = function.__globals__
    with entering:
        entered[id(names)] += 1
        names.update({name: stand_in for name, value in names.items() if value is cuda})
    try:
        yield
    finally:
        with entering:
            entered[id(names)] -= 1
            if not entered[id(names)]:
                names.update({name: cuda for name, value in names.items() if value is stand_in})


def main(cases, by_name):
    """Run the cases that are named, or all but those that run by name."""
    import cuda_parts
    import simblocks
    from numba.cuda.simulator import kernel as simulator

    simulator.swapped_cuda_module = swapped_while_any_is_inside
    simblocks.install()
    used = set()
    cuda_parts.noting(used)
    for name in sys.argv[1:] or cases:
        shape()
        used.clear()
        try:
            n, problem = (cases | by_name)[name](), ""
        except Exception:
            n, problem = 0, traceback.format_exc()
        row = {"case": name, "problem": problem, "n_spikes": n, "used": sorted(used)}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(CASES, BY_NAME)
