"""Try in other simulators what docs/compare.md says of them, and print what each row was tried with and what came out.

``python examples/try_features.py [brian2 nest bindsnet snntorch]``, in an environment that has some of them:
``python -m venv peers && peers/bin/pip install 'brian2==2.9.0' 'nest-simulator==3.10.0' 'snntorch==1.0.0'
'bindsnet==0.3.4' 'numpy<2.4'``. Each trial is a few lines in the simulator's own words; a number that can be checked is
checked, so that a row printed as "yes" did what it should. What cannot be imported is reported, not an error.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: what the package is called on an index, where that is not what one imports
DISTRIBUTIONS = {"nest": "nest-simulator"}
TRIALS: list[tuple[str, str, Callable[[Any], str]]] = []


def tries(simulator: str, row: str) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Register a function that tries a row of the table in a simulator and says what with."""

    def register(function: Callable[[Any], str]) -> Callable[[Any], str]:
        TRIALS.append((simulator, row, function))
        return function

    return register


def near(found: Any, expected: float, tolerance: float = 1e-6) -> None:
    """Refuse a number that is not what it should be."""
    if not abs(float(found) - expected) <= tolerance * max(1.0, abs(expected)):
        raise AssertionError(f"{float(found)} is not {expected}")


# -------------------------------------------------------------------------------------------------------- Brian2


def charged(b: Any, equations: str, ms: float = 10.0, **options: Any) -> Any:
    """Run one neuron of these equations."""
    cell = b.NeuronGroup(1, equations, **options)
    b.Network(cell).run(ms * b.ms)
    return cell


@tries("brian2", "LIF, exact")
def _(b: Any) -> str:
    cell = charged(b, "dv/dt = (10*mV - v) / (20*ms) : volt", method="exact")
    near(cell.v[0] / b.mV, 10 * (1 - np.exp(-0.5)), 1e-9)
    return 'method="exact", to 1e-9 of the closed form'


@tries("brian2", "exponential, alpha currents, conductances")
def _(b: Any) -> str:
    cell = charged(
        b,
        """dv/dt = (g*(0*mV - v) + current + h - v) / (20*ms) : volt
        dg/dt = -g/(5*ms) : 1
        dcurrent/dt = -current/(5*ms) : volt
        dh/dt = (x - h)/(2*ms) : volt
        dx/dt = -x/(2*ms) : volt""",
        method="rk4",
    )
    near(cell.v[0] / b.mV, 0.0)
    return "all three in one group"


@tries("brian2", "AdEx, Izhikevich, Hodgkin-Huxley")
def _(b: Any) -> str:
    adex = """dv/dt = (30*nS*(-70*mV - v) + 30*nS*2*mV*exp((v + 50*mV)/(2*mV)) - w + 1*nA)/(281*pF) : volt
    dw/dt = (4*nS*(v + 70*mV) - w)/(144*ms) : amp"""
    cell = b.NeuronGroup(1, adex, threshold="v > 0*mV", reset="v = -70*mV; w += 0.08*nA", method="euler")
    cell.v = -70 * b.mV
    spikes = b.SpikeMonitor(cell)
    b.Network(cell, spikes).run(100 * b.ms)
    if not spikes.num_spikes > 2:
        raise AssertionError("AdEx did not fire")
    return f"AdEx by its equations, {spikes.num_spikes} spikes"


@tries("brian2", "several compartments")
def _(b: Any) -> str:
    b.prefs.codegen.target = "numpy"
    cable = b.Cylinder(length=1 * b.mm, diameter=2 * b.um, n=20)
    neuron = b.SpatialNeuron(
        cable, "Im = 0.1*msiemens/cm**2 * (-70*mV - v) : amp/meter**2\nI : amp (point current)"
    )
    neuron.v = -70 * b.mV
    neuron.I[0] = 0.05 * b.nA
    b.Network(neuron).run(50 * b.ms)
    if not neuron.v[0] > neuron.v[10] > neuron.v[19] > -70 * b.mV:
        raise AssertionError("no attenuation")
    return "a cable of 20 compartments attenuates"


