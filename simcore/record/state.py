"""The state of a simulation as named arrays, independent of the number of threads, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..describe import checks
from ..describe.as_dict import described
from ..describe.sources import SpikeTrain
from ..errors import DescriptionError
from ..lower import synapses
from ..lower.modulation import modulators_of, seek
from ..lower.plan import fires_alone
from ..lower.protocol import TrialState
from ..lower.queues import IN_FLIGHT, in_flight, put_back
from ..lower.turnover import Contacts
from ..lower.watch import gathered, scatter, watches_of

if TYPE_CHECKING:
    from ..advance.controls import Controlled

Array = np.ndarray[Any, Any]


def state(sim: Controlled) -> dict[str, Array]:
    """Return what a simulation of the same network needs to go on exactly from here."""
    out: dict[str, Array] = {
        "tick": np.array(sim.tick),
        "n_spikes": sim._control.spikes.copy(),
        "input_seed": np.array(sim._input_seed, np.uint64),
        "guard/tick": np.array(sim._watched[0]),
        "guard/n_spikes": sim._watched[1].copy(),
        "trials/at_rest": np.array(sim._at_rest, np.uint8),
        "trials/n": np.array(sim._trials.n),
        "trials/usual": sim._trials.usual.copy(),
        **_identity(sim),
    }
    for key, values in _arrays(sim).items():
        out[key] = _joined(sim, np.concatenate([v.copy() for v in values], axis=1), axis=1)
    sim._settle()
    for name in sorted(sim._rewired):
        found = sim.synapses(name)
        columns = {"pre": found.pre, "post": found.post, "delay": found.delay, "weight": found.weight}
        out.update({f"rewired/{name}/{column}": values for column, values in columns.items()})
    for name in sorted(sim._reweighted):
        out[f"weights/{name}"] = sim.synapses(name).weight
    for name, contacts in sim._contacts.items():
        out[f"structure/{name}/id"] = contacts.ids.copy()
        out[f"structure/{name}/count"] = np.array([contacts.next_id, contacts.updates, contacts.tick])
        out[f"structure/{name}/elements"] = contacts.elements.copy()
        out[f"structure/{name}/spikes"] = sim._counted(name)
    for name, train in sorted(sim._given.items()):
        for column in ("times", "neuron", "trial"):
            if getattr(train, column) is not None:
                out[f"trains/{name}/{column}"] = np.asarray(getattr(train, column))
    for number, group, name in sim._learners():
        places = sim._places(name)
        (out[f"plastic/{name}/weight"],) = sim._of_all(name, places, synapses.read(places, sim._wires))
        here = [plastics[number] for plastics in sim._plastics]
        gains = synapses.save_gains(places, here, sim._rules[number], sim._projection(name).modulations)
        kept = [key for key in gains if key.startswith("eligibility")]
        gains |= zip(kept, sim._of_all(name, places, *(gains[key] for key in kept)), strict=True)
        out.update({f"plastic/{name}/{key}": values for key, values in gains.items()})
        traces = synapses.save_traces(sim._wires, here, group)
        if sim.ranks is not None:
            table, post = _joined(sim, traces["pre"]), _joined(sim, traces["post"], axis=1)
            traces = {"pre": np.unique(table, axis=0), "post": post}
        out.update({f"plastic/{name}/{end}": table for end, table in traces.items()})
    for modulator, channel in zip(modulators_of(sim.network), sim._channels[0], strict=True):
        out[f"modulators/{modulator.name}/level"] = channel.level.copy()
        out[f"modulators/{modulator.name}/fast"] = channel.fast.copy()
        out[f"modulators/{modulator.name}/coming"] = channel.coming.copy()
    for q, (_, modulator) in enumerate(watches_of(sim.network)):
        watched = gathered(sim._watching, q)
        out.update({f"modulators/{modulator.name}/{key}": values for key, values in watched.items()})
    pending = in_flight(sim._wires, sim._ring, sim.tick)
    if sim.ranks is not None:
        pending = np.unique(_joined(sim, pending), axis=0)
    out.update({f"in_flight/{name}": column for name, column in zip(IN_FLIGHT, pending.T, strict=True)})
    return out


def _joined(sim: Controlled, values: Array, axis: int = 0) -> Array:
    """Return what all ranks have, along an axis; what is there where there are none."""
    return values if sim.ranks is None else sim.ranks.joined(values, axis)


def load_state(sim: Controlled, saved: Mapping[str, Array]) -> None:
    """Continue from what :func:`state` returned, bit for bit; what does not fit changes nothing."""
    resume(sim, _checked(sim, saved))


def resume(sim: Controlled, saved: Mapping[str, Array]) -> None:
    """Continue from a state that fits."""
    given = {
        name: SpikeTrain(
            name, sim.network[name].size, columns["times"], columns["neuron"], columns.get("trial")
        )
        for name, columns in _columns(saved, "trains").items()
    }
    sim._restore(_columns(saved, "rewired"), given, int(saved["input_seed"]))
    for key, values in _arrays(sim).items():
        at = sim._plan.own(key.split("/")[1])[0]
        for v in values:
            v[:] = saved[key][:, at : at + v.shape[1]]
            at += v.shape[1]
    tick = int(saved["tick"])
    sim._control.clock[:] = tick
    if sim._exchanger is not None:
        sim._exchanger.seek(tick)
    sim._control.spikes[:] = saved["n_spikes"]
    sim._at_rest = bool(saved["trials/at_rest"])
    sim._trials = TrialState(saved["trials/usual"].astype(np.float64), int(saved["trials/n"]))
    sim._watched = int(saved["guard/tick"]), saved["guard/n_spikes"].astype(np.int64)
    for key, weights in saved.items():
        if key.startswith("weights/"):
            sim.set_weights(key.removeprefix("weights/"), weights)
    for number, group, name in sim._learners():
        places = sim._places(name)
        sim._write(name, saved[f"plastic/{name}/weight"])
        here = [plastics[number] for plastics in sim._plastics]
        traces = {end: saved[f"plastic/{name}/{end}"] for end in ("pre", "post")}
        first = sim._plan.own(sim._projection(name).post.name)[0]
        synapses.load_traces(sim._wires, here, group, traces, tick, first)
        rule, modulations = sim._rules[number], sim._projection(name).modulations
        keys = synapses.gain_shapes(here[0], rule, modulations)
        gains = {key: saved[f"plastic/{name}/{key}"] for key in keys}
        if sim.ranks is not None:
            ids = sim._ids_here(name, places)
            gains |= {key: gains[key][ids] for key in keys if key.startswith("eligibility")}
        synapses.load_gains(places, here, rule, modulations, gains)
    for number, modulator in enumerate(modulators_of(sim.network)):
        for channels in sim._channels:
            channels[number].level[:] = saved[f"modulators/{modulator.name}/level"]
            channels[number].fast[:] = saved[f"modulators/{modulator.name}/fast"]
            channels[number].coming[:] = saved[f"modulators/{modulator.name}/coming"]
            seek(channels[number], tick)
    for q, (_, modulator) in enumerate(watches_of(sim.network)):
        watched = gathered(sim._watching, q)
        scatter(sim._watching, q, {key: saved[f"modulators/{modulator.name}/{key}"] for key in watched})
    for name, columns in _columns(saved, "structure").items():
        next_id, updates, last = (int(n) for n in columns["count"])
        elements, spikes = columns["elements"].astype(np.float64), columns["spikes"].astype(np.int64)
        since = sim._counters(name).copy()
        sim._contacts[name] = Contacts(
            columns["id"].astype(np.int64), next_id, updates, last, elements, spikes, since
        )
    pending = np.stack([saved[f"in_flight/{name}"] for name in IN_FLIGHT], axis=1)
    for k, wires in enumerate(sim._wires):
        sim._ring[k] = put_back(wires, sim._ring[k], pending, tick)


def _identity(sim: Controlled) -> dict[str, Array]:
    """Return what must be the same in the simulation that takes a state up."""
    return {
        "dt": np.array(sim.dt),
        "precision": np.array(sim.precision),
        "n_trials": np.array(sim.n_trials),
        "seed": np.array(sim.seed, np.uint64),
        "network": np.array(json.dumps(_description(sim))),
    }


def _description(sim: Controlled) -> dict[str, Any]:
    """Return the network as it was described; given spikes may be others."""
    out = described(sim._described, exact=True)
    out["spike_trains"] = {name: {"size": told["size"]} for name, told in out["spike_trains"].items()}
    return out


def _columns(saved: Mapping[str, Array], group: str) -> dict[str, dict[str, Array]]:
    """Return arrays that are called ``group/name/column``, by name and column."""
    out: dict[str, dict[str, Array]] = {}
    for key, values in saved.items():
        if key.startswith(f"{group}/"):
            name, column = key.removeprefix(f"{group}/").rsplit("/", 1)
            out.setdefault(name, {})[column] = values
    return out


def _checked(sim: Controlled, saved: Any) -> dict[str, Array]:
    """Return a state as arrays, if it is one of this very simulation; else say what differs."""
    if not isinstance(saved, Mapping):
        raise DescriptionError(f"load_state: state must be what state() returned, got {checks.shown(saved)}")
    arrays = {str(key): checks.array(saved[key], "load_state", str(key), "fiuU") for key in saved}
    if (
        not any(key.startswith("trials/") for key in arrays) and "tick" in arrays
    ):  # of before there were trials
        new = TrialState(np.zeros_like(sim._trials.usual))
        at_rest = np.uint8(arrays["tick"].size == 1 and arrays["tick"] == 0)
        arrays |= {
            "trials/at_rest": np.array(at_rest),
            "trials/n": np.array(new.n),
            "trials/usual": new.usual,
        }
    same = _identity(sim)
    for key in ("seed", "dt", "precision", "n_trials", "network"):
        if key not in arrays:
            raise DescriptionError(f"load_state: {key} is missing")
        if key != "network" and arrays[key].tolist() != same[key].tolist():
            raise DescriptionError(
                f"load_state: {key} must be {same[key].tolist()}, got a state of {arrays[key].tolist()}"
            )
    try:
        theirs = json.loads(str(arrays["network"]))
    except ValueError:
        raise DescriptionError("load_state: network must be the text that state() wrote") from None
    difference = _difference(_description(sim), theirs)
    if difference:
        raise DescriptionError(f"load_state: the state is of another network: {difference}")
    shapes = _shapes(sim, arrays)
    for key, (shape, kinds) in shapes.items():
        if key not in arrays:
            raise DescriptionError(f"load_state: {key} is missing")
        found = arrays[key]
        fits = found.ndim == len(shape) and all(
            n in (None, m) for n, m in zip(shape, found.shape, strict=True)
        )
        if not fits or (found.dtype.kind not in kinds and found.size):
            expected = tuple("n" if n is None else n for n in shape)
            raise DescriptionError(
                f"load_state: {key} must have shape {expected} of kind {kinds}, got {checks.shown(found)}"
            )
    _check_lazy(sim, arrays)
    unknown = sorted(set(arrays) - set(shapes) - set(same))
    if unknown:
        raise DescriptionError(f"load_state: there is no {unknown[0]!r} in this simulation")
    _check_values(sim, arrays)
    return arrays


def _shapes(sim: Controlled, saved: Mapping[str, Array]) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """Return the keys that a state must have, each with its shape, None where it varies, and its kind of numbers."""
    out: dict[str, tuple[tuple[int | None, ...], str]] = {
        "tick": ((), "iu"),
        "input_seed": ((), "iu"),
        "n_spikes": (sim._control.spikes.shape, "iu"),
        "guard/tick": ((), "iu"),
        "guard/n_spikes": (sim._watched[1].shape, "iu"),
        "trials/at_rest": ((), "iu"),
        "trials/n": ((), "iu"),
        "trials/usual": (sim._trials.usual.shape, "f"),
    }
    for key in _arrays(sim):
        out[key] = (sim.n_trials, sim.network[key.split("/")[1]].size), "fiu"
    for number, _, name in sim._learners():
        plastic, coincident = sim._plastics[0][number], sim._projection(name).plasticity.coincident
        out[f"plastic/{name}/weight"] = (None,), "f"
        out[f"plastic/{name}/pre"] = (None, 3 + len(plastic.pre) * (1 + (not coincident))), "f"
        out[f"plastic/{name}/post"] = (1 + len(plastic.post), sim._projection(name).post.size), "f"
        shapes = synapses.gain_shapes(plastic, sim._rules[number], sim._projection(name).modulations)
        out.update({f"plastic/{name}/{key}": shape for key, shape in shapes.items()})
    for modulator, channel in zip(modulators_of(sim.network), sim._channels[0], strict=True):
        out[f"modulators/{modulator.name}/level"] = channel.level.shape, "f"
        out[f"modulators/{modulator.name}/fast"] = channel.fast.shape, "f"
        out[f"modulators/{modulator.name}/coming"] = channel.coming.shape, "f"
    for q, (_, modulator) in enumerate(watches_of(sim.network)):
        for key, seen in gathered(sim._watching, q).items():
            out[f"modulators/{modulator.name}/{key}"] = seen.shape, "f"
    out.update({f"in_flight/{name}": ((None,), "iu") for name in IN_FLIGHT})
    projections = {str(q.name) for q in sim.network.projections}
    trains = {t.name for t in sim.network.spike_trains}
    for name in _columns(saved, "rewired"):
        if name in projections:
            out.update({f"rewired/{name}/{column}": ((None,), "iu") for column in ("pre", "post", "delay")})
            out[f"rewired/{name}/weight"] = (None,), "f"
    for name in sim._contacts:
        n_post = sim._projection(name).post.size
        out[f"structure/{name}/id"], out[f"structure/{name}/count"] = ((None,), "iu"), ((3,), "iu")
        out[f"structure/{name}/elements"], out[f"structure/{name}/spikes"] = (
            ((n_post,), "f"),
            ((n_post,), "iu"),
        )
    for name in _columns(saved, "trains"):
        if name in trains:
            out.update({f"trains/{name}/{column}": ((None,), "fiu") for column in ("times", "neuron")})
            if f"trains/{name}/trial" in saved:
                out[f"trains/{name}/trial"] = (None,), "iu"
    for key in saved:
        if key.startswith("weights/") and key.removeprefix("weights/") in projections:
            out[key] = (None,), "f"
    return out


def _check_values(sim: Controlled, saved: Mapping[str, Array]) -> None:
    """Refuse numbers that no state can hold: times before 0, sources that are not there."""
    for key, most in (("tick", 2**62), ("input_seed", 2**64 - 1)):
        if not 0 <= int(saved[key]) <= most:
            raise DescriptionError(f"load_state: {key} must be in [0, {most}], got {int(saved[key])}")
    for model_group in sim._plan.model_groups:
        for population in model_group.populations:
            for name in population.model.moved_by(model_group.silent):
                if np.any(saved[f"state/{population.name}/{name}"]):
                    raise DescriptionError(
                        f"load_state: state/{population.name}/{name} must be 0, as nothing reaches its receptor and it "
                        f"is 0 at first; to begin elsewhere, give the population initial={{{name!r}: ...}}"
                    )
    columns = {name: saved[f"in_flight/{name}"] for name in IN_FLIGHT}
    if len({len(column) for column in columns.values()}) > 1:
        raise DescriptionError("load_state: the columns of in_flight must have equal lengths")
    bounds = {"trial": sim.n_trials, "source": sim._plan.n_sources, "tick": int(saved["tick"]) + 1}
    for name, bound in bounds.items():
        column = columns[name]
        if column.size and not (column.min() >= 0 and column.max() < bound):
            raise DescriptionError(f"load_state: in_flight/{name} must be in [0, {bound})")


def _difference(ours: Any, theirs: Any, path: str = "") -> str:
    """Return the first place where two descriptions differ, and how."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            here = f"{path}.{key}" if path else str(key)
            if key not in theirs or key not in ours:
                return f"{here} is in the {'simulation' if key in ours else 'state'} only"
            found = _difference(ours[key], theirs[key], here)
            if found:
                return found
        return ""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        parts = (_difference(a, b, f"{path}.{k}") for k, (a, b) in enumerate(zip(ours, theirs, strict=True)))
        return next((part for part in parts if part), "")
    return "" if ours == theirs else f"{path} is {ours!r} here, {theirs!r} in the state"


def _arrays(sim: Controlled) -> dict[str, list[Array]]:
    """State of neurons: arrays (trial, neuron), one for each shard."""
    out: dict[str, list[Array]] = {}
    for model_groups in sim._model_groups:
        for model_group in model_groups:
            for population, _, count, _, first in model_group.part:
                arrays = model_group.fields._asdict()
                if model_group.last.shape[1]:
                    arrays["last"] = model_group.last
                for name, values in arrays.items():
                    key = f"state/{sim._plan.populations[population].name}/{name}"
                    out.setdefault(key, []).append(values[:, first : first + count])
    return out


def _check_lazy(sim: Controlled, saved: Mapping[str, Array]) -> None:
    """Refuse a state from which a lazy population would not live on."""
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
