"""Reading one file: unpack it, hold it against its checksum, and say what is wrong with it."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tegmentum.simcore.errors import DataError

from .description import DataFile

_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 2**20


class FileCheck(NamedTuple):
    """The outcome of verifying one file; ``path`` is None where the file was not found."""

    file: str
    path: Path | None
    ok: bool
    detail: str


class Verified(NamedTuple):
    """An open file whose bytes have the published checksum."""

    stream: BinaryIO
    sha256: str
    source: str


def unpack(path: Path) -> bytes:
    """Content of a file, decompressed if it is gzip (told by its first bytes, not by its name).

    Raises
    ------
    DataError
        If the file is missing, unreadable, empty, a truncated gzip or a corrupt gzip.
    """
    with _open(path) as stream:
        return gunzip(stream.read(), str(path))


def gunzip(data: bytes, source: str) -> bytes:
    """Bytes, decompressed if they are gzip.

    Raises
    ------
    DataError
        If there are none, or if they are a truncated or corrupt gzip.
    """
    if not data:
        raise DataError(f"{source}: empty (0 bytes); delete it and fetch it again")
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise DataError(
            f"{source}: truncated gzip, ends after {len(data):,} bytes; delete it and fetch it again"
        ) from error
    except (OSError, zlib.error) as error:
        raise DataError(f"{source}: corrupt gzip ({error}); delete it and fetch it again") from error


def read_verified(path: Path, file: DataFile) -> bytes:
    """Content of a gzip file, which must have the published SHA-256.

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


@contextmanager
def open_verified(path: Path, file: DataFile) -> Iterator[Verified]:
    """Open an archive, whose bytes must have the published checksum, at its start.

    Raises
    ------
    DataError
        If the file is missing, unreadable, empty or not what was published.
    """
    with _open(path) as stream:
        digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
        while block := stream.read(_BLOCK):
            for digest in digests.values():
                digest.update(block)
        n_bytes = stream.tell()
        if not n_bytes:
            raise DataError(f"{path}: empty (0 bytes); delete it and fetch it again")
        algorithm, expected = file.published_hash.split(":")
        found = digests[algorithm].hexdigest()
        if found != expected:
            title = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
            raise DataError(
                f"{path}: the file's {title} is not that of {file.name}: expected {expected}, found {found} "
                f"({n_bytes:,} bytes); move the file and fetch it again"
            )
        stream.seek(0)
        yield Verified(stream, digests["sha256"].hexdigest(), str(path))


def check(path: Path, file: DataFile) -> FileCheck:
    """Verify one file and report, instead of raising, what is wrong with it."""
    try:
        if file.content_sha256:
            read_verified(path, file)
            return FileCheck(file.name, path, True, "SHA-256 matches")
        with open_verified(path, file):
            return FileCheck(file.name, path, True, f"{'SHA-256' if file.sha256 else 'MD5'} matches")
    except DataError as error:
        return FileCheck(file.name, path, False, str(error))


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path, or fetch the file again") from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from error
