"""Networks in TOML: the schema, its check, and the network that a file describes."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from tegmentum.plasticity.modulation.receptor import (
    D1,
    D1D2,
    Hill,
    KernelAmplitude,
    LinearReceptor,
    NacaReceptor,
)
from tegmentum.plasticity.rules.bcm import BCM
from tegmentum.plasticity.rules.benna_fusi import BennaFusiSTDP
from tegmentum.plasticity.rules.cascade import CascadeSTDP
from tegmentum.plasticity.rules.centred_stdp import CentredSTDP
from tegmentum.plasticity.rules.clopath import ClopathSTDP
from tegmentum.plasticity.rules.corticostriatal import CorticostriatalSTDP
from tegmentum.plasticity.rules.dopamine_stdp import DopamineSTDP
from tegmentum.plasticity.rules.eprop import EProp, PseudoDerivative
from tegmentum.plasticity.rules.eprop_alif import EPropALIF
from tegmentum.plasticity.rules.gated_stdp import GatedSTDP
from tegmentum.plasticity.rules.hebb import Hebb
from tegmentum.plasticity.rules.oja import Oja
from tegmentum.plasticity.rules.power_law import PowerLawSTDP
from tegmentum.plasticity.rules.power_stdp import PowerSTDP
from tegmentum.plasticity.rules.rstdp import RewardSTDP
from tegmentum.plasticity.rules.scaling import ScaledSTDP
from tegmentum.plasticity.rules.sequential import SequentialSTDP
from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.plasticity.rules.triplet import TripletSTDP
from tegmentum.plasticity.rules.tsodyks_markram import TsodyksMarkram
from tegmentum.plasticity.rules.two_trace import TwoTraceSTDP
from tegmentum.plasticity.rules.vogels import InhibitorySTDP
from tegmentum.simcore import neurons
from tegmentum.simcore.describe import connectivity as connect
from tegmentum.simcore.describe import grids
from tegmentum.simcore.describe.histories import Snapshots
from tegmentum.simcore.describe.modulation import (
    ByPost,
    ByPre,
    BySynapse,
    Modulator,
    Receptor,
    Subpopulations,
    Whole,
)
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.describe.record import Record, Trace
from tegmentum.simcore.describe.releases import Course, Given, Release
from tegmentum.simcore.describe.sharing import SharedWeights
from tegmentum.simcore.describe.sources import Current, Noise, Poisson, SpikeTrain
from tegmentum.simcore.describe.structure import Turnover
from tegmentum.simcore.errors import DescriptionError

from .schema import Described, Table, array, either, nearest, number, table_of, tagged, value_of

_NEURONS = [
    getattr(neurons, name)
    for name in neurons.__all__
    if name[0].isupper() and name not in ("NeuronModel", "GradedUnit")
]
_RULES = [
    connect.AllToAll,
    connect.OneToOne,
    connect.FixedProbability,
    connect.FixedIndegree,
    connect.FixedOutdegree,
    connect.FixedTotal,
    grids.Conv2D,
    grids.AvgPool2D,
]
_DISTRIBUTIONS = [connect.Constant, connect.Normal, connect.Lognormal, connect.Uniform]

Wholes = array({"least": 0}, whole=True)

# what may stand in the inner tables, by the name that their key ``type`` gives
DISTRIBUTIONS = {cls.__name__: table_of(cls) for cls in _DISTRIBUTIONS}
AnyDistribution = tagged(DISTRIBUTIONS)
_NEURONS.sort(key=lambda cls: cls is not neurons.LIF)  # errors give the first as an example
MODELS = {cls.__name__: table_of(cls, distributions=AnyDistribution) for cls in _NEURONS}
RULES = {cls.__name__: table_of(cls) for cls in _RULES} | {
    "FromCOO": table_of(connect.FromCOO, own={"pre": Wholes, "post": Wholes})
}
RECEPTORS = {
    cls.__name__: table_of(cls) for cls in (LinearReceptor, D1D2, Hill, NacaReceptor, D1, KernelAmplitude)
}
SUBPOPULATIONS = {
    cls.__name__: table_of(cls, own={"levels": Wholes}) for cls in (ByPost, ByPre, BySynapse)
} | {"Whole": table_of(Whole)}
_PARTS = {Modulator: str, Receptor: tagged(RECEPTORS), Subpopulations: tagged(SUBPOPULATIONS)}


def _parts_of(rule: Any) -> dict[str, Any]:
    """Return the fields of a rule that hold a modulator, a receptor or subpopulations, and which of them."""
    hints = typing.get_type_hints(rule)
    return {
        field.name: hints[field.name] for field in dataclasses.fields(rule) if hints[field.name] in _PARTS
    }


_PAIRS = (
    STDP,
    CascadeSTDP,
    CentredSTDP,
    PowerSTDP,
    PowerLawSTDP,
    TripletSTDP,
    InhibitorySTDP,
    Hebb,
    Oja,
    BCM,
    BennaFusiSTDP,
    ScaledSTDP,
)
_UNDER_MODULATORS = (
    DopamineSTDP,
    RewardSTDP,
    TwoTraceSTDP,
    CorticostriatalSTDP,
    SequentialSTDP,
    GatedSTDP,
)
_OF_POTENTIALS = {  # the post population is that of the projection
    "ClopathSTDP": table_of(ClopathSTDP, leave=("post", "name"), own={"peak": number({}) | None}),
} | {
    cls.__name__: table_of(cls, leave=("slope",), own={"signal": str, "receptor": tagged(RECEPTORS)})
    for cls in (EProp, EPropALIF)
}
PLASTICITY = (
    _OF_POTENTIALS
    | {cls.__name__: table_of(cls) for cls in _PAIRS}
    | {
        cls.__name__: table_of(cls, own={name: _PARTS[kind] for name, kind in _parts_of(cls).items()})
        for cls in _UNDER_MODULATORS
    }
)

Size = number({"least": 1, "most": 2**31 - 1}, whole=True)
Names = either(one=str, many=Annotated[list[str], Field(min_length=1)])
Values = either(number({}), array({}), AnyDistribution)
SHORT_TERM = {
    TsodyksMarkram.__name__: table_of(
        TsodyksMarkram,
        own={
            "U": either(
                number({"above": 0.0, "most": 1.0}), array({"above": 0.0, "most": 1.0}), AnyDistribution
            ),
            "tau_rec": either(number({"above": 0.0}), array({"above": 0.0}), AnyDistribution),
            "tau_fac": either(number({"least": 0.0}), array({"least": 0.0}), AnyDistribution),
        },
    )
}
Delays = either(number({"above": 0.0}), array({"above": 0.0}), AnyDistribution)


class SimulationConfig(Table):
    """How long and how exactly."""

    duration: number({"above": 0.0, "most": 1e12}) = Field(  # type: ignore[valid-type]
        description="a multiple of dt", json_schema_extra={"unit": "ms"}
    )
    dt: number({"above": 0.0}) = Field(  # type: ignore[valid-type]
        0.1, description="length of a tick", json_schema_extra={"unit": "ms"}
    )
    seed: number({"least": 0}, whole=True) = Field(  # type: ignore[valid-type]
        0, description="of connections, parameters, initial states and input"
    )
    threads: number({"least": 1, "most": 1024}, whole=True) | None = Field(  # type: ignore[valid-type]
        None, description="no result depends on it; by default 1 for small networks"
    )
    n_trials: number({"least": 1, "most": 2**31 - 1}, whole=True) = Field(  # type: ignore[valid-type]
        1, description="independent copies that share the weights"
    )
    precision: Literal["float32", "float64", "mixed"] = Field(
        "float32", description="of state and weights; mixed: drawn weights that do not learn in float16"
    )


PopulationConfig = table_of(
    Population,
    typed=False,
    leave=("name",),
    own={
        "size": Size,
        "model": tagged(MODELS),
        "update": Literal["auto", "stepped", "lazy"],
        "initial": dict[str, Values],  # type: ignore[valid-type]
    },
)
SpikeTrainConfig = table_of(
    SpikeTrain,
    typed=False,
    leave=("name",),
    own={"size": Size, "times": array({"least": 0.0}), "neuron": Wholes, "trial": Wholes},
)
ReleaseConfig = table_of(
    Release,
    typed=False,
    own={"population": str, "amount": number({}), "delay": number({"above": 0.0}), "onto": Wholes},
)
GivenConfig = table_of(
    Given,
    typed=False,
    own={
        "times": array({"least": 0.0}),
        "amounts": either(number({}), array({})),
        "onto": either(number({"least": 0}, whole=True), Wholes),
    },
)
CourseConfig = table_of(Course, typed=False, own={"times": array({"least": 0.0}), "values": array({})})
ModulatorConfig = table_of(
    Modulator,
    typed=False,
    leave=("name",),
    own={
        "n_levels": Size,
        "baseline": either(one=number({}), table=CourseConfig),
        "releases": list[ReleaseConfig],  # type: ignore[valid-type]
        "given": list[GivenConfig],  # type: ignore[valid-type]
    },
)
ProjectionConfig = table_of(
    Projection,
    typed=False,
    own={
        "pre": Names,
        "post": Names,
        "rule": tagged(RULES),
        "weight": Values,
        "delay": Delays,
        "receptor": str | None,
        "plasticity": tagged(PLASTICITY, default="STDP"),
        "short_term": tagged(SHORT_TERM),
        "name": str | None,
        "sign": Literal[1, -1] | None,
        "structure": table_of(Turnover, typed=False) | None,
        "sharing": table_of(SharedWeights, typed=False) | Literal[False] | None,
    },
)
PoissonConfig, CurrentConfig, NoiseConfig = (
    table_of(cls, typed=False, names=Names) for cls in (Poisson, Current, Noise)
)
TraceConfig = table_of(Trace, typed=False, own={"population": str, "state": str, "neurons": Wholes})


SnapshotsConfig = table_of(
    Snapshots,
    typed=False,
    own={
        "every": number({"above": 0.0}),
        "synapses": either(one=number({"least": 1}, whole=True), many=Wholes) | None,
    },
)
Interval = number({"above": 0.0})
Listened = either(one=number({"least": 1}, whole=True), many=Wholes)
AnySnapshots = either(one=Interval, table=SnapshotsConfig)


class RecordConfig(Table):
    """What to record."""

    spikes: either(Literal["all"], list[str], dict[str, Listened]) = Field(  # type: ignore[valid-type]
        "all",
        description="names of populations and spike trains; or a table with, for each, how many neurons or which",
    )
    traces: dict[str, TraceConfig] = Field(  # type: ignore[valid-type]
        {}, description="a state variable over time, under a name of your own"
    )
    every: number({"above": 0.0}) | None = Field(  # type: ignore[valid-type]
        None, description="between samples of traces; by default one tick", json_schema_extra={"unit": "ms"}
    )
    weights: dict[str, AnySnapshots] = Field(  # type: ignore[valid-type]
        {},
        description="of plastic projections, by name: the time between snapshots, or a table",
        json_schema_extra={"unit": "ms"},
    )
    eligibility: dict[str, AnySnapshots] = Field(  # type: ignore[valid-type]
        {},
        description="of projections under a neuromodulator, by name, as weights",
        json_schema_extra={"unit": "ms"},
    )
    modulators: dict[str, Interval] = Field(  # type: ignore[valid-type]
        {},
        description="neuromodulators, by name: the time between samples of their levels",
        json_schema_extra={"unit": "ms"},
    )
    start: number({"least": 0.0}) = Field(  # type: ignore[valid-type]
        0.0, description="nothing is recorded before", json_schema_extra={"unit": "ms"}
    )
    stop: number({"above": 0.0}) | None = Field(  # type: ignore[valid-type]
        None, description="nothing is recorded after; by default the end", json_schema_extra={"unit": "ms"}
    )


class Config(Table):
    """A network, what drives it and what to record."""

    simulation: SimulationConfig
    populations: dict[str, PopulationConfig] = Field(min_length=1)  # type: ignore[valid-type]
    spike_trains: dict[str, SpikeTrainConfig] = Field(default_factory=dict)  # type: ignore[valid-type]
    modulators: dict[str, ModulatorConfig] = Field(  # type: ignore[valid-type]
        default_factory=dict, description="levels that the rules of projections name"
    )
    projections: list[ProjectionConfig] = Field(default_factory=list)  # type: ignore[valid-type]
    poisson: list[PoissonConfig] = Field(default_factory=list)  # type: ignore[valid-type]
    currents: list[CurrentConfig] = Field(default_factory=list)  # type: ignore[valid-type]
    noise: list[NoiseConfig] = Field(default_factory=list)  # type: ignore[valid-type]
    record: RecordConfig = Field(default_factory=lambda: RecordConfig.model_validate({}))


def read(path: Path, overrides: list[str] | None = None) -> Config:
    """Read and check a file; ``overrides`` such as ``simulation.seed=3`` replace its values."""
    return read_text(text_of(path), overrides, str(path))


def text_of(path: Path) -> str:
    """Return a file's text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DescriptionError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DescriptionError(f"{path}: is not TOML: {error}") from error


