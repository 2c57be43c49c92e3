"""A user's own recordings of an event camera: the file's format is told by its first bytes, or by its extension.

======================  ==================================================================================
format                  how it is told, and its reader
======================  ==================================================================================
AEDAT 2.0               ``#!AER-DAT2.0``; the cameras DVS128 and DAVIS (:mod:`tegmentum.datasets.aedat`)
AEDAT 3.0, 3.1          ``#!AER-DAT3.0``, ``#!AER-DAT3.1`` (the same module)
AEDAT 4.0               ``#!AER-DAT4.0``; the package ``aedat`` (:mod:`tegmentum.datasets.aedat4`)
Prophesee ``.dat``      ``%``, version 2 (:mod:`tegmentum.datasets.prophesee`)
N-MNIST                 ``.bin`` or ``.bs2``; N-Caltech101's, too (:mod:`tegmentum.datasets.nmnist`)
======================  ==================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError, DescriptionError

from . import aedat, aedat4, nmnist, prophesee
from .files import gunzip
from .recordings import EventTable, Recordings

_AEDAT = re.compile(rb"#!AER-DAT(\d+\.\d+)")
_NMNIST = (".bin", ".bs2")
_READ = "AEDAT 2.0, 3.0, 3.1 and 4.0, Prophesee's .dat of version 2, N-MNIST's .bin and .bs2 are read"
_GZIP = b"\x1f\x8b"

Shape = tuple[int, int]


@dataclass(frozen=True, eq=False)
class EventFile:
    """The events of one file, in their order of time.

    Parameters
    ----------
    t : int64 array, shape (n,)
        Time on the file's own clock, us; never descending.
    x, y : uint16 array, shape (n,)
        Column and row, as the file counts them: row 0 is the lowest in AEDAT 2.0 and 3.0, the highest otherwise.
    p : uint8 array, shape (n,)
        Polarity: 1 brighter, 0 darker.
    height, width : int
        Size of the camera, pixels.
    format : str
        Name of the file's format, ``"AEDAT 3.1"`` say.
    source : str
        The file.

    Raises
    ------
    DataError
        If an event lies outside of the camera or before 0, or the times descend.
    """

    t: NDArray[np.int64] = field(repr=False)
    x: NDArray[np.uint16] = field(repr=False)
    y: NDArray[np.uint16] = field(repr=False)
    p: NDArray[np.uint8] = field(repr=False)
    height: int
    width: int
    format: str
    source: str

    def __post_init__(self) -> None:
        wrong = np.flatnonzero((self.x >= self.width) | (self.y >= self.height))
        if len(wrong):
            k = wrong[0]
            raise DataError(
                f"{self.source}: event {k:,} at column {self.x[k]}, row {self.y[k]} is outside of a camera of "
                f"{self.height} x {self.width} pixels (height x width); give shape=(height, width) if it is larger"
            )
        if len(self.t) and self.t.min() < 0:
            k = int(self.t.argmin())
            raise DataError(f"{self.source}: event {k:,} is at {self.t[k]} us, times must be >= 0 us")
        back = np.flatnonzero(np.diff(self.t) < 0)
        if len(back):
            k = int(back[0])
            raise DataError(
                f"{self.source}: time goes back from {self.t[k]} us (event {k:,}) to {self.t[k + 1]} us, and so "
                f"{len(back):,} times in all; give sort=True to sort the events by time"
            )

    def __len__(self) -> int:
        return len(self.t)

    def n_channels(self, pool: int = 1) -> int:
        """Return the number of channels of :meth:`spikes`: squares of ``pool`` pixels a side, times two polarities."""
        self._check(pool)
        return (self.height // pool) * (self.width // pool) * 2

    def spikes(
        self, start_us: int | None = None, pool: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return times (ms) and channels of the events: what a :class:`tegmentum.simcore.SpikeTrain` takes.

        The channel is ``(y // pool * (width // pool) + x // pool) * 2 + p``, as for
        :meth:`Recordings.to_windows`; events of the rows and columns that ``pool`` does not divide are left out.

        Parameters
        ----------
        start_us : int, optional
            Time of the file's clock that becomes 0, us; earlier events are left out. Without it: that of the
            first event.
        pool : int
            Side of the squares of pixels that share two channels.

        Raises
        ------
        DescriptionError
            If ``pool`` is out of its range.
        """
        self._check(pool)
        start = (int(self.t[0]) if len(self) else 0) if start_us is None else start_us
        rows, columns = self.height // pool, self.width // pool
        y, x = self.y.astype(np.int64) // pool, self.x.astype(np.int64) // pool
        kept = (self.t >= start) & (y < rows) & (x < columns)
        return (self.t[kept] - start) / 1000.0, (y[kept] * columns + x[kept]) * 2 + self.p[kept]

    def to_recordings(self, label: int = 0) -> Recordings:
        """One recording from the first event to the last, to be binned or joined with others.

        Raises
        ------
        DataError
            If there are no events.
        """
        if not len(self):
            raise DataError(f"{self.source}: holds no events, which makes no recording")
        t = self.t - self.t[0]
        table = EventTable(t, self.x, self.y, self.p)
        return Recordings.of([table], [label], (self.height, self.width, 2), int(t[-1]) + 1)

    def _check(self, pool: int) -> None:
        if not 1 <= pool <= min(self.height, self.width):
            raise DescriptionError(
                f"EventFile: pool must be from 1 to {min(self.height, self.width)}, got {pool}"
            )


