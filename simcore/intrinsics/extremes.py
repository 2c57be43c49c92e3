"""``min`` and ``max`` of numbers, compiled where they stand.

Numba makes a function, and machine code, of each for every combination of types: a thirtieth of a network's first
start. The values are Numba's, and Python's, among ``nan`` too. Only kernels import this file.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from numba.core import cgutils, types
from numba.core.typing import signature
from numba.extending import intrinsic


def _first(typingctx: Any, given: tuple[Any, ...], before: Callable[..., Any]) -> Any:
    """Return signature and code of what comes ``before`` all others of the numbers ``given``, or of a tuple of them."""
    in_tuple = len(given) == 1 and isinstance(given[0], types.BaseTuple)  # type: ignore[attr-defined]
    numbers = tuple(given[0]) if in_tuple else given
    if not numbers or not all(isinstance(number, (types.Number, types.Boolean)) for number in numbers):
        return None
    kind = typingctx.unify_types(*numbers)
    if kind is None:
        return None

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        comes_before = context.get_function(before, signature(types.boolean, kind, kind))

        def first(one: Any, other: Any) -> Any:
            return builder.select(comes_before(builder, (other, one)), other, one)

        values, own = cgutils.unpack_tuple(builder, args[0]), tuple(sig.args[0])
        if in_tuple:
            values, own = cgutils.unpack_tuple(builder, values[0]), tuple(own[0])
        pairs = zip(values, own, strict=True)
        return reduce(first, [context.cast(builder, value, its, kind) for value, its in pairs])

    return kind(types.StarArgTuple.from_types(given)), codegen  # type: ignore[attr-defined]


@intrinsic
def min(typingctx: Any, *numbers: Any) -> Any:
    """Return the least of some numbers, or of a tuple of them."""
    return _first(typingctx, numbers, operator.lt)


@intrinsic
def max(typingctx: Any, *numbers: Any) -> Any:
    """Return the greatest of some numbers, or of a tuple of them."""
    return _first(typingctx, numbers, operator.gt)
