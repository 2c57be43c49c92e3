"""Published figures of plasticity rules, made again: each is run by the engine, drawn, and held against its value.

    python examples/rule_figures.py                    # all of them, into the present folder
    python examples/rule_figures.py window --out figures

``window``
    the STDP window: weight change of a pair of spikes by their lag, exponentials of 20 ms on both sides (G. Q. Bi,
    M. M. Poo, 1998, J. Neurosci. 18:10464-10472, doi:10.1523/JNEUROSCI.18-24-10464.1998, in the form of Song et al.);
    expected: the closed form, within 1e-9
``bimodal``
    S. Song, K. D. Miller, L. F. Abbott (2000), Nat. Neurosci. 3:919-926, doi:10.1038/78829, figures 2 and 3: a neuron
    with 1,000 Poisson inputs and additive STDP; expected: weights gather at both bounds, with more than 60 % of them in
    the outer fifths, and the output rate varies by less than a factor of 2.5 while the input rate does by 4
``triplet``
    J. P. Pfister, W. Gerstner (2006), J. Neurosci. 26:9673-9682, doi:10.1523/JNEUROSCI.1425-06.2006, figure 3: 60 pairs
    at 0.1 to 50 Hz, post 10 ms after or before pre, with the minimal rule fitted to visual cortex; expected: the sum of
    the rule's terms, 0, 0.119, 0.228, 0.532, 0.763 and -0.317, -0.332, -0.342, 0.174, 0.749, within 2e-3
``traces``
    K. He et al. (2015), Neuron 88:528-538, doi:10.1016/j.neuron.2015.09.037: noradrenaline turns the trace that a post
    spike after pre leaves into potentiation, serotonin that of a post spike before pre into depression, the longer
    after the pair the less; expected: the closed form within 1e-9, each order under its own modulator alone
``balance``
    T. P. Vogels et al. (2011), Science 334:1569-1573, doi:10.1126/science.1211095, figure 4: inhibition that learns
    brings a network of excitatory and inhibitory neurons to the asynchronous irregular state; expected: the mean rate
    of excitatory neurons comes from over 20 Hz to 3 Hz, within a third, and the CV of their intervals is above 0.8
``pairing``
    C. Clopath et al. (2010), Nat. Neurosci. 13:344-352, doi:10.1038/nn.2479, figure 1: weights after 75 pairings by
    their frequency and order, with the paper's neuron; expected: NEST's six values, within 0.3 percentage points
``consolidation``
    M. K. Benna, S. Fusi (2016), Nat. Neurosci. 19:1697-1706, doi:10.1038/nn.4401: what is left of a change; expected:
    the chain's matrix exponential within 1e-9 and about the power -1/2 of time; what was learned often lasts longer
``cascade``
    S. Fusi, P. J. Drew, L. F. Abbott (2005), Neuron 45:599-611, doi:10.1016/j.neuron.2005.02.001: what one proposal
    leaves in many synapses while others follow; expected: the Markov chain's course, within 0.02, a power of time for a
    cascade of ten states and an exponential for synapses of two
``scaling``
    M. C. W. van Rossum et al. (2000), J. Neurosci. 20:8812-8821, doi:10.1523/JNEUROSCI.20-23-08812.2000: neurons under
    unequal input scale their weights; expected: all rates come to the target within 15 %, and ratios of weights stay,
    within 0.5 %, as each was scaled at a last spike of its own
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.linalg import expm

from tegmentum.plasticity import (
    STDP,
    BennaFusiSTDP,
    CascadeSTDP,
    ClopathSTDP,
    InhibitorySTDP,
    ScaledSTDP,
    TripletSTDP,
    TwoTraceSTDP,
)
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    ClopathAdEx,
    FixedProbability,
    FromCOO,
    Given,
    LIFCond,
    Modulator,
    Network,
    OneToOne,
    Parrot,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Uniform,
)

Array = np.ndarray[Any, Any]


def window(seconds: float) -> tuple[Figure, str, bool]:
    """Pair one post spike with one arrival at each lag, a synapse and a neuron for each."""
    lag = np.concatenate([np.arange(-80.0, 0.0, 2.0), np.arange(2.0, 82.0, 2.0)])  # post after arrival
    n, post_at = len(lag), 100.0
    pre = SpikeTrain("pre", n, post_at - lag, np.arange(n))
    last = SpikeTrain("last", n, np.full(n, 300.0), np.arange(n))
    kick = SpikeTrain("kick", n, np.full(n, post_at), np.arange(n))
    post = Population("post", n, LIF(v_thresh=100.0))
    rule = STDP(mu=0.0, lam=0.005, alpha=1.05, w_max=1.0)
    own = FromCOO(np.arange(n), np.arange(n))
    learn = Projection(pre, post, own, 0.5, 1.0, plasticity=rule, name="learn")
    network = Network(pre, last, kick, post, learn, Projection(kick, post, own, 1e3, 1.0))
    simulation = Simulation(network, dt=0.1, precision="float64")
    simulation.run(400.0)
    change = simulation.synapses("learn").weight - 0.5
    expected = np.where(lag > 0, 0.005 * np.exp(-np.abs(lag) / 20.0), -0.00525 * np.exp(-np.abs(lag) / 20.0))
    worst = float(np.abs(change - expected).max())
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.0, color="k", lw=0.5)
    axes.axvline(0.0, color="k", lw=0.5)
    axes.plot(lag, 100.0 * expected, color="0.7", lw=4, label="closed form")
    axes.plot(lag, 100.0 * change, "o", ms=3, label="simulated")
    axes.set(xlabel="post spike after arrival [ms]", ylabel="weight change [% of w_max]", title="STDP window")
    axes.legend(frameon=False)
    return figure, f"largest distance from the closed form {worst:.1e} (expected below 1e-9)", worst < 1e-9


def bimodal(seconds: float) -> tuple[Figure, str, bool]:
    """Let additive STDP compete at three input rates."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes, rates, outer = figure.subplots(1, 2), [], []
    inputs = (10.0, 20.0, 40.0)
    for rate in inputs:
        exc, inh = Population("exc", 1_000, Parrot()), Population("inh", 200, Parrot())
        neuron = LIFCond(c_m=200.0, g_l=10.0, v_rest=-74.0, v_thresh=-54.0, v_reset=-60.0, e_inh=-70.0, tau_inh=5.0,
                         t_ref=1.0)  # fmt: skip
        post = Population("post", 1, neuron)
        rule = STDP(
            mu=0.0, lam=0.005, alpha=1.05, w_max=0.15
        )  # a conductance of 0.015 in units of the leak's
        network = Network(
            exc,
            inh,
            post,
            Projection(exc, post, AllToAll(), 0.15, 1.0, receptor="exc", plasticity=rule, name="learn"),
            Projection(inh, post, AllToAll(), 0.5, 1.0, receptor="inh"),
            Poisson(exc, rate=rate, weight=1.0),
            Poisson(inh, rate=10.0, weight=1.0),
        )
        simulation = Simulation(network, dt=0.5, threads=1)
        simulation.run(1e3 * seconds)
        last = simulation.run(2e4)
        weight = simulation.synapses("learn").weight / 0.15
        rates.append(last.rates()["post"])
        outer.append(float(np.mean((weight < 0.2) | (weight > 0.8))))
        axes[0].hist(
            weight, np.linspace(0.0, 1.0, 21), histtype="step", lw=1.5, label=f"inputs of {rate:g} Hz"
        )
    axes[0].set(xlabel="weight / w_max", ylabel="synapses", title=f"Weights after {seconds:g} s")
    axes[0].legend(frameon=False)
    axes[1].plot(inputs, rates, "o-")
    axes[1].set(
        xlabel="rate of each input [Hz]", ylabel="rate of the neuron [Hz]", ylim=(0, None), title="Regulation"
    )
    ratio = max(rates) / min(rates)
    good = min(outer) > 0.6 and ratio < 2.5
    text = (
        f"in the outer fifths {', '.join(f'{share:.0%}' for share in outer)} of the weights (expected over 60 %), "
        f"rates {', '.join(f'{r:.1f}' for r in rates)} Hz, a factor of {ratio:.2f} (expected below 2.5)"
    )
    return figure, text, good


