"""More small networks for both backends, as :mod:`cuda_cases` has them: ``cuda_more_cases.py [NAME...]``.

Rules that follow potentials, synapses that turn over or share weights, resources of a synapse's own, and what else the
package exports; every rule once, here or there.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from unittest.mock import patch

import cuda_cases as base
import numpy as np
from cuda_cases import (
    MODELS,
    SEVERAL,
    SIDE_BY_SIDE,
    across,
    compare,
    driven,
    learners,
    same,
    same_state,
    shape,
    train,
)

from tegmentum.plasticity import (
    D1,
    D1D2,
    STDP,
    ClopathSTDP,
    DopamineSTDP,
    EProp,
    EPropALIF,
    Hill,
    KernelAmplitude,
    LinearReceptor,
    NacaReceptor,
    PowerLawSTDP,
    PseudoDerivative,
    TsodyksMarkram,
)
from tegmentum.simcore import (
    ALIF,
    LIF,
    AllToAll,
    AvgPool2D,
    ByPost,
    ByPre,
    ClopathAdEx,
    Conv2D,
    Course,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    Given,
    Lognormal,
    Modulator,
    Network,
    Parrot,
    Population,
    Projection,
    Record,
    Release,
    SharedWeights,
    Simulation,
    Snapshots,
    Trace,
    Turnover,
    Uniform,
    open_run,
    sweep,
)
from tegmentum.simcore.advance.cuda import available

CASES, BY_NAME = {}, {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


def cells(n=9, **more):
    return Population(
        "cells", n, LIF(**{"tau_m": 9.0, "v_thresh": 3.0, "v_reset": -0.5, "t_ref": 0.3} | more), "stepped"
    )


def following(delay=0.0):
    """Return cells under e-prop and cells under Clopath's rule, with others between them that nothing watches."""
    rng = np.random.default_rng(5)
    spikes, every = train(80, 2.5, seed=7), AllToAll()
    one = Population("one", 5, LIF(tau_m=9.0, v_thresh=4.0, v_reset=-0.5, t_ref=0.3), "stepped")
    between = Population("between", 4, LIF(tau_m=9.0, v_thresh=4.0, t_ref=0.3), "stepped")
    two = Population("two", 7, LIF(9.0, v_rest=-70.0, v_thresh=-66.0, v_reset=-70.5, t_ref=0.3), "stepped")
    slope = Modulator("slope", 5, baseline=Course([0.0, 1.0], [0.0, 0.05]), source=PseudoDerivative(one))
    told = [Release(between, 0.4, onto=[0, 2, 4, 1])]
    once = [Given([0.4], [0.2], 1)]
    signal = Modulator("signal", 5, tau=4.0, baseline=0.3, releases=told, given=once)
    e_prop = EProp(slope, signal, tau_m=0.6, eta=0.3, w_min=-4.0, w_max=4.0)
    thetas = {"theta_minus": -69.5, "theta_plus": -66.0, "rest": -70.0}
    clopath = ClopathSTDP(two, 0.05, 0.05, 0.7, **thetas, peak=20.0, delay=delay, w_max=6.0)
    return Network(
        one,
        between,
        two,
        spikes,
        Projection(spikes, one, every, rng.uniform(0.5, 1.5, (6, 5)), 0.2, plasticity=e_prop, name="e-prop"),
        Projection(spikes, between, every, rng.uniform(0.5, 1.5, (6, 4)), 0.2, name="between"),
        Projection(
            spikes, two, every, rng.uniform(0.5, 1.5, (6, 7)), 0.3, plasticity=clopath, name="clopath"
        ),
    )


@case
def levels_that_follow_potentials():
    """Windows of integrals end at 1.6 ms; blocks have a part of a population, and parts of two."""
    net = following()
    n = across(net, parts=(1.3, 1.0))
    cpu, device = (Simulation(net, seed=3, arithmetic="fixed", backend=name) for name in ("cpu", "cuda"))
    same(cpu.run(1.1, Record(spikes=["two"])), device.run(1.1, Record(spikes=["two"])))
    for name in ("slope", "signal", "two LTD", "two LTP"):
        assert np.ptp(cpu.levels(name)) > 0.0, name
        np.testing.assert_array_equal(cpu.levels(name), device.levels(name), name)
    return n


@case
def levels_that_follow_with_a_lag():
    n = across(following(delay=0.4), parts=(1.3, 0.9))
    shape(SEVERAL)
    return n + compare(following(delay=0.4), parts=(0.7, 0.4, 0.9))


@case
def levels_that_follow_side_by_side():
    shape(SIDE_BY_SIDE)
    return compare(following(delay=0.2), parts=(1.9,))


