"""Tables of network files, derived from the classes that they describe.

Each parameter of a neuron model, connection rule, distribution, source or plasticity rule is declared once, in its
dataclass: name, type, default, and, as a field's metadata or in the class's documentation, unit and range. From there
come the table that a file is held against, its JSON Schema and the text of ``tegmentum config schema``.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import functools
import inspect
import math
import operator
import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tegmentum.simcore.neurons.base import NeuronModel

_LARGEST = 3.4e38  # what float32 can hold
_UNITS = ("ms", "mV", "pA", "nS", "pF", "Hz", "in the receptor's unit", "the weight's unit")


def nearest(name: str, known: collections.abc.Iterable[str]) -> str:
    """Return a hint at the known name that is most like a wrong one, or at all of them."""
    known = [k if k and k.isprintable() else repr(k) for k in known]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


class Table(BaseModel):
    """A table of a file: known keys, each of its own type, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, table: Any) -> Any:
        """Refuse an unknown key before anything else: a misspelt one is also missing under its right name."""
        if isinstance(table, dict):
            for key in table:
                if key not in cls.model_fields:
                    hint = nearest(key, cls.model_fields)
                    raise PydanticCustomError("unknown_key", "{hint}", {"key": key, "hint": hint})
        return table


class Described(Table):
    """A table that stands for an object of a class of the simulator."""

    of: ClassVar[Any]
    pairs: ClassVar[frozenset[str]] = frozenset()  # parameters that are tuples

    def made(self, **more: Any) -> Any:
        """Make the object, with parameters of its own beside those of the file."""
        given = {
            name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set
        }
        given.pop("type", None)
        values = {name: tuple(v) if name in self.pairs and isinstance(v, list) else value_of(v)
                  for name, v in given.items() if name not in more}  # fmt: skip
        return self.of(**values, **more)


def value_of(value: Any) -> Any:
    """Turn what a file gives into a number, array or distribution."""
    if isinstance(value, Described):
        return value.made()
    return np.array(value) if isinstance(value, list) else value


# ------------------------------------------------------------------------------------------- types of values


def _in_float32(x: float) -> float:
    if _LARGEST < abs(x) < math.inf:
        raise PydanticCustomError("too_large", "must be below 3.4e38 in magnitude")
    return x


def _no_nan(x: float) -> float:
    if math.isnan(x):
        raise PydanticCustomError("nan", "must be a number")
    return x