def triplet(seconds: float) -> tuple[Figure, str, bool]:
    """Pair 60 times at five rates and two lags, by the minimal rule of visual cortex, the default."""
    rates = np.array([0.1, 10.0, 20.0, 40.0, 50.0])
    published = np.array([[0.0, 0.119, 0.228, 0.532, 0.763], [-0.317, -0.332, -0.342, 0.174, 0.749]])
    n, number = 2 * len(rates), np.repeat(np.arange(2 * len(rates)), 60)
    at = 100.0 + np.arange(60) * 1e3 / rates[:, np.newaxis]
    arrival = np.concatenate([at, at])
    fired = np.concatenate([at + 10.0, at - 10.0])
    pre = SpikeTrain("pre", n, arrival.ravel() - 1.0, number)
    kick = SpikeTrain("kick", n, fired.ravel() - 1.0, number)
    post = Population("post", n, LIF(v_thresh=100.0, t_ref=1.0))
    rule = TripletSTDP(w_min=-10.0, w_max=10.0)
    own = FromCOO(np.arange(n), np.arange(n))
    learn = Projection(pre, post, own, 1.0, 1.0, plasticity=rule, name="learn")
    network = Network(pre, kick, post, learn, Projection(kick, post, own, 1e3, 1.0))
    simulation = Simulation(network, dt=0.1, precision="float64", threads=1)
    simulation.run(600_000.0)
    change = simulation.synapses("learn").weight.reshape(2, -1) - 1.0
    worst = float(np.abs(change - published).max())
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.0, color="k", lw=0.5)
    for row, expected, label in zip(
        change, published, ("post 10 ms after pre", "post 10 ms before pre"), strict=True
    ):
        (line,) = axes.plot(rates, row, "o-", label=label)
        axes.plot(rates, expected, "x", color=line.get_color(), ms=9)
    axes.set(xlabel="pairs in a second [Hz]", ylabel="weight change after 60 pairs", title="Triplet rule")
    axes.legend(frameon=False)
    return figure, f"largest distance from the sums of terms {worst:.1e} (expected below 2e-3)", worst < 2e-3


