"""AEDAT 2.0 (jAER) and AEDAT 3.1 (cAER) recordings of the DVS and DAVIS event cameras.

**AEDAT 2.0**: lines that start with ``#``, then pairs of big-endian uint32: address, time in us. For the DAVIS:

=======  ============================================================
bits     of the address
=======  ============================================================
31       0 for an event; 1 for samples of the frame and motion sensors
30 - 22  ``y``
21 - 12  ``x``
11       polarity, 1: brighter
=======  ============================================================

Its row 0 is the lowest. **AEDAT 3.1**: the same kind of lines, up to ``#!END-HEADER``, then packets, all
little-endian: a header of 28 bytes (int16 type and source; int32 event size, time's offset, time's overflows,
capacity, number, number of valid events), then the events. A polarity event (type 1) is

=======  ==========================================================
bits     of its first uint32; the second, int32, is the time in us
=======  ==========================================================
31 - 17  ``x``
16 - 2   ``y``; row 0 is the highest
1        polarity, 1: brighter
0        1 if it is valid
=======  ==========================================================

Source: iniVation, AEDAT file formats, https://docs.inivation.com/software/software-advanced-usage/file-formats/.
The layout of the DAVIS was checked against recordings of B. Rueckauer, T. Delbruck (2016), Evaluation of
event-based algorithms for optical flow with ground-truth from inertial measurement sensor, Front. Neurosci.
10:176, doi:10.3389/fnins.2016.00176.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from .recordings import EventTable

_ADDRESS_AND_TIME = 8
_PACKET = struct.Struct("<hhiiiiii")
_POLARITY = 1


def read_davis(data: bytes, source: str) -> EventTable:
    """Read the events of a DAVIS in an AEDAT 2.0 file; frames, motion samples and the like are skipped.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.

    Raises
    ------
    DataError
        If the file is not AEDAT 2.0, or is cut within an event.
    """
    body = data[_header(data, b"#!AER-DAT2.0", b"#End Of ASCII Header", source) :]
    if len(body) % _ADDRESS_AND_TIME:
        raise DataError(
            f"{source}: truncated, {len(body):,} bytes after the header are no multiple of an event's "
            f"{_ADDRESS_AND_TIME}; fetch it again"
        )
    address, time = np.frombuffer(body, dtype=">u4").reshape(-1, 2).astype(np.int64).T
    event = address >> 31 == 0
    address = address[event]
    return EventTable(
        t=_unwrapped(time[event]),
        x=(address >> 12 & 0x3FF).astype(np.uint16),
        y=(address >> 22 & 0x1FF).astype(np.uint16),
        p=(address >> 11 & 1).astype(np.uint8),
    )


def _unwrapped(time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time of 32 bits that starts again at 0, without its jumps back."""
    wraps = np.cumsum(np.diff(time, prepend=time[:1]) < -(2**31))
    return time + (wraps << 32)


def read_polarity(data: bytes, source: str) -> EventTable:
    """Read the valid polarity events of an AEDAT 3.1 file; other packets are skipped.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.

    Raises
    ------
    DataError
        If the file is not AEDAT 3.1, is cut within a packet, or has a packet that contradicts itself.
    """
    at = _header(data, b"#!AER-DAT3.1", b"#!END-HEADER", source)
    codes, times = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    while at < len(data):
        if at + _PACKET.size > len(data):
            raise DataError(f"{source}: truncated in the packet header at byte {at:,}; fetch it again")
        kind, _, size, _, overflows, capacity, number, _ = _PACKET.unpack_from(data, at)
        end = at + _PACKET.size + size * capacity
        if size <= 0 or not 0 <= number <= capacity or (kind == _POLARITY and size != _ADDRESS_AND_TIME):
            raise DataError(
                f"{source}: corrupt packet at byte {at:,} (type {kind}, {number} of {capacity} events of {size} "
                "bytes); fetch it again"
            )
        if end > len(data):
            raise DataError(
                f"{source}: truncated, the packet at byte {at:,} lacks {end - len(data):,} bytes; fetch it again"
            )
        if kind == _POLARITY:
            pairs = np.frombuffer(data, dtype="<u4", count=2 * number, offset=at + _PACKET.size).reshape(
                -1, 2
            )
            codes.append(pairs[:, 0].astype(np.uint32))
            times.append(pairs[:, 1].astype(np.int64) + (overflows << 31))
        at = end
    code, t = np.concatenate(codes), np.concatenate(times)
    valid = (code & 1).astype(np.bool_)
    code = code[valid]
    return EventTable(
        t=t[valid],
        x=(code >> 17).astype(np.uint16),
        y=(code >> 2 & 0x7FFF).astype(np.uint16),
        p=(code >> 1 & 1).astype(np.uint8),
    )


def _header(data: bytes, first: bytes, last: bytes, source: str) -> int:
    """Length of the lines that start with ``#``, of which the one that starts with ``last`` may end them."""
    if not data.startswith(first):
        raise DataError(
            f"{source}: not {first.decode().removeprefix('#!')}, starts with {data[:12]!r}; is it another format?"
        )
    at = 0
    while data[at : at + 1] == b"#":
        end = data.find(b"\n", at)
        if end < 0:
            raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; fetch it again")
        line, at = data[at:end], end + 1
        if line.startswith(last):
            break
    return at
