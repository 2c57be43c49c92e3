"""What a run came to, measured from its store: regularity of spikes, learning curve, cost, bytes per spike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Spikes of a population that its CV is measured from, at most: about four seconds of one core.
MOST_SPIKES = 1 << 24
_FEWEST_INTERVALS = 2  # of a neuron, for a CV


def add_measures(path: str | Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Add to a summary of :func:`.reader.summarise` what takes a look at the data.

    Parameters
    ----------
    path
        The run store.
    summary
        Left as it is.

    Returns
    -------
    dict
        With ``isi_cv``, ``isi_neurons``, ``isi_spikes`` and ``bytes_per_spike`` of each population in ``spikes``;
        ``curve``, the accuracies by name, and ``cost``, numbers of the whole run by name.
    """
    from .layout import open_committed
    from .manifest import location
    from .reader import reading

    with reading(path):
        root: Any = open_committed(location(path))
        spikes = {
            name: _of_spikes(root[f"spikes/{name}"], entry) for name, entry in summary["spikes"].items()
        }
        return summary | {"spikes": spikes, "curve": learning_curve(root), "cost": _cost(root, summary)}


def isi_cv(group: Any, most: int = MOST_SPIKES) -> NDArray[np.float64]:
    """Return the CV of the intervals between the spikes of each neuron within trials, NaN of fewer than two.

    The standard deviation over the mean; 1 for a Poisson process, 0 for a clock. ``group`` is below ``spikes``; of its
    spikes the first ``most`` count, read in blocks.
    """
    n = max(1, int(group.attrs["n_neurons"]))
    edges, stop = group["trial_offset"][:], min(group["t"].shape[0], most)
    last, in_trial = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    count, total, squares = np.zeros(n), np.zeros(n), np.zeros(n)
    rows = int(group["t"].chunks[0])
    for begin in range(0, stop, rows):
        part = slice(begin, min(begin + rows, stop))
        neuron, tick = group["neuron"][part].astype(np.int64), group["t"][part]
        order = np.argsort(neuron, kind="stable")  # the spikes of one neuron are in order
        trial = np.searchsorted(edges, np.arange(part.start, part.stop), side="right")[order]
        neuron, tick = neuron[order], tick[order]
        heads = np.flatnonzero(np.diff(neuron, prepend=-1))
        before, of_trial = np.roll(tick, 1), np.roll(trial, 1)
        before[heads], of_trial[heads] = last[neuron[heads]], in_trial[neuron[heads]]
        inside = of_trial == trial
        interval = (tick - before)[inside].astype(np.float64)
        count += np.bincount(neuron[inside], minlength=n)
        total += np.bincount(neuron[inside], interval, minlength=n)
        squares += np.bincount(neuron[inside], interval**2, minlength=n)
        ends = np.append(heads[1:], len(neuron)) - 1
        last[neuron[ends]], in_trial[neuron[ends]] = tick[ends], trial[ends]
    known = (count >= _FEWEST_INTERVALS) & (total > 0)
    mean = total / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    cv: NDArray[np.float64] = np.where(known, deviation / np.where(known, mean, 1), np.nan)
    return cv


def _of_spikes(group: Any, entry: dict[str, Any]) -> dict[str, Any]:
    cv = isi_cv(group)
    known = cv[~np.isnan(cv)]
    n = entry["n_spikes"]
    return entry | {
        "isi_cv": float(known.mean()) if len(known) else None,
        "isi_neurons": len(known),
        "isi_spikes": min(n, MOST_SPIKES),
        "bytes_per_spike": entry["bytes"] / n if n else None,
    }


def learning_curve(root: Any) -> dict[str, list[float | None]]:
    """Return accuracies over epochs, or the mean accuracy on all tasks so far after each task."""
    curve = {}
    for name in ("train_accuracy", "test_accuracy"):
        if name in root:
            curve[name] = _plain(root[name][:])
    if "learning/accuracy" in root:
        accuracies = root["learning/accuracy"][:]
        seen = [np.nanmean(row[: k + 1]) if (row[: k + 1] == row[: k + 1]).any() else np.nan
                for k, row in enumerate(accuracies)]  # fmt: skip
        curve["accuracy_so_far"] = _plain(np.array(seen, np.float64))
    return curve


def _cost(root: Any, summary: dict[str, Any]) -> dict[str, float | int]:
    """Return what the run took, summed over epochs or tasks, as far as the store tells; times in s."""
    cost: dict[str, float | int] = {}
    for group in (root, root.get("learning", {})):
        for name in ("synaptic_events", "weight_updates", "samples_seen"):
            if name in group:
                cost[name] = int(np.sum(group[name][...]))
        for name, key in (("learning_time", "learning_s"), ("run_time", "run_s")):
            if name in group:
                cost[key] = float(np.sum(group[name][...]))
    if "model_time" in root:
        cost["model_s"] = 1e-3 * float(root["model_time"][...])
    seconds = cost.get("run_s", cost.get("learning_s"))
    if seconds and "synaptic_events" in cost:
        cost["synaptic_events_per_s"] = cost["synaptic_events"] / seconds
    if summary["ended"] is not None:
        from datetime import datetime

        span = datetime.fromisoformat(summary["ended"]) - datetime.fromisoformat(summary["started"])
        cost["wall_s"] = span.total_seconds()
    return cost


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Return numbers for JSON, None for what was not measured."""
    return [float(v) if v == v else None for v in values]
