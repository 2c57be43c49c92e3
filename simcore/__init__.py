"""The simulator: descriptions, lowering, generated kernels and the run store.

The names below load on first use, so that describing a network imports neither Numba nor Zarr.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "connect": "AllToAll Constant Distribution FixedIndegree FixedOutdegree FixedProbability FixedTotal "
    "FromCOO Lognormal Normal OneToOne Rule Uniform",
    "grids": "AvgPool2D Conv2D",
    "modulation": "ByPost ByPre BySynapse Modulator Receptor Release Whole",
    "network": "Network Population Projection",
    "neurons": "AdEx DiscreteLIF GradedUnit Izhikevich LIF LIFAlpha LIFCond LIFExp NeuronModel Parrot param",
    "record": "Record Result Spikes Trace",
    "simulation": "Simulation",
    "sources": "Current Noise Poisson SpikeTrain",
    "errors": "DataError DescriptionError SimulationError StoreError TegmentumError",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
