"""N-MNIST: MNIST digits before a moving event camera, as events.

An event is five bytes, which the 1,100-recording subset (``.bs2``) and the full set (``.bin``) share:

=======  =======================================================
byte     content
=======  =======================================================
0        column ``x``
1        row ``y``; 240 marks an overflow of the clock, no event
2        polarity (highest bit; 1: brighter), then
2, 3, 4  time, 23 bits, big-endian, us
=======  =======================================================

An overflow adds 2**13 us to all later times; neither set is known to hold one. A recording is about 308 ms
long, with three saccades; the longest of the subset is 336 ms, so 340 ms are binned by default.

The subset's recordings are MNIST's training images 1 to 1000 and test images 1 to 100, in their order; the full
set, too, is read in the order of the recordings' numbers.

Source: G. Orchard, A. Jayawant, G. K. Cohen, N. Thakor (2015), Converting static image datasets to spiking
neuromorphic datasets using saccades, Front. Neurosci. 9:437, doi:10.3389/fnins.2015.00437.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np

from tegmentum.simcore.errors import DataError

from . import locate
from .archives import one, tar_members, zip_members
from .description import DatasetInfo
from .files import open_verified
from .recordings import EventDataset, EventTable, Recordings

DURATION_US = 340_000

_N_BYTES, _OVERFLOW_ROW, _OVERFLOW_US = 5, 240, 2**13
_MEMBER = re.compile(r"(?:.*/)?(?P<digit>\d)/(?P<number>\d+)\.bin")


def read(data: bytes, source: str, shape: tuple[int, ...] = (34, 34, 2)) -> EventTable:
    """Read the events of one ``.bin`` or ``.bs2`` file.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.
    shape : tuple of int
        Height, width and 2 polarities.

    Raises
    ------
    DataError
        If the file is cut within an event, or an event lies outside of the camera.
    """
    if len(data) % _N_BYTES:
        raise DataError(
            f"{source}: truncated, {len(data):,} bytes are no multiple of an event's {_N_BYTES}; copy or fetch it again"
        )
    raw = np.frombuffer(data, dtype=np.uint8).reshape(-1, _N_BYTES)
    high, middle, low = raw[:, 2:].astype(np.int64).T
    overflow = raw[:, 1] == _OVERFLOW_ROW
    t = ((high & 0x7F) << 16 | middle << 8 | low) + _OVERFLOW_US * np.cumsum(overflow)
    event = ~overflow
    x, y, p = raw[event, 0].astype(np.uint16), raw[event, 1].astype(np.uint16), raw[event, 2] >> 7
    height, width, _ = shape
    wrong = np.flatnonzero((x >= width) | (y >= height))
    if len(wrong):
        k = wrong[0]
        raise DataError(f"{source}: event {k} at ({x[k]}, {y[k]}) is outside of {width} x {height} pixels")
    return EventTable(t[event], x, y, p)


def load(info: DatasetInfo, data_dir: Path | None = None) -> EventDataset:
    """Read and verify the 1,100-recording subset.

    Raises
    ------
    DataError
        If the archive is missing, or is not what was published.
    """
    ((file, path),) = locate.paths(info, data_dir)
    with open_verified(path, file) as archive:
        found = tar_members(archive.stream, archive.source, lambda _: True)
        members = {PurePosixPath(name).name: content for name, content in found}
    return EventDataset.of(
        info,
        train=_listed(members, "train1K.txt", info, archive.source),
        test=_listed(members, "test100.txt", info, archive.source),
        checksums={file.name: archive.sha256},
    )


def _listed(members: dict[str, bytes], name: str, info: DatasetInfo, source: str) -> Recordings:
    """Read the recordings that a list of ``number, class`` names, after its header line."""
    lines = one(members, name, source).decode("ascii", errors="replace").splitlines()[1:]
    try:
        entries = [(int(number), int(digit)) for number, digit in (line.split() for line in lines)]
    except ValueError as error:
        raise DataError(f"{source}: {name} is no list of numbers and classes ({error})") from error
    tables = [
        read(one(members, f"{number}.bs2", source), f"{source}: {number}.bs2", info.shape)
        for number, _ in entries
    ]
    return Recordings.of(tables, [digit for _, digit in entries], info.shape, DURATION_US)


def load_full(info: DatasetInfo, data_dir: Path | None = None) -> EventDataset:
    """Read and verify the full set: 70,000 recordings, about 3.5 GB of events in memory, twice that meanwhile.

    Raises
    ------
    DataError
        If an archive is missing, or is not what was published.
    """
    parts, checksums = [], {}
    for file, path in locate.paths(info, data_dir):
        with open_verified(path, file) as archive:
            found = [
                (
                    int(match["number"]),
                    int(match["digit"]),
                    read(content, f"{archive.source}: {name}", info.shape),
                )
                for name, content in zip_members(archive.stream, archive.source, _MEMBER.fullmatch)
                if (match := _MEMBER.fullmatch(name))
            ]
        if not found:
            raise DataError(f"{archive.source}: holds no recordings; is it another archive?")
        found.sort(key=lambda entry: entry[0])
        labels = [digit for _, digit, _ in found]
        parts.append(Recordings.of([table for *_, table in found], labels, info.shape, DURATION_US))
        checksums[file.name] = archive.sha256
    train, test = parts
    return EventDataset.of(info, train=train, test=test, checksums=checksums)
