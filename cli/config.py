"""Networks in TOML: the schema, its check, and the network that a file describes."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tegmentum.simcore import connect, grids, neurons
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.network import Network, Population, Projection
from tegmentum.simcore.record import Record, Trace
from tegmentum.simcore.sources import Current, Noise, Poisson, SpikeTrain

MODELS = {
    name: getattr(neurons, name)
    for name in neurons.__all__
    if name not in ("NeuronModel", "param", "GradedUnit")
}
RULES = {
    name: getattr(connect, name)
    for name in (
        "AllToAll",
        "OneToOne",
        "FixedProbability",
        "FixedIndegree",
        "FixedOutdegree",
        "FixedTotal",
        "FromCOO",
    )
} | {"Conv2D": grids.Conv2D, "AvgPool2D": grids.AvgPool2D}
DISTRIBUTIONS = {name: getattr(connect, name) for name in ("Constant", "Normal", "Lognormal", "Uniform")}

Number = float | list[float] | dict[str, Any]  # a table such as { type = "Normal", mean = 1.0, std = 0.1 }


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SimulationConfig(_Strict):
    """How long and how exactly."""

    duration: float = Field(gt=0, description="ms")
    dt: float = Field(0.1, gt=0, description="length of a tick, ms")
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1)
    n_trials: int = Field(1, ge=1)
    precision: Literal["float32", "float64"] = "float32"


class PopulationConfig(_Strict):
    """``size`` neurons of one model; ``model`` is a table with ``type`` and the model's parameters."""

    size: int = Field(ge=1)
    model: dict[str, Any]
    update: Literal["auto", "stepped", "lazy"] = "auto"
    initial: dict[str, Number] = {}


class SpikeTrainConfig(_Strict):
    """A population that fires at given times."""

    size: int = Field(ge=1)
    times: list[float] = Field(description="ms")
    neuron: list[int]
    trial: list[int] | None = None


class ProjectionConfig(_Strict):
    """Synapses from ``pre`` to ``post``, both a name or a list of names; ``rule`` is a table with ``type``."""

    pre: str | list[str]
    post: str | list[str]
    rule: dict[str, Any]
    weight: Number = 1.0
    delay: Number = Field(1.0, description="ms")
    receptor: str | None = None
    plasticity: dict[str, Any] | None = None
    name: str | None = None


class PoissonConfig(_Strict):
    """Independent Poisson spikes onto each neuron."""

    post: str | list[str]
    rate: float | list[float] = Field(description="Hz")
    weight: float
    receptor: str | None = None


class CurrentConfig(_Strict):
    """Constant current during [start, stop)."""

    post: str | list[str]
    amplitude: float | list[float] = Field(description="pA")
    start: float = 0.0
    stop: float = float("inf")


class NoiseConfig(_Strict):
    """Gaussian white current, drawn anew in each tick for each neuron."""

    post: str | list[str]
    std: float = Field(ge=0, description="pA, of the current in a tick")
    mean: float = Field(0.0, description="pA")


class TraceConfig(_Strict):
    """A state variable over time."""

    population: str
    state: str = "v"
    neurons: list[int] | None = None


class RecordConfig(_Strict):
    """What to record."""

    spikes: list[str] | Literal["all"] = "all"
    traces: dict[str, TraceConfig] = {}
    every: float | None = Field(None, gt=0, description="ms between samples of traces")


class Config(_Strict):
    """A network, what drives it and what to record."""

    simulation: SimulationConfig
    populations: dict[str, PopulationConfig]
    spike_trains: dict[str, SpikeTrainConfig] = {}
    projections: list[ProjectionConfig] = []
    poisson: list[PoissonConfig] = []
    currents: list[CurrentConfig] = []
    noise: list[NoiseConfig] = []
    record: RecordConfig = Field(default_factory=lambda: RecordConfig(every=None))


