"""The contract between a plasticity rule and the engine.

A rule is one small file that holds

``Synapse``
    a ``NamedTuple`` of what a synapse keeps: the weight ``w`` first, then eligibilities, such as ``e``, and whatever
    else the rule remembers of a synapse. :meth:`~SynapseRule.time_constants` says of each how long it lasts: it decays,
    lasts for the tick in which it was set alone (0), or stays (``math.inf``). All are 0 at first.
``Pre``, ``Post``
    ``NamedTuple``s of the traces of the pre neuron's arrivals and of the post neuron's spikes. Between spikes each
    decays with its time constant.
``Constants``
    a ``NamedTuple`` of what the functions need and parameters determine.
a frozen dataclass, subclass of :class:`SynapseRule`
    the parameters with their units, :meth:`~SynapseRule.derive` and :meth:`~SynapseRule.time_constants`.
``on_pre(s, pre, post, c)``
    the synapse after a spike of the pre neuron has arrived; ``pre`` are the traces just before it. The weight that it
    returns is delivered.
``on_post(s, pre, post, c)``
    the synapse after a spike of the post neuron; ``post`` are the traces just before it.
    Both take a random number ``u`` last, ``on_pre(s, pre, post, c, u)``, if the rule is a :class:`ChanceRule`.
``pre_spike(pre, c)``, ``post_spike(post, c)``
    the traces after a spike of their neuron.
``drift(s, area, fade, c)``, of rules under a neuromodulator, and of those whose synapses change by themselves
    the synapse after a time without a spike, over which its eligibility decayed to ``fade`` of what it was and
    ``area`` is the integral of the gain under that decay [ms]; of an eligibility that lasts a tick, the gain in that
    tick. A rule under several modulations gets ``area.name`` for each :class:`Modulation` by its name, one with several
    eligibilities ``fade.name`` for each that does not stay. Under no modulator ``area`` is how long it was in ticks,
    and ``fade.name`` each of :meth:`~SynapseRule.decays` over that time, or 1 where there is none.

``Flow``, ``flow_start(c)``, ``flow_step(m, gain, c)``, ``flow_between(m, n, c)``, of rules that no integral serves
    a linear map of what a synapse keeps over some ticks, a ``NamedTuple``: that over no time; that over a tick more,
    under the ``gain.name`` of each :class:`Modulation`; that between the ends of two. The engine keeps those from the
    start of a window to each tick for each level, and ``area`` in ``drift`` is the map over the time without a spike,
    ``fade`` 1, or 0 where a trial ends.

A file that holds more than one rule, or a rule and a neuron model, such as a script, has the functions, as static
methods, and the tuples in their classes; see :mod:`.own`.

The functions are plain Python on floats, as those of neuron models are. In a tick, arrivals come before the post
neuron's spike. A rule knows no topology: which synapses it serves, where they are stored, what sets the level of a
neuromodulator and when the engine brings a synapse up to date is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import DescriptionError
from ..own import Own
from .checks import wrong_number
from .connectivity import Distribution
from .modulation import Receptor, Subpopulations


@dataclass(frozen=True)
class WindowRule:
    """Base of all rules that act at the end of a window of ticks.

    A simulation, which knows no windows, refuses them; :class:`tegmentum.plasticity.Learner` runs them.
    """

    def problem(self) -> str | None:
        """Return what is wrong, or None; the parts of such a rule check themselves."""
        return None


@dataclass(frozen=True)
class SynapseRule(Own):
    """Base of all rules that act on single synapses by spike timing."""

    _tuples = ("Synapse", "Pre", "Post", "Constants")
    _needs: ClassVar[dict[str, int | None]] = {"on_pre": 4, "on_post": 4, "pre_spike": 2, "post_spike": 2}
    _may_have: ClassVar[dict[str, int | None]] = {
        "drift": 4,
        "flow_start": 1,
        "flow_step": 3,
        "flow_between": 3,
    }
    _may_tuples = ("Flow",)

    #: whether a post spike does anything to its synapses
    listens: ClassVar[bool] = True
    #: whether a post spike in the tick of an arrival meets the traces that this arrival has raised
    coincident: ClassVar[bool] = True
    #: whether synapses draw at their spikes, see :class:`ChanceRule`
    draws: ClassVar[bool] = False

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the rule's functions use."""
        raise NotImplementedError

    def time_constants(self) -> dict[str, float]:
        """Return the decay of each trace by the name of its field [ms], and of an eligibility as ``e``."""
        raise NotImplementedError

    def flow_time(self, dt: float) -> float:
        """Return the shortest time in which a factor of a ``Flow`` may fall to 1 / e [ms]."""
        return math.inf

    def decays(self) -> dict[str, float]:
        """Return time constants by name [ms] whose decays over a time ``drift`` needs, of a rule under no modulator."""
        return {}

    @property
    def modulations(self) -> tuple[Modulation, ...]:
        """All neuromodulators' holds on the rule's eligibilities, none, one or several."""
        found = self.modulation
        return () if found is None else (found,) if isinstance(found, Modulation) else tuple(found)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range of weights that the rule is made for, in the weight's unit."""
        return -math.inf, math.inf

    @property
    def modulation(self) -> Modulation | tuple[Modulation, ...] | None:
        """The neuromodulator that the rule is under, if it is under one; several, each with a name of its own."""
        return None

    def parts(self) -> dict[str, Any]:
        """Return functions and tuples, checked against whether a neuromodulator acts.

        Raises
        ------
        DescriptionError
            where a rule under a neuromodulator has no ``drift``, or ``Synapse`` does not hold what it must
        """
        found, modulations, where = self.functions(), self.modulations, type(self).__name__
        if modulations and "drift" not in found:
            raise DescriptionError(f"{where}: no drift, which a rule under a neuromodulator needs")
        fields, taus = found["Synapse"]._fields, self.time_constants()
        if fields[:1] != ("w",):
            raise DescriptionError(f"{where}: Synapse must hold w first, got {', '.join(fields)}")
        wanted = (*found["Pre"]._fields, *found["Post"]._fields, *fields[1:])
        if set(taus) != set(wanted):
            raise DescriptionError(
                f"{where}: time_constants must name {', '.join(wanted)}, got {', '.join(taus)}"
            )
        flows = [name for name in ("Flow", "flow_start", "flow_step", "flow_between") if name in found]
        if 0 < len(flows) < 4:
            raise DescriptionError(
                f"{where}: Flow, flow_start, flow_step and flow_between go together, got {flows}"
            )
        fading = {f for f in fields[1:] if taus[f] != math.inf}
        if not flows and fading != {m.trace for m in modulations}:
            raise DescriptionError(
                f"{where}: Synapse must hold w, and what fades only under a neuromodulator, got {', '.join(fields)} "
                f"and modulations of {', '.join(m.trace for m in modulations) or 'none'}"
            )
        if modulations and self.decays():
            raise DescriptionError(f"{where}: decays are of rules under no neuromodulator")
        names = [m.label for m in modulations]
        if len(set(names)) < len(names):
            raise DescriptionError(f"{where}: two modulations are called {max(names, key=names.count)!r}")
        return found

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        if type(self).derive is SynapseRule.derive:
            return "is no rule by itself; STDP() is one"
        return wrong_parameter(self)


