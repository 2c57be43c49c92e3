"""Window kernels: templates of several packages joined with the functions of a network's models and rules.

A kernel file is ordinary Python that imports the functions of *some* model; the module generated here has, in their
place, those of the network at hand. :mod:`.build` says why everything that a kernel calls is copied into one module.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .build import copied, load

_HEADER = """import math
import numba
import numpy as np
from typing import NamedTuple
from numba import njit

jit = numba.njit(nogil=True, error_model="numpy")
real = np.float32
"""


def bind(name: str, templates: Sequence[str], bindings: Mapping[str, Callable[..., Any]]) -> ModuleType:
    """Generate (once), import and return the module ``name``.

    Parameters
    ----------
    templates : names of the modules whose functions make up the kernels, in the order in which they call each other
    bindings : name in the templates -> undecorated scalar function, copied with its literals in float32
    """
    imports: dict[str, str] = {}  # line -> our own module that it imports from, if any
    functions: list[str] = []
    for template in templates:
        module = importlib.import_module(template)
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef):
                functions.append(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                source = importlib.util.resolve_name(
                    "." * node.level + (node.module or ""), str(module.__package__)
                )
                kept = [a for a in node.names if (a.asname or a.name) not in (*bindings, "State", "njit")]
                if source not in templates and kept:
                    imports[f"from {source} import {', '.join(ast.unparse(a) for a in kept)}"] = source
    text = "\n\n".join([_HEADER, "\n".join(imports), copied(dict(bindings), name), *functions]) + "\n"
    return load(name, text, _files(set(imports.values())))


def _files(modules: set[str]) -> list[Path]:
    """Files of those of our modules that are imported, and of those that they import."""
    found: set[str] = set()
    new = {m for m in modules if m.startswith("tegmentum.")}
    while new:
        found |= new
        trees = {m: ast.parse(inspect.getsource(importlib.import_module(m))) for m in new}
        new = {
            importlib.util.resolve_name("." * node.level + (node.module or ""), m.rpartition(".")[0])
            for m, tree in trees.items()
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith("tegmentum."))
        } - found
    return [Path(str(sys.modules[m].__file__)) for m in sorted(found)]
