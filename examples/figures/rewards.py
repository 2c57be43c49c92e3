"""Learning from outcomes: a reward and its mean, a learning signal for each neuron."""

from __future__ import annotations

import numpy as np
from figures.protocols import Array, Made, kicks, panels, poisson, puppets

from tegmentum.plasticity import EProp, EPropALIF, PseudoDerivative, RewardSTDP
from tegmentum.simcore import (
    ALIF,
    LIF,
    AllToAll,
    ByPost,
    Current,
    FixedIndegree,
    FromCOO,
    Given,
    Modulator,
    Network,
    Normal,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)


def reward() -> Made:
    """Reward pairs, or at any time: what is learned is the covariance, where the mean that is taken off is right.

    N. Fremaux, W. Gerstner (2016), Front. Neural Circuits 9:85, doi:10.3389/fncir.2015.00085; R. V. Florian (2007),
    Neural Comput. 19:1468-1502, doi:10.1162/neco.2007.19.6.1468. Pairs come at random, f = 4 in a second, each of
    an eligibility e = 0.04 exp(-5 / 20). A half of the neurons gets a reward of amount A for p = 1/2 of its pairs,
    D = 10 ms after them, the other half as many at any time; R is their mean level. A wrong mean makes both drift.
    Expected in a second: gamma f e (c p A exp(-D / tau_e) / (1 / tau_e + 1 / tau) + (R - mean) tau_e), where c is 1
    or 0, within 5 % of the largest.
    """
    n, hertz, seconds, tau, rng = 200, 4.0, 400.0, 50.0, np.random.default_rng(1)
    first, own = poisson(hertz, n, seconds, rng)
    first = np.round(first) + 10.0
    follows = rng.random(first.size) < 0.5
    told = first + 15.0  # by an arrival at 0, a post spike at 5 and a delay of 10 ms
    other = rng.uniform(10.0, 1e3 * seconds, first.size)
    when = np.where(own < n // 2, told, other)[follows]
    level = 0.5 * hertz * tau * 1e-3  # the mean
    means = (0.5 * level, level, 1.5 * level)
    modulator = Modulator("reward", n, tau=tau, given=[Given(when, 1.0, own[follows])])
    pre, post, each = SpikeTrain("pre", n, first - 1.0, own), puppets(n), np.arange(n)
    train, drive = kicks(post, first + 5.0, own)
    learn = [
        Projection(pre, post, FromCOO(each, each), 2.0, 1.0, name=f"learn {k}",
                   plasticity=RewardSTDP(modulator, subpopulations=ByPost(each), gamma=1e-4, mean=mean))
        for k, mean in enumerate(means)
    ]  # fmt: skip
    simulation = Simulation(Network(pre, train, post, *learn, drive), 1.0, precision="float64")
    times, course = np.arange(0.0, seconds + 1.0, 20.0), [np.full((len(means), n), 2.0)]
    for _ in times[1:]:
        simulation.run(20_000.0)
        course.append(np.array([simulation.synapses(part.name).weight for part in learn]))
    found = np.array(course).reshape(len(times), len(means), 2, -1).mean(3) - 2.0
    e, rule = 0.04 * np.exp(-5.0 / 20.0), learn[0].plasticity
    covariance = 0.5 * np.exp(-10.0 / rule.tau_e) / (1.0 / rule.tau_e + 1.0 / tau)
    slope = (
        1e-4
        * hertz
        * e
        * np.array([[covariance * c + (level - m) * rule.tau_e for c in (1, 0)] for m in means])
    )
    worst = float(np.abs(found[-1] / seconds - slope).max() / slope.max())
    figure, axes = panels(2)
    for c, (part, title) in enumerate(zip(axes, ("Reward follows pairs", "Reward at any time"), strict=True)):
        part.axhline(0.0, color="k", lw=0.5)
        for k, of in enumerate(("half the mean", "the mean", "1.5 times the mean")):
            (line,) = part.plot(times, 1e3 * found[:, k, c], "o", ms=3, label=of)
            part.plot(times, 1e3 * times * slope[k, c], color=line.get_color(), lw=1)
        part.set(xlabel="time [s]", ylabel="mean weight change / $10^{-3}$", title=title)
    axes[0].legend(frameon=False, title="taken off")
    return figure, f"distance from the drift {worst:.1%} (expected below 5 %)", worst < 0.05


def e_prop() -> Made:
    """Learn a pattern: read-outs come to follow two courses, as each neuron is told its share of the error.

    G. Bellec et al. (2020), Nat. Commun. 11:3625, doi:10.1038/s41467-020-17236-y, the task of pattern generation.
    150 neurons, input of frozen random spikes, input and recurrent weights that learn, fixed read-outs. Expected:
    an error of less than 30 % of the target's mean square after 40 repetitions, from more than 100 %; without the
    learning signal it stays above 100 %.
    """
    n_in, n, every, tau, rng = 50, 150, 10.0, 20.0, np.random.default_rng(1)
    inputs = SpikeTrain("inputs", n_in, *poisson(20.0, n_in, 0.998, rng))
    cells = Population("cells", n, LIF(tau_m=20.0, v_thresh=10.0, t_ref=3.0))
    signal = Modulator("signal", n, tau=tau)
    rule = EProp(Modulator("slope", n, source=PseudoDerivative(cells)), signal, tau_m=20.0, eta=0.2)
    feed = Projection(inputs, cells, AllToAll(), rng.normal(0.25, 1.2, (n_in, n)), 1.0, plasticity=rule)
    recurrent = Projection(cells, cells, FixedIndegree(20), Normal(0.0, 0.5), 1.0, plasticity=rule)
    read = rng.normal(0.0, 1.0, (n, 2)) / np.sqrt(n)
    t = np.arange(1, 101)[:, np.newaxis] * every * 1e-3
    wave = 2.0 * np.pi * t
    target = np.concatenate(
        [np.sin(2.0 * wave) + 0.5 * np.sin(5.0 * wave), np.cos(wave) - 0.5 * np.cos(3.0 * wave)], axis=1
    )
    fade = np.exp(-every / tau)

    def repeated(simulation: Simulation, learning: bool) -> Array:
        """Run once from the start, telling each neuron its error as it comes; return the read-outs."""
        simulation.reset()
        trace, level, course = np.zeros(n), np.zeros(n), []
        for wanted in target:
            spikes = simulation.run(every, Record(spikes=[cells])).spikes["cells"].neuron
            trace = trace * fade + np.bincount(spikes, minlength=n)
            course.append(trace @ read)
            if learning:
                share = read @ (course[-1] - wanted)
                simulation.release("signal", share - level * fade)
                level = share
        return np.array(course)

    def error(course: Array) -> float:
        return float(np.mean((course - target) ** 2) / np.mean(target**2))

    simulation = Simulation(Network(inputs, cells, feed, recurrent), 1.0, seed=1)
    without = [error(repeated(simulation, False)) for _ in range(3)]
    courses = [repeated(simulation, True) for _ in range(40)]
    errors = [error(course) for course in courses]
    figure, axes = panels(3, 3.6)
    for k, part in enumerate(axes[:2]):
        part.plot(t, target[:, k], color="k", lw=2, label="target")
        part.plot(t, courses[0][:, k], color="0.6", lw=1, label="at first")
        part.plot(t, courses[-1][:, k], color="C0", label="repetition 40")
        part.set(xlabel="time [s]", ylabel="read-out" if k == 0 else None)
    axes[0].legend(frameon=False, fontsize="small")
    axes[2].plot(np.arange(1, 41), errors, "o-", ms=3)
    axes[2].axhline(without[-1], color="k", lw=1, ls=":")
    axes[2].set(xlabel="repetition", ylabel="error / mean square of the target", ylim=(0.0, None))
    axes[2].set_title("Dotted: without signal")
    good = errors[-1] < 0.3 and errors[0] > 1.0 and min(without) > 1.0
    text = (
        f"error {errors[0]:.2f}, then {errors[-1]:.2f} (over 1, below 0.3), without signal {without[-1]:.2f}"
    )
    return figure, text, good


def adaptive() -> Made:
    """Teach a synapse long after its spike: the threshold's share of the eligibility outlives the membrane's.

    G. Bellec et al. (2020), Nat. Commun. 11:3625, doi:10.1038/s41467-020-17236-y, the eligibility vector of adaptive
    neurons. One arrival 40 ms into a current that keeps the neuron near threshold; nothing; the same current again
    after a delay, of each neuron its own, and a learning signal of one tick 40 ms into it. Expected: what a loop over
    ticks gives, within 1e-9; over 200 ms of delay a decay with tau_a, 400 ms, within 5 %; in neurons that do not
    adapt, whose eligibility is the membrane's of 20 ms, nothing is left by then.
    """
    beta, tau_m, tau_a, near = 2.0, 20.0, 400.0, 87.5  # mV, ms, ms, pA: 7 of 10 mV
    delay = np.arange(60, 1_261, 60)  # ticks of 1 ms
    n, last = len(delay), int(delay[-1]) + 200
    tick = np.arange(last)[:, np.newaxis]
    drive = near * ((tick < 100) | ((tick >= 100 + delay) & (tick < 200 + delay)))
    pre, each = SpikeTrain("pre", 1, [39.0], [0]), np.arange(n)
    parts: list[Population | Projection | Current] = []
    for name, model in (
        ("adaptive", ALIF(v_thresh=10.0, beta=beta, tau_a=tau_a)),
        ("plain", LIF(v_thresh=10.0)),
    ):
        cells = Population(name, n, model)
        told = [Given(delay + 140.0, 1.0, each)]
        ends = PseudoDerivative(cells), Modulator(f"signal {name}", n, tau=0.01, given=told)
        slope = Modulator(f"slope {name}", n, source=ends[0])
        rule = (
            EPropALIF(slope, ends[1], tau_out=0.0)
            if name == "adaptive"
            else EProp(slope, ends[1], tau_m=tau_m)
        )
        parts += [cells, Projection(pre, cells, AllToAll(), 0.0, 1.0, plasticity=rule, name=f"learn {name}")]
        parts += [Current(cells, drive, every=1.0)]
    simulation = Simulation(Network(pre, *parts), 1.0, precision="float64")
    v = simulation.run(float(last), Record(traces={"adaptive": Trace("adaptive", "v")})).traces["adaptive"][0]
    found = [np.abs(simulation.synapses(f"learn {name}").weight) for name in ("adaptive", "plain")]
    slope_at = 0.03 * np.maximum(0.0, 1.0 - np.abs(v - 10.0) / 10.0)  # after each tick
    z, a, course, rho = 0.0, np.zeros(n), np.zeros((last, n)), np.exp(-1.0 / tau_a)
    for t in range(1, last):
        z = z * np.exp(-1.0 / tau_m) + (t == 40)
        psi = slope_at[t - 1]
        course[t] = psi * (z - rho * beta * a)
        a = psi * z + (rho - psi * rho * beta) * a
    exact = 1e-3 * np.abs(course[delay + 140, each])
    worst = float(np.abs(found[0] / exact - 1.0).max())
    late = delay > 200
    lasts = -1.0 / np.polyfit(delay[late], np.log(found[0][late]), 1)[0]
    left = float((found[1][late] / found[1][0]).max())
    figure, axes = panels(1, 5.0)
    axes.semilogy(delay, exact / exact[0], color="0.7", lw=4, label="adaptive, loop over ticks")
    axes.semilogy(delay, found[0] / found[0][0], "o", ms=4, label="adaptive")
    axes.semilogy(delay, np.maximum(found[1] / found[1][0], 1e-30), "s", ms=4, label="not adaptive")
    axes.set(xlabel="delay [ms]", ylabel="weight change, of that after 60 ms", ylim=(1e-3, 2.0))
    axes.legend(frameon=False)
    good = worst < 1e-9 and abs(lasts / tau_a - 1.0) < 0.05 and left < 1e-3
    text = f"distance from the loop {worst:.1e} (expected below 1e-9), lasts {lasts:.0f} ms (400 within 5 %)"
    return figure, text, good


FIGURES = {"reward": reward, "e-prop": e_prop, "adaptive": adaptive}
