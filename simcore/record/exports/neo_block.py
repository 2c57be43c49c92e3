"""Neo: a Block with a Segment for each trial and a SpikeTrain for each neuron.

Neo 0.14, https://neo.readthedocs.io/en/stable/core.html
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from .content import content, need


def to_neo(store: Any, drop: Collection[str] = ()) -> Any:
    """Return a run as ``neo.Block``.

    Trains are in ms, from the beginning to the end of the trial, and have the annotations ``population`` and
    ``neuron``; silent neurons have empty ones. Segments have what was recorded of the trial as annotations. The
    manifest is JSON in the block's annotation ``tegmentum``.

    Parameters
    ----------
    store : path or xarray.DataTree
    drop : collection of str
        what may be left out; Neo holds ``trials`` only, see `export`

    Raises
    ------
    StoreError
        If the store holds more than spikes and trials.
    """
    neo = need("neo", "neo")
    held = content(store, "neo", ["trials"], drop)
    block = neo.Block(name=Path(held.source).stem, tegmentum=json.dumps(held.about()))
    begin = held.start * held.tick_ms
    for k, n in enumerate(held.ticks):
        notes = {} if "trials" in held.dropped else {key: int(v[k]) for key, v in held.named.items()}
        segment = neo.Segment(name=f"trial {k}", index=k, **notes)
        end = (held.start + int(n)) * held.tick_ms
        for name, trains in held.trains.items():
            tick, edge = held.by_neuron(name, np.array([k]))
            for neuron in range(trains.n_neurons):
                times = tick[edge[neuron] : edge[neuron + 1]] * held.tick_ms
                train = neo.SpikeTrain(
                    times, units="ms", t_start=begin, t_stop=end, name=f"{name} {neuron}",
                    population=name, neuron=neuron,
                )  # fmt: skip
                segment.spiketrains.append(train)
        block.segments.append(segment)
    return block


def write_neo(store: Any, path: Path, drop: Collection[str]) -> None:
    """Write a NIX file, or a pickle of the block where the name ends in ``.pkl``."""
    need("nixio", "neo")
    block, io = to_neo(store, drop), need("neo.io", "neo")
    if path.suffix == ".pkl":
        io.PickleIO(str(path)).write_block(block)
        return
    with io.NixIO(str(path), "ow") as file:
        file.write_block(block)