def traces(_: float) -> tuple[Figure, str, bool]:
    """Pair once in either order and release either modulator some seconds later, a neuron for each case."""
    late = np.array([0.2, 0.5, 1.0, 2.0, 4.0, 8.0])  # s
    after = np.repeat([True, False, True, False], len(late))  # the post spike, by 10 ms
    by_na, wait = np.repeat([True, True, False, False], len(late)), np.tile(late, 4) * 1e3
    n, own, first, tau = len(after), np.arange(len(after)), 100.0, 50.0
    pre = SpikeTrain("pre", n, np.full(n, first - 1.0), own)
    last = SpikeTrain("last", n, np.full(n, 9_900.0), own)  # brings the weights up to date
    kick = SpikeTrain("kick", n, first - 1.0 + np.where(after, 10.0, -10.0), own)
    post = Population("post", n, LIF(v_thresh=100.0))
    na, ht = (
        Modulator(name, n, tau=tau, given=[Given(first + wait[mine], amounts=0.1, onto=own[mine])])
        for name, mine in (("noradrenaline", by_na), ("serotonin", ~by_na))
    )
    rule = TwoTraceSTDP(na, ht, subpopulations=ByPost(own))
    single = FromCOO(own, own)
    network = Network(
        pre,
        last,
        kick,
        post,
        Projection(pre, post, single, 0.5, 1.0, plasticity=rule, name="learn"),
        Projection(kick, post, single, 1e3, 1.0),
    )
    simulation = Simulation(network, dt=0.1, precision="float64", threads=1)
    simulation.run(10_000.0)
    change = (simulation.synapses("learn").weight - 0.5).reshape(4, -1)
    ltp, ltd = (
        rule.eta * 0.1 * np.exp(-10.0 / 20.0 - (late * 1e3 - lag) / tau_e) / (1.0 / tau_e + 1.0 / tau)
        for tau_e, lag in ((rule.tau_ltp, 10.0), (rule.tau_ltd, 0.0))
    )
    expected = np.array([ltp, 0.0 * late, 0.0 * late, -ltd])
    worst = float(np.abs(change - expected).max() / ltp.max())
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.0, color="k", lw=0.5)
    labels = ("post after pre, noradrenaline", "post before pre, noradrenaline", "post after pre, serotonin",
              "post before pre, serotonin")  # fmt: skip
    for row, label, style in zip(change, labels, ("o-", "s--", "o--", "s-"), strict=True):
        axes.semilogx(late, row, style, label=label)
    axes.set(xlabel="modulator after the pair [s]", ylabel="weight change", title="Two traces")
    axes.set_xticks(late, [f"{s:g}" for s in late])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure, f"distance from the closed form {worst:.1e} (expected below 1e-9)", worst < 1e-9