@tries("brian2", "gap junctions")
def _(b: Any) -> str:
    cells = b.NeuronGroup(2, "dv/dt = (j - v)/(10*ms) : 1\nj : 1", method="euler")
    cells.v = [1.0, 0.0]
    gap = b.Synapses(cells, cells, "w : 1\nj_post = w*(v_pre - v_post) : 1 (summed)")
    gap.connect(condition="i != j")
    gap.w = 1.0
    b.Network(cells, gap).run(10 * b.ms)
    near(cells.v[0] + cells.v[1], np.exp(-1.0), 1e-2)
    return "two coupled membranes, sum decays as it should"


@tries("brian2", "physical units on numbers")
def _(b: Any) -> str:
    try:
        1 * b.mV + 1 * b.ms
    except b.DimensionMismatchError:
        return "mV + ms is refused"
    raise AssertionError("mV + ms is a number")


@tries("brian2", "delay for each synapse")
def _(b: Any) -> str:
    source, target = b.SpikeGeneratorGroup(1, [0], [1 * b.ms]), b.NeuronGroup(2, "t1 : second")
    synapses = b.Synapses(source, target, on_pre="t1_post = t")
    synapses.connect()
    synapses.delay = [1.0, 3.0] * b.ms
    b.Network(source, target, synapses).run(6 * b.ms)
    near(target.t1[0] / b.ms, 2.0, 1e-9)
    near(target.t1[1] / b.ms, 4.0, 1e-9)
    return "1 and 3 ms arrive at their times"


@tries("brian2", "probabilities, degrees, totals, one to one")
def _(b: Any) -> str:
    group = b.NeuronGroup(1000, "v : 1")
    random, paired = b.Synapses(group, group), b.Synapses(group, group)
    random.connect(p=0.01)
    paired.connect(j="i")
    near(len(random), 10_000, 0.05)
    near(len(paired), 1000)
    fixed = b.Synapses(group, group)
    fixed.connect(j="k for k in sample(N_post, size=10)")
    near(len(fixed), 10_000)
    return "p, one to one, sample(size=)"


@tries("brian2", "by distance, small world, degree sequence")
def _(b: Any) -> str:
    group = b.NeuronGroup(500, "x : 1")
    group.x = "i / 500.0"
    near_ = b.Synapses(group, group)
    near_.connect(p="exp(-abs(x_pre - x_post)/0.02)")
    if not np.abs(group.x[near_.i[:]] - group.x[near_.j[:]]).mean() < 0.05:
        raise AssertionError("not local")
    return "a probability by an expression of distance"


@tries("brian2", "pair, triplet, voltage-based, inhibitory STDP")
def _(b: Any) -> str:
    pre, post = b.SpikeGeneratorGroup(1, [0], [1 * b.ms]), b.SpikeGeneratorGroup(1, [0], [6 * b.ms])
    synapses = b.Synapses(
        pre,
        post,
        "w : 1\ndx/dt = -x/(20*ms) : 1 (event-driven)\ndy/dt = -y/(20*ms) : 1 (event-driven)",
        on_pre="x += 1; w -= 0.1*y",
        on_post="y += 1; w += 0.1*x",
    )
    synapses.connect()
    b.Network(pre, post, synapses).run(10 * b.ms)
    near(synapses.w[0], 0.1 * np.exp(-5 / 20), 1e-6)
    return "pair STDP by equations, equal to the closed form"


@tries("brian2", "short-term plasticity")
def _(b: Any) -> str:
    pre, post = b.SpikeGeneratorGroup(1, [0, 0], [1, 11] * b.ms), b.NeuronGroup(1, "v : 1")
    synapses = b.Synapses(
        pre, post, "dx/dt = (1 - x)/(100*ms) : 1 (event-driven)", on_pre="v_post += 0.5*x; x -= 0.5*x"
    )
    synapses.connect()
    synapses.x = 1.0
    b.Network(pre, post, synapses).run(15 * b.ms)
    near(post.v[0], 0.5 + 0.5 * (1 - 0.5 * np.exp(-0.1)), 1e-6)
    return "depression by equations, equal to the closed form"


