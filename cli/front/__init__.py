"""Tegmentum: event-driven spiking networks whose synapses learn by dopamine-modulated plasticity.

Names live in the sub-packages: :mod:`tegmentum.simcore` describes and simulates networks,
:mod:`tegmentum.plasticity` holds the rules and the learners, :mod:`tegmentum.datasets` the data. They load on first
use, so that ``import tegmentum`` imports nothing else. :func:`open_run` opens what a run has stored.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tegmentum import cli, datasets, plasticity, simcore
    from tegmentum.simcore import open_run

    __version__: str

__all__ = ["__version__", "cli", "datasets", "open_run", "plasticity", "simcore"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tegmentum")
    if name == "open_run":
        from tegmentum.simcore import open_run

        return open_run
    if name in __all__:
        return importlib.import_module(f"tegmentum.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