def balance(seconds: float) -> tuple[Figure, str, bool]:
    """Let inhibition onto excitatory neurons learn until they fire at their target rate."""
    neuron = LIFCond(i_e=200.0, t_ref=5.0)
    start = {"v": Uniform(-60.0, -50.0)}
    exc, inh = Population("exc", 3_200, neuron, initial=start), Population("inh", 800, neuron, initial=start)
    rule = InhibitorySTDP(eta=0.05, rho0=3.0, w_min=0.0, w_max=100.0)
    share = FixedProbability(0.05)
    network = Network(
        exc,
        inh,
        *(Projection(exc, post, share, 0.3, 1.0, receptor="exc") for post in (exc, inh)),
        Projection(inh, inh, share, 3.0, 1.0, receptor="inh"),
        Projection(inh, exc, share, Uniform(0.0, 0.1), 1.0, receptor="inh", plasticity=rule, name="learn"),
    )
    simulation = Simulation(network, dt=0.2)
    rates = []
    for _ in range(80):
        rates.append(simulation.run(1_000.0).rates()["exc"])
    result = simulation.run(5_000.0, record=Record(spikes=[exc]))
    spikes = result.spikes["exc"]
    rate, cvs = result.rates()["exc"], []
    order = np.lexsort((spikes.tick, spikes.neuron))
    for times in np.split(spikes.tick[order], np.flatnonzero(np.diff(spikes.neuron[order])) + 1):
        if len(times) > 5:
            gaps = np.diff(times)
            cvs.append(float(gaps.std() / gaps.mean()))
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots(1, 2)
    axes[0].semilogy(np.arange(80) + 0.5, rates, "o-")
    axes[0].axhline(3.0, color="k", lw=0.5, ls=":")
    axes[0].set(xlabel="time [s]", ylabel="mean rate [Hz]", title="Excitatory neurons")
    late = spikes.tick > spikes.tick.max() - round(500.0 / 0.2)
    some = late & (spikes.neuron < 200)
    axes[1].plot(spikes.tick[some] * 2e-4, spikes.neuron[some], ",k")
    axes[1].set(xlabel="time [s]", ylabel="neuron", title="The last half second")
    good = rates[0] > 20.0 and 2.5 < rate < 4.0 and np.mean(cvs) > 0.8
    text = f"rate {rates[0]:.1f} Hz at first, {rate:.2f} Hz at the end (expected 3), CV {np.mean(cvs):.2f} (above 0.8)"
    return figure, text, bool(good)


