"""What one run of a sweep does: the contract between a sweep and the kind of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Variable:
    """A number that each run comes to.

    Attributes
    ----------
    unit : str
    meaning : str
        what the index says of it
    dim : str, optional
        of what there is one each, such as ``population``: the run then gives a dict by name, or a list by number
    """

    unit: str
    meaning: str
    dim: str | None = None


@dataclass(frozen=True)
class Checked:
    """What is known of a run before it.

    Attributes
    ----------
    identity : str
        differs where the results may
    kernels : str
        is equal where the same compiled code serves; the first of each is tried before all others run
    n_bytes : float
        memory that it takes, as far as that is known
    """

    identity: str
    kernels: str
    n_bytes: float = 0.0


class Job(Protocol):
    """A kind of runs; it is pickled to where they run."""

    @property
    def kind(self) -> str:
        """What the manifest of the sweep calls it."""

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What :meth:`run` returns, and maybe more."""

    @property
    def apart(self) -> bool:
        """Whether each run needs a process of its own, in whose main thread it is."""

    def check(self, parameters: Mapping[str, Any]) -> Checked:
        """Raise for what cannot be run, before anything is."""

    def rehearse(self, parameters: Mapping[str, Any], threads: int) -> None:
        """Compile what the run needs, into the cache that all share."""

    def run(self, parameters: Mapping[str, Any], store: Path | None, threads: int) -> dict[str, Any]:
        """Do the run, write its store if there is to be one, and return a number for each variable."""
