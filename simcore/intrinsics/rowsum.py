"""The one inner loop that the time goes into: add a weighted list of matrix rows to an accumulator.

A dense projection stores its weights as rows, one for each presynaptic neuron, so that delivering a spike is adding a
row to the currents of the postsynaptic neurons. Written as a plain loop, LLVM must assume that rows and accumulator
overlap, and writes the accumulator back for every spike. Written here as an intrinsic, the accumulator stays in
vector registers over the whole list: measured 2.0 ns instead of 3.5 ns for a row of 64 floats that lies in L2.

The lists are short, so what surrounds them counts: sums begin in registers, not as copies that would have to be awaited
(:func:`sum_rows`), and a kernel that takes arrays out of a tuple pays for counting references (:func:`sum_tick`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16  #: floats in one vector; LLVM splits it on machines with narrower registers
BLOCK = 64  #: columns summed at once: four vectors, which fit the registers of every 64-bit machine

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_I64 = ir.IntType(64)


def _long(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Lists:
    """What the intrinsics emit: lists of weighted rows, summed in vector registers."""

    def __init__(self, context: Any, b: Any, kinds: Any, values: Any) -> None:
        """Types and values of a table, its rows' numbers and their weights."""
        arrays = [
            context.make_array(kind)(context, b, value) for kind, value in zip(kinds, values, strict=True)
        ]
        self.b, self.width = b, b.extract_value(arrays[0].shape, 1)
        self.table, self.index, self.value = (array.data for array in arrays)
        self.fma = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f32"
        )
        self.bytes = kinds[2].dtype == types.int8
        if self.bytes:
            floats = ir.Constant(
                ir.ArrayType(ir.FloatType(), 256), [float(k - 256 * (k > 127)) for k in range(256)]
            )
            self.floats = cgutils.global_constant(b.module, ".rowsum.floats", floats)

    def vectors(self, base: Any, offset: Any, n: int) -> list[Any]:
        """Pointers to ``n`` vectors from ``base[offset]`` on."""
        b = self.b
        return [
            b.bitcast(b.gep(base, [b.add(offset, _long(j * LANES))]), _VECTOR.as_pointer()) for j in range(n)
        ]

    def registers(self, start: list[Any] | None, n: int) -> list[Any]:
        """``n`` accumulators that begin as what lies at ``start``, or as 0."""
        sums = [cgutils.alloca_once(self.b, _VECTOR) for _ in range(n)]
        for j, total in enumerate(sums):
            zero = ir.Constant(_VECTOR, [0.0] * LANES)
            self.b.store(zero if start is None else self.b.load(start[j], align=4), total)
        return sums

    def add(self, k: Any, column: Any, sums: list[Any]) -> None:
        """Add ``value[k] * table[index[k], column:]`` to the accumulators."""
        b = self.b
        row, weight = b.zext(b.load(b.gep(self.index, [k])), _I64), b.load(b.gep(self.value, [k]))
        if self.bytes:  # a conversion would take the units that add
            weight = b.load(b.gep(self.floats, [_long(0), b.zext(weight, _I64)]))
        none = ir.Constant(_VECTOR, ir.Undefined)
        first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        scale = b.shuffle_vector(b.insert_element(none, weight, _long(0)), none, first)
        there = self.vectors(self.table, b.add(b.mul(row, self.width), column), len(sums))
        for place, total in zip(there, sums, strict=True):
            b.store(b.call(self.fma, [scale, b.load(place, align=4), b.load(total)]), total)

    def put(self, sums: list[Any], there: list[Any]) -> None:
        """Write accumulators."""
        for total, place in zip(sums, there, strict=True):
            self.b.store(self.b.load(total), place, align=4)

    def columns(self) -> Iterator[tuple[Any, int]]:
        """First column and number of vectors of each part of a row: loops over whole blocks, then over the rest."""
        b = self.b
        wide = b.udiv(self.width, _long(BLOCK))
        with cgutils.for_range(b, wide) as loop:
            yield b.mul(loop.index, _long(BLOCK)), BLOCK // LANES
        done = b.mul(wide, _long(BLOCK))
        with cgutils.for_range(b, b.udiv(b.sub(self.width, done), _long(LANES))) as loop:
            yield b.add(done, b.mul(loop.index, _long(LANES))), 1

    def one(
        self, acc: list[Any] | None, out: list[Any], first: Any, count: Any, column: Any, n_vectors: int
    ) -> None:
        """Sum a list from ``acc`` on, or from 0: some of the columns. A lone vector has four sums, to wait less."""
        b, unroll = self.b, 4 if n_vectors == 1 else 1
        lanes = [self.registers(acc if u == 0 else None, n_vectors) for u in range(unroll)]
        whole = b.udiv(count, _long(unroll))
        with cgutils.for_range(b, whole) as loop:
            k = b.add(first, b.mul(loop.index, _long(unroll)))
            for u, sums in enumerate(lanes):
                self.add(b.add(k, _long(u)), column, sums)
        if unroll > 1:
            done = b.mul(whole, _long(unroll))
            with cgutils.for_range(b, b.sub(count, done)) as loop:
                self.add(b.add(b.add(first, done), loop.index), column, lanes[0])
        for j, total in enumerate(lanes[0]):
            for sums in lanes[1:]:
                b.store(b.fadd(b.load(total), b.load(sums[j])), total)
        self.put(lanes[0], out)


