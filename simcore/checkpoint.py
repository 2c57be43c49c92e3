"""The state of a simulation as named arrays, independent of the number of threads, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import synapses
from .errors import DescriptionError
from .lower import fires_alone
from .queues import IN_FLIGHT, in_flight, put_back

if TYPE_CHECKING:
    from .simulation import Simulation

Array = np.ndarray[Any, Any]


def state(sim: Simulation) -> dict[str, Array]:
    """Return what a simulation of the same network needs to go on exactly from here."""
    out: dict[str, Array] = {
        "tick": np.array(sim.tick),
        "seed": np.array(sim.seed, np.uint64),
        "n_spikes": sim._control.spikes.copy(),
    }
    for key, values in _arrays(sim).items():
        out[key] = np.concatenate([v.copy() for v in values], axis=1)
    sim._settle()
    for number, group, name in sim._learners():
        out[f"plastic/{name}/weight"] = sim.synapses(name).weight
        here = [plastics[number] for plastics in sim._plastics]
        traces = synapses.save_traces(sim._wires, here, group)
        out.update({f"plastic/{name}/{end}": table for end, table in traces.items()})
    pending = in_flight(sim._wires, sim._ring, sim.tick)
    out.update({f"in_flight/{name}": column for name, column in zip(IN_FLIGHT, pending.T, strict=True)})
    return out


def load_state(sim: Simulation, saved: Mapping[str, Array]) -> None:
    """Continue from what :func:`state` returned, bit for bit."""
    if int(saved["seed"]) != sim.seed:
        raise DescriptionError(f"load_state: seed must be {sim.seed}, got {int(saved['seed'])}")
    sim._allocate()
    for key, values in _arrays(sim).items():
        if key not in saved:
            raise DescriptionError(f"load_state: {key} is missing")
        n = sum(v.shape[1] for v in values)
        if saved[key].shape != (sim.n_trials, n):
            raise DescriptionError(f"load_state: {key} must have shape {(sim.n_trials, n)}")
        at = 0
        for v in values:
            v[:] = saved[key][:, at : at + v.shape[1]]
            at += v.shape[1]
    _check_lazy(sim, saved)
    tick = int(saved["tick"])
    sim._control.clock[:] = tick
    sim._control.spikes[:] = saved["n_spikes"]
    sim._watched = tick, sim._control.spikes.sum(axis=0)
    for number, group, name in sim._learners():
        sim.set_weights(name, saved[f"plastic/{name}/weight"])
        here = [plastics[number] for plastics in sim._plastics]
        traces = {end: saved[f"plastic/{name}/{end}"] for end in ("pre", "post")}
        synapses.load_traces(sim._wires, here, group, traces, tick)
    pending = np.stack([saved[f"in_flight/{name}"] for name in IN_FLIGHT], axis=1)
    for k, wires in enumerate(sim._wires):
        sim._ring[k] = put_back(wires, sim._ring[k], pending, tick)


def _arrays(sim: Simulation) -> dict[str, list[Array]]:
    """State of neurons: arrays (trial, neuron), one for each shard."""
    out: dict[str, list[Array]] = {}
    for kinds in sim._kinds:
        for kind in kinds:
            for population, _, count, _, first in kind.part:
                arrays = kind.fields._asdict()
                if kind.last.shape[1]:
                    arrays["last"] = kind.last
                for name, values in arrays.items():
                    key = f"state/{sim._plan.populations[population].name}/{name}"
                    out.setdefault(key, []).append(values[:, first : first + count])
    return out


def _check_lazy(sim: Simulation, saved: Mapping[str, Array]) -> None:
    """Refuse what a lazy population would not live on from, or a stepped one would take for the present."""
    lazy = {f"state/{name}/last" for name in sim._plan.lazy}
    for key in saved:
        if key.startswith("state/") and key.endswith("/last") and key not in lazy:
            raise DescriptionError(
                f"load_state: population {key[6:-5]!r} was lazy in the saved state and is stepped here; "
                "give both the same update"
            )
    for population in sim._plan.populations:
        if population.name in sim._plan.lazy:
            names = population.model.functions()["State"]._fields
            state = [saved[f"state/{population.name}/{name}"] for name in names]
            problem = fires_alone(population, sim.dt, sim.seed, state)
            if problem:
                raise DescriptionError(
                    f"load_state: population {population.name!r} is lazy, but in this state {problem}; "
                    "say update='stepped'"
                )
