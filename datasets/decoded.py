"""Pixels that were slow to decode, kept in the user's cache and verified whenever they are read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .locate import cache_dir


def cached(
    name: str, source_sha256: str, shape: tuple[int, int], decode: Callable[[], NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], str]:
    """Get decoded pixels and the SHA-256 of their bytes, from the cache or, failing that, decoded and put there.

    The file's name holds the checksum of what was decoded; a second file holds the checksum of the result. A
    cached array that is cut, changed or of another shape is decoded again. Both files appear whole or not at
    all; where they cannot be written nothing is cached.

    Parameters
    ----------
    name : str
        The data set's name.
    source_sha256 : str
        Checksum of the archive that is decoded.
    shape : tuple of int
    decode : callable
        Gives the uint8 array of that shape.
    """
    path = cache_dir() / "decoded" / f"{name}-{source_sha256[:16]}.npy"
    with suppress(OSError, ValueError, EOFError):
        values = np.load(path, allow_pickle=False)
        found = _sha256(values)
        if (values.dtype, values.shape) == (np.uint8, shape) and found == _beside(path).read_text():
            return values, found
    values = np.ascontiguousarray(decode())
    found = _sha256(values)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, lambda stream: np.save(stream, values))
        _write(_beside(path), lambda stream: stream.write(found.encode()))
    return values, found


def _beside(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _sha256(values: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Fill a new file and put it in the place of the old one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as stream:
        try:
            fill(stream.file)  # type: ignore[arg-type]
        except BaseException:
            os.unlink(stream.name)
            raise
    os.replace(stream.name, path)
