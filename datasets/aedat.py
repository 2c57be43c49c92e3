"""AEDAT 2.0 (jAER), AEDAT 3.0 and 3.1 (cAER) recordings of the DVS and DAVIS event cameras.

**AEDAT 2.0**: lines that start with ``#``, then pairs of big-endian uint32: address, time in us. For the DAVIS:

=======  ============================================================
bits     of the address
=======  ============================================================
31       0 for an event; 1 for samples of the frame and motion sensors
30 - 22  ``y``
21 - 12  ``x``
11       polarity, 1: brighter
10       1: a signal from outside, no event
=======  ============================================================

For the DVS128: bit 15, a signal from outside; bits 14 - 8, ``y``; 7 - 1, ``x``; 0, polarity, 1: darker. Row 0
is the lowest. **AEDAT 3.1**: the same kind of lines, up to ``#!END-HEADER``, then packets, all
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

**AEDAT 3.0** has the same packets; its lines need no ``#!END-HEADER``, and its row 0 is the lowest.

Source: iniVation, AEDAT file formats, https://docs.inivation.com/software/software-advanced-usage/file-formats/.
The DVS128's polarity is that of jAER (ch.unizh.ini.jaer.chip.retina.DVS128): a raw 0 is ON.
The layout of the DAVIS was checked against recordings of B. Rueckauer, T. Delbruck (2016), Evaluation of
event-based algorithms for optical flow with ground-truth from inertial measurement sensor, Front. Neurosci.
10:176, doi:10.3389/fnins.2016.00176.
"""

from __future__ import annotations

import re
import struct

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from .recordings import EventTable

_ADDRESS_AND_TIME = 8
_PACKET = struct.Struct("<hhiiiiii")
_POLARITY = 1

#: height and width of the cameras, by what their names start with
_SHAPES = {
    "DVS128": (128, 128),
    "DAVIS128": (128, 128),
    "DAVIS208": (192, 208),
    "DAVIS240": (180, 240),
    "DAVIS346": (260, 346),
    "DAVIS640": (480, 640),
}
CAMERAS = "one of " + ", ".join(_SHAPES) + " (letters may follow)"


def camera_shape(name: str) -> tuple[int, int] | None:
    """Height and width of a camera by its name, in any case; None if it is not known."""
    return next((shape for start, shape in _SHAPES.items() if name.upper().startswith(start)), None)


def stated_shape(data: bytes) -> tuple[int, int] | None:
    """Height and width of the camera that the header lines of a file name; None without one that is known."""
    name = _camera(data)
    return camera_shape(name) if name else None


def _camera(data: bytes) -> str | None:
    """Name of the camera: ``# AEChip: package.DAVIS240C`` (2.0), or ``#Source 1: DAVIS240C`` (3.x)."""
    at = 0
    while data[at : at + 1] == b"#":
        end = data.find(b"\n", at)
        if match := re.match(
            rb"# ?(?:AEChip|Source \d+): *(?:[\w.]*\.)?(\w+)", data[at : end if end > 0 else None]
        ):
            return match[1].decode("ascii", errors="replace")
        if end < 0:
            break
        at = end + 1
    return None


def read_address_events(
    data: bytes, source: str, camera: str | None = None
) -> tuple[EventTable, tuple[int, int]]:
    """Read an AEDAT 2.0 file, and the camera's height and width.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.
    camera : str, optional
        The camera, if the header names none.

    Raises
    ------
    DataError
        If the file is not AEDAT 2.0, is cut within an event, or is of no known camera.
    """
    name = _camera(data) or camera
    if name is None:
        raise DataError(
            f"{source}: its header has no line '# AEChip: ...' that names its camera; give camera=, {CAMERAS}"
        )
    shape = camera_shape(name)
    if shape is None:
        raise DataError(f"{source}: its camera must be {CAMERAS}, got {name!r}")
    return (read_dvs128 if name.upper().startswith("DVS128") else read_davis)(data, source), shape


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
    address, time = _words(data, source)
    event = address & (1 << 31 | 1 << 10) == 0
    address = address[event]
    return EventTable(
        t=unwrapped(time[event]),
        x=(address >> 12 & 0x3FF).astype(np.uint16),
        y=(address >> 22 & 0x1FF).astype(np.uint16),
        p=(address >> 11 & 1).astype(np.uint8),
    )


