"""What ``tegmentum continual`` learns: images as they are, recordings of event cameras as spikes in ticks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

EVENT_TICKS = 20  #: ticks that a recording is divided into


@dataclass(frozen=True)
class ContinualTask:
    """Arrays of a data set, and what rules and results need to know of it.

    Attributes
    ----------
    x_train, x_test : uint8 (n, features), intensities 0 to ``x_max``; of recordings, 1 for each tick and channel with
        an event, (n, ticks * channels)
    y_train, y_test : int64 (n,)
    shape : of an image, or of a tick of a recording
    ticks : ticks of a recording, 0 for images
    """

    name: str
    x_train: Any = field(repr=False)
    y_train: Any = field(repr=False)
    x_test: Any = field(repr=False)
    y_test: Any = field(repr=False)
    x_max: int
    shape: tuple[int, ...]
    ticks: int
    class_names: tuple[str, ...]
    checksums: dict[str, str]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def load_task(name: str, data_dir: Path | None) -> ContinualTask:
    """Load a data set of images or of recordings."""
    from tegmentum.datasets import info, load, load_events

    if info(name).kind == "events":
        events = load_events(name, data_dir)
        parts = [_in_ticks(part) for part in (events.train, events.test)]
        return ContinualTask(
            events.name, parts[0], events.train.label.astype(np.int64), parts[1], events.test.label.astype(np.int64),
            1, events.shape, EVENT_TICKS, tuple(events.class_names), dict(events.checksums),
        )  # fmt: skip
    data = load(name, data_dir)
    return ContinualTask(
        data.name, data.x_train, data.y_train, data.x_test, data.y_test, data.x_max, data.shape, 0,
        tuple(data.class_names), dict(data.checksums),
    )  # fmt: skip


def _in_ticks(recordings: Any) -> Any:
    """One spike at most for each channel and tick, uint8 (n, ticks * channels)."""
    size = 100
    parts = []
    for first in range(0, len(recordings), size):
        some = recordings.take(np.arange(first, min(first + size, len(recordings))))
        parts.append(np.minimum(some.counts(EVENT_TICKS), 1).astype(np.uint8).reshape(len(some), -1))
    return np.concatenate(parts)