@tries("brian2", "dopamine STDP")
def _(b: Any) -> str:
    pre, post = b.SpikeGeneratorGroup(1, [0], [1 * b.ms]), b.SpikeGeneratorGroup(1, [0], [6 * b.ms])
    synapses = b.Synapses(
        pre,
        post,
        """dw/dt = mark*d/second : 1 (clock-driven)
        dmark/dt = -mark/second : 1 (clock-driven)
        dd/dt = -d/(200*ms) : 1 (clock-driven)
        dx/dt = -x/(20*ms) : 1 (event-driven)""",
        on_pre="x += 1",
        on_post="mark += x; d += 1",
        method="euler",
    )
    synapses.connect()
    b.Network(pre, post, synapses).run(50 * b.ms)
    if not synapses.w[0] > 0.0:
        raise AssertionError("no change")
    return "by equations, which step every synapse in every tick"


@tries("brian2", "save, and go on bit for bit")
def _(b: Any) -> str:
    cell = b.NeuronGroup(5, "dv/dt = -v/(10*ms) + xi/sqrt(10*ms) : 1", method="euler")
    net = b.Network(cell)
    net.run(5 * b.ms)
    net.store()
    net.run(5 * b.ms)
    first = np.array(cell.v)
    net.restore(restore_random_state=True)
    net.run(5 * b.ms)
    np.testing.assert_array_equal(first, cell.v)
    return "store and restore in runtime mode, noise included"


# ---------------------------------------------------------------------------------------------------------- NEST


def fresh(n: Any, **settings: Any) -> None:
    """Begin anew."""
    n.ResetKernel()
    n.set(resolution=0.1, **settings)


@tries("nest", "LIF, exact")
def _(n: Any) -> str:
    fresh(n)
    cell = n.Create(
        "iaf_psc_delta", params={"tau_m": 20.0, "E_L": 0.0, "V_m": 10.0, "V_th": 1e3, "V_reset": -1.0}
    )
    n.Simulate(10.0)
    near(cell.V_m, 10 * np.exp(-0.5), 1e-9)
    return "iaf_psc_delta, to 1e-9 of the closed form"


def runs(n: Any, *models: str) -> str:
    """Create one neuron of each model under a strong current, and count their spikes."""
    fresh(n)
    counts = []
    for model in models:
        cell, recorder = (
            n.Create(model, params={"I_e": 1000.0 if model != "izhikevich" else 10.0}),
            n.Create("spike_recorder"),
        )
        n.Connect(cell, recorder)
        counts.append(recorder)
    n.Simulate(100.0)
    if not all(recorder.n_events > 1 for recorder in counts):
        raise AssertionError("silent")
    return ", ".join(models)


@tries("nest", "exponential, alpha currents, conductances")
def _(n: Any) -> str:
    return runs(n, "iaf_psc_exp", "iaf_psc_alpha", "iaf_cond_exp")


@tries("nest", "AdEx, Izhikevich, Hodgkin-Huxley")
def _(n: Any) -> str:
    return runs(n, "aeif_cond_exp", "izhikevich", "hh_psc_alpha")


@tries("nest", "several compartments")
def _(n: Any) -> str:
    fresh(n)
    cell = n.Create("iaf_cond_alpha_mc")
    cell.soma = {"I_e": 500.0}
    recorder = n.Create("spike_recorder")
    n.Connect(cell, recorder)
    n.Simulate(100.0)
    return f"iaf_cond_alpha_mc, three compartments, {recorder.n_events} spikes"