def read_text(text: str, overrides: list[str] | None, where: str) -> Config:
    """Check the text of a file, which messages call ``where``."""
    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise DescriptionError(f"{where}: is nested too deeply") from error
    except ValueError as error:  # of TOML, of a number with thousands of digits
        raise DescriptionError(f"{where}: is not TOML: {error}") from error
    for override in overrides or []:
        _override(table, override)
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        raise DescriptionError(f"{where}: {_readable(error)}") from error


def _override(table: dict[str, Any], override: str) -> None:
    """Replace a value; parts of the key name keys of tables and, from 0, entries of lists."""
    key, sign, text = override.partition("=")
    key = key.strip()
    if not sign or not key:
        raise DescriptionError(f"--set: must be like simulation.seed=3, got {override!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    place: Any = table
    *path, last = key.split(".")
    for depth, part in enumerate(path):
        if isinstance(place, dict):
            place = place.setdefault(part, {})
        else:
            place = place[_index(place, part, key, ".".join(path[:depth]))]
    if isinstance(place, dict):
        place[last] = value
    else:
        place[_index(place, last, key, ".".join(path))] = value


def _index(place: Any, part: str, key: str, where: str) -> int:
    """Return which entry of a list a part of a key names."""
    if not isinstance(place, list):
        raise DescriptionError(f"--set {key}: {where} is {_shown(place)}, neither a table nor a list")
    if not (part.isascii() and part.isdigit() and int(part[:9]) < len(place)):
        there = f"has entries 0 to {len(place) - 1}" if place else "is empty"
        raise DescriptionError(f"--set {key}: {where} {there}, got {part!r}")
    return int(part)


def _readable(error: ValidationError) -> str:
    """Return the first problem in a line: where, what, and the nearest right name of a key."""
    problems = error.errors(include_url=False)
    # a misspelt key is also a missing one; say the former
    first = next((p for p in problems if p["type"] == "unknown_key"), problems[0])
    # parts such as <many> say which kind of value pydantic took it for
    parts = [str(part) for part in first["loc"] if not str(part).startswith("<")]
    if first["type"] == "unknown_key":
        parts.append(first["ctx"]["key"])
    where = ".".join(part if part and part.isprintable() else repr(part) for part in parts)
    if first["type"] == "unknown_key":
        return f"{where}: there is no such key{first['ctx']['hint']}"
    if first["type"] == "missing":
        return f"{where}: is missing"
    text = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] in ("no_such_type", "no_type", "array"):
        return f"{where}: {text}"
    if first["type"] in ("model_type", "dict_type"):
        text = "must be a table"
    return f"{where}: {text}, got {_shown(first['input'])}"


