"""Products of weights with kept outputs: for few neurons that many reach.

A layer of ten neurons fills no vector by rows of weights, and hears a third of the layer before in every tick. So its
weights lie the other way round, a row for each neuron, and each 16 outputs are a mask under which 16 weights are added:
no list of who fired is made. Only kernels import this file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
TOGETHER = 4  #: rows at once, in two ticks: eight sums in registers, each of which waits for itself alone

_I16, _I64 = ir.IntType(16), ir.IntType(64)
_FLOATS, _MASK = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(1), LANES)


def _long(value: int) -> Any:
    return ir.Constant(_I64, value)


def _lanes_summed(b: Any, vector: Any) -> Any:
    """Halves added to halves, so that the order is the same everywhere."""
    width = LANES
    while width > 1:
        width //= 2
        halves = (
            ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(k, k + width))) for k in (0, width)
        )
        lower, upper = (b.shuffle_vector(vector, vector, half) for half in halves)
        vector = b.fadd(lower, upper)
    return b.extract_element(vector, _long(0))


@intrinsic
def sum_outputs(typingctx: Any, out: Any, weights: Any, outputs: Any, first: Any) -> Any:
    """``out[t, j] = sum(weights[j, i] * x[t, i] for i)`` of all rows j of the weights.

    ``x[t]`` is what :func:`.put_outputs` kept from number ``first + t * n`` on. Arrays are C-contiguous: ``out`` is
    float32 (n_ticks, at least n_rows), ``weights`` float32 (n_rows, n), ``outputs`` uint8 or float32; ``n_rows`` is a
    multiple of 4, ``n`` and ``first`` are multiples of 16. The order of the sum depends on ``n`` alone.
    """
    arrays = (out, weights, outputs)
    if not all(isinstance(a, types.Array) and a.layout == "C" for a in arrays):
        return None
    if outputs.dtype not in (types.uint8, types.float32):
        return None

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        out, weights, outputs = (
            context.make_array(kind)(context, b, value)
            for kind, value in zip(sig.args[:3], args[:3], strict=True)
        )
        n_ticks, width = cgutils.unpack_tuple(b, out.shape)
        n_rows, n = cgutils.unpack_tuple(b, weights.shape)
        zero = ir.Constant(_FLOATS, [0.0] * LANES)
        fma = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), f"llvm.fma.v{LANES}f32"
        )

        def at(data: Any, offset: Any, kind: Any) -> Any:
            return b.bitcast(b.gep(data, [offset]), kind.as_pointer())

        def together(row: Any, ticks: list[Any]) -> None:
            sums = [[cgutils.alloca_once(b, _FLOATS) for _ in range(TOGETHER)] for _ in ticks]
            for total in (total for of_tick in sums for total in of_tick):
                b.store(zero, total)
            with cgutils.for_range(b, b.udiv(n, _long(LANES))) as loop:
                k = b.mul(loop.index, _long(LANES))
                heard = []
                for tick in ticks:
                    place = b.add(b.add(args[3], b.mul(tick, n)), k)
                    if sig.args[2].dtype == types.float32:
                        heard.append(b.load(at(outputs.data, place, _FLOATS), align=4))
                    else:
                        bits = b.load(at(outputs.data, b.udiv(place, _long(8)), _I16), align=1)
                        heard.append(b.bitcast(bits, _MASK))
                for u in range(TOGETHER):
                    w = b.load(at(weights.data, b.add(b.mul(b.add(row, _long(u)), n), k), _FLOATS), align=4)
                    for x, of_tick in zip(heard, sums, strict=True):
                        old = b.load(of_tick[u])
                        masked = x.type == _MASK
                        b.store(
                            b.select(x, b.fadd(old, w), old) if masked else b.call(fma, [w, x, old]),
                            of_tick[u],
                        )
            for tick, of_tick in zip(ticks, sums, strict=True):
                for u, total in enumerate(of_tick):
                    place = b.add(b.mul(tick, width), b.add(row, _long(u)))
                    b.store(_lanes_summed(b, b.load(total)), b.gep(out.data, [place]))

        with cgutils.for_range(b, b.udiv(n_rows, _long(TOGETHER))) as rows:
            row = b.mul(rows.index, _long(TOGETHER))
            with cgutils.for_range(b, b.udiv(n_ticks, _long(2))) as pair:
                tick = b.mul(pair.index, _long(2))
                together(row, [tick, b.add(tick, _long(1))])
            with b.if_then(b.trunc(n_ticks, ir.IntType(1))):
                together(row, [b.sub(n_ticks, _long(1))])
        return context.get_dummy_value()

    return types.void(out, weights, outputs, types.intp), codegen
