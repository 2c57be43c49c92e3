"""What stands in ``--set`` and ``--seeds``: the values of a sweep's parameters."""

from __future__ import annotations

import tomllib
from typing import Any

from tegmentum.simcore.errors import DescriptionError


def parameters(sets: list[str], seeds: str | None) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the values of each parameter that is swept, the seed last, and of those with one for all runs."""
    found: dict[str, list[Any]] = {}
    for text in sets:
        name, sign, values = text.partition("=")
        name = name.strip()
        if not sign or not name or not values.strip():
            raise DescriptionError(
                f"--set: must be a name and its values, such as poisson.0.rate=1000,2000, got {text!r}"
            )
        if name in found:
            raise DescriptionError(f"--set: {name} stands there twice; write its values in one list")
        if name == "seed":
            raise DescriptionError("--set: seed is set by --seeds, such as --seeds 0:10")
        found[name] = _values(name, values)
    swept = {name: values for name, values in found.items() if len(values) > 1}
    shared = {name: values[0] for name, values in found.items() if len(values) == 1}
    if seeds is not None:
        swept["seed"] = _seeds(seeds)
    if not swept:
        raise DescriptionError(
            "--set: there is nothing to sweep; name a parameter and several values, such as --set "
            "poisson.0.rate=1000,2000, or --seeds 0:10"
        )
    return swept, shared


def _values(name: str, text: str) -> list[Any]:
    """Read a list of values: as TOML or, where it is none, word by word."""
    values: list[Any] | None = _toml(f"[{text}]")
    if values is None:
        words = [word.strip() for word in text.split(",")]
        values = [word if (value := _toml(word)) is None else value for word in words]
    for value in values:
        if value == "" or not isinstance(value, (bool, int, float, str, list)):
            raise DescriptionError(
                f"--set {name}: must be numbers, words, true or false, or lists, separated by commas, got {text!r}"
            )
    return values


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return None


def _seeds(text: str) -> list[int]:
    """Read ``0:10``, the end not included, or ``0,1,5``."""
    try:
        if ":" in text:
            parts = [int(part) for part in text.split(":")]
            found = list(range(*parts)) if len(parts) in (2, 3) and parts[1] - parts[0] <= 1_000_000 else []
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise DescriptionError(f"--seeds: must be such as 0:10, which is 0 to 9, or 0,1,5, got {text!r}")
    return found
