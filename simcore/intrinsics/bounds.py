"""How many bounds random words reach, 32 words in a vector.

Written as a loop, LLVM takes twice the time: it counts in wider numbers and looks after overlaps of arrays. Only
kernels import this file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES, AT_ONCE = 32, 2

_I64 = ir.IntType(64)
_WORDS = ir.VectorType(ir.IntType(16), LANES)


def _splat(b: Any, value: Any) -> Any:
    """All lanes hold ``value``."""
    none = ir.Constant(_WORDS, ir.Undefined)
    first = b.insert_element(none, value, ir.Constant(_I64, 0))
    return b.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@intrinsic
def count_reached(typingctx: Any, words: Any, bounds: Any, n_bounds: Any, lowest: Any, counts: Any) -> Any:
    """Set ``counts[i]`` to ``lowest`` and how many of the first ``n_bounds`` bounds ``words[i]`` reaches.

    Returns whether some word reaches the last of them. Arrays are uint16 and contiguous, the bounds ascend; the
    length of ``counts`` is a multiple of 64 and not above that of ``words``.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        words, bounds, counts = (context.make_array(sig.args[k])(context, b, args[k]) for k in (0, 1, 4))

        def at(array: Any, k: Any) -> Any:
            return b.bitcast(b.gep(array.data, [k]), _WORDS.as_pointer())

        lowest = _splat(b, context.cast(b, args[3], sig.args[3], types.uint16))
        last = _splat(b, b.load(b.gep(bounds.data, [b.sub(args[2], ir.Constant(_I64, 1))])))
        found = cgutils.alloca_once_value(b, ir.Constant(ir.IntType(1), 0))
        width = ir.Constant(_I64, LANES * AT_ONCE)
        with cgutils.for_range(b, b.udiv(b.extract_value(counts.shape, 0), width)) as block:
            first = b.mul(block.index, width)
            places = [b.add(first, ir.Constant(_I64, u * LANES)) for u in range(AT_ONCE)]
            here = [b.load(at(words, place), align=2) for place in places]
            sums = [cgutils.alloca_once(b, _WORDS) for _ in here]
            for total in sums:
                b.store(lowest, total)
            with cgutils.for_range(b, args[2]) as loop:
                bound = _splat(b, b.load(b.gep(bounds.data, [loop.index])))
                for word, total in zip(here, sums, strict=True):
                    reached = b.sext(b.icmp_unsigned(">=", word, bound), _WORDS)  # -1 where it does
                    b.store(b.sub(b.load(total), reached), total)
            for word, total, place in zip(here, sums, places, strict=True):
                b.store(b.load(total), at(counts, place), align=2)
                mask = b.bitcast(b.icmp_unsigned(">=", word, last), ir.IntType(LANES))
                some = b.icmp_unsigned("!=", mask, ir.Constant(ir.IntType(LANES), 0))
                b.store(b.or_(b.load(found), some), found)
        return b.load(found)

    return types.boolean(words, bounds, types.int64, lowest, counts), codegen
