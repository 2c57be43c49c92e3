"""PNG images without an image library: bit depths up to 8, not interlaced, each chunk's CRC held.

Source: W3C (2003), Portable Network Graphics (PNG) Specification, second edition, ISO/IEC 15948:2003.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_PAETH = 4
_N_VALUES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {_GREY: (1, 2, 4, 8), _RGB: (8,), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8,), _RGB_ALPHA: (8,)}


def grey(data: bytes, source: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Grey values of an image, 0 black to 255 white.

    A colour is ``(299 R + 587 G + 114 B + 500) // 1000`` (ITU-R BT.601); transparency is laid over white.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        What error messages call the file.
    shape : tuple of int
        Height and width that it must have.

    Raises
    ------
    DataError
        If it is no PNG, is damaged, has another shape, or is of a kind that is not read here.
    """
    chunks = _chunks(data, source)
    if len(chunks.get(b"IHDR", b"")) != 13:
        raise DataError(f"{source}: PNG without a header; fetch it again")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if depth not in _DEPTHS.get(colour, ()) or interlaced:
        raise DataError(
            f"{source}: PNG of colour type {colour}, {depth} bits{' (interlaced)' if interlaced else ''} is not "
            "supported"
        )
    if (height, width) != shape:
        raise DataError(f"{source}: image of shape {(height, width)} instead of {shape}")
    n_values = _N_VALUES[colour]
    n_row = (width * n_values * depth + 7) // 8
    rows = _unfilter(
        _inflate(chunks, height * (n_row + 1), source), height, n_row, max(1, n_values * depth // 8), source
    )
    values = _unpack(rows, depth)[:, : width * n_values].reshape(height, width, n_values)
    if colour == _PALETTE:
        return _luma(_look_up(values[..., 0], chunks, source))
    if colour in (_GREY_ALPHA, _RGB_ALPHA):
        alpha = values[..., -1:].astype(np.int64)
        values = ((values[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    elif depth < 8:
        values = values * np.uint8(255 // (2**depth - 1))
    return _luma(values)


def _chunks(data: bytes, source: str) -> dict[bytes, bytes]:
    """Content of each kind of chunk; pieces of one kind are joined."""
    if not data.startswith(_SIGNATURE):
        raise DataError(f"{source}: not a PNG, starts with 0x{data[:8].hex()}; fetch it again")
    found: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while b"IEND" not in found:
        kind = data[at + 4 : at + 8]
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if len(kind) < 4 or end + 4 > len(data):
            raise DataError(f"{source}: truncated PNG, ends after {len(data):,} bytes; fetch it again")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise DataError(f"{source}: corrupt PNG, wrong CRC of its chunk at byte {at}; fetch it again")
        found[kind] = found.get(kind, b"") + data[at + 8 : end]
        at = end + 4
    return found


def _inflate(chunks: dict[bytes, bytes], n_bytes: int, source: str) -> bytes:
    try:
        rows = zlib.decompressobj().decompress(chunks.get(b"IDAT", b""), n_bytes + 1)
    except zlib.error as error:
        raise DataError(f"{source}: corrupt PNG ({error}); fetch it again") from error
    if len(rows) != n_bytes:
        raise DataError(f"{source}: corrupt PNG, its pixels are not {n_bytes:,} bytes; fetch it again")
    return rows


def _unfilter(data: bytes, height: int, n_row: int, n_pixel: int, source: str) -> NDArray[np.uint8]:
    """Undo each row's filter: none, left, above, their average, or Paeth's predictor."""
    coded = np.frombuffer(data, dtype=np.uint8).reshape(height, n_row + 1)
    if coded[:, 0].max(initial=0) > _PAETH:
        raise DataError(f"{source}: corrupt PNG, a row's filter is {coded[:, 0].max()}; fetch it again")
    rows = np.zeros((height + 1, n_row), dtype=np.uint8)
    for k in range(height):
        method, above, row = coded[k, 0], rows[k], coded[k, 1:]
        if method == 1:
            row = row.reshape(-1, n_pixel).cumsum(axis=0, dtype=np.uint8).ravel()
        elif method == 2:
            row = row + above
        elif method > 2:
            row = _predicted(row, above, n_pixel, paeth=bool(method == _PAETH))
        rows[k + 1] = row
    return rows[1:]


def _predicted(
    row: NDArray[np.uint8], above: NDArray[np.uint8], n_pixel: int, paeth: bool
) -> NDArray[np.uint8]:
    values, up = row.tolist(), above.tolist()
    for j, b in enumerate(up):
        a, c = (values[j - n_pixel], up[j - n_pixel]) if j >= n_pixel else (0, 0)
        if paeth:
            guess = min((a, b, c), key=lambda value: abs(a + b - c - value))
        else:
            guess = (a + b) // 2
        values[j] = (values[j] + guess) & 0xFF
    return np.array(values, dtype=np.uint8)


def _unpack(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Values of ``depth`` bits, the first in a byte's highest bits."""
    if depth == 8:
        return rows
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    values = (rows[:, :, None] >> shifts) & np.uint8(2**depth - 1)
    return values.reshape(len(rows), -1)


def _look_up(index: NDArray[np.uint8], chunks: dict[bytes, bytes], source: str) -> NDArray[np.uint8]:
    palette = np.frombuffer(chunks.get(b"PLTE", b""), dtype=np.uint8)
    if len(palette) % 3 or index.max(initial=0) >= len(palette) // 3:
        raise DataError(f"{source}: corrupt PNG, its palette lacks a colour; fetch it again")
    return np.asarray(palette.reshape(-1, 3)[index])


def _luma(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if values.shape[-1] == 1:
        return np.ascontiguousarray(values[..., 0])
    red, green, blue = np.moveaxis(values.astype(np.int64), -1, 0)
    return np.asarray((299 * red + 587 * green + 114 * blue + 500) // 1000, dtype=np.uint8)