@dataclass(frozen=True)
class ShortTermRule(Own):
    """Base of rules of short-term plasticity: by how much each spike's delivery is scaled, from the spikes before.

    One small file with

    ``Pre``
        a ``NamedTuple`` of variables of the pre neuron, which decay to 0 with :meth:`time_constants` between arrivals,
        all 0 at first
    ``Constants``
        parameters as the functions need them
    ``pre_spike(pre, c)``
        the variables after an arrival; ``pre`` are those just before
    ``release(pre, c)``
        by what an arrival's weight is multiplied; ``pre`` are the variables just before it

    for fixed arithmetic, :meth:`release_bound`, and, where parameters may differ from synapse to synapse,

    ``Each``
        a ``NamedTuple`` of what a synapse then has of its own: ``n_state`` variables, 0 at first, and parameters
    ``deliver(s, k)``
        what it has after an arrival ``k`` ticks after the one before, and by what this one's weight is multiplied
    """

    _tuples = ("Pre", "Constants")
    _may_tuples = ("Each",)
    _needs: ClassVar[dict[str, int | None]] = {"pre_spike": 2, "release": 2}
    _may_have: ClassVar[dict[str, int | None]] = {"deliver": 2}
    #: how many of the fields of ``Each`` are variables
    n_state: ClassVar[int] = 0

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the parameters that differ from synapse to synapse: distributions, and one number for each."""
        return tuple(
            f.name
            for f in fields(self)
            if "unit" in f.metadata and isinstance(getattr(self, f.name), (Distribution, tuple))
        )

    def for_each(self, dt: float, numbers: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in ``Each``, of which ``numbers`` has a value or one for each synapse by name."""
        raise NotImplementedError

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the functions use."""
        raise NotImplementedError

    def time_constants(self) -> dict[str, float]:
        """Return the decay of each variable by the name of its field [ms]."""
        raise NotImplementedError

    def release_bound(self) -> float:
        """Return the most that :func:`release` can be, in absolute value."""
        return math.inf

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None; what is drawn is checked once it is."""
        if type(self).derive is ShortTermRule.derive:
            return "is no rule by itself; TsodyksMarkram() is one"
        if self.varying and "deliver" not in self.functions():
            return f"{self.varying[0]} must be one number: the rule has no deliver"
        extremes = {}
        for name in self.varying:
            values = getattr(self, name)
            if not isinstance(values, Distribution):
                numbers = np.asarray(values, float)
                if numbers.ndim != 1 or not np.all(np.isfinite(numbers)):
                    return f"{name} must be a number, one finite number for each synapse, or a distribution"
                extremes[name] = float(numbers.min()), float(numbers.max())
        drawn = {name for name in self.varying if name not in extremes}
        return wrong_parameter(self, extremes, drawn)


