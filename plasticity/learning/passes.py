"""How far a pass over the samples is: what a learner adds up on the way, so that it can be cut anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]
_WHOLE = ("epoch", "done", "correct", "events")


@dataclass
class Pass:
    """A pass over the samples.

    Attributes
    ----------
    epoch : int
        its number
    done : int
        samples, or batches, that have been learned
    correct, events : int
        right answers and synaptic events
    seconds : float
        wall time
    sums : dict of array
        what else is added up, by name
    """

    epoch: int
    done: int = 0
    correct: int = 0
    events: int = 0
    seconds: float = 0.0
    sums: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, values: Any) -> None:
        """Add to a sum."""
        self.sums[name] = np.asarray(self.sums.get(name, 0) + np.asarray(values))

    def arrays(self) -> dict[str, Array]:
        """Return everything as arrays."""
        whole = {name: np.array(getattr(self, name), np.int64) for name in _WHOLE}
        sums = {f"sums/{name}": values for name, values in self.sums.items()}
        return {**whole, "seconds": np.array(self.seconds), **sums}

    @classmethod
    def going_on(cls, loaded: Pass | None, epoch: int) -> Pass:
        """Return a pass that was loaded, if it is that of the epoch, and otherwise a new one."""
        return loaded if loaded is not None and loaded.epoch == epoch else cls(epoch)

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Pass:
        """Return what :meth:`arrays` gave."""
        for name in (*_WHOLE, "seconds"):
            if name not in arrays:
                raise DescriptionError(f"load_state: pass/{name} is missing")
        sums = {
            key.removeprefix("sums/"): np.array(v) for key, v in arrays.items() if key.startswith("sums/")
        }
        whole = {name: int(arrays[name]) for name in _WHOLE}
        return cls(**whole, seconds=float(arrays["seconds"]), sums=sums)


def part(arrays: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return the arrays of a part of a state, by what follows ``name/``."""
    start = f"{name}/"
    return {key.removeprefix(start): values for key, values in arrays.items() if key.startswith(start)}
