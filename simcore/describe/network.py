"""Populations, projections and networks: frozen descriptions that hold no state and simulate nothing."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DescriptionError
from ..neurons.base import NeuronModel, numbers_of, shown
from . import checks
from .connectivity import AllToAll, Constant, Distribution, Explicit, Rule, as_distribution, within
from .modulation import BySynapse, Modulator
from .plasticity import Modulation, ShortTermRule, Static, SynapseRule, WindowRule
from .reprs import network_html, network_text
from .sharing import SharedWeights
from .structure import Turnover

if TYPE_CHECKING:
    from .sources import Current, Noise, Poisson, SpikeTrain

#: Neurons are numbered with 32 bits.
MOST_NEURONS = 2**31 - 1


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
        if not isinstance(self.name, str):
            raise DescriptionError(f"Population: name must be text, got {shown(self.name)}")
        if not self.name or "/" in self.name:
            raise DescriptionError(f"{where}: name must not be empty nor contain '/'")
        whole = isinstance(self.size, (int, np.integer)) and not isinstance(self.size, bool)
        if not whole or self.size < 1:
            raise DescriptionError(f"{where}: size must be a whole number >= 1, got {shown(self.size)}")
        if self.size > MOST_NEURONS:
            raise DescriptionError(f"{where}: size must be at most {MOST_NEURONS}, got {shown(self.size)}")
        object.__setattr__(self, "size", int(self.size))
        if not isinstance(self.model, NeuronModel):
            hint = f", a class; write {self.model.__name__}()" if isinstance(self.model, type) else ""
            raise DescriptionError(
                f"{where}: model must be a neuron model such as LIF(), got {shown(self.model)}{hint}"
            )
        if not isinstance(self.initial, Mapping):
            raise DescriptionError(
                f"{where}: initial must be a mapping such as {{'v': 5.0}}, got {shown(self.initial)}"
            )
        self._check_shapes(where)
        problem = self.model.problem()
        if problem:
            raise DescriptionError(f"{where}: {problem}")
        if not isinstance(self.update, str) or self.update not in ("auto", "stepped", "lazy"):
            raise DescriptionError(f"{where}: update must be auto, stepped or lazy, got {shown(self.update)}")
        functions = self.model.functions()
        if self.update == "lazy" and "leap" not in functions:
            raise DescriptionError(
                f"{where}: update='lazy' needs a closed form, but {type(self.model).__name__} defines no leap"
            )
        for name, value in self.initial.items():
            if name not in functions["State"]._fields:
                known = ", ".join(functions["State"]._fields)
                raise DescriptionError(f"{where}: initial: no state {name!r}; there are {known}")
            if not isinstance(value, Distribution) and numbers_of(value) is None:
                raise DescriptionError(
                    f"{where}: initial {name} must be a number, an array or a distribution, got {shown(value)}"
                )
            as_distribution(value, where, f"initial {name}")

    def _check_shapes(self, where: str) -> None:
        parameters = {f.name: getattr(self.model, f.name) for f in fields(self.model)}
        for name, value in {**parameters, **{f"initial {k}": v for k, v in self.initial.items()}}.items():
            if isinstance(value, Distribution):
                as_distribution(value, where, name)
                continue
            numbers = numbers_of(value)
            if numbers is not None and numbers.ndim > 0 and numbers.shape != (self.size,):
                raise DescriptionError(f"{where}: {name} must have shape ({self.size},), got {numbers.shape}")


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
        rounded to ticks; at least one tick; arrays are shaped as those of weights
    receptor : str, optional
        by default the model's only one, or ``exc`` / ``inh`` by the sign of the weights, which must be one and the
        same. Conductances (``LIFCond``) are >= 0: without a receptor, negative weights become conductances of ``inh``
    plasticity : rule, optional
        such as ``STDP()``
    short_term : ShortTermRule, optional
        such as ``TsodyksMarkram()``: by how much each spike's delivery is scaled; alone or beside ``plasticity``
    name : str, optional
        by default ``pre-post``
    sign : {1, -1}, optional
        Dale's law: no weight crosses zero. With -1 weights are negative and ``plasticity`` learns their magnitudes: its
        bounds and the signs of its changes are those of ``|w|``, and STDP in [0, w_max] keeps weights in [-w_max, 0]. A
        rule that acts at the end of windows is cut at zero. By default weights are as the rule has them.
    structure : Turnover, optional
        pruning and growth of synapses, which must be plastic
    sharing : SharedWeights or False, optional
        when plastic synapses that share weights, as ``rule`` says, such as those of ``Conv2D``, share what they have
        learned; by default ``SharedWeights()``. With False each has its own weight
    """

    pre: Population | SpikeTrain
    post: Population
    rule: Rule
    weight: Any = 1.0
    delay: Any = 1.0
    receptor: str | None = None
    plasticity: Any = None
    name: str | None = None
    short_term: Any = None
    sign: int | None = None
    structure: Any = None
    sharing: Any = None

    _by_sign: ClassVar[bool] = False  # whether the sign of the weights has chosen the receptor

    def __post_init__(self) -> None:
        from .sources import SpikeTrain

        for end, kinds in (("pre", (Population, SpikeTrain)), ("post", (Population,))):
            if not isinstance(getattr(self, end), kinds):
                label = self.name if isinstance(self.name, str) else "?"
                raise DescriptionError(
                    f"Projection {label!r}: {end} must be a {' or a '.join(k.__name__ for k in kinds)}, "
                    f"got {checks.shown(getattr(self, end))}"
                )
        if self.name is None:
            object.__setattr__(self, "name", f"{self.pre.name}-{self.post.name}")
        checks.name(self.name, f"Projection {self.pre.name!r} to {self.post.name!r}")
        where = f"Projection {self.name!r}"
        if not isinstance(self.rule, Rule):
            raise DescriptionError(
                f"{where}: rule must be a rule such as AllToAll(), got {checks.shown(self.rule)}"
            )
        same = self.pre is self.post
        problem = self.rule.check(self.pre.size, self.post.size, same)
        if problem:
            raise DescriptionError(f"{where}: {type(self.rule).__name__}: {problem}")
        n = self.rule.exactly(self.pre.size, self.post.size, same)
        object.__setattr__(self, "weight", self._weight(where))
        object.__setattr__(self, "delay", as_distribution(self.delay, where, "delay"))
        self._check_shape(where, "weight", n)
        self._check_shape(where, "delay", n)
        self._check_delay(where)
        if self.short_term is not None:
            self._check_short_term(where)
        if self.plasticity is not None:
            if not isinstance(self.plasticity, (SynapseRule, WindowRule)):
                raise DescriptionError(
                    f"{where}: plasticity must be a rule such as STDP(), got {checks.shown(self.plasticity)}"
                )
            problem = self.plasticity.problem()
            if problem:
                raise DescriptionError(f"{where}: {type(self.plasticity).__name__}: {problem}")
            for modulation in self.modulations:
                problem = modulation.problem(self)
                if problem:
                    raise DescriptionError(f"{where}: {type(self.plasticity).__name__}: {problem}")
        if self.sign is not None:
            self._check_sign(where)
        object.__setattr__(self, "_by_sign", self.receptor is None)
        receptor, weight = chosen_receptor(self.post.model, self.receptor, self.weight, where)
        object.__setattr__(self, "receptor", receptor)
        object.__setattr__(self, "weight", weight)
        if self.sharing is not None and self.sharing is not False:
            self._check_sharing(where)
        if isinstance(self.plasticity, SynapseRule) and self.plasticity.draws and self.shared is not None:
            raise DescriptionError(
                f"{where}: shared weights cannot go with {type(self.plasticity).__name__}, whose synapses change by "
                "chance, each by its own; sharing=False gives each its own weight"
            )
        if self.structure is not None:
            self._check_structure(where)
        if not isinstance(weight, Distribution) or isinstance(weight, Constant):
            self.check_weights(weight.value if isinstance(weight, Constant) else weight)

    @property
    def shared(self) -> SharedWeights | None:
        """When its synapses share what they have learned, None where each learns for itself, or none does."""
        ties = isinstance(self.rule, Explicit) and self.rule.shared_shape is not None
        learns = isinstance(self.plasticity, SynapseRule) and not isinstance(self.plasticity, Static)
        if not (ties and learns) or self.sharing is False:
            return None
        return SharedWeights() if self.sharing is None else self.sharing

    @property
    def modulations(self) -> tuple[Modulation, ...]:
        """The neuromodulators that its synapses are under."""
        return self.plasticity.modulations if isinstance(self.plasticity, SynapseRule) else ()

    @property
    def modulators(self) -> list[Modulator]:
        """The same, each modulator once."""
        found: list[Modulator] = []
        for modulation in self.modulations:
            found += [m for m, _ in modulation.factors if all(m is not other for other in found)]
        return found

    def _check_short_term(self, where: str) -> None:
        if not isinstance(self.short_term, ShortTermRule):
            raise DescriptionError(
                f"{where}: short_term must be a rule such as TsodyksMarkram(), got {checks.shown(self.short_term)}"
            )
        if isinstance(self.plasticity, WindowRule):
            raise DescriptionError(
                f"{where}: short_term cannot go with a rule that acts at the end of windows"
            )
        problem = self.short_term.problem()
        if problem:
            raise DescriptionError(f"{where}: {type(self.short_term).__name__}: {problem}")
        n = self.rule.exactly(self.pre.size, self.post.size, self.pre is self.post)
        for name in self.short_term.varying:
            values = getattr(self.short_term, name)
            if isinstance(values, tuple) and n is not None and len(values) != n:
                raise DescriptionError(
                    f"{where}: {type(self.short_term).__name__}: {name} must have {n} values, got {len(values)}"
                )
        if self.short_term.varying and self.shared is not None:
            raise DescriptionError(
                f"{where}: shared weights cannot go with {type(self.short_term).__name__} whose "
                f"{self.short_term.varying[0]} differs between synapses; sharing=False gives each its own weight"
            )
        if self.short_term.varying and self.structure is not None:
            raise DescriptionError(
                f"{where}: structure cannot go with {type(self.short_term).__name__} whose "
                f"{self.short_term.varying[0]} differs between synapses: a new contact has none"
            )
        if self.plasticity is None:  # delivery through plastic synapses whose weights stay
            object.__setattr__(self, "plasticity", Static())

    def _check_sign(self, where: str) -> None:
        if not isinstance(self.sign, int | np.integer) or isinstance(self.sign, bool) or abs(self.sign) != 1:
            raise DescriptionError(f"{where}: sign must be 1 or -1, got {checks.shown(self.sign)}")
        object.__setattr__(self, "sign", int(self.sign))
        if self.plasticity is None:
            raise DescriptionError(
                f"{where}: sign is for weights that learn; give it a plasticity, or leave it"
            )
        if self.sign < 0 and self.post.model.conductances:
            raise DescriptionError(
                f"{where}: sign must be 1 onto {type(self.post.model).__name__}, whose weights are conductances; "
                "inhibition is receptor='inh'"
            )
        if isinstance(self.plasticity, SynapseRule) and not isinstance(self.plasticity, Static):
            low, high = self.plasticity.weight_bounds()
            if low < 0.0:
                rule = type(self.plasticity).__name__
                raise DescriptionError(
                    f"{where}: sign={self.sign}: {rule} must keep magnitudes, in bounds from 0 up, got "
                    f"[{low:g}, {high:g}]"
                    "; set its w_min to 0, or leave sign"
                )
        if isinstance(self.plasticity, WindowRule) and isinstance(self.weight, Distribution):
            low, high = self.weight.bounds()
            if min(low * self.sign, high * self.sign) < 0.0:
                side = ">= 0" if self.sign > 0 else "<= 0"
                raise DescriptionError(
                    f"{where}: weight must be {side}, as its sign is {self.sign}, got {self.weight}"
                )

    def _check_sharing(self, where: str) -> None:
        if not isinstance(self.sharing, SharedWeights):
            raise DescriptionError(
                f"{where}: sharing must be SharedWeights(...) or False, got {checks.shown(self.sharing)}"
            )
        problem = self.sharing.problem()
        if problem:
            raise DescriptionError(f"{where}: SharedWeights: {problem}")
        if isinstance(self.plasticity, WindowRule):
            raise DescriptionError(
                f"{where}: sharing cannot go with {type(self.plasticity).__name__}, which acts at the end of windows "
                "on each synapse by itself"
            )
        if self.shared is None:
            raise DescriptionError(
                f"{where}: sharing is for synapses that learn and whose rule has them share weights, such as Conv2D, "
                f"got {type(self.rule).__name__} and plasticity={checks.shown(self.plasticity)}"
            )

    def _check_structure(self, where: str) -> None:
        if not isinstance(self.structure, Turnover):
            raise DescriptionError(
                f"{where}: structure must be Turnover(...), got {checks.shown(self.structure)}"
            )
        problem = self.structure.problem()
        if problem:
            raise DescriptionError(f"{where}: Turnover: {problem}")
        if not isinstance(self.plasticity, SynapseRule):
            raise DescriptionError(
                f"{where}: structure is for synapses that learn; STDP(lam=0.0) lets them stay"
            )
        if self.shared is not None:
            raise DescriptionError(
                f"{where}: structure cannot go with shared weights: {type(self.rule).__name__} says which contacts "
                "there are; sharing=False gives each synapse its own weight"
            )
        if any(isinstance(m.subpopulations, BySynapse) for m in self.modulations):
            raise DescriptionError(f"{where}: structure cannot go with BySynapse: a new contact has no level")
        if self.structure.rate is not None:
            waits = any(m.expectation is not None for m in self.modulators)
            if waits or isinstance(self.plasticity, Static):
                rule = type(self.plasticity).__name__
                raise DescriptionError(
                    f"{where}: Turnover: rate needs a rule that counts post spikes in a run, which {rule} here does "
                    "not; give indegree"
                )
        for low, high, why in self.limits():
            within(self.structure.weight, low, high, where, "weight of Turnover", why)

    def limits(self) -> list[tuple[float, float, str]]:
        """Return ranges that weights must keep to, and why: by the rule that they learn by, and by the receptor."""
        model, receptor = self.post.model, str(self.receptor)
        kind, out = type(model).__name__, []
        if isinstance(self.plasticity, SynapseRule):
            low, high = self.plasticity.weight_bounds()
            why = f"{type(self.plasticity).__name__} keeps weights there"
            out.append(
                (low, high, why) if self.sign in (None, 1) else (0.0 - high, 0.0 - low, f"{why}, of sign -1")
            )
        if self.sign is not None:
            why = f"its sign is {self.sign}"
            out.append((0.0, math.inf, why) if self.sign > 0 else (-math.inf, 0.0, why))
        if model.conductances:
            why = f"weights of {kind} are conductances; inhibition is receptor='inh' with a weight > 0"
            out.append((0.0, math.inf, why))
        elif self._by_sign and len(model.receptors) > 1:
            why = (
                f"without a receptor all weights act on {receptor!r} of {kind}, by the sign of their mean: give two "
                "projections, one for each sign, or name the receptor that takes both"
            )
            out.append((0.0, math.inf, why) if receptor == "exc" else (-math.inf, 0.0, why))
        return out

    def check_weights(self, weights: Any) -> None:
        """Refuse weights against :meth:`limits`."""
        for low, high, why in self.limits():
            within(weights, low, high, f"Projection {self.name!r}", "weight", why)

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
            if given is None or isinstance(given, Constant):
                return weight if given is None else given
            return checks.array(given, where, "weight")
        return weight

    def _check_shape(self, where: str, field: str, n: int | None) -> None:
        """Refuse arrays that do not fit the synapses: a matrix of the wrong orientation would be scrambled."""
        values = getattr(self, field)
        if not isinstance(values, np.ndarray):
            return
        if isinstance(self.rule, AllToAll):
            shape = (self.pre.size, self.post.size)
            if values.shape != shape:
                raise DescriptionError(f"{where}: {field} must have shape {shape}, got {values.shape}")
        elif values.ndim != 1 or (n is not None and len(values) != n):
            many = "one value for each synapse" if n is None else f"{n} values"
            raise DescriptionError(f"{where}: {field} must have {many}, got shape {values.shape}")

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
    if isinstance(weight, Distribution):
        mean = weight.mean_value()
    else:
        mean = float(np.mean(weight)) if np.size(weight) else 0.0
    name = "exc" if mean >= 0 else "inh"
    if name not in receptors:
        raise DescriptionError(f"{where}: receptor must be given, one of {', '.join(receptors)}")
    return name


