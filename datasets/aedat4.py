r"""AEDAT 4.0 (DV) recordings, decoded by the package ``aedat``.

``#!AER-DAT4.0\r\n``, then a FlatBuffers header with its length before it (uint32), then packets up to the data
table, all little-endian: int32 stream, int32 length, and so many bytes. This module follows the packets' lengths,
so that a cut or damaged file is refused with the byte at which it is; the packets' content is the package's.

Source: iniVation, AEDAT 4.0 format, https://docs.inivation.com/software/software-advanced-usage/file-formats/.
"""

from __future__ import annotations

import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DataError

from .recordings import EventTable

_FIRST = b"#!AER-DAT4.0\r\n"
_PACKET = struct.Struct("<ii")


def read(data: bytes, source: str) -> tuple[EventTable, tuple[int, int]]:
    """Read the events of a file with one stream of them, and the camera's height and width.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call it.

    Raises
    ------
    DataError
        If the package ``aedat`` is not installed; if the file is cut or damaged; if it holds no stream of events,
        or several.
    """
    try:
        import aedat  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise DataError(f"{source}: AEDAT 4.0 needs the package aedat: pip install aedat") from error
    _check_packets(data, source)
    with tempfile.TemporaryDirectory() as folder:  # the package reads paths only
        path = Path(folder) / "recording.aedat4"
        path.write_bytes(data)
        return _decoded(aedat, path, source)


def _decoded(aedat: Any, path: Path, source: str) -> tuple[EventTable, tuple[int, int]]:
    n_packets = 0
    parts = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of frames, which are skipped
            decoder = aedat.Decoder(path)
            streams = {k: v for k, v in decoder.id_to_stream().items() if v["type"] == "events"}
            if len(streams) != 1:
                raise DataError(f"{source}: must hold one stream of events, holds {len(streams)}")
            ((chosen, stream),) = streams.items()
            for packet in decoder:
                n_packets += 1
                if packet["stream_id"] == chosen:
                    parts.append(packet["events"])
    except (DataError, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the package is no Exception
        raise DataError(f"{source}: damaged AEDAT 4.0, after {n_packets:,} packets: {error}") from error
    if not parts:
        parts = [np.empty(0, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])]
    table = EventTable(
        t=np.concatenate([part["t"] for part in parts]).astype(np.int64),
        x=np.concatenate([part["x"] for part in parts]).astype(np.uint16),
        y=np.concatenate([part["y"] for part in parts]).astype(np.uint16),
        p=np.concatenate([part["on"] for part in parts]).astype(np.uint8),
    )
    height, width = int(stream["height"]), int(stream["width"])
    if min(height, width) < 1:
        raise DataError(f"{source}: damaged AEDAT 4.0, its camera has {height} x {width} pixels")
    return table, (height, width)


def _check_packets(data: bytes, source: str) -> None:
    """Refuse a file whose lengths do not lead from its header to its data table, or to its end."""
    if not data.startswith(_FIRST):
        raise DataError(f"{source}: expected {_FIRST!r} at byte 0, got {data[: len(_FIRST)]!r}")
    at = len(_FIRST)
    if len(data) < at + 4:
        raise DataError(f"{source}: truncated in its header, at {len(data):,} bytes; copy or fetch it again")
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    if at + length > len(data):
        raise DataError(
            f"{source}: truncated in its header, which needs {at + length:,} bytes of the {len(data):,} found; "
            "copy or fetch it again"
        )
    end = _table(data[at : at + length], source)
    at += length
    if end < 0:  # a recording that was never closed has no table
        end = len(data)
    if not at <= end <= len(data):
        raise DataError(
            f"{source}: truncated, its data table is at byte {end:,} of {len(data):,}; copy or fetch it again"
        )
    while at < end:
        if at + _PACKET.size > end:
            raise DataError(
                f"{source}: truncated in the packet header at byte {at:,}; copy or fetch it again"
            )
        stream, size = _PACKET.unpack_from(data, at)
        if stream < 0 or size < 0:
            raise DataError(
                f"{source}: corrupt packet at byte {at:,} (stream {stream}, {size} bytes); copy or fetch it again"
            )
        if at + _PACKET.size + size > end:
            raise DataError(
                f"{source}: truncated, the packet at byte {at:,} lacks {at + _PACKET.size + size - end:,} bytes; "
                "copy or fetch it again"
            )
        at += _PACKET.size + size


def _table(header: bytes, source: str) -> int:
    """Position of the data table: the second field, int64, of the FlatBuffers header; -1 without one."""
    try:
        (root,) = struct.unpack_from("<I", header, 0)
        fields = root - struct.unpack_from("<i", header, root)[0]
        (size,) = struct.unpack_from("<H", header, fields)
        offset = struct.unpack_from("<H", header, fields + 6)[0] if size >= 8 else 0
        return int(struct.unpack_from("<q", header, root + offset)[0]) if offset else -1
    except struct.error as error:
        raise DataError(f"{source}: corrupt header at byte 18; copy or fetch it again") from error
