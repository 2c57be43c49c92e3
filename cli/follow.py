"""A run store looked at again and again while it grows: how far it is, rates and accuracies. Reads, never writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tegmentum.simcore.record.heard import neurons_heard, ticks_heard

_MOST_POINTS = 400  # of a curve


@dataclass(frozen=True)
class Look:
    """What a store held at a commit.

    Attributes
    ----------
    done, total, unit
        How far the run is; ``total`` is None where the store does not tell.
    rates
        Hz by population: over all the time so far, and since the look before.
    curves
        Accuracies by name, or recent rates by population.
    committed
        When it was written.
    """

    status: str
    started: datetime
    ended: datetime | None
    committed: datetime
    done: float
    total: float | None
    unit: str
    rates: dict[str, tuple[float | None, float | None]]
    accuracies: dict[str, list[float]]
    courses: dict[str, list[float]]


@dataclass
class Follower:
    """Follows a store; what is between two looks is the difference of their counts."""

    path: Path | str
    _seen: tuple[Any, ...] = ()
    _started: str = ""
    _before: dict[str, tuple[int, float]] = field(default_factory=dict)
    _courses: dict[str, list[float]] = field(default_factory=dict)

    def look(self) -> Look | None:
        """Read what the last commit left, None if it is the one that was read before.

        Raises
        ------
        StoreError
            If there is no store that this version reads, or it is damaged.
        """
        from tegmentum.simcore.record.layout import open_committed
        from tegmentum.simcore.record.manifest import read_manifest
        from tegmentum.simcore.record.reader import reading

        try:  # before reading: what is written meanwhile is another look
            seen, committed = _commit(self.path)
        except OSError:
            read_manifest(self.path)  # says what is wrong
            raise
        if seen == self._seen:
            return None
        manifest = read_manifest(self.path)
        with reading(self.path):
            if manifest["started"] != self._started:  # another run took its place
                self._started, self._before, self._courses = manifest["started"], {}, {}
            root: Any = open_committed(self.path)
            done, total, unit = _progress(root, manifest["config"])
            look = Look(
                manifest["status"],
                datetime.fromisoformat(manifest["started"]),
                datetime.fromisoformat(manifest["ended"]) if manifest["ended"] else None,
                committed,
                done,
                total,
                unit,
                self._rates(root, done if unit == "ms" else 0.0),
                _accuracies(root),
                self._courses,
            )
        self._seen = seen
        return look

    def _rates(self, root: Any, now: float) -> dict[str, tuple[float | None, float | None]]:
        """Return mean and recent rates [Hz] of all populations, at ``now`` ms, 0 where there is no such time."""
        rates: dict[str, tuple[float | None, float | None]] = {}
        for name, group in _groups(root, "spikes"):
            n, tick_ms = int(group["t"].shape[0]), float(group.attrs["tick_ms"])
            size = max(1, neurons_heard(group.attrs, group.get("recorded")))
            ticks = group["trial_ticks"][:]
            ticks = ticks if ticks.sum() else np.array([round(now / tick_ms)])
            ms = float(ticks_heard(group.attrs, ticks).sum()) * tick_ms
            before, at = self._before.get(name, (0, 0.0))
            recent = None
            if ms > at and n >= before:
                recent = 1000 * (n - before) / size / (ms - at)
                self._courses.setdefault(name, []).append(recent)
                del self._courses[name][:-_MOST_POINTS]
                self._before[name] = n, ms
            elif name in self._courses:
                recent = self._courses[name][-1]
            rates[name] = 1000 * n / size / ms if ms else None, recent
        if "population" in root and "rate" in root:
            for name, rate in zip(root["population"][:], root["rate"][:], strict=True):
                rates[str(name)] = float(rate), rates.get(str(name), (None, None))[1]
        return rates


def _progress(root: Any, config: dict[str, Any]) -> tuple[float, float | None, str]:
    """Return how far a run is: epochs, tasks or ms of model time; what is known of it, at least."""
    if "epoch" in root:
        total = config.get("epochs")
        return float(root["epoch"].shape[0]), float(total) if total else None, "epochs"
    if "learning/accuracy" in root:
        done, total = root["learning/accuracy"].shape
        return float(done), float(total), "tasks"
    if "model_time" in root:
        done = float(root["model_time"][...])
    else:
        times = [found for kind in ("spikes", "traces", "weights", "eligibility", "modulators")
                 for _, group in _groups(root, kind) if (found := _last(group)) is not None]  # fmt: skip
        done = max(times, default=0.0)
    total = config.get("ms")
    return done, float(total) if total else None, "ms"


def _last(group: Any) -> float | None:
    """Return the time of what was recorded last in a group [ms]; None where it has none."""
    name = "t" if "t" in group else "time"
    if name not in group or not group[name].shape[0] or group[name].attrs.get("units") not in ("ms", "tick"):
        return None
    if name == "time" and "tick" not in group:  # counts something else
        return None
    last = float(group[name][group[name].shape[0] - 1])
    return last * float(group.attrs["tick_ms"]) if name == "t" else last


def _accuracies(root: Any) -> dict[str, list[float]]:
    """Return accuracies over epochs, or on all tasks so far after each task, those that were measured."""
    from tegmentum.simcore.record.measures import learning_curve

    found = {name: [v for v in curve if v is not None] for name, curve in learning_curve(root).items()}
    return {name.replace("_", " "): values for name, values in found.items() if values}


def _commit(path: Path | str) -> tuple[tuple[Any, ...], datetime]:
    """Return what tells the last commit from others, and when it was."""
    if isinstance(path, str):
        import zlib

        from tegmentum.simcore.record.target import UrlTarget

        target = UrlTarget(path)
        at = target.modified("zarr.json")
        return (at, zlib.crc32(target.get("zarr.json") or b"")), at
    file = (path / "zarr.json").stat()
    return (file.st_ino, file.st_mtime_ns, file.st_size), datetime.fromtimestamp(file.st_mtime, UTC)


def _groups(root: Any, kind: str) -> list[tuple[str, Any]]:
    if kind not in root:
        return []
    nodes = root[kind].members(max_depth=None)
    return sorted((name, node) for name, node in nodes if node.attrs.get("kind") == kind)