def chosen_receptor(model: NeuronModel, receptor: Any, weight: Any, where: str) -> tuple[str, Any]:
    """Return the receptor that weights act on, and the weights as it takes them.

    Where none is named, the sign chooses. A conductance has no sign: negative ones are then turned into conductances
    of ``inh``. Where one is named, a number of the wrong sign is refused.
    """
    receptors = model.receptors
    if receptor is not None:
        if not isinstance(receptor, str) or receptor not in receptors:
            raise DescriptionError(
                f"{where}: receptor must be one of {', '.join(receptors)}, got {checks.shown(receptor)}"
            )
    else:
        receptor = default_receptor(receptors, weight, where)
        if model.conductances and receptor == "inh":
            if isinstance(weight, Distribution):
                return receptor, weight.mirrored()
            within(weight, -math.inf, 0.0, where, "weight", "give two projections, one for each sign")
            return receptor, -weight
    if model.conductances and not isinstance(weight, (Distribution, np.ndarray)):
        why = f"weights of {type(model).__name__} are conductances; inhibition is receptor='inh' with a weight > 0"
        within(weight, 0.0, math.inf, where, "weight", why)
    return receptor, weight


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
                raise DescriptionError(
                    f"Network: {checks.shown(part)} is no population, projection or source"
                )
        self._check_names()
        self._adopt()
        self._check_references()

    def _check_names(self) -> None:
        groups = (("population", self.nodes()), ("projection", self.projections))
        for what, parts in groups:
            names = [part.name for part in parts]
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            if twice:
                raise DescriptionError(f"Network: two {what}s are called {twice[0]!r}; rename one")

    def _adopt(self) -> None:
        """Let projections and sources mean the network's own populations.

        Those from before a network was pickled are other objects with the same names, equal in all they say.
        """
        from .as_dict import plain

        nodes = {node.name: node for node in self.nodes()}

        def own(part: Any) -> Any:
            strangers = {}
            for end in ("pre", "post"):
                node = getattr(part, end, None)
                found = None if node is None else nodes.get(node.name)
                if node is None or found is None or found is node:
                    continue
                if type(found) is not type(node) or plain(found, True) != plain(node, True):
                    raise DescriptionError(
                        f"{type(part).__name__}: {end} is a {type(node).__name__} called {node.name!r}, but not the "
                        "network's; use the network's own, or rename one"
                    )
                strangers[end] = found
            if not strangers:
                return part
            adopted = copy.copy(part)
            for end, found in strangers.items():
                object.__setattr__(adopted, end, found)
            return adopted

        for group in ("projections", "sources"):
            object.__setattr__(self, group, tuple(own(part) for part in getattr(self, group)))

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
