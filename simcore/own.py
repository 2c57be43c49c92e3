"""Whose functions they are: what a model or a rule is made of belongs to its class.

A class holds its functions and named tuples itself,

.. code-block:: python

    class Ramp(NeuronModel):
        class State(NamedTuple):
            v: float

        @staticmethod
        def flow(s, c, i):
            return Ramp.State(s.v + c.step)

or it has a file for itself and they stand beside it in that file. A subclass has what its base has, and may replace a
part. What stands in a file that several classes share belongs to none of them, and is refused.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

from .errors import DescriptionError


class Own:
    """Base of classes with functions of their own: neuron models, rules of plasticity."""

    #: functions that it must have, and that it may have -> how many arguments they take, None where that is open
    _needs: ClassVar[Mapping[str, int | None]] = {}
    _may_have: ClassVar[Mapping[str, int | None]] = {}
    #: named tuples that it must have, and that it may have
    _tuples: ClassVar[tuple[str, ...]] = ()
    _may_tuples: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def functions(cls) -> dict[str, Any]:
        """Return the functions and named tuples that the engine builds on, by name.

        Raises
        ------
        DescriptionError
            where one is missing, takes another number of arguments, or stands in a file that classes share
        """
        found = {}
        for name in (*cls._tuples, *cls._may_tuples, *cls._needs, *cls._may_have):
            part = cls._part(name)
            if part is not None:
                found[name] = part
        missing = [name for name in (*cls._tuples, *cls._needs) if name not in found]
        if missing:
            raise DescriptionError(
                f"{cls.__name__}: no {', '.join(missing)} in the class, nor beside it in {cls.__module__}"
            )
        for name in (*cls._tuples, *(name for name in cls._may_tuples if name in found)):
            if not hasattr(found[name], "_fields"):
                raise DescriptionError(f"{cls.__name__}: {name} must be a NamedTuple, got {found[name]!r}")
        for name, n in {**cls._needs, **cls._may_have}.items():
            if name not in found:
                continue
            if not inspect.isfunction(found[name]):
                raise DescriptionError(f"{cls.__name__}: {name} must be a function, got {found[name]!r}")
            got = len(inspect.signature(found[name]).parameters)
            if n is not None and got != n:
                raise DescriptionError(f"{cls.__name__}: {name} takes {got} arguments, must take {n}")
        return found

    @classmethod
    def home(cls) -> Any:
        """Return :meth:`functions` as attributes of one object."""
        return SimpleNamespace(**cls.functions())

    @classmethod
    def _part(cls, name: str) -> Any:
        """Return one part, from the first class or file that has it; None if there is none."""
        for owner in cls.__mro__:
            own = owner.__dict__.get(name)
            if isinstance(own, staticmethod):
                return own.__func__
            if inspect.isfunction(own):
                raise DescriptionError(
                    f"{owner.__name__}: {name} must be a @staticmethod: it takes numbers, not self"
                )
            if name in owner.__dict__:  # also None: it does without
                return own
            if not issubclass(owner, Own):
                continue
            beside = owner._beside()
            if inspect.isfunction(beside.get(name)) or hasattr(beside.get(name), "_fields"):
                now = beside.get(owner.__name__)
                if inspect.isclass(now) and now is not owner and now.__qualname__ == owner.__qualname__:
                    raise DescriptionError(
                        f"{owner.__name__}: the class was defined anew; make the object anew, too"
                    )
                others = [other.__name__ for other in owner._neighbours() if other._takes(name, beside)]
                if others:
                    raise DescriptionError(
                        f"{owner.__name__}: {name} of {owner.__module__} could be that of {' or '.join(others)} "
                        f"as well; where a file holds several models or rules, put {name} into its class"
                    )
                return beside[name]
        return None

    @classmethod
    def _beside(cls) -> dict[str, Any]:
        """Names in the class's file; of a base such as NeuronModel, which has no functions, nothing."""
        if "_needs" in cls.__dict__ or cls.__module__ not in sys.modules:
            return {}
        return vars(sys.modules[cls.__module__])

    @classmethod
    def _neighbours(cls) -> list[type[Own]]:
        """Return other models and rules of the same file, but for its bases and subclasses, which share with it."""
        return [
            other
            for other in cls._beside().values()
            if inspect.isclass(other)
            and issubclass(other, Own)
            and other.__module__ == cls.__module__
            and "_needs" not in other.__dict__
            and other.__qualname__ != cls.__qualname__
            and not (issubclass(cls, other) or issubclass(other, cls))
        ]

    @classmethod
    def _takes(cls, name: str, beside: dict[str, Any]) -> bool:
        """Whether a class needs ``name`` and has it from its file."""
        if name not in (*cls._tuples, *cls._may_tuples, *cls._needs, *cls._may_have):
            return False
        for owner in cls.__mro__:
            if name in owner.__dict__:
                return False
            if issubclass(owner, Own) and owner._beside() is beside:
                return True
        return False