def read_events(
    path: Path | str, *, shape: Shape | None = None, sort: bool = False, camera: str | None = None
) -> EventFile:
    """Read a recording of an event camera: AEDAT 2.0, 3.0, 3.1 or 4.0, ``.dat``, or N-MNIST's ``.bin``.

    The format is told by the file's first bytes, N-MNIST's by the extension. A file may be gzipped. Frames,
    motion samples and triggers are skipped.

    Parameters
    ----------
    path : path
    shape : (int, int), optional
        Height and width of the camera, pixels. Without it: what the file says; for N-MNIST, 34 x 34; where the
        file does not say, the smallest that holds all its events.
    sort : bool
        Sort the events by time, those of one time staying in their order. Otherwise a file whose time goes back
        is refused.
    camera : str, optional
        For AEDAT 2.0 whose header does not name its camera: ``"DVS128"``, or a DAVIS, ``"DAVIS240C"`` say.

    Raises
    ------
    DataError
        If the file is missing, empty, cut, damaged, of another format or version, its time goes back, or an
        event lies outside of the camera.
    DescriptionError
        If ``shape`` or ``camera`` cannot be.

    Examples
    --------
    A camera's events drive a neuron for each pair of pixel and polarity:

    >>> from tegmentum.datasets import read_events
    >>> from tegmentum.simcore import LIF, Network, OneToOne, Population, Projection, SpikeTrain
    >>> events = read_events("recording.dat")
    >>> times, channel = events.spikes(pool=2)
    >>> camera = SpikeTrain("camera", events.n_channels(pool=2), times, channel)
    >>> cells = Population("cells", events.n_channels(pool=2), LIF())
    >>> network = Network(cells, camera, Projection(camera, cells, OneToOne(), weight=20.0))
    """
    source = str(path)
    if shape is not None and (len(shape) != 2 or not all(1 <= side <= 2**16 for side in shape)):
        raise DescriptionError(
            f"read_events: shape must be (height, width), from 1 to {2**16} each, got {shape}"
        )
    if camera is not None and aedat.camera_shape(camera) is None:
        raise DescriptionError(f"read_events: camera must be {aedat.CAMERAS}, got {camera!r}")
    try:
        with open(path, "rb") as stream:
            start = stream.read(16)
            stem = Path(path).with_suffix("") if start.startswith(_GZIP) else Path(path)
            if not start:
                raise DataError(f"{source}: empty (0 bytes), expected a recording of an event camera")
            _expect_format(start, stem.suffix.lower(), source)
            data = start + stream.read()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from error
    table, stated, name = _read(gunzip(data, source), stem.suffix.lower(), source, shape, camera)
    if sort:
        order = np.argsort(table.t, kind="stable")
        table = EventTable(table.t[order], table.x[order], table.y[order], table.p[order])
    height, width = shape or stated or _smallest(table, source)
    return EventFile(*table, height=height, width=width, format=name, source=source)


def _expect_format(start: bytes, suffix: str, source: str) -> None:
    """Refuse a file of no known format by its first bytes, before the rest is read."""
    if start.startswith((_GZIP, b"#!AER-DAT", b"%")) or suffix in _NMNIST:
        return
    if suffix == ".aedat":
        raise DataError(
            f"{source}: expected '#!AER-DAT' and a version at byte 0, got {start!r}; AEDAT 1.0 is not read"
        )
    raise DataError(f"{source}: of no known format, starts with {start!r}; {_READ}")


def _read(
    data: bytes, suffix: str, source: str, shape: Shape | None, camera: str | None
) -> tuple[EventTable, Shape | None, str]:
    """Events, the camera's size if the file states it, and the format's name."""
    if match := _AEDAT.match(data):
        version = match[1].decode()
        name = f"AEDAT {version}"
        if version == "2.0":
            return *aedat.read_address_events(data, source, camera), name
        if version in ("3.0", "3.1"):
            return aedat.read_polarity(data, source), aedat.stated_shape(data), name
        if version == "4.0":
            return *aedat4.read(data, source), name
        raise DataError(f"{source}: AEDAT {version} is not read; {_READ}")
    if suffix in _NMNIST:
        height, width = shape or (34, 34)
        return nmnist.read(data, source, (256, 256, 2)), (height, width), "N-MNIST"
    if data.startswith(b"%"):
        return prophesee.read_dat(data, source), prophesee.stated_shape(data), "Prophesee DAT 2"
    raise DataError(f"{source}: of no known format, starts with {data[:16]!r}; {_READ}")


def _smallest(table: EventTable, source: str) -> Shape:
    if not len(table.t):
        raise DataError(
            f"{source}: holds no events and does not state its camera's size; give shape=(height, width)"
        )
    return int(table.y.max()) + 1, int(table.x.max()) + 1
