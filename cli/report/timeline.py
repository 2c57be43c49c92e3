"""Trials laid one after another, so that a whole run has one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plots.trains import Ticks, Train, begins_of

_LONG = 10_000.0  # ms


@dataclass(frozen=True)
class Timeline:
    """Where each trial begins on the axis.

    Attributes
    ----------
    begins
        Tick at which each trial begins, as its spikes count them.
    starts
        Tick on the axis at which it is drawn, and the end of the last.
    shift
        1 where the first tick of a trial is numbered 1.
    """

    begins: Ticks
    starts: Ticks
    shift: int
    tick_ms: float

    @classmethod
    def of(cls, trains: Sequence[Train]) -> Timeline:
        """Lay out the trials of populations that were recorded together."""
        begins, longest, shift = begins_of(trains)
        lengths = max((train.lengths for train in trains), key=len)
        lengths = np.where(lengths > 0, lengths, longest)
        first = int(begins[0]) if len(lengths) == 1 else 0
        return cls(begins, first + np.concatenate([[0], np.cumsum(lengths)]), shift, trains[0].tick_ms)

    @property
    def n_trials(self) -> int:
        """Count the trials."""
        return len(self.starts) - 1

    @property
    def title(self) -> str:
        """Name the axis."""
        return f"time ({self.unit}){', trials one after another' if self.n_trials > 1 else ''}"

    @property
    def unit(self) -> str:
        """Unit of the axis: ms, or s where it is long."""
        return "s" if self.starts[-1] * self.tick_ms >= _LONG else "ms"

    @property
    def per_tick(self) -> float:
        """Length of a tick in that unit."""
        return self.tick_ms * (1e-3 if self.unit == "s" else 1.0)

    @property
    def limits(self) -> list[float]:
        """Return both ends of the axis."""
        return [float(self.starts[0]) * self.per_tick, float(self.starts[-1]) * self.per_tick]

    def ticks(self, tick: Ticks, trial: Ticks) -> Ticks:
        """Return where on the axis spikes are [ticks]."""
        laid: Ticks = self.starts[trial] + tick - self.begins[trial]
        return laid

    def bins(self, most: int) -> int:
        """Return the ticks of a bin if there may be at most so many."""
        return max(1, -(-int(self.starts[-1] - self.starts[0]) // most))

    def lines(self) -> list[dict[str, Any]]:
        """Return shapes between trials, where these are few enough to be told apart."""
        if not 1 < self.n_trials <= 60:
            return []
        return [
            {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "layer": "below",
             "line": {"color": "#8a94a3", "width": 0.6, "dash": "dot"}}
            for x in (self.starts[1:-1] * self.per_tick).tolist()
        ]  # fmt: skip