def adapting(tau_out=0.7, one_signal=False, peak=4.0):
    """Return adaptive cells under e-prop, with others before them that nothing watches; a window ends at 0.8 ms."""
    rng = np.random.default_rng(5)
    spikes, every = train(80, 2.5, seed=7), AllToAll()
    alif = ALIF(tau_m=0.9, v_thresh=4.0, v_reset=-0.5, t_ref=0.2, beta=1.5, tau_a=1.4)
    between = Population("between", 4, LIF(tau_m=9.0, v_thresh=4.0, t_ref=0.3), "stepped")
    post = Population("post", 7, alif, "stepped")
    slope = Modulator("slope", 7, source=PseudoDerivative(post, gamma=0.3, peak=peak))
    n = 1 if one_signal else 7
    told = [Release(between, 0.4, onto=None if one_signal else [0, 2, 4, 1])]
    signal = Modulator(
        "signal", n, tau=4.0, tau_rise=0.5, baseline=0.3, releases=told, given=[Given([0.4], 0.2)]
    )
    rule = EPropALIF(slope, signal, tau_out=tau_out, eta=0.3, w_min=-4.0, w_max=4.0)
    parts = [
        Projection(spikes, between, every, rng.uniform(0.5, 1.5, (6, 4)), 0.2),
        Projection(spikes, post, every, rng.uniform(0.5, 3.0, (6, 7)), 0.2, plasticity=rule, name="learn"),
        Projection(
            post, post, FixedIndegree(3), Uniform(-0.5, 0.5), Uniform(0.1, 0.6), plasticity=rule, name="own"
        ),
    ]
    return Network(between, post, spikes, *parts)


@case
def maps_of_adaptive_neurons():
    """Of each neuron and tick; checkpoints lie within windows, blocks have parts of a population."""
    n = across(adapting(), parts=(1.3, 1.0))
    shape(SEVERAL)
    n += compare(adapting(tau_out=0.0, one_signal=True), parts=(0.7, 1.1))
    shape(SIDE_BY_SIDE)
    n += compare(adapting(peak=None), parts=(1.9,))
    return n


def pairing(neuron):
    """Return Clopath's neurons under their rule, driven as in its experiments, by jumps of 80 mV."""
    post = Population("cells", 5, neuron, "stepped")
    rule = ClopathSTDP(post, a_ltd=0.05, a_ltp=0.05, tau_x=0.7, w_max=10.0, delay=0.2)
    spikes, driver = train(40, 6.0, seed=3), train(20, 4.0, size=5, seed=8)
    driver = type(driver)("driver", 5, driver.times, driver.neuron)
    parts = [
        Projection(spikes, post, AllToAll(), Uniform(0.5, 1.0), 0.1, plasticity=rule),
        Projection(driver, post, FixedIndegree(1), 80.0, 0.2),
    ]
    return Network(post, spikes, driver, *parts)


def _pairing(precision):
    def run():
        net, tolerance = pairing(ClopathAdEx(t_ref=0.3)), None if precision == "float64" else 1e-3
        n = compare(net, parts=(2.5, 1.5), tolerance=tolerance, precision=precision)
        assert n > 3, n
        return n

    run.__name__ = f"clopaths_neurons_{precision}"
    return run


case(_pairing("float64"))
BY_NAME["clopaths_neurons_float32"] = _pairing("float32")


def turning(**turnover):
    """Return cells whose contacts of two rules turn over every half a millisecond."""
    post, rng = cells(), np.random.default_rng(3)
    spikes = train(60, 3.0)
    dopamine = Modulator("dopamine", tau=3.0, baseline=0.3, given=[Given([0.2, 1.1], [0.5, 0.7])])
    pair, under = (
        STDP(lam=0.2, w_max=2.0),
        DopamineSTDP(dopamine, tau_e=0.6, a_plus=0.5, a_minus=0.5, w_max=2.0),
    )
    rule = Turnover(**{"every": 0.5, "indegree": 4, "below": 0.35, "weight": 0.6, "delay": 0.3} | turnover)
    return Network(
        post,
        spikes,
        Projection(spikes, post, AllToAll(), rng.uniform(0.4, 1.1, (6, 9)), 0.2, name="fixed"),
        Projection(post, post, FixedIndegree(4), Uniform(0.3, 0.8), Uniform(0.1, 0.5), plasticity=pair, name="pair",
                   structure=rule),
        Projection(spikes, post, FixedIndegree(4), Uniform(0.3, 0.8), 0.3, plasticity=under, name="dopamine",
                   structure=rule),
    )  # fmt: skip


