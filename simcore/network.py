"""Populations, projections and networks: frozen descriptions that hold no state and simulate nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from .connect import Constant, Distribution, Explicit, Rule, as_distribution
from .errors import DescriptionError
from .neurons.base import NeuronModel
from .reprs import network_html, network_text
from .rule import SynapseRule, WindowRule

if TYPE_CHECKING:
    from .sources import Current, Noise, Poisson, SpikeTrain


@dataclass(frozen=True, eq=False)
class Population:
    """``size`` neurons of one model.

    Parameters
    ----------
    name : str
    size : int
    model : NeuronModel
        parameters may be numbers, arrays of length ``size`` or distributions
    update : {'auto', 'stepped', 'lazy'}
        *stepped*: every neuron advances in every tick. *lazy*: a neuron advances, in closed form, only when
        an event reaches it. *auto* chooses by model and expected activity.
    initial : mapping of state name to number, array or distribution
        state at time 0, where it is not the model's
    """

    name: str
    size: int
    model: NeuronModel
    update: str = "auto"
    initial: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"Population {self.name!r}"
        if not self.name or "/" in self.name:
            raise DescriptionError(f"{where}: name must not be empty nor contain '/'")
        if not isinstance(self.size, (int, np.integer)) or self.size < 1:
            raise DescriptionError(f"{where}: size must be a whole number >= 1, got {self.size!r}")
        if not isinstance(self.model, NeuronModel):
            raise DescriptionError(f"{where}: model must be a neuron model such as LIF(), got {self.model!r}")
        problem = self.model.problem()
        if problem:
            raise DescriptionError(f"{where}: {problem}")
        if self.update not in ("auto", "stepped", "lazy"):
            raise DescriptionError(f"{where}: update must be auto, stepped or lazy, got {self.update!r}")
        functions = self.model.functions()
        if self.update == "lazy" and "leap" not in functions:
            raise DescriptionError(
                f"{where}: update='lazy' needs a closed form, but {type(self.model).__name__} defines no leap"
            )
        self._check_arrays(where)
        for name, value in self.initial.items():
            if name not in functions["State"]._fields:
                known = ", ".join(functions["State"]._fields)
                raise DescriptionError(f"{where}: initial: no state {name!r}; there are {known}")
            as_distribution(value, where, f"initial {name}")

    def _check_arrays(self, where: str) -> None:
        parameters = {f.name: getattr(self.model, f.name) for f in fields(self.model)}
        for name, value in {**parameters, **self.initial}.items():
            if isinstance(value, Distribution):
                as_distribution(value, where, name)
            elif np.ndim(value) > 0 and np.shape(value) != (self.size,):
                raise DescriptionError(
                    f"{where}: {name} must have shape ({self.size},), got {np.shape(value)}"
                )


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another.

    Parameters
    ----------
    pre : Population or SpikeTrain
    post : Population
    rule : Rule
        such as ``FixedIndegree(1_000)``
    weight : float, array or Distribution, in the receptor's unit
        an array has one value for each synapse of ``FromCOO``, or shape ``(n_pre, n_post)`` for ``AllToAll``;
        one number, a factor, for ``Conv2D`` and ``AvgPool2D``
    delay : float, array or Distribution, ms
        rounded to ticks; at least one tick
    receptor : str, optional
        by default the model's only one, or ``exc`` / ``inh`` by the sign of the (mean) weight
    plasticity : rule, optional
        such as ``STDP()``
    name : str, optional
        by default ``pre-post``
    """

    pre: Population | SpikeTrain
    post: Population
    rule: Rule
    weight: Any = 1.0
    delay: Any = 1.0
    receptor: str | None = None
    plasticity: Any = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is None:
            object.__setattr__(self, "name", f"{self.pre.name}-{self.post.name}")
        where = f"Projection {self.name!r}"
        if not isinstance(self.post, Population):
            raise DescriptionError(f"{where}: post must be a Population, got {type(self.post).__name__}")
        if not isinstance(self.rule, Rule):
            raise DescriptionError(f"{where}: rule must be a rule such as AllToAll(), got {self.rule!r}")
        problem = self.rule.check(self.pre.size, self.post.size, self.pre is self.post)
        if problem:
            raise DescriptionError(f"{where}: {type(self.rule).__name__}: {problem}")
        object.__setattr__(self, "weight", self._weight(where))
        object.__setattr__(self, "delay", as_distribution(self.delay, where, "delay"))
        self._check_delay(where)
        if self.plasticity is not None:
            if not isinstance(self.plasticity, (SynapseRule, WindowRule)):
                raise DescriptionError(
                    f"{where}: plasticity must be a rule such as STDP(), got {self.plasticity!r}"
                )
            problem = self.plasticity.problem()
            if problem:
                raise DescriptionError(f"{where}: {type(self.plasticity).__name__}: {problem}")
        receptors = self.post.model.receptors
        if self.receptor is None:
            object.__setattr__(self, "receptor", default_receptor(receptors, self.weight, where))
        elif self.receptor not in receptors:
            raise DescriptionError(
                f"{where}: receptor must be one of {', '.join(receptors)}, got {self.receptor!r}"
            )

    def _weight(self, where: str) -> Any:
        """Return the weights, checked; the rule's own ones where it has any."""
        weight = as_distribution(self.weight, where, "weight")
        if isinstance(self.rule, Explicit):
            given = self.rule.weights(weight.value if isinstance(weight, Constant) else 1.0)
            if given is not None and not isinstance(weight, Constant):
                raise DescriptionError(
                    f"{where}: weight must be one number, a factor on the weights of "
                    f"{type(self.rule).__name__}, got {self.weight!r}"
                )
            return weight if given is None else given
        return weight

    def _check_delay(self, where: str) -> None:
        least = 1.0
        if isinstance(self.delay, Constant):
            least = self.delay.value
        elif isinstance(self.delay, np.ndarray) and self.delay.size:
            least = float(self.delay.min())
        if least <= 0:
            raise DescriptionError(
                f"{where}: delay must be > 0 ms, got {least}; a spike cannot arrive in the tick it is fired"
            )


