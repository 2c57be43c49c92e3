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
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    LIF,
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


FIGURES: dict[str, Callable[[float], tuple[Figure, str, bool]]] = {"window": window, "bimodal": bimodal}


def main() -> None:
    """Draw the figures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="which of them; by default all")
    parser.add_argument(
        "--seconds", type=float, default=1_000.0, help="model time of those that learn for long"
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
