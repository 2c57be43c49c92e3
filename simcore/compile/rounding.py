"""Products that stay products: in a module for CUDA every ``a * b`` becomes ``mul(a, b)``, see :mod:`.rounded`."""

from __future__ import annotations

import ast


def separate(text: str) -> str:
    """Return a module's text with all products written as calls of ``mul``."""
    return ast.unparse(ast.fix_missing_locations(_Products().visit(ast.parse(text))))


class _Products(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            return ast.Call(ast.Name("mul", ast.Load()), [node.left, node.right], [])
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mult):
            return node
        before = ast.parse(ast.unparse(node.target), mode="eval").body
        product = ast.Call(ast.Name("mul", ast.Load()), [before, node.value], [])
        return ast.Assign([node.target], product)
