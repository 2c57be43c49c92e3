"""Recordings of an event camera: tables of events, and their reduction to input spikes or counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tegmentum.simcore.encode import Events
from tegmentum.simcore.errors import DataError, DescriptionError

from .description import DatasetInfo


class EventTable(NamedTuple):
    """Events of one recording, in their file's order: microsecond, column, row, polarity (1: brighter)."""

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Recordings:
    """Labelled recordings, one after the other in one table of events.

    Recording ``i`` is the events from ``offsets[i]`` to ``offsets[i + 1]``.

    Parameters
    ----------
    offsets : int64 array, shape (n + 1,)
        Ascending, from 0 to the number of events.
    t : int64 array, shape (n_events,)
        Time since the recording's start, us; never descending within a recording.
    x, y : uint16 array, shape (n_events,)
        Column and row of the pixel.
    p : uint8 array, shape (n_events,)
        Polarity: 1 brighter, 0 darker.
    label : int64 array, shape (n,)
        Class of each recording.
    shape : tuple of int
        Height, width and 2 polarities.
    duration_us : int
        What is binned unless another duration is asked for, us.

    Raises
    ------
    DataError
        If an array has another type or shape, or an event lies outside of its recording or of the camera.
    """

    offsets: NDArray[np.int64] = field(repr=False)
    t: NDArray[np.int64] = field(repr=False)
    x: NDArray[np.uint16] = field(repr=False)
    y: NDArray[np.uint16] = field(repr=False)
    p: NDArray[np.uint8] = field(repr=False)
    label: NDArray[np.int64] = field(repr=False)
    shape: tuple[int, ...]
    duration_us: int

    def __post_init__(self) -> None:
        types = {"offsets": "i8", "t": "i8", "x": "u2", "y": "u2", "p": "u1", "label": "i8"}
        for name, dtype in types.items():
            values = getattr(self, name)
            if values.dtype != np.dtype(dtype) or values.ndim != 1:
                raise DataError(
                    f"Recordings: {name} must be a one-dimensional {np.dtype(dtype)} array, got {values.dtype} "
                    f"{values.shape}"
                )
        if len({len(self.t), len(self.x), len(self.y), len(self.p)}) > 1:
            raise DataError("Recordings: t, x, y and p must be equally long")
        if len(self.offsets) != len(self.label) + 1:
            raise DataError(
                f"Recordings: {len(self.label)} labels need {len(self.label) + 1} offsets, got {len(self.offsets)}"
            )
        if self.offsets[0] or self.offsets[-1] != len(self.t) or (np.diff(self.offsets) < 0).any():
            raise DataError(f"Recordings: offsets must ascend from 0 to {len(self.t)}, the number of events")
        if len(self.shape) != 3 or self.shape[2] != 2:
            raise DataError(f"Recordings: shape must be (height, width, 2), got {self.shape}")
        height, width, _ = self.shape
        for name, bound in (("x", width), ("y", height), ("p", 2)):
            values = getattr(self, name)
            if len(values) and values.max() >= bound:
                raise DataError(f"Recordings: {name} must be below {bound}, got {values.max()}")
        if len(self.t) and self.t.min() < 0:
            raise DataError(f"Recordings: t must be >= 0 us, got {self.t.min()}")
        descends = np.diff(self.t) < 0
        starts = self.offsets[1:-1] - 1
        descends[starts[(starts >= 0) & (starts < len(descends))]] = False
        if descends.any():
            at = int(np.flatnonzero(descends)[0])
            recording = int(np.searchsorted(self.offsets, at, side="right")) - 1
            raise DataError(f"Recordings: t descends within recording {recording}, after event {at}")

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of(
        cls, tables: list[EventTable], label: ArrayLike, shape: tuple[int, ...], duration_us: int
    ) -> Recordings:
        """One recording a table, in their order."""
        lengths = [len(table.t) for table in tables]
        return cls(
            offsets=np.cumsum([0, *lengths], dtype=np.int64),
            t=np.concatenate([np.empty(0, np.int64), *(table.t for table in tables)]),
            x=np.concatenate([np.empty(0, np.uint16), *(table.x for table in tables)]),
            y=np.concatenate([np.empty(0, np.uint16), *(table.y for table in tables)]),
            p=np.concatenate([np.empty(0, np.uint8), *(table.p for table in tables)]),
            label=np.asarray(label, dtype=np.int64),
            shape=shape,
            duration_us=duration_us,
        )

    def take(self, index: ArrayLike) -> Recordings:
        """Select some recordings, in the order of ``index``.

        Raises
        ------
        DescriptionError
            If an index is not from 0 to ``len(self) - 1``.
        """
        chosen = np.atleast_1d(np.asarray(index, dtype=np.int64))
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(self):
            raise DescriptionError(
                f"Recordings.take: index must be from 0 to {len(self) - 1}, got {chosen.min()} to {chosen.max()}"
            )
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return replace(
            self,
            offsets=offsets,
            t=self.t[rows],
            x=self.x[rows],
            y=self.y[rows],
            p=self.p[rows],
            label=self.label[chosen],
        )

    def to_windows(self, n_ticks: int, duration_us: int | None = None, pool: int = 1) -> Events:
        """Input spikes: a channel spikes at a tick if it has at least one event in it.

        ======== =============================================================
        value    of an event
        ======== =============================================================
        trial    number of its recording
        tick     ``t * n_ticks // duration_us``
        channel  ``(y // pool * (width // pool) + x // pool) * 2 + p``
        ======== =============================================================

        A recording's spikes depend on that recording alone. Events at ``duration_us`` or later, and those of
        the rows and columns that ``pool`` does not divide, are left out.

        Parameters
        ----------
        n_ticks : int
            Length of a trial.
        duration_us : int, optional
            Time that the trial's ticks cover, us; without it ``self.duration_us``.
        pool : int
            Side of the squares of pixels that share two channels.

        Raises
        ------
        DescriptionError
            If a parameter is out of its range.
        """
        key, n_channels = self._bins(n_ticks, duration_us, pool)
        key.sort()
        rest, channel = np.divmod(key[np.diff(key, prepend=-1) > 0], n_channels)
        trial, tick = np.divmod(rest, n_ticks)
        return Events(
            trial=trial,
            tick=tick,
            channel=channel.astype(np.uint32),
            n_trials=len(self),
            n_ticks=n_ticks,
            n_channels=n_channels,
        )

    def counts(self, n_ticks: int = 1, duration_us: int | None = None, pool: int = 1) -> NDArray[np.int32]:
        """Count the events of each channel in each tick: int32, shape (n, n_ticks, channels).

        Ticks, channels and parameters are those of :meth:`to_windows`. The array is dense: take some recordings
        of a large camera at a time.

        Raises
        ------
        DescriptionError
            If a parameter is out of its range.
        """
        key, n_channels = self._bins(n_ticks, duration_us, pool)
        counted = np.bincount(key, minlength=len(self) * n_ticks * n_channels)
        return counted.astype(np.int32).reshape(len(self), n_ticks, n_channels)

    def _bins(self, n_ticks: int, duration_us: int | None, pool: int) -> tuple[NDArray[np.int64], int]:
        """Bin of each event that is kept, ``(trial * n_ticks + tick) * n_channels + channel``, and n_channels."""
        duration = self.duration_us if duration_us is None else duration_us
        height, width, _ = self.shape
        if n_ticks < 1:
            raise DescriptionError(f"Recordings: n_ticks must be at least 1, got {n_ticks}")
        if duration < 1:
            raise DescriptionError(f"Recordings: duration_us must be at least 1 us, got {duration}")
        if not 1 <= pool <= min(height, width):
            raise DescriptionError(f"Recordings: pool must be from 1 to {min(height, width)}, got {pool}")
        rows, columns = height // pool, width // pool
        n_channels = rows * columns * 2
        y, x = self.y.astype(np.int64) // pool, self.x.astype(np.int64) // pool
        kept = (self.t < duration) & (y < rows) & (x < columns)
        trial = np.repeat(np.arange(len(self)), np.diff(self.offsets))[kept]
        tick = self.t[kept] * n_ticks // duration
        return ((trial * n_ticks + tick) * rows + y[kept]) * columns * 2 + x[kept] * 2 + self.p[
            kept
        ], n_channels


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Recordings and their labels, split into a training and a test part.

    Parameters
    ----------
    name : str
        Name in :func:`tegmentum.datasets.names`.
    train, test : Recordings
    shape : tuple of int
        Height, width and 2 polarities of the camera.
    class_names : tuple of str
    licence, citation : str
    checksums : mapping of str to str
        File name to the SHA-256 of the bytes that were read.
    note : str
        What has to be said wherever results on it are: that it is a subset, say.

    Raises
    ------
    DataError
        If a part is of another camera, or a label names no class.
    """

    name: str
    train: Recordings = field(repr=False)
    test: Recordings = field(repr=False)
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    licence: str
    citation: str = field(repr=False)
    checksums: Mapping[str, str] = field(repr=False)
    note: str = ""

    @classmethod
    def of(
        cls, info: DatasetInfo, *, train: Recordings, test: Recordings, checksums: Mapping[str, str]
    ) -> EventDataset:
        """Join the recordings with everything else that the catalogue says of them."""
        return cls(
            name=info.name,
            train=train,
            test=test,
            shape=info.shape,
            class_names=info.class_names,
            licence=info.licence,
            citation=info.citation,
            checksums=checksums,
            note=info.note,
        )

    def __post_init__(self) -> None:
        for part, found in (("train", self.train), ("test", self.test)):
            if found.shape != self.shape:
                raise DataError(
                    f"EventDataset {self.name!r}: {part} is of shape {found.shape} instead of {self.shape}"
                )
            y = found.label
            if len(y) and not 0 <= y.min() <= y.max() < self.n_classes:
                raise DataError(
                    f"EventDataset {self.name!r}: labels of {part} must be from 0 to {self.n_classes - 1}, got "
                    f"{y.min()} to {y.max()}"
                )

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_features(self) -> int:
        """Number of channels: pixels times polarities."""
        return int(np.prod(self.shape))
