"""Run the standard networks in Tegmentum, Brian2 (C++ standalone) and NEST and print them side by side.

Usage: ``python examples/compare_simulators.py [brunel cuba coba delta stdp quiet microcircuit]
[--peers-python PYTHON] [--sim-ms MS] [--data-dir DIR] [--json]``

The peers may live in an environment of their own: ``python -m venv peers && peers/bin/pip install brian2
nest-simulator 'numpy<2.4'``, then ``--peers-python peers/bin/python`` (Brian2 2.9 does not import under newer
NumPy). A simulator that cannot be imported is reported, not an error. ``microcircuit`` needs the model's JSON.

Each simulator gets its own process and the same description: equations, thresholds, connection rules, weights,
delays, Poisson rates, dt 0.1 ms, one thread, all spikes recorded, its own random numbers. Measured is the CPU
time of the simulation phase alone, after building, compiling and ``--warm-ms`` of model time: in Tegmentum
around ``Simulation.run``, in Brian2 what its binary measures around its network's loop, in NEST around
``nest.Run``. Linear models are integrated exactly by all; conductances by exponential Euler in Brian2 and
adaptive Runge-Kutta in NEST. State is float32 in Tegmentum unless ``--precision float64``, float64 in the others.
Two differences remain: Brian2's Poisson input is binomial, of sources of at most 20 Hz, and NEST takes the delay
of a plastic synapse for dendritic where the other two take it for axonal.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

#: Scale and model time [ms] of each workload; all together take a few minutes.
WORKLOADS = {
    "brunel": (1.0, 500.0),
    "cuba": (1.0, 2_000.0),
    "coba": (1.0, 2_000.0),
    "delta": (1.0, 2_000.0),
    "stdp": (1.0, 200.0),
    "quiet": (0.1, 500.0),
    "microcircuit": (0.1, 1_000.0),
}
DT = 0.1  # ms
BIN = 3.0  # ms, of the synchrony


# ------------------------------------------------------------------------------------------ the description


def plain(value: Any) -> Any:
    """Return a number, or a distribution as a dict with its type's name."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    return float(value)


def describe(network: Any) -> dict[str, Any]:
    """Return a network as numbers, names and dicts, for simulators that know nothing of Tegmentum."""
    from tegmentum.simcore import Poisson
    from tegmentum.simcore.describe.network import default_receptor

    return {
        "populations": [
            {
                "name": p.name,
                "size": p.size,
                "model": plain(p.model),
                "initial": {state: plain(value) for state, value in dict(p.initial or {}).items()},
            }
            for p in network.populations
        ],
        "projections": [
            {
                "pre": q.pre.name,
                "post": q.post.name,
                "rule": plain(q.rule),
                "weight": plain(q.weight),
                "delay": plain(q.delay),
                "receptor": q.receptor,
                "plasticity": plain(q.plasticity) if q.plasticity is not None else None,
            }
            for q in network.projections
        ],
        "poisson": [
            {
                "post": s.post.name,
                "rate": float(s.rate),
                "weight": s.weight,
                "receptor": s.receptor or default_receptor(s.post.model.receptors, s.weight, str(s.name)),
            }
            for s in network.sources
            if isinstance(s, Poisson)
        ],
        "currents": {s.post.name: s.amplitude for s in network.sources if not isinstance(s, Poisson)},
    }


def draw(d: Any, n: int, rng: np.random.Generator) -> Any:
    """Draw ``n`` numbers of a distribution; a constant stays one number."""
    if not isinstance(d, dict):
        return d
    if d["type"] == "Constant":
        return d["value"]
    if d["type"] == "Uniform":
        return rng.uniform(d["low"], d["high"], n)
    x = rng.normal(d["mean"], d["std"], n)
    if d["outside"] == "clip":
        return np.clip(x, d["low"], d["high"])
    while (wrong := np.flatnonzero((x < d["low"]) | (x > d["high"]))).size:
        x[wrong] = rng.normal(d["mean"], d["std"], wrong.size)
    return x


