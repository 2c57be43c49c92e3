"""Correlations: plain Hebbian learning, Oja's normalisation, the sliding threshold of BCM."""

from __future__ import annotations

import numpy as np
from figures.protocols import DT, LAG, Array, Made, by_lag, kicks, panels, poisson, puppets

from tegmentum.plasticity import BCM, Hebb, Oja
from tegmentum.simcore import LIF, AllToAll, Network, Population, Projection, Record, Simulation, SpikeTrain


def hebb() -> Made:
    """Spikes near in time potentiate in either order, and random spikes by the product of their rates.

    D. O. Hebb (1949), The Organization of Behavior. Expected: eta exp(-|lag| / tau), within 1e-9; 2 eta tau r R in
    a second, within 2 % of the largest.
    """
    (change,) = by_lag(Hebb(eta=0.01))
    expected = 0.01 * np.exp(-np.abs(LAG) / 20.0)
    off = float(np.abs(change - expected).max())
    rates, each, seconds, rng = np.array([5.0, 10.0, 20.0, 40.0]), 40, 50.0, np.random.default_rng(1)
    many = np.repeat(rates, each)
    pre, post = SpikeTrain("pre", many.size, *poisson(many, many.size, seconds, rng)), puppets(many.size)
    train, drive = kicks(post, *poisson(many, many.size, seconds, rng))
    learn = Projection(pre, post, AllToAll(), 0.5, 1.0, plasticity=Hebb(eta=1e-6), name="learn")
    simulation = Simulation(Network(pre, train, post, learn, drive), DT, precision="float64")
    simulation.run(1e3 * seconds + 10.0)
    found = simulation.synapses("learn")
    which = found.pre // each * len(rates) + found.post // each
    growth = np.bincount(which, (found.weight - 0.5) / (1e-6 * seconds * each**2)).reshape(2 * (len(rates),))
    product = 2.0 * 0.02 * np.outer(rates, rates)
    worst = float(np.abs(growth - product).max() / product.max())
    figure, (left, right) = panels(2)
    left.plot(LAG, 100.0 * expected, color="0.7", lw=4, label="closed form")
    left.plot(LAG, 100.0 * change, "o", ms=3, label="simulated")
    left.set(xlabel="post spike after arrival [ms]", ylabel="weight change [% of w_max]", ylim=(0, None))
    left.set_title("One pair of spikes")
    left.legend(frameon=False)
    for rate, row, exact in zip(rates, growth, product, strict=True):
        (line,) = right.plot(rates, row, "o", ms=4, label=f"arrivals at {rate:g} Hz")
        right.plot([0.0, *rates], [0.0, *exact], color=line.get_color(), lw=1)
    right.set(
        xlabel="rate of the post neuron [Hz]", ylabel="weight change / eta in a second", title="Random spikes"
    )
    right.legend(frameon=False)
    text = (
        f"distance from the window {off:.1e} (expected below 1e-9), from the product {worst:.1%} (below 2 %)"
    )
    return figure, text, off < 1e-9 and worst < 0.02


