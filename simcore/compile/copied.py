"""Source of a model's or rule's functions, with all that they use, as it goes into a generated module.

A name in a function means what it means to Python: a local, what the function encloses, a global of the file that the
function stands in. In the generated module all of them share one file, so where two files use one name for different
things, one is given another name.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import DescriptionError


class Decorate(ast.NodeTransformer):
    """Strip annotations and docstrings, and decorate functions.

    What is ``kept`` has its machine code on disk, an ``entry`` also a way in from Python; a ``jit`` is compiled into
    its callers.
    """

    def __init__(self, entries: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self.decorators = dict.fromkeys(kept, "kept") | dict.fromkeys(entries, "entry")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:  # noqa: D102
        node.decorator_list = [ast.Name(self.decorators.get(node.name, "jit"), ast.Load())]
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node


class _Real(ast.NodeTransformer):
    """Give numbers in a model's function the precision of the simulation: ``0.5`` becomes ``real(0.5)``."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return ast.Call(ast.Name("real", ast.Load()), [node], [])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        node.left = self.visit(node.left)
        if not isinstance(node.op, ast.Pow):
            node.right = self.visit(node.right)
        return node


def copied(functions: Mapping[str, Any], owner: str, precise: bool = True, around: str = "") -> str:
    """Source of functions and the classes, helpers and constants that they use, decorated.

    Parameters
    ----------
    functions : the names that they are to have -> functions and named tuples
    owner : whose they are, for errors
    precise : whether numbers take the precision of the simulation
    around : text of the rest of the generated module, whose names are taken
    """
    copier = _Copier(owner, precise, functions, _defined(around))
    for name, thing in functions.items():
        there = copier.add(name, thing)
        if there != name:
            copier.parts[name] = f"{name} = {there}"
    return "\n\n".join(copier.parts.values())


def is_arithmetic(source: str) -> bool:
    """Tell whether copied functions call nothing but each other, ``min``, ``max`` and ``abs``, and take no powers."""
    tree = ast.parse(source)
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    free = {"real", "min", "max", "abs", *defined}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in free):
            return False
        if isinstance(node, (ast.Pow, ast.For, ast.While)):
            return False
    return True


def _defined(text: str) -> dict[str, str]:
    """Names that a module of that text defines, with the module that each stands for, if one."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = ""
        elif isinstance(node, ast.Import):
            found |= {name.asname or name.name: name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {name.asname or name.name: "" for name in node.names}
        elif isinstance(node, ast.Assign):
            found |= {
                n.id: "" for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)
            }
    return found


class _Copier:
    def __init__(
        self, owner: str, precise: bool, functions: Mapping[str, Any], taken: dict[str, str]
    ) -> None:
        self.owner, self.precise, self.taken = owner, precise, taken
        self.parts: dict[str, str] = {}  # name in the generated module -> source
        self.things: dict[str, Any] = dict(functions)  # name -> what it stands for

    def add(self, wanted: str, thing: Any) -> str:
        """Copy something, unless it is there, and return the name that it has there."""
        name = next((n for n, other in self.things.items() if _same(other, thing)), None)
        if name is None:
            name, k = wanted, 2
            module = thing.__name__ if inspect.ismodule(thing) else None  # `math` may well be imported twice
            while name in self.things or self.taken.get(name, module) != module:
                name, k = f"{wanted}_{k}", k + 1
        self.things[name] = thing
        if name in self.parts:
            return name
        self.parts[name] = ""  # keeps a recursive function from coming here again
        source = self.source(name, thing)
        self.parts.pop(name)  # what it uses comes first
        self.parts[name] = source
        return name

    def source(self, name: str, thing: Any) -> str:
        if inspect.ismodule(thing):
            return f"import {thing.__name__} as {name}"
        if isinstance(thing, (int, float)):
            return f"{name} = real({thing!r})"
        if inspect.isclass(thing) and hasattr(thing, "_fields"):
            fields = [f"    {field}: float" for field in thing._fields] or ["    pass"]
            return "\n".join([f"class {name}(NamedTuple):", *fields])
        if inspect.isfunction(thing):
            return self.function(name, thing)
        raise DescriptionError(
            f"{self.owner}: its functions use {name!r}, a {type(thing).__name__}; "
            "they can use numbers, named tuples, other functions and modules such as math"
        )

    def function(self, name: str, function: Callable[..., Any]) -> str:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError) as error:
            raise DescriptionError(
                f"{self.owner}: the source of {name} is not available; define it in a file or a notebook's cell"
            ) from error
        node = tree.body[0]
        if not isinstance(node, ast.FunctionDef):
            raise DescriptionError(f"{self.owner}: {name} must be written as a function, def {name}(...)")
        node.name = name
        node = Decorate().visit(node)
        uses = _Uses(self, name, function)
        body = [uses.visit(statement) for statement in node.body]
        node.body = [_Real().visit(statement) for statement in body] if self.precise else body
        return ast.unparse(ast.fix_missing_locations(node))


class _Uses(ast.NodeTransformer):
    """Copy what a function uses, and call it by the names that it has in the generated module."""

    def __init__(self, copier: _Copier, name: str, function: Callable[..., Any]) -> None:
        self.copier, self.name = copier, name
        code = function.__code__
        self.locals = {*code.co_varnames, *code.co_cellvars}
        self.globals = function.__globals__
        self.enclosed = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if isinstance(node.ctx, ast.Load) and self.known(node.id):
            node.id = self.copier.add(node.id, self.value(node.id))
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Drop the annotation of a local: Python does not evaluate it either."""
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Let what belongs to a class, such as ``Model.State``, stand by itself in the generated module."""
        if isinstance(node.value, ast.Name) and self.known(node.value.id):
            owner = self.value(node.value.id)
            if inspect.isclass(owner) and not hasattr(owner, "_fields"):
                if node.attr in getattr(owner, "__dataclass_fields__", {}):
                    raise DescriptionError(
                        f"{self.copier.owner}: {self.name} uses {ast.unparse(node)}, the default of a parameter; "
                        "parameters reach the functions through Constants"
                    )
                if not hasattr(owner, node.attr):
                    raise DescriptionError(
                        f"{self.copier.owner}: {self.name} uses {ast.unparse(node)}, which is not defined"
                    )
                return ast.Name(self.copier.add(node.attr, getattr(owner, node.attr)), node.ctx)
        self.generic_visit(node)
        return node

    def known(self, name: str) -> bool:
        if name in self.locals:
            return False
        if name in self.enclosed or name in self.globals:
            return True
        if hasattr(builtins, name):
            return False
        hint = f"; write {self.copier.owner}.{name}" if name in self.copier.things else ""
        raise DescriptionError(f"{self.copier.owner}: {self.name} uses {name!r}, which is not defined{hint}")

    def value(self, name: str) -> Any:
        if name not in self.enclosed:
            return self.globals[name]
        try:
            return self.enclosed[name].cell_contents
        except ValueError as error:  # an empty cell
            raise DescriptionError(
                f"{self.copier.owner}: {self.name} uses {name!r} before it is defined"
            ) from error


def _same(one: Any, other: Any) -> bool:
    """Whether two things may share a name: one thing, or equal numbers."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return type(one) is type(other) and repr(one) == repr(other)
    return one is other