def read_dvs128(data: bytes, source: str) -> EventTable:
    """Read the events of a DVS128 in an AEDAT 2.0 file; parameters and errors are those of :func:`read_davis`."""
    address, time = _words(data, source)
    event = address >> 15 == 0
    address = address[event]
    return EventTable(
        t=unwrapped(time[event]),
        x=(address >> 1 & 0x7F).astype(np.uint16),
        y=(address >> 8 & 0x7F).astype(np.uint16),
        p=(1 - (address & 1)).astype(np.uint8),
    )


def _words(data: bytes, source: str) -> NDArray[np.int64]:
    """Addresses and times, two rows."""
    body = data[_header(data, b"#!AER-DAT2.0", b"#End Of ASCII Header", source) :]
    if len(body) % _ADDRESS_AND_TIME:
        raise DataError(
            f"{source}: truncated, {len(body):,} bytes after the header are no multiple of an event's "
            f"{_ADDRESS_AND_TIME}; copy or fetch it again"
        )
    return np.frombuffer(body, dtype=">u4").reshape(-1, 2).astype(np.int64).T


def unwrapped(time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time of 32 bits that starts again at 0, without its jumps back."""
    wraps = np.cumsum(np.diff(time, prepend=time[:1]) < -(2**31))
    return time + (wraps << 32)


def read_polarity(data: bytes, source: str) -> EventTable:
    """Read the valid polarity events of an AEDAT 3.0 or 3.1 file; other packets are skipped.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.

    Raises
    ------
    DataError
        If the file is neither, is cut within a packet, has a packet that contradicts itself, or is compressed.
    """
    first = b"#!AER-DAT3.0" if data.startswith(b"#!AER-DAT3.0") else b"#!AER-DAT3.1"
    at = _header(data, first, b"#!END-HEADER", source)
    if (packing := re.search(rb"^#Format: *(\w+)", data[:at], re.MULTILINE)) and packing[1] != b"RAW":
        raise DataError(
            f"{source}: its format is {packing[1].decode()}, which is compressed; only RAW is read, save it so"
        )
    codes, times = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    while at < len(data):
        if at + _PACKET.size > len(data):
            raise DataError(
                f"{source}: truncated in the packet header at byte {at:,}; copy or fetch it again"
            )
        kind, _, size, _, overflows, capacity, number, _ = _PACKET.unpack_from(data, at)
        end = at + _PACKET.size + size * capacity
        plain = kind >= 0 and size > 0 and overflows >= 0 and 0 <= number <= capacity
        if not plain or (kind == _POLARITY and size != _ADDRESS_AND_TIME):
            raise DataError(
                f"{source}: corrupt packet at byte {at:,} (type {kind}, {number} of {capacity} events of {size} "
                "bytes); copy or fetch it again"
            )
        if end > len(data):
            raise DataError(
                f"{source}: truncated, the packet at byte {at:,} lacks {end - len(data):,} bytes; "
                "copy or fetch it again"
            )
        if kind == _POLARITY:
            pairs = np.frombuffer(data, dtype="<u4", count=2 * number, offset=at + _PACKET.size).reshape(
                -1, 2
            )
            negative = np.flatnonzero(pairs[:, 1] >> 31)
            if len(negative):
                raise DataError(
                    f"{source}: corrupt packet at byte {at:,}, the time of its event {negative[0]} is below 0; "
                    "copy or fetch it again"
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
        line = data[at:] if end < 0 else data[at:end]
        if b"\0" in line:  # no text: the first event's address starts as a line does
            break
        if end < 0:
            raise DataError(
                f"{source}: truncated in its header, at {len(data):,} bytes; copy or fetch it again"
            )
        at = end + 1
        if line.startswith(last):
            break
    return at
