"""Philox for many counters at once, in vector registers.

:func:`.philox` is the definition. LLVM does not vectorise it (its cost model takes the 32 x 32-bit
products for full 64-bit ones), so a loop over counters takes 8 ns each; written as vector code it takes 1.8 ns.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .philox import _M0, _M1, _W0, _W1

LANES = 8  #: counters at once; arrays must have room for a multiple of it

_WORDS = ir.VectorType(ir.IntType(32), LANES)
_WIDE = ir.VectorType(ir.IntType(64), LANES)


def _splat(b: Any, value: Any) -> Any:
    """All lanes hold the low 32 bits of ``value``."""
    low = b.zext(b.trunc(value, ir.IntType(32)), ir.IntType(64))
    one = b.insert_element(ir.Constant(_WIDE, ir.Undefined), low, ir.Constant(ir.IntType(32), 0))
    return b.shuffle_vector(one, ir.Constant(_WIDE, ir.Undefined), ir.Constant(_WORDS, [0] * LANES))


def _constant(value: Any) -> Any:
    return ir.Constant(_WIDE, [int(value)] * LANES)


def _rounds(b: Any, c: list[Any], k: list[Any]) -> list[Any]:
    """Ten rounds on vectors of words held in 64-bit lanes."""
    low, half = _constant(0xFFFFFFFF), _constant(32)
    for _ in range(10):
        p0, p1 = b.mul(_constant(_M0), c[0]), b.mul(_constant(_M1), c[2])
        c = [
            b.xor(b.xor(b.lshr(p1, half), c[1]), k[0]),
            b.and_(p1, low),
            b.xor(b.xor(b.lshr(p0, half), c[3]), k[1]),
            b.and_(p0, low),
        ]
        k = [b.and_(b.add(k[0], _constant(_W0)), low), b.and_(b.add(k[1], _constant(_W1)), low)]
    return c


@intrinsic
def philox_block(
    typingctx: Any, out: Any, c0: Any, n: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any
) -> Any:
    """``out[w * stride + i] = philox(c0[i], c1, c2, c3, k0, k1)[w]`` for i below ``n`` rounded up to 8.

    ``out`` is uint32 (4 * stride,), ``c0`` uint32 (stride,), both contiguous, with stride a multiple of 8. Each of the
    other words of the counter may be such an array as well.
    """
    if not (
        isinstance(out, types.Array) and isinstance(c0, types.Array) and out.dtype == c0.dtype == types.uint32
    ):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        pointers = [context.make_array(sig.args[j])(context, b, args[j]).data for j in (0, 1)]
        stride = b.extract_value(context.make_array(sig.args[1])(context, b, args[1]).shape, 0)
        i64 = ir.IntType(64)
        own = {
            j: context.make_array(kind)(context, b, args[j]).data
            for j, kind in enumerate(sig.args)
            if j in several
        }
        fixed = {j: _splat(b, word) for j, word in enumerate(args) if j > 2 and j not in several}
        blocks = b.udiv(b.add(args[2], ir.Constant(i64, LANES - 1)), ir.Constant(i64, LANES))

        def at(base: Any, offset: Any) -> Any:
            return b.bitcast(b.gep(base, [offset]), _WORDS.as_pointer())

        with cgutils.for_range(b, blocks) as loop:
            i = b.mul(loop.index, ir.Constant(i64, LANES))
            first = b.zext(b.load(at(pointers[1], i), align=4), _WIDE)
            here = fixed | {j: b.zext(b.load(at(data, i), align=4), _WIDE) for j, data in own.items()}
            words = _rounds(b, [first, here[3], here[4], here[5]], [here[6], here[7]])
            for w, word in enumerate(words):
                offset = b.add(b.mul(stride, ir.Constant(i64, w)), i)
                b.store(b.trunc(word, _WORDS), at(pointers[0], offset), align=4)
        return context.get_dummy_value()

    u64 = types.uint64
    counter = [kind if isinstance(kind, types.Array) else u64 for kind in (c1, c2, c3)]
    several = {j for j, kind in enumerate(counter, 3) if kind is not u64}
    if any(kind.dtype != types.uint32 for kind in counter if kind is not u64):
        return None
    return types.void(out, c0, types.intp, *counter, u64, u64), codegen


@intrinsic
def philox_blocks(
    typingctx: Any, out: Any, first: Any, n: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any
) -> Any:
    """``out[k, w * stride + i] = philox(first + k * stride + i, c1, c2, c3, k0, k1)[w]`` for k below ``n``.

    ``out`` is uint32 (n_blocks, 4 * stride), contiguous, with stride a multiple of 8. As :func:`philox_block` for each
    of several blocks, but the constants of the rounds are made once.
    """
    if not (isinstance(out, types.Array) and out.ndim == 2 and out.dtype == types.uint32):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, b, args[0])
        i64 = ir.IntType(64)
        row = b.extract_value(array.shape, 1)
        stride = b.udiv(row, ir.Constant(i64, 4))
        fixed = [_splat(b, word) for word in args[3:]]
        ascending = ir.Constant(_WIDE, list(range(LANES)))
        with (
            cgutils.for_range(b, args[2]) as block,
            cgutils.for_range(b, b.udiv(stride, ir.Constant(i64, LANES))) as loop,
        ):
            i = b.mul(loop.index, ir.Constant(i64, LANES))
            start = b.add(args[1], b.add(b.mul(block.index, stride), i))
            counter = b.and_(b.add(_splat(b, start), ascending), _constant(0xFFFFFFFF))
            for w, word in enumerate(_rounds(b, [counter, *fixed[:3]], fixed[3:])):
                offset = b.add(b.add(b.mul(block.index, row), b.mul(stride, ir.Constant(i64, w))), i)
                place = b.bitcast(b.gep(array.data, [offset]), _WORDS.as_pointer())
                b.store(b.trunc(word, _WORDS), place, align=4)
        return context.get_dummy_value()

    u64 = types.uint64
    return types.void(out, types.int64, types.intp, u64, u64, u64, u64, u64), codegen