@tries("nest", "gap junctions")
def _(n: Any) -> str:
    fresh(n)
    cells = n.Create("hh_psc_alpha_gap", 2)
    cells[0].I_e = 400.0
    n.Connect(
        cells,
        cells,
        {"rule": "all_to_all", "allow_autapses": False},
        {"synapse_model": "gap_junction", "weight": 5.0},
    )
    before = cells[1].V_m
    n.Simulate(50.0)
    if cells[1].V_m == before:
        raise AssertionError("not coupled")
    return "gap_junction between two hh_psc_alpha_gap"


@tries("nest", "delay for each synapse")
def _(n: Any) -> str:
    fresh(n)
    a, b = n.Create("iaf_psc_delta", 2), n.Create("iaf_psc_delta", 2)
    n.Connect(a, b, "one_to_one", {"weight": [1.0, 1.0], "delay": [1.0, 3.0]})
    if sorted(n.GetConnections(a, b).delay) != [1.0, 3.0]:
        raise AssertionError("delays")
    return "an array of delays"


@tries("nest", "probabilities, degrees, totals, one to one")
def _(n: Any) -> str:
    fresh(n)
    a = n.Create("iaf_psc_delta", 200)
    rules = {
        "pairwise_bernoulli": {"p": 0.1},
        "fixed_indegree": {"indegree": 10},
        "fixed_outdegree": {"outdegree": 10},
        "fixed_total_number": {"N": 2000},
        "one_to_one": {},
    }
    for rule, more in rules.items():
        n.Connect(a, a, {"rule": rule, **more})
    return ", ".join(rules)


@tries("nest", "by distance, small world, degree sequence")
def _(n: Any) -> str:
    fresh(n)
    sheet = n.Create("iaf_psc_delta", positions=n.spatial.grid([20, 20], extent=[2.0, 2.0]))
    chance = n.spatial_distributions.exponential(n.spatial.distance, beta=0.1)
    n.Connect(
        sheet, sheet, {"rule": "pairwise_bernoulli", "p": chance, "mask": {"circular": {"radius": 0.5}}}
    )
    return f"exponential of distance within a circle, {n.num_connections} synapses"


@tries("nest", "pair, triplet, voltage-based, inhibitory STDP")
def _(n: Any) -> str:
    fresh(n)
    models = ["stdp_synapse", "stdp_triplet_synapse", "vogels_sprekeler_synapse"]
    a, b = n.Create("parrot_neuron"), n.Create("iaf_psc_delta")
    for model in models:
        n.Connect(a, b, syn_spec={"synapse_model": model})
    n.Connect(a, n.Create("aeif_psc_delta_clopath"), syn_spec={"synapse_model": "clopath_synapse"})
    n.Simulate(10.0)
    return ", ".join([*models, "clopath_synapse"])


@tries("nest", "short-term plasticity")
def _(n: Any) -> str:
    fresh(n)
    train = n.Create("spike_generator", params={"spike_times": [1.0, 11.0]})
    parrot, cell = n.Create("parrot_neuron"), n.Create("iaf_psc_delta", params={"tau_m": 1e9, "V_th": 1e3})
    n.Connect(train, parrot)
    n.Connect(
        parrot,
        cell,
        syn_spec={"synapse_model": "tsodyks2_synapse", "U": 0.5, "u": 0.5, "tau_rec": 100.0, "weight": 1.0},
    )
    start = cell.V_m
    n.Simulate(20.0)
    near(cell.V_m - start, 0.5 + 0.5 * (1 - 0.5 * np.exp(-0.1)), 1e-4)
    return "tsodyks2_synapse, equal to the closed form"