def _bounds(limits: collections.abc.Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's range in pydantic's words."""
    found = {
        "gt": limits.get("above", -math.inf),
        "ge": limits.get("least", -math.inf),
        "lt": limits.get("below", math.inf),
        "le": limits.get("most", math.inf),
    }
    return {key: bound for key, bound in found.items() if bound is not None and math.isfinite(bound)}


def number(limits: collections.abc.Mapping[str, Any], whole: bool = False, infinite: bool = False) -> Any:
    """Return the type of one number in a range; true and false are none, nor is text."""
    if whole:
        bounds: dict[str, Any] = {"le": 2**63 - 1, **_bounds(limits)}
        return Annotated[int, Field(**bounds)]
    bounds = dict(_bounds(limits))
    finite = Field(allow_inf_nan=infinite, **bounds)
    return Annotated[float, finite, AfterValidator(_no_nan), AfterValidator(_in_float32)]


def array(limits: collections.abc.Mapping[str, Any], whole: bool = False) -> Any:
    """Return the type of lists, nested or not, of numbers in a range."""
    kind = "whole numbers" if whole else "numbers"
    inner: dict[str, Any] = {"type": "integer" if whole else "number"}
    words = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
    inner |= {words[key]: bound for key, bound in _bounds(limits).items()}

    def leaves(value: list[Any]) -> Iterator[Any]:
        for item in value:
            if isinstance(item, list):
                yield from leaves(item)
            else:
                yield item

    def check(value: list[Any]) -> list[Any]:
        for item in leaves(value):
            if isinstance(item, bool) or not isinstance(item, int if whole else (int, float)):
                raise PydanticCustomError(
                    "array", f"must hold {kind} only, but holds {{item}}", {"item": repr(item)[:80]}
                )
            if not -_LARGEST <= item <= _LARGEST:  # so is nan
                raise PydanticCustomError("array", "must hold finite numbers below 3.4e38, but holds {item}",
                                          {"item": repr(item)[:80]})  # fmt: skip
            for key, bound in _bounds(limits).items():
                ok = {"gt": item > bound, "ge": item >= bound, "lt": item < bound, "le": item <= bound}[key]
                if not ok:
                    sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[key]
                    raise PydanticCustomError("array", "must hold numbers {range} only, but holds {item}",
                                              {"range": f"{sign} {bound:g}", "item": repr(item)[:80]})  # fmt: skip
        try:
            found = np.array(value)
        except ValueError:
            raise PydanticCustomError("array", "must have rows of equal length") from None
        if found.size and found.dtype.kind not in ("iu" if whole else "iuf"):
            raise PydanticCustomError("array", f"must hold {kind} that 64 bits can hold")
        return value

    return Annotated[list[Any], AfterValidator(check), WithJsonSchema({"type": "array", "items": inner})]


def _union(types: collections.abc.Iterable[Any]) -> Any:
    return functools.reduce(operator.or_, types)


def tagged(kinds: dict[str, type[Described]], default: str | None = None) -> Any:
    """Return the type of tables with ``type``, the name of a class."""

    def known(table: Any) -> Any:
        example = f'{{ type = "{next(iter(kinds))}" }}'
        if not isinstance(table, dict):
            raise PydanticCustomError("no_table", "must be a table such as {example}", {"example": example})
        if "type" not in table:
            for key in difflib.get_close_matches("type", table, n=1, cutoff=0.7):
                raise PydanticCustomError(
                    "unknown_key", "{hint}", {"key": key, "hint": "; did you mean 'type'?"}
                )
            if default is None:
                hint = nearest("", kinds)[2:]
                raise PydanticCustomError("no_type", "type is missing; {hint}", {"hint": hint})
            return {"type": default, **table}
        name = table["type"]
        if not isinstance(name, str) or name not in kinds:
            hint = f"there is no type {name!r}"[:80] + nearest(str(name)[:80], kinds)
            raise PydanticCustomError("no_such_type", "{hint}", {"hint": hint})
        return table

    if len(kinds) == 1:
        return Annotated[next(iter(kinds.values())), BeforeValidator(known)]
    union = _union(Annotated[kind, Tag(f"<{name}>")] for name, kind in kinds.items())
    return Annotated[union, Discriminator(lambda table: f"<{table['type']}>"), BeforeValidator(known)]


def either(one: Any = None, many: Any = None, table: Any = None) -> Any:
    """Return the type of a value that may be one number, a list of numbers or a table."""
    parts = {"<one>": one, "<many>": many, "<table>": table}
    there = {tag: part for tag, part in parts.items() if part is not None}
    if len(there) == 1:
        return next(iter(there.values()))

    def which(value: Any) -> str:
        tag = "<many>" if isinstance(value, list) else "<table>" if isinstance(value, dict) else "<one>"
        return tag if tag in there else next(iter(there))

    union = _union(Annotated[part, Tag(tag)] for tag, part in there.items())
    return Annotated[union, Discriminator(which)]


# ---------------------------------------------------------------------------------------- tables of classes


def documented(cls: Any) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each parameter that a class's documentation lists."""
    text = inspect.getdoc(cls) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    found: dict[str, tuple[str, str]] = {}
    for entry in re.split(r"\n(?=\w)", section[1].strip() if section else ""):
        head, _, body = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        unit = next((part for part in kind.split(", ") if part in _UNITS), "")
        meaning = " ".join(body.split()).replace("``", "")
        meaning = re.sub(r":\w+:`\.?([^`]*)`", r"\1", meaning).replace("\\", "")
        found |= {name.strip(): (unit, meaning) for name in names.split(",")}
    return found


def _type_of(hint: Any, field: dataclasses.Field[Any], model: bool, distributions: Any, names: Any) -> Any:
    """Return the type of a key from that of a dataclass's field."""
    limits = field.metadata
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    one = many = table = None
    plain: list[Any] = []
    for option in options:
        origin = typing.get_origin(option) or option
        if option in (int, float):
            one = number(limits, option is int, _may_be_infinite(field))
        elif option is Any or origin is np.ndarray:
            one = one or number(limits)
            many, table = array(limits), distributions if model else None
        elif origin is tuple:
            n = len(typing.get_args(option))
            item = number({"least": 0}, whole=True)
            many = Annotated[
                list[item],  # type: ignore[valid-type]
                Field(min_length=n, max_length=n),
            ]
        elif isinstance(option, type) and dataclasses.is_dataclass(option):
            plain = [names]
        elif origin in (bool, str, type(None), typing.Literal):
            plain.append(option)
        # a function cannot stand in a file
    numbers = [either(one, many, table)] if one or many or table else []
    return _union((*numbers, *plain))


def _may_be_infinite(field: dataclasses.Field[Any]) -> bool:
    return isinstance(field.default, float) and math.isinf(field.default)


def table_of(
    cls: Any,
    *,
    typed: bool = True,
    distributions: Any = None,
    names: Any = str | list[str],
    leave: tuple[str, ...] = (),
    own: dict[str, Any] | None = None,
) -> type[Described]:
    """Derive the table that describes an object of a class.

    Parameters
    ----------
    typed : bool
        whether the table names its class under ``type``
    distributions
        type of the tables that may stand for a neuron's parameter
    names
        type of what stands for a population
    leave : names of fields that are no keys
    own : types of keys, instead of those derived from the fields
    """
    hints = {} if own and set(own) | set(leave) >= {f.name for f in dataclasses.fields(cls)} else _hints(cls)
    docs = documented(cls)
    keys: dict[str, Any] = {}
    if typed:
        keys["type"] = (Literal[cls.__name__], ...)
    pairs = set()
    for field in dataclasses.fields(cls):
        if field.name in leave or not field.init:
            continue
        unit, meaning = docs.get(field.name, ("", ""))
        unit = field.metadata.get("unit") or unit
        if own and field.name in own:
            kind = own[field.name]
        else:
            kind = _type_of(hints[field.name], field, issubclass(cls, NeuronModel), distributions, names)
            if "tuple" in str(hints[field.name]):
                pairs.add(field.name)
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
            default = (
                None if dataclasses.is_dataclass(default) else default
            )  # an object has no text in a schema
        else:
            default = ... if field.default is dataclasses.MISSING else field.default
        extra: Any = {"unit": unit} if unit else None
        description = field.metadata.get("doc") or meaning or None
        keys[field.name] = (kind, Field(default, description=description, json_schema_extra=extra))
    made: type[Described] = create_model(cls.__name__, __base__=Described, __doc__=_summary(cls), **keys)
    made.of, made.pairs = cls, frozenset(pairs)
    return made


def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _summary(cls: Any) -> str:
    text = (inspect.getdoc(cls) or "").partition("\n\n")[0]
    return re.sub(r":\w+:`\.?([^`]*)`", r"\1", " ".join(text.split())).replace("``", "")
