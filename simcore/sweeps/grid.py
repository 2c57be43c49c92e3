"""The grid of a sweep: named parameters, their values, and every combination of these in a fixed order."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..describe import checks
from ..errors import DescriptionError

Array = np.ndarray[Any, Any]
#: dimensions and variables of every index, which no parameter may be called
RESERVED = ("status", "error", "run", "wall_time", "threads", "host", "runs", "zarr.json")
_MOST = 1_000_000
_LONGEST = 120  # characters of a file's name


@dataclass(frozen=True)
class Grid:
    """Parameters and their values; the last parameter changes fastest from run to run.

    Parameters
    ----------
    values : dict of parameter name to tuple of its values
        numbers, text, true or false, and lists or tables of these
    """

    values: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, given: Mapping[str, Iterable[Any]], reserved: Iterable[str] = ()) -> Grid:
        """Check what a user gave; ``reserved`` are names that the index needs besides :data:`RESERVED`."""
        if not isinstance(given, Mapping) or not given:
            raise DescriptionError(
                f'sweep: grid must map names to values such as {{"g": [4.0, 5.0], "seed": range(10)}}, '
                f"got {checks.shown(given)}"
            )
        taken = {*RESERVED, *reserved}
        values = {}
        for name, found in given.items():
            checks.name(name, "sweep", "the name of a parameter")
            if name in taken or name.startswith((".", "__")):
                raise DescriptionError(
                    f"sweep: the index needs the name {name!r} itself; call the parameter otherwise"
                )
            values[name] = _values(name, found)
        grid = cls(values)
        if len(grid) > _MOST:
            raise DescriptionError(f"sweep: the grid has {len(grid):,} runs, at most {_MOST:,} will do")
        return grid

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(found) for found in self.values.values())

    def __len__(self) -> int:
        n = 1
        for size in self.shape:
            n *= size
        return n

    def points(self) -> list[dict[str, Any]]:
        """Return the parameters of every run, in order."""
        return [
            dict(zip(self.names, point, strict=True)) for point in itertools.product(*self.values.values())
        ]

    def labels(self, name: str) -> Array:
        """Return a parameter's values as a coordinate: int64, float64, bool, or text for anything else."""
        found = self.values[name]
        if all(isinstance(v, bool) for v in found):
            return np.array(found, bool)
        if all(isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**63 for v in found):
            return np.array(found, np.int64)
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in found):
            return np.array(found, np.float64)
        return np.array([_text(v) for v in found])


def name_of(parameters: Mapping[str, Any]) -> str:
    """Return what a run is called, also on disk: ``g=4.5,seed=3``; with a digest where that is no name of a file."""
    whole = ",".join(f"{name}={_text(value)}" for name, value in parameters.items())
    safe = re.sub(r"[^A-Za-z0-9.,=_+-]+", "_", whole)
    if safe == whole and len(whole) <= _LONGEST and whole[0] not in ".-":
        return whole
    return f"{safe[:60].lstrip('.-')}-{hashlib.sha256(whole.encode()).hexdigest()[:10]}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _values(name: str, given: Iterable[Any]) -> tuple[Any, ...]:
    """Return the values of a parameter as plain Python ones, all different."""
    where = f"sweep: {name}"
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise DescriptionError(f"{where}: must be a list of values, got {checks.shown(given)}")
    if isinstance(given, range) and len(given) > _MOST:
        raise DescriptionError(f"{where}: has {len(given):,} values, at most {_MOST:,} will do")
    values = tuple(_plain(where, value) for value in given)
    if not values:
        raise DescriptionError(f"{where}: has no values")
    seen: set[str] = set()
    for value in values:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        key = repr(float(value)) if number and abs(value) < 2**53 else _text(value)
        if key in seen:
            raise DescriptionError(f"{where}: holds {checks.shown(value)} twice")
        seen.add(key)
    return values


def _plain(where: str, value: Any) -> Any:
    """Return a value of JSON; NaN, infinity and objects are none."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise DescriptionError(
            f"{where}: must be numbers, text, or true or false, got {checks.shown(value)}"
        ) from None
