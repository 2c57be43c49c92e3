"""Two populations, excitatory and inhibitory, that keep each other irregular; draws a raster.

python examples/first_network.py --out raster.png
"""

from __future__ import annotations

import argparse

from tegmentum.simcore import LIF, FixedIndegree, Network, Poisson, Population, Projection, Record, Simulation

# a tenth of N. Brunel (2000), J. Comput. Neurosci. 8:183-208, doi:10.1023/A:1008925309027
neuron = LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0)  # ms, mV
exc, inh = Population("exc", 1_000, neuron), Population("inh", 250, neuron)
network = Network(
    exc,
    inh,
    *(Projection(exc, post, FixedIndegree(100), weight=1.0, delay=1.5) for post in (exc, inh)),
    *(Projection(inh, post, FixedIndegree(25), weight=-5.0, delay=1.5) for post in (exc, inh)),
    *(Poisson(post, rate=2_000.0, weight=1.0) for post in (exc, inh)),
)


def main() -> None:
    """Simulate 500 ms, print rates, draw the spikes where matplotlib is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="raster.png", help="image to write")
    out = parser.parse_args().out

    result = Simulation(network, dt=0.1, seed=1).run(500.0, record=Record(spikes=[exc, inh]))
    for name, rate in result.rates().items():
        print(f"{name}: {rate:.1f} Hz")

    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no raster: pip install matplotlib")
        return
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="time [ms]", ylabel="neuron")
    first = 0
    for population, colour in ((exc, "C0"), (inh, "C3")):
        spikes = result.spikes[population.name]
        axes.plot(spikes.t, first + spikes.neuron, ",", color=colour)
        first += population.size
    figure.savefig(out, dpi=120)
    print(f"raster: {out}")


if __name__ == "__main__":
    main()
