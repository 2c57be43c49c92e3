"""Checks of what users hand over: each raises, or returns, a sentence with object, field and value.

Whatever is handed over, nothing here raises anything but :class:`.DescriptionError`.
"""

from __future__ import annotations

import math
import reprlib
from typing import Any

import numpy as np

from ..errors import DescriptionError

Array = np.ndarray[Any, Any]
_WHOLE = (int, np.integer)
_NUMBER = (*_WHOLE, float, np.floating)
LARGEST = 3.4e38  #: what float32 can hold; no weight, current or time is larger in earnest


def shown(value: Any) -> str:
    """Return a short text for a value in a message."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {value.dtype} of shape {value.shape}"
    try:
        return f"{value:g}" if type(value) is float and not value.is_integer() else reprlib.repr(value)
    except Exception:  # a stranger's repr may do anything
        return f"an object of type {type(value).__name__}"


def _range(unit: str, above: float, least: float, most: float) -> str:
    unit = f" {unit}" if unit else ""
    bounds = [(">", above), (">=", least), ("<=", most)]
    return " and ".join(f"{sign} {bound:g}{unit}" for sign, bound in bounds if math.isfinite(bound))


def wrong_number(
    value: Any,
    field: str,
    unit: str = "",
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    whole: bool = False,
    infinite: bool = False,
) -> str | None:
    """Return why a value is not one number in a range, or None; true and false are no numbers.

    Parameters
    ----------
    above, least, most : float
        an exclusive bound from below, and inclusive ones
    whole : bool
        whether only integers will do; 2.0 is none
    infinite : bool
        whether infinity will do
    """
    kind = "a whole number" if whole else "a number"
    bounds = _range(unit, above, least, most)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, _WHOLE if whole else _NUMBER):
        return f"{field} must be {' '.join([kind, bounds]).strip()}, got {shown(value)}"
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return f"{field} must be below {LARGEST:g} in magnitude, got {shown(value)}"
    if math.isnan(number) or (math.isinf(number) and not infinite):
        return f"{field} must be {bounds + ' and ' if bounds else ''}finite, got {number}"
    if not (number >= least and number <= most) or (above > -math.inf and not number > above):
        return f"{field} must be {bounds}, got {shown(value)}"
    if LARGEST < abs(number) < math.inf:
        return f"{field} must be below {LARGEST:g} in magnitude, got {number:g}"
    return None


def number(value: Any, where: str, field: str, unit: str = "", **limits: Any) -> None:
    """Refuse what :func:`wrong_number` finds wrong."""
    problem = wrong_number(value, field, unit, **limits)
    if problem:
        raise DescriptionError(f"{where}: {problem}")


def flag(value: Any, field: str) -> str | None:
    """Return why a value is neither true nor false, or None."""
    if isinstance(value, (bool, np.bool_)):
        return None
    return f"{field} must be True or False, got {shown(value)}"


def name(value: Any, where: str, field: str = "name") -> None:
    """Refuse what cannot name a part of a network: names become keys of stores and states."""
    if not isinstance(value, str) or not value or "/" in value or not value.isprintable():
        raise DescriptionError(
            f"{where}: {field} must be printable text, not empty and without '/', got {shown(value)}"
        )


def array(value: Any, where: str, field: str, kinds: str = "fiu", what: str = "numbers") -> Array:
    """Return an array of finite numbers that are not too large; ``kinds`` are NumPy's.

    An empty list will do, though NumPy takes it for floats.
    """
    try:
        found = np.asarray(value)
    except Exception:  # ragged lists, strange objects
        raise DescriptionError(f"{where}: {field} must be {what}, got {shown(value)}") from None
    if found.size == 0 and found.dtype.kind in "fiu":
        return found
    if found.dtype.kind not in kinds:
        raise DescriptionError(f"{where}: {field} must be {what}, got {shown(value)}")
    if found.dtype.kind == "f" and not (found.min() >= -LARGEST and found.max() <= LARGEST):
        bad = ~(np.abs(found) <= LARGEST)
        raise DescriptionError(
            f"{where}: {field} must be finite and below {LARGEST:g} in magnitude, got {float(found[bad][0])}"
        )
    return found
