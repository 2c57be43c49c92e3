"""Where a data set's files are: found on disk, or fetched from where they are published.

A file is looked for in ``data_dir`` if that is given; otherwise in the folder that the environment variable
``TEGMENTUM_DATA`` names, then in the user's cache (``TEGMENTUM_CACHE`` moves it). In such a folder it may lie
directly or in a sub-folder with the data set's name; a single file as published (``.gz``) or unpacked.

A data set with a stand-in reads it only where its own files are absent.
"""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

from tegmentum.simcore.errors import DataError
from tegmentum.simcore.installed import install_line

from .description import DataFile, DatasetInfo
from .files import FileCheck, check


def cache_dir() -> Path:
    """Folder of downloaded files: ``TEGMENTUM_CACHE``, or where the platform keeps a user's caches."""
    if override := os.environ.get("TEGMENTUM_CACHE"):
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tegmentum"


def places(data_dir: Path | None = None) -> list[Path]:
    """Folders to look into, in order."""
    if data_dir is not None:
        return [Path(data_dir).expanduser()]
    shared = os.environ.get("TEGMENTUM_DATA")
    return [*([Path(shared).expanduser()] if shared else []), cache_dir()]


def find(info: DatasetInfo, file: DataFile, data_dir: Path | None = None) -> Path | None:
    """Path of the first copy of a file, verified by nobody yet, or None."""
    for place in places(data_dir):
        for folder in info.folders:
            for name in (file.name, file.unpacked_name):
                if (place / folder / name).is_file():
                    return place / folder / name
    return None


def chosen(info: DatasetInfo, data_dir: Path | None = None) -> tuple[DataFile, ...]:
    """Files that are read: the data set's own, or its stand-in where those are absent and it is not."""
    if info.stand_in and not _there(info, info.files, data_dir) and _there(info, info.stand_in, data_dir):
        return info.stand_in
    return info.files


def available(info: DatasetInfo, data_dir: Path | None = None) -> bool:
    """Whether all files are there; they are not opened."""
    return _there(info, chosen(info, data_dir), data_dir)


def _there(info: DatasetInfo, files: tuple[DataFile, ...], data_dir: Path | None) -> bool:
    return all(find(info, file, data_dir) is not None for file in files)


def paths(info: DatasetInfo, data_dir: Path | None = None) -> list[tuple[DataFile, Path]]:
    """Each file that is read, and where it is.

    Raises
    ------
    DataError
        If a file is absent; the message says how to get it.
    """
    found = [(file, find(info, file, data_dir)) for file in chosen(info, data_dir)]
    if absent := [file.name for file, path in found if path is None]:
        how = f"fetch with `tegmentum datasets get {info.name}`, or" if info.downloadable else _by_hand(info)
        raise DataError(
            f"{info.name}: {', '.join(absent)} not found in {' or '.join(map(str, places(data_dir)))}; {how} "
            "name the folder that holds the files with `--data-dir DIR` or the environment variable "
            "TEGMENTUM_DATA"
        )
    return [(file, path) for file, path in found if path is not None]


def _by_hand(info: DatasetInfo) -> str:
    return f"fetch by hand from {info.homepage} and"


def verify(info: DatasetInfo, data_dir: Path | None = None) -> list[FileCheck]:
    """Verify each file that would be read."""
    return [_verify(info, file, data_dir) for file in chosen(info, data_dir)]


def _verify(info: DatasetInfo, file: DataFile, data_dir: Path | None) -> FileCheck:
    path = find(info, file, data_dir)
    if path is None:
        return FileCheck(file.name, None, False, f"not found in {' or '.join(map(str, places(data_dir)))}")
    return check(path, file)


def download(info: DatasetInfo, data_dir: Path | None = None) -> list[Path]:
    """Fetch the data set's own files that are not there, or not intact, and return where all of them are.

    They go to the data set's sub-folder of ``data_dir`` or, without it, of the user's cache.

    Raises
    ------
    DataError
        If a file has no address, pooch is not installed, or no mirror gives a file with the published checksum.
    """
    folder = (cache_dir() if data_dir is None else Path(data_dir).expanduser()) / info.folders[0]
    checks = [_verify(info, file, data_dir) for file in info.files]
    return [
        found.path if found.ok and found.path is not None else _fetch(info, file, folder)
        for file, found in zip(info.files, checks, strict=True)
    ]


def _fetch(info: DatasetInfo, file: DataFile, folder: Path) -> Path:
    """Fetch one file from the first address that has it."""
    addresses = [*file.urls, *(mirror + file.name for mirror in info.mirrors)]
    if not addresses:
        raise DataError(
            f"{info.name}: {file.name} has no address to fetch it from; {_by_hand(info)} name its folder with "
            "`--data-dir DIR` or the environment variable TEGMENTUM_DATA"
        )
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DataError(
            f"{info.name}: downloading needs pooch, which is not installed; run "
            f"`{install_line('data')}`, or fetch the files by hand and name their folder with "
            "`--data-dir DIR` or the environment variable TEGMENTUM_DATA"
        ) from error
    tried = []
    for url in addresses:
        try:
            return Path(pooch.retrieve(url, file.published_hash, fname=file.name, path=folder))
        except (OSError, ValueError) as error:  # no connection, HTTP status, full disk; wrong checksum
            tried.append(f"{url} ({type(error).__name__}: {textwrap.shorten(str(error), 160)})")
    raise DataError(
        f"{info.name}: no mirror gave {file.name}; tried {'; '.join(tried)}. Check the connection, or fetch "
        "the files elsewhere and name their folder with `--data-dir DIR` or the environment variable "
        "TEGMENTUM_DATA"
    )
