"""What keeps rates and memories: balancing inhibition, scaling, consolidation."""

from __future__ import annotations

import numpy as np
from figures.protocols import Made
from matplotlib.figure import Figure
from scipy.linalg import expm

from tegmentum.plasticity import BennaFusiSTDP, CascadeSTDP, InhibitorySTDP, ScaledSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    FixedProbability,
    FromCOO,
    LIFCond,
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


def balance() -> Made:
    """Inhibition that learns brings a network of excitatory and inhibitory neurons to the asynchronous irregular state.

    T. P. Vogels et al. (2011), Science 334:1569-1573, doi:10.1126/science.1211095, figure 4. Expected: the mean
    rate of excitatory neurons comes from over 20 Hz to 3 Hz, within a third, and the CV of their intervals is above
    0.8.
    """
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


def scaling() -> Made:
    """Neurons under unequal input, of 4 to 16 Hz, scale their weights and find the target rate.

    M. C. W. van Rossum et al. (2000), J. Neurosci. 20:8812-8821, doi:10.1523/JNEUROSCI.20-23-08812.2000. Expected:
    all rates come to the target within 15 %, and ratios of weights stay, within 0.5 %, as each was scaled at a last
    spike of its own.
    """
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


def consolidation() -> Made:
    """Read what is left of a change: of one weight that was changed once, and of one that was potentiated often.

    M. K. Benna, S. Fusi (2016), Nat. Neurosci. 19:1697-1706, doi:10.1038/nn.4401. Expected: the chain's matrix
    exponential within 1e-9, about the power -1/2 of time; what was learned often lasts longer.
    """
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


def cascade() -> Made:
    """Propose one change to the synapses of a cascade, and many others after it.

    S. Fusi, P. J. Drew, L. F. Abbott (2005), Neuron 45:599-611, doi:10.1016/j.neuron.2005.02.001. Expected: the Markov
    chain's course, within 0.02, a power of time for a cascade of ten states and an exponential for synapses of two. A
    pair of spikes proposes to all synapses at once, a strength drawn for each neuron, over and over.
    """
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


FIGURES = {"balance": balance, "consolidation": consolidation, "cascade": cascade, "scaling": scaling}
