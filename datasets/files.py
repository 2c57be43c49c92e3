"""Reading one file: unpack it, hold it against its checksum, and say what is wrong with it."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import NamedTuple

from tegmentum.simcore.errors import DataError

from .catalogue import DataFile

_GZIP_MAGIC = b"\x1f\x8b"


class FileCheck(NamedTuple):
    """The outcome of verifying one file; ``path`` is None where the file was not found."""

    file: str
    path: Path | None
    ok: bool
    detail: str


def unpack(path: Path) -> bytes:
    """Content of a file, decompressed if it is gzip (told by its first bytes, not by its name).

    Raises
    ------
    DataError
        If the file is missing, unreadable, empty, a truncated gzip or a corrupt gzip.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path, or fetch the file again") from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from error
    if not data:
        raise DataError(f"{path}: empty (0 bytes); delete it and fetch it again")
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise DataError(
            f"{path}: truncated gzip, ends after {len(data):,} bytes; delete it and fetch it again"
        ) from error
    except (OSError, zlib.error) as error:
        raise DataError(f"{path}: corrupt gzip ({error}); delete it and fetch it again") from error


def read_verified(path: Path, file: DataFile) -> bytes:
    """Content of a file, which must have the published SHA-256.

    The content is verified, not its wrapping: a file that was unpacked, or packed again, is good.

    Raises
    ------
    DataError
        If :func:`unpack` fails, or if the content is not what was published.
    """
    data = unpack(path)
    found = hashlib.sha256(data).hexdigest()
    if found != file.content_sha256:
        raise DataError(
            f"{path}: the content's SHA-256 is not that of {file.unpacked_name}: expected "
            f"{file.content_sha256}, found {found} ({len(data):,} bytes); move the file and fetch it again"
        )
    return data


def check(path: Path, file: DataFile) -> FileCheck:
    """Verify one file and report, instead of raising, what is wrong with it."""
    try:
        read_verified(path, file)
    except DataError as error:
        return FileCheck(file.name, path, False, str(error))
    return FileCheck(file.name, path, True, "SHA-256 matches")
