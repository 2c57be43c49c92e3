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
``slope(s, c, i)`` (instead of ``flow``)
    the state's time derivative [1 / ms], which :mod:`.integrate` makes a ``flow`` of; ``Constants`` then have ``dt``,
    and ``substeps`` says how many Runge-Kutta steps a tick has.
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
``next_trial(s, start, c, n)`` (optional)
    the state with which the next trial begins, after one that was learned from and in which the neuron fired ``n``
    times; ``start`` is the initial state, with which trials begin where a model does not say otherwise.

A file that holds more than one model, or a model and a rule, such as a script, has the functions and both named tuples
in their classes, the functions as static methods; see :mod:`..own`.

The functions are plain Python on floats. They take and return scalars, call nothing but :mod:`math` and
builtins, prefer ``a if condition else b`` to statements (a loop over branch-free functions is vectorised),
and write numbers as floats. The engine copies their source into a generated module and compiles it, so
constants and helper functions at module level may be used as well, and a model may live in a user's script.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..describe.connectivity import Distribution
from ..errors import DescriptionError
from ..own import Own
from .integrate import runge_kutta

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
class NeuronModel(Own):
    """Base of all neuron models; see the module's text for what a model's file holds."""

    receptors: ClassVar[tuple[str, ...]] = ("v",)
    #: whether it emits spikes, so that a simulation of events can hold it
    spiking: ClassVar[bool] = True

    #: whether weights are conductances, which have no sign
    conductances: ClassVar[bool] = False
    #: State variables by the receptor that alone moves them: once 0, they are 0 until something reaches it. A subclass,
    #: whose functions may be others, says it anew.
    synaptic: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: Runge-Kutta steps a tick, of a model that has ``slope`` instead of ``flow``.
    substeps: ClassVar[int] = 1
    #: Units of state variables, where the name does not tell; see :meth:`unit`.
    units: ClassVar[dict[str, str]] = {}

    _tuples = ("State", "Constants")
    _needs: ClassVar[dict[str, int | None]] = {"flow": 3, "receive": None, "threshold": 2, "reset": 2}
    _may_have: ClassVar[dict[str, int | None]] = {"leap": 3, "next_spike": 2, "next_trial": 4, "slope": 3}

    @classmethod
    def unit(cls, state: str) -> str:
        """Return the unit of a state variable: as ``units`` says, else by its name; "1" if it is not known."""
        by_name = {"v": "mV", "w": "pA", "u": "mV/ms", "refractory": "tick"}
        by_letter = {"i": "pA", "g": "nS", "rise": "pA/ms"}
        first, _, rest = state.partition("_")
        return cls.units.get(state) or by_name.get(state) or (by_letter.get(first, "1") if rest else "1")

    @classmethod
    def moved_by(cls, receptors: Iterable[str]) -> list[str]:
        """Return the state variables that some receptors move, and nothing else does."""
        own = cls.__dict__.get("synaptic", {})
        return [name for receptor in receptors for name in own.get(receptor, ())]

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
        """Return what is wrong with a combination of parameters, or None; :meth:`breach` writes it.

        Parameters are numbers or arrays with one value for each neuron, all within their ranges.
        """
        return None

    @classmethod
    def functions(cls) -> dict[str, Any]:
        """Return the model's functions and named tuples, see :class:`.own.Own`."""
        found = super().functions()
        n_inputs = len(inspect.signature(found["receive"]).parameters) - 2
        if n_inputs != len(cls.receptors):
            raise DescriptionError(
                f"{cls.__name__}: receive takes {n_inputs} inputs, but receptors names {len(cls.receptors)}"
            )
        return found

    @classmethod
    def _part(cls, name: str) -> Any:
        """Return one part; a ``flow`` that is not written is made of ``slope``."""
        part = super()._part(name)
        if part is not None or name != "flow":
            return part
        slope, state, constants = cls._part("slope"), cls._part("State"), cls._part("Constants")
        if not (inspect.isfunction(slope) and hasattr(state, "_fields") and hasattr(constants, "_fields")):
            return None
        if "dt" not in constants._fields:
            raise DescriptionError(
                f"{cls.__name__}: slope is integrated over a tick: Constants must have a field dt, set in derive"
            )
        if isinstance(cls.substeps, bool) or not isinstance(cls.substeps, int) or cls.substeps < 1:
            raise DescriptionError(
                f"{cls.__name__}: substeps must be an integer of at least 1, got {cls.substeps!r}"
            )
        return runge_kutta(state, slope, cls.substeps)

    def problem(self, drawn: Container[str] = ()) -> str | None:
        """First parameter out of its range, as ``tau_m must be > 0 ms, got -5.0``; None if all are well.

        Parameters
        ----------
        drawn : container of str
            parameters whose arrays were drawn from a distribution

        Distributions are passed over, and combinations with them: their values are checked once they are drawn.
        """
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for field in dataclasses.fields(self):
            value = values[field.name]
            if isinstance(value, Distribution):
                continue
            numbers = numbers_of(value)
            if numbers is None:
                return f"{field.name} must be a number, an array of numbers or a distribution, got {shown(value)}"
            fault = _out_of_range(field, numbers, "drawn values" if field.name in drawn else "values")
            if fault:
                return fault
        return None if any(isinstance(value, Distribution) for value in values.values()) else self.check()

    def breach(self, bad: Any, rule: str, *names: str) -> str | None:
        """Say which neurons break a rule between parameters, as :meth:`check` returns it; None if none does.

        Parameters
        ----------
        bad : bool or array of bool, one for each neuron
        rule : str
            such as ``"v_reset must be < v_thresh"``
        *names : str
            parameters whose values the message shows
        """
        wrong = np.asarray(bad)
        if not wrong.any():
            return None
        units = {f.name: f.metadata.get("unit", "") for f in dataclasses.fields(self)}

        def values(i: int) -> str:
            # every value at neuron i, or the one that all have
            numbers = {name: np.asarray(getattr(self, name), np.float64) for name in names}
            return ", ".join(
                f"{name} = {float(x[i] if x.ndim else x):g} {units[name]}".strip()
                for name, x in numbers.items()
            )

        if wrong.ndim == 0:
            return f"{rule}, got {values(0)}"
        i = int(np.argmax(wrong))
        return f"{rule}, but {int(wrong.sum())} of {wrong.size} neurons break this (neuron {i}: {values(i)})"

    def check_tick(self, dt: float) -> str | None:
        """Return why a tick of ``dt`` ms is too long for the parameters, or None; they are numbers and arrays."""
        return None

    def fires_alone(self, s: Any, c: Any) -> bool:
        """Tell whether any neuron fires without input, now or after a spike: then it must not be lazy.

        Asked of models that have ``leap``. Here neuron by neuron, through the functions of the model's file, one
        to ten microseconds each; a model for large populations overrides it with arithmetic on arrays.

        Parameters
        ----------
        s : State
        c : Constants
            fields are numbers or arrays, one value for each neuron
        """
        functions = self.functions()
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, np.float64)) for x in (*s, *c)))
        for row in zip(*(column.ravel().tolist() for column in columns), strict=True):
            state, constants = functions["State"](*row[: len(s)]), functions["Constants"](*row[len(s) :])
            if fires_from(functions, state, constants):
                return True
            if fires_from(functions, functions["reset"](state, constants), constants):
                return True
        return False


