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

import numpy as np

from tegmentum.simcore.errors import DataError

from .recordings import EventTable

_N_BYTES = 8


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
    at, lines = 0, []
    while data[at : at + 2] in (b"% ", b"%\n"):
        end = data.find(b"\n", at)
        if end < 0:
            raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; fetch it again")
        lines.append(data[at:end].strip())
        at = end + 1
    if b"% Version 2" not in lines:
        raise DataError(f"{source}: not a .dat file of version 2, starts with {data[:12]!r}")
    if len(data) < at + 2:
        raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; fetch it again")
    if data[at + 1] != _N_BYTES:
        raise DataError(f"{source}: events of {data[at + 1]} bytes instead of {_N_BYTES} are not supported")
    body = data[at + 2 :]
    if len(body) % _N_BYTES:
        raise DataError(
            f"{source}: truncated, {len(body):,} bytes after the header are no multiple of an event's {_N_BYTES}; "
            "fetch it again"
        )
    time, address = np.frombuffer(body, dtype="<u4").reshape(-1, 2).T
    return EventTable(
        t=time.astype(np.int64),
        x=(address & 0x3FFF).astype(np.uint16),
        y=(address >> 14 & 0x3FFF).astype(np.uint16),
        p=(address >> 28 & 1).astype(np.uint8),
    )
