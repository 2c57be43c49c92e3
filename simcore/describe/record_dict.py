"""What to record as plain dictionaries, by names alone, and back: a run store keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from .histories import Snapshots
from .record import Record, Trace


def record_dict(record: Record) -> dict[str, Any]:
    """Return a record as JSON has it; parts of the network are their names."""
    return {
        "spikes": _spikes(record.spikes),
        "traces": {
            name: {**_fields(t), "population": _name(t.population)} for name, t in record.traces.items()
        },
        "every": None if record.every is None else float(record.every),
        "weights": {name: _fields(s) for name, s in record.weights.items()},
        "eligibility": {name: _fields(s) for name, s in record.eligibility.items()},
        "modulators": {name: float(every) for name, every in record.modulators.items()},
        "start": float(record.start),
        "stop": None if math.isinf(record.stop) else float(record.stop),
    }


def record_of_dict(told: Mapping[str, Any]) -> Record:
    """Return the record that :func:`record_dict` told of."""
    histories = {
        kind: {name: Snapshots(**s) for name, s in told[kind].items()} for kind in ("weights", "eligibility")
    }
    return Record(
        spikes=told["spikes"],
        traces={name: Trace(**t) for name, t in told["traces"].items()},
        every=told["every"],
        modulators=told["modulators"],
        start=told.get("start", 0.0),
        stop=math.inf if told.get("stop") is None else told["stop"],
        **histories,
    )


def _spikes(wanted: Any) -> list[str] | dict[str, Any]:
    """Return the names of whose spikes are recorded, with their neurons where those are not all."""
    if isinstance(wanted, Mapping) and any(neurons is not None for neurons in wanted.values()):
        return {_name(node): _plain(neurons) for node, neurons in wanted.items()}
    return [_name(node) for node in wanted]


def _name(node: Any) -> str:
    return node if isinstance(node, str) else str(node.name)


def _fields(value: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [_plain(v) for v in value]
    return value
