"""Networks that the tests of MPI run, on one process or, as a script under ``mpiexec``, on several ranks.

Usage: mpiexec -n N python mpi_jobs.py FOLDER THREADS JOB...
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np

from tegmentum.plasticity import STDP, CascadeSTDP, DopamineSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    Modulator,
    Network,
    Normal,
    OneToOne,
    Poisson,
    Population,
    Projection,
    Record,
    Release,
    Simulation,
    SimulationError,
    Snapshots,
    SpikeTrain,
    Trace,
    Turnover,
    Uniform,
)

NEURON = LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0)


def static() -> Network:
    """Every connection rule, with weights and delays that are drawn."""
    exc, inh, one = (
        Population("exc", 301, NEURON),
        Population("inh", 64, NEURON),
        Population("one", 1, NEURON),
    )
    draw = np.random.default_rng(0)
    listed = FromCOO(draw.integers(301, size=900), draw.integers(64, size=900))
    spread = {"weight": Uniform(0.1, 0.4), "delay": Uniform(1.5, 3.0)}
    return Network(
        exc,
        inh,
        one,
        Projection(exc, exc, FixedIndegree(30), weight=Normal(0.5, 0.1), delay=Uniform(1.5, 40.0), name="in"),
        Projection(exc, inh, FixedOutdegree(9), **spread, name="out"),
        Projection(exc, exc, FixedOutdegree(5, multapses=False), **spread, name="out once"),
        Projection(inh, exc, FixedProbability(0.2), weight=-0.2, delay=1.5, name="chance"),
        Projection(inh, inh, FixedProbability(0.2, autapses=False), **spread, name="chance of one's own"),
        Projection(exc, inh, FixedTotal(800), **spread, name="total"),
        Projection(exc, exc, OneToOne(), **spread, name="one to one"),
        Projection(inh, inh, AllToAll(autapses=False), **spread, name="all"),
        Projection(inh, exc, AllToAll(), weight=Uniform(-0.05, -0.01), delay=1.5, name="matrix"),
        Projection(exc, inh, listed, weight=draw.uniform(0.0, 0.2, 900), delay=2.0, name="listed"),
        Projection(exc, one, AllToAll(), weight=5.0, delay=2.0, name="onto one"),
        Poisson(exc, rate=16_000.0, weight=0.1),
        Poisson(inh, rate=6_000.0, weight=0.1),
    )


def plastic(dopamine: bool) -> Network:
    """Pair STDP, beside a rule that draws, or through an eligibility for dopamine that a population releases."""
    exc, inh = Population("exc", 301, NEURON), Population("inh", 64, NEURON)
    draw = np.random.default_rng(0)
    train = SpikeTrain("train", 20, draw.uniform(0.0, 150.0, 900).round(1), draw.integers(20, size=900))
    rule, of_input = STDP(w_max=1.0), STDP(w_max=1.0) if dopamine else CascadeSTDP(a_plus=0.3, a_minus=0.3)
    if dopamine:
        level = Modulator("dopamine", tau=50.0, releases=[Release(inh, amount=0.01, delay=1.6)])
        rule = DopamineSTDP(level, tau_e=100.0, w_max=1.0, a_plus=0.02, a_minus=0.03)
    spread = {"weight": Uniform(0.1, 0.3), "delay": Uniform(1.5, 3.0)}
    return Network(
        exc,
        inh,
        train,
        Projection(exc, exc, FixedIndegree(30), **spread, plasticity=rule, name="learn"),
        Projection(exc, inh, FixedIndegree(30), weight=0.2, delay=1.5),
        Projection(inh, exc, FixedProbability(0.2), weight=-1.0, delay=1.5),
        Projection(train, exc, AllToAll(), **spread, plasticity=of_input, name="input"),
        *(Poisson(p, rate=11_000.0, weight=0.1) for p in (exc, inh)),
    )


NETWORKS = {"static": static, "stdp": lambda: plastic(False), "dopamine": lambda: plastic(True)}


def record(job: str, network: Network) -> Record:
    """Spikes, traces, and of plastic networks weights and levels."""
    exc, inh = network["exc"], network["inh"]
    traces = {"some": Trace(exc, "v", neurons=[0, 7, 300]), "all": Trace(inh, "v")}
    if job == "static":
        return Record(spikes=[exc, inh, network["one"]], traces=traces, every=1.0)
    return Record(
        spikes=[exc, inh, network["train"]],
        traces=traces,
        weights={"learn": 30.0, "input": Snapshots(every=30.0, changed=True)},
        modulators={"dopamine": 10.0} if job == "dopamine" else {},
    )


def outcome(job: str, folder: Path, threads: int, comm=None) -> dict[str, np.ndarray]:
    """Run a network into a store and then go on in memory; return what was seen, and the state."""
    network = NETWORKS[job]()
    recorded = record(job, network)
    sim = Simulation(network, seed=3, threads=threads, comm=comm)
    sim.run(70.3, record=recorded, to=folder / f"{job}.zarr", checkpoint_every=3600.0)
    found = sim.run(40.0, record=recorded)
    out = {f"in state/{key}": values for key, values in sim.state().items()}
    out["n_synapses"], out["events"] = np.array(sim.n_synapses), np.array(found.synaptic_events)
    for name, spikes in found.spikes.items():
        out |= {f"{name}/tick": spikes.tick, f"{name}/neuron": spikes.neuron}
    out |= {f"trace/{name}": values for name, values in found.traces.items()}
    if job != "static":
        out["learnt"] = found.weights["learn"].values
        whole = sim.synapses("learn")
        out |= {"pre": whole.pre, "post": whole.post, "delay": whole.delay, "weight": whole.weight}
    forked = sim.fork()
    forked.run(10.0)
    out |= {f"in fork/{key}": values for key, values in forked.state().items()}
    return out


def changed(comm=None) -> dict[str, np.ndarray]:
    """Change delays, weights, levels, given spikes and go back to the start; return the states in between."""
    sim, out = Simulation(plastic(True), seed=5, threads=1, comm=comm), {}

    def keep(name: str) -> None:
        sim.run(15.0)
        out.update({f"{name}/{key}": values for key, values in sim.state().items()})

    draw, n = np.random.default_rng(1), len(sim.synapses("learn"))
    sim.set_delays("learn", 0.1 * draw.integers(15, 60, n))
    sim.set_weights("learn", draw.uniform(0.1, 0.3, n))
    keep("set")
    sim.release("dopamine", 0.3)
    sim.set_spikes("train", [20.0, 21.0], [1, 2])
    sim.set_weights("learn", 0.9 * sim.synapses("learn").weight)
    keep("set again")
    sim.reset(seed=8)
    keep("reset")
    sim.reset(keep=())
    keep("as at first")
    return out


def refused(comm) -> list[str]:
    """Return what is said of that which ranks do not do."""
    p = Population("p", 40, NEURON)
    learns = {"weight": Uniform(0.1, 0.2), "plasticity": STDP(w_max=1.0)}
    grows = Projection(p, p, FixedIndegree(3), **learns, structure=Turnover(every=50.0, indegree=3))
    lists = Projection(p, p, FixedIndegree(3), weight=np.full(120, 0.1))
    said = []
    for network, options in (
        (Network(p, grows), {}),
        (Network(p, lists), {}),
        (Network(p), {"n_trials": 2}),
        (Network(p), {"arithmetic": "fixed"}),
        (Network(p), {"threads": 1 + comm.Get_rank()}),
    ):
        try:
            Simulation(network, comm=comm, **options)
        except DescriptionError as error:
            said.append(str(error))
    rank = comm.Get_rank()
    runs = (
        lambda: Simulation(Network(p), seed=rank, comm=comm),
        lambda: Simulation(Network(p, Poisson(p, rate=1e3, weight=1.0 + rank)), comm=comm),
        lambda: Simulation(Network(p), comm=comm).run(10.0 + rank),
        lambda: Simulation(Network(p), comm=comm).run(10.0, Record(spikes=[p] * rank)),
    )
    for run in runs:
        try:
            run()
        except DescriptionError as error:
            said.append(str(error))
    busy = Network(p, Poisson(p, rate=50_000.0, weight=30.0))
    try:
        Simulation(busy, comm=comm, max_rate=100.0).run(200.0)
    except SimulationError as error:
        said.append(str(error))
    return said


def main() -> None:
    from mpi4py import MPI

    comm, (folder, threads, *jobs) = MPI.COMM_WORLD, sys.argv[1:]
    for job in jobs:
        if job == "refused":
            said = comm.gather(refused(comm))
            if comm.Get_rank() == 0:
                assert all(one == said[0] for one in said), said
                Path(folder, "refused.txt").write_text("\n".join(said[0]))
            continue
        if job == "changed":
            found = changed(comm)
            if comm.Get_rank() == 0:
                np.savez(Path(folder, "changed.npz"), **found)
            continue
        if job == "broken":
            breaks(comm)
        if job == "killed":
            dies(comm, Path(folder))
        if job == "resumed":
            go_on(Path(folder, "killed.zarr"), comm)
            continue
        found = outcome(job, Path(folder), int(threads), comm)
        if comm.Get_rank() == 0:
            np.savez(Path(folder, f"{job}.npz"), **found)


def breaks(comm) -> None:
    """Let one rank fail in the middle of a run, where the others do not know of it."""
    sim = Simulation(static(), seed=3, comm=comm)

    def report(done: float, total: float) -> None:
        if comm.Get_rank() == 1 and done > 5.0:
            raise ZeroDivisionError("on this rank alone")

    sim.run(100_000.0, progress=report)


def dies(comm, folder: Path) -> None:
    """Let one rank be killed in the middle of a run that keeps checkpoints."""
    network = plastic(True)
    sim = Simulation(network, seed=3, comm=comm)

    def report(done: float, total: float) -> None:
        if comm.Get_rank() == 1 and done > 30.0:
            os.kill(os.getpid(), signal.SIGKILL)

    recorded = record("dopamine", network)
    sim.run(100_000.0, record=recorded, to=folder / "killed.zarr", checkpoint_every=0.0, progress=report)


def go_on(store: Path, comm=None) -> None:
    """Go on with that run."""
    Simulation.resume(store, plastic(True), until=140.0, threads=1, comm=comm)


if __name__ == "__main__":
    main()
