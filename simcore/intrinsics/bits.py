"""Bits and vectors: a bit for each of many comparisons or outputs, and lists of those that are set.

Whether a neuron fired is one bit. A loop that asks one neuron after another cannot be vectorised where it lists, and
guesses wrong where it branches; eight bits at once are a row of a table that lists them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
WORD = 64  #: bits that :func:`below` gives at once

_I8, _I16, _I64 = ir.IntType(8), ir.IntType(16), ir.IntType(64)
_FLOATS, _BITS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(1), LANES)
_EIGHT = [[i for i in range(8) if byte >> i & 1] for byte in range(256)]  # the set bits of each byte


def _long(value: int) -> Any:
    return ir.Constant(_I64, value)


def _splat(b: Any, value: Any, lanes: int) -> Any:
    """All lanes hold ``value``."""
    none = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return b.shuffle_vector(b.insert_element(none, value, _long(0)), none, first)


def _vector(b: Any, data: Any, offset: Any, kind: Any) -> Any:
    """Pointer to a vector, or to an integer of several bytes, that begins with an element of an array."""
    return b.bitcast(b.gep(data, [offset]), kind.as_pointer())


def _call(b: Any, name: str, value: Any, *rest: Any) -> Any:
    kinds = [value.type, *(r.type for r in rest)]
    function = cgutils.get_or_insert_function(
        b.module, ir.FunctionType(value.type, kinds), f"llvm.{name}.i{value.type.width}"
    )
    return b.call(function, [value, *rest])


def _are_arrays(*arrays: Any) -> bool:
    return all(isinstance(a, types.Array) and a.layout == "C" for a in arrays)


@intrinsic
def count_set(typingctx: Any, word: Any) -> Any:
    """How many bits of a uint64 are set."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        return _call(b, "ctpop", args[0])

    return types.int64(types.uint64), codegen