def turned(net, parts):
    """Compare both backends over updates; contacts must have gone and come."""
    sims = [Simulation(net, seed=3, arithmetic="fixed", backend=name) for name in ("cpu", "cuda")]
    before, n = sims[0].synapses("pair").ids, 0
    for ms in parts:
        record = base.everything(net)
        one, other = (sim.run(ms, record) for sim in sims)
        same(one, other)
        n += sum(one.n_spikes.values())
    same_state(*sims)
    for name in ("pair", "dopamine"):
        one, other = (sim.synapses(name) for sim in sims)
        for column in ("pre", "post", "delay", "weight", "ids"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column), name)
    gone = np.setdiff1d(before, sims[0].synapses("pair").ids)
    assert len(gone) > 2, len(gone)
    return n


@case
def synapses_that_turn_over():
    n = turned(turning(), parts=(0.7, 1.3))
    shape(SEVERAL)
    n += turned(turning(indegree=None, rate=1500.0, growth=0.9), parts=(1.2, 0.6))
    return n + turned(turning(indegree=None, rate=10.0), parts=(1.2, 0.3))  # until none is left


@case
def turnover_across_backends():
    return across(turning(), parts=(1.2, 1.1))


@case
def turnover_side_by_side():
    shape(SIDE_BY_SIDE)
    return turned(turning(), parts=(1.2,))


def convolution(rule, every=0.5):
    """Return maps of a convolution that learns, its weights shared every ``every`` ms, and pooled."""
    rng = np.random.default_rng(6)
    conv = Conv2D(rng.uniform(0.3, 0.6, (2, 2, 1, 2)), (3, 3, 1))
    image, maps = (
        train(60, 2.0, size=9, seed=9),
        Population("maps", 8, LIF(9.0, v_thresh=1.0, t_ref=0.3), "stepped"),
    )
    pooled = Population("pooled", 2, LIF(9.0, v_thresh=0.7, t_ref=0.3), "stepped")
    learn = Projection(
        image, maps, conv, delay=0.2, plasticity=rule, sharing=SharedWeights(every), name="conv"
    )
    return Network(image, maps, pooled, learn, Projection(maps, pooled, AvgPool2D((2, 2, 2), 2), 1.0, 0.1))


@case
def weights_that_are_shared():
    n = across(convolution(STDP(lam=0.02)), parts=(0.8, 1.0))
    dopamine = Modulator("dopamine", 2, tau=3.0, baseline=0.3, given=[Given([0.2, 1.1], [0.5, 0.7], [0, 1])])
    rule = DopamineSTDP(dopamine, subpopulations=ByPost(np.arange(8) % 2), tau_e=0.6, a_plus=0.1, a_minus=0.1)
    return n + across(convolution(rule), parts=(0.8, 1.0))


def _own_resources(precision):
    def run():
        tolerance = None if precision == "float64" else 1e-5
        own = TsodyksMarkram(U=Uniform(0.3, 0.9), tau_rec=Lognormal(20.0, 5.0), tau_fac=Uniform(0.0, 5.0))
        options = {"tolerance": tolerance, "precision": precision}
        n = across(learners(STDP(lam=0.05), own), **options)
        net, every = (
            learners(None, TsodyksMarkram()),
            TsodyksMarkram(tau_rec=tuple(np.linspace(2.0, 90.0, 30))),
        )
        q = net.projections[1]
        q = Projection(q.pre, q.post, q.rule, q.weight, q.delay, short_term=every, name=q.name)
        given = Network(*net.populations, *net.spike_trains, net.projections[0], q)
        return n + across(given, **options)

    run.__name__ = f"resources_of_each_synapse_{precision}"
    return run


case(_own_resources("float64"))
BY_NAME["resources_of_each_synapse_float32"] = _own_resources("float32")


@case
def resources_and_nothing_that_learns():
    """Short-term plasticity alone: with resources that stay in use, and facilitation."""
    n = across(learners(None, TsodyksMarkram(tau_rec=20.0, tau_psc=3.0)))
    return n + across(learners(None, TsodyksMarkram(U=0.1, tau_rec=3.0, tau_fac=5.0), sign=-1))


