"""Dopamine sets the sign of STDP: windows of neurons with D1 and with D2 receptors over the level of dopamine.

python examples/d1_d2_signs.py --out d1_d2_signs.png

After Gurney, Humphries and Redgrave (2015), doi:10.1371/journal.pbio.1002034. Expected, as (arrival first, post spike
first): D1 (-, -) without dopamine and (+, 0) with much; D2 (+, +) and (+, -).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tegmentum.plasticity import CorticostriatalSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    ByPost,
    Given,
    Modulator,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)

LEVELS = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0])  # 3 at rest, 20 in a burst
LAGS = np.concatenate([np.arange(-60.0, 0.0, 4.0), np.arange(4.0, 61.0, 4.0)])  # ms, of the post spike
POST = 100.0  # ms


def windows() -> dict[str, np.ndarray]:
    """Simulate a pair of spikes for each lag and level; return changes of weight (level, lag) by receptor."""
    pre = SpikeTrain("pre", len(LAGS), POST - LAGS - 1.0, np.arange(len(LAGS)))
    kick = SpikeTrain("kick", 1, [POST - 1.0], [0])
    msn = Population(
        "msn", len(LEVELS), LIF(v_thresh=1e6, tau_m=1.0)
    )  # fire when they are kicked, at no input else
    dopamine = Modulator(
        "dopamine", len(LEVELS), tau=1e9, given=[Given(np.zeros(len(LEVELS)), LEVELS, np.arange(len(LEVELS)))]
    )
    parts = []
    for kind in ("d1", "d2"):
        rule = getattr(CorticostriatalSTDP, kind)(dopamine, subpopulations=ByPost(np.arange(len(LEVELS))))
        parts.append(Projection(pre, msn, AllToAll(), 0.5, 1.0, plasticity=rule, name=kind))
    network = Network(pre, kick, msn, *parts, Projection(kick, msn, AllToAll(), 1e8, 1.0))
    simulation = Simulation(network, dt=0.1, precision="float64")
    simulation.run(2_500.0)
    out = {}
    for kind in ("d1", "d2"):
        synapses = simulation.synapses(kind)
        out[kind] = np.zeros((len(LEVELS), len(LAGS)))
        out[kind][synapses.post, synapses.pre] = synapses.weight - 0.5
    return out


def signs(change: np.ndarray) -> str:
    """Return the signs of the two halves of a window."""
    halves = change[LAGS > 0].sum(), change[LAGS < 0].sum()
    return ", ".join(
        "0" if abs(half) < 1e-5 * np.abs(change).sum() else "+" if half > 0 else "-" for half in halves
    )


def draw(found: dict[str, np.ndarray], out: Path) -> None:
    """Draw both families of windows."""
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    most = max(np.abs(change).max() for change in found.values()) * 1e3
    for axes, (kind, change) in zip(figure.subplots(1, 2, sharey=True), found.items(), strict=True):
        image = axes.imshow(
            change * 1e3,
            aspect="auto",
            origin="lower",
            cmap="RdBu_r",
            vmin=-most,
            vmax=most,
            interpolation="nearest",
        )
        axes.set_title(kind.upper())
        ticks = np.arange(0, len(LAGS), 5)
        axes.set_xticks(ticks, [f"{lag:g}" for lag in LAGS[ticks]])
        axes.set_yticks(range(len(LEVELS)), [f"{level:g}" for level in LEVELS])
        axes.set_xlabel("post spike after arrival [ms]")
    figure.axes[0].set_ylabel("level of dopamine")
    figure.colorbar(image, ax=figure.axes, label="change of weight / $10^{-3}$")
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("d1_d2_signs.png"), help="picture")
    options = parser.parse_args()
    found = windows()
    for kind, change in found.items():
        for level in (0.0, 3.0, 20.0, 30.0):
            print(f"{kind.upper()} at dopamine {level:4g}: {signs(change[LEVELS.tolist().index(level)])}")
    draw(found, options.out)
