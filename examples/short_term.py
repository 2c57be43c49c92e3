"""Depression and facilitation: what a synapse delivers depends on the spikes before, not on the weight alone.

The same spikes reach two neurons, through a synapse that depresses and one that facilitates: ten at 20 Hz, and one
more after a pause. Others come at rates of 1 to 100 Hz until each spike releases as much as the last. The picture has
the potentials, and what is released in the end against the rate, with the closed form.

    python examples/short_term.py --out short-term.png

It fails unless the first five releases are these, to 1e-5, and the last ones the closed form's, to 1e-9:

    depression    0.50000  0.26515  0.15483  0.10302  0.07868
    facilitation  0.03000  0.05533  0.07574  0.09178  0.10428
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tegmentum.plasticity import TsodyksMarkram
from tegmentum.simcore import (
    LIFExp,
    Network,
    OneToOne,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)

Array = np.ndarray[Any, Any]
KINDS = {
    "depression": (TsodyksMarkram(U=0.5, tau_rec=800.0), 250.0, (0.5, 0.26515, 0.15483, 0.10302, 0.07868)),
    "facilitation": (
        TsodyksMarkram(U=0.03, tau_rec=130.0, tau_fac=530.0),
        1_540.0,
        (0.03, 0.05533, 0.07574, 0.09178, 0.10428),
    ),
}
RATES = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0])  # Hz
MS, DT, DELAY = 12_000.0, 0.1, 1.0
SHOWN = np.append(50.0 + 50.0 * np.arange(10), 1_250.0)  # ms


def limit(rule: TsodyksMarkram, rate: Array) -> Array:
    """Return the release of each of many spikes at a rate [Hz]."""
    rest = np.exp(-1e3 / rate / rule.tau_rec)
    fade = np.exp(-1e3 / rate / rule.tau_fac) if rule.tau_fac else 0.0
    used = rule.U / (1.0 - (1.0 - rule.U) * fade)
    return np.asarray(used * (1.0 - rest) / (1.0 - (1.0 - used) * rest))


def simulate() -> tuple[list[Array], dict[str, tuple[Array, list[Array]]]]:
    """Return the spikes [ms], and for both kinds the potential and what each spike released."""
    trains = [SHOWN, *(np.arange(50.0, MS - 10.0, 1e3 / rate) for rate in RATES)]
    neuron = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    pre = SpikeTrain("pre", len(trains), np.concatenate(trains), neuron)
    model = LIFExp(tau_m=40.0, tau_exc=3.0, c_m=40.0, v_thresh=1e9)
    post = {name: Population(name, len(trains), model) for name in KINDS}
    synapses = [
        Projection(pre, post[name], OneToOne(), weight, DELAY, short_term=rule)
        for name, (rule, weight, _) in KINDS.items()
    ]
    traces = {f"{name} {x}": Trace(post[name], x) for name in KINDS for x in ("v", "i_exc")}
    result = Simulation(Network(pre, *post.values(), *synapses), dt=DT, precision="float64").run(
        MS, Record(traces=traces)
    )
    out = {}
    for name, (_, weight, _) in KINDS.items():
        current = result.traces[f"{name} i_exc"][0]
        jump = current[1:] - math.exp(-DT / 3.0) * current[:-1]
        arrivals = [np.round((train + DELAY) / DT).astype(int) - 2 for train in trains]
        out[name] = (
            result.traces[f"{name} v"][0, :, 0],
            [jump[at, k] / weight for k, at in enumerate(arrivals)],
        )
    return trains, out


def main() -> None:
    """Simulate, compare with what is expected, draw."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("short-term.png"))
    out = options.parse_args().out
    trains, found = simulate()
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, 2)
    for column, (name, (rule, _, expected)) in enumerate(KINDS.items()):
        v, released = found[name]
        last, closed = np.array([r[-1] for r in released[1:]]), limit(rule, RATES)
        print(f"{name:12}  {'  '.join(f'{r:.5f}' for r in released[0][:5])}")
        np.testing.assert_allclose(released[0][:5], expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(last, closed, rtol=1e-9)
        above, below = axes[:, column]
        above.plot(np.arange(1, len(v) + 1) * DT, v, color="C0", lw=1)
        above.vlines(trains[0], -1.3, -0.5, color="k", lw=1)
        above.set(xlim=(0, 1_450), title=name, xlabel="time [ms]", ylabel="potential [mV]")
        rates = np.geomspace(RATES[0], RATES[-1], 200)
        below.plot(rates, limit(rule, rates), color="C0", label="for each spike")
        below.plot(RATES, last, "o", color="C0", ms=4)
        below.set(xscale="log", ylim=(0, None), xlabel="rate [Hz]", ylabel="released: fraction")
        each_second = below.twinx()
        each_second.plot(rates, rates * limit(rule, rates), color="C1")
        each_second.plot(RATES, RATES * last, "s", color="C1", ms=4)
        each_second.set(ylim=(0, None))
        each_second.set_ylabel("in a second", color="C1")
    figure.savefig(out, dpi=110)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
