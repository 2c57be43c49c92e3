"""EMNIST letters: four IDX files in one archive, whose images lie on their side.

EMNIST stores an image column by column, MNIST row by row: it is transposed here, so that letters stand upright.
Labels are 1 to 26 in the files, 0 to 25 here; a class holds a letter's upper and lower case.

Source: G. Cohen, S. Afshar, J. Tapson, A. van Schaik (2017), EMNIST: extending MNIST to handwritten letters,
Proc. IJCNN 2017:2921-2926, doi:10.1109/IJCNN.2017.7966217.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from . import idx, locate
from .archives import one, zip_members
from .dataset import Dataset
from .description import DatasetInfo
from .files import gunzip, open_verified

_MEMBER = "gzip/emnist-letters-{part}-{what}-ubyte.gz"


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read and verify the archive.

    Raises
    ------
    DataError
        If the archive is missing, or is not what was published.
    """
    ((file, path),) = locate.paths(info, data_dir)
    prefix = _MEMBER.partition("{")[0]
    with open_verified(path, file) as archive:
        members = dict(zip_members(archive.stream, archive.source, lambda name: name.startswith(prefix)))
    x_train, y_train = _part(members, "train", info, archive.source)
    x_test, y_test = _part(members, "test", info, archive.source)
    return Dataset.of(
        info,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        checksums={file.name: archive.sha256},
    )


def _part(
    members: dict[str, bytes], part: str, info: DatasetInfo, source: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = (
        _MEMBER.format(part=part, what="images-idx3"),
        _MEMBER.format(part=part, what="labels-idx1"),
    )
    x = idx.images(*_unpacked(members, images, source), info.shape)
    y = idx.labels(*_unpacked(members, labels, source), info.n_classes + 1) - 1
    if len(y) and y.min() < 0:
        raise DataError(f"{source}: {labels}: label 0 at position {y.argmin()}; letters are from 1")
    upright = x.reshape(-1, *info.shape).transpose(0, 2, 1)
    return np.ascontiguousarray(upright).reshape(x.shape), y


def _unpacked(members: dict[str, bytes], name: str, source: str) -> tuple[bytes, str]:
    where = f"{source}: {name}"
    return gunzip(one(members, name, source), where), where
