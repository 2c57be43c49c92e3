"""Functions and named tuples as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def lines(name: str, arguments: str, *body: str) -> str:
    """Write a function."""
    return "\n".join([f"@jit\ndef {name}({arguments}):", *(f"    {line}" for line in body)])


def tuple_of(cls: str, items: Iterable[str]) -> str:
    """Write the return of a named tuple."""
    return f"return {cls}({', '.join(items)})"


def class_of(name: str, fields: Sequence[str]) -> str:
    """Write a named tuple."""
    return "\n".join(
        [f"class {name}(NamedTuple):", *([f"    {field}: float" for field in fields] or ["    pass"])]
    )
