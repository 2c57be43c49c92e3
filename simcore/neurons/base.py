"""The contract between a neuron model and the engine.

A model is one small file that holds

``State``
    a ``NamedTuple`` of the names of the state variables. Its fields are floats in the functions below and
    arrays, one value for each neuron, in the engine.
``Constants``
    a ``NamedTuple`` of what the functions need and parameters determine: the derived constants.
a frozen dataclass, subclass of :class:`NeuronModel`
    the parameters with their units, and :meth:`~NeuronModel.derive`, the one place that computes
    ``Constants``.
``flow(s, c, i)``
    the state one tick later without input; ``i`` is the current injected during the tick [pA].
``receive(s, c, x, ...)``
    the state after the summed weights of all synapses active in this tick, one argument for each receptor.
``threshold(s, c)``
    whether the neuron fires.
``reset(s, c)``
    the state after a spike.
``leap(s, c, k)`` (optional)
    ``flow`` applied ``k`` times without injected current, in closed form. A model that has it may be *lazy*.
``next_spike(s, c)`` (optional)
    ticks until the model fires without further input, infinite if never.

The functions are plain Python on floats. They take and return scalars, call nothing but :mod:`math` and
builtins, prefer ``a if condition else b`` to statements (a loop over branch-free functions is vectorised),
and write numbers as floats. The engine copies their source into a generated module and compiles it, so
constants and helper functions at module level may be used as well, and a model may live in a user's script.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..connect import Distribution
from ..errors import DescriptionError

#: A parameter: one number for all neurons, an array with one for each, or a distribution to draw them from.
Value = Any


def param(
    default: float, unit: str = "", *, above: float = -math.inf, least: float = -math.inf, doc: str = ""
) -> Any:
    """Declare a parameter of a model: its default, its unit and the range it must lie in.

    Parameters
    ----------
    above, least : float
        exclusive and inclusive lower bounds
    """
    metadata = {"unit": unit, "above": above, "least": least, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, eq=False)
class NeuronModel:
    """Base of all neuron models; see the module's text for what a model's file holds."""

    receptors: ClassVar[tuple[str, ...]] = ("v",)

    def derive(self, dt: float) -> NamedTuple:
        """Compute the constants that the model's functions use.

        Parameters
        ----------
        dt : float
            length of a tick [ms]
        """
        raise NotImplementedError

    def initial(self) -> NamedTuple:
        """State at time 0; each field a number or an array with one value for each neuron."""
        raise NotImplementedError

    def check(self) -> str | None:
        """Return what is wrong with a combination of parameters, or None."""
        return None

    @classmethod
    def functions(cls) -> dict[str, Any]:
        """Functions and classes of the model's file that the engine builds on."""
        module = cls.home()
        names = ("flow", "receive", "threshold", "reset")
        missing = [name for name in ("State", "Constants", *names) if not hasattr(module, name)]
        if missing:
            raise DescriptionError(f"{cls.__name__}: {module.__name__} defines no {', '.join(missing)}")
        found = {name: getattr(module, name) for name in ("State", "Constants", *names)}
        found.update(
            {name: getattr(module, name) for name in ("leap", "next_spike") if hasattr(module, name)}
        )
        n_inputs = len(inspect.signature(found["receive"]).parameters) - 2
        if n_inputs != len(cls.receptors):
            raise DescriptionError(
                f"{cls.__name__}: receive takes {n_inputs} inputs, but receptors names {len(cls.receptors)}"
            )
        return found

    @classmethod
    def home(cls) -> ModuleType:
        """Return the module that defines the model."""
        return sys.modules[cls.__module__]

    def problem(self) -> str | None:
        """First parameter out of its range, as ``tau_m must be > 0 ms, got -5.0``; None if all are well."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Distribution):
                continue
            numbers = np.asarray(value)
            if numbers.dtype.kind not in "fiub":
                return f"{field.name} must be a number, got {value!r}"
            above, least = field.metadata.get("above", -math.inf), field.metadata.get("least", -math.inf)
            unit = field.metadata.get("unit", "")
            for bad, sign, bound in (
                (~np.isfinite(numbers), "", "finite"),
                (~(numbers > above) & (above > -math.inf), "> ", f"{above:g} {unit}"),
                (~(numbers >= least) & (least > -math.inf), ">= ", f"{least:g} {unit}"),
            ):
                if np.any(bad):
                    worst = numbers[bad].flat[0] if numbers.ndim else numbers
                    return f"{field.name} must be {(sign + bound).strip()}, got {float(worst)}"
        # combinations with what is yet to be drawn cannot be told
        drawn = any(isinstance(getattr(self, f.name), Distribution) for f in dataclasses.fields(self))
        return None if drawn else self.check()
