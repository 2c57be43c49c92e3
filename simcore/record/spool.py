"""Spikes of several trials, put aside in one temporary file until each trial's can be written in one piece."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StoreError

Array = np.ndarray[Any, Any]
Key = tuple[str, int]

_ROW = np.dtype([("tick", np.int64), ("neuron", np.uint32)])


class Spool:
    """A nameless file in ``folder`` that goes when it is closed, or when the process ends in whatever way."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open for as long as the run
        self._parts: dict[Key, list[tuple[int, int]]] = {}

    def append(self, key: Key, tick: Array, neuron: Array) -> None:
        """Add spikes to those of ``key``, a population and a trial."""
        if not len(tick):
            return
        rows = np.empty(len(tick), _ROW)
        rows["tick"], rows["neuron"] = tick, neuron
        at = self._file.seek(0, 2)
        try:
            self._file.write(rows.tobytes())
        except OSError as error:
            raise StoreError(f"spikes of several trials cannot be put aside: {error.strerror}") from error
        self._parts.setdefault(key, []).append((at, len(rows)))

    def blocks(self, key: Key) -> Iterator[tuple[Array, Array]]:
        """Give (tick, neuron) of what was added to ``key``, in the order in which it was added."""
        for at, n in self._parts.get(key, ()):
            self._file.seek(at)
            rows = np.frombuffer(self._file.read(n * _ROW.itemsize), _ROW)
            yield rows["tick"], rows["neuron"]

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