def _shown(value: Any) -> str:
    """Return a short text for a value of a file."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print a number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


@contextlib.contextmanager
def _computable(where: str) -> Iterator[None]:
    """Name the part whose numbers overflow where they are put together."""
    try:
        yield
    except ArithmeticError as error:
        raise DescriptionError(
            f"{where}: some number is too large or too small to compute with ({error})"
        ) from error


def network_of(config: Config) -> Network:
    """Build the network that a configuration describes."""
    nodes: dict[str, Any] = {}
    tables: Any = config  # types made while the program runs, which a type checker does not know
    for name, p in tables.populations.items():
        with _computable(f"populations.{name}"):
            initial = {key: value_of(value) for key, value in p.initial.items()}
            nodes[name] = p.made(name=name, initial=initial)
    for name, s in tables.spike_trains.items():
        if name in nodes:
            raise DescriptionError(f"spike_trains.{name}: there is a population of this name; rename one")
        with _computable(f"spike_trains.{name}"):
            nodes[name] = s.made(name=name)

    def chosen(names: str | list[str], where: str) -> list[Any]:
        out = []
        for name in [names] if isinstance(names, str) else names:
            if name not in nodes:
                raise DescriptionError(f"{where}: there is no population {name!r}{nearest(name, nodes)}")
            out.append(nodes[name])
        return out

    parts: list[Any] = list(nodes.values())
    modulators = _modulators(tables.modulators, nodes)
    for k, q in enumerate(tables.projections):
        where = f"projections.{k}"
        pres, posts = chosen(q.pre, f"{where}.pre"), chosen(q.post, f"{where}.post")
        _one_name(q, len(pres) * len(posts), where)
        with _computable(where):
            more: dict[str, Any] = {}
            if q.plasticity is not None and q.plasticity.of in _UNDER_MODULATORS:
                more["plasticity"] = _modulated(q.plasticity, modulators, f"{where}.plasticity")
            for post in posts:
                if q.plasticity is not None and q.plasticity.of in (ClopathSTDP, EProp, EPropALIF):
                    more["plasticity"] = _of_potentials(q.plasticity, post, modulators, where)
                parts += [q.made(pre=pre, post=post, **more) for pre in pres]
    for kind in ("poisson", "currents", "noise"):
        for k, source in enumerate(getattr(config, kind)):
            where = f"{kind}.{k}"
            posts = chosen(source.post, f"{where}.post")
            for post in posts:
                if not isinstance(post, Population):
                    raise DescriptionError(
                        f"{where}.post: {post.name!r} is a spike train, which takes no input"
                    )
            _one_name(source, len(posts), where)
            with _computable(where):
                parts += [source.made(post=post) for post in posts]
    return Network(*parts)


def _modulators(tables: Any, nodes: dict[str, Any]) -> dict[str, Modulator]:
    """Make the neuromodulators of a file."""
    out = {}
    for name, m in tables.items():
        if not m.releases and not m.given and "baseline" not in m.model_fields_set:
            raise DescriptionError(
                f"modulators.{name}: nobody releases it, its level would stay 0; say releases, given or baseline"
            )
        releases = []
        for k, release in enumerate(m.releases):
            where = f"modulators.{name}.releases.{k}.population"
            node = nodes.get(release.population)
            if not isinstance(node, Population):
                known = [key for key, other in nodes.items() if isinstance(other, Population)]
                raise DescriptionError(
                    f"{where}: there is no population {release.population!r}{nearest(release.population, known)}"
                )
            releases.append(release.made(population=node))
        with _computable(f"modulators.{name}"):
            given = tuple(part.made() for part in m.given)
            out[name] = m.made(name=name, releases=tuple(releases), given=given)
    return out


def _modulated(table: Any, modulators: dict[str, Modulator], where: str) -> Any:
    """Make a rule under some of the file's neuromodulators."""
    fields = (name for name, kind in _parts_of(table.of).items() if kind is Modulator)
    return table.made(**{field: _named(table, field, modulators, where) for field in fields})