def statistics(t: Any, neuron: Any, n: int, sim_ms: float) -> dict[str, float | None]:
    """Return rate, mean CV of the intervals of neurons with six spikes or more, and synchrony.

    The synchrony is the variance over the mean of the count of all spikes of 1,000 neurons or so, in bins of
    3 ms. What cannot be said is None.
    """
    order = np.lexsort((t, neuron))
    t, neuron = np.asarray(t)[order], np.asarray(neuron)[order]
    same = neuron[1:] == neuron[:-1]
    interval, owner = np.diff(t)[same], neuron[1:][same]
    count = np.bincount(owner, minlength=n)
    mean = np.bincount(owner, interval, n) / np.maximum(count, 1)
    var = np.bincount(owner, (interval - mean[owner]) ** 2, n) / np.maximum(count - 1, 1)
    busy = count >= 5
    some = neuron % max(n // 1_000, 1) == 0
    ends = (t.min(), t.max()) if len(t) else (0.0, 0.0)
    histogram = np.histogram(t[some], np.arange(*ends, BIN))[0]
    return {
        "n_spikes": len(t),
        "rate_hz": len(t) / n / (sim_ms * 1e-3),
        "cv_isi": float((np.sqrt(var[busy]) / mean[busy]).mean()) if busy.any() else None,
        "synchrony": float(histogram.var() / histogram.mean()) if histogram.any() else None,
    }


# -------------------------------------------------------------------------------------------- the simulators


def in_tegmentum(job: dict[str, Any]) -> tuple[float, Any, Any]:
    """Return CPU seconds, spike times and neurons."""
    from tegmentum.cli.workloads import workload
    from tegmentum.simcore import Record, Simulation

    network = workload(job["workload"], job["scale"], job["data_dir"])
    simulation = Simulation(network, DT, job["seed"], threads=1, precision=job["precision"])
    record = Record(spikes=network.populations)
    simulation.run(DT, record)  # compiles
    simulation.run(job["warm_ms"], record)
    cpu = time.process_time()
    result = simulation.run(job["sim_ms"], record)
    cpu = time.process_time() - cpu
    first = np.cumsum([0, *(p.size for p in network.populations)])
    spikes = [result.spikes[p.name] for p in network.populations]
    neuron = [s.neuron.astype(np.int64) + at for s, at in zip(spikes, first, strict=False)]
    return cpu, np.concatenate([s.t for s in spikes]), np.concatenate(neuron)


def in_brian2(job: dict[str, Any]) -> tuple[float, Any, Any]:
    """Return CPU seconds, spike times and neurons.

    All neurons are one group, and projections that agree in weight and delay one ``Synapses``: fewer objects
    are faster.
    """
    import brian2 as b2

    ms, net = b2.ms, job["network"]
    folder = tempfile.TemporaryDirectory()
    b2.set_device("cpp_standalone", directory=folder.name, build_on_run=False)
    b2.defaultclock.dt = DT * ms
    b2.seed(job["seed"])
    rng = np.random.default_rng(job["seed"])
    first, n = {}, 0
    for p in net["populations"]:
        first[p["name"]] = n
        n += p["size"]
    size = {p["name"]: p["size"] for p in net["populations"]}
    model = net["populations"][0]["model"]
    used = {q["receptor"] for q in net["projections"]} | {q["receptor"] for q in net["poisson"]}
    space = {k: v * ms if k.startswith("tau") else v for k, v in model.items() if k != "type"}
    space["c_m"] = space.get("c_m", 1.0) * ms  # pA / pF = mV / ms
    method, state = "exact", {"v": "v"}
    if model["type"] == "LIF":
        equations = "dv/dt = (v_rest - v) / tau_m : 1 (unless refractory)"
    elif model["type"] == "LIFExp":
        state = {r: f"i_{r}" for r in sorted(used)}
        extra = ["i_dc"] if net["currents"] else []
        current = " + ".join([*state.values(), *extra])
        equations = f"dv/dt = (v_rest - v) / tau_m + ({current}) / c_m : 1 (unless refractory)"
        equations += "".join(f"\ndi_{r}/dt = -i_{r} / tau_{r} : 1" for r in state)
        equations += "\ni_dc : 1 (constant)" * len(extra)
    else:
        method, state = "exponential_euler", {"exc": "g_exc", "inh": "g_inh"}
        equations = """i_syn = g_exc * (e_exc - v) + g_inh * (e_inh - v) : 1
            dv/dt = (g_l * (v_rest - v) + i_syn) / c_m : 1 (unless refractory)
            dg_exc/dt = -g_exc / tau_exc : 1
            dg_inh/dt = -g_inh / tau_inh : 1"""
    group = b2.NeuronGroup(
        n, equations, threshold="v >= v_thresh", reset="v = v_reset", refractory=model["t_ref"] * ms,
        method=method, namespace=space,
    )  # fmt: skip
    start: dict[str, Any] = {"v": np.full(n, model["v_rest"])}
    for p in net["populations"]:
        here = slice(first[p["name"]], first[p["name"]] + p["size"])
        for name, value in p["initial"].items():
            start.setdefault(name, np.zeros(n))[here] = draw(value, p["size"], rng)
        if p["name"] in net["currents"]:
            start.setdefault("i_dc", np.zeros(n))[here] = net["currents"][p["name"]]
    for name, value in start.items():
        setattr(group, name, value)

    parts: list[Any] = [group]
    bundles: dict[str, list[Any]] = {}
    for q in net["projections"]:
        pre, post = connect(q["rule"], size[q["pre"]], size[q["post"]], rng)
        weight, delay = draw(q["weight"], len(pre), rng), draw(q["delay"], len(pre), rng)
        constant = np.ndim(weight) == 0
        key = repr((weight if constant else None, np.ndim(delay) or delay, q["receptor"], q["plasticity"]))
        bundles.setdefault(key, []).append((q, pre + first[q["pre"]], post + first[q["post"]], weight, delay))
    for bundle in bundles.values():
        q, weight, delay = bundle[0][0], bundle[0][3], bundle[0][4]
        target, rule = state[q["receptor"]], q["plasticity"]
        options: dict[str, Any] = {} if np.ndim(delay) else {"delay": delay * ms}
        if rule:
            options["namespace"] = {
                "lam": rule["lam"], "loss": rule["alpha"] * rule["lam"], "w_max": rule["w_max"],
                "tau_plus": rule["tau_plus"] * ms, "tau_minus": rule["tau_minus"] * ms,
            }  # fmt: skip
            learner = """w : 1
                dx_in/dt = -x_in / tau_plus : 1 (event-driven)
                dx_out/dt = -x_out / tau_minus : 1 (event-driven)"""
            synapses = b2.Synapses(
                group, group, learner,
                on_pre=f"w = clip(w - loss * w * x_out, 0, w_max)\n{target}_post += w\nx_in += 1",
                on_post="w = clip(w + lam * (w_max - w) * x_in, 0, w_max)\nx_out += 1", **options,
            )  # fmt: skip
        elif np.ndim(weight):
            synapses = b2.Synapses(group, group, "w : 1", on_pre=f"{target}_post += w", **options)
        else:
            synapses = b2.Synapses(group, group, on_pre=f"{target}_post += {weight!r}", **options)
        synapses.connect(i=np.concatenate([b[1] for b in bundle]), j=np.concatenate([b[2] for b in bundle]))
        if rule:
            synapses.w = weight
        elif np.ndim(weight):
            synapses.w = np.concatenate([b[3] for b in bundle])
        if np.ndim(delay):
            synapses.delay = np.concatenate([b[4] for b in bundle]) * ms
        parts.append(synapses)
    alike = {(s["rate"], s["weight"], s["receptor"]) for s in net["poisson"]}
    for s in net["poisson"][: 1 if len(alike) == 1 else None]:
        lo = first[s["post"]]
        onto = group if len(alike) == 1 else group[lo : lo + size[s["post"]]]
        trains = max(1, round(s["rate"] / 20))
        parts.append(
            b2.PoissonInput(onto, state[s["receptor"]], trains, s["rate"] / trains * b2.Hz, s["weight"])
        )
    monitor = b2.SpikeMonitor(group)
    network = b2.Network(*parts, monitor)
    network.run(job["warm_ms"] * ms)
    network.run(job["sim_ms"] * ms)
    b2.device.build(directory=folder.name, compile=True, run=True, with_output=False)
    t, neuron = np.asarray(monitor.t / ms), np.asarray(monitor.i)
    late = t >= job["warm_ms"]
    cpu = float(b2.device._last_run_time)  # std::clock around the loop of the last run
    folder.cleanup()
    return cpu, t[late], neuron[late]


def connect(rule: dict[str, Any], n_pre: int, n_post: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return pre and post of a rule's synapses; autapses and multapses are allowed where a rule has them."""
    if rule["type"] == "FixedIndegree":
        return rng.integers(n_pre, size=rule["k"] * n_post), np.repeat(np.arange(n_post), rule["k"])
    if rule["type"] == "FixedTotal":
        return rng.integers(n_pre, size=rule["n"]), rng.integers(n_post, size=rule["n"])
    if rule["type"] == "FixedProbability":
        pre, post = np.nonzero(rng.random((n_pre, n_post), np.float32) < rule["p"])
        return pre, post
    raise ValueError(f"no counterpart of {rule['type']}")


def in_nest(job: dict[str, Any]) -> tuple[float, Any, Any]:
    """Return CPU seconds, spike times and neurons."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.resolution, nest.local_num_threads, nest.rng_seed = DT, 1, job["seed"] + 1
    net, rng = job["network"], np.random.default_rng(job["seed"])
    names = {"v_rest": "E_L", "v_thresh": "V_th", "v_reset": "V_reset", "c_m": "C_m", "g_l": "g_L", "i_e": "I_e",
             "e_exc": "E_ex", "e_inh": "E_in", "tau_exc": "tau_syn_ex", "tau_inh": "tau_syn_in", "v": "V_m",
             "g_exc": "g_ex", "g_inh": "g_in"}  # fmt: skip
    models = {"LIF": "iaf_psc_delta", "LIFExp": "iaf_psc_exp", "LIFCond": "iaf_cond_exp"}
    nodes = {}
    for p in net["populations"]:
        parameters = {names.get(k, k): v for k, v in p["model"].items() if k != "type"}
        parameters["I_e"] += net["currents"].get(p["name"], 0.0)
        parameters.setdefault("V_m", p["model"]["v_rest"])
        here = nodes[p["name"]] = nest.Create(models[p["model"]["type"]], p["size"], parameters)
        for state, value in p["initial"].items():
            here.set({names[state]: draw(value, p["size"], rng)})

    def distributed(d: Any, sign: float = 1.0) -> Any:
        if d["type"] == "Constant":
            return sign * d["value"]
        low, high = (max(min(d[end], 1e9), -1e9) for end in ("low", "high"))
        return nest.math.redraw(nest.random.normal(sign * d["mean"], d["std"]), min=low, max=high)

    delays = []
    for number, q in enumerate(net["projections"]):
        conductance = models["LIFCond"] == nodes[q["post"]][0].model
        sign = -1.0 if conductance and q["receptor"] == "inh" else 1.0
        rule, plastic = q["rule"], q["plasticity"]
        how = {
            "FixedIndegree": {"rule": "fixed_indegree", "indegree": rule.get("k")},
            "FixedTotal": {"rule": "fixed_total_number", "N": rule.get("n")},
            "FixedProbability": {"rule": "pairwise_bernoulli", "p": rule.get("p")},
        }[rule["type"]]
        synapse = {"weight": distributed(q["weight"], sign), "delay": distributed(q["delay"])}
        delays.append(q["delay"].get("value", DT))
        if plastic:
            shared = {"tau_plus": plastic["tau_plus"], "lambda": plastic["lam"], "alpha": plastic["alpha"],
                      "mu_plus": plastic["mu"], "mu_minus": plastic["mu"], "Wmax": plastic["w_max"]}  # fmt: skip
            nest.CopyModel("stdp_synapse_hom", f"synapse_{number}", shared)
            nodes[q["post"]].tau_minus = plastic["tau_minus"]
            synapse["synapse_model"] = f"synapse_{number}"
        elif q["weight"]["type"] == "Constant":
            nest.CopyModel("static_synapse_hom_w", f"synapse_{number}", {"weight": synapse.pop("weight")})
            synapse["synapse_model"] = f"synapse_{number}"
        nest.Connect(nodes[q["pre"]], nodes[q["post"]], how, synapse)
    for s in net["poisson"]:
        source = nest.Create("poisson_generator", params={"rate": s["rate"]})
        # the delay of all others, so that NEST can communicate as seldom as the network allows
        nest.Connect(source, nodes[s["post"]], "all_to_all", {"weight": s["weight"], "delay": min(delays)})
    recorder = nest.Create("spike_recorder", params={"start": job["warm_ms"]})
    for here in nodes.values():
        nest.Connect(here, recorder, syn_spec={"delay": min(delays)})
    nest.Prepare()
    nest.Run(job["warm_ms"])
    cpu = time.process_time()
    nest.Run(job["sim_ms"])
    cpu = time.process_time() - cpu
    nest.Cleanup()
    events = recorder.events
    return cpu, events["times"], events["senders"] - 1


SIMULATORS = {"tegmentum": in_tegmentum, "brian2": in_brian2, "nest": in_nest}


# -------------------------------------------------------------------------------------------- the comparison


def child(simulator: str) -> None:
    """Run one job that comes on stdin and print one line of JSON."""
    job = json.load(sys.stdin)
    try:
        cpu, t, neuron = SIMULATORS[simulator](job)
    except ImportError as missing:
        print(json.dumps({"missing": str(missing)}))
        return
    found = statistics(t, neuron, job["n_neurons"], job["sim_ms"])
    print(json.dumps({"cpu_s": cpu, "cpu_s_per_s": cpu / (job["sim_ms"] * 1e-3), **found}))


def measure(simulator: str, python: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run one simulator in a process of its own."""
    try:
        done = subprocess.run(
            [python, __file__, "--child", simulator], input=json.dumps(job), capture_output=True, text=True
        )
    except OSError as problem:
        return {"missing": str(problem)}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"failed": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return dict(json.loads(lines[-1]))


def compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a workload in all simulators."""
    from tegmentum.cli.workloads import workload

    scale, sim_ms = WORKLOADS[name]
    network = workload(name, scale, options.data_dir)
    job: dict[str, Any] = {
        "workload": name,
        "scale": scale,
        "sim_ms": options.sim_ms or sim_ms,
        "warm_ms": options.warm_ms,
        "seed": options.seed,
        "precision": options.precision,
        "data_dir": options.data_dir,
        "n_neurons": sum(p.size for p in network.populations),
    }
    description = describe(network)
    found = {}
    for simulator in options.simulators:
        mine = simulator == "tegmentum"
        python = sys.executable if mine else options.peers_python
        found[simulator] = measure(simulator, python, job | ({} if mine else {"network": description}))
    base = found.get("tegmentum", {}).get("cpu_s")
    for result in found.values():
        if base and "cpu_s" in result:
            result["ratio"] = result["cpu_s"] / base
    return {k: job[k] for k in ("workload", "scale", "sim_ms", "n_neurons")} | {"simulators": found}


HEADER = "{:13}{:11}{:>10}{:>8}{:>10}{:>9}{:>7}{:>11}".format(
    "workload", "simulator", "CPU s / s", "ratio", "spikes", "rate Hz", "CV", "synchrony"
)


def main() -> None:
    """Read the arguments, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}; default: all"
    )
    parser.add_argument("--peers-python", default=sys.executable, help="interpreter that has brian2 and nest")
    parser.add_argument("--simulators", nargs="+", choices=SIMULATORS, default=list(SIMULATORS))
    parser.add_argument("--sim-ms", type=float, help="model time to measure; by default each workload's own")
    parser.add_argument("--warm-ms", type=float, default=100.0, help="model time simulated before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--data-dir", help="where microcircuit's JSON is; by default $TEGMENTUM_DATA")
    parser.add_argument("--json", action="store_true", help="print one JSON object a workload")
    parser.add_argument("--child", choices=SIMULATORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"there is no workload {name!r}; there are {', '.join(WORKLOADS)}")
    if not options.json:
        print(HEADER)
    for name in options.workloads or WORKLOADS:
        result = compare(name, options)
        if options.json:
            print(json.dumps(result), flush=True)
            continue
        for simulator, r in result["simulators"].items():
            if "cpu_s" in r:
                ratio, cv, synchrony = (
                    "-" if r.get(k) is None else f"{r[k]:.2f}" for k in ("ratio", "cv_isi", "synchrony")
                )
                print(f"{name:13}{simulator:11}{r['cpu_s_per_s']:10.3f}{ratio:>8}{r['n_spikes']:10}"
                      f"{r['rate_hz']:9.2f}{cv:>7}{synchrony:>11}", flush=True)  # fmt: skip
            else:
                print(f"{name:13}{simulator:11}{r}", flush=True)


if __name__ == "__main__":
    main()