def read(path: Path, overrides: list[str] | None = None) -> Config:
    """Read and check a file; ``overrides`` such as ``simulation.seed=3`` replace its values."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DescriptionError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DescriptionError(f"{path}: is not TOML: {error}") from error
    for override in overrides or []:
        _override(table, override)
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        raise DescriptionError(f"{path}: {_readable(error)}") from error


def _override(table: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise DescriptionError(f"--set: must be like simulation.seed=3, got {override!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = key.split(".")
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise DescriptionError(f"--set: {key!r} does not name a value")
    table[last] = value


def _readable(error: ValidationError) -> str:
    """Return the first problem in a line: where, what, and the nearest right name of a key."""
    problems = error.errors()
    # a misspelt key is also a missing one; say the former
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    *path, last = first["loc"]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such key{_nearest(str(last), _keys(path))}"
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}"[:300]


def _keys(path: list[Any]) -> list[str]:
    """Return the keys of the model at a place in the configuration."""
    model: Any = Config
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            annotation = model.model_fields[str(part)].annotation
            arguments = getattr(annotation, "__args__", ())
            inner = [a for a in (annotation, *arguments) if isinstance(a, type) and issubclass(a, BaseModel)]
            model = inner[0] if inner else model
    return list(model.model_fields)


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _made(kinds: dict[str, Any], table: dict[str, Any], where: str, default: str | None = None) -> Any:
    """Make a model, rule or distribution from a table with ``type``."""
    values = dict(table)
    name = values.pop("type", default)
    if name not in kinds:
        raise DescriptionError(f"{where}: there is no type {name!r}{_nearest(str(name), list(kinds))}")
    known = [f.name for f in dataclasses.fields(kinds[name])]
    for key, value in values.items():
        if key not in known:
            raise DescriptionError(f"{where}: {name} has no {key!r}{_nearest(key, known)}")
        values[key] = _value(value, f"{where}.{key}")
    try:
        return kinds[name](**values)
    except TypeError as error:
        raise DescriptionError(f"{where}: {name}: {str(error).split('__init__() ')[-1]}") from error


def _value(value: Any, where: str) -> Any:
    """Turn a number, list or table into a number, array or distribution."""
    import numpy as np

    if isinstance(value, dict):
        return _made(DISTRIBUTIONS, value, where)
    return np.array(value) if isinstance(value, list) else value


def network_of(config: Config) -> Network:
    """Build the network that a configuration describes."""
    nodes: dict[str, Any] = {}
    for name, p in config.populations.items():
        where = f"populations.{name}"
        initial = {key: _value(value, f"{where}.initial.{key}") for key, value in p.initial.items()}
        nodes[name] = Population(name, p.size, _made(MODELS, p.model, f"{where}.model"), p.update, initial)
    for name, s in config.spike_trains.items():
        nodes[name] = SpikeTrain(name, s.size, s.times, s.neuron, s.trial)

    def chosen(names: str | list[str], where: str) -> list[Any]:
        out = []
        for name in [names] if isinstance(names, str) else names:
            if name not in nodes:
                raise DescriptionError(
                    f"{where}: there is no population {name!r}{_nearest(name, list(nodes))}"
                )
            out.append(nodes[name])
        return out

    parts: list[Any] = list(nodes.values())
    for k, q in enumerate(config.projections):
        where = f"projections.{k}"
        pres, posts = chosen(q.pre, f"{where}.pre"), chosen(q.post, f"{where}.post")
        rule = _made(RULES, q.rule, f"{where}.rule")
        weight, delay = _value(q.weight, f"{where}.weight"), _value(q.delay, f"{where}.delay")
        plasticity = (
            None if q.plasticity is None else _made(_rules(), q.plasticity, f"{where}.plasticity", "STDP")
        )
        label = q.name if len(pres) * len(posts) == 1 else None
        parts += [
            Projection(pre, post, rule, weight, delay, q.receptor, plasticity, label)
            for pre in pres
            for post in posts
        ]
    for k, d in enumerate(config.poisson):
        posts = chosen(d.post, f"poisson.{k}.post")
        parts += [Poisson(post, _value(d.rate, "rate"), d.weight, d.receptor) for post in posts]
    for k, c in enumerate(config.currents):
        posts = chosen(c.post, f"currents.{k}.post")
        parts += [Current(post, _value(c.amplitude, "amplitude"), c.start, c.stop) for post in posts]
    for k, n in enumerate(config.noise):
        parts += [Noise(post, n.std, n.mean) for post in chosen(n.post, f"noise.{k}.post")]
    return Network(*parts)


def _rules() -> dict[str, Any]:
    from tegmentum.plasticity.stdp import STDP

    return {"STDP": STDP}


def record_of(config: Config, network: Network) -> Record:
    """Return what a configuration records."""
    names = [node.name for node in network.nodes()]

    def node(name: str, where: str) -> Any:
        if name not in names:
            raise DescriptionError(f"{where}: there is no population {name!r}{_nearest(name, names)}")
        return network[name]

    r = config.record
    spikes = [p.name for p in network.populations] if r.spikes == "all" else r.spikes
    traces = {
        name: Trace(node(t.population, f"record.traces.{name}"), t.state, t.neurons)
        for name, t in r.traces.items()
    }
    return Record([node(name, "record.spikes") for name in spikes], traces, r.every)
