"""A curve in a line of text."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Draw values as bars from the least to the greatest; of more than ``width``, the last of each group."""
    n = min(len(values), width)
    shown = [values[(k + 1) * len(values) // n - 1] for k in range(n)]
    if not shown:
        return ""
    low, span = min(shown), (max(shown) - min(shown)) or 1.0
    return "".join(_BARS[min(7, max(0, int(8 * (value - low) / span)))] for value in shown)