@tries("nest", "dopamine STDP")
def _(n: Any) -> str:
    fresh(n)
    transmitter = n.Create("volume_transmitter")
    n.CopyModel("stdp_dopamine_synapse", "gated", {"volume_transmitter": transmitter})
    trains = [n.Create("spike_generator", params={"spike_times": [t]}) for t in (2.0, 5.0, 8.0)]
    parrots = n.Create("parrot_neuron", 3)
    for train, parrot in zip(trains, parrots, strict=True):
        n.Connect(train, parrot)
    n.Connect(parrots[2], transmitter)
    n.Connect(parrots[0], parrots[1], syn_spec={"synapse_model": "gated", "receptor_type": 1, "weight": 2.0})
    more = n.Create("spike_generator", params={"spike_times": [50.0]})
    n.Connect(more, parrots[0])
    n.Simulate(60.0)
    (synapse,) = n.GetConnections(parrots[0], parrots[1])
    if synapse.weight == 2.0:
        raise AssertionError("no change")
    return "stdp_dopamine_synapse with a volume_transmitter, weight moves"


@tries("nest", "e-prop")
def _(n: Any) -> str:
    fresh(n)
    for model in ("eprop_iaf", "eprop_readout"):
        n.Create(model)
    if "eprop_synapse" not in n.synapse_models:
        raise AssertionError("no eprop_synapse")
    return "eprop_iaf, eprop_readout and eprop_synapse are there; not trained"


@tries("nest", "structural plasticity")
def _(n: Any) -> str:
    fresh(n, structural_plasticity_update_interval=10)
    n.CopyModel("static_synapse", "grown", {"weight": 1.0, "delay": 1.0})
    n.structural_plasticity_synapses = {
        "s": {"synapse_model": "grown", "post_synaptic_element": "den", "pre_synaptic_element": "axon"}
    }
    curve = {"growth_curve": "gaussian", "growth_rate": 0.1, "continuous": False, "eta": 0.0, "eps": 0.5}
    n.Create(
        "iaf_psc_delta", 20, {"synaptic_elements": {"den": dict(curve), "axon": dict(curve)}, "I_e": 400.0}
    )
    n.EnableStructuralPlasticity()
    n.Simulate(500.0)
    return f"{n.num_connections} synapses grew in 500 ms"


@tries("nest", "threads")
def _(n: Any) -> str:
    counts = []
    for threads in (1, 2):
        fresh(n, local_num_threads=threads, rng_seed=3)
        cells, drive, recorder = (
            n.Create("iaf_psc_delta", 100),
            n.Create("poisson_generator"),
            n.Create("spike_recorder"),
        )
        drive.rate = 20_000.0
        n.Connect(drive, cells, syn_spec={"weight": 1.0})
        n.Connect(cells, recorder)
        n.Simulate(100.0)
        counts.append(sorted(zip(recorder.events["times"], recorder.events["senders"], strict=True)))
    return f"1 and 2 threads, spikes {'equal' if counts[0] == counts[1] else 'differ'}"


