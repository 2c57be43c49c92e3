"""The IDX format of MNIST and its relatives: a big-endian header, then the values of one array.

=============  ==============================================================
bytes          content
=============  ==============================================================
0, 1           zero
2              type of the values; 0x08, unsigned byte, is the only one here
3              number of dimensions, ``ndim``
4 .. 4 ndim+3  the dimensions, uint32
then           the values, last dimension fastest
=============  ==============================================================

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

_UBYTE = 0x08


def parse(data: bytes, source: str, ndim: int) -> NDArray[np.uint8]:
    """Values of an IDX file.

    Parameters
    ----------
    data : bytes
        The unpacked file.
    source : str
        What error messages call the file.
    ndim : int
        Number of dimensions it must have: 1 for labels, 3 for images.

    Raises
    ------
    DataError
        If the magic number, the number of dimensions or the length is wrong.
    """
    n_header = 4 + 4 * ndim
    if data[:3] != bytes((0, 0, _UBYTE)):
        raise DataError(
            f"{source}: not an IDX file of unsigned bytes, starts with 0x{data[:4].hex()} instead of "
            f"0x000008{ndim:02x}; fetch it again"
        )
    if data[3:4] != bytes((ndim,)):
        found = data[3] if len(data) > 3 else "no"
        raise DataError(
            f"{source}: has {found} dimensions instead of {ndim}; are image and label files swapped?"
        )
    if len(data) < n_header:
        raise DataError(f"{source}: truncated in its header, at {len(data)} bytes; fetch it again")
    shape = struct.unpack(f">{ndim}I", data[4:n_header])
    if 0 in shape:
        raise DataError(f"{source}: corrupt header, shape {shape} holds nothing; fetch it again")
    missing = n_header + math.prod(shape) - len(data)
    if missing > 0:
        raise DataError(
            f"{source}: truncated, shape {shape} needs {missing:,} more bytes than the {len(data):,} found; "
            "fetch it again"
        )
    if missing < 0:
        raise DataError(
            f"{source}: {-missing:,} trailing bytes after the values of shape {shape}; fetch it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=n_header).reshape(shape).copy()


def images(data: bytes, source: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Images of an IDX file, flattened: uint8, shape (n, features).

    Raises
    ------
    DataError
        If :func:`parse` fails or one image's shape is not ``shape``.
    """
    values = parse(data, source, ndim=1 + len(shape))
    if values.shape[1:] != shape:
        raise DataError(
            f"{source}: holds images of shape {values.shape[1:]} instead of {shape}; "
            "is it another data set's?"
        )
    return values.reshape(len(values), math.prod(shape))


def labels(data: bytes, source: str, n_classes: int) -> NDArray[np.int64]:
    """Labels of an IDX file: int64, shape (n,).

    Raises
    ------
    DataError
        If :func:`parse` fails or a label is ``n_classes`` or more.
    """
    values = parse(data, source, ndim=1)
    wrong = np.flatnonzero(values >= n_classes)
    if len(wrong):
        raise DataError(
            f"{source}: label {values[wrong[0]]} at position {wrong[0]} is out of range, there are "
            f"{n_classes} classes (0 to {n_classes - 1}); is it another data set's?"
        )
    return values.astype(np.int64)
