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

A file that holds more than one rule, or a rule and a neuron model, such as a script, has the functions, as static
methods, and ``Constants`` in their classes; see :mod:`.own`.

A rule knows no topology: which synapses it serves, where they are stored and when the engine brings a
weight up to date is not its business. In a tick, arrivals come before the post neuron's spike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

import numpy as np

from .own import Own


@dataclass(frozen=True)
class WindowRule:
    """Base of all rules that act on whole dense projections at the end of a window of ticks.

    The tick-by-tick engine refuses them; :class:`tegmentum.plasticity.Learner` runs them.
    """

    def problem(self) -> str | None:
        """Return what is wrong, or None; the parts of such a rule check themselves."""
        return None


@dataclass(frozen=True)
class SynapseRule(Own):
    """Base of all rules that act on single synapses by spike timing."""

    _tuples = ("Constants",)
    _needs: ClassVar[dict[str, int | None]] = {"on_pre": 3, "on_post": 3, "pre_trace": 2, "post_trace": 2}

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the rule's functions use."""
        raise NotImplementedError

    def time_constants(self) -> tuple[float, float]:
        """Return the decays of the pre and of the post neuron's trace [ms]."""
        raise NotImplementedError

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, (int, float)):
                return f"{field.name} must be a number, got {value!r}"
            above = field.metadata.get("above", -np.inf)
            least = field.metadata.get("least", -np.inf)
            unit = field.metadata.get("unit", "")
            if not np.isfinite(value):
                return f"{field.name} must be finite, got {value}"
            if not value > above:
                return f"{field.name} must be > {above:g} {unit}".rstrip() + f", got {value}"
            if not value >= least:
                return f"{field.name} must be >= {least:g} {unit}".rstrip() + f", got {value}"
        return None
