"""Rates, irregularity and synchrony of Potjans and Diesmann's (2014) microcircuit beside published values.

python examples/microcircuit_statistics.py --data-dir DIR                                    # a tenth: seconds
python examples/microcircuit_statistics.py --data-dir DIR --scale 1 --seconds 60 --threads 2   # minutes, 3.3 GB

Each seed draws a network of its own. Rates are of all neurons; the CV of the inter-spike intervals is the mean
over neurons with six spikes or more; the synchrony is the variance over the mean of the number of spikes of
1,000 neurons in bins of 3 ms. Where a population has fewer, below full scale, it is of all of them and lower: it
grows with the number of neurons. Short runs give CVs that are too low, of neurons that fire seldom above all.

All published values are of full scale and, unless said otherwise, of Poisson input, as here:

paper    excitatory rates of T. C. Potjans, M. Diesmann (2014), Cereb. Cortex 24:785-806,
         doi:10.1093/cercor/bhs358, at second hand: the row "NEST trial" of Romaro et al., table A.1
NEST     ``full_mean_rates`` of INM-6's microcircuit-PD14-model (2026): one realisation
NetPyNE  C. Romaro et al. (2021), Neural Comput. 33:1993-2032, doi:10.1162/neco_a_01400, tables A.1, A.3 and A.5:
         60 s, "approximately 1000 neurons per population", on a grid of 0.025 ms in the published code
DC       table A.6 of the same: constant input instead of Poisson

A star marks a rate more than 10 % away from the paper's or NEST's, a CV more than 5 % or a synchrony more than
25 % away from NetPyNE's. The synchrony depends on the grid: try ``--dt 0.025``.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np
from compare_simulators import statistics  # beside this file

from tegmentum.cli.workloads import DT, workload
from tegmentum.simcore import Record, Simulation

DISCARD = 500.0  # ms
SAMPLE = 1_000  # neurons, of the synchrony
MIN_SPIKES = 6  # of a neuron whose CV counts, as in `statistics`


class Published(NamedTuple):
    """What has been published of one population; rates in Hz."""

    paper: float | None
    nest: float
    netpyne: float
    cv: float
    synchrony: float
    synchrony_dc: float


PUBLISHED = {
    "L23E": Published(0.86, 0.903, 0.90, 0.938, 2.9, 5.1),
    "L23I": Published(None, 2.965, 2.80, 0.916, 1.8, 3.3),
    "L4E": Published(4.45, 4.414, 4.39, 0.891, 3.0, 5.5),
    "L4I": Published(None, 5.876, 5.70, 0.873, 1.7, 2.7),
    "L5E": Published(7.59, 7.569, 6.80, 0.847, 4.4, 8.0),
    "L5I": Published(None, 8.633, 8.22, 0.809, 1.1, 2.0),
    "L6E": Published(1.09, 1.105, 1.14, 0.924, 1.2, 1.5),
    "L6I": Published(None, 7.829, 7.60, 0.819, 1.0, 1.3),
}


class Found(NamedTuple):
    """Statistics of one population in one run; None where there are too few spikes to say."""

    rate: float  # Hz
    cv: float | None
    n_cv: int  # neurons that the CV is of
    synchrony: float | None


def measure(t: Any, neuron: Any, n: int, sim_ms: float) -> Found:
    """Return the statistics of `n` neurons from their spikes; `t` in ms from the start of the recording."""
    every = statistics(t, neuron, n, sim_ms)
    # synapses are drawn without regard to the index, so that the first neurons are a random sample
    sampled = np.asarray(neuron) < SAMPLE
    sample = statistics(t[sampled], neuron[sampled], min(n, SAMPLE), sim_ms)
    n_cv = int((np.bincount(neuron, minlength=n) >= MIN_SPIKES).sum())
    return Found(every["rate_hz"], every["cv_isi"], n_cv, sample["synchrony"])  # type: ignore[arg-type]


def simulate(options: argparse.Namespace, seed: int) -> dict[str, Found]:
    """Build the microcircuit, discard its first half second, and measure the time after."""
    network = workload("microcircuit", options.scale, options.data_dir)
    simulation = Simulation(network, options.dt, seed, threads=options.threads)
    simulation.run(DISCARD)
    sim_ms = options.seconds * 1e3
    result = simulation.run(sim_ms, Record(spikes=network.populations))
    found = {}
    for name, spikes in result.spikes.items():
        t = (spikes.tick - result.start + 0.5) * spikes.dt  # half a tick off the edges of the bins
        found[name] = measure(t, spikes.neuron.astype(np.int64), result.sizes[name], sim_ms)
    return found


def cell(values: list[Any], published: list[float | None], tolerance: float, digits: int) -> str:
    """Return the mean over seeds, +- their standard deviation, and a star if it is off a published value."""
    known = [value for value in values if value is not None]
    if not known:
        return "- "
    mean = float(np.mean(known))
    text = f"{mean:.{digits}f}" + (f"+-{np.std(known, ddof=1):.{digits}f}" if len(known) > 1 else "")
    off = any(abs(mean - p) > tolerance * p for p in published if p is not None)
    return text + ("*" if off else " ")


HEADER = (
    "           --------- rate [Hz] ---------------  ------------ CV of ISI --------  ------- synchrony -------\n"
    "population         here  paper   NEST NetPyNE          here  neurons NetPyNE       here  NetPyNE      DC"
)


def row(name: str, runs: list[Found]) -> str:
    """Return one line of the table."""
    p = PUBLISHED[name]
    rate = cell([r.rate for r in runs], [p.paper, p.nest], 0.10, 2)
    cv = cell([r.cv for r in runs], [p.cv], 0.05, 3)
    synchrony = cell([r.synchrony for r in runs], [p.synchrony], 0.25, 1)
    paper = "-" if p.paper is None else f"{p.paper:.2f}"
    n_cv = round(np.mean([r.n_cv for r in runs]))
    return (
        f"{name:10} {rate:>13}{paper:>6}{p.nest:7.2f}{p.netpyne:8.2f}"
        f"{cv:>16}{n_cv:8}{p.cv:8.3f}{synchrony:>13}{p.synchrony:7.1f}{p.synchrony_dc:8.1f}"
    )


def main() -> None:
    """Read the arguments, run every seed, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="of the neurons and of their indegrees")
    parser.add_argument("--seconds", type=float, default=10.0, help="model time to measure")
    parser.add_argument("--dt", type=float, default=DT, help="grid of the spikes [ms]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", default="0,1,2", help="numbers with commas between them")
    parser.add_argument("--data-dir", help="where the model's JSON is; by default $TEGMENTUM_DATA")
    options = parser.parse_args()

    runs = []
    for seed in (int(text) for text in options.seeds.split(",")):
        runs.append(simulate(options, seed))
        mean = np.mean([found.rate for found in runs[-1].values()])
        print(f"seed {seed}: mean rate of the populations {mean:.2f} Hz", flush=True)
    print(f"\nscale {options.scale:g}, dt {options.dt:g} ms, {options.seconds:g} s after {DISCARD:g} ms")
    print(HEADER)
    for name in PUBLISHED:
        print(row(name, [run[name] for run in runs]))


if __name__ == "__main__":
    main()