def pairing(_: float) -> tuple[Figure, str, bool]:
    """Pair at 10 to 50 Hz, post 10 ms before or after pre, a neuron for each; the post spike is made by a jump."""
    hertz, dt = np.array([10.0, 20.0, 30.0, 40.0, 50.0]), 0.1
    pre, post, number = [], [], []
    for k, (n_pre, shift) in enumerate(((5, -10.0), (6, 10.0))):
        for m, f in enumerate(hertz):
            pre.append(np.round(129.0 + np.arange(n_pre) * 1e3 / f, 1))
            post.append(pre[-1] + shift)
            number.append(np.full(n_pre, k * len(hertz) + m))
    n = len(pre)
    inputs, drivers = (
        SpikeTrain(name, n, np.concatenate(times), np.concatenate(number))
        for name, times in (("pre", pre), ("post", post))
    )
    cells = Population("cells", n, ClopathAdEx(b=0.0805, v_reset=-49.6))
    own, rule = FromCOO(np.arange(n), np.arange(n)), ClopathSTDP(cells, w_max=100.0, delay=4.0 + dt)
    learn = Projection(inputs, cells, own, np.full(n, 0.5), dt, plasticity=rule, name="learn")
    network = Network(inputs, drivers, cells, learn, Projection(drivers, cells, own, 80.0, 2 * dt))
    simulation, now, found = Simulation(network, dt, precision="float64"), 0, np.zeros(n)
    for tick, k in sorted((round(times[-1] / dt) + 2, k) for k, times in enumerate(pre)):
        simulation.run((tick - now) * dt)  # NEST's is the weight that the last pre spike delivers
        now = tick
        found[k] = simulation.synapses("learn").weight[k]
    percent = (100.0 + 1500.0 * (found - 0.5) / 0.5).reshape(2, -1)
    nest = np.array([[57.82639, 72.1673, 149.43359], [103.30408, 124.03641, 157.02883]])
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(100.0, color="k", lw=0.5)
    for k, (label, colour) in enumerate((("post before pre", "C3"), ("pre before post", "C0"))):
        axes.plot(hertz, percent[k], "o-", color=colour, ms=4, label=label)
        axes.plot(hertz[::2], nest[k], "x", color="k", ms=9, label="NEST" if k == 0 else None)
    axes.set(xlabel="frequency [Hz]", ylabel="weight after 75 pairings [%]", title="Voltage-based plasticity")
    axes.legend(frameon=False)
    worst = float(np.abs(percent[:, ::2] - nest).max())
    return figure, f"largest distance from NEST {worst:.2f} points (expected below 0.3)", worst < 0.3


def consolidation(_: float) -> tuple[Figure, str, bool]:
    """Read one weight that was changed once, and one that was potentiated often, as time goes on."""
    dt, rule = 0.1, BennaFusiSTDP(tau=50.0, a_plus=0.01, a_minus=0.0)
    n_pairs, every = 100, 20.0
    at = every * np.arange(1, n_pairs + 1)
    pre = SpikeTrain("pre", 1, [*at, n_pairs * every + 5.0], np.zeros(n_pairs + 1, int))
    kick, silent = (
        SpikeTrain("kick", 1, at + 1.0, np.zeros(n_pairs, int)),
        SpikeTrain("silent", 1, [1e6], [0]),
    )
    post = Population("post", 1, LIF(v_thresh=100.0))
    start = np.array([0.6, 0.5])
    ends = [
        Projection(silent, post, AllToAll(), start[0], dt, plasticity=rule, name="once"),
        Projection(pre, post, AllToAll(), start[1], dt, plasticity=rule, name="often"),
    ]
    drive = Projection(kick, post, AllToAll(), 1e3, dt)
    simulation = Simulation(Network(pre, kick, silent, post, *ends, drive), dt, precision="float64")
    begin = n_pairs * every + 10.0
    simulation.run(begin)
    times = np.unique(np.round(np.geomspace(5.0, 20_000.0, 40)))
    first, now = simulation.synapses("often").weight[0] - rule.rest, 0.0
    left = np.zeros((2, len(times)))
    for k, t in enumerate(times):
        simulation.run(t - now)
        now = t
        left[:, k] = [simulation.synapses(p.name).weight[0] - rule.rest for p in ends]
    exact = np.array([expm(rule.chain() * (begin + t))[0, 0] for t in times])
    worst = float(np.abs(left[0] / 0.1 - exact).max())
    mine = np.geomspace(1.0, 20_000.0, 80)
    curve = np.array([expm(rule.chain() * t)[0, 0] for t in mine])
    within = (mine > 100.0) & (mine < 3_000.0)
    slope = float(np.polyfit(np.log(mine[within]), np.log(curve[within]), 1)[0])
    half = [float(np.interp(-0.5, -y / y[0], x)) for y, x in ((curve, mine), (left[1] / first, times))]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.loglog(mine, curve, color="0.7", lw=4, label="one change, exact")
    axes.loglog(begin + times, left[0] / 0.1, "o", ms=3, label="one change, simulated")
    axes.loglog(times, left[1] / first, "s-", ms=3, label=f"{n_pairs} pairs")
    axes.loglog(mine, (mine / 50.0) ** -0.5, "k:", lw=1, label="time to the power -1/2")
    axes.set(xlabel="time since then [ms]", ylabel="share of the change that is left", ylim=(1e-3, 1.5))
    axes.set_title("Consolidation along a chain")
    axes.legend(frameon=False)
    good = worst < 1e-9 and abs(slope + 0.5) < 0.15 and half[1] > half[0]
    text = f"distance from the exact flow {worst:.1e} (below 1e-9), power {slope:.2f} (-0.5 within 0.15)"
    return figure, f"{text}, a half is left after {half[0]:.0f} and {half[1]:.0f} ms", good