@tries("nest", "recordings longer than memory")
def _(n: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        fresh(n, data_path=folder)
        cell, recorder = n.Create("iaf_psc_delta", params={"I_e": 1000.0}), n.Create("spike_recorder")
        recorder.record_to = "ascii"
        n.Connect(cell, recorder)
        n.Simulate(100.0)
        if not any(Path(folder).iterdir()):
            raise AssertionError("no file")
    return 'record_to="ascii", a file of text'


@tries("nest", "MPI")
def _(n: Any) -> str:
    return (
        f"{n.num_processes} process; the wheel is {'' if n.build_info['have_mpi'] else 'not '}built with MPI"
    )


# ------------------------------------------------------------------------------------------------------ BindsNET


@tries("bindsnet", "LIF, exact")
def _(b: Any) -> str:
    import torch
    from bindsnet.network.nodes import LIFNodes

    cell = LIFNodes(n=1, thresh=1e3, rest=0.0, reset=0.0, tc_decay=20.0)
    cell.compute_decays(1.0)
    cell.set_batch_size(1)
    cell.v[:] = 10.0
    for _ in range(10):
        cell.forward(torch.zeros(1, 1))
    near(cell.v, 10 * np.exp(-0.5), 1e-5)
    return "LIFNodes: decays by exp(-dt/tau) in steps of dt"


@tries("bindsnet", "exponential, alpha currents, conductances")
def _(b: Any) -> str:
    import torch
    from bindsnet.network.nodes import CurrentLIFNodes

    cell = CurrentLIFNodes(n=1, rest=0.0, reset=0.0, thresh=1e3, tc_i_decay=2.0)
    cell.compute_decays(1.0)
    cell.set_batch_size(1)
    cell.forward(torch.ones(1, 1))
    cell.forward(torch.zeros(1, 1))
    near(cell.i, np.exp(-0.5), 1e-5)
    return "CurrentLIFNodes: exponential currents; no alpha, no conductances"


@tries("bindsnet", "AdEx, Izhikevich, Hodgkin-Huxley")
def _(b: Any) -> str:
    from bindsnet.network import nodes

    names = [name for name in dir(nodes) if name.endswith("Nodes")]
    if "IzhikevichNodes" not in names:
        raise AssertionError(names)
    return "IzhikevichNodes; no AdEx, no Hodgkin-Huxley"


@tries("bindsnet", "delay for each synapse")
def _(b: Any) -> str:
    from bindsnet.network import topology, topology_features

    found = [
        name for module in (topology, topology_features) for name in dir(module) if "delay" in name.lower()
    ]
    return f"{', '.join(found) or 'nothing of that name'}"


@tries("bindsnet", "convolution, pooling")
def _(b: Any) -> str:
    from bindsnet.network.nodes import Input, LIFNodes
    from bindsnet.network.topology import Conv2dConnection

    pre, post = Input(shape=(1, 8, 8)), LIFNodes(shape=(2, 6, 6))
    return f"Conv2dConnection, weights {tuple(Conv2dConnection(pre, post, kernel_size=3).w.shape)}"


def learned(rule: str, **run: Any) -> float:
    """Let one synapse see the pre neuron fire before the post neuron, and return its weight, which was 0.5."""
    import torch
    from bindsnet import learning
    from bindsnet.network import Network
    from bindsnet.network.nodes import Input
    from bindsnet.network.topology import Connection

    net = Network(dt=1.0)
    pre, post = Input(n=1, traces=True), Input(n=1, traces=True)
    synapse = Connection(
        pre, post, w=torch.full((1, 1), 0.5), update_rule=getattr(learning, rule), nu=(0.1, 0.1)
    )
    net.add_layer(pre, name="pre")
    net.add_layer(post, name="post")
    net.add_connection(synapse, source="pre", target="post")
    spikes = torch.zeros(2, 10, 1, 1)
    spikes[0, 2], spikes[1, 4] = 1, 1
    net.run({"pre": spikes[0].bool(), "post": spikes[1].bool()}, time=10, **run)
    return float(synapse.w[0, 0])


@tries("bindsnet", "pair, triplet, voltage-based, inhibitory STDP")
def _(b: Any) -> str:
    from bindsnet import learning

    if not learned("PostPre") > 0.5:
        raise AssertionError("no potentiation")
    return "PostPre potentiates pre before post; rules: " + ", ".join(
        name
        for name in ("PostPre", "WeightDependentPostPre", "Hebbian", "MSTDP", "MSTDPET")
        if hasattr(learning, name)
    )


@tries("bindsnet", "dopamine STDP")
def _(b: Any) -> str:
    up, none = learned("MSTDPET", reward=1.0), learned("MSTDPET", reward=0.0)
    if not (up != 0.5 and none == 0.5):
        raise AssertionError((up, none))
    return "MSTDPET moves with reward 1, not with 0; one reward for all"


@tries("bindsnet", "save, and go on bit for bit")
def _(b: Any) -> str:
    from bindsnet.network import Network, load
    from bindsnet.network.nodes import LIFNodes

    net = Network()
    net.add_layer(LIFNodes(n=3), name="cells")
    with tempfile.TemporaryDirectory() as folder:
        net.save(str(Path(folder) / "net.pt"))
        load(str(Path(folder) / "net.pt"))
    return "Network.save, load: the object is pickled"


# ------------------------------------------------------------------------------------------------------ snnTorch


@tries("snntorch", "LIF, exact")
def _(s: Any) -> str:
    import torch

    layer, v = s.Leaky(beta=float(np.exp(-1 / 20)), threshold=1e3), torch.tensor([10.0])
    for _ in range(10):
        _spikes, v = layer(torch.zeros(1), v)
    near(v, 10 * np.exp(-0.5), 1e-5)
    return "Leaky: a factor a step"


@tries("snntorch", "exponential, alpha currents, conductances")
def _(s: Any) -> str:
    s.Synaptic(alpha=0.9, beta=0.8)
    s.Alpha(alpha=0.9, beta=0.8)
    return "Synaptic, Alpha; no conductances"


@tries("snntorch", "AdEx, Izhikevich, Hodgkin-Huxley")
def _(s: Any) -> str:
    found = [name for name in dir(s) if name.lower() in ("adex", "izhikevich", "hodgkinhuxley")]
    return f"{', '.join(found) or 'none of them'}"


@tries("snntorch", "convolution, pooling")
def _(s: Any) -> str:
    import torch

    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2), s.Leaky(beta=0.9, init_hidden=True)
    )
    return f"Conv2d and MaxPool2d before Leaky, {tuple(net(torch.rand(1, 1, 8, 8)).shape)}"