def _of_potentials(table: Any, post: Any, modulators: dict[str, Modulator], where: str) -> Any:
    """Make a rule that follows the potentials of the post neurons."""
    if table.of is ClopathSTDP:
        return table.made(post=post, name=f"{where} {post.name}")
    peak = getattr(post.model, "v_thresh", None) if table.of is EPropALIF else None
    slope = Modulator(f"{where} slope of {post.name}", post.size, source=PseudoDerivative(post, peak))
    return table.made(slope=slope, signal=_named(table, "signal", modulators, f"{where}.plasticity"))


def _named(table: Any, field: str, modulators: dict[str, Modulator], where: str) -> Modulator:
    """Return the modulator that a rule's table names."""
    name = getattr(table, field)
    if name not in modulators:
        hint = nearest(name, modulators) if modulators else "; say [modulators.NAME]"
        raise DescriptionError(f"{where}.{field}: there is no modulator {name!r}{hint}")
    return modulators[name]


def _one_name(table: Described, n: int, where: str) -> None:
    """Refuse one name for several parts."""
    if n > 1 and getattr(table, "name", None) is not None:
        raise DescriptionError(f"{where}.name: cannot name {n} parts; leave it out, or list them one by one")


def record_of(config: Config, network: Network) -> Record:
    """Return what a configuration records."""
    names = [node.name for node in network.nodes()]

    def node(name: str, where: str) -> Any:
        if name not in names:
            raise DescriptionError(f"{where}: there is no population {name!r}{nearest(name, names)}")
        return network[name]

    r: Any = config.record
    spikes = [p.name for p in network.populations] if r.spikes == "all" else r.spikes
    traces = {}
    for name, t in r.traces.items():
        where = f"record.traces.{name}"
        population = node(t.population, f"{where}.population")
        if not isinstance(population, Population):
            raise DescriptionError(
                f"{where}.population: {t.population!r} is a spike train, which has no state"
            )
        traces[name] = t.made(population=population)
    kinds = ("weights", "eligibility", "modulators")
    histories = {kind: {name: value_of(v) for name, v in getattr(r, kind).items()} for kind in kinds}
    for kind, found in histories.items():
        known = _recordable(network, kind)
        for name in found:
            if name not in known:
                hint = nearest(name, known) if known else "; there is none"
                raise DescriptionError(f"record.{kind}: there is no {_RECORDED[kind]} {name!r}{hint}")
    found = {
        node(name, "record.spikes"): spikes[name] if isinstance(spikes, dict) else None for name in spikes
    }
    stop = math.inf if r.stop is None else r.stop
    return Record(found, traces, r.every, **histories, start=r.start, stop=stop)


