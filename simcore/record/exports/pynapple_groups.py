"""Pynapple: a TsGroup for each population and an IntervalSet of trials, each in one npz of a folder.

Pynapple 0.11, https://pynapple.org; times are seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from .content import content, need
from .publish import write_about


def to_pynapple(store: Any, drop: Collection[str] = ()) -> dict[str, Any]:
    """Return a run as pynapple's objects.

    Parameters
    ----------
    store : path or xarray.DataTree
    drop : collection of str
        what may be left out; pynapple holds ``trials`` only, see `export`

    Returns
    -------
    dict
        A ``TsGroup`` for each population, whose keys are the neurons, and ``trials``, an ``IntervalSet`` with what was
        recorded of each as metadata. Times are s, trials laid end to end, a tick apart.

    Raises
    ------
    StoreError
        If the store holds more than spikes and trials.
    """
    return _objects(content(store, "pynapple", ["trials"], drop))


def _objects(held: Any) -> dict[str, Any]:
    nap = need("pynapple", "pynapple")
    start = held.shift + held.start
    trials = nap.IntervalSet(held.seconds(start), held.seconds(start + held.ticks))
    if held.named and "trials" not in held.dropped:
        trials.set_info(**held.named)
    span, found = nap.IntervalSet(trials.start, trials.end), {}
    for name, trains in held.trains.items():
        tick, edge = held.by_neuron(name)
        times = held.seconds(tick)
        units = {n: nap.Ts(times[edge[n] : edge[n + 1]], time_support=span) for n in range(trains.n_neurons)}
        found[name] = nap.TsGroup(units, time_support=span)
    if "trials" not in held.dropped:
        found["trials"] = trials
    return found


def write_pynapple(store: Any, path: Path, drop: Collection[str]) -> None:
    """Write ``<population>.npz`` and ``trials.npz`` into a folder that ``pynapple.load_folder`` opens."""
    held = content(store, "pynapple", ["trials"], drop)
    found = _objects(held)
    path.mkdir()
    for name, value in found.items():
        value.save(str(path / f"{name}.npz"))
    write_about(path, "pynapple", held.about())
