"""What rules under neuromodulators share: the check of the objects that they are given."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tegmentum.simcore.describe.checks import shown
from tegmentum.simcore.describe.modulation import Modulator, Receptor, Subpopulations

_KINDS = {
    "Modulator": (Modulator, "a Modulator"),
    "Receptor": (Receptor, "a receptor such as LinearReceptor()"),
    "Subpopulations": (Subpopulations, "Whole(), ByPost(...) or the like"),
}


def wrong_part(rule: Any) -> str | None:
    """Return the first modulator, receptor or choice of subpopulations of a rule that is none, or None."""
    for field in fields(rule):
        if field.type not in _KINDS:
            continue
        (kind, words), value = _KINDS[field.type], getattr(rule, field.name)
        if not isinstance(value, kind) or (kind is Receptor and not hasattr(value, "curve")):
            return f"{field.name} must be {words}, got {shown(value)}"
    return None
