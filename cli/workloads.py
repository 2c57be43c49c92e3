"""The standard networks that simulators are compared on, as functions from a scale to a network."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from tegmentum.simcore import (
    LIF,
    Current,
    FixedIndegree,
    FixedProbability,
    FixedTotal,
    LIFCond,
    LIFExp,
    Network,
    Normal,
    Poisson,
    Population,
    Projection,
    Uniform,
)
from tegmentum.simcore.errors import DataError, DescriptionError

DT = 0.1  # ms
_POTJANS = "potjans_diesmann_2014.json"


def brunel(scale: float = 1.0, plasticity: Any = None, excitatory: Any = None) -> Network:
    """Excitatory and inhibitory delta neurons, asynchronous irregular, about 37 Hz.

    N. Brunel (2000), J. Comput. Neurosci. 8:183-208, doi:10.1023/A:1008925309027; g = 5, eta = 2.
    ``excitatory`` neurons may be of another model.
    """
    n, j, g = round(10_000 * scale), 0.1, 5.0
    neuron = LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0)
    exc, inh = Population("exc", n, excitatory or neuron), Population("inh", n // 4, neuron)
    k_exc, k_inh = min(1_000, n), min(250, n // 4)
    return Network(
        exc,
        inh,
        Projection(exc, exc, FixedIndegree(k_exc), j, 1.5, plasticity=plasticity),
        Projection(exc, inh, FixedIndegree(k_exc), j, 1.5),
        *(Projection(inh, post, FixedIndegree(k_inh), -g * j, 1.5) for post in (exc, inh)),
        *(Poisson(post, rate=20_000.0, weight=j) for post in (exc, inh)),
    )


def stdp(scale: float = 1.0) -> Network:
    """``brunel`` with pair STDP, multiplicative, on the synapses between excitatory neurons."""
    from tegmentum.plasticity.rules.stdp import STDP

    rule = STDP(tau_plus=20.0, tau_minus=20.0, lam=1e-3, alpha=1.05, mu=1.0, w_max=0.2)
    return brunel(scale, plasticity=rule)


def dopamine(scale: float = 1.0) -> Network:
    """``brunel`` with dopamine STDP on the synapses between excitatory neurons, ten subpopulations of them."""
    from tegmentum.plasticity.modulation.receptor import LinearReceptor
    from tegmentum.plasticity.rules.dopamine_stdp import DopamineSTDP
    from tegmentum.simcore.describe.modulation import ByPost, Modulator

    level = np.arange(round(10_000 * scale)) % 10
    modulator = Modulator("dopamine", n_levels=10, tau=200.0, baseline=0.01)
    rule = DopamineSTDP(
        modulator, LinearReceptor(0.1), ByPost(level), a_plus=1e-3, a_minus=1.05e-3, w_max=0.2
    )
    return brunel(scale, plasticity=rule)


def _brette(neuron: Any, weights: tuple[float, float], scale: float, **initial: Any) -> Network:
    n = round(3_200 * scale)
    initial.setdefault("v", Uniform(-60.0, -50.0))
    exc = Population("exc", n, neuron, initial=initial)
    inh = Population("inh", n // 4, neuron, initial=initial)
    p = min(1.0, 0.02 / scale)
    ends = (neuron.receptors[0], neuron.receptors[-1])
    return Network(
        exc,
        inh,
        *(
            Projection(pre, post, FixedProbability(p), weight, 0.1, receptor=receptor)
            for pre, weight, receptor in zip((exc, inh), weights, ends, strict=True)
            for post in (exc, inh)
        ),
    )


def delta(scale: float = 1.0) -> Network:
    """Benchmark 4 of R. Brette et al. (2007), doi:10.1007/s10827-007-0038-6: jumps of the potential."""
    neuron = LIF(tau_m=20.0, v_rest=-49.0, v_thresh=-50.0, v_reset=-60.0, t_ref=5.0)
    return _brette(neuron, (0.25, -2.25), scale)


def cuba(scale: float = 1.0) -> Network:
    """Benchmark 2 of Brette et al. (2007): exponential currents; with c_m = tau_m a pA is a mV of drive."""
    neuron = LIFExp(tau_m=20.0, c_m=20.0, tau_exc=5.0, tau_inh=10.0, v_rest=-49.0, v_thresh=-50.0,
                    v_reset=-60.0, t_ref=5.0)  # fmt: skip
    return _brette(neuron, (1.62, -9.0), scale)


def coba(scale: float = 1.0) -> Network:
    """Benchmark 1 of Brette et al. (2007): exponential conductances."""
    start = {
        "v": Normal(-65.0, 5.0),
        "g_exc": Normal(40.0, 15.0, low=0.0),
        "g_inh": Normal(200.0, 120.0, low=0.0),
    }
    return _brette(LIFCond(), (6.0, 67.0), scale, **start)


def quiet(scale: float = 1.0, update: str = "auto", rate: float = 8.0) -> Network:
    """Kick each of a million neurons near its threshold a few times a second; they fire at about 0.5 Hz."""
    n = round(1_000_000 * scale)
    neuron = LIF(tau_m=20.0, v_thresh=20.0, v_reset=0.0, t_ref=2.0)
    n_exc = round(0.8 * n)
    exc, inh = Population("exc", n_exc, neuron, update), Population("inh", n - n_exc, neuron, update)
    return Network(
        exc,
        inh,
        *(Projection(exc, post, FixedIndegree(min(80, n_exc)), 0.2, 1.5) for post in (exc, inh)),
        *(Projection(inh, post, FixedIndegree(min(20, n - n_exc)), -0.8, 1.5) for post in (exc, inh)),
        *(Poisson(post, rate=rate, weight=12.0) for post in (exc, inh)),
    )


def microcircuit(scale: float = 1.0, data_dir: str | Path | None = None) -> Network:
    """Potjans and Diesmann's (2014) cortical microcircuit at any scale of its neurons and their indegrees.

    Below full scale, weights grow by ``1 / sqrt(scale)`` and a current replaces the mean of the missing
    input, as in S. J. van Albada, M. Helias, M. Diesmann (2015), PLoS Comput. Biol. 11:e1004490.
    T. C. Potjans, M. Diesmann (2014), Cereb. Cortex 24:785-806, doi:10.1093/cercor/bhs358.
    """
    data = _potjans(data_dir)
    n_full = np.array(data["N_full"])
    n = np.maximum(np.round(n_full * scale).astype(int), 1)
    total = np.array(data["derived_total_synapses"], dtype=float)
    indegree = total / n_full[:, None]
    neuron, synapse = data["neuron"], data["synapse"]
    w, g, tau = synapse["w_exc_pA"], synapse["g"], neuron["tau_syn_ms"]
    weight = np.where(np.arange(8) % 2 == 0, w, g * w) * np.ones((8, 8))
    weight[0, 2] *= synapse["L4E_to_L23E_factor"]
    rates = np.array(data["full_mean_rates_hz"]["PyNN_and_older_NEST"])
    k_ext, rate_ext = np.array(data["K_ext"], dtype=float), data["bg_rate_hz"]
    missing = (weight * indegree * rates).sum(axis=1) + w * k_ext * rate_ext
    current = 1e-3 * tau * (1 - math.sqrt(scale)) * missing
    up = 1 / math.sqrt(scale)

    start = data["V_init"]["optimized_INM6"]
    model = LIFExp(
        tau_m=neuron["tau_m_ms"], c_m=neuron["C_m_pF"], tau_exc=tau, tau_inh=tau, t_ref=neuron["t_ref_ms"],
        v_rest=neuron["E_L_mV"], v_thresh=neuron["V_th_mV"], v_reset=neuron["V_reset_mV"],
    )  # fmt: skip
    populations = [
        Population(name, int(size), model, initial={"v": Normal(mean, sd)})
        for name, size, mean, sd in zip(data["populations"], n, start["mean_mV"], start["sd_mV"], strict=True)
    ]
    # both synaptic time constants are equal, so one receptor serves both signs
    parts: list[Any] = list(populations)
    for t, post in enumerate(populations):
        for s, pre in enumerate(populations):
            k = round(total[t, s] * n[t] / n_full[t] * scale)
            if k == 0:
                continue
            mean, spread = weight[t, s] * up, abs(weight[t, s]) * up * synapse["weight_rel_sd"]
            low, high = (0.0, math.inf) if mean > 0 else (-math.inf, 0.0)
            delay = synapse["delay_exc_ms" if s % 2 == 0 else "delay_inh_ms"]
            parts.append(
                Projection(
                    pre, post, FixedTotal(k), Normal(mean, spread, low, high, "redraw"),
                    Normal(delay[0], delay[1], low=0.5 * DT, outside="redraw"), receptor="exc",
                )
            )  # fmt: skip
        parts.append(Poisson(post, rate=rate_ext * k_ext[t] * scale, weight=w * up, receptor="exc"))
        if scale < 1:
            parts.append(Current(post, float(current[t])))
    return Network(*parts)


def _potjans(data_dir: str | Path | None) -> dict[str, Any]:
    root = data_dir or os.environ.get("TEGMENTUM_DATA")
    if root is None:
        raise DataError(f"microcircuit: give --data-dir or set TEGMENTUM_DATA to where {_POTJANS} is")
    for path in (Path(root) / _POTJANS, Path(root) / "potjans_diesmann" / _POTJANS):
        if path.exists():
            return dict(json.loads(path.read_text(encoding="utf-8")))
    raise DataError(f"microcircuit: {_POTJANS} is not in {root}")


WORKLOADS = {f.__name__: f for f in (brunel, cuba, coba, delta, stdp, dopamine, microcircuit, quiet)}


def workload(name: str, scale: float, data_dir: str | Path | None = None) -> Network:
    """Return a workload's network by name."""
    if name not in WORKLOADS:
        raise DescriptionError(f"bench: no workload {name!r}; there are {', '.join(WORKLOADS)}")
    if not 0 < scale <= 1e6:
        raise DescriptionError(f"bench: scale must be > 0 and <= 1e6, got {scale}")
    if name == "microcircuit":
        return microcircuit(scale, data_dir)
    return WORKLOADS[name](scale)  # type: ignore[operator]
