"""The contract between a plasticity rule and the engine.

A rule is one small file that holds

``Synapse``
    a ``NamedTuple`` of what a synapse keeps: the weight ``w`` first, then an eligibility ``e`` where the rule has one.
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
``pre_spike(pre, c)``, ``post_spike(post, c)``
    the traces after a spike of their neuron.
``drift(s, area, fade, c)``, of rules under a neuromodulator
    the synapse after a time without a spike, over which its eligibility decayed to ``fade`` of what it was and
    ``area`` is the integral of the gain under that decay [ms].

A file that holds more than one rule, or a rule and a neuron model, such as a script, has the functions, as static
methods, and the tuples in their classes; see :mod:`.own`.

The functions are plain Python on floats, as those of neuron models are. In a tick, arrivals come before the post
neuron's spike. A rule knows no topology: which synapses it serves, where they are stored, what sets the level of a
neuromodulator and when the engine brings a synapse up to date is not its business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from ..errors import DescriptionError
from ..own import Own
from .checks import wrong_number
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
    _may_have: ClassVar[dict[str, int | None]] = {"drift": 4}

    #: whether a post spike in the tick of an arrival meets the traces that this arrival has raised
    coincident: ClassVar[bool] = True

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the rule's functions use."""
        raise NotImplementedError

    def time_constants(self) -> dict[str, float]:
        """Return the decay of each trace by the name of its field [ms], and of an eligibility as ``e``."""
        raise NotImplementedError

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range of weights that the rule is made for, in the weight's unit."""
        return -math.inf, math.inf

    @property
    def modulation(self) -> Modulation | None:
        """The neuromodulator that the rule is under, if it is under one."""
        return None

    def parts(self) -> dict[str, Any]:
        """Return functions and tuples, checked against whether a neuromodulator acts.

        Raises
        ------
        DescriptionError
            where a rule under a neuromodulator has no ``drift``, or ``Synapse`` does not hold what it must
        """
        found, modulated = self.functions(), self.modulation is not None
        if modulated and "drift" not in found:
            raise DescriptionError(
                f"{type(self).__name__}: no drift, which a rule under a neuromodulator needs"
            )
        kept = found["Synapse"]._fields
        if kept != ("w",) + ("e",) * modulated:
            raise DescriptionError(
                f"{type(self).__name__}: Synapse must hold w, and e under a neuromodulator, got {', '.join(kept)}"
            )
        return found

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        if type(self).derive is SynapseRule.derive:
            return "is no rule by itself; STDP() is one"
        for field in fields(self):
            if "unit" not in field.metadata:  # no number: a flag, a modulator
                continue
            value, limits = getattr(self, field.name), field.metadata
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
    modulator : Modulator
    receptor : Receptor
        from level to gain
    subpopulations : Subpopulations
        which of the modulator's levels each synapse has
    """

    modulator: Any
    receptor: Receptor
    subpopulations: Subpopulations