def cascade(_: float) -> tuple[Figure, str, bool]:
    """Let a pair of spikes propose to all synapses at once, a strength drawn for each neuron, over and over."""
    dt, n_pre, n_post, every, before, after = 0.5, 5, 10_000, 15.0, 1_200, 257
    n_states, rng = 10, np.random.default_rng(3)
    up = rng.integers(0, 2, (before + after, n_post))
    up[before] = np.arange(n_post) % 2  # the memory: every other neuron's synapses are to be strong
    at = every * np.arange(1, before + after + 1)
    pre = SpikeTrain("pre", n_pre, np.repeat(at, n_pre), np.tile(np.arange(n_pre), len(at)))
    times = at[:, np.newaxis] + np.where(up, dt, -dt)
    kick = SpikeTrain("kick", n_post, times.ravel(), np.tile(np.arange(n_post), len(at)))
    post = Population("post", n_post, LIF(v_thresh=1e3))
    taus = {"tau_plus": 1.0, "tau_minus": 1.0}  # what is left of a pair at the next is nothing
    chance = 0.2 / np.exp(-dt)
    rules = {
        "ten states": CascadeSTDP(**taus, a_plus=3.0, a_minus=3.0, n=n_states),
        "two states": CascadeSTDP(**taus, a_plus=chance, a_minus=chance, n=1),
    }
    weights = rng.integers(0, 2, (n_pre, n_post)).astype(float)
    ends = [
        Projection(pre, post, AllToAll(), weights, 1.0, plasticity=rule, name=name)
        for name, rule in rules.items()
    ]
    drive = Projection(kick, post, OneToOne(), 1e4, 1.0)
    simulation = Simulation(Network(pre, kick, post, *ends, drive), dt, seed=1)
    seen, found = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]), []
    for k in seen:
        simulation.run(at[before + k] + 5.0 - simulation.t)
        w = [simulation.synapses(p.name).weight.reshape(n_pre, n_post) for p in ends]
        found.append([x[:, 1::2].mean() - x[:, ::2].mean() for x in w])
    q, p = 0.5 ** np.arange(n_states), 0.5 ** np.arange(n_states)  # to the other strength, and deeper
    q[-1], p[-1] = 2.0 * q[-1], 0.0
    own, moves = np.diag(1.0 - p) + np.diag(p[:-1], -1), np.zeros((n_states, n_states))
    moves[0] = q
    change = 0.5 * (
        own + np.diag(1.0 - q) - moves
    )  # of how many more synapses are strong than weak, by depth
    left, exact = (own - np.diag(1.0 - q) + moves).sum(1) / (2.0 * n_states), []
    for _ in range(seen[-1] + 1):
        exact.append([left.sum(), 0.2 * 0.8 ** len(exact)])
        left = change @ left
    curve = np.array(exact)
    worst = float(np.abs(np.array(found) - curve[seen]).max())
    powers = np.diff(np.log(curve[[4, 8, 16, 32, 64, 128, 256], 0])) / np.log(2.0)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for k, (name, colour) in enumerate(zip(rules, ("C0", "C3"), strict=True)):
        axes.loglog(1 + np.arange(len(curve)), curve[:, k], color=colour, lw=1)
        axes.loglog(1 + seen, np.array(found)[:, k], "o", ms=4, color=colour, label=name)
    axes.set(xlabel="1 + proposals since then", ylabel="what is left of one proposal", ylim=(3e-3, 0.4))
    axes.set_title("A cascade forgets as a power of time")
    axes.legend(frameon=False)
    good = worst < 0.02 and bool(np.all((powers < -0.5) & (powers > -0.85)))
    text = f"distance from the chain {worst:.3f} (below 0.02)"
    return figure, f"{text}, powers {powers[0]:.2f} to {powers[-1]:.2f} (-0.5 to -0.85)", good


