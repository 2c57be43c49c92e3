"""The contract between a plasticity rule and the engine.

A rule is one small file that holds ``Constants``, a ``NamedTuple`` of what its functions need, a frozen
dataclass, subclass of :class:`SynapseRule`, and pure scalar functions of a synapse's weight and its two
traces:

``on_pre(w, x_post, c)``
    the weight after a spike of the pre neuron has arrived. This weight is delivered.
``on_post(w, x_pre, c)``
    the weight after a spike of the post neuron.
``pre_trace(x, c)``, ``post_trace(x, c)``
    a trace after a spike of its neuron; between spikes it decays with ``tau_plus`` (pre) or ``tau_minus``
    (post).

A rule knows no topology: which synapses it serves, where they are stored and when the engine brings a
weight up to date is not its business. In a tick, arrivals come before the post neuron's spike.
"""

from __future__ import annotations

import inspect
import math
import sys
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from .checks import wrong_number
from .errors import DescriptionError

#: Functions that a rule's file must define.
FUNCTIONS = ("on_pre", "on_post", "pre_trace", "post_trace")


@dataclass(frozen=True)
class WindowRule:
    """Base of all rules that act on whole dense projections at the end of a window of ticks.

    The tick-by-tick engine refuses them; :class:`tegmentum.plasticity.Learner` runs them.
    """

    def problem(self) -> str | None:
        """Return what is wrong, or None; the parts of such a rule check themselves."""
        return None


@dataclass(frozen=True)
class SynapseRule:
    """Base of all rules that act on single synapses by spike timing."""

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the rule's functions use."""
        raise NotImplementedError

    def time_constants(self) -> tuple[float, float]:
        """Return the decays of the pre and of the post neuron's trace [ms]."""
        raise NotImplementedError

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range of weights that the rule is made for, in the weight's unit."""
        return -math.inf, math.inf

    def functions(self) -> dict[str, Any]:
        """Return the functions of the rule's file and its ``Constants``."""
        module = sys.modules[type(self).__module__]
        missing = [name for name in ("Constants", *FUNCTIONS) if not hasattr(module, name)]
        if missing:
            raise DescriptionError(
                f"{type(self).__name__}: {module.__name__} defines no {', '.join(missing)}"
            )
        found = {name: getattr(module, name) for name in ("Constants", *FUNCTIONS)}
        for name in FUNCTIONS:
            n = len(inspect.signature(found[name]).parameters)
            if n != (3 if name.startswith("on") else 2):
                raise DescriptionError(f"{type(self).__name__}: {name} takes {n} arguments")
        return found

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        if type(self).derive is SynapseRule.derive:
            return "is no rule by itself; STDP() is one"
        for field in fields(self):
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
