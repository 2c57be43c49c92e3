"""Spelling out synapses of four bytes, sixteen at a time; the formulas are those of :mod:`..lower.halves`.

Written as vectors, as the compiler makes none of a loop as short. Only kernels import this file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16
_I32, _F32, _I64 = ir.IntType(32), ir.FloatType(), ir.IntType(64)
_WORDS, _REALS = ir.VectorType(_I32, LANES), ir.VectorType(_F32, LANES)


def _all(kind: ir.VectorType, value: Any) -> ir.Constant:
    return ir.Constant(kind, [value] * LANES)


@intrinsic
def spell_out(typingctx: Any, place: Any, weight: Any, at: Any, word: Any, first: Any, base: Any) -> Any:
    """Write accumulators and weights of sixteen synapses from ``word[first]`` on to two lists, from ``at`` on.

    Arrays are contiguous: ``place`` and ``word`` uint32, ``weight`` float32; ``base``, uint32, is added to targets.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        def pointer(k: int, index: Any, kind: ir.VectorType) -> Any:
            array = context.make_array(sig.args[k])(context, b, args[k])
            return b.bitcast(b.gep(array.data, [index]), kind.as_pointer())

        at = context.cast(b, args[2], sig.args[2], types.int64)
        first = context.cast(b, args[4], sig.args[4], types.int64)
        base = context.cast(b, args[5], sig.args[5], types.uint32)
        words = b.load(pointer(3, first, _WORDS), align=4)
        none, zero = ir.Constant(_WORDS, ir.Undefined), ir.Constant(_WORDS, None)
        bases = b.shuffle_vector(b.insert_element(none, base, _I64(0)), none, zero)
        places = b.add(b.and_(words, _all(_WORDS, 0xFFFF)), bases)
        rest = b.and_(b.lshr(words, _all(_WORDS, 3)), _all(_WORDS, 0x0FFFE000))
        bits = b.or_(b.and_(words, _all(_WORDS, 0x80000000)), rest)
        weights = b.fmul(b.bitcast(bits, _REALS), _all(_REALS, 2.0**112))
        b.store(places, pointer(0, at, _WORDS), align=4)
        b.store(weights, pointer(1, at, _REALS), align=4)
        return context.get_dummy_value()

    return types.void(place, weight, at, word, first, base), codegen