def scaling(_: float) -> tuple[Figure, str, bool]:
    """Let neurons under input of 4 to 16 Hz find the target rate."""
    dt, n, n_inputs, goal, every = 0.5, 20, 100, 5.0, 5_000.0
    rates = np.repeat(np.linspace(4.0, 16.0, n), n_inputs)
    inputs, cells = Population("inputs", n * n_inputs, Parrot()), Population("cells", n, LIF(tau_m=20.0))
    rule = ScaledSTDP(a_plus=0.0, a_minus=0.0, beta=0.02, target=goal, tau_rate=2_000.0, w_max=20.0)
    own = FromCOO(np.arange(n * n_inputs), np.repeat(np.arange(n), n_inputs))
    start = np.random.default_rng(1).uniform(0.5, 1.5, n * n_inputs)
    learn = Projection(inputs, cells, own, start, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(
        Network(inputs, cells, Poisson(inputs, rates, 1.0), learn), dt, precision="float64"
    )
    times, seen = np.arange(1, 25) * every * 1e-3, []
    for _ in times:
        spikes = simulation.run(every, Record(spikes=[cells])).spikes["cells"].neuron
        seen.append(np.bincount(spikes, minlength=n) / every * 1e3)
    course, last = np.array(seen), np.mean(seen[-12:], axis=0)
    factor = (simulation.synapses("learn").weight / start).reshape(n, n_inputs)
    spread = float((factor.std(1) / factor.mean(1)).max())
    off = float(np.abs(last / goal - 1.0).max())
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(times, course, lw=0.8)
    left.axhline(goal, color="k", lw=1, ls=":")
    left.set(xlabel="time [s]", ylabel="rate of each neuron [Hz]", title="Rates come to the target")
    right.plot(rates[::n_inputs], factor.mean(1), "o", ms=4)
    right.set(xlabel="rate of the inputs [Hz]", ylabel="factor of all weights", title="Weights are scaled")
    text = f"rates within {100 * off:.0f} % of {goal:g} Hz (expected 15), ratios within {100 * spread:.1f} % (0.5)"
    return figure, text, off < 0.15 and spread < 5e-3


FIGURES: dict[str, Callable[[float], tuple[Figure, str, bool]]] = {
    "window": window,
    "bimodal": bimodal,
    "triplet": triplet,
    "traces": traces,
    "balance": balance,
    "pairing": pairing,
    "consolidation": consolidation,
    "cascade": cascade,
    "scaling": scaling,
}


def main() -> None:
    """Draw the figures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="which of them; by default all")
    parser.add_argument(
        "--seconds", type=float, default=1_500.0, help="model time of ``bimodal`` for each rate"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the pictures")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in arguments.figures or FIGURES:
        figure, text, good = FIGURES[name](arguments.seconds)
        figure.savefig(arguments.out / f"{name}.png", dpi=120)
        print(f"{name}: {'as published' if good else 'NOT as published'}: {text}", flush=True)
        failed += [] if good else [name]
    if failed:
        raise SystemExit(f"not as published: {', '.join(failed)}")


if __name__ == "__main__":
    main()