def in_turn(patterns: Array, dwell: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return spikes of channels whose rates [Hz] are those of patterns, ``n`` shown in turn for ``dwell`` s each."""
    rates = patterns[np.arange(n) % len(patterns)].ravel()  # one for each time and channel
    times, number = poisson(rates, rates.size, dwell, rng)
    slot, channel = np.divmod(number, patterns.shape[1])
    return times + 1e3 * dwell * slot, channel


def integrator(size: int) -> Population:
    """Return neurons whose rate is linear in their input: they fire once for every 20 mV."""
    return Population("post", size, LIF(tau_m=1e7, v_thresh=20.0, t_ref=0.0))


def oja() -> Made:
    """Weights turn to the first principal component of the input, and their length to one value.

    E. Oja (1982), J. Math. Biol. 15:267-273, doi:10.1007/BF00275687. Forty inputs, two patterns of rates, a neuron
    that fires once for every 20 mV: g = 1 / 20, and a length of 1 / sqrt(alpha g). Expected: an angle below 1
    degree to the first eigenvector of the rates' second moments, where the mean is 8 degrees away at least, and
    that length within 5 %.
    """
    rng, n = np.random.default_rng(3), 40
    patterns = np.abs(np.array([40.0, 20.0])[:, np.newaxis] * rng.uniform(0.1, 1.9, (2, n)))
    patterns[0, n // 2 :] *= 0.3
    patterns[1, : n // 2] *= 0.3
    times, channel = in_turn(patterns, 4.0, 200, rng)
    post = integrator(3)
    start = rng.uniform(0.0, 1.5, (n, 3))
    rule = Oja(tau=500.0, eta=2e-5)
    pre = SpikeTrain("pre", n, times, channel)
    learn = Projection(pre, post, AllToAll(), start, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, post, learn), 1.0, precision="float64")
    mean, late = (
        patterns.mean(0),
        0.5 / 4.0 * np.tanh(4.0 / 1.0),
    )  # traces keep this share of the other pattern
    swapped = patterns[::-1]
    moments = patterns.T @ ((1.0 - late) * patterns + late * swapped)
    first = np.abs(np.linalg.eigh(moments)[1][:, -1])

    def angle(w: Array) -> Array:
        return np.degrees(np.arccos(w @ first / np.linalg.norm(w, axis=-1)))

    course = []
    for _ in range(160):
        simulation.run(5_000.0)
        found, w = simulation.synapses("learn"), np.zeros((post.size, n))
        w[found.post, found.pre] = found.weight
        course.append(w)
    at, ways = 5.0 * np.arange(1, len(course) + 1), np.array([start.T, *course])
    at = np.concatenate([[0.0], at])
    last = ways[-60:].mean(0)
    length, degrees = np.linalg.norm(last, axis=1), angle(last)
    figure, (left, right) = panels(2)
    left.semilogy(at, angle(ways))
    left.axhline(float(angle(mean)), color="k", lw=1, ls=":", label="of the mean input")
    left.set(xlabel="time [s]", ylabel="angle to the first principal component [°]", title="Direction")
    left.legend(frameon=False)
    right.plot(at, np.linalg.norm(ways, axis=2))
    right.axhline(np.sqrt(20.0), color="k", lw=1, ls=":")
    right.set(xlabel="time [s]", ylabel="length", ylim=(0, None), title="Length")
    good = degrees.max() < 1.0 and angle(mean) > 8.0 and np.abs(length / np.sqrt(20.0) - 1.0).max() < 0.05
    text = (
        f"angles {', '.join(f'{a:.2f}' for a in degrees)} degrees (expected below 1; the mean's is {angle(mean):.1f}), "
        f"lengths {', '.join(f'{x:.2f}' for x in length)} ({np.sqrt(20.0):.2f} within 5 %)"
    )
    return figure, text, bool(good)


def bcm() -> Made:
    """Above a threshold potentiation, below it depression; as it slides, a neuron comes to choose one pattern of two.

    E. L. Bienenstock, L. N. Cooper, P. W. Munro (1982), J. Neurosci. 2:32-48,
    doi:10.1523/JNEUROSCI.02-01-00032.1982; N. Intrator, L. N. Cooper (1992), Neural Networks 5:3-17,
    doi:10.1016/S0893-6080(05)80003-6. Expected: between random spikes a drift of eta r tau_x R (R - R^2 / rho0), 0
    at rho0, within 2 % of the range; responses of 2 rho0 = 40 Hz to one pattern, within 5 %, and of less than a
    fifth of that to the other, each chosen by some neurons.
    """
    rates, drift, expected = growth()
    rng, n, size = np.random.default_rng(2), 40, 6
    patterns = np.outer([1.0, 1.0], np.full(n, 30.0))
    patterns[0, 23:] = patterns[1, :17] = 3.0
    times, channel = in_turn(patterns, 0.5, 800, rng)
    pre, post = SpikeTrain("pre", n, times, channel), integrator(size)
    rule = BCM(eta=4e-4, rho0=20.0, tau_y=100.0, tau_theta=4_000.0, w_max=3.0)
    learn = Projection(
        pre, post, AllToAll(), rng.uniform(0.2, 1.0, (n, size)), 1.0, plasticity=rule, name="learn"
    )
    simulation = Simulation(Network(pre, post, learn), 1.0, precision="float64")
    spikes = simulation.run(4e5, Record(spikes=[post])).spikes["post"]
    block = np.minimum(spikes.t // 20_000.0, 19).astype(int)  # 20 s, 10 for either pattern
    which = (spikes.t // 500.0).astype(int) % 2
    response = np.zeros((20, 2, size))
    np.add.at(response, (block, which, spikes.neuron), 0.1)
    figure, (left, right) = panels(2)
    left.plot(rates, expected, color="0.7", lw=4, label="closed form")
    left.plot(rates, drift, "o", ms=4, label="simulated")
    left.axhline(0.0, color="k", lw=0.5)
    left.set(
        xlabel="rate R of the post neuron [Hz]", ylabel="drift / (eta r tau_x) [Hz²]", title="Random spikes"
    )
    left.legend(frameon=False)
    middle = 20.0 * np.arange(20) + 10.0
    for k in range(2):
        right.plot(middle, response[:, k], "C0o-" if k == 0 else "C3s--", ms=3, lw=0.8)
        right.plot([], [], "C0o-" if k == 0 else "C3s--", ms=3, label=f"pattern {k + 1}")
    right.axhline(40.0, color="k", lw=1, ls=":")
    right.set(
        xlabel="time [s]",
        ylabel="rate in the pattern [Hz]",
        title="Six neurons choose, rho0 = 20 Hz",
        ylim=(0, None),
    )
    right.legend(frameon=False)
    last = response[-5:].mean(0)
    most, least, chosen = last.max(0), last.min(0), last.argmax(0)
    worst = float(np.abs(drift - expected).max() / np.ptp(expected))
    good = (
        worst < 0.02
        and np.abs(most / 40.0 - 1.0).max() < 0.05
        and (least / most).max() < 0.2
        and np.ptp(chosen) == 1
    )
    text = (
        f"distance from the drift {worst:.1%} (expected below 2 %), rates {most.min():.1f} to {most.max():.1f} Hz "
        f"in one pattern (40 within 5 %), {least.max():.1f} in the other, which {chosen.sum()} of {size} chose"
    )
    return figure, text, bool(good)


def growth() -> tuple[Array, Array, Array]:
    """Return rates of the post neuron, the drift of weights by BCM between random spikes, and its closed form."""
    rates, n_pre, each, seconds, rng = np.arange(1.0, 14.0), 50, 60, 200.0, np.random.default_rng(1)
    rule = BCM(eta=1e-9, tau_theta=1_000.0)
    many = np.repeat(rates, each)
    pre, post = SpikeTrain("pre", n_pre, *poisson(20.0, n_pre, seconds, rng)), puppets(many.size)
    train, drive = kicks(post, *poisson(many, many.size, seconds, rng))
    learn = Projection(pre, post, AllToAll(), 0.5, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(pre, train, post, learn, drive), DT, precision="float64")
    simulation.run(10_000.0)  # until the threshold is there
    early = simulation.synapses("learn").weight
    simulation.run(1e3 * (seconds - 10.0))
    found = simulation.synapses("learn")
    total = np.bincount(found.post // each, found.weight - early) / (n_pre * each)
    drift = total / (1e-9 * (seconds - 10.0) * 20.0 * 0.02)
    return rates, drift, rates * (rates - rates**2 / rule.rho0)


FIGURES = {"hebb": hebb, "oja": oja, "bcm": bcm}
