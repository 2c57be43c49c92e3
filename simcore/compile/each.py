"""The marker of what a generated module repeats: for each model group, each plastic projection, or each source.

In a kernel template,

.. code-block:: python

    with each("_0") as k:
        step_0(model_groups[k], trial, tick)

is written once for k = 0, 1, ... by :mod:`.modules`, with ``step_1`` in the place of ``step_0`` and so on. Names that
end in a suffix stand for several, so they may appear within such a block only (and among a function's parameters or,
behind a star, the arguments of a call, which are repeated likewise): :func:`unrolled` raises where one is left over.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from types import TracebackType


class each:
    """Repeat a block for each thing whose names end in ``suffix``, such as ``"_0"``; its number is the target."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def __enter__(self) -> int:
        raise NotImplementedError("a kernel template is not run: build.template makes a module of it")

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        return None


def unrolled(tree: ast.Module, repeats: Mapping[str, int], owner: str) -> ast.Module:
    """Write each block of a template as often as ``repeats`` says for its suffix.

    Raises
    ------
    ValueError
        where a block has an unknown suffix, names nothing that ends in its suffix, or counts past its number (an index
        ``[0]`` in the place of ``[k]``), and where a name with a suffix stands outside its blocks
    """
    done = _Unroll(repeats, owner).visit(tree)
    assert isinstance(done, ast.Module)
    return ast.fix_missing_locations(done)


class _Unroll(ast.NodeTransformer):
    def __init__(self, repeats: Mapping[str, int], owner: str) -> None:
        self.repeats, self.owner = repeats, owner

    def problem(self, node: ast.AST, text: str) -> ValueError:
        return ValueError(f"{self.owner}.py, line {getattr(node, 'lineno', '?')}: {text}")

    def visit_With(self, node: ast.With) -> list[ast.stmt] | ast.stmt:
        call = node.items[0].context_expr
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "each"):
            self.generic_visit(node)
            return node
        suffix = ast.literal_eval(call.args[0])
        if not isinstance(suffix, str) or suffix not in self.repeats:
            raise self.problem(node, f"each({suffix!r}): the suffixes here are {', '.join(self.repeats)}")
        target = node.items[0].optional_vars
        number = target.id if isinstance(target, ast.Name) else None
        block = ast.Module(node.body, [])
        if not any(isinstance(n, ast.Name) and n.id.endswith(suffix) for n in ast.walk(block)):
            raise self.problem(node, f"each({suffix!r}): nothing within ends in {suffix}")
        for inner in ast.walk(block):
            if (
                isinstance(inner, ast.Subscript)
                and isinstance(inner.value, ast.Name)
                and isinstance(inner.slice, ast.Constant)
            ):
                text = f"{ast.unparse(inner)} in a repeated block: index by k of `with each({suffix!r}) as k`"
                raise self.problem(inner, text)
        copies: list[ast.stmt] = []
        for k in range(self.repeats[suffix]):
            one = _Number(suffix, number, k).visit(copy.deepcopy(block))
            rest = _Unroll({s: n for s, n in self.repeats.items() if s != suffix}, self.owner)
            copies += rest.visit(one).body
        return copies

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        arguments: list[ast.arg] = []
        for argument in node.args.args:
            suffix = self.suffix_of(argument.arg)
            names = [argument.arg] if suffix is None else self.all_of(argument.arg, suffix)
            arguments += [ast.arg(name, argument.annotation) for name in names]
        node.args.args = arguments
        self.generic_visit(node)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.Starred | list[ast.Name]:
        suffix = self.suffix_of(node.value.id) if isinstance(node.value, ast.Name) else None
        if suffix is None:
            self.generic_visit(node)
            return node
        assert isinstance(node.value, ast.Name)
        return [ast.Name(name, ast.Load()) for name in self.all_of(node.value.id, suffix)]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        """Import what stands for several where there is at least one; who binds them imports the others."""
        node.names = [
            name for name in node.names if self.repeats.get(self.suffix_of(name.asname or name.name) or "", 1)
        ]
        return node if node.names else None

    def visit_Name(self, node: ast.Name) -> ast.Name:
        suffix = self.suffix_of(node.id)
        if suffix is not None:
            raise self.problem(node, f"{node.id} outside of `with each({suffix!r})`")
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, (ast.FunctionDef, ast.For, ast.While, ast.If)) and not node.body:
            node.body.append(ast.Pass())
        return node

    def all_of(self, name: str, suffix: str) -> list[str]:
        return [_numbered(name, suffix, k) for k in range(self.repeats[suffix])]

    def suffix_of(self, name: str) -> str | None:
        return next((suffix for suffix in self.repeats if name.endswith(suffix)), None)


class _Number(ast.NodeTransformer):
    """Put number ``k`` into a copy of a block."""

    def __init__(self, suffix: str, number: str | None, k: int) -> None:
        self.suffix, self.number, self.k = suffix, number, k

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.number:
            return ast.Constant(self.k)
        if node.id.endswith(self.suffix):
            node.id = _numbered(node.id, self.suffix, self.k)
        return node


def _numbered(name: str, suffix: str, k: int) -> str:
    return f"{name.removesuffix(suffix)}{suffix[:-1]}{k}"