@dataclass(frozen=True)
class ChanceRule(SynapseRule):
    """Base of rules whose synapses change by chance.

    Their ``on_pre`` and ``on_post`` take a fifth argument ``u``, uniform in [0, 1): ``u < p`` has the probability
    ``p``, to 2^-32, below 1. Every synapse has another at every arrival and at every post spike, a function of the
    seed, of who it is - its projection, both neurons, and its place among their contacts - and of the tick: the same
    on any number of threads, however a run is split, and from a saved state on.

    Only equal spikes of one source in one tick that are more than 255 draw as others before them did.
    """

    _needs: ClassVar[dict[str, int | None]] = {"on_pre": 5, "on_post": 5, "pre_spike": 2, "post_spike": 2}
    draws: ClassVar[bool] = True


@dataclass(frozen=True)
class Unpaired(SynapseRule):
    """Base of rules that keep no trace of spikes and do nothing at those of the post neuron."""

    class Pre(NamedTuple):
        """No trace."""

    class Post(NamedTuple):
        """No trace."""

    @staticmethod
    def on_post(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Stay."""
        return s

    @staticmethod
    def pre_spike(pre, c):  # type: ignore[no-untyped-def]
        """Note nothing."""
        return pre

    @staticmethod
    def post_spike(post, c):  # type: ignore[no-untyped-def]
        """Note nothing."""
        return post


@dataclass(frozen=True)
class Static(Unpaired):
    """Weights that stay, on synapses that release by a rule of short-term plasticity."""

    listens: ClassVar[bool] = False

    class Synapse(NamedTuple):
        """The weight."""

        w: float

    class Constants(NamedTuple):
        """No constant."""

    def derive(self, dt: float) -> NamedTuple:
        """Return nothing."""
        return Static.Constants()

    def time_constants(self) -> dict[str, float]:
        """Return nothing."""
        return {}

    @staticmethod
    def on_pre(s, pre, post, c):  # type: ignore[no-untyped-def]
        """Stay."""
        return s


def wrong_parameter(
    rule: Any, extremes: Mapping[str, tuple[float, ...]] = MappingProxyType({}), drawn: Collection[str] = ()
) -> str | None:
    """Return the first of a rule's numbers that is out of its range, or None.

    Parameters
    ----------
    extremes : of parameters that differ between synapses, the least and the largest value
    drawn : parameters whose values are not known yet
    """
    for field in fields(rule):
        if "unit" not in field.metadata or field.name in drawn:  # no number: a flag, a modulator
            continue
        limits = field.metadata
        for value in extremes.get(field.name, (getattr(rule, field.name),)):
            problem = wrong_number(
                value,
                field.name,
                limits.get("unit", ""),
                above=limits.get("above", -math.inf),
                least=limits.get("least", -math.inf),
                most=limits.get("most", math.inf),
            )
            if problem:
                return problem
    return None


@dataclass(frozen=True)
class Modulation:
    """Which neuromodulator acts on a projection's synapses, where, and through which receptor.

    Parameters
    ----------
    modulator : Modulator or tuple of Modulator
    receptor : Receptor or tuple of Receptor
        from level to gain; of several modulators one each, and the gain is their product
    subpopulations : Subpopulations
        which of the modulator's levels each synapse has; a modulator with one level has it for all
    trace : str, ``e``
        the eligibility that it acts on
    name : str, optional
        what its integral is called in the ``area`` of a rule with several; by default as the eligibility
    """

    modulator: Any
    receptor: Any
    subpopulations: Subpopulations
    trace: str = "e"
    name: str | None = None

    @property
    def label(self) -> str:
        """Its name, or that of its eligibility."""
        return self.trace if self.name is None else self.name

    @property
    def factors(self) -> tuple[tuple[Any, Receptor], ...]:
        """Modulators and their receptors, whose gains are multiplied."""
        if isinstance(self.modulator, tuple):
            return tuple(zip(self.modulator, self.receptor, strict=True))
        return ((self.modulator, self.receptor),)

    @property
    def n_levels(self) -> int:
        """How many levels the gain has: the most that a modulator has."""
        return max(int(modulator.n_levels) for modulator, _ in self.factors)

    def problem(self, projection: Any) -> str | None:
        """Return what is wrong with it on a projection, or None."""
        for modulator, receptor in self.factors:
            if not hasattr(receptor, "curve"):
                return f"receptor must be a receptor such as LinearReceptor(), got {receptor!r}"
            if modulator.n_levels not in (1, self.n_levels):
                return (
                    f"modulator {modulator.name!r} must have 1 or {self.n_levels} levels, as the others of the "
                    f"product, got {modulator.n_levels}"
                )
        for modulator, _ in self.factors:
            if modulator.watch is not None:
                problem = modulator.watch.misplaced(projection, getattr(self.subpopulations, "levels", None))
                if problem:
                    return f"modulator {modulator.name!r}: {problem}"
        problem = self.subpopulations.problem(projection, self.n_levels)
        return problem and f"{type(self.subpopulations).__name__}: {problem}"
