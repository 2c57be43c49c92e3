"""Adding a constant weight to the targets that rows of bits mark, for many targets and rows at once.

An accumulator holds afterwards, to the last bit, what adding the weight once for each set bit gives: all rows of a call
add the same weight, so that only how often it is added matters, and it is added as often, never multiplied.

Few rows are added one after another, under masks, while accumulators stay in registers (:func:`add_rows_of_bits`). Of
many rows the set bits are counted first, those of 512 targets at a time, eight rows by seven full adders
(:func:`count_bits`; W. Mula, N. Kurz, D. Lemire (2018), Comput. J. 61:111-120, doi:10.1093/comjnl/bxx046); then
:func:`add_as_counted` adds the weight.

Rows are named by numbers packed above others, as in entries of the calendar queue. Only kernels import this file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..vectors import GROUP

PLANES = 6  #: bits of a count

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_PLANE, _BYTES, _MASK = (ir.VectorType(kind, n) for kind, n in ((_I64, 8), (_I8, 64), (ir.IntType(1), 64)))
_LONG = types.int64


def _long(value: int) -> Any:
    return ir.Constant(_I64, value)


def _splat(b: Any, value: Any, lanes: int) -> Any:
    """All lanes hold ``value``."""
    none = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    all_first = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    return b.shuffle_vector(b.insert_element(none, value, _long(0)), none, all_first)


def _data(context: Any, b: Any, sig: Any, args: Any, k: int) -> Any:
    """Pointer to the first element of a contiguous array."""
    return context.make_array(sig.args[k])(context, b, args[k]).data


def _row(b: Any, bits: Any, entry: Any, shift: Any, k: Any, first: Any, width: Any) -> Any:
    """Pointer into the row that entry ``k`` names, to what is the word ``first`` of row 0."""
    number = b.lshr(b.load(b.gep(entry, [k])), shift)
    return b.gep(bits, [b.add(first, b.mul(number, width))])


class _Accumulators:
    """GROUP accumulators in registers, which take a weight under masks."""

    def __init__(self, context: Any, b: Any, sig: Any, args: Any) -> None:
        inputs, weight = sig.args[0], args[-1]
        size = inputs.dtype.bitwidth
        self.b, self.lanes, self.align = b, 512 // size, size // 8
        vector = ir.VectorType(context.get_value_type(inputs.dtype), self.lanes)
        self.weight = _splat(b, context.cast(b, weight, sig.args[-1], inputs.dtype), self.lanes)
        first = b.gep(_data(context, b, sig, args, 0), [args[1]])
        self.there = [
            b.bitcast(b.gep(first, [_long(j)]), vector.as_pointer()) for j in range(0, GROUP, self.lanes)
        ]
        self.here = [cgutils.alloca_once(b, vector) for _ in self.there]
        for there, here in zip(self.there, self.here, strict=True):
            b.store(b.load(there, align=self.align), here)

    def add(self, j: int, mask: Any) -> None:
        """Add the weight to the ``j``-th vector where the mask is set."""
        old = self.b.load(self.here[j])
        self.b.store(self.b.select(mask, self.b.fadd(old, self.weight), old), self.here[j])

    def put_back(self) -> None:
        """Write the accumulators to where they came from."""
        for there, here in zip(self.there, self.here, strict=True):
            self.b.store(self.b.load(here), there, align=self.align)


@intrinsic
def add_rows_of_bits(
    typingctx: Any,
    inputs: Any,
    at: Any,
    bits: Any,
    first: Any,
    width: Any,
    entry: Any,
    shift: Any,
    lo: Any,
    hi: Any,
    weight: Any,
) -> Any:
    """Add ``weight`` to ``inputs[at + j]``, j < GROUP, for each of the entries whose row has bit j set.

    Arrays are contiguous: ``inputs`` float32 or float64, ``bits`` uint64, in which rows are ``width`` words apart and
    the two words of row 0 are ``first`` and the next, ``entry`` int64, of which ``lo`` to ``hi - 1`` count, each with
    the number of its row from bit ``shift`` on. Indices are not checked.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        bits, entry = _data(context, b, sig, args, 2), _data(context, b, sig, args, 5)
        group = _Accumulators(context, b, sig, args)
        mask = ir.VectorType(ir.IntType(1), group.lanes)
        with cgutils.for_range(b, b.sub(args[8], args[7])) as loop:
            k = b.add(args[7], loop.index)
            row = b.bitcast(_row(b, bits, entry, args[6], k, args[3], args[4]), _I8.as_pointer())
            for j in range(len(group.here)):
                part = b.bitcast(
                    b.gep(row, [_long(j * group.lanes // 8)]), ir.IntType(group.lanes).as_pointer()
                )
                group.add(j, b.bitcast(b.load(part, align=1), mask))
        group.put_back()
        return context.get_dummy_value()

    arguments = (inputs, _LONG, bits, _LONG, _LONG, entry, _LONG, _LONG, _LONG, weight)
    return types.void(*arguments), codegen


def _full_adder(b: Any, x: Any, y: Any, z: Any) -> tuple[Any, Any]:
    """Sum and carry of three bits."""
    differ = b.xor(x, y)
    return b.xor(differ, z), b.or_(b.and_(differ, z), b.and_(b.not_(differ), x))


def _count_eight(b: Any, planes: list[Any], rows: list[Any]) -> list[Any]:
    """Return counts, a bit of each in each plane, with eight more rows."""
    planes = list(planes)
    for p in range(3):  # 8 rows of ones, then 4 carries of two, then 2 of four
        carries = []
        for x, y in zip(rows[::2], rows[1::2], strict=True):
            planes[p], carry = _full_adder(b, planes[p], x, y)
            carries.append(carry)
        rows = carries
    (carry,) = rows
    for p in range(3, PLANES):
        planes[p], carry = b.xor(planes[p], carry), b.and_(planes[p], carry)
    return planes


@intrinsic
def count_bits(
    typingctx: Any, planes: Any, bits: Any, first: Any, width: Any, entry: Any, shift: Any, lo: Any, hi: Any
) -> Any:
    """Count in how many rows each of LINE bits is set: ``planes[8 * p + i]`` gets bit p of the counts of word i.

    Arguments as of :func:`add_rows_of_bits`; ``planes`` is uint64[8 * PLANES]; the first eight words of ``bits`` are 0,
    and entries fewer than 2**PLANES.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        planes, bits, entry = (_data(context, b, sig, args, k) for k in (0, 1, 4))
        here = [cgutils.alloca_once(b, _PLANE) for _ in range(PLANES)]
        for plane in here:
            b.store(ir.Constant(_PLANE, [0] * 8), plane)

        eights = b.lshr(b.add(b.sub(args[7], args[6]), _long(7)), _long(3))
        with cgutils.for_range(b, eights) as loop:
            first = b.add(args[6], b.shl(loop.index, _long(3)))
            rows = []
            for u in range(8):
                k = b.add(first, _long(u))
                there = b.icmp_signed("<", k, args[7])
                row = _row(b, bits, entry, args[5], b.select(there, k, first), args[2], args[3])
                row = b.select(there, row, bits)  # what are missing of eight count as rows of zeros
                rows.append(b.load(b.bitcast(row, _PLANE.as_pointer()), align=8))
            for plane, value in zip(here, _count_eight(b, [b.load(p) for p in here], rows), strict=True):
                b.store(value, plane)
        for p, plane in enumerate(here):
            b.store(b.load(plane), b.bitcast(b.gep(planes, [_long(8 * p)]), _PLANE.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(planes, bits, _LONG, _LONG, entry, _LONG, _LONG, _LONG), codegen


@intrinsic
def add_as_counted(
    typingctx: Any, inputs: Any, at: Any, planes: Any, word: Any, n_planes: Any, weight: Any
) -> Any:
    """Add ``weight`` to ``inputs[at + j]``, j < GROUP, as often as was counted for bit j of the words from ``word`` on.

    ``planes`` are those of :func:`count_bits`, of which the first ``n_planes`` hold all that is not 0.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        planes = _data(context, b, sig, args, 2)
        counts = [cgutils.alloca_once(b, _BYTES) for _ in range(GROUP // 64)]
        power = cgutils.alloca_once(b, _BYTES)
        b.store(ir.Constant(_BYTES, [1] * 64), power)
        for count in counts:
            b.store(ir.Constant(_BYTES, [0] * 64), count)
        with cgutils.for_range(b, args[4]) as loop:
            one = b.load(power)
            first = b.add(args[3], b.shl(loop.index, _long(3)))
            for k, count in enumerate(counts):
                mask = b.bitcast(b.load(b.gep(planes, [b.add(first, _long(k))])), _MASK)
                old = b.load(count)
                b.store(b.select(mask, b.add(old, one), old), count)
            b.store(b.add(one, one), power)
        largest = b.load(counts[0])
        for count in counts[1:]:
            other = b.load(count)
            largest = b.select(b.icmp_unsigned(">", largest, other), largest, other)
        name = "llvm.vector.reduce.umax.v64i8"
        reduce = cgutils.get_or_insert_function(b.module, ir.FunctionType(_I8, [_BYTES]), name)
        most = b.zext(b.call(reduce, [largest]), _I64)

        group = _Accumulators(context, b, sig, args)
        lanes, size = group.lanes, group.align * 8
        wide = ir.VectorType(ir.IntType(size), lanes)
        left = []
        for j in range(0, GROUP, lanes):
            part = ir.Constant(ir.VectorType(_I32, lanes), [j % 64 + i for i in range(lanes)])
            count = b.load(counts[j // 64])
            left.append(cgutils.alloca_once(b, wide))
            b.store(b.zext(b.shuffle_vector(count, count, part), wide), left[-1])
        with cgutils.for_range(b, most) as loop:
            done = _splat(b, b.trunc(loop.index, ir.IntType(size)) if size < 64 else loop.index, lanes)
            for j, variable in enumerate(left):
                group.add(j, b.icmp_signed(">", b.load(variable), done))
        group.put_back()
        return context.get_dummy_value()

    return types.void(inputs, _LONG, planes, _LONG, _LONG, weight), codegen