#: Ticks after which a model without ``next_spike`` is asked whether it has reached its threshold.
_LATER = (1.0, 3.0, 10.0, 30.0, 100.0, 1e3, 1e4, 1e6)


def fires_from(functions: dict[str, Any], s: Any, c: Any) -> bool:
    """Tell whether one neuron in state ``s`` fires without input, by the functions of its model, on floats."""
    nothing = [0.0] * (len(inspect.signature(functions["receive"]).parameters) - 2)
    try:
        s = functions["receive"](functions["flow"](s, c, 0.0), c, *nothing)
        if functions["threshold"](s, c):
            return True
        if "next_spike" in functions:
            return math.isfinite(functions["next_spike"](s, c))
        return any(functions["threshold"](functions["leap"](s, c, k), c) for k in _LATER)
    except (ArithmeticError, ValueError):  # a formula that does not hold there: assume the worst
        return True


def fires_late(functions: dict[str, Any], s: Any, c: Any) -> bool:
    """Tell whether one neuron may fire some ticks after an input that did not make it fire at once, on floats."""
    n_inputs = len(inspect.signature(functions["receive"]).parameters) - 2
    for receptor in range(n_inputs):
        for tenths in range(-30, 61, 2):
            for sign in (1.0, -1.0):
                x = [sign * 10.0 ** (tenths / 10.0) if k == receptor else 0.0 for k in range(n_inputs)]
                hit = functions["receive"](functions["flow"](s, c, 0.0), c, *x)
                if not functions["threshold"](hit, c) and fires_from(functions, hit, c):
                    return True
    return False


def numbers_of(value: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return a value as float64; None where it is no number: text, None, a truth value, complex, a ragged list."""
    try:
        numbers = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return numbers.astype(np.float64) if numbers.dtype.kind in "fiu" else None


def shown(value: Any) -> str:
    """Return a value for an error message, shortened and on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _out_of_range(field: Any, numbers: np.ndarray[Any, Any], values: str) -> str | None:
    """Say how many numbers are out of a parameter's range, and which one most; None if none is."""
    above, least = field.metadata.get("above", -math.inf), field.metadata.get("least", -math.inf)
    unit = field.metadata.get("unit", "")
    for bad, bound in (
        (~np.isfinite(numbers), "finite"),
        (~(numbers > above) & (above > -math.inf), f"> {above:g} {unit}".strip()),
        (~(numbers >= least) & (least > -math.inf), f">= {least:g} {unit}".strip()),
    ):
        if not np.any(bad):
            continue
        if not numbers.ndim:
            return f"{field.name} must be {bound}, got {float(numbers)}"
        worst = numbers[bad][0] if bound == "finite" else numbers[bad].min()
        which = "first" if bound == "finite" else "least"
        return (
            f"{field.name} must be {bound}, but {int(bad.sum())} of {numbers.size} {values} are not "
            f"({which} {float(worst):.4g})"
        )
    return None