def default_receptor(receptors: tuple[str, ...], weight: Any, where: str) -> str:
    """Only receptor of a model, or ``exc`` / ``inh`` by the sign of the mean weight."""
    if len(receptors) == 1:
        return receptors[0]
    mean = weight.mean_value() if isinstance(weight, Distribution) else float(np.mean(weight))
    name = "exc" if mean >= 0 else "inh"
    if name not in receptors:
        raise DescriptionError(f"{where}: receptor must be given, one of {', '.join(receptors)}")
    return name


@dataclass(frozen=True, eq=False, init=False)
class Network:
    """Populations, projections and sources that belong together.

    Parameters
    ----------
    *parts : Population, SpikeTrain, Projection, Poisson, Current or Noise
        in any order; every population that a projection or a source names must be among them

    Attributes
    ----------
    populations, spike_trains, projections, sources : tuple
    """

    populations: tuple[Population, ...]
    spike_trains: tuple[SpikeTrain, ...]
    projections: tuple[Projection, ...]
    sources: tuple[Poisson | Current | Noise, ...]
    __repr__, _repr_html_ = network_text, network_html

    def __init__(self, *parts: Any) -> None:
        from .sources import Current, Noise, Poisson, SpikeTrain

        kinds: dict[str, tuple[type, ...]] = {
            "populations": (Population,),
            "spike_trains": (SpikeTrain,),
            "projections": (Projection,),
            "sources": (Poisson, Current, Noise),
        }
        for name, types in kinds.items():
            object.__setattr__(self, name, tuple(part for part in parts if isinstance(part, types)))
        known = tuple(t for types in kinds.values() for t in types)
        for part in parts:
            if not isinstance(part, known):
                raise DescriptionError(f"Network: {part!r} is no population, projection or source")
        self._check_names()
        self._check_references()

    def _check_names(self) -> None:
        groups = (("population", self.nodes()), ("projection", self.projections))
        for what, parts in groups:
            names = [part.name for part in parts]
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            if twice:
                raise DescriptionError(f"Network: two {what}s are called {twice[0]!r}; rename one")

    def _check_references(self) -> None:
        nodes = {id(node) for node in self.nodes()}
        for projection in self.projections:
            for end in ("pre", "post"):
                if id(getattr(projection, end)) not in nodes:
                    name = getattr(projection, end).name
                    raise DescriptionError(
                        f"Projection {projection.name!r}: {end} {name!r} is not in the network"
                    )
        for source in self.sources:
            if id(source.post) not in nodes:
                where = f"{type(source).__name__} onto {source.post.name!r}"
                raise DescriptionError(f"{where}: this population is not in the network")

    def nodes(self) -> tuple[Any, ...]:
        """Everything that can fire: populations, then spike trains."""
        return (*self.populations, *self.spike_trains)

    def __iter__(self) -> Iterator[Any]:
        yield from (*self.populations, *self.spike_trains, *self.projections, *self.sources)

    def __getitem__(self, name: str) -> Any:
        """Return the population, spike train or projection of that name."""
        for part in (*self.nodes(), *self.projections):
            if part.name == name:
                return part
        raise KeyError(name)

    def n_synapses(self) -> float:
        """Return the expected number of synapses."""
        return sum(p.rule.expected(p.pre.size, p.post.size) for p in self.projections)
