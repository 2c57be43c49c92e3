"""Runs for the tests of sweeps that take no time, in a module that other processes can import."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tegmentum.simcore import LIF, DescriptionError, Network, Poisson, Population, SimulationError
from tegmentum.simcore.sweeps.jobs import Checked, Variable


@dataclass(frozen=True)
class Squares:
    """Runs that square ``x`` and note in a file that they did; some fail.

    Where the file ``fails`` holds an ``x``, its run fails; where ``kills`` does, it ends its process.
    """

    folder: str
    kinds: bool = False
    version: int = 1
    n_bytes: float = 0.0
    kind: str = "squares"
    apart: bool = False

    @property
    def variables(self) -> dict[str, Variable]:
        return {"square": Variable("", "x * x"), "powers": Variable("", "of x", "power")}

    def check(self, parameters: dict[str, Any]) -> Checked:
        if parameters["x"] == 13:
            raise DescriptionError("x: must not be 13")
        return Checked(
            f"{self.version} {parameters}", str(parameters["x"] if self.kinds else ""), self.n_bytes
        )

    def rehearse(self, parameters: dict[str, Any], threads: int) -> None:
        self._note(f"rehearse {parameters['x']}")
        if parameters["x"] == 14:
            raise SimulationError("14 cannot be compiled")

    def run(self, parameters: dict[str, Any], store: Path | None, threads: int) -> dict[str, Any]:
        x = parameters["x"]
        self._note(f"run {x}")
        if x in self._listed("kills"):
            os._exit(9)
        if x in self._listed("fails"):
            raise SimulationError(f"{x} failed")
        return {"square": x * x, "powers": [x, x**2] if x < 3 else [x, x**2, x**3]}

    def done(self) -> list[str]:
        """What was done, in order."""
        path = Path(self.folder) / "done"
        return path.read_text().splitlines() if path.exists() else []

    def _note(self, text: str) -> None:
        with (Path(self.folder) / "done").open("a") as file:
            file.write(f"{text}\n")

    def _listed(self, name: str) -> list[int]:
        path = Path(self.folder) / name
        return [int(x) for x in path.read_text().split()] if path.exists() else []


def small(rate: float = 2000.0, weight: float = 0.5) -> Network:
    """Twenty neurons under Poisson input."""
    p = Population("p", 20, LIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0))
    return Network(p, Poisson(p, rate=rate, weight=weight))
