"""Lists of those of many that something is true of, made with vectors, without a branch. Only kernels import this."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..vectors import LANES

_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_NUMBERS, _MASK = ir.VectorType(_I32, LANES), ir.VectorType(ir.IntType(1), LANES)


def _splat(b: Any, value: Any) -> Any:
    """All lanes hold ``value``."""
    first = b.insert_element(ir.Constant(_NUMBERS, ir.Undefined), value, _I32(0))
    return b.shuffle_vector(first, first, ir.Constant(_NUMBERS, [0] * LANES))


@intrinsic
def list_from(typingctx: Any, values: Any, n: Any, least: Any, out: Any) -> Any:
    """List in ``out`` the places of the first ``n`` values that are at least ``least``; returns how many.

    Both arrays are int32, contiguous, and have room for LANES elements more.
    """

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        values, out = (context.make_array(signature.args[k])(context, b, args[k]).data for k in (0, 3))
        size, lane = _splat(b, b.trunc(args[1], _I32)), ir.Constant(_NUMBERS, list(range(LANES)))
        least, found = _splat(b, b.trunc(args[2], _I32)), cgutils.alloca_once_value(b, _I64(0))
        squeeze = cgutils.get_or_insert_function(
            b.module,
            ir.FunctionType(_NUMBERS, [_NUMBERS, _MASK, _NUMBERS]),
            f"llvm.experimental.vector.compress.v{LANES}i32",
        )
        with cgutils.for_range_slice(b, _I64(0), args[1], _I64(LANES)) as (k, _):
            place = b.add(_splat(b, b.trunc(k, _I32)), lane)
            here = b.load(b.bitcast(b.gep(values, [k]), _NUMBERS.as_pointer()), align=4)
            true = b.and_(b.icmp_signed(">=", here, least), b.icmp_signed("<", place, size))
            there = b.load(found)
            at = b.bitcast(b.gep(out, [there]), _NUMBERS.as_pointer())
            b.store(b.call(squeeze, [place, true, place]), at, align=4)
            b.store(b.add(there, b.zext(b.ctpop(b.bitcast(true, _I16)), _I64)), found)
        return b.load(found)

    return types.int64(values, types.int64, types.int64, out), codegen
