"""Members of a ZIP or TAR archive, read into memory: nothing is ever unpacked to disk."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tegmentum.simcore.errors import DataError

#: what zipfile raises for an encrypted member, an unknown compression, a damaged or empty name, a damaged offset
_UNREADABLE = (RuntimeError, NotImplementedError, ValueError, IndexError, struct.error)


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Whatever the archive readers say of damage, as one DataError."""
    try:
        yield
    except DataError:
        raise
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        *_UNREADABLE,
    ) as error:
        raise DataError(f"{source}: damaged archive ({error}); delete it and fetch it again") from error


def zip_members(
    stream: BinaryIO, source: str, wanted: Callable[[str], object]
) -> Iterator[tuple[str, bytes]]:
    """Name and content of the ZIP members whose name is wanted, in the archive's order.

    Raises
    ------
    DataError
        If the archive is damaged.
    """
    with reading(source), zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and wanted(entry.filename):
                yield entry.filename, archive.read(entry)


def tar_members(
    stream: BinaryIO, source: str, wanted: Callable[[str], object]
) -> Iterator[tuple[str, bytes]]:
    """Name and content of the TAR members (gzip, bzip2, xz or none) whose name is wanted, in their order.

    Raises
    ------
    DataError
        If the archive is damaged.
    """
    with reading(source), tarfile.open(fileobj=stream, mode="r|*") as archive:
        for entry in archive:
            if entry.isfile() and wanted(entry.name):
                content = archive.extractfile(entry)
                if content is not None:
                    yield entry.name, content.read()


def one(members: dict[str, bytes], name: str, source: str) -> bytes:
    """Content of a member that has to be there.

    Raises
    ------
    DataError
        If it is not.
    """
    if name not in members:
        raise DataError(f"{source}: holds no {name}; is it another archive?")
    return members[name]
