"""Prophesee's ``.dat`` files (version 2), as of N-CARS.

Lines that start with ``%``, then a byte for the type of the events, a byte for their size (8), then
little-endian pairs of uint32: time in us, and

=======  =======================
bits     of the address
=======  =======================
28       polarity, 1: brighter
27 - 14  ``y``
13 - 0   ``x``
=======  =======================

Source: Prophesee, DAT file format, https://docs.prophesee.ai/stable/data/file_formats/dat.html. N-CARS:
A. Sironi, M. Brambilla, N. Bourdis, X. Lagorce, R. Benosman (2018), HATS: histograms of averaged time surfaces
for robust event-based object classification, Proc. CVPR 2018:1731-1740, doi:10.1109/CVPR.2018.00186.
"""

from __future__ import annotations

import re

import numpy as np

from tegmentum.simcore.errors import DataError

from .aedat import unwrapped
from .recordings import EventTable

_N_BYTES = 8
_CAMERA_EVENTS = (0x00, 0x0C)
_SIDE = {
    side: re.compile(rb"^%% %s +(\d{1,5})\s*$" % side, re.IGNORECASE | re.MULTILINE)
    for side in (b"Height", b"Width")
}


def stated_shape(data: bytes) -> tuple[int, int] | None:
    """Height and width of the camera, from the header's lines ``% Height`` and ``% Width``; None without both."""
    height, width = (pattern.search(data[: _header(data)]) for pattern in _SIDE.values())
    shape = (int(height[1]), int(width[1])) if height and width else None
    return shape if shape and min(shape) > 0 else None


def _header(data: bytes) -> int:
    """Length of the lines that start with ``%``."""
    at = 0
    while data[at : at + 2] in (b"% ", b"%\n"):
        end = data.find(b"\n", at)
        at = len(data) if end < 0 else end + 1
    return at


def read_dat(data: bytes, source: str) -> EventTable:
    """Read the events of one file.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.

    Raises
    ------
    DataError
        If the file is not version 2, or is cut within an event.
    """
    at = _header(data)
    if at and data[at - 1 : at] != b"\n":
        raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; copy or fetch it again")
    if b"% Version 2" not in (line.strip() for line in data[:at].split(b"\n")):
        raise DataError(
            f"{source}: not a .dat file of version 2, starts with {data[:12]!r} and has no line '% Version 2'"
        )
    if len(data) < at + 2:
        raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; copy or fetch it again")
    if data[at + 1] != _N_BYTES:
        raise DataError(f"{source}: events of {data[at + 1]} bytes instead of {_N_BYTES} are not supported")
    if data[at] not in _CAMERA_EVENTS:
        raise DataError(
            f"{source}: holds events of type 0x{data[at]:02x} at byte {at:,} instead of a camera's, 0x00 or 0x0c"
        )
    body = data[at + 2 :]
    if len(body) % _N_BYTES:
        raise DataError(
            f"{source}: truncated, {len(body):,} bytes after the header are no multiple of an event's {_N_BYTES}; "
            "copy or fetch it again"
        )
    time, address = np.frombuffer(body, dtype="<u4").reshape(-1, 2).T
    return EventTable(
        t=unwrapped(time.astype(np.int64)),
        x=(address & 0x3FFF).astype(np.uint16),
        y=(address >> 14 & 0x3FFF).astype(np.uint16),
        p=(address >> 28 & 1).astype(np.uint8),
    )