_RECORDED = {
    "weights": "plastic projection",
    "eligibility": "projection under a neuromodulator called",
    "modulators": "modulator that synapses are under called",
}


def _recordable(network: Network, kind: str) -> list[str]:
    """Return the names of what has weights that learn, eligibilities, or levels."""
    under = [q for q in network.projections if q.modulations]
    if kind == "modulators":
        return [m.name for q in under for m in q.modulators]
    plastic = [q for q in network.projections if q.plasticity is not None]
    if kind == "eligibility":
        plastic = [q for q in plastic if q.plasticity.functions()["Synapse"]._fields[1:]]
    return [str(q.name) for q in plastic]


def rehearsed(
    config: Config, seed: int | None = None, n_ranks: int = 1
) -> tuple[Network, Record, tuple[float, float]]:
    """Return the network and what to record, after every check that needs no building.

    The last part of what is returned is the expected number of synapses and of their bytes; ``n_ranks`` share
    the memory.
    """
    from tegmentum.simcore.advance.rehearsal import rehearse

    network = network_of(config)
    record = record_of(config, network)
    s = config.simulation
    expected = rehearse(
        network,
        s.dt,
        s.seed if seed is None else seed,
        s.n_trials,
        s.precision,
        record,
        s.duration,
        n_ranks,
    )
    return network, record, expected