@intrinsic
def first_set(typingctx: Any, word: Any) -> Any:
    """Position of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        return _call(b, "cttz", args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic
def below(typingctx: Any, words: Any, first: Any, limits: Any, k: Any) -> Any:
    """Uint64 whose bit i is ``words[first + i] < limits[k + i]``, for i below 64; both uint32, contiguous."""
    if not _are_arrays(words, limits) or not words.dtype == limits.dtype == types.uint32:
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(32), WORD)
        drawn, limit = (
            b.load(
                _vector(b, context.make_array(sig.args[j])(context, b, args[j]).data, args[j + 1], kind),
                align=4,
            )
            for j in (0, 2)
        )
        return b.bitcast(b.icmp_unsigned("<", drawn, limit), _I64)

    return types.uint64(words, types.intp, limits, types.intp), codegen


@intrinsic
def list_bits(typingctx: Any, bits: Any, first: Any, n: Any, index: Any, at: Any) -> Any:
    """List which of the ``n`` bits from byte ``first`` on are set, in ``index[at:]``; returns how many.

    ``bits`` are uint8, ``index`` uint16 or uint32, both contiguous. Entries are written eight at a time: up to ``n``
    rounded up to 8 of them are overwritten.
    """
    if (
        not _are_arrays(bits, index)
        or bits.dtype != types.uint8
        or index.dtype not in (types.uint16, types.uint32)
    ):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        data, out = (context.make_array(sig.args[j])(context, b, args[j]).data for j in (0, 3))
        first, n, at = args[1], args[2], args[4]
        row = ir.ArrayType(_I16, 8)
        listed = ir.Constant(
            ir.ArrayType(row, 256), [ir.Constant(row, (set_ + [0] * 8)[:8]) for set_ in _EIGHT]
        )
        table = cgutils.global_constant(b.module, ".bits.listed", listed)
        number = context.get_value_type(sig.args[3].dtype)
        eight = ir.VectorType(number, 8)
        count = cgutils.alloca_once_value(b, _long(0))

        def put(k: Any, byte: Any) -> None:
            there = b.gep(table, [_long(0), b.zext(byte, _I64), _long(0)])
            found = b.load(b.bitcast(there, ir.VectorType(_I16, 8).as_pointer()), align=2)
            found = found if number.width == 16 else b.zext(found, eight)
            base = b.trunc(b.mul(k, _long(8)), number)
            before = b.load(count)
            b.store(b.add(found, _splat(b, base, 8)), _vector(b, out, b.add(at, before), eight), align=2)
            b.store(b.add(before, b.zext(_call(b, "ctpop", byte), _I64)), count)

        whole, rest = b.udiv(n, _long(8)), b.urem(n, _long(8))
        with cgutils.for_range(b, whole) as loop:
            put(loop.index, b.load(b.gep(data, [b.add(first, loop.index)])))
        with b.if_then(b.icmp_unsigned("!=", rest, _long(0))):
            kept = b.sub(b.shl(ir.Constant(_I8, 1), b.trunc(rest, _I8)), ir.Constant(_I8, 1))
            put(whole, b.and_(b.load(b.gep(data, [b.add(first, whole)])), kept))
        return b.load(count)

    return types.intp(bits, types.intp, types.intp, index, types.intp), codegen


@intrinsic
def put_outputs(typingctx: Any, outputs: Any, first: Any, values: Any, row: Any) -> Any:
    """Keep ``values[row]``, float32 (n, width), from number ``first`` of all outputs on.

    ``outputs`` is contiguous: float32 keeps them as they are, uint8 a bit for each, whether it is 0. ``width`` and
    ``first`` are multiples of 16.
    """
    if not _are_arrays(outputs, values) or outputs.dtype not in (types.uint8, types.float32):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        kept = context.make_array(sig.args[0])(context, b, args[0]).data
        given = context.make_array(sig.args[2])(context, b, args[2])
        width = b.extract_value(given.shape, 1)
        begin = b.mul(args[3], width)
        with cgutils.for_range(b, b.udiv(width, _long(LANES))) as loop:
            offset = b.mul(loop.index, _long(LANES))
            now = b.load(_vector(b, given.data, b.add(begin, offset), _FLOATS), align=4)
            there = b.add(args[1], offset)
            if sig.args[0].dtype == types.float32:
                b.store(now, _vector(b, kept, there, _FLOATS), align=4)
            else:
                mask = b.fcmp_unordered("!=", now, ir.Constant(_FLOATS, [0.0] * LANES))
                b.store(b.bitcast(mask, _I16), _vector(b, kept, b.udiv(there, _long(8)), _I16), align=1)
        return context.get_dummy_value()

    return types.void(outputs, types.intp, values, types.intp), codegen


@intrinsic
def get_outputs(typingctx: Any, outputs: Any, first: Any, n: Any, x: Any) -> Any:
    """Fill ``x``, float32, with ``n`` rounded up to 16 of what :func:`put_outputs` kept from number ``first`` on."""
    if not _are_arrays(outputs, x) or outputs.dtype not in (types.uint8, types.float32):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        kept, x = (context.make_array(sig.args[j])(context, b, args[j]).data for j in (0, 3))
        with cgutils.for_range(b, b.udiv(b.add(args[2], _long(LANES - 1)), _long(LANES))) as loop:
            offset = b.mul(loop.index, _long(LANES))
            there = b.add(args[1], offset)
            if sig.args[0].dtype == types.float32:
                now = b.load(_vector(b, kept, there, _FLOATS), align=4)
            else:
                mask = b.load(_vector(b, kept, b.udiv(there, _long(8)), _I16), align=1)
                now = b.uitofp(b.bitcast(mask, _BITS), _FLOATS)
            b.store(now, _vector(b, x, offset, _FLOATS), align=4)
        return context.get_dummy_value()

    return types.void(outputs, types.intp, types.intp, x), codegen


@intrinsic
def count_bits(typingctx: Any, bits: Any, first: Any, n: Any) -> Any:
    """How many of the ``n`` bits from byte ``first`` on are set; ``bits`` are uint8, contiguous."""
    if not _are_arrays(bits) or bits.dtype != types.uint8:
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        data, (_, first, n) = context.make_array(sig.args[0])(context, b, args[0]).data, args
        count = cgutils.alloca_once_value(b, _long(0))

        def put(byte: Any) -> None:
            b.store(b.add(b.load(count), b.zext(_call(b, "ctpop", byte), _I64)), count)

        whole, rest = b.udiv(n, _long(8)), b.urem(n, _long(8))
        with cgutils.for_range(b, whole) as loop:
            put(b.load(b.gep(data, [b.add(first, loop.index)])))
        with b.if_then(b.icmp_unsigned("!=", rest, _long(0))):
            kept = b.sub(b.shl(ir.Constant(_I8, 1), b.trunc(rest, _I8)), ir.Constant(_I8, 1))
            put(b.and_(b.load(b.gep(data, [b.add(first, whole)])), kept))
        return b.load(count)

    return types.int64(bits, types.intp, types.intp), codegen