def by_pre(*receptors, n_levels=3):
    """Return cells each of whose sources has a level of dopamine for its synapses, of each receptor in turn."""
    net, rng = learners(STDP()), np.random.default_rng(8)
    given = Given([0.0, 0.5, 0.9, 1.4], [0.8, 0.5, 0.9, 0.4], np.arange(4) % n_levels)
    dopamine = Modulator("dopamine", n_levels, tau=3.0, baseline=0.4, given=[given])
    parts, turns = [], itertools.cycle(receptors)
    for q in net.projections:
        rule = None
        if q.plasticity is not None:
            of = ByPre(rng.integers(n_levels, size=q.pre.size))
            rule = DopamineSTDP(dopamine, next(turns), of, tau_e=0.6, a_plus=0.2, a_minus=0.2, w_max=2.0)
        parts.append(Projection(q.pre, q.post, q.rule, q.weight, q.delay, plasticity=rule, name=q.name))
    return Network(*net.populations, *net.spike_trains, *parts)


@case
def levels_by_pre_neuron():
    n = across(by_pre(LinearReceptor(1.5, 0.2)), parts=(0.9, 1.0))
    shape(SEVERAL)
    return n + compare(by_pre(LinearReceptor(1.5, 0.2)), parts=(0.6, 1.3))


RECEPTORS = {
    "D1": D1(0.6),
    "D1D2": D1D2(0.4),
    "Hill": Hill(half=0.5),
    "KernelAmplitude": KernelAmplitude(0.1, 1.0),
    "LinearReceptor": LinearReceptor(1.5, 0.2),
    "NacaReceptor": NacaReceptor(),
}


@case
def receptors():
    """Two in a network, each for a projection: an engine for every pair of them."""
    kinds = list(RECEPTORS.values())
    return sum(compare(by_pre(*kinds[k : k + 2]), parts=(1.0,)) for k in range(0, len(kinds), 2))


@case
def all_that_is_recorded():
    """Snapshots, levels, some neurons, a window; the run stops to look, and goes on."""
    net = base.under_modulators()
    learn, more = (str(q.name) for q in net.projections)
    record = Record(
        spikes={"cells": [0, 3, 8], "in": None},
        traces={"v": Trace("cells", "v", [1, 4])},
        every=0.2,
        weights={learn: Snapshots(0.5, synapses=7), more: Snapshots(0.3, changed=True)},
        eligibility={more: 0.4},
        modulators={"dopamine": 0.2, "slow": 0.7},
        start=0.3,
        stop=1.9,
    )
    sims = [Simulation(net, seed=3, arithmetic="fixed", backend=name) for name in ("cpu", "cuda")]
    one, other = (sim.run(2.2, record) for sim in sims)
    same(one, other)
    same_state(*sims)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for name in ("cpu", "cuda"):
            Simulation(net, seed=3, arithmetic="fixed", backend=name).run(2.2, record, to=f"{folder}/{name}")
            with open_run(f"{folder}/{name}") as run:
                groups = [key for key in run.groups if run[key].has_data and key != "/"]  # there the clock is
                found.append({key: run[key].load().to_dataset() for key in groups})
        assert found[0].keys() == found[1].keys()
        for key, there in found[0].items():
            assert there.drop_attrs().identical(found[1][key].drop_attrs()), key
        assert any("weight" in key for key in found[0]), list(found[0])
    return sum(one.n_spikes.values())


@case
def checkpoints_within_a_run():
    """Kept after every chunk of ticks; what learns goes on from each, and resumes on either backend."""
    net = base.under_modulators()
    whole = Simulation(net, seed=3, arithmetic="fixed")
    expected = whole.run(2.3, base.everything(net))
    with tempfile.TemporaryDirectory() as folder:
        for begin, then in (("cuda", "cpu"), ("cpu", "cuda")):
            store = f"{folder}/{begin}"
            sim = Simulation(net, seed=3, arithmetic="fixed", backend=begin)
            sim._longest = 5  # ticks of a chunk
            sim.run(1.1, base.everything(net), to=store, checkpoint_every=0.0)
            resumed, _ = Simulation.resume(store, net, until=2.3, backend=then, checkpoint_every=0.0)
            same_state(whole, resumed)
    return sum(expected.n_spikes.values())


@case
def a_sweep():
    """Runs at the points of a grid, on a device and, where ``auto`` finds none, on the CPU: the same index."""

    def network_of(most):
        return driven(MODELS["LIF"][0], (0.3, most), (-0.7, -0.2), n=4)

    def backends(simulation, result):
        ticks = result.spikes["cells"].tick
        return {
            "on_device": float(simulation.backend == "cuda"),
            "first": float(ticks[0]),
            "sum": float(ticks.sum()),
        }

    grid, record, found = {"most": [1.6, 4.0], "seed": [0, 1]}, Record(spikes=["cells"]), {}
    for backend, absent in (("cuda", None), ("auto", "none")):
        with patch.object(available, "missing", lambda absent=absent: absent):
            found[backend] = sweep(network_of, grid, 1.5, record=record, measure=backends, backend=backend)
    assert found["cuda"].on_device.values.all()
    assert not found["auto"].on_device.values.any()
    for name in ("rate", "n_spikes", "synaptic_events", "first", "sum"):
        np.testing.assert_array_equal(found["cuda"][name], found["auto"][name], name)
    return int(found["cuda"].n_spikes.sum())


