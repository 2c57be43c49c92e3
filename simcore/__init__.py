"""The simulator: descriptions, lowering, generated kernels and the run store.

The names below load on first use, so that describing a network imports neither Numba nor Zarr. Editors and type
checkers, which run nothing, read the imports under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connect import (
        AllToAll,
        Constant,
        Distribution,
        FixedIndegree,
        FixedOutdegree,
        FixedProbability,
        FixedTotal,
        FromCOO,
        Lognormal,
        Normal,
        OneToOne,
        Rule,
        Uniform,
    )
    from .errors import DataError, DescriptionError, SimulationError, StoreError, TegmentumError
    from .grids import AvgPool2D, Conv2D
    from .modulation import ByPost, ByPre, BySynapse, Modulator, Receptor, Release, Whole
    from .network import Network, Population, Projection
    from .neurons import (
        LIF,
        AdEx,
        DiscreteLIF,
        GradedUnit,
        Izhikevich,
        LIFAlpha,
        LIFCond,
        LIFExp,
        NeuronModel,
        Parrot,
        param,
    )
    from .record import Record, Result, Spikes, Trace
    from .rule import SynapseRule, WindowRule
    from .simulation import Simulation
    from .sources import Current, Noise, Poisson, SpikeTrain
    from .store import RunStore
    from .store_reader import open_run

__all__ = [
    "LIF",
    "AdEx",
    "AllToAll",
    "AvgPool2D",
    "ByPost",
    "ByPre",
    "BySynapse",
    "Constant",
    "Conv2D",
    "Current",
    "DataError",
    "DescriptionError",
    "DiscreteLIF",
    "Distribution",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedProbability",
    "FixedTotal",
    "FromCOO",
    "GradedUnit",
    "Izhikevich",
    "LIFAlpha",
    "LIFCond",
    "LIFExp",
    "Lognormal",
    "Modulator",
    "Network",
    "NeuronModel",
    "Noise",
    "Normal",
    "OneToOne",
    "Parrot",
    "Poisson",
    "Population",
    "Projection",
    "Receptor",
    "Record",
    "Release",
    "Result",
    "Rule",
    "RunStore",
    "Simulation",
    "SimulationError",
    "SpikeTrain",
    "Spikes",
    "StoreError",
    "SynapseRule",
    "TegmentumError",
    "Trace",
    "Uniform",
    "Whole",
    "WindowRule",
    "open_run",
    "param",
]

_HOMES = {
    "connect": "AllToAll Constant Distribution FixedIndegree FixedOutdegree FixedProbability FixedTotal "
    "FromCOO Lognormal Normal OneToOne Rule Uniform",
    "errors": "DataError DescriptionError SimulationError StoreError TegmentumError",
    "grids": "AvgPool2D Conv2D",
    "modulation": "ByPost ByPre BySynapse Modulator Receptor Release Whole",
    "network": "Network Population Projection",
    "neurons": "AdEx DiscreteLIF GradedUnit Izhikevich LIF LIFAlpha LIFCond LIFExp NeuronModel Parrot param",
    "record": "Record Result Spikes Trace",
    "rule": "SynapseRule WindowRule",
    "simulation": "Simulation",
    "sources": "Current Noise Poisson SpikeTrain",
    "store": "RunStore",
    "store_reader": "open_run",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
