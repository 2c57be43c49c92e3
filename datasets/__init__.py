"""Labelled images, verified by checksum, and their encoding into input spikes.

``digits`` is part of the package; ``mnist`` and ``fashion-mnist`` are read from files, which :func:`download`
(``tegmentum datasets get``) fetches. :mod:`tegmentum.datasets.encode` turns images into events.
"""

from __future__ import annotations

from pathlib import Path

from . import digits, mnist
from .catalogue import CATALOGUE, DataFile, DatasetInfo, info
from .dataset import Dataset
from .encode import Events
from .files import FileCheck

__all__ = [
    "DataFile",
    "Dataset",
    "DatasetInfo",
    "Events",
    "FileCheck",
    "available",
    "download",
    "info",
    "load",
    "names",
    "verify",
]


def names() -> list[str]:
    """Names of the data sets."""
    return list(CATALOGUE)


def load(name: str, data_dir: Path | str | None = None, download: bool = False) -> Dataset:
    """Read a data set; every file's content is verified.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    data_dir : path, optional
        The only folder to look into. Without it: the folder that the environment variable ``TEGMENTUM_DATA``
        names, then the user's cache. An embedded data set needs none of them.
    download : bool
        Fetch files that are absent; otherwise nothing is ever fetched.

    Raises
    ------
    DescriptionError
        If the name is unknown.
    DataError
        If a file is absent, damaged or not what was published.
    """
    entry, folder = info(name), _path(data_dir)
    if entry.embedded:
        return digits.load()
    if download and not available(name, folder):
        mnist.download(entry, folder)
    return mnist.load(entry, folder)


def available(name: str, data_dir: Path | str | None = None) -> bool:
    """Whether all files are there; they are not opened."""
    entry = info(name)
    return entry.embedded or all(mnist.find(entry, file, _path(data_dir)) for file in entry.files)


def verify(name: str, data_dir: Path | str | None = None) -> list[FileCheck]:
    """Verify each file: ``(file, path, ok, detail)``, with path None where it is absent."""
    entry = info(name)
    return digits.verify() if entry.embedded else mnist.verify(entry, _path(data_dir))


def download(name: str, data_dir: Path | str | None = None) -> list[Path]:
    """Fetch the files that are absent or damaged, and return the paths of all of them.

    They go to the data set's sub-folder of ``data_dir`` or, without it, of the user's cache. An embedded data
    set has nothing to fetch.

    Raises
    ------
    DescriptionError
        If the name is unknown.
    DataError
        If pooch is not installed, or no mirror gives a file with the published checksum.
    """
    entry = info(name)
    return [] if entry.embedded else mnist.download(entry, _path(data_dir))


def _path(data_dir: Path | str | None) -> Path | None:
    return None if data_dir is None else Path(data_dir)
