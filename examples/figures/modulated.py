"""Plasticity under neuromodulators: gates, traces that wait, rewards and learning signals."""

from __future__ import annotations

import numpy as np
from figures.protocols import DT, LAG, Made, by_lag, kicks, panels, puppets
from matplotlib.figure import Figure

from tegmentum.plasticity import DopamineSTDP, GatedSTDP, RateHebb, TwoTraceSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    FromCOO,
    Given,
    Modulator,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)


def traces() -> Made:
    """Pair in either order: noradrenaline turns one's trace into potentiation, serotonin the other's into depression.

    K. He et al. (2015), Neuron 88:528-538, doi:10.1016/j.neuron.2015.09.037: the longer after the pair, the less. A
    neuron for each case. Expected: the closed form within 1e-9, each order under its own modulator alone.
    """
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


def gates() -> Made:
    """Pair under noradrenaline, which opens potentiation, acetylcholine, which opens depression, both and neither.

    G. H. Seol et al. (2007), Neuron 55:919-929, doi:10.1016/j.neuron.2007.08.013, in visual cortex. Expected: the
    closed form within 1e-9 of a half or a whole window, by which modulator is there.
    """
    cases = ("neither", "noradrenaline", "acetylcholine", "both")
    na, ach = (
        Modulator(name, 4, tau=1e12, given=[Given(np.zeros(2), 1.0, np.array(there))])
        for name, there in (("noradrenaline", [1, 3]), ("acetylcholine", [2, 3]))
    )
    change = by_lag(GatedSTDP(na, ach, subpopulations=ByPost(np.arange(4))), 4)
    window = 0.01 * np.exp(-np.abs(LAG) / 20.0)
    ltp, ltd = np.where(LAG > 0, window, 0.0), np.where(LAG < 0, -window, 0.0)
    expected = np.array([0.0 * window, ltp, ltd, ltp + ltd])
    worst = float(np.abs(change - expected).max())
    figure, axes = panels(4, 2.6, 2.8)
    for k, (part, case) in enumerate(zip(axes, cases, strict=True)):
        part.axhline(0.0, color="k", lw=0.5)
        part.axvline(0.0, color="k", lw=0.5)
        part.plot(LAG, 100.0 * expected[k], color="0.7", lw=4)
        part.plot(LAG, 100.0 * change[k], "o", ms=2)
        part.set(title=case, xlabel="post after arrival [ms]", ylim=(-1.05, 1.05))
    axes[0].set_ylabel("weight change [% of w_max]")
    return figure, f"largest distance from the closed form {worst:.1e} (expected below 1e-9)", worst < 1e-9


def counts() -> Made:
    """Count spikes: what dopamine turns into weight is the product of both neurons' spikes, in whatever order.

    The control for rules of timing. Expected: the closed form of all pairs within 1e-9, and, as counts fade with 10
    s and the eligibility with 1 s, the product of the counts within 10 %; as much for either order of a pair, where
    DopamineSTDP changes its sign.
    """
    dopamine = Modulator("dopamine", tau=200.0, given=[Given([600.0], 1e-3)])
    by_counts, by_timing = (by_lag(kind(dopamine), until=2_000.0)[0] for kind in (RateHebb, DopamineSTDP))
    n_pre, n_post, rng, until = 8, 4, np.random.default_rng(1), 2_000.0
    number = [np.repeat(np.arange(n), np.arange(1, n + 1)) for n in (n_pre, n_post)]
    ticks = rng.permutation(np.arange(4_000, 6_000, 2))  # no two spikes in one tick
    arrive, fire = ticks[: len(number[0])] * DT, ticks[-len(number[1]) :] * DT
    pre, post = SpikeTrain("pre", n_pre, arrive - 1.0, number[0]), puppets(n_post)
    train, drive = kicks(post, fire, number[1])
    rule = RateHebb(dopamine)
    learn = Projection(pre, post, AllToAll(), 0.5, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, train, post, learn, drive), DT, precision="float64", threads=1)
    simulation.run(until)
    found = simulation.synapses("learn")
    one, two = np.meshgrid(arrive, fire, indexing="ij")
    late = np.maximum(one, two)
    pairs = 1e-3 * rule.a * np.exp(-np.abs(one - two) / 1e4 - (600.0 - late) / rule.tau_e)
    total = np.zeros((n_pre, n_post))
    np.add.at(total, (number[0][:, np.newaxis], number[1]), pairs)
    rate = 1.0 / rule.tau_e + 1.0 / dopamine.tau
    full = -np.expm1(-(until - 600.0) * rate) / rate
    change = np.zeros((n_pre, n_post))
    change[found.pre, found.post] = found.weight - 0.5
    off = float(np.abs(change - total * full).max())
    product = np.outer(np.arange(1, n_pre + 1), np.arange(1, n_post + 1))
    slope = change / product
    spread = float(np.abs(slope / slope.mean() - 1.0).max())
    even = float(np.abs(by_counts - by_counts[::-1]).max() / by_counts.max())
    figure, (left, right) = panels(2)
    left.axhline(0.0, color="k", lw=0.5)
    left.plot(LAG, by_counts / by_counts.max(), "o", ms=3, label="RateHebb")
    left.plot(LAG, by_timing / by_timing.max(), "o", ms=3, color="0.6", label="DopamineSTDP")
    left.set(
        xlabel="post spike after arrival [ms]",
        ylabel="weight change / largest",
        title="A pair, then dopamine",
    )
    left.legend(frameon=False)
    for k in range(n_post):
        right.plot(product[:, k], change[:, k], "o", ms=4, label=f"{k + 1} post spike{'s' if k else ''}")
    right.plot([0.0, product.max()], [0.0, product.max() * slope.mean()], color="k", lw=0.5)
    right.set(xlabel="arrivals times post spikes", ylabel="weight change", title="Random times")
    right.legend(frameon=False)
    text = (
        f"distance from all pairs {off:.1e} (expected below 1e-9), from the product {spread:.1%} (below 10 %), "
        f"between the orders {even:.1%} (below 10 %)"
    )
    return figure, text, off < 1e-9 and spread < 0.1 and even < 0.1 and by_timing.min() < 0.0


FIGURES = {"traces": traces, "gates": gates, "counts": counts}
