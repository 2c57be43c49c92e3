"""NWB: a Units table with a row for each neuron, and a table of trials.

NWB 2, https://nwb-schema.readthedocs.io; times are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from .content import content, need


def to_nwb(store: Any, drop: Collection[str] = ()) -> Any:
    """Return a run as ``pynwb.NWBFile``.

    ``units`` has the columns ``population`` and ``neuron``; spike times are s, trials laid end to end, a tick apart, as
    ``trials`` tells. The manifest is JSON in ``notes``.

    Parameters
    ----------
    store : path or xarray.DataTree
    drop : collection of str
        what may be left out; NWB holds ``trials`` only, see `export`

    Raises
    ------
    StoreError
        If the store holds more than spikes and trials.
    """
    pynwb = need("pynwb", "nwb")
    held = content(store, "nwb", ["trials"], drop)
    file = pynwb.NWBFile(
        session_description="Spikes simulated by Tegmentum",
        identifier=str(uuid4()),
        session_start_time=datetime.fromisoformat(held.tree.attrs["started"]),
        notes=json.dumps(held.about()),
    )
    if held.trains:
        file.add_unit_column("population", "population of the neuron")
        file.add_unit_column("neuron", "index in the population")
    start = held.shift + held.start
    intervals = [[a, b] for a, b in zip(held.seconds(start), held.seconds(start + held.ticks), strict=True)]
    for name, trains in held.trains.items():
        tick, edge = held.by_neuron(name)
        times = held.seconds(tick)
        for neuron in range(trains.n_neurons):
            mine = times[edge[neuron] : edge[neuron + 1]]
            file.add_unit(spike_times=mine, obs_intervals=intervals, population=name, neuron=neuron)
    if "trials" not in held.dropped:
        for key in held.named:
            file.add_trial_column(key, f"{key} of the trial")
        for k, (begin, end) in enumerate(intervals):
            file.add_trial(start_time=begin, stop_time=end, **{n: int(v[k]) for n, v in held.named.items()})
    return file


def write_nwb(store: Any, path: Path, drop: Collection[str]) -> None:
    """Write an NWB file (HDF5)."""
    file = to_nwb(store, drop)
    with need("pynwb", "nwb").NWBHDF5IO(str(path), "w") as io:
        io.write(file)
