"""Labelled images, spoken digits and recordings of event cameras, verified, and their encoding into input spikes.

``digits`` is part of the package; everything else is read from files, which :func:`download` (``tegmentum
datasets get``) fetches. :func:`load` reads images, :func:`load_events` recordings, and
:func:`read_events` a user's own file of an event camera.
:mod:`tegmentum.simcore.encode` turns images into events; ``Recordings.to_windows`` bins recordings.
"""

from __future__ import annotations

from pathlib import Path

from tegmentum.simcore.encode import Events
from tegmentum.simcore.errors import DescriptionError

from . import cifar10, digits, emnist, fsdd, gesture, hasy, locate, mnist, nmnist, omniglot
from .catalogue import CATALOGUE, info
from .cochlea import Cochlea
from .dataset import Dataset
from .description import DataFile, DatasetInfo
from .event_files import EventFile, read_events
from .files import FileCheck
from .fsdd import SpokenDigits
from .nettalk import Nettalk, load_nettalk
from .recordings import EventDataset, EventTable, Recordings
from .tidigits import load_tidigits

__all__ = [
    "Cochlea",
    "DataFile",
    "Dataset",
    "DatasetInfo",
    "EventDataset",
    "EventFile",
    "EventTable",
    "Events",
    "FileCheck",
    "Nettalk",
    "Recordings",
    "SpokenDigits",
    "available",
    "download",
    "info",
    "load",
    "load_events",
    "load_fsdd",
    "load_nettalk",
    "load_tidigits",
    "names",
    "read_events",
    "verify",
]

_IMAGES = {
    "mnist": mnist.load,
    "fashion-mnist": mnist.load,
    "letters": omniglot.load,
    "emnist-letters": emnist.load,
    "symbols": omniglot.load,
    "hasyv2": hasy.load,
    "cifar10": cifar10.load,
    **{name: fsdd.load for name in CATALOGUE if name.startswith("fsdd")},
}
_EVENTS = {
    "nmnist": nmnist.load,
    "nmnist-full": nmnist.load_full,
    "dvs128-gesture": gesture.load,
    "dvs128-gesture-cut": gesture.load_cut,
}


def names() -> list[str]:
    """Names of the data sets."""
    return list(CATALOGUE)


def load(name: str, data_dir: Path | str | None = None, download: bool = False) -> Dataset:
    """Read a data set of images; every file's content is verified.

    Parameters
    ----------
    name : str
        One of :func:`names`, of the kind ``"images"``.
    data_dir : path, optional
        The only folder to look into. Without it: the folder that the environment variable ``TEGMENTUM_DATA``
        names, then the user's cache. An embedded data set needs none of them.
    download : bool
        Fetch files that are absent; otherwise nothing is ever fetched.

    Raises
    ------
    DescriptionError
        If the name is unknown, or that of a data set of events.
    DataError
        If a file is absent, damaged or not what was published.
    """
    entry, folder = info(name), _path(data_dir)
    if entry.kind != "images":
        raise DescriptionError(
            f"data set {entry.name!r} holds events, not images; read it with load_events()"
        )
    if entry.embedded:
        return digits.load()
    if download and not available(name, folder):
        locate.download(entry, folder)
    return _IMAGES[entry.name](entry, folder)


def load_events(name: str, data_dir: Path | str | None = None, download: bool = False) -> EventDataset:
    """Read a data set of recordings; parameters and errors are those of :func:`load`."""
    entry, folder = info(name), _path(data_dir)
    if entry.kind != "events":
        raise DescriptionError(f"data set {entry.name!r} holds images, not events; read it with load()")
    if download and not available(name, folder):
        locate.download(entry, folder)
    return _EVENTS[entry.name](entry, folder)


def load_fsdd(data_dir: Path | str | None = None) -> SpokenDigits:
    """Read the sounds of the Free Spoken Digit Dataset; see :mod:`tegmentum.datasets.fsdd`."""
    return fsdd.read(info("fsdd"), _path(data_dir))


def available(name: str, data_dir: Path | str | None = None) -> bool:
    """Whether all files are there, or those of the data set's stand-in; they are not opened."""
    entry = info(name)
    return entry.embedded or locate.available(entry, _path(data_dir))


def verify(name: str, data_dir: Path | str | None = None) -> list[FileCheck]:
    """Verify each file that would be read: ``(file, path, ok, detail)``, with path None where it is absent."""
    entry = info(name)
    return digits.verify() if entry.embedded else locate.verify(entry, _path(data_dir))


def download(name: str, data_dir: Path | str | None = None) -> list[Path]:
    """Fetch the files that are absent or damaged, and return the paths of all of them.

    They go to the data set's sub-folder of ``data_dir`` or, without it, of the user's cache. An embedded data
    set has nothing to fetch.

    Raises
    ------
    DescriptionError
        If the name is unknown.
    DataError
        If a file has no address, pooch is not installed, or no mirror gives a file with the published checksum.
    """
    entry = info(name)
    return [] if entry.embedded else locate.download(entry, _path(data_dir))


def _path(data_dir: Path | str | None) -> Path | None:
    return None if data_dir is None else Path(data_dir)