def _are_lists(arrays: Sequence[Any]) -> bool:
    """Whether arrays are contiguous, and the last three a table, its rows' numbers and their weights."""
    index, value = arrays[-2:]
    return (
        all(isinstance(a, types.Array) and a.layout == "C" for a in arrays)
        and not index.dtype.signed
        and value.dtype in (types.float32, types.int8)
    )


def _of_one_list(adds: bool, acc: Any, table: Any, index: Any, value: Any) -> Any:
    """Signature and code of the intrinsics that sum one list, to what is there already or not."""
    if not _are_lists((acc, table, index, value)):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        lists = _Lists(context, b, sig.args[1:4], args[1:4])
        sums = context.make_array(sig.args[0])(context, b, args[0]).data
        for column, n in lists.columns():
            there = lists.vectors(sums, column, n)
            lists.one(there if adds else None, there, args[4], args[5], column, n)
        return context.get_dummy_value()

    return types.void(acc, table, index, value, types.intp, types.intp), codegen


@intrinsic
def add_rows(typingctx: Any, acc: Any, table: Any, index: Any, value: Any, first: Any, count: Any) -> Any:
    """``acc[:] += sum(value[k] * table[index[k]] for k in range(first, first + count))``.

    Arrays are C-contiguous: ``acc`` float32 (width,), ``table`` float32 (n_rows, width), ``index`` unsigned integers,
    ``value`` float32 or, in fewer bytes, int8; ``width`` is a multiple of 16. Indices are not checked. The order of the
    sum depends on ``count`` and ``width`` alone, so the result does not depend on who computes it.
    """
    return _of_one_list(True, acc, table, index, value)


@intrinsic
def sum_rows(typingctx: Any, out: Any, table: Any, index: Any, value: Any, first: Any, count: Any) -> Any:
    """``out[:] = 0``, then :func:`add_rows`; but zeros begin in registers: those just written would be awaited."""
    return _of_one_list(False, out, table, index, value)


def _of_events(kind: str, out: Any, base: Any, table: Any, events: Any, place: Any) -> Any:
    """Signature and code of the intrinsics that sum a list of :class:`.WindowEvents`, of a trial or of a tick."""
    if not isinstance(events, types.NamedTuple) or not _are_lists(
        (out, base, table, *(events[events.fields.index(name)] for name in ("index", "value")))
    ):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        fields = sig.args[3].fields
        taken = {name: b.extract_value(args[3], k) for k, name in enumerate(fields)}
        kinds = dict(zip(fields, sig.args[3], strict=True))
        lists = _Lists(
            context,
            b,
            [sig.args[2], kinds["index"], kinds["value"]],
            [args[2], taken["index"], taken["value"]],
        )
        out, base = (context.make_array(sig.args[k])(context, b, args[k]).data for k in (0, 1))
        start, count = (
            b.load(b.gep(context.make_array(kinds[name])(context, b, taken[name]).data, [args[4]]))
            for name in (f"{kind}start", f"{kind}count")
        )
        for column, n_vectors in lists.columns():
            acc, there = (lists.vectors(data, column, n_vectors) for data in (base, out))
            lists.one(acc, there, start, count, column, n_vectors)
        return context.get_dummy_value()

    return types.void(out, base, table, events, types.intp), codegen


@intrinsic
def sum_base(typingctx: Any, out: Any, base: Any, table: Any, events: Any, trial: Any) -> Any:
    """``out`` becomes ``base`` and the rows of the base of a trial; to the last bit what :func:`add_rows` gives.

    ``events`` are :class:`.WindowEvents`; ``out`` and ``base`` are float32 that begin with (width,). Kernels take no
    field of ``events`` themselves, once for each tick: each would be counted as a reference.
    """
    return _of_events("base_", out, base, table, events, trial)


@intrinsic
def sum_tick(typingctx: Any, out: Any, base: Any, table: Any, events: Any, slot: Any) -> Any:
    """``out`` becomes ``base`` and the rows of a tick, as of :func:`sum_base`; slot ``trial * n_ticks + tick``."""
    return _of_events("", out, base, table, events, slot)
