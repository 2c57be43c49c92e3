"""Window kernels: templates of several packages joined with the functions of a network's models and rules.

A kernel file is ordinary Python that imports the functions of *some* model; the module generated here has, in their
place, those of the network at hand, and :func:`.module_cache.cached` in the place of ``njit``. :mod:`.modules` says why
everything that a kernel calls is copied into one module: a kernel file is never called as it is.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from .copied import copied
from .modules import load

_HEADER = """import math
import numba
import numpy as np
from typing import NamedTuple
from tegmentum.simcore.intrinsics.extremes import max, min
from tegmentum.simcore.compile.module_cache import LinkedCompiler, called as njit  # :mod:`.linked`: wide vectors

jit = numba.njit(
    nogil=True, error_model="numpy", no_cpython_wrapper=True, pipeline_class=LinkedCompiler, forceinline=True
)
real = np.float32
"""


def bind(name: str, templates: Sequence[str], bindings: Mapping[str, Any]) -> ModuleType:
    """Generate (once), import and return the module ``name``.

    Parameters
    ----------
    templates : names of the modules whose functions make up the kernels, in the order in which they call each other
    bindings : name in the templates -> undecorated scalar function, copied with its literals in float32, or named tuple
    """
    imports: list[str] = []
    functions: list[str] = []
    for template in templates:
        module = importlib.import_module(template)
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, (ast.FunctionDef, ast.Assign)):
                functions.append(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                source = importlib.util.resolve_name(
                    "." * node.level + (node.module or ""), str(module.__package__)
                )
                kept = [a for a in node.names if (a.asname or a.name) not in (*bindings, "njit")]
                line = f"from {source} import {', '.join(ast.unparse(a) for a in kept)}"
                if source not in templates and kept and line not in imports:
                    imports.append(line)
    around = "\n\n".join([_HEADER, "\n".join(imports), *functions])
    text = [_HEADER, "\n".join(imports), copied(bindings, name, around=around), *functions]
    return load(name, "\n\n".join(text) + "\n")
