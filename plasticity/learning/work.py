"""What learning took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What a pass over samples took.

    Attributes
    ----------
    correct, n_samples : int
        samples whose highest output rate was the expected class, as seen *during* learning
    synaptic_events : int
        spikes times the synapses each reached, the field's measure of work
    seconds : float
        wall time
    """

    correct: int
    n_samples: int
    synaptic_events: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of correct samples."""
        return self.correct / self.n_samples if self.n_samples else float("nan")
