"""How a neuron begins the next trial, as :mod:`.modules` writes it for a model without ``next_trial``: as at first."""

from __future__ import annotations

from typing import Any


def anew(s: Any, start: Any, c: Any, n: Any) -> Any:
    """State of a neuron that fired ``n`` times in the trial that has ended."""
    return start