@tries("snntorch", "pair, triplet, voltage-based, inhibitory STDP")
def _(s: Any) -> str:
    learner = importlib.import_module("snntorch.functional.stdp_learner").STDPLearner
    return f"functional.{learner.__name__}, pair STDP; not run"


@tries("snntorch", "backpropagation through time, autograd")
def _(s: Any) -> str:
    import torch

    torch.manual_seed(0)
    linear, layer = torch.nn.Linear(4, 3), s.Leaky(beta=0.9)
    v, total = layer.init_leaky(), 0.0
    for _ in range(10):
        spikes, v = layer(linear(torch.rand(1, 4)), v)
        total = total + spikes.sum() + v.sum()
    total.backward()
    if not float(linear.weight.grad.abs().sum()) > 0.0:
        raise AssertionError("no gradient")
    return "a gradient through 10 steps"


@tries("snntorch", "save, and go on bit for bit")
def _(s: Any) -> str:
    import torch

    first, second = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    second.load_state_dict(first.state_dict())
    return "state_dict: the weights"


# --------------------------------------------------------------------------------------------------------- print


def loaded(name: str) -> Any:
    """Import a simulator, quietly."""
    module = importlib.import_module(name)
    if name == "brian2":
        module.prefs.codegen.target = "numpy"
        module.defaultclock.dt = 0.1 * module.ms
    if name == "nest":
        module.verbosity = module.VerbosityLevel.ERROR
    return module


def main() -> None:
    """Try all, and print a table in Markdown."""
    names = list(dict.fromkeys(name for name, *_ in TRIALS))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "simulators", nargs="*", metavar="SIMULATOR", help=f"of {', '.join(names)}; default: all"
    )
    options = parser.parse_args()
    unknown = set(options.simulators) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    warnings.simplefilter("ignore")
    print("| simulator | row | tried | what |\n|---|---|---|---|")
    for name in options.simulators or names:
        try:
            simulator = loaded(name)
        except Exception as error:  # whatever a simulator's import raises
            print(f"| {name} | | not here | {type(error).__name__}: {error} |", flush=True)
            continue
        for row, trial in ((row, trial) for whose, row, trial in TRIALS if whose == name):
            try:
                tried, what = "yes", trial(simulator)
            except Exception as error:  # a trial that fails is a result
                tried, what = (
                    "failed",
                    f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                )
            print(
                f"| {name} {importlib.metadata.version(DISTRIBUTIONS.get(name, name))} | {row} | {tried} | {what} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