@case
def wiring_of_all_kinds():
    """Numbers of contacts, delays and weights that are drawn, convolutions and pools that do not learn."""
    post, relay, spikes = cells(12), Population("relay", 9, Parrot(), "stepped"), train(80, 3.0, size=9)
    rng = np.random.default_rng(2)
    conv = Conv2D(rng.uniform(0.5, 1.0, (2, 2, 1, 3)), (3, 3, 1))
    parts = [
        Projection(spikes, relay, AllToAll(), 1.0, 0.1),
        Projection(relay, post, conv, delay=0.2, name="conv"),
        Projection(relay, post, FixedOutdegree(3), Lognormal(0.4, 0.1), Lognormal(0.8, 0.4), name="out"),
        Projection(post, post, FixedTotal(20), Uniform(0.1, 0.5), Uniform(0.1, 2.6), name="total"),
    ]
    shape(SEVERAL)
    return compare(Network(post, relay, spikes, *parts), parts=(0.9, 1.7))


#: Rules beyond those of :data:`cuda_cases.RULES`: network, and whether float32 numbers are the CPU's.
RULES = {
    "ClopathSTDP": (following, True),
    "EProp": (following, True),
    "EPropALIF": (adapting, True),
    "PowerLawSTDP": (lambda: learners(PowerLawSTDP(lam=0.05, w_max=3.0)), False),
    "TsodyksMarkram": (lambda: learners(STDP(lam=0.05), TsodyksMarkram()), True),
}


def _rule(name, precision):
    if name in base.RULES:
        return base.BY_NAME[f"{name}_{precision}"]
    make, exact = RULES[name]
    return lambda: across(make(), tolerance=None if exact else 1e-5, precision=precision)


#: Each rule of the package, in float32 and in float64, by name.
EVERY_RULE = sorted({**base.RULES, **RULES})
BY_NAME |= {f"{name}_{p}": _rule(name, p) for name in EVERY_RULE for p in ("float32", "float64")}
CASES["PowerLawSTDP"] = BY_NAME["PowerLawSTDP_float32"]
#: The others that no case above or of :mod:`cuda_cases` shows, two in a network: an engine for every pair of them.
PAIRS = (
    ("BCM", "CorticostriatalSTDP"),
    ("BennaFusiSTDP", "GatedSTDP"),
    ("CascadeSTDP", "Hebb"),
    ("CentredSTDP", "SequentialSTDP"),
    ("InhibitorySTDP", "RateHebb"),
    ("Oja", "RewardSTDP"),
    ("PowerSTDP", "ScaledSTDP"),
    ("STDP", "TripletSTDP"),
)


def _pair(one, other):
    def run():
        (make, exact), (make_other, exact_other) = base.RULES[one], base.RULES[other]
        net = learners(make(), sign=sign_of(one), other=make_other())
        return across(net, tolerance=None if exact and exact_other else 1e-5)

    run.__name__ = f"{one}_and_{other}"
    return run


for _names in PAIRS:
    case(_pair(*_names))


def for_compilers():
    """Yield name, network and options of the networks of this file that launch kernels of their own."""
    for precision in ("float32", "float64"):
        options = {"precision": precision}
        yield f"ClopathAdEx, {precision}", driven(ClopathAdEx(), *MODELS["AdEx"][1:3]), options
        for name in sorted({*EVERY_RULE} - {"STDP"}):  # which is among those there
            made = RULES[name][0]() if name in RULES else learners(base.RULES[name][0](), sign=sign_of(name))
            yield f"{name}, {precision}", made, options
        yield f"lag, {precision}", following(delay=0.4), options
        yield f"shared, {precision}", convolution(STDP()), options
        own = TsodyksMarkram(U=Uniform(0.3, 0.9), tau_fac=5.0)
        yield f"own resources, {precision}", learners(STDP(), own), options
        for name, receptor in RECEPTORS.items():
            yield f"{name}, {precision}", by_pre(receptor), options


def sign_of(name):
    """Return the sign of the weights that a rule is shown on."""
    return -1 if name == "InhibitorySTDP" else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        print(json.dumps(sorted({*CASES, *BY_NAME})))
    else:
        base.main(CASES, BY_NAME)
