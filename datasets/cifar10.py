"""CIFAR-10: the official binary version or, where that is absent, JPEG copies of all its images.

A pixel's features are its red, green and blue values, pixels row by row: shape (32, 32, 3), flattened.

The official archive holds records of a label and 3,072 values. It is read in its order. (Its Python version is
pickled, so that reading it could run whatever it holds; it is not read here.)

The JPEG copies (``train/airplane/0000.jpg``) are lossy, and have lost the order across classes: they are read
by number, then by class. Decoding them needs Pillow and takes a while, so the pixels are kept in the user's
cache, with their checksum.

Source: A. Krizhevsky (2009), Learning multiple layers of features from tiny images, technical report,
University of Toronto.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError
from tegmentum.simcore.installed import install_line

from . import locate
from .archives import one, reading, tar_members
from .dataset import Dataset
from .decoded import cached
from .description import DatasetInfo
from .files import Verified, open_verified

_TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6))
_TEST = ("cifar-10-batches-bin/test_batch.bin",)
_JPEG = re.compile(r"(?P<part>train|test)/(?P<name>[^/]+)/(?P<number>\d+)\.jpg")


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read and verify the official archive or, where it is absent, the JPEG copies.

    Raises
    ------
    DataError
        If both are missing, one is not what was published, or Pillow is needed and not installed.
    """
    ((file, path),) = locate.paths(info, data_dir)
    with open_verified(path, file) as archive:
        if file in info.stand_in:
            return _load_jpeg(replace(info, note=info.stand_in_note), archive, file.name)
        found = tar_members(archive.stream, archive.source, {*_TRAIN, *_TEST}.__contains__)
        members = dict(found)
    x_train, y_train = _records(members, _TRAIN, info, archive.source)
    x_test, y_test = _records(members, _TEST, info, archive.source)
    return Dataset.of(
        info,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        checksums={file.name: archive.sha256},
    )


def _records(
    members: dict[str, bytes], names: Iterable[str], info: DatasetInfo, source: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    parts = [records(one(members, name, source), f"{source}: {name}", info) for name in names]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def records(data: bytes, source: str, info: DatasetInfo) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Features and labels of one binary file: a byte for the label, then red, green and blue planes.

    Raises
    ------
    DataError
        If the file is cut within a record, or a label names no class.
    """
    height, width, n_colours = info.shape
    n_record = 1 + height * width * n_colours
    if not data or len(data) % n_record:
        raise DataError(
            f"{source}: truncated, {len(data):,} bytes are no multiple of a record's {n_record:,}; fetch it again"
        )
    table = np.frombuffer(data, dtype=np.uint8).reshape(-1, n_record)
    y = table[:, 0].astype(np.int64)
    if y.max() >= info.n_classes:
        raise DataError(f"{source}: label {y.max()} is out of range, there are {info.n_classes} classes")
    planes = table[:, 1:].reshape(-1, n_colours, height, width)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)).reshape(len(y), -1), y


def _load_jpeg(info: DatasetInfo, archive: Verified, name: str) -> Dataset:
    with reading(archive.source), zipfile.ZipFile(archive.stream) as members:
        train = ordered(members.namelist(), "train", info.class_names, archive.source)
        test = ordered(members.namelist(), "test", info.class_names, archive.source)
        names = [member for member, _ in [*train, *test]]
        pixels, pixels_sha256 = cached(
            info.name,
            archive.sha256,
            (len(names), int(np.prod(info.shape))),
            lambda: decode(
                ((member, members.read(member)) for member in names), len(names), info.shape, archive.source
            ),
        )
    return Dataset.of(
        info,
        x_train=pixels[: len(train)],
        y_train=np.array([c for _, c in train], dtype=np.int64),
        x_test=pixels[len(train) :],
        y_test=np.array([c for _, c in test], dtype=np.int64),
        checksums={name: archive.sha256, "decoded pixels": pixels_sha256},
    )


def ordered(
    names: Iterable[str], part: str, class_names: tuple[str, ...], source: str
) -> list[tuple[str, int]]:
    """JPEG members of a part and their classes, by number, then by class.

    Raises
    ------
    DataError
        If a class has no images, or a folder names no class.
    """
    found = []
    for name in names:
        if (match := _JPEG.fullmatch(name)) and match["part"] == part:
            if match["name"] not in class_names:
                raise DataError(f"{source}: {name} names no class; there are {', '.join(class_names)}")
            found.append((int(match["number"]), class_names.index(match["name"]), name))
    if empty := [class_names[c] for c in {*range(len(class_names))} - {c for _, c, _ in found}]:
        raise DataError(f"{source}: holds no {part} images of {', '.join(empty)}")
    return [(name, c) for _, c, name in sorted(found)]


def decode(
    members: Iterable[tuple[str, bytes]], n_images: int, shape: tuple[int, ...], source: str
) -> NDArray[np.uint8]:
    """Pixels of JPEG images: uint8, shape (n_images, features).

    Raises
    ------
    DataError
        If Pillow is not installed, or an image is damaged or of another shape.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise DataError(
            f"{source}: decoding JPEG needs Pillow, which is not installed; run "
            f"`{install_line('images')}`, or fetch the official archive with `tegmentum datasets get cifar10`"
        ) from error
    pixels = np.empty((n_images, *shape), dtype=np.uint8)
    for row, (name, content) in enumerate(members):
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
                found = (image.height, image.width, 3)
                values = np.asarray(image.convert("RGB")) if found == shape else None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
            raise DataError(f"{source}: {name}: damaged JPEG ({error}); fetch it again") from error
        if values is None:
            raise DataError(f"{source}: {name}: image of shape {found} instead of {shape}")
        pixels[row] = values
    return pixels.reshape(n_images, -1)
