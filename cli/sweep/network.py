"""Runs of a network that a TOML file describes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.sweeps.jobs import Checked, Variable
from tegmentum.simcore.sweeps.networks import VARIABLES, Setup

from ..options import CHECKPOINT_EVERY


@dataclass(frozen=True)
class FileJob:
    """Runs of a file, each with other values; the text goes along, so that other machines need not see the file.

    Parameters
    ----------
    text, file : str
        what stands in the file, and its name for messages
    shared : dict of key to value
        values that all runs have instead of the file's
    backend : {'cpu', 'cuda', 'auto'}
    checkpoint_every : float, s
    """

    text: str
    file: str
    shared: Mapping[str, Any]
    backend: str = "cpu"
    checkpoint_every: float = CHECKPOINT_EVERY
    kind: str = "network"
    apart: bool = False

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What a run returns."""
        return VARIABLES

    def threads(self, parameters: Mapping[str, Any]) -> int | None:
        """Return how many threads the file asks for."""
        threads: int | None = self._config(parameters).simulation.threads
        return threads

    def check(self, parameters: Mapping[str, Any]) -> Checked:
        """Read the file with these values, and refuse what can be refused without building."""
        return self._setup(parameters).checked()

    def rehearse(self, parameters: Mapping[str, Any], threads: int) -> None:
        """Compile."""
        self._setup(parameters).rehearse(threads)

    def run(self, parameters: Mapping[str, Any], store: Path | None, threads: int) -> dict[str, Any]:
        """Simulate."""
        return self._setup(parameters).run(store, threads)

    def _config(self, parameters: Mapping[str, Any]) -> Any:
        from ..config import read_text

        values = {**self.shared, **parameters}
        if "seed" in values:
            values["simulation.seed"] = values.pop("seed")
        overrides = [f"{name}={json.dumps(value)}" for name, value in values.items()]
        return read_text(self.text, overrides, self.file)

    def _setup(self, parameters: Mapping[str, Any]) -> Setup:
        from ..config import network_of, record_of

        config = self._config(parameters)
        s, network = config.simulation, network_of(config)
        return Setup(network, s.duration, s.seed, s.dt, s.n_trials, s.precision, backend=self.backend,
                     record=record_of(config, network), checkpoint_every=self.checkpoint_every)  # fmt: skip


def file_job(file: Path, swept: Iterable[str], shared: Mapping[str, Any], backend: str = "cpu") -> FileJob:
    """Read a file of which some values are swept and others set."""
    from ..config import text_of

    names = {*swept, *shared}
    for name, instead in (("simulation.threads", "--threads"), ("simulation.seed", "--seeds")):
        if name in names and (name == "simulation.threads" or "seed" in names):
            raise DescriptionError(f"--set {name}: is set by {instead}; leave it out")
    return FileJob(text_of(file), str(file), dict(shared), backend)
