"""Weights that come to rest: how they are distributed in the end, and what says so."""

from __future__ import annotations

import numpy as np
from figures.protocols import DT, Array, Made, kicks, panels, poisson, puppets

from tegmentum.plasticity import STDP, PowerLawSTDP, PowerSTDP
from tegmentum.simcore import (
    AllToAll,
    FromCOO,
    LIFCond,
    Network,
    Parrot,
    Poisson,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)

#: of Song, Miller and Abbott (2000)
NEURON = LIFCond(
    c_m=200.0, g_l=10.0, v_rest=-74.0, v_thresh=-54.0, v_reset=-60.0, e_inh=-70.0, tau_inh=5.0, t_ref=1.0
)


def outer(weight: Array) -> float:
    """Return the share of weights in the outer fifths of [0, 1]."""
    return float(np.mean((weight < 0.2) | (weight > 0.8)))


def bimodal(seconds: float = 1_500.0) -> Made:
    """Additive STDP makes 1,000 inputs of a neuron compete, at three rates of the inputs.

    S. Song, K. D. Miller, L. F. Abbott (2000), Nat. Neurosci. 3:919-926, doi:10.1038/78829, figures 2 and 3.
    Expected: weights gather at both bounds, with more than 60 % of them in the outer fifths, and the output rate
    varies by less than a factor of 2.5 while the input rate does by 4.
    """
    figure, axes = panels(2)
    rates, shares, inputs = [], [], (10.0, 20.0, 40.0)
    for rate in inputs:
        exc, inh = Population("exc", 1_000, Parrot()), Population("inh", 200, Parrot())
        post = Population("post", 1, NEURON)
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
        shares.append(outer(weight))
        bins = np.linspace(0.0, 1.0, 21)
        axes[0].hist(weight, bins, histtype="step", lw=1.5, label=f"inputs of {rate:g} Hz")
    axes[0].set(xlabel="weight / w_max", ylabel="synapses", title=f"Weights after {seconds:g} s")
    axes[0].legend(frameon=False)
    axes[1].plot(inputs, rates, "o-")
    axes[1].set(xlabel="rate of each input [Hz]", ylabel="rate of the neuron [Hz]", ylim=(0, None))
    axes[1].set_title("Regulation")
    ratio = max(rates) / min(rates)
    text = (
        f"in the outer fifths {', '.join(f'{share:.0%}' for share in shares)} of the weights (expected over 60 %), "
        f"rates {', '.join(f'{r:.1f}' for r in rates)} Hz, a factor of {ratio:.2f} (expected below 2.5)"
    )
    return figure, text, min(shares) > 0.6 and ratio < 2.5


def powers() -> Made:
    """Vary the exponent: it decides between competition, at 0, and one common weight, from about 0.1 on.

    R. Guetig et al. (2003), J. Neurosci. 23:3697-3714, doi:10.1523/JNEUROSCI.23-09-03697.2003: between random
    spikes weights drift by lambda r R tau ((1 - w)^mu - alpha w^mu), and a neuron's 1,000 inputs of 10 Hz, whose
    spikes help to cause its own, split for small mu alone. Expected: that drift, within 2 % of alpha; with mu = 0
    more than 45 % of the weights in the outer fifths, with mu = 0.1 and 1 fewer than 5 %.
    """
    exponents = (0.0, 0.02, 0.1, 1.0)
    figure, (left, right) = panels(2)
    drift, expected, grid = drifts(exponents)
    for k, mu in enumerate(exponents):
        (line,) = left.plot(grid, drift[k], "o", ms=4, label=f"mu = {mu:g}")
        left.plot(grid, expected[k], color=line.get_color(), lw=1)
    left.axhline(0.0, color="k", lw=0.5)
    left.set(xlabel="weight / w_max", ylabel="drift / (lambda r R tau)", title="Between random spikes")
    left.legend(frameon=False)
    exc, inh = Population("exc", 1_000, Parrot()), Population("inh", 200, Parrot())
    parts: list[Population | Projection] = []
    for k, mu in enumerate(exponents):
        post = Population(f"post {k}", 1, NEURON)
        rule = PowerSTDP(lam=0.02, mu_plus=mu, mu_minus=mu, w_max=0.2)
        learn = Projection(
            exc, post, AllToAll(), 0.2, 1.0, receptor="exc", plasticity=rule, name=f"learn {k}"
        )
        parts += [post, learn, Projection(inh, post, AllToAll(), 0.5, 1.0, receptor="inh")]
    sources = [Poisson(population, rate=10.0, weight=1.0) for population in (exc, inh)]
    simulation = Simulation(Network(exc, inh, *parts, *sources), dt=0.5, threads=1)
    simulation.run(6e5)
    shares = []
    for k in range(len(exponents)):
        weight = simulation.synapses(f"learn {k}").weight / 0.2
        shares.append(outer(weight))
        right.hist(weight, np.linspace(0.0, 1.0, 26), histtype="step", lw=1.5)
    right.set(
        xlabel="weight / w_max", ylabel="synapses", title="Inputs of a neuron, after 600 s", ylim=(0, 320)
    )
    worst = float(np.abs(drift - expected).max()) / 1.05
    good = worst < 0.02 and shares[0] > 0.45 and max(shares[2:]) < 0.05
    return (
        figure,
        f"distance from the drift {worst:.1%} (expected below 2 %), in the outer fifths "
        f"{', '.join(f'{share:.0%}' for share in shares)} of the weights (over 45 %, any, below 5 %, below 5 %)",
        good,
    )


