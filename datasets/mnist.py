"""MNIST and Fashion-MNIST: four IDX files, found on disk or fetched from a mirror.

A file is looked for in ``data_dir`` if that is given; otherwise in the folder that the environment variable
``TEGMENTUM_DATA`` names, then in the user's cache (``TEGMENTUM_CACHE`` moves it). In such a folder it may lie
directly or in a sub-folder with the data set's name, as published (``.gz``) or unpacked.
"""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

from tegmentum.simcore.errors import DataError

from . import idx
from .catalogue import DataFile, DatasetInfo
from .dataset import Dataset
from .files import FileCheck, check, read_verified


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
        for folder in (place / info.name.replace("-", "_"), place / info.name, place):
            for name in (file.name, file.unpacked_name):
                if (folder / name).is_file():
                    return folder / name
    return None


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read and verify the four files.

    Raises
    ------
    DataError
        If a file is missing, or is not what was published.
    """
    if absent := [file.name for file in info.files if find(info, file, data_dir) is None]:
        raise DataError(
            f"{info.name}: {', '.join(absent)} not found in {' or '.join(map(str, places(data_dir)))}; fetch "
            f"with `tegmentum datasets get {info.name}`, or name the folder that holds the files with "
            "`--data-dir DIR` or the environment variable TEGMENTUM_DATA"
        )
    train_images, train_labels, test_images, test_labels = info.files
    return Dataset(
        name=info.name,
        x_train=idx.images(*_read(info, train_images, data_dir), info.shape),
        y_train=idx.labels(*_read(info, train_labels, data_dir), info.n_classes),
        x_test=idx.images(*_read(info, test_images, data_dir), info.shape),
        y_test=idx.labels(*_read(info, test_labels, data_dir), info.n_classes),
        x_max=info.x_max,
        shape=info.shape,
        class_names=info.class_names,
        licence=info.licence,
        citation=info.citation,
        checksums={file.unpacked_name: file.content_sha256 for file in info.files},
    )


def _read(info: DatasetInfo, file: DataFile, data_dir: Path | None) -> tuple[bytes, str]:
    path = find(info, file, data_dir)
    if path is None:  # deleted since it was looked for
        raise DataError(f"{info.name}: {file.name} has just disappeared; fetch it again")
    return read_verified(path, file), str(path)


def verify(info: DatasetInfo, data_dir: Path | None = None) -> list[FileCheck]:
    """Verify each file that :func:`load` would read."""
    return [_verify(info, file, data_dir) for file in info.files]


def _verify(info: DatasetInfo, file: DataFile, data_dir: Path | None) -> FileCheck:
    path = find(info, file, data_dir)
    if path is None:
        return FileCheck(file.name, None, False, f"not found in {' or '.join(map(str, places(data_dir)))}")
    return check(path, file)


def download(info: DatasetInfo, data_dir: Path | None = None) -> list[Path]:
    """Fetch the files that are not there, or not intact, and return where all of them are.

    They go to the data set's sub-folder of ``data_dir`` or, without it, of the user's cache.

    Raises
    ------
    DataError
        If pooch is not installed, or no mirror gives a file with the published checksum.
    """
    folder = (cache_dir() if data_dir is None else Path(data_dir).expanduser()) / info.name.replace("-", "_")
    checks = verify(info, data_dir)
    return [
        found.path if found.ok and found.path is not None else _fetch(info, file, folder)
        for file, found in zip(info.files, checks, strict=True)
    ]


def _fetch(info: DatasetInfo, file: DataFile, folder: Path) -> Path:
    """Fetch one file from the first mirror that has it."""
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DataError(
            f"{info.name}: downloading needs pooch, which is not installed; run "
            '`pip install "tegmentum[data]"`, or fetch the files by hand and name their folder with '
            "`--data-dir DIR` or the environment variable TEGMENTUM_DATA"
        ) from error
    tried = []
    for mirror in info.mirrors:
        url = mirror + file.name
        try:
            return Path(pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder))
        except (OSError, ValueError) as error:  # no connection, HTTP status, full disk; wrong checksum
            tried.append(f"{url} ({type(error).__name__}: {textwrap.shorten(str(error), 160)})")
    raise DataError(
        f"{info.name}: no mirror gave {file.name}; tried {'; '.join(tried)}. Check the connection, or fetch "
        "the files elsewhere and name their folder with `--data-dir DIR` or the environment variable "
        "TEGMENTUM_DATA"
    )
