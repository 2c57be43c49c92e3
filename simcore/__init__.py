"""The simulator: descriptions, lowering, generated kernels and the run store.

The names below load on first use, so that describing a network imports neither Numba nor Zarr. Editors and type
checkers, which run nothing, read the imports under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advance.simulation import Simulation
    from .describe.connectivity import (
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
    from .describe.graphs import (
        degree_sequence,
        from_graph,
        from_sparse,
        lattice,
        nearby,
        small_world,
    )
    from .describe.grids import AvgPool2D, Conv2D
    from .describe.histories import Snapshots
    from .describe.modulation import ByPost, ByPre, BySynapse, Modulator, Receptor, Whole
    from .describe.network import Network, Population, Projection
    from .describe.plasticity import ChanceRule, Modulation, ShortTermRule, SynapseRule, Unpaired, WindowRule
    from .describe.record import Record, Result, Spikes, Trace
    from .describe.releases import Course, Given, Release
    from .describe.sharing import SharedWeights
    from .describe.sources import Current, Noise, Poisson, SpikeTrain
    from .describe.structure import Turnover
    from .describe.trials import Expected, Presented, one_hot, random_table
    from .describe.watch import Watch
    from .errors import DataError, DescriptionError, DeviceError, SimulationError, StoreError, TegmentumError
    from .interchange.nir_reader import from_nir
    from .interchange.nir_writer import to_nir
    from .interchange.sonata_reader import from_sonata
    from .neurons import (
        ALIF,
        LIF,
        AdEx,
        ClopathAdEx,
        DiscreteLIF,
        GradedUnit,
        HodgkinHuxley,
        HomeostaticLIF,
        Izhikevich,
        LIFAlpha,
        LIFCond,
        LIFExp,
        NeuronModel,
        Parrot,
        deviation,
        param,
        runge_kutta,
    )
    from .record.exports import export
    from .record.reader import open_run
    from .record.store import RunStore
    from .sweeps.sweep import sweep

__all__ = [
    "ALIF",
    "LIF",
    "AdEx",
    "AllToAll",
    "AvgPool2D",
    "ByPost",
    "ByPre",
    "BySynapse",
    "ChanceRule",
    "ClopathAdEx",
    "Constant",
    "Conv2D",
    "Course",
    "Current",
    "DataError",
    "DescriptionError",
    "DeviceError",
    "DiscreteLIF",
    "Distribution",
    "Expected",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedProbability",
    "FixedTotal",
    "FromCOO",
    "Given",
    "GradedUnit",
    "HodgkinHuxley",
    "HomeostaticLIF",
    "Izhikevich",
    "LIFAlpha",
    "LIFCond",
    "LIFExp",
    "Lognormal",
    "Modulation",
    "Modulator",
    "Network",
    "NeuronModel",
    "Noise",
    "Normal",
    "OneToOne",
    "Parrot",
    "Poisson",
    "Population",
    "Presented",
    "Projection",
    "Receptor",
    "Record",
    "Release",
    "Result",
    "Rule",
    "RunStore",
    "SharedWeights",
    "ShortTermRule",
    "Simulation",
    "SimulationError",
    "Snapshots",
    "SpikeTrain",
    "Spikes",
    "StoreError",
    "SynapseRule",
    "TegmentumError",
    "Trace",
    "Turnover",
    "Uniform",
    "Unpaired",
    "Watch",
    "Whole",
    "WindowRule",
    "degree_sequence",
    "deviation",
    "export",
    "from_graph",
    "from_nir",
    "from_sonata",
    "from_sparse",
    "lattice",
    "nearby",
    "one_hot",
    "open_run",
    "param",
    "random_table",
    "runge_kutta",
    "small_world",
    "sweep",
    "to_nir",
]

_HOMES = {
    "describe.connectivity": "AllToAll Constant Distribution FixedIndegree FixedOutdegree FixedProbability FixedTotal "
    "FromCOO Lognormal Normal OneToOne Rule Uniform",
    "errors": "DataError DescriptionError DeviceError SimulationError StoreError TegmentumError",
    "describe.graphs": "degree_sequence from_graph from_sparse lattice nearby small_world",
    "interchange.nir_reader": "from_nir",
    "interchange.nir_writer": "to_nir",
    "interchange.sonata_reader": "from_sonata",
    "describe.grids": "AvgPool2D Conv2D",
    "describe.histories": "Snapshots",
    "describe.modulation": "ByPost ByPre BySynapse Modulator Receptor Whole",
    "describe.trials": "Expected Presented one_hot random_table",
    "describe.releases": "Course Given Release",
    "describe.network": "Network Population Projection",
    "neurons": "ALIF AdEx ClopathAdEx DiscreteLIF GradedUnit HodgkinHuxley HomeostaticLIF Izhikevich LIF LIFAlpha "
    "LIFCond LIFExp NeuronModel Parrot deviation param runge_kutta",
    "describe.record": "Record Result Spikes Trace",
    "describe.plasticity": "ChanceRule Modulation ShortTermRule SynapseRule Unpaired WindowRule",
    "describe.sharing": "SharedWeights",
    "describe.structure": "Turnover",
    "describe.watch": "Watch",
    "advance.simulation": "Simulation",
    "describe.sources": "Current Noise Poisson SpikeTrain",
    "record.store": "RunStore",
    "record.reader": "open_run",
    "sweeps.sweep": "sweep",
    "record.exports": "export",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in ("GapJunction", "GapJunctions"):
        raise AttributeError(
            "there are no gap junctions: neurons act on each other by spikes, with a delay of at least a tick; "
            "potentials that are coupled within a tick need another engine, such as NEST or Arbor"
        )
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
