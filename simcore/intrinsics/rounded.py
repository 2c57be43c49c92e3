"""A product that is rounded before it is added to anything, and the nearest whole number.

Compilers for CUDA fuse ``a * b + c`` into one operation with one rounding, which the CPU's code does not, and offer no
switch that Numba passes on. Only kernels for CUDA import this file.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba import config

if config.ENABLE_CUDASIM:

    def mul(a: Any, b: Any) -> Any:
        """Multiply, as Python does."""
        return a * b

    nearest_float32: Any = np.rint
    nearest_float64: Any = np.rint

else:
    from llvmlite import ir
    from numba.cuda import libdevice
    from numba.cuda.extending import intrinsic

    try:
        from numba.cuda.types import Float
    except ImportError:  # Numba's own target, which shares the CPU's types
        from numba.core.types import Float

    nearest_float32, nearest_float64 = libdevice.rintf, libdevice.rint
    _NAMES = {32: "llvm.nvvm.mul.rn.f", 64: "llvm.nvvm.mul.rn.d"}

    @intrinsic
    def mul(typingctx: Any, a: Any, b: Any) -> Any:
        """Multiply; floats to the nearest, never as part of a fused operation."""
        signature = typingctx.resolve_function_type(operator.mul, (a, b), {})
        result = signature.return_type

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if not isinstance(result, Float) or result.bitwidth not in _NAMES:
                return context.get_function(operator.mul, sig)(builder, args)
            x, y = (
                context.cast(builder, arg, kind, result) for arg, kind in zip(args, sig.args, strict=True)
            )
            kind = ir.FloatType() if result.bitwidth == 32 else ir.DoubleType()
            module, name = builder.module, _NAMES[result.bitwidth]
            function = module.globals.get(name) or ir.Function(
                module, ir.FunctionType(kind, [kind, kind]), name
            )
            return builder.call(function, [x, y])

        return result(*signature.args), codegen
