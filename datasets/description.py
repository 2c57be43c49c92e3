"""What is known of a data set without its files: its size, its licence, its checksums, where it is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataFile:
    """One published file.

    Parameters
    ----------
    name : str
        File name as published.
    n_bytes : int
        Size as published; 0 if no source known here states it.
    sha256 : str
        SHA-256 of the published file; a download must have it. Empty where only an MD5 is published.
    content_sha256 : str
        For a single gzip file: SHA-256 of the unpacked content; whatever is loaded must have it, packed in
        whichever way. Empty for an archive, which is verified as it is.
    md5 : str
        MD5 of the published file, where no SHA-256 is known. It tells a damaged file from a good one, but
        would not stop a forger.
    urls : tuple of str
        Full addresses of the file, tried before the data set's mirrors.
    """

    name: str
    n_bytes: int
    sha256: str = ""
    content_sha256: str = ""
    md5: str = ""
    urls: tuple[str, ...] = ()

    @property
    def unpacked_name(self) -> str:
        """File name without ``.gz``, if it is not an archive."""
        return self.name.removesuffix(".gz") if self.content_sha256 else self.name

    @property
    def published_hash(self) -> str:
        """Checksum of the published file, with the name of its algorithm: ``sha256:...`` or ``md5:...``."""
        return f"sha256:{self.sha256}" if self.sha256 else f"md5:{self.md5}"


@dataclass(frozen=True)
class DatasetInfo:
    """A data set's description, known without its files.

    Parameters
    ----------
    name, title : str
    shape : tuple of int
        Shape of one image; of an event camera: height, width, 2 polarities.
    x_max : int
        The integer that means intensity 1; 1 for events.
    class_names : tuple of str
        For ``hasyv2`` numbers, since the names come with the files.
    n_train, n_test : int
        Number of training and of test samples; 0 where only the files tell.
    licence, citation : str
    embedded : bool
        Whether the files are part of the package, so that nothing has to be fetched.
    files : tuple of DataFile
    mirrors : tuple of str
        Addresses that, followed by a file's name, serve that file; tried in this order.
    kind : {"images", "events"}
        What :func:`tegmentum.datasets.load` and :func:`tegmentum.datasets.load_events` read.
    folder : str
        Sub-folder of the files; the name with underscores if empty.
    homepage : str
        Where a person finds the files that have no address of their own.
    stand_in : tuple of DataFile
        Files that are read where ``files`` are absent.
    note : str
        What has to be said wherever results on this data set are.
    stand_in_note : str
        The same, for its stand-in.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    x_max: int
    class_names: tuple[str, ...]
    n_train: int
    n_test: int
    licence: str
    citation: str
    embedded: bool
    files: tuple[DataFile, ...]
    mirrors: tuple[str, ...] = ()
    kind: Literal["images", "events"] = "images"
    folder: str = ""
    homepage: str = ""
    stand_in: tuple[DataFile, ...] = ()
    note: str = ""
    stand_in_note: str = ""

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_bytes(self) -> int:
        """Size of all published files; 0 if one's is unknown."""
        return sum(file.n_bytes for file in self.files) if all(file.n_bytes for file in self.files) else 0

    @property
    def downloadable(self) -> bool:
        """Whether each file has an address to be fetched from."""
        return all(file.urls or self.mirrors for file in self.files)

    @property
    def folders(self) -> tuple[str, ...]:
        """Sub-folders that the files may lie in, in order; a download goes to the first."""
        return tuple(dict.fromkeys((self.folder or self.name.replace("-", "_"), self.name, ".")))