def drifts(exponents: tuple[float, ...]) -> tuple[Array, Array, Array]:
    """Return the drift of weights between random spikes, its closed form, by exponent and weight, and these."""
    grid, n_each, hertz, seconds, rng = np.linspace(0.05, 0.95, 10), 12, 20.0, 100.0, np.random.default_rng(1)
    times, number = poisson(hertz, n_each * len(grid), seconds, rng)
    pre, post = SpikeTrain("pre", n_each * len(grid), times, number), puppets(30)
    train, drive = kicks(post, *poisson(hertz, post.size, seconds, rng))
    start = np.tile(np.repeat(grid, n_each)[:, np.newaxis], post.size)
    learn = [
        Projection(pre, post, AllToAll(), start, 1.0, name=f"learn {k}",
                   plasticity=PowerSTDP(lam=1e-6, mu_plus=mu, mu_minus=mu))
        for k, mu in enumerate(exponents)
    ]  # fmt: skip
    simulation = Simulation(Network(pre, train, post, *learn, drive), DT, precision="float64")
    simulation.run(1e3 * seconds + 10.0)
    drift = np.zeros((len(exponents), len(grid)))
    for k in range(len(exponents)):
        found = simulation.synapses(f"learn {k}")
        change = found.weight - grid[found.pre // n_each]
        drift[k] = np.bincount(found.pre // n_each, change) / (n_each * post.size)
    pairs = (
        len(times) / pre.size * len(train.times) / post.size * 0.02 / seconds
    )  # r R tau, of the spikes there are
    late = np.exp(
        -0.5 * DT / 20.0
    )  # an arrival meets post spikes of earlier ticks, a post spike those of its own, too
    mu = np.array(exponents)[:, np.newaxis]
    return drift / (1e-6 * pairs), (1.0 - grid) ** mu / late - 1.05 * late * grid**mu, grid


def power_law() -> Made:
    """Potentiate by a power of the weight: all come to one value, and vary about it by a known share.

    A. Morrison, A. Aertsen, M. Diesmann (2007), Neural Comput. 19:1437-1467, doi:10.1162/neco.2007.19.6.1437: one
    peak, in place of two. Between random spikes the drift is 0 at alpha^(1 / (mu - 1)), 46.4 with the defaults, and
    to first order in lambda the standard deviation is sqrt(lambda alpha / (2 (1 - mu))) of that, 9.1 %. Expected:
    both, within 3 and 10 %.
    """
    n, hertz, seconds, rng, rule = 600, 30.0, 100.0, np.random.default_rng(1), PowerLawSTDP()
    pre, post = SpikeTrain("pre", n, *poisson(hertz, n, seconds, rng)), puppets(n)
    train, drive = kicks(post, *poisson(hertz, n, seconds, rng))
    start, own = np.repeat([10.0, 30.0, 80.0], n // 3), np.arange(n)
    learn = Projection(pre, post, FromCOO(own, own), start, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, train, post, learn, drive), DT, precision="float64")
    times, course = np.arange(0.0, seconds + 1.0, 4.0), [start]
    for _ in times[1:]:
        simulation.run(4_000.0)
        course.append(simulation.synapses("learn").weight)
    goal = rule.alpha ** (1.0 / (rule.mu - 1.0))
    share = np.sqrt(rule.lam * rule.alpha / (2.0 * (1.0 - rule.mu)))
    last = course[-1]
    figure, (left, right) = panels(2)
    left.plot(times, np.reshape(course, (len(times), 3, -1)).mean(2), "o-", ms=3)
    left.axhline(goal, color="k", lw=1, ls=":")
    left.set(xlabel="time [s]", ylabel="mean weight", title="Weights come to one value", ylim=(0, None))
    right.hist(last, 25, density=True, color="0.8", label="simulated")
    fine = np.linspace(0.6, 1.5, 200) * goal
    normal = np.exp(-0.5 * ((fine / goal - 1.0) / share) ** 2) / (np.sqrt(2.0 * np.pi) * share * goal)
    right.plot(fine, normal, label="to first order in the learning rate")
    right.set(xlabel="weight", ylabel="density", title=f"Weights after {seconds:g} s")
    right.legend(frameon=False)
    mean, deviation = float(last.mean()), float(last.std() / last.mean())
    good = abs(mean / goal - 1.0) < 0.03 and abs(deviation / share - 1.0) < 0.1
    text = f"mean {mean:.1f} (expected {goal:.1f} within 3 %), deviation {deviation:.1%} ({share:.1%} within 10 %)"
    return figure, text, good


FIGURES = {"bimodal": bimodal, "powers": powers, "power-law": power_law}
