"""What Numba does not offer: prefetch, loads and stores that lie apart, atomics, giving up the CPU, a call by address.

Only kernels import this file.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"


def _element(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    view = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, array_type, view, [index], wraparound=False)


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array, index = signature.args[0], signature.args[1]
    if isinstance(index, types.Integer):
        indices = [context.cast(builder, args[1], index, types.intp)]
    else:
        parts = cgutils.unpack_tuple(builder, args[1])
        indices = [
            context.cast(builder, part, kind, types.intp) for part, kind in zip(parts, index, strict=True)
        ]
    view = context.make_array(array)(context, builder, args[0])
    return cgutils.get_item_pointer(context, builder, array, view, indices, wraparound=False)


def _apart(module: ir.Module) -> Any:
    """Metadata by which LLVM tells what :func:`look_up` reads from what the other two read and write."""
    domain = module.add_metadata([ir.MetaDataString(module, "tegmentum")])
    return module.add_metadata([module.add_metadata([ir.MetaDataString(module, "looked up"), domain])])


@intrinsic
def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask the memory for ``array[index]`` ahead of its use; the index may be out of range."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        index = context.cast(builder, args[1], signature.args[1], types.intp)
        pointer = _element(context, builder, signature.args[0], args[0], index)
        i32 = ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32]), "llvm.prefetch.p0"
        )
        read, keep, data = i32(0), i32(3), i32(1)
        builder.call(function, [builder.bitcast(pointer, byte), read, keep, data])
        return context.get_dummy_value()

    return types.void(array, index), codegen


@intrinsic
def look_up(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]``, not negative, of an array that :func:`put_own` does not write while a loop runs.

    A loop that reads through an index and writes is worked off several elements at a time only where the compiler is
    told that what it writes is not what it will read. What a loop reads of the arrays that it writes it must read by
    :func:`own`.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_place(context, builder, signature, args))
        value.set_metadata("alias.scope", _apart(builder.module))
        return value

    return array.dtype(array, index), codegen


@intrinsic
def look_up_at(typingctx: Any, table: Any, row: Any, column: Any) -> Any:
    """Return ``table[row, column]`` as :func:`look_up` does, of a contiguous table of less than 2^31 numbers.

    Its place is worked out in 32 bits, in which vectors multiply and gather faster than in 64.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view, i32 = context.make_array(signature.args[0])(context, builder, args[0]), ir.IntType(32)
        width = builder.trunc(builder.extract_value(view.shape, 1), i32)
        row, column = (context.cast(builder, args[k], signature.args[k], types.int32) for k in (1, 2))
        place = builder.add(builder.mul(row, width), column)
        value = builder.load(builder.gep(view.data, [builder.sext(place, ir.IntType(64))]))
        value.set_metadata("alias.scope", _apart(builder.module))
        return value

    return table.dtype(table, row, column), codegen


@intrinsic
def look_up_pair(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[2 * index]`` and the next as :func:`look_up` does, those of 4 bytes by one load of 8."""
    size = array.dtype.bitwidth

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(array.dtype)
        data = context.make_array(array)(context, builder, args[0]).data
        place = builder.shl(context.cast(builder, args[1], index, types.intp), ir.IntType(64)(1))
        if size == 32 and sys.byteorder == "little":
            both = builder.bitcast(builder.gep(data, [place]), ir.IntType(64).as_pointer())
            loaded = builder.load(both, align=4)
            loaded.set_metadata("alias.scope", _apart(builder.module))
            halves = (loaded, builder.lshr(loaded, ir.IntType(64)(32)))
            found = [builder.bitcast(builder.trunc(half, ir.IntType(32)), kind) for half in halves]
        else:
            found = []
            for k in range(2):
                found.append(builder.load(builder.gep(data, [builder.add(place, ir.IntType(64)(k))])))
                found[-1].set_metadata("alias.scope", _apart(builder.module))
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(array.dtype, 2)(array, index), codegen  # type: ignore[attr-defined]


@intrinsic
def look_up_small(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]`` as :func:`look_up` does, bytes by loads of 4: no processor gathers single ones.

    An array of bytes must have 3 more behind it.
    """
    small = array.dtype.bitwidth == 8 and sys.byteorder == "little"

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _place(context, builder, signature, args)
        if small:
            pointer = builder.bitcast(pointer, ir.IntType(32).as_pointer())
        value = builder.load(pointer, align=1 if small else None)
        value.set_metadata("alias.scope", _apart(builder.module))
        return builder.and_(value, ir.IntType(32)(255)) if small else value

    return (types.uint32 if small else array.dtype)(array, index), codegen


@intrinsic
def own(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]``, not negative, of an array that no :func:`look_up` reads while a loop runs."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_place(context, builder, signature, args))
        value.set_metadata("noalias", _apart(builder.module))
        return value

    return array.dtype(array, index), codegen


@intrinsic
def put_own(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Set ``array[index]``, not negative, of an array that no :func:`look_up` reads while a loop runs."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = context.cast(builder, args[2], signature.args[2], array.dtype)
        store = builder.store(value, _place(context, builder, signature, args))
        store.set_metadata("noalias", _apart(builder.module))
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


@intrinsic
def atomic_add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Add to an element of an int64 array and return what it held before; sequentially consistent."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _element(context, builder, signature.args[0], args[0], args[1])
        value = context.cast(builder, args[2], signature.args[2], types.int64)
        return builder.atomic_rmw("add", pointer, value, "seq_cst")

    return types.int64(array, types.intp, value), codegen


@intrinsic
def atomic_load(typingctx: Any, array: Any, index: Any) -> Any:
    """Read an element of an int64 array, sequentially consistent."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _element(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(array, types.intp), codegen


@intrinsic
def give_way(typingctx: Any) -> Any:
    """Let another thread run; a spinning thread would starve its partner on a shared machine."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), []), _YIELD)
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def call_out(typingctx: Any, address: Any) -> Any:
    """Call a C function without arguments that lies at an address; returns its int32."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = ir.FunctionType(ir.IntType(32), [])
        return builder.call(builder.inttoptr(args[0], function.as_pointer()), [])

    return types.int32(types.int64), codegen
